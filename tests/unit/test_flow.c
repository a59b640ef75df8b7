/* SPDX-License-Identifier: BSD-3-Clause */

/* The flow table: who is found, who ends, in which order, and what it costs. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/flow_priv.h"
#include "tcpmill/segment.h"

#define PARTITION 5

/* A slot: the table's head and a state of our own. */
struct item {
	struct flow flow;
	uint32_t id;
};

struct end {
	uint32_t id;
	uint64_t first_frame, last_frame;
	enum end_reason reason;
};

/* A table with one key per number, and a diary of what ended in it. */
struct bed {
	struct flow_table *table;
	uint64_t frame, clock_ns;
	struct end *ends;
	size_t nb_ends, room;
	bool keeps_slots; /* ended flows are not released */
	struct flow *last_ended;
	uint8_t ip[40];
};

static void on_ended(void *context, struct flow *flow)
{
	struct bed *bed = context;

	if (bed->nb_ends == bed->room) {
		bed->room = bed->room == 0 ? 64 : bed->room * 2;
		bed->ends = realloc(bed->ends, bed->room * sizeof(*bed->ends));
		assert_non_null(bed->ends);
	}
	bed->ends[bed->nb_ends++] = (struct end){
		.id = ((struct item *)(void *)flow)->id,
		.first_frame = flow->first_frame,
		.last_frame = flow->last_frame,
		.reason = (enum end_reason)flow->end_reason,
	};
	bed->last_ended = flow;
	if (!bed->keeps_slots)
		flow_table_release(bed->table, flow);
}

/* capacity: flows that a partition may hold; only PARTITION and the next are there. */
static struct flow_table *make_class_table(struct bed *bed, uint32_t capacity,
					   const uint64_t timeout_ns[NB_FLOW_CLASSES],
					   uint32_t nb_spare)
{
	const struct flow_table_params params = {
		.partitions = 3ull << PARTITION,
		.max_flows = (uint64_t)capacity * FLOW_NB_PARTITIONS,
		.timeout_ns = {timeout_ns[0], timeout_ns[1], timeout_ns[2]},
		.slot_size = sizeof(struct item),
		.nb_spare = nb_spare,
		.ended = on_ended,
		.context = bed,
	};

	flow_table_destroy(bed->table);
	bed->table = flow_table_create(&params);
	assert_non_null(bed->table);
	bed->nb_ends = 0;
	bed->frame = 0;
	bed->clock_ns = 0;
	return bed->table;
}

/* All classes have the same timeout. */
static struct flow_table *make_table(struct bed *bed, uint32_t capacity, uint64_t idle_timeout_ns,
				     uint32_t nb_spare)
{
	const uint64_t timeout_ns[] = {idle_timeout_ns, idle_timeout_ns, idle_timeout_ns};

	return make_class_table(bed, capacity, timeout_ns, nb_spare);
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct bed));
	return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	flow_table_destroy(bed->table);
	free(bed->ends);
	free(bed);
	return 0;
}

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void put_be32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void put_ipv4(struct bed *bed, struct segment *segment, uint32_t lo, uint32_t hi)
{
	const bool swapped = (segment->bits & SEGMENT_SWAPPED) != 0;

	segment->ip_header = bed->ip;
	segment->addr_lo = lo;
	segment->addr_hi = hi;
	put_be32(bed->ip + 12, swapped ? hi : lo);
	put_be32(bed->ip + 16, swapped ? lo : hi);
}

static struct segment key_segment(struct bed *bed, uint32_t id, bool swapped)
{
	struct segment segment = {
		.hash = mix(id),
		.port_lo = (uint16_t)id,
		.port_hi = 80,
		.tcp_flags = TCP_ACK,
		.bits = swapped ? SEGMENT_SWAPPED : 0,
		.partition = PARTITION,
		.clock_ns = bed->clock_ns,
	};

	put_ipv4(bed, &segment, 0x0a000000 + (id >> 16), 0xc0000201);
	return segment;
}

static uint8_t first_byte(const struct item *item, bool high)
{
	uint8_t bytes[16];

	flow_address(&item->flow, high, bytes);
	return bytes[0];
}

/* Looks up and touches, as a worker does. */
static struct item *see_segment(struct bed *bed, const struct segment *segment, uint32_t id,
				bool *created)
{
	struct flow *flow = flow_table_lookup(bed->table, segment, ++bed->frame, NULL, created);
	struct item *item = (struct item *)(void *)flow;

	if (flow == NULL)
		return NULL;
	if (*created)
		item->id = id;
	assert_int_equal(item->id, id);
	assert_int_equal(flow->end_reason, FLOW_LIVES);
	flow_table_touch(flow, segment->clock_ns, bed->frame);
	return item;
}

static struct item *see(struct bed *bed, uint32_t id, bool *created)
{
	const struct segment segment = key_segment(bed, id, (id ^ bed->frame) & 1);

	return see_segment(bed, &segment, id, created);
}

static void assert_created(struct bed *bed, uint32_t id)
{
	bool created;

	assert_non_null(see(bed, id, &created));
	assert_true(created);
}

static void assert_found(struct bed *bed, uint32_t id)
{
	bool created;

	assert_non_null(see(bed, id, &created));
	assert_false(created);
}

