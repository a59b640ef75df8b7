/* SPDX-License-Identifier: BSD-3-Clause */

/* Blocks of bzip2, by libbz2, some of them by threads. */

#include <stdlib.h>

#include "decompress_bits.h"
#include "decompress_bzip2_block.h"

#define FIRST_ROOM (1u << 20) /* most blocks have 900 kB */

struct bzip2_block *bzip2_block_create(char level, uint64_t place)
{
	struct bzip2_block *b = calloc(1, sizeof(*b));
	char header[] = {'B', 'Z', 'h', level};

	if (b == NULL)
		return NULL;
	b->level = level;
	b->place = b->taken = place;
	if (BZ2_bzDecompressInit(&b->bz, 0, 0) != BZ_OK) {
		free(b);
		return NULL;
	}
	b->bz.next_in = header;
	b->bz.avail_in = sizeof(header);
	if (BZ2_bzDecompress(&b->bz) == BZ_OK)
		return b;
	bzip2_block_destroy(b);
	return NULL;
}

void bzip2_block_destroy(struct bzip2_block *b)
{
	if (b == NULL)
		return;
	job_end(&b->job);
	(void)BZ2_bzDecompressEnd(&b->bz);
	free(b->in);
	free(b->out);
	free(b);
}

static size_t call(struct bzip2_block *b, const uint8_t *in, size_t nb_in, uint8_t *out,
		   size_t room)
{
	b->bz.next_in = (char *)(uintptr_t)in; /* libbz2 does not write to it */
	b->bz.avail_in = (unsigned int)nb_in;
	b->bz.next_out = (char *)out;
	b->bz.avail_out = (unsigned int)room;
	b->rc = BZ2_bzDecompress(&b->bz);
	b->taken += 8 * (nb_in - b->bz.avail_in);
	if (b->rc != BZ_OK)
		b->state = BLOCK_BROKEN;
	return room - b->bz.avail_out;
}

size_t bzip2_block_call(struct bzip2_block *b, const uint8_t *in, size_t nb_in, uint8_t *out)
{
	size_t n;

	if (b->state == BLOCK_TAKES) {
		/* Without room for the first byte it goes no further than to the block's end. */
		(void)call(b, in, nb_in, out, 0);
		if (b->bz.avail_in != 0 && b->state != BLOCK_BROKEN)
			b->state = BLOCK_GIVES;
	}
	if (b->state == BLOCK_BROKEN)
		return 0;
	/* Without input it goes no further than to this block's checksum. */
	n = call(b, in, 0, out, BZIP2_PIECE);
	if (b->state == BLOCK_TAKES && n != 0)
		b->state = BLOCK_GIVES;
	else if (b->state == BLOCK_GIVES && n == 0)
		b->state = BLOCK_DONE;
	return n;
}

bool bzip2_block_precedes(struct bzip2_block *b, const uint8_t *in)
{
	(void)call(b, in, BZIP2_MAGIC_BITS / 8, NULL, 0);
	return b->state == BLOCK_DONE;
}

/* False if nothing more is made of it now. */
static bool make_room(struct bzip2_block *b)
{
	const size_t room = b->out_room == 0 ? FIRST_ROOM : 2 * b->out_room;
	uint8_t *out;

	if (b->out_room - b->out_len >= BZIP2_PIECE)
		return true;
	if (room > BZIP2_MAX_OUT)
		return false;
	out = realloc(b->out, room);
	if (out == NULL)
		return false;
	b->out = out;
	b->out_room = room;
	return true;
}

static void decode_block(struct job *job)
{
	struct bzip2_block *b = (struct bzip2_block *)job;

	while (b->state < BLOCK_DONE && !job_quits(job)) {
		const uint64_t taken = b->taken;

		if ((b->state == BLOCK_TAKES && b->in_at == b->in_len) || !make_room(b))
			return;
		b->out_len += bzip2_block_call(b, b->in + b->in_at, b->in_len - b->in_at,
					       b->out + b->out_len);
		b->in_at += (size_t)(b->taken - taken) / 8;
	}
}

bool bzip2_block_start(struct bzip2_block *b, struct crew *crew)
{
	return job_start(&b->job, crew, "tcpmill-bzip2", decode_block);
}
