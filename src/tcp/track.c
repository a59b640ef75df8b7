/* SPDX-License-Identifier: BSD-3-Clause */

/* One segment through its flow: the order in which the rules run. */

#include <string.h>

#include "packed.h"

/* True if the SYN starts a new connection on the ports of flow (spec section 2, rule 2). */
static bool takes_over(const struct flow *flow, const struct segment *segment)
{
	const struct tcp_packed *p = packed_at(flow);
	const bool from_high = (segment->bits & SEGMENT_SWAPPED) != 0;
	uint32_t bits, base;

	if ((segment->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return false;
	bits = p->side[from_high].bits;
	base = p->more[from_high].base;
	if (p->bits == PACKED_BESIDE) {
		bits = p->flow->side[from_high].bits;
		base = p->flow->side[from_high].base;
	}
	return (bits & TCP_BASE_KNOWN) != 0 && base != segment->seq;
}

void track_begin(struct tcp_flow *flow, const struct segment *segment,
		 const struct tcp_arrival *arrival)
{
	const bool from_high = (segment->bits & SEGMENT_SWAPPED) != 0;
	const bool reused = !arrival->created;
	const uint8_t syn_ack = segment->tcp_flags & (TCP_SYN | TCP_ACK);
	/* A SYN+ACK comes from the side that was called (definitions 3.1). */
	const bool orig_high = from_high != (syn_ack == (TCP_SYN | TCP_ACK));

	memset(flow, 0, sizeof(*flow));
	for (int i = 0; i < 2; i++) {
		flow->side[i].win = UINT32_MAX;
		flow->side[i].shift = -1;
		flow->side[i].ttl_min = UINT8_MAX;
		flow->side[i].last_data_ts_ns = INT64_MIN;
	}
	flow->flow = arrival->flow;
	flow->bits = (orig_high ? TCP_FLOW_ORIG_HIGH : 0) | (reused ? TCP_FLOW_REUSED_PORTS : 0) |
		     (segment->tcp_flags & TCP_SYN ? 0 : TCP_FLOW_MIDSTREAM);
	flow->completeness = reused; /* the SYN that took the ports over */
	flow->first_ts_ns = segment->ts_ns;
	flow->min_ts_ns = segment->ts_ns;
	flow->max_ts_ns = segment->ts_ns;
	flow->input = arrival->input;
	flow->vlan = segment->vlan;
	flow->tunnel = segment->tunnel;
}

struct tcp_arrival tcp_flow_find(struct flow_table *table, const struct segment *segment,
				 uint64_t frame, uint32_t input, struct flow *guess)
{
	struct tcp_arrival arrival = {.frame = frame, .input = input};

	arrival.flow = flow_table_lookup(table, segment, frame, guess, &arrival.created);
	arrival.is_fresh = arrival.flow != NULL && arrival.created;
	if (arrival.flow != NULL && !arrival.created && takes_over(arrival.flow, segment)) {
		arrival.flow = flow_table_replace(table, arrival.flow, segment, frame);
		arrival.is_fresh = arrival.flow != NULL;
	}
	return arrival;
}

void tcp_flow_reclass(struct flow_table *table, struct flow *flow, uint8_t class)
{
	flow->class = class;
	flow_table_reclass(table, flow);
}

/* What is counted of every segment, whatever it means. */
void track_count_packet(struct step *s)
{
	const struct segment *segment = s->segment;
	struct tcp_flow *flow = s->flow;
	struct tcp_side *f = s->f;

	count(&f->pkts);
	f->ip_bytes += segment->ip_len;
	f->psh += step_is(s, TCP_PSH) && f->psh != UINT32_MAX;
	for (uint32_t flags = segment->tcp_flags & ~(TCP_PSH | TCP_ACK); flags != 0;
	     flags &= flags - 1) {
		const int i = __builtin_ctz(flags);

		count(&f->flags[i < 3 ? i : i - 2]);
	}
	if (segment->payload_len > 0)
		count(&f->data_pkts);
	else if ((segment->tcp_flags & (TCP_ACK | TCP_SYN | TCP_FIN | TCP_RST)) != TCP_ACK)
		count(&f->other_pkts);
	if (!step_is(s, TCP_ACK))
		count(&f->no_ack_pkts);
	if (segment->ttl < f->ttl_min)
		f->ttl_min = segment->ttl;
	if (segment->ttl > f->ttl_max)
		f->ttl_max = segment->ttl;
	if (segment->ts_ns >= flow->max_ts_ns)
		flow->max_ts_ns = segment->ts_ns;
	else if (segment->ts_ns < flow->min_ts_ns)
		flow->min_ts_ns = segment->ts_ns;
	if (segment->bits & SEGMENT_CUT)
		flow->bits |= TCP_FLOW_TRUNCATED;
}

/* Spec section 2, rules 2 and 3. */
static void meet_flow(struct step *s, bool created)
{
	struct tcp_side *f = s->f;

	/* The SYN that took ports over says so itself. */
	if (s->is_first && (s->flow->bits & TCP_FLOW_REUSED_PORTS)) {
		step_verdict(s, VERDICT_REUSED_PORTS);
		s->story.has_record = true;
	}
	if (created || !step_is(s, TCP_SYN) || !(f->bits & TCP_BASE_KNOWN))
		return;
	if (!step_is(s, TCP_ACK)) {
		s->story.has_record = true;
		/* A repeated SYN; any other took the ports over. What is counted may end above. */
		if (f->nb_unacked != 0)
			(void)unacked_begin(s->tracker, f);
		f->next = f->contig;
	} else if (s->segment->seq != f->base) {
		s->story.has_record = true;
		f->base = s->segment->seq;
		step_verdict(s, VERDICT_REUSED_PORTS);
	}
}

/* Definitions 7.3. tshark reads the window before the options. */
void track_note_window(struct step *s)
{
	struct tcp_side *f = s->f;
	uint32_t window = s->segment->win;

	if (!s->may_raise_win)
		return;
	if (!step_is(s, TCP_SYN)) {
		if (s->shift == -1)
			return;
		if (s->shift > 0)
			window <<= s->shift;
	}
	f->bits |= TCP_WIN_KNOWN;
	if (window > f->win_max)
		f->win_max = window;
}

static void note_first_data(struct step *s)
{
	struct tcp_flow *flow = s->flow;

	if (s->segment->payload_len == 0)
		return;
	if (s->is_orig && !(flow->bits & TCP_FLOW_ORIG_DATA)) {
		flow->bits |= TCP_FLOW_ORIG_DATA;
		flow->orig_data_ts_ns = s->segment->ts_ns;
	}
	if (!s->is_orig &&
	    (flow->bits & (TCP_FLOW_ORIG_DATA | TCP_FLOW_HAS_TTFB)) == TCP_FLOW_ORIG_DATA) {
		flow->bits |= TCP_FLOW_HAS_TTFB;
		flow->ttfb_ns = time_since(s->segment->ts_ns, flow->orig_data_ts_ns);
	}
}

/* A header that is cut or broken shows these, as far as its options were read. */
#define ALWAYS_SHOWN (1u << VERDICT_TFO_SYN | 1u << VERDICT_TFO_ACK | 1u << VERDICT_TFO_IGNORED)

static void count_verdicts(struct step *s)
{
	struct tcp_flow *flow = s->flow;
	struct tcp_trouble *trouble;
	uint32_t shown;

	if (s->hides_verdicts)
		s->verdicts &= ALWAYS_SHOWN;
	shown = s->verdicts & ((1u << NB_COUNTED_VERDICTS) - 1);
	if (shown == 0 && (s->verdicts & VERDICT_ANOMALIES) == 0)
		return;
	trouble = tracker_trouble(s->tracker, s->f);
	if (step_has(s, VERDICT_DUPLICATE_ACK) && s->f->dup > trouble->dup_max)
		trouble->dup_max = s->f->dup;
	for (; shown != 0; shown &= shown - 1)
		count(&trouble->verdicts[__builtin_ctz(shown)]);
	if (s->verdicts & VERDICT_ANOMALIES) {
		if (flow->first_anomaly_frame == 0)
			flow->first_anomaly_frame = s->frame;
		flow->last_anomaly_frame = s->frame;
	}
}

/* Step 24, and what the note and step 18 want to know of a header's options. */
static void keep_options(struct step *s, const struct tcp_options *options)
{
	s->story.syn_options = (struct syn_options){
		.mss = options->mss,
		.has_mss = options->has_mss,
		.wscale = options->wscale,
		.has_wscale = options->wscale != 0xff,
		.sack_permitted = options->sack_permitted,
	};
	if (s->f->unacked != NULL)
		s->f->unacked->sack_bytes = options->sack_bytes;
	if (s->hides_verdicts || options->mptcp_ops == 0)
		return;
	if (options->makes_mptcp)
		s->flow->bits |= TCP_FLOW_MPTCP;
	if (s->flow->bits & TCP_FLOW_MPTCP)
		s->flow->mptcp_ops |= options->mptcp_ops;
}

/* Steps 19 to 24 of the spec, and the facts of definitions 3. */
static void run_handshake(struct step *s, bool created)
{
	const struct segment *segment = s->segment;
	const bool whole = segment->tcp_caplen >= 20 && !(segment->bits & SEGMENT_BAD_OFFSET);
	struct tcp_options options;

	if (segment->bits & SEGMENT_BAD_OFFSET) {
		s->hides_verdicts = true;
		return;
	}
	handshake_completeness(s, created);
	s->hides_verdicts = !whole;
	/* Most segments have no option but time stamps: nothing to read off a SYN. */
	if (!step_is(s, TCP_SYN) &&
	    !(segment->bits & (SEGMENT_OPTIONS | SEGMENT_CUT | SEGMENT_SHORT))) {
		handshake_after(s, NULL);
		handshake_facts(s, NULL);
		return;
	}
	if (whole) {
		/* What is not analysed is told in raw numbers. */
		options_read(segment, s->is_analysed ? s->r->base : 0, &options);
		s->hides_verdicts = options.is_broken || options.is_cut;
		if (options.dsack && !segment->is_quoted)
			count(&tracker_trouble(s->tracker, s->f)->dsack);
	}
	handshake_after(s, whole ? &options : NULL);
	if (!segment->is_quoted)
		handshake_facts(s, whole ? &options : NULL);
	if (whole)
		keep_options(s, &options);
}

void step_init(struct step *s, struct tcp_tracker *tracker, struct tcp_flow *flow,
	       const struct segment *segment, uint64_t frame)
{
	const bool from_high = (segment->bits & SEGMENT_SWAPPED) != 0;

	s->tracker = tracker;
	s->flow = flow;
	s->segment = segment;
	s->f = &flow->side[from_high];
	s->r = &flow->side[!from_high];
	s->frame = frame;
	s->verdicts = 0;
	s->completeness_before = flow->completeness;
	s->shift = s->f->shift;
	s->is_orig = from_high == ((flow->bits & TCP_FLOW_ORIG_HIGH) != 0);
	s->is_first = false;
	s->is_analysed = !(segment->bits & SEGMENT_SHORT);
	s->is_dup = false;
	s->is_new = false;
	s->hides_verdicts = false;
	s->may_raise_win = segment->win != s->f->win || (s->f->bits & TCP_SYN_WINDOW) != 0 ||
			   (segment->bits & SEGMENT_OPTIONS) != 0 || step_is(s, TCP_SYN) ||
			   (s->f->bits & TCP_WIN_KNOWN) == 0;
}

void story_init(struct step *s)
{
	const int64_t rtt_ns = s->flow->initial_rtt_ns;

	s->story = (struct story){
		.reorder_ns = rtt_ns > 0 ? rtt_ns : DEFAULT_REORDER_NS,
		.silence_ns = INT64_MIN,
	};
}

/*
 * A header that an ICMP error quotes, or sFlow samples: it passes through the flow's state as in
 * tshark, but is no packet of the flow (definitions 9.2).
 */
static void track_quoted(struct step *s, bool created)
{
	struct tcp_flow *flow = s->flow;

	count(&tracker_trouble(s->tracker, s->f)->icmp_errors);
	if (s->segment->ts_ns > flow->max_ts_ns)
		flow->max_ts_ns = s->segment->ts_ns;
	else if (s->segment->ts_ns < flow->min_ts_ns)
		flow->min_ts_ns = s->segment->ts_ns;
	meet_flow(s, created);
	run_handshake(s, created);
	count_verdicts(s);
}

void track_by_rules(struct step *s, bool created)
{
	story_init(s);
	if (s->tracker->wants_details) {
		(void)unacked_begin(s->tracker, s->f);
		(void)unacked_begin(s->tracker, s->r);
	}
	/* Step 4 of section 2; the options of this packet are read after the analysis. */
	if (s->f->unacked != NULL)
		s->f->unacked->sack_bytes = 0;
	if (s->segment->is_quoted) {
		track_quoted(s, created);
		return;
	}
	loss_settle(s);
	s->is_dup = s->is_analysed && bytes_is_capture_dup(s);
	track_count_packet(s);
	if (s->is_dup)
		count(&tracker_trouble(s->tracker, s->f)->capture_dups);
	meet_flow(s, created);
	if (s->is_analysed)
		verdict_analyse(s);
	run_handshake(s, created);
	s->is_new = bytes_is_new(s);
	rtt_track(s);
	bytes_track(s);
	cause_find(s);
	history_track(s);
	endpoint_track(s);
	track_note_window(s);
	note_first_data(s);
	count_verdicts(s);
}

/* All rules, on the flow as they know it. */
static void track_slowly(struct step *s, struct tcp_tracker *tracker, struct tcp_flow *flow,
			 const struct segment *segment, const struct tcp_arrival *arrival,
			 bool has_note)
{
	step_init(s, tracker, flow, segment, arrival->frame);
	s->is_first = arrival->is_fresh;
	if (has_note || tracker->wants_details)
		story_init(s);
	if (arrival->created || !fast_track(s))
		track_by_rules(s, arrival->created);
}

struct tcp_result tcp_track(struct tcp_tracker *tracker, const struct tcp_arrival *arrival,
			    const struct segment *segment, struct tcp_note *note)
{
	struct tcp_packed *p = packed_of(arrival->flow);
	struct tcp_flow *flow = &tracker->open;
	struct tcp_result result = {.class = arrival->flow->class};
	struct step s;

	if (note == NULL && !arrival->is_tried &&
	    tcp_track_next(arrival->flow, segment, &result.is_offload))
		return result;
	tracker_look_at(tracker, arrival->flow);
	tracker->has_grown = false;
	if (arrival->is_fresh)
		track_begin(flow, segment, arrival);
	else if (p->bits == PACKED_BESIDE)
		flow = p->flow;
	else
		packed_open(arrival->flow, flow);
	track_slowly(&s, tracker, flow, segment, arrival, note != NULL);
	if (note != NULL)
		note_fill(&s, note);
	result = (struct tcp_result){
		.verdicts = s.verdicts,
		.is_capture_dup = s.is_dup,
		.is_anomaly = (s.verdicts & VERDICT_ANOMALIES) != 0,
		.is_offload = track_is_offload(segment->payload_len,
					       (s.r->bits & TCP_MSS_KNOWN) != 0, s.r->mss),
		.class = (uint8_t)tcp_flow_class(flow),
	};
	packed_close(tracker, arrival->flow, flow);
	result.has_grown = tracker->has_grown;
	return result;
}