static uint64_t nb_live(const struct bed *bed)
{
	struct flow_table_stats stats;

	flow_table_get_stats(bed->table, &stats);
	return stats.nb_live;
}

/* ---- Keys ------------------------------------------------------------------ */

static void both_directions_are_one_flow(void **state)
{
	struct bed *bed = *state;
	struct segment there, back;
	struct item *item;
	bool created;

	make_table(bed, 64, 0, 0);
	there = key_segment(bed, 7, false);
	item = see_segment(bed, &there, 7, &created);
	assert_true(created);
	assert_int_equal(item->flow.first_frame, 1);
	assert_int_equal(item->flow.stream, -1);
	back = key_segment(bed, 7, true);
	assert_ptr_equal(see_segment(bed, &back, 7, &created), item);
	assert_false(created);
	assert_int_equal(item->flow.first_frame, 1);
	assert_int_equal(item->flow.last_frame, 2);
	/* The canonical key is the same whichever side came first. */
	assert_int_equal(first_byte(item, false), 10);
	assert_int_equal(first_byte(item, true), 192);
	assert_int_equal(item->flow.port_lo, 7);
	assert_int_equal(item->flow.port_hi, 80);
}

static void the_key_is_canonical_from_the_higher_side_too(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	struct item *item;
	bool created;

	make_table(bed, 64, 0, 0);
	segment = key_segment(bed, 7, true);
	item = see_segment(bed, &segment, 7, &created);
	assert_int_equal(first_byte(item, false), 10);
	assert_int_equal(first_byte(item, true), 192);
	segment = key_segment(bed, 7, false);
	assert_ptr_equal(see_segment(bed, &segment, 7, &created), item);
}

static void every_part_of_the_key_counts(void **state)
{
	struct bed *bed = *state;
	struct segment segment[5];

	make_table(bed, 64, 0, 0);
	for (uint32_t i = 0; i < 5; i++) {
		/* Copies of one key with one hash; then each differs in one part. */
		segment[i] = key_segment(bed, 7, false);
		if (i == 1)
			segment[i].port_lo++;
		if (i == 2)
			segment[i].port_hi++;
	}
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5; i++) {
			bool created;

			put_ipv4(bed, &segment[i], 0x0a000000 + (i == 3), 0xc0000201 + (i == 4));
			see_segment(bed, &segment[i], i, &created);
			assert_int_equal(created, round == 0);
		}
	}
	assert_int_equal(nb_live(bed), 5);
}

static void land_packets_are_one_flow(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	bool created;

	make_table(bed, 64, 0, 0);
	segment = key_segment(bed, 80, false);
	put_ipv4(bed, &segment, 0xc0000201, 0xc0000201);
	see_segment(bed, &segment, 1, &created);
	assert_true(created);
	see_segment(bed, &segment, 1, &created);
	assert_false(created);
	/* Another port on the same address is another flow, in both directions. */
	segment.port_hi = 81;
	see_segment(bed, &segment, 2, &created);
	assert_true(created);
	segment.bits |= SEGMENT_SWAPPED;
	see_segment(bed, &segment, 2, &created);
	assert_false(created);
}

static struct segment ipv6_segment(struct bed *bed, uint8_t last, bool swapped)
{
	struct segment segment = key_segment(bed, 7, swapped);

	memset(bed->ip, 0, sizeof(bed->ip));
	put_be32(bed->ip + (swapped ? 24 : 8), 0x0a000000); /* as the IPv4 key begins */
	put_be32(bed->ip + (swapped ? 8 : 24), 0xc0000201);
	bed->ip[swapped ? 23 : 39] = last;
	segment.bits |= SEGMENT_IPV6;
	return segment;
}

static void ipv4_and_ipv6_are_distinct(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 0, 0);
	for (int round = 0; round < 3; round++) {
		struct segment segment = key_segment(bed, 7, round == 1);
		bool created;

		see_segment(bed, &segment, 4, &created);
		assert_int_equal(created, round == 0);
		segment = ipv6_segment(bed, 0, round == 1);
		see_segment(bed, &segment, 6, &created);
		assert_int_equal(created, round == 0);
		segment = ipv6_segment(bed, 1, round == 1); /* the last byte differs */
		see_segment(bed, &segment, 61, &created);
		assert_int_equal(created, round == 0);
	}
	assert_int_equal(nb_live(bed), 3);
}

static void partitions_are_apart(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	bool created;

	make_table(bed, 64, 0, 0);
	for (uint32_t id = 0; id < 64; id++)
		assert_created(bed, id);
	segment = key_segment(bed, 99, false);
	segment.partition = PARTITION + 1;
	see_segment(bed, &segment, 99, &created);
	assert_true(created);
	assert_int_equal(bed->nb_ends, 0); /* the other partition's being full is nothing to it */
	assert_created(bed, 64);
	assert_int_equal(bed->nb_ends, 1);
	assert_int_equal(bed->ends[0].id, 0);
}

/* ---- The index --------------------------------------------------------------- */

static void shuffle(uint32_t *ids, uint32_t nb)
{
	uint64_t random = 42;

	for (uint32_t i = 0; i < nb; i++)
		ids[i] = i;
	for (uint32_t i = nb - 1; i > 0; i--) {
		const uint32_t j = next_random(&random) % (i + 1), id = ids[i];

		ids[i] = ids[j];
		ids[j] = id;
	}
}

