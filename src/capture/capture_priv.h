/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_PRIV_H
#define TCPMILL_CAPTURE_PRIV_H

/* Inside the capture room: sources, and the record headers of both formats. */

#include <stdatomic.h>
#include <string.h>
#include <sys/types.h>

#include "tcpmill/capture.h"

/* Bytes past a block's end that are read with it: every fixed record header fits. */
#define CAPTURE_OVERLAP 64u

/* Options that a packet block may have beside the largest packet. */
#define CAPTURE_MAX_OPTIONS 65536u

/* Bytes that a record of any format has at least. */

enum source_kind { SOURCE_PCAP, SOURCE_PCAPNG, SOURCE_LIBPCAP };

/* One input. Fields below the line belong to the cut. */
struct source {
	struct capture_input info;
	enum source_kind kind;
	bool is_stream; /* a pipe, compressed, or read through libpcap: the cut reads it */
	bool swapped;
	bool format_is_old;    /* pcap before 2.4: left to libpcap */
	uint8_t header_len;    /* of a pcap record: 16, or 24 if modified */
	uint8_t ts_resol;      /* pcap: 6 or 9 */
	uint32_t first_record; /* file offset behind a pcap file's header */
	uint16_t link_type;    /* pcap */
	uint8_t fcs_len;       /* pcap: bytes behind each Ethernet frame */
	uint32_t snaplen;
	atomic_int fd;    /* -1 while closed */
	uint8_t head[24]; /* sniffed bytes of a stream, not yet consumed */
	uint8_t nb_head;
	struct unpacker *unpacker; /* of a compressed input */
	bool is_lazy;              /* decompressed by who reads, not ahead by a thread */
	void *pcap;                /* pcap_t of libpcap's formats */
	uint64_t next_claim;       /* file offset of the next block; claim's */
	atomic_uint nb_chunks;     /* claimed and not yet cut: keeps fd open */
	atomic_bool claimed_all;
	_Atomic uint64_t read_ahead; /* so far the kernel was asked to read; see readahead.c */

	struct follow *follow; /* of a file that is still written; or NULL */
	uint64_t pause_at_ns;  /* a stream's cut that has to wait ends then; monotonic */
	uint8_t *kept;         /* of a stream: read, but of a record that was not whole */
	size_t nb_kept, room_kept;
	uint64_t next_offset;    /* file offset of the next record */
	uint32_t interface_base; /* of the current section */
	uint64_t input_bytes;    /* compressed: of the input, so far */
	uint64_t record;         /* number of the next record or block, for messages */
	atomic_bool ended;
	bool begun;
	bool is_paused;     /* the last read gave up waiting: more may come */
	bool is_refused;    /* what comes next would take too much memory to decompress */
	bool no_memory;     /* to decompress what comes next: the run fails */
	bool cannot_follow; /* it was asked for, of what cannot be followed */
	bool is_broken;     /* it was not opened, for damage in front of all that could be read */
};

struct capture {
	struct source *sources;
	size_t nb_sources;
	size_t chunk_size;
	uint64_t max_frames;
	uint64_t epoch_frames;
	char *filter;
	struct filter_program *programs; /* by link type, see filter.c */
	size_t claim_source;             /* claim's */
	struct merge *merge;             /* NULL: one input behind the other */
	uint64_t max_memory;             /* of the inputs, see struct capture_params; 0: no limit */
	uint64_t memory;                 /* set aside for them, if there is a limit */
	uint64_t (*enough)(uint64_t bytes);
	atomic_bool stop;

	struct capture_interface *interfaces; /* reserved address space, grow-only */
	uint32_t nb_interfaces;
	struct capture_clock clock;
	struct capture_totals totals;
	struct capture_damage damage[CAPTURE_NB_DAMAGE];
	char failure[256];
};

static inline uint16_t get_u16(const uint8_t *p, bool swapped)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap16(v) : v;
}

static inline uint32_t get_u32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

#define PCAPNG_SECTION 0x0A0D0D0Au /* reads the same in both byte orders */

/*
 * Makes data[0, need) of the chunk present, as far as the input goes. Returns
 * the bytes present then, at most need more than asked for by the block.
 */
size_t source_ensure(struct capture *capture, struct source *source, struct chunk *chunk,
		     size_t need);
/* Skips n bytes that do not fit a stream's buffer. Returns bytes skipped. */
uint64_t source_discard(struct capture *capture, struct source *source, uint64_t n);
/*
 * Bytes of the input as it lies there for the bytes that a chunk's cut took: others if it is
 * compressed. Asked once a chunk.
 */
