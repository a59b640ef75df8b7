/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TCPMILL_ARROW_FOOTER_PRIV_H
#define TCPMILL_ARROW_FOOTER_PRIV_H

/* What stands at the end of an Arrow file: where its messages are, and what is said of them. */

#include <stddef.h>
#include <stdint.h>

struct arrow_kv;
struct flatbuffer;

/* Where one message lies. */
struct arrow_block {
	uint64_t offset;
	uint64_t metadata_len; /* prefix included */
	uint64_t body_len;
};

struct arrow_blocks {
	struct arrow_block *blocks;
	size_t nb, capacity;
};

/* 0 or -ENOMEM. */
int arrow_blocks_add(struct arrow_blocks *list, const struct arrow_block *block);
void arrow_blocks_fini(struct arrow_blocks *list);

/*
 * Starts a footer; its position. Before it is ended the caller puts a schema
 * behind it and lets FOOTER_SCHEMA point there.
 */
size_t arrow_footer_begin(struct flatbuffer *fb, size_t nb_metadata);
void arrow_footer_end(struct flatbuffer *fb, size_t footer, const struct arrow_blocks *dictionaries,
		      const struct arrow_blocks *batches, const struct arrow_kv *metadata,
		      size_t nb);

/* End of stream, the footer, its length, magic: the caller frees it. NULL without memory. */
uint8_t *arrow_footer_tail(const struct flatbuffer *fb, size_t *len);

#endif