/* Hashes that are spread, and others that pile up on few buckets near the end. */
static struct item *see_hashed(struct bed *bed, uint32_t id, bool is_clustered, bool *created)
{
	struct segment segment = key_segment(bed, id, (id & 1) != 0);

	if (is_clustered)
		segment.hash = 0xfffffff0 + mix(id) % 16 * 3;
	return see_segment(bed, &segment, id, created);
}

static void fill_find_and_remove(struct bed *bed, uint32_t nb, bool is_clustered)
{
	struct item **items = calloc(nb, sizeof(struct item *));
	uint32_t *ids = calloc(nb, sizeof(*ids));
	bool created;

	assert_non_null(items);
	assert_non_null(ids);
	make_table(bed, nb, 0, 0);
	for (uint32_t id = 0; id < nb; id++) {
		items[id] = see_hashed(bed, id, is_clustered, &created);
		assert_true(created);
	}
	shuffle(ids, nb);
	for (uint32_t i = 0; i < nb; i++) {
		/* Every eighth of the way all that are left are found, and only they. */
		for (uint32_t j = i; i % (nb / 8) == 0 && j < nb; j++) {
			assert_ptr_equal(see_hashed(bed, ids[j], is_clustered, &created),
					 items[ids[j]]);
			assert_false(created);
		}
		assert_int_equal(nb_live(bed), nb - i);
		flow_end(bed->table, &items[ids[i]]->flow, END_IDLE_TIMEOUT);
	}
	assert_int_equal(bed->nb_ends, nb);
	assert_int_equal(nb_live(bed), 0);
	for (uint32_t i = 0; i <= bed->table->partitions[PARTITION].mask; i++)
		assert_int_equal(bed->table->partitions[PARTITION].buckets[i].slot, 0);
	free(items);
	free(ids);
}

static void index_holds_100000_flows(void **state)
{
	fill_find_and_remove(*state, 100000, false);
}

static void index_bears_hashes_that_pile_up(void **state)
{
	fill_find_and_remove(*state, 800, true);
}

static void a_removed_flow_is_made_anew(void **state)
{
	struct bed *bed = *state;
	struct item *item;
	bool created;

	make_table(bed, 64, 0, 0);
	item = see(bed, 7, &created);
	flow_end(bed->table, &item->flow, END_IDLE_TIMEOUT);
	assert_created(bed, 7);
}

/* Either is only a hint, but must be safe for any key at any time. */
static void hints_are_harmless(void **state)
{
	struct bed *bed = *state;
	struct segment segment, other;
	struct flow *guess;
	bool created;

	make_table(bed, 64, 0, 0);
	segment = key_segment(bed, 7, false);
	flow_table_prefetch_bucket(bed->table, &segment);
	guess = flow_table_guess(bed->table, &segment);
	assert_non_null(guess);
	assert_false(flow_is_of(guess, &segment));
	assert_int_equal(nb_live(bed), 0);
	assert_non_null(see_segment(bed, &segment, 7, &created));
	guess = flow_table_guess(bed->table, &segment);
	assert_ptr_equal(guess, flow_table_lookup(bed->table, &segment, 2, NULL, &created));
	assert_ptr_equal(guess, flow_table_lookup(bed->table, &segment, 3, guess, &created));
	assert_true(flow_is_of(guess, &segment));
	/* A wrong guess costs time only. */
	other = key_segment(bed, 8, false);
	assert_ptr_not_equal(guess, flow_table_lookup(bed->table, &other, 4, guess, &created));
	assert_true(created);
}

/* ---- Idle timeout (2.2) -------------------------------------------------------- */

static void idle_for_exactly_the_timeout_goes_on(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 1000, 0);
	assert_created(bed, 7);
	bed->clock_ns = 1000;
	assert_found(bed, 7);
	bed->clock_ns = 2000; /* counted from the last packet */
	flow_table_expire(bed->table, bed->clock_ns, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 0);
	assert_found(bed, 7);
}

static void idle_for_longer_ends_at_lookup(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 1000, 0);
	assert_created(bed, 7);
	assert_found(bed, 7);
	bed->clock_ns = 1001;
	assert_created(bed, 7);
	assert_int_equal(bed->nb_ends, 1);
	assert_int_equal(bed->ends[0].reason, END_IDLE_TIMEOUT);
	assert_int_equal(bed->ends[0].first_frame, 1);
	assert_int_equal(bed->ends[0].last_frame, 2);
}

static void idle_for_longer_ends_at_a_border(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 1000, 0);
	assert_created(bed, 7);
	bed->clock_ns = 500;
	assert_created(bed, 8);
	flow_table_expire(bed->table, 1001, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 1);
	assert_int_equal(bed->ends[0].id, 7);
	assert_int_equal(bed->ends[0].reason, END_IDLE_TIMEOUT);
	flow_table_expire(bed->table, 1501, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 2);
	assert_int_equal(nb_live(bed), 0);
}

static void without_a_timeout_nobody_expires(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 0, 0);
	assert_created(bed, 7);
	bed->clock_ns = UINT64_MAX;
	flow_table_expire(bed->table, UINT64_MAX, FLOW_EXPIRE_ALL);
	assert_found(bed, 7);
}

