/* SPDX-License-Identifier: BSD-3-Clause */

/* Compressed images, made by the libraries themselves. */

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "pack_support.h"

const char *const packing_names[NB_PACKINGS] = {"gzip", "zstd", "lz4", "xz", "bzip2"};

/* What no format makes of so many bytes. */
static size_t bound_of(size_t len)
{
	return len + len / 4 + 4096;
}

static size_t pack_gzip(uint8_t *to, size_t room, const void *data, size_t len)
{
	z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)data,
		      .avail_in = (uInt)len,
		      .next_out = to,
		      .avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	return room - z.avail_out;
}

static size_t pack_zstd(uint8_t *to, size_t room, const void *data, size_t len)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t n;

	assert_non_null(context);
	assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)));
	n = ZSTD_compress2(context, to, room, data, len);
	assert_false(ZSTD_isError(n));
	ZSTD_freeCCtx(context);
	return n;
}

static size_t pack_lz4(uint8_t *to, size_t room, const void *data, size_t len)
{
	const LZ4F_preferences_t preferences = {
		.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
	const size_t n = LZ4F_compressFrame(to, room, data, len, &preferences);

	assert_false(LZ4F_isError(n));
	return n;
}

static size_t pack_xz(uint8_t *to, size_t room, const void *data, size_t len)
{
	size_t n = 0;

	assert_int_equal(
		lzma_easy_buffer_encode(0, LZMA_CHECK_CRC64, NULL, data, len, to, &n, room),
		LZMA_OK);
	return n;
}

static size_t bzip2_of_level(uint8_t *to, size_t room, int level, const void *data, size_t len)
{
	unsigned int n = (unsigned int)room;

	assert_int_equal(BZ2_bzBuffToBuffCompress((char *)to, &n, (char *)(uintptr_t)data,
						  (unsigned int)len, level, 0, 0),
			 BZ_OK);
	return n;
}

static size_t pack_bzip2(uint8_t *to, size_t room, const void *data, size_t len)
{
	return bzip2_of_level(to, room, 1, data, len);
}

void put_plain(struct bytes *b)
{
	put_pcap_header(b, MAGIC_US, 2, 4, 1);
	for (uint32_t i = 1; i <= PLAIN_RECORDS; i++)
		put_pcap_record(b, i, 0, PLAIN_CAPLEN, PLAIN_CAPLEN, PLAIN_CAPLEN, i);
	assert_int_equal(b->len, PLAIN_BYTES);
}

void put_packed(struct bytes *b, enum packing packing, const void *data, size_t len)
{
	static size_t (*const packers[NB_PACKINGS])(uint8_t *, size_t, const void *, size_t) = {
		[PACK_GZIP] = pack_gzip, [PACK_ZSTD] = pack_zstd,   [PACK_LZ4] = pack_lz4,
		[PACK_XZ] = pack_xz,     [PACK_BZIP2] = pack_bzip2,
	};
	const size_t room = bound_of(len);
	uint8_t *to = malloc(room);

	assert_non_null(to);
	put_raw(b, to, packers[packing](to, room, data, len));
	free(to);
}

void put_bzip2(struct bytes *b, int level, const void *data, size_t len)
{
	const size_t room = bound_of(len);
	uint8_t *to = malloc(room);

	assert_non_null(to);
	put_raw(b, to, bzip2_of_level(to, room, level, data, len));
	free(to);
}

void put_zstd_window(struct bytes *b, int window_log, const void *data, size_t len)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	uint8_t *to = malloc(bound_of(len));
	ZSTD_outBuffer out = {.dst = to, .size = bound_of(len)};
	ZSTD_inBuffer in = {.src = data, .size = len};

	assert_non_null(context);
	assert_non_null(to);
	assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log)));
	/* Small tables: only the window that is asked for matters. */
	assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, 10)));
	while (in.pos < in.size)
		assert_false(
			ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_continue)));
	assert_int_equal(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0);
	put_raw(b, to, out.pos);
	ZSTD_freeCCtx(context);
	free(to);
}

static void put_lz4(struct bytes *b, const LZ4F_preferences_t *preferences, const void *data,
		    size_t len)
{
	uint8_t *to = malloc(bound_of(len));
	size_t n;

	assert_non_null(to);
	n = LZ4F_compressFrame(to, bound_of(len), data, len, preferences);
	assert_false(LZ4F_isError(n));
	put_raw(b, to, n);
	free(to);
}

void put_lz4_blocks(struct bytes *b, bool says_all, const void *data, size_t len)
{
	LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max256KB, .blockMode = LZ4F_blockIndependent}};

	if (says_all) {
		preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
		preferences.frameInfo.blockChecksumFlag = LZ4F_blockChecksumEnabled;
		preferences.frameInfo.contentSize = len;
	}
	put_lz4(b, &preferences, data, len);
}

void put_lz4_linked(struct bytes *b, const void *data, size_t len)
{
	const LZ4F_preferences_t preferences = {
		.frameInfo = {.blockSizeID = LZ4F_max64KB,
			      .blockMode = LZ4F_blockLinked,
			      .blockChecksumFlag = LZ4F_blockChecksumEnabled}};

	put_lz4(b, &preferences, data, len);
}

void put_xz_blocks(struct bytes *b, size_t block, const void *data, size_t len)
{
	const lzma_mt mt = {.threads = 2, .block_size = block, .check = LZMA_CHECK_CRC32};
	lzma_stream lzma = LZMA_STREAM_INIT;
	uint8_t *to = malloc(bound_of(len));
	lzma_ret rc;

	assert_non_null(to);
	assert_int_equal(lzma_stream_encoder_mt(&lzma, &mt), LZMA_OK);
	lzma.next_in = data;
	lzma.avail_in = len;
	lzma.next_out = to;
	lzma.avail_out = bound_of(len);
	do
		rc = lzma_code(&lzma, LZMA_FINISH);
	while (rc == LZMA_OK);
	assert_int_equal(rc, LZMA_STREAM_END);
	put_raw(b, to, bound_of(len) - lzma.avail_out);
	lzma_end(&lzma);
	free(to);
}

void put_skippable(struct bytes *b, uint32_t len)
{
	put32(b, 0x184d2a53);
	put32(b, len);
	put_zeros(b, len);
}
