/* SPDX-License-Identifier: ISC */
/* codec: bytes come back as they went in, stored only smaller where that pays; lies are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/limits.h"
#include "shard/codec.h"

static char noise[5000], text[5000], back[5000];

static int
setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof noise; i++) {
		noise[i] = (char)hash_u64(i + 1);
		text[i] = (char)('a' + i % 10);
	}
	return 0;
}

static void
compresses_what_repeats(void **state)
{
	struct buf b = BUF_INIT;
	enum section_codec codec = CODEC_NONE;
	struct err e = ERR_INIT;

	(void)state;
	BUF_LIT(&b, "before");
	assert_int_equal(codec_compress(&b, sv_new(text, sizeof text), 3, &codec, &e), 0);
	assert_int_equal(codec, CODEC_ZSTD);
	assert_true(b.n < 500);
	assert_int_equal(codec_decompress(codec, sv_new(b.p + 6, b.n - 6), back, sizeof back, &e), 0);
	assert_memory_equal(back, text, sizeof text);
	buf_release(&b);
}

static void
stores_what_does_not_shrink(void **state)
{
	static const size_t sizes[] = { 0, 1, 47, 48, 5000 };

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buf b = BUF_INIT;
		enum section_codec codec = CODEC_ZSTD;
		struct err e = ERR_INIT;

		assert_int_equal(codec_compress(&b, sv_new(noise, sizes[i]), 3, &codec, &e), 0);
		assert_int_equal(codec, CODEC_NONE);
		assert_int_equal(b.n, sizes[i]);
		assert_int_equal(codec_decompress(codec, buf_view(&b), back, sizes[i], &e), 0);
		if (sizes[i] != 0)
			assert_memory_equal(back, noise, sizes[i]);
		buf_release(&b);
	}
}

static void
level_0_stores_everything(void **state)
{
	struct buf b = BUF_INIT;
	enum section_codec codec = CODEC_ZSTD;

	(void)state;
	assert_int_equal(codec_compress(&b, sv_new(text, sizeof text), 0, &codec, NULL), 0);
	assert_int_equal(codec, CODEC_NONE);
	assert_int_equal(b.n, sizeof text);
	buf_release(&b);
}

static void
a_frame_is_a_frame_even_if_larger(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(codec_frame(&b, sv_new(noise, 10), 1, NULL), 0);
	assert_true(b.n > 10);
	assert_int_equal(codec_decompress(CODEC_ZSTD, buf_view(&b), back, 10, NULL), 0);
	assert_memory_equal(back, noise, 10);
	buf_release(&b);
}

static void
refuses_other_sizes_and_codecs(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(codec_frame(&b, sv_new(text, 1000), 3, NULL), 0);
	assert_int_equal(codec_decompress(CODEC_ZSTD, buf_view(&b), back, 999, &e), ERR_CORRUPT);
	assert_int_equal(codec_decompress(CODEC_ZSTD, buf_view(&b), back, 1001, &e), ERR_CORRUPT);
	assert_int_equal(codec_decompress(CODEC_NONE, buf_view(&b), back, b.n + 1, &e), ERR_CORRUPT);
	assert_int_equal(codec_decompress(7, buf_view(&b), back, b.n, &e), ERR_CORRUPT);
	assert_int_equal(codec_decompress(CODEC_ZSTD, buf_view(&b), back,
	    (size_t)LIMIT_SECTION_BYTES + 1, &e), ERR_CORRUPT);
	for (size_t n = 0; n < b.n; n++)
		assert_int_equal(codec_decompress(CODEC_ZSTD, sv_new(b.p, n), back, 1000, &e),
		    ERR_CORRUPT);
	buf_release(&b);
}

static void *
compress_often(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct buf b = BUF_INIT;
		enum section_codec codec;
		char out[3000];

		if (codec_compress(&b, sv_new(text, sizeof out), 3, &codec, NULL) != 0 ||
		    codec_decompress(codec, buf_view(&b), out, sizeof out, NULL) != 0 ||
		    memcmp(out, text, sizeof out) != 0)
			*(bool *)arg = false;
		buf_release(&b);
	}
	return NULL;
}

static void
works_in_several_threads(void **state)
{
	bool ok[4] = { true, true, true, true };
	pthread_t t[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, compress_often, &ok[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		assert_true(ok[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(compresses_what_repeats),
		cmocka_unit_test(stores_what_does_not_shrink),
		cmocka_unit_test(level_0_stores_everything),
		cmocka_unit_test(a_frame_is_a_frame_even_if_larger),
		cmocka_unit_test(refuses_other_sizes_and_codecs),
		cmocka_unit_test(works_in_several_threads),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