static void set_class(struct bed *bed, struct item *item, enum flow_class class)
{
	item->flow.class = (uint8_t) class;
	flow_table_reclass(bed->table, &item->flow);
}

/* The half-open one is due at 101, the closed one at 11, the open one at 1001. */
static void make_one_of_each_class(struct bed *bed)
{
	static const uint64_t timeout_ns[] = {100, 10, 1000};
	struct segment segment;
	bool created;

	make_class_table(bed, 64, timeout_ns, 0);
	segment = key_segment(bed, FLOW_HALF_OPEN, false);
	segment.tcp_flags = TCP_SYN;
	assert_non_null(see_segment(bed, &segment, FLOW_HALF_OPEN, &created));
	set_class(bed, see(bed, FLOW_CLOSED, &created), FLOW_CLOSED);
	assert_created(bed, FLOW_OPEN);
}

static void each_class_has_its_timeout_at_a_border(void **state)
{
	static const struct {
		uint64_t clock_ns;
		size_t nb_ends;
	} steps[] = {{10, 0}, {11, 1}, {100, 1}, {101, 2}, {1000, 2}, {1001, 3}};
	static const uint32_t order[] = {FLOW_CLOSED, FLOW_HALF_OPEN, FLOW_OPEN};
	struct bed *bed = *state;

	make_one_of_each_class(bed);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		assert_int_equal(flow_table_expire(bed->table, steps[i].clock_ns, FLOW_EXPIRE_ALL),
				 0);
		assert_int_equal(bed->nb_ends, steps[i].nb_ends);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(bed->ends[i].id, order[i]);
		assert_int_equal(bed->ends[i].reason, END_IDLE_TIMEOUT);
	}
}

static void each_class_has_its_timeout_at_lookup(void **state)
{
	static const uint64_t last[] = {100, 10, 1000};
	struct bed *bed = *state;

	for (uint32_t class = 0; class < NB_FLOW_CLASSES; class ++) {
		make_one_of_each_class(bed);
		bed->clock_ns = last[class];
		assert_found(bed, class);
		make_one_of_each_class(bed);
		bed->clock_ns = last[class] + 1;
		assert_created(bed, class);
	}
}

/* An answer to a SYN comes within the short timeout; from then on the long one counts. */
static void a_flow_has_the_timeout_of_its_present_class(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	struct item *item;
	bool created;

	make_one_of_each_class(bed);
	bed->clock_ns = 100;
	segment = key_segment(bed, FLOW_HALF_OPEN, true);
	item = see_segment(bed, &segment, FLOW_HALF_OPEN, &created);
	assert_false(created);
	set_class(bed, item, FLOW_OPEN);
	flow_table_expire(bed->table, 1000, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 1); /* the closed one */
	bed->clock_ns = 1100;
	item = see_segment(bed, &segment, FLOW_HALF_OPEN, &created);
	assert_false(created);
	set_class(bed, item, FLOW_CLOSED);
	bed->clock_ns = 1111;
	flow_table_expire(bed->table, bed->clock_ns, FLOW_EXPIRE_ALL);
	assert_int_equal(nb_live(bed), 0);
	assert_int_equal(bed->nb_ends, 3);
}

static void a_class_without_a_timeout_lasts(void **state)
{
	static const uint64_t timeout_ns[] = {100, 0, 0};
	struct bed *bed = *state;

	make_class_table(bed, 64, timeout_ns, 0);
	assert_created(bed, 7);
	assert_int_equal(flow_table_expire(bed->table, INT64_MAX, FLOW_EXPIRE_ALL), 0);
	bed->clock_ns = INT64_MAX;
	assert_found(bed, 7);
}

static void a_clock_that_went_back_ends_nobody(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 1000, 0);
	bed->clock_ns = 5000;
	assert_created(bed, 7);
	bed->clock_ns = 4999;
	flow_table_expire(bed->table, bed->clock_ns, FLOW_EXPIRE_ALL);
	assert_found(bed, 7);
}

static int compare_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	return (x->first_frame > y->first_frame) - (x->first_frame < y->first_frame);
}

/* A random walk; at its end every key comes once more, after everybody was idle. */
static void walk_with_borders(struct bed *bed, uint32_t frames_per_border)
{
	uint64_t random = 7;
	bool created;

	make_table(bed, 1000, 1000, 1000);
	for (uint32_t i = 0; i < 50000; i++) {
		bed->clock_ns += next_random(&random) % 8;
		see(bed, next_random(&random) % 300, &created);
		if (frames_per_border != 0 && i % frames_per_border == 0)
			flow_table_expire(bed->table, bed->clock_ns, FLOW_EXPIRE_ALL);
	}
	bed->clock_ns += 5000;
	for (uint32_t id = 0; id < 300; id++)
		assert_created(bed, id);
	qsort(bed->ends, bed->nb_ends, sizeof(*bed->ends), compare_ends);
}