uint64_t source_input_bytes(struct source *source, uint64_t cut_bytes);

/*
 * foreign.c: names a format of another program by its first len bytes, and says what reads it.
 * False if it is none that is known.
 */
bool foreign_format_tell(const uint8_t *head, size_t len, char *text, size_t text_size);

/* stream.c */
/*
 * Reads need bytes of a stream, waiting for them, and up to room of those that are there;
 * less at its end and when the capture is stopped. -errno if a read fails.
 */
ssize_t stream_read(struct capture *capture, struct source *source, uint8_t *to, size_t need,
		    size_t room);
/* Notes what a decompressor that ended found wrong, and ends the source. True if there was. */
bool stream_note_damage(struct capture *capture, struct source *source);

/* waiting.c */
uint64_t waiting_now_ns(void);
/* A cut of a stream begins: with what the last one left. */
void waiting_begin(struct source *source, struct chunk *chunk);
/* It ends: keeps what it did not use. 0 or -ENOMEM. */
int waiting_end(struct source *source, const struct chunk *chunk);
/*
 * One read of a pipe, or of a file that is followed, waiting in steps: 0 at its end; -EAGAIN
 * when the capture is stopped, and with is_paused set when nothing came for a while.
 */
ssize_t waiting_read(const struct capture *capture, struct source *source, uint8_t *to,
		     size_t room);

/* Asks the kernel for what comes behind the chunk; called by whoever is about to read it. */
void source_read_ahead(struct source *source, const struct chunk *chunk);

/* The input as messages call it: its path, or stdin. */
const char *source_name(const struct source *source);

/* Sniffs and opens one of so many. 0, or -1 with one line in error. */
int source_open(const struct capture *capture, struct source *source, size_t nb_inputs,
		const char *path, char *error, size_t error_size);
int source_reopen(struct source *source);
/* Holds no file until source_reopen(), if it can be opened again at its place. */
void source_rest(struct source *source);
/* Any thread, more than once: a file that is open no longer than needed. */
void source_close_file(struct source *source);
void source_close(struct source *source);

/*
 * The books of one chunk's cut. What every record touches stands here and not in the
 * capture, so that it can stay in registers; capture_cut() adds it up at the end.
 */
struct cut {
	const struct frame *frames; /* of the chunk */
	struct frame *next, *end;   /* where the next one goes; the list's room, or that of -c */
	struct capture_interface *interface; /* of the frames from counted on */
	const struct frame *counted;
	struct capture_clock clock; /* INT64_MAX is its reference until it started */
	int64_t first_ts_ns, last_ts_ns;
	uint64_t captured_bytes, wire_bytes, time_jumps;
};

/* The frames to come are of this interface. */
static inline void cut_set_interface(struct cut *cut, struct capture_interface *interface)
{
	if (cut->interface == interface)
		return;
	if (cut->interface != NULL)
		cut->interface->nb_frames += (uint64_t)(cut->next - cut->counted);
	cut->counted = cut->next;
	cut->interface = interface;
}

/* True when the cut is to take no further frame: -c was reached. */
static inline bool cut_is_full(const struct cut *cut)
{
	return cut->next == cut->end;
}

/* Ticks the clock by a stamp that does not just follow it, and sees to the extremes. */
void cut_odd_stamp(struct cut *cut, int64_t ts_ns);

/* Takes one frame; the cut is not full. */
static inline void cut_add(struct cut *cut, const uint8_t *data, int64_t ts_ns, uint32_t caplen,
			   uint32_t wire_len)
{
	const uint64_t step_ns = (uint64_t)ts_ns - (uint64_t)cut->clock.reference_ns;

	/*
	 * As capture_clock_tick() has it for nearly all stamps. Those since the last odd one
	 * lie between it and the reference, so the extremes need no look at each.
	 */
	if (ts_ns >= cut->clock.reference_ns && step_ns <= CAPTURE_JUMP_NS) {
		cut->clock.reference_ns = ts_ns;
		cut->clock.elapsed_ns += step_ns;
	} else {
		cut_odd_stamp(cut, ts_ns);
	}
	cut->captured_bytes += caplen;
	cut->wire_bytes += wire_len;
	*cut->next++ = (struct frame){
		.data = data,
		.caplen = caplen,
		.wire_len = wire_len,
		.ts_ns = ts_ns,
		.clock_ns = cut->clock.elapsed_ns,
		.interface = cut->interface,
	};
}

