/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_CAPTURE_H
#define TCPMILL_CAPTURE_H

/*
 * Captures as one stream of frames: inputs in the order given, cut into chunks.
 *
 * A chunk is a block of a file, and owns the records that *start* in it. It is
 * claimed in order, read in parallel, and cut in order: the only step that is serial
 * for every frame. It validates record headers, numbers frames, runs the capture
 * clock, keeps pcapng's interface table, and leaves a list of the chunk's frames, so
 * that nobody behind it parses a record again.
 *
 * Threads: capture_claim() and capture_cut() are each called by one thread at a
 *          time, with a lock or its equivalent between calls; capture_read() by any
 *          number, on different chunks. What the frames of a chunk point to in the
 *          capture (interfaces, filter) was written before its cut ended.
 * Memory:  chunks belong to the caller; frames point into their buffers.
 * Formats: pcap (libpcap's pcap-savefile(5)) in us and ns, both byte orders, and
 *          the "modified" variant; pcapng (draft-ietf-opsawg-pcapng) natively;
 *          anything else that libpcap opens, through libpcap. The first two also in
 *          gzip, zstd, lz4 (frames), xz or bzip2.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_insn;
struct capture;

/* Largest packet and block that are believed; more is damage (as in tshark). */
#define CAPTURE_MAX_CAPLEN 262144u
#define CAPTURE_MAX_BLOCK (16u << 20)
#define CAPTURE_MIN_CHUNK 4096u
/* A chunk has one frame for so many of its bytes at most, and one more. */
#define CAPTURE_MIN_RECORD 16u
#define CAPTURE_MAX_CHUNK (8u << 20)
#define CAPTURE_MAX_INTERFACES (1u << 20)
#define CAPTURE_ERROR_SIZE (4096 + 512) /* of a line about an input: any name, and words */
#define CAPTURE_NB_DAMAGE 16            /* damages that are kept in words; all are counted */

/* One pcapng interface, or the one of a pcap file. Grow-only table of the run. */
struct capture_interface {
	uint64_t nb_frames;
	uint64_t drops;     /* by the last interface statistics block; UINT64_MAX = none */
	int64_t offset_ns;  /* if_tsoffset */
	uint32_t snaplen;   /* 0 = no limit */
	uint16_t link_type; /* LINKTYPE_ value of the file */
	uint8_t ts_resol;   /* if_tsresol as in pcapng: 10^-n, or 2^-n with the top bit */
	uint8_t fcs_len;    /* bytes of check sequence behind each Ethernet frame */
	uint32_t input;
	uint32_t ns_per_tick;          /* of ts_resol, 0 if that is no whole number */
	const struct bpf_insn *filter; /* NULL = everything passes */
};

#define CAPTURE_JUMP_NS 86400000000000u /* a longer step forward is a jump: one day */

/* The capture clock, definitions 2.1. */
struct capture_clock {
	int64_t reference_ns;
	uint64_t elapsed_ns;
	bool started;
};

/* One frame as captured. */
struct frame {
	const uint8_t *data;
	uint32_t caplen;
	uint32_t wire_len;
	int64_t ts_ns;
	uint64_t clock_ns;
	const struct capture_interface *interface;
};

struct chunk {
	uint8_t *data;
	size_t capacity;
	uint32_t input;  /* index of the input; see chunk_input() */
	bool is_merged;  /* frames of any input */
	uint64_t offset; /* of data[0] in the file */
	size_t len;      /* bytes present */
	size_t limit;    /* records starting before it belong to the chunk */
	int read_error;  /* errno of the block's read, 0 = none */
	bool is_stream;

	/* Filled by the cut. */
	struct frame *frames; /* whole records, in order */
	uint32_t nb_frames;
	uint32_t room;        /* of frames */
	uint64_t first_frame; /* number of the first one; 1-based over all inputs */
	size_t first;         /* data offset of the first record */

	/* First frame that belongs to a new epoch (2^20 frames), and the clock before it. */
	uint64_t border_frame; /* 0 = no border in this chunk */
	uint64_t border_clock_ns;
};

struct capture_params {
	const char *const *paths;
	size_t nb_paths;
	/* [nb_paths], or NULL: found in a folder and not named. What is damaged before anything
	 * in it can be read is a damaged input then, and no reason to stop. */
	const bool *is_found;
	size_t chunk_size;   /* bytes of file a chunk */
	uint64_t max_frames; /* stop after so many; 0 = no limit */
	const char *filter;  /* BPF text, or NULL */
	bool merge;          /* inputs by time instead of one behind the other */
	/*
	 * An epoch is 2^epoch_shift frames (definitions 1.6), at least as many as a chunk can
	 * have; 0: CAPTURE_EPOCH_SHIFT.
	 */
	uint8_t epoch_shift;
	bool follow; /* the last input is a file that is still written; not with merge */
	uint64_t follow_timeout_ns; /* it ends when nothing came for so long; 0 = never */
	bool (*is_stopped)(void);   /* asked while it is waited for; or NULL */
	/*
	 * What inputs may take beside chunks: to be decompressed, and with merge for those that are
	 * open at a time. What does not fit is refused, in words. 0: no limit but 256 MiB to
	 * decompress each.
	 */
	uint64_t max_memory;
	/* For these words: what to give the program so that inputs may take so much; 0: nothing
	 * would do. Or NULL. */
	uint64_t (*enough)(uint64_t bytes);
};
#define CAPTURE_EPOCH_SHIFT 20