static void borders_do_not_change_who_ends(void **state)
{
	static const uint32_t borders[] = {1, 100, 3333};
	struct bed *bed = *state;
	struct end *ends;
	size_t nb;

	walk_with_borders(bed, 0);
	assert_true(bed->nb_ends > 5000);
	nb = bed->nb_ends;
	ends = calloc(nb, sizeof(*ends));
	assert_non_null(ends);
	memcpy(ends, bed->ends, nb * sizeof(*ends));
	for (size_t b = 0; b < sizeof(borders) / sizeof(borders[0]); b++) {
		walk_with_borders(bed, borders[b]);
		assert_int_equal(bed->nb_ends, nb);
		for (size_t i = 0; i < nb; i++) {
			assert_int_equal(bed->ends[i].id, ends[i].id);
			assert_int_equal(bed->ends[i].first_frame, ends[i].first_frame);
			assert_int_equal(bed->ends[i].last_frame, ends[i].last_frame);
			assert_int_equal(bed->ends[i].reason, END_IDLE_TIMEOUT);
		}
	}
	free(ends);
}

/* When memory for the order was short it is given up, and later built again. */
static void a_lost_order_is_built_again(void **state)
{
	struct bed *bed = *state;

	make_table(bed, 64, 1000, 0);
	for (uint32_t id = 0; id < 10; id++)
		assert_created(bed, id);
	order_drop(bed->table, PARTITION);
	assert_created(bed, 10);
	flow_table_expire(bed->table, 1001, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 11);
}

/* ---- Eviction (2.4), against a plain model --------------------------------------- */

#define MODEL_KEYS 200
#define MODEL_CAPACITY 64

struct model {
	struct {
		bool is_live;
		int class;
		uint64_t last_frame, last_clock_ns;
		struct item *item;
	} key[MODEL_KEYS];
	uint32_t nb_live;
	uint64_t timeout_ns[NB_FLOW_CLASSES], nb_evicted_of[NB_FLOW_CLASSES];
};

/* Never-answered SYN first, then closed, then any; each least recently used first. */
static uint32_t model_victim(const struct model *model)
{
	uint32_t victim = MODEL_KEYS;

	for (uint32_t i = 0; i < MODEL_KEYS; i++) {
		if (!model->key[i].is_live)
			continue;
		if (victim == MODEL_KEYS || model->key[i].class < model->key[victim].class ||
		    (model->key[i].class == model->key[victim].class &&
		     model->key[i].last_frame < model->key[victim].last_frame))
			victim = i;
	}
	return victim;
}

static void expect_end(struct bed *bed, struct model *model, uint32_t id, enum end_reason reason,
		       size_t *nb_ends)
{
	assert_true(*nb_ends < bed->nb_ends);
	assert_int_equal(bed->ends[*nb_ends].id, id);
	assert_int_equal(bed->ends[*nb_ends].reason, reason);
	assert_int_equal(bed->ends[*nb_ends].last_frame, model->key[id].last_frame);
	model->key[id].is_live = false;
	model->nb_live--;
	++*nb_ends;
}

static void model_note(struct bed *bed, struct model *model, uint32_t id, struct item *item)
{
	if (!model->key[id].is_live)
		model->nb_live++;
	model->key[id].is_live = true;
	model->key[id].item = item;
	model->key[id].class = item->flow.class;
	model->key[id].last_frame = bed->frame;
	model->key[id].last_clock_ns = bed->clock_ns;
}

static void evict(struct bed *bed, struct model *model, size_t *nb_ends)
{
	const uint32_t victim = model_victim(model);

	model->nb_evicted_of[model->key[victim].class]++;
	expect_end(bed, model, victim, END_EVICTED, nb_ends);
}

/* The timeout is that of the class which the flow has by now. */
static bool model_is_idle(const struct bed *bed, const struct model *model, uint32_t id)
{
	const uint64_t timeout_ns = model->timeout_ns[model->key[id].class];

	return model->key[id].is_live && timeout_ns != 0 &&
	       bed->clock_ns - model->key[id].last_clock_ns > timeout_ns;
}

static void step_segment(struct bed *bed, struct model *model, uint32_t id, bool is_syn)
{
	struct segment segment = key_segment(bed, id, false);
	const bool was_live = model->key[id].is_live;
	const bool is_idle = model_is_idle(bed, model, id);
	size_t nb_ends = bed->nb_ends;
	struct item *item;
	bool created;

	if (is_syn)
		segment.tcp_flags = TCP_SYN;
	item = see_segment(bed, &segment, id, &created);
	assert_non_null(item);
	assert_int_equal(created, !was_live || is_idle);
	if (is_idle)
		expect_end(bed, model, id, END_IDLE_TIMEOUT, &nb_ends);
	else if (!was_live && model->nb_live == MODEL_CAPACITY)
		evict(bed, model, &nb_ends);
	assert_int_equal(bed->nb_ends, nb_ends);
	if (created)
		assert_int_equal(item->flow.class, is_syn ? FLOW_HALF_OPEN : FLOW_OPEN);
	else
		assert_ptr_equal(item, model->key[id].item);
	model_note(bed, model, id, item);
}

static void step_reclass(struct bed *bed, struct model *model, uint32_t id, uint32_t class)
{
	if (!model->key[id].is_live)
		return;
	model->key[id].class = (int)class;
	model->key[id].item->flow.class = (uint8_t) class;
	flow_table_reclass(bed->table, &model->key[id].item->flow);
}