/* Claims the source's next block of so many bytes; false if there is none. */
bool source_claim(struct capture *capture, struct source *source, struct chunk *chunk, size_t size);
bool source_is_at_end(const struct source *source);
/* As chunk_init(), for blocks of size bytes. */
int chunk_init_block(struct chunk *chunk, size_t size);
/* Cuts a block of the source without counting its frames; else as capture_cut(). */
int cut_lane(struct capture *capture, struct source *source, struct chunk *chunk);

/* budget.c */
struct decompress_limits;
/* What the decompressor of one input may take before it is known what the others need. */
struct decompress_limits budget_limits(const struct capture *capture, size_t nb_inputs);
/* All inputs are open, and read one behind the other: shares out what there is for them. */
void budget_plan(struct capture *capture);
/* Of the lanes of --merge; the plan makes less of them where memory is short. */
struct budget_lanes {
	size_t block, least_block; /* bytes of a file that a lane has at a time */
	bool is_lazy;              /* no decompressor has a thread */
	bool has_unpackers;        /* some inputs are compressed */
	uint64_t sum;              /* of all lanes, should they be open at the same time */
};
/* The same for inputs that are merged. Returns what those that are open may take together. */
uint64_t budget_plan_lanes(struct capture *capture, struct budget_lanes *lanes);
/* What an input takes for its decompression while it is open. */
uint64_t budget_input(const struct source *source, bool is_lazy);
/* ": --max-memory N would do", for inputs to have so many bytes; "" if nobody knows. */
const char *budget_hint(const struct capture *capture, uint64_t bytes, char *text, size_t size);

/* What a lane takes at most while it is open, but for a packet larger than its block. */
uint64_t merge_lane_bytes(size_t block);
/* merge.c: all sources are open. 0 or -ENOMEM. */
int merge_create(struct capture *capture);
void merge_destroy(struct capture *capture);
bool merge_claim(struct capture *capture, struct chunk *chunk);
/* Fills the chunk. 0 or -errno with capture->failure set. */
int merge_cut(struct capture *capture, struct chunk *chunk, struct cut *cut);

/* Cuts of one format each; see capture_cut(). */
int pcap_cut(struct capture *capture, struct source *source, struct chunk *chunk, struct cut *cut);
int pcapng_cut(struct capture *capture, struct source *source, struct chunk *chunk,
	       struct cut *cut);
int libpcap_cut(struct capture *capture, struct source *source, struct chunk *chunk,
		struct cut *cut);

/* True when no further chunk is to be looked at: -c was reached, or capture_stop(). */
static inline bool capture_stopped(const struct capture *capture)
{
	return atomic_load_explicit(&capture->stop, memory_order_relaxed);
}

/*
 * Of a stream that ends in the middle of a record: true if the rest was not waited for, or what
 * is wrong was said.
 */
static inline bool source_may_go_on(const struct capture *capture, const struct source *source)
{
	return source->is_stream &&
	       (capture_stopped(capture) || source->is_paused || atomic_load(&source->ended));
}

/* Notes why a file is not followed any more, at byte offset, if it is; true then. */
bool capture_note_unfollowed(struct capture *capture, struct source *source, uint64_t offset);
/* Closes a source whose last chunk is cut: by that cut, or by the claim that moves on. */
void capture_close_if_done(struct source *source);
/* Notes what was wrong at byte offset of the (decompressed) input and ends it. */
void capture_note_damage(struct capture *capture, struct source *source, uint64_t offset,
			 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Ends the input at offset: cleanly, or with damage if the file became shorter meanwhile. */
void capture_end_input(struct capture *capture, struct source *source, uint64_t offset);
/* Appends an interface; -errno with capture->failure set if the filter does not compile. */
int capture_add_interface(struct capture *capture, struct source *source,
			  const struct capture_interface *interface);

/* filter.c */
/* Compiles the text for the first input's link type; 0, or -1 with one line in error. */
int filter_check(struct capture *capture, char *error, size_t error_size);
int filter_compile(struct capture *capture, uint16_t link_type, bool swapped,
		   const struct bpf_insn **program);
void filter_free(struct capture *capture);
/*
 * For live capture; the program is the caller's to give to pcap_freecode(). 0, or -1 with
 * one line in error.
 */
struct bpf_program;
int filter_compile_text(const char *filter, uint16_t link_type, struct bpf_program *program,
			char *error, size_t error_size);

#endif
