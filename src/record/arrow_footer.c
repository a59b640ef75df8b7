/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arrow_footer_priv.h"
#include "arrow_priv.h"
#include "flatbuffer_priv.h"

int arrow_blocks_add(struct arrow_blocks *list, const struct arrow_block *block)
{
	if (list->nb == list->capacity) {
		const size_t capacity = list->capacity ? 2 * list->capacity : 64;
		struct arrow_block *blocks = realloc(list->blocks, capacity * sizeof(*blocks));

		if (!blocks)
			return -ENOMEM;
		list->blocks = blocks;
		list->capacity = capacity;
	}
	list->blocks[list->nb++] = *block;
	return 0;
}

void arrow_blocks_fini(struct arrow_blocks *list)
{
	free(list->blocks);
	*list = (struct arrow_blocks){0};
}

static size_t build_blocks(struct flatbuffer *fb, const struct arrow_blocks *list)
{
	const size_t vector = flatbuffer_vector(fb, list->nb, ARROW_BLOCK_LEN, 8);
	size_t at = vector + 4;

	for (size_t i = 0; i < list->nb; i++, at += ARROW_BLOCK_LEN) {
		flatbuffer_put(fb, at, list->blocks[i].offset, 8);
		flatbuffer_put(fb, at + 8, list->blocks[i].metadata_len, 4);
		flatbuffer_put(fb, at + 16, list->blocks[i].body_len, 8);
	}
	return vector;
}

size_t arrow_footer_begin(struct flatbuffer *fb, size_t nb_metadata)
{
	const uint8_t widths[NB_FOOTER_SLOTS] = {2, 4, 4, 4, nb_metadata ? 4 : 0};
	size_t footer;

	flatbuffer_init(fb);
	footer = flatbuffer_table(fb, widths, NB_FOOTER_SLOTS);
	flatbuffer_ref(fb, 0, footer);
	flatbuffer_put(fb, flatbuffer_slot(fb, footer, FOOTER_VERSION), ARROW_VERSION_5, 2);
	return footer;
}

void arrow_footer_end(struct flatbuffer *fb, size_t footer, const struct arrow_blocks *dictionaries,
		      const struct arrow_blocks *batches, const struct arrow_kv *metadata,
		      size_t nb)
{
	flatbuffer_ref(fb, flatbuffer_slot(fb, footer, FOOTER_DICTIONARIES),
		       build_blocks(fb, dictionaries));
	flatbuffer_ref(fb, flatbuffer_slot(fb, footer, FOOTER_BATCHES), build_blocks(fb, batches));
	if (nb)
		flatbuffer_ref(fb, flatbuffer_slot(fb, footer, FOOTER_METADATA),
			       arrow_build_metadata(fb, metadata, nb));
}

uint8_t *arrow_footer_tail(const struct flatbuffer *fb, size_t *len)
{
	uint8_t *tail = NULL;

	*len = ARROW_PREFIX_LEN + fb->len + ARROW_TAIL_LEN;
	if (!fb->failed)
		tail = malloc(ARROW_PREFIX_LEN + fb->len + 8 + ARROW_TAIL_LEN);
	if (!tail)
		return NULL;
	arrow_put64(tail, ARROW_CONTINUATION);
	memcpy(tail + ARROW_PREFIX_LEN, fb->data, fb->len);
	arrow_put64(tail + ARROW_PREFIX_LEN + fb->len, fb->len);
	memcpy(tail + ARROW_PREFIX_LEN + fb->len + 4, ARROW_MAGIC, 6);
	return tail;
}