static void step_replace(struct bed *bed, struct model *model, uint32_t id)
{
	struct segment segment = key_segment(bed, id, true);
	size_t nb_ends = bed->nb_ends;
	struct flow *flow;

	if (!model->key[id].is_live)
		return;
	segment.tcp_flags = TCP_SYN;
	flow = flow_table_replace(bed->table, &model->key[id].item->flow, &segment, ++bed->frame);
	assert_non_null(flow);
	((struct item *)(void *)flow)->id = id;
	expect_end(bed, model, id, END_PORT_REUSE, &nb_ends);
	assert_int_equal(bed->nb_ends, nb_ends);
	model_note(bed, model, id, (struct item *)(void *)flow);
}

static void step_expire(struct bed *bed, struct model *model)
{
	const size_t before = bed->nb_ends;
	size_t nb_ends = before;

	assert_int_equal(flow_table_expire(bed->table, bed->clock_ns, FLOW_EXPIRE_ALL), 0);
	while (nb_ends < bed->nb_ends) {
		const uint32_t id = bed->ends[nb_ends].id;

		assert_true(model_is_idle(bed, model, id));
		expect_end(bed, model, id, END_IDLE_TIMEOUT, &nb_ends);
	}
	for (uint32_t id = 0; id < MODEL_KEYS; id++)
		assert_false(model_is_idle(bed, model, id));
}

static void follow_the_model(struct bed *bed, const uint64_t timeout_ns[NB_FLOW_CLASSES])
{
	struct model *model = calloc(1, sizeof(*model));
	uint64_t random = 1 + timeout_ns[FLOW_OPEN];
	struct flow_table_stats stats;

	assert_non_null(model);
	memcpy(model->timeout_ns, timeout_ns, sizeof(model->timeout_ns));
	make_class_table(bed, MODEL_CAPACITY, timeout_ns, 1);
	for (uint32_t i = 0; i < 100000; i++) {
		const uint32_t what = next_random(&random) % 100;
		const uint32_t id = next_random(&random) % MODEL_KEYS;

		bed->clock_ns += next_random(&random) % 20;
		if (what < 70)
			step_segment(bed, model, id, next_random(&random) % 2);
		else if (what < 94)
			step_reclass(bed, model, id, next_random(&random) % NB_FLOW_CLASSES);
		else if (what < 99)
			step_replace(bed, model, id);
		else
			step_expire(bed, model);
		assert_int_equal(nb_live(bed), model->nb_live);
	}
	flow_table_get_stats(bed->table, &stats);
	assert_memory_equal(stats.nb_evicted_of, model->nb_evicted_of, sizeof(stats.nb_evicted_of));
	free(model);
}

static void eviction_follows_the_model(void **state)
{
	struct flow_table_stats stats;
	struct bed *bed = *state;

	follow_the_model(bed, (const uint64_t[]){0, 0, 0});
	flow_table_get_stats(bed->table, &stats);
	assert_true(stats.nb_evicted > 10000);
	assert_int_equal(stats.max_live, MODEL_CAPACITY);
}

static void eviction_with_a_timeout_follows_the_model(void **state)
{
	size_t nb_idle = 0;
	struct flow_table_stats stats;
	struct bed *bed = *state;

	follow_the_model(bed, (const uint64_t[]){1200, 1200, 1200});
	flow_table_get_stats(bed->table, &stats);
	assert_true(stats.nb_evicted > 1000);
	for (size_t i = 0; i < bed->nb_ends; i++)
		nb_idle += bed->ends[i].reason == END_IDLE_TIMEOUT;
	assert_true(nb_idle > 1000);
}

static void timeouts_of_classes_follow_the_model(void **state)
{
	static const uint64_t timeouts[][NB_FLOW_CLASSES] = {
		{300, 100, 800}, {0, 100, 0}, {200, 0, 500}, {800, 400, 150}};
	struct bed *bed = *state;

	for (size_t t = 0; t < sizeof(timeouts) / sizeof(timeouts[0]); t++) {
		size_t nb_idle = 0;

		follow_the_model(bed, timeouts[t]);
		for (size_t i = 0; i < bed->nb_ends; i++)
			nb_idle += bed->ends[i].reason == END_IDLE_TIMEOUT;
		assert_true(nb_idle > 200);
	}
}

/* ---- Port reuse, end of input ------------------------------------------------------ */

static void a_replaced_flow_ends_and_the_new_one_is_found(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	struct item *old, *item;
	bool created;

	make_table(bed, 64, 0, 1);
	bed->keeps_slots = true;
	old = see(bed, 7, &created);
	segment = key_segment(bed, 7, false);
	segment.tcp_flags = TCP_SYN;
	item = (struct item *)(void *)flow_table_replace(bed->table, &old->flow, &segment,
							 ++bed->frame);
	assert_non_null(item);
	assert_ptr_not_equal(item, old);
	item->id = 7;
	assert_int_equal(bed->nb_ends, 1);
	assert_int_equal(bed->ends[0].reason, END_PORT_REUSE);
	assert_int_equal(bed->ends[0].last_frame, 1); /* the SYN is not the old flow's */
	assert_int_equal(item->flow.first_frame, 2);
	assert_int_equal(item->flow.class, FLOW_HALF_OPEN);
	assert_ptr_equal(see(bed, 7, &created), item);
	assert_false(created);
}

