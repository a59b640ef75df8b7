/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What seeds.py cannot make by itself.
 *
 *	fuzz-make table PATH         the small table of flows; "-" is a stream on stdout
 *	fuzz-make zstd|lz4 IN OUT    a file in one frame
 *	fuzz-make lz4-blocks IN OUT  the same, in small blocks, which could be large ones
 */

#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "small_table.h"

#define FILE_MAX ((size_t)1 << 20)
#define BLOCK 1000u

/* Each flush ends a block. */
static size_t pack_blocks(uint8_t *to, size_t room, const uint8_t *data, size_t size)
{
	const LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max256KB,
			      .blockMode = LZ4F_blockIndependent,
			      .contentChecksumFlag = LZ4F_contentChecksumEnabled,
			      .contentSize = size}};
	LZ4F_cctx *context = NULL;
	size_t len = 0, n = LZ4F_createCompressionContext(&context, LZ4F_VERSION);

	if (LZ4F_isError(n))
		return 0;
	n = LZ4F_compressBegin(context, to, room, &preferences);
	for (size_t at = 0; at < size && !LZ4F_isError(n); at += BLOCK) {
		len += n;
		n = LZ4F_compressUpdate(context, to + len, room - len, data + at,
					size - at < BLOCK ? size - at : BLOCK, NULL);
		len += LZ4F_isError(n) ? 0 : n;
		n = LZ4F_flush(context, to + len, room - len, NULL);
	}
	len += LZ4F_isError(n) ? 0 : n;
	n = LZ4F_compressEnd(context, to + len, room - len, NULL);
	(void)LZ4F_freeCompressionContext(context);
	return LZ4F_isError(n) ? 0 : len + n;
}

static size_t pack(const char *format, uint8_t *to, size_t room, const uint8_t *data, size_t size)
{
	const LZ4F_preferences_t preferences = {
		.frameInfo = {.blockChecksumFlag = LZ4F_blockChecksumEnabled}};
	size_t n;

	if (strcmp(format, "zstd") == 0) {
		n = ZSTD_compress(to, room, data, size, 1);
		return ZSTD_isError(n) ? 0 : n;
	}
	if (strcmp(format, "lz4-blocks") == 0)
		return pack_blocks(to, room, data, size);
	n = LZ4F_compressFrame(to, room, data, size, &preferences);
	return LZ4F_isError(n) ? 0 : n;
}

static bool pack_file(const char *format, const char *from, const char *path)
{
	uint8_t *data = malloc(FILE_MAX), *to = malloc(2 * FILE_MAX);
	FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
	bool ok = data != NULL && to != NULL && in != NULL && out != NULL;
	size_t n;

	if (ok) {
		n = fread(data, 1, FILE_MAX, in);
		n = pack(format, to, 2 * FILE_MAX, data, n);
		ok = n != 0 && fwrite(to, 1, n, out) == n;
	}
	if (in != NULL)
		(void)fclose(in);
	if (out != NULL)
		ok = fclose(out) == 0 && ok;
	free(data);
	free(to);
	return ok;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "table") == 0)
		return small_table_write(argv[2]) ? 0 : 1;
	if (argc == 4)
		return pack_file(argv[1], argv[2], argv[3]) ? 0 : 1;
	return 2;
}