struct capture_input {
	const char *path;
	const char *format; /* "pcap", "pcap, ns", "pcapng, gzip" ... */
	uint64_t size;      /* bytes, as it lies there; 0 if unknown (a pipe) */
	uint64_t first_frame;
	uint64_t nb_frames;
};

/* What stopped an input before its end. Text: "damaged at byte N (record M): ...". */
struct capture_damage {
	uint32_t input;
	char text[232];
};

struct capture_totals {
	uint64_t nb_frames, wire_bytes, captured_bytes;
	uint64_t file_bytes;             /* of the captures; decompressed */
	uint64_t input_bytes;            /* of the inputs as they lie there: compressed */
	int64_t first_ts_ns, last_ts_ns; /* smallest and largest stamp */
	uint64_t time_jumps;             /* definitions 2.1 */
	uint64_t nb_damage;
};

/*
 * Opens and sniffs every input; fails before anything is read if one is missing
 * or no capture (but see is_found). A file that is followed is waited for until its header is
 * there. NULL with one line in error; *usage is set when the filter text is at fault, or what is to
 * be followed is no plain file.
 */
struct capture *capture_open(const struct capture_params *params, char *error, size_t error_size,
			     bool *usage);
void capture_close(struct capture *capture);
/* What was set aside for the inputs, if there is a limit: they never take more. */
uint64_t capture_memory(const struct capture *capture);

/* Makes a chunk's buffer and its list of frames. 0 or -ENOMEM. */
int chunk_init(struct chunk *chunk, const struct capture *capture);
/* Accepts a zeroed chunk. */
void chunk_fini(struct chunk *chunk);

/* Assigns the next block to the chunk. False when all blocks are handed out. */
bool capture_claim(struct capture *capture, struct chunk *chunk);
/* Fills the chunk's buffer (files; a stream is read by its cut). */
void capture_read(struct capture *capture, struct chunk *chunk);
/*
 * Cuts the chunk; must be called in the order of the claims. 0, or -errno when
 * the run cannot go on (out of memory, filter does not fit a link type): then
 * capture_failure() says why. Damaged input is not a failure.
 */
int capture_cut(struct capture *capture, struct chunk *chunk);
const char *capture_failure(const struct capture *capture);
/* Asks a cut that waits on a pipe to return; safe from any thread. */
void capture_stop(struct capture *capture);

/* What a look at the beginning of a file shows. */
enum capture_peeked {
	CAPTURE_PEEKED_PACKET,  /* its first packet */
	CAPTURE_PEEKED_NOTHING, /* a capture without packets */
	CAPTURE_PEEKED_OTHER,   /* no capture */
	CAPTURE_PEEKED_FAILED,  /* it is not known, with errno: memory or descriptors are short */
};

/* The stamp of a file's first packet; not for pipes, from which it would be taken. */
enum capture_peeked capture_peek(const char *path, int64_t *first_ts_ns);

/* The captures of a folder, found by content. Hidden files, sub-folders, pipes and devices, and
 * Arrow files such as we write are passed over without a word. */
struct capture_folder {
	char **paths; /* by (time of the first packet, name); those without packets last */
	size_t nb;
	size_t nb_others; /* files that are no captures, links that lead nowhere */
	char other[256];  /* name of one of them */
};

/* 0, or -1 with one line in error: the folder or one of its files cannot be read, or there is
 * no capture in it. */
int capture_folder_list(const char *folder, struct capture_folder *set, char *error,
			size_t error_size);
void capture_folder_free(struct capture_folder *set);

/* True if the frame passes the filter, by wire and captured length. */
bool capture_filter_match(const struct frame *frame);

size_t capture_nb_inputs(const struct capture *capture);
const struct capture_input *capture_input(const struct capture *capture, size_t i);
size_t capture_nb_interfaces(const struct capture *capture);
const struct capture_interface *capture_interface(const struct capture *capture, size_t i);
const struct capture_totals *capture_totals(const struct capture *capture);
const struct capture_damage *capture_damage(const struct capture *capture, size_t i);
/* Name of a LINKTYPE_ value, "EN10MB"; NULL if libpcap has none. */
const char *capture_link_type_name(uint16_t link_type);

/* The input that a frame of the chunk is of. */
static inline uint32_t chunk_input(const struct chunk *chunk, uint32_t frame)
{
	return chunk->is_merged ? chunk->frames[frame].interface->input : chunk->input;
}

/* Advances the clock by one frame's stamp; returns true on a jump. */
static inline bool capture_clock_tick(struct capture_clock *clock, int64_t ts_ns)
{
	const int64_t hour_ns = 3600000000000;

	if (!clock->started) {
		clock->started = true;
		clock->reference_ns = ts_ns;
		return false;
	}
	if (ts_ns > clock->reference_ns) {
		const int64_t reference = clock->reference_ns;

		clock->reference_ns = ts_ns;
		if ((uint64_t)ts_ns - (uint64_t)reference > CAPTURE_JUMP_NS)
			return true;
		clock->elapsed_ns += (uint64_t)(ts_ns - reference);
		return false;
	}
	if ((uint64_t)clock->reference_ns - (uint64_t)ts_ns > (uint64_t)hour_ns) {
		clock->reference_ns = ts_ns;
		return true;
	}
	return false;
}

#endif