static void end_of_input_ends_everybody_once(void **state)
{
	struct bed *bed = *state;
	bool seen[50] = {false};

	make_table(bed, 64, 1000, 0);
	bed->keeps_slots = true;
	for (uint32_t id = 0; id < 50; id++) {
		bed->clock_ns = id < 10 ? 0 : 5000;
		assert_created(bed, id);
	}
	flow_table_expire(bed->table, 5000, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 10);
	flow_table_end_all(bed->table);
	assert_int_equal(bed->nb_ends, 50);
	assert_int_equal(nb_live(bed), 0);
	for (size_t i = 0; i < 50; i++) {
		const uint32_t id = bed->ends[i].id;

		assert_int_equal(bed->ends[i].reason, id < 10 ? END_IDLE_TIMEOUT : END_OF_INPUT);
		assert_false(seen[id]);
		seen[id] = true;
	}
	flow_table_end_all(bed->table);
	assert_int_equal(bed->nb_ends, 50);
}

/* ---- Slots and memory ---------------------------------------------------------------- */

static void a_slot_comes_again_only_when_released(void **state)
{
	struct bed *bed = *state;
	struct item *first, *second, *third;
	uint32_t generation;
	bool created;

	make_table(bed, 64, 0, 8);
	bed->keeps_slots = true;
	first = see(bed, 7, &created);
	generation = first->flow.generation;
	flow_end(bed->table, &first->flow, END_IDLE_TIMEOUT);
	second = see(bed, 8, &created);
	assert_ptr_not_equal(second, first);
	assert_int_equal(first->id, 7); /* still readable as it ended */
	assert_int_equal(first->flow.end_reason, END_IDLE_TIMEOUT);
	flow_table_release(bed->table, &first->flow);
	third = see(bed, 9, &created);
	assert_ptr_equal(third, first);
	assert_int_equal(third->flow.generation, generation + 1);
	assert_int_equal(third->flow.stream, -1);
	assert_int_equal(third->flow.end_reason, FLOW_LIVES);
}

static void a_slot_comes_again_empty(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	struct flow *flow;
	struct item *item;
	bool created;

	make_table(bed, 64, 0, 0);
	item = see(bed, 7, &created);
	flow_end(bed->table, &item->flow, END_EVICTED);
	segment = key_segment(bed, 8, false);
	flow = flow_table_lookup(bed->table, &segment, 2, NULL, &created);
	assert_ptr_equal(flow, &item->flow);
	assert_int_equal(item->id, 0);
}

static void released_slots_come_again_all_of_them(void **state)
{
	struct flow_table_stats stats;
	struct bed *bed = *state;
	uint64_t slot_bytes;

	make_table(bed, 64, 0, 0);
	for (uint32_t id = 0; id < 64; id++)
		assert_created(bed, id);
	flow_table_get_stats(bed->table, &stats);
	slot_bytes = stats.slot_bytes;
	for (uint32_t id = 64; id < 10000; id++)
		assert_created(bed, id); /* each evicts one */
	flow_table_get_stats(bed->table, &stats);
	assert_int_equal(stats.slot_bytes, slot_bytes);
	assert_int_equal(stats.nb_evicted, 10000 - 64);
	assert_int_equal(stats.nb_created, 10000);
}

static void without_a_free_slot_there_is_no_flow(void **state)
{
	struct bed *bed = *state;
	struct segment segment;
	bool created;

	/* 64 for each of two partitions, and one more. */
	make_table(bed, 64, 0, 1);
	bed->keeps_slots = true;
	for (uint32_t id = 0; id < 64 + 65; id++)
		assert_created(bed, id);
	assert_int_equal(bed->nb_ends, 65);
	assert_null(see(bed, 999, &created));
	flow_table_release(bed->table, bed->last_ended);
	assert_created(bed, 999);
	/* The same where a flow is to be replaced. */
	segment = key_segment(bed, 999, false);
	assert_null(flow_table_replace(
		bed->table, flow_table_lookup(bed->table, &segment, 1000, NULL, &created), &segment,
		1000));
	assert_false(created);
}

static void a_partition_holds_at_least_64(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(flow_partition_capacity(0), 64);
	assert_int_equal(flow_partition_capacity(1), 64);
	assert_int_equal(flow_partition_capacity(64 * 64), 64);
	assert_int_equal(flow_partition_capacity(64 * 65 - 1), 64);
	assert_int_equal(flow_partition_capacity(64 * 65), 65);
	assert_int_equal(flow_partition_capacity(1 << 20), 16384);
	make_table(bed, 1, 0, 0);
	for (uint32_t id = 0; id < 64; id++)
		assert_created(bed, id);
	assert_int_equal(bed->nb_ends, 0);
	assert_created(bed, 64);
	assert_int_equal(bed->nb_ends, 1);
}

static void impossible_tables_are_refused(void **state)
{
	struct flow_table_params params = {
		.partitions = UINT64_MAX,
		.max_flows = 1ull << 32,
		.slot_size = sizeof(struct item),
		.ended = on_ended,
	};

	(void)state;
	errno = 0;
	assert_null(flow_table_create(&params));
	assert_int_equal(errno, EINVAL);
	params.max_flows = 4096;
	params.slot_size = sizeof(struct flow) - 1;
	errno = 0;
	assert_null(flow_table_create(&params));
	assert_int_equal(errno, EINVAL);
	flow_table_destroy(NULL);
}

