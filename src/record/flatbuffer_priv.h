/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_FLATBUFFER_PRIV_H
#define TCPMILL_FLATBUFFER_PRIV_H

/*
 * Flatbuffers, as far as Arrow's metadata needs them: a builder that writes
 * forward (parents first, children after, references patched), and a view that
 * checks every offset of a buffer nobody vouches for.
 *
 * Positions are bytes from the start of the buffer. Both sides keep a sticky
 * flag instead of returning an error from each call: look at it once, at the end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- building ---------------------------------------------------------- */

struct flatbuffer {
	uint8_t *data; /* malloc'ed; all padding is zero */
	size_t len;
	size_t capacity;
	bool failed; /* out of memory; every call is harmless from then on */
};

/* Starts with the room for the root reference. */
void flatbuffer_init(struct flatbuffer *fb);
void flatbuffer_fini(struct flatbuffer *fb);

/* Appends len zero bytes at a multiple of align (a power of two, at most 64); its position. */
size_t flatbuffer_room(struct flatbuffer *fb, size_t len, size_t align);

/* Stores width bytes of value, little-endian. */
void flatbuffer_put(struct flatbuffer *fb, size_t at, uint64_t value, size_t width);

/* Appends a vtable and a zeroed table; widths[i] bytes for slot i, 0 = absent. At most 8 slots. */
size_t flatbuffer_table(struct flatbuffer *fb, const uint8_t *widths, size_t nb);

/* Position of a present slot of a table built above. */
size_t flatbuffer_slot(const struct flatbuffer *fb, size_t table, size_t slot);

/* Appends a vector and zeroed elements; its position, elements are 4 bytes behind it. */
size_t flatbuffer_vector(struct flatbuffer *fb, size_t nb, size_t width, size_t align);
size_t flatbuffer_string(struct flatbuffer *fb, const char *text);

/* Lets the reference at position `at` point to target, which lies behind it. */
void flatbuffer_ref(struct flatbuffer *fb, size_t at, size_t target);

/* ---- viewing ----------------------------------------------------------- */

struct flatview {
	const uint8_t *data;
	size_t len;
	bool bad; /* something pointed outside; what was read since is 0 or absent */
};

/* A checked table; pos 0 = absent. */
struct flatview_table {
	size_t pos, len;
	size_t vtable, vtable_len;
};

/* A checked vector; pos is that of the first element. */
struct flatview_vector {
	size_t pos;
	uint32_t nb;
};

struct flatview_table flatview_root(struct flatview *view);

/* A scalar of width 1, 2, 4 or 8 bytes, zero-extended; otherwise when the slot is absent. */
uint64_t flatview_scalar(struct flatview *view, const struct flatview_table *table, size_t slot,
			 size_t width, uint64_t otherwise);
struct flatview_table flatview_sub(struct flatview *view, const struct flatview_table *table,
				   size_t slot);
struct flatview_vector flatview_elements(struct flatview *view, const struct flatview_table *table,
					 size_t slot, size_t width);

/* NUL-terminated, inside the buffer; NULL when absent or bad. */
const char *flatview_text(struct flatview *view, const struct flatview_table *table, size_t slot);

/* Element i of a vector of tables. */
struct flatview_table flatview_item(struct flatview *view, const struct flatview_vector *vector,
				    uint32_t i);

/* Little-endian number at a position that was checked before. */
uint64_t flatview_number(const struct flatview *view, size_t at, size_t width);

#endif