static size_t order_room(const struct bed *bed)
{
	size_t room = 0;

	for (int c = 0; c < NB_FLOW_CLASSES; c++)
		room += bed->table->partitions[PARTITION].order[c].room +
			bed->table->partitions[PARTITION].order[c].queue_room;
	return room;
}

/* With a timeout the order is kept from the start, and ended flows leave entries in it. */
static void memory_stays_bounded_under_port_reuse(void **state)
{
	struct flow_table_stats stats;
	struct bed *bed = *state;
	struct item *items[10];
	bool created;

	make_table(bed, 1000, 1000000, 1);
	for (uint32_t id = 0; id < 10; id++)
		items[id] = see(bed, id, &created);
	for (uint32_t i = 0; i < 300000; i++) {
		const uint32_t id = i % 10;
		struct segment segment = key_segment(bed, id, false);

		segment.tcp_flags = TCP_SYN;
		items[id] = (struct item *)(void *)flow_table_replace(bed->table, &items[id]->flow,
								      &segment, ++bed->frame);
		assert_non_null(items[id]);
		items[id]->id = id;
		for (uint8_t c = FLOW_CLOSED; c < NB_FLOW_CLASSES; c++) {
			items[id]->flow.class = c;
			flow_table_reclass(bed->table, &items[id]->flow);
		}
		bed->nb_ends = 0;
	}
	flow_table_get_stats(bed->table, &stats);
	assert_true(stats.slot_bytes <= 16 * bed->table->stride);
	assert_true(order_room(bed) <= NB_FLOW_CLASSES * 2048);
	/* And the order still knows everybody. */
	flow_table_expire(bed->table, 1000001, FLOW_EXPIRE_ALL);
	assert_int_equal(bed->nb_ends, 10);
}

static void memory_stays_bounded_when_flows_time_out(void **state)
{
	struct bed *bed = *state;
	bool created;

	make_table(bed, 1000, 1000, 1);
	for (uint32_t i = 0; i < 100000; i++) {
		bed->clock_ns += 300;
		see(bed, i % 5, &created); /* each key after 1500: always too late */
		assert_true(created);
	}
	assert_true(order_room(bed) <= NB_FLOW_CLASSES * 2048);
}

static void full_partitions_are_counted_once(void **state)
{
	struct flow_table_stats stats;
	struct bed *bed = *state;

	make_table(bed, 100, 0, 0);
	for (uint32_t id = 0; id < 90; id++)
		assert_created(bed, id);
	flow_table_get_stats(bed->table, &stats);
	assert_int_equal(stats.nb_full_partitions, 0);
	for (uint32_t id = 90; id < 300; id++)
		assert_created(bed, id);
	flow_table_get_stats(bed->table, &stats);
	assert_int_equal(stats.nb_full_partitions, 1);
	assert_int_equal(stats.max_live, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_directions_are_one_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(the_key_is_canonical_from_the_higher_side_too,
						setup, teardown),
		cmocka_unit_test_setup_teardown(every_part_of_the_key_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(land_packets_are_one_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(ipv4_and_ipv6_are_distinct, setup, teardown),
		cmocka_unit_test_setup_teardown(partitions_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(index_holds_100000_flows, setup, teardown),
		cmocka_unit_test_setup_teardown(index_bears_hashes_that_pile_up, setup, teardown),
		cmocka_unit_test_setup_teardown(a_removed_flow_is_made_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(hints_are_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(idle_for_exactly_the_timeout_goes_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(idle_for_longer_ends_at_lookup, setup, teardown),
		cmocka_unit_test_setup_teardown(idle_for_longer_ends_at_a_border, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_timeout_nobody_expires, setup, teardown),
		cmocka_unit_test_setup_teardown(borders_do_not_change_who_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lost_order_is_built_again, setup, teardown),
		cmocka_unit_test_setup_teardown(eviction_follows_the_model, setup, teardown),
		cmocka_unit_test_setup_teardown(timeouts_of_classes_follow_the_model, setup,
						teardown),
		cmocka_unit_test_setup_teardown(timeouts_of_classes_follow_the_model, setup,
						teardown),
		cmocka_unit_test_setup_teardown(each_class_has_its_timeout_at_a_border, setup,
						teardown),
		cmocka_unit_test_setup_teardown(each_class_has_its_timeout_at_lookup, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_flow_has_the_timeout_of_its_present_class, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_class_without_a_timeout_lasts, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clock_that_went_back_ends_nobody, setup,
						teardown),
		cmocka_unit_test_setup_teardown(eviction_with_a_timeout_follows_the_model, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_replaced_flow_ends_and_the_new_one_is_found,
						setup, teardown),
		cmocka_unit_test_setup_teardown(end_of_input_ends_everybody_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_slot_comes_again_only_when_released, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_slot_comes_again_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(released_slots_come_again_all_of_them, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_a_free_slot_there_is_no_flow, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_partition_holds_at_least_64, setup, teardown),
		cmocka_unit_test_setup_teardown(impossible_tables_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(memory_stays_bounded_under_port_reuse, setup,
						teardown),
		cmocka_unit_test_setup_teardown(memory_stays_bounded_when_flows_time_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_partitions_are_counted_once, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
