/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of ingest/unpack and the stream under it: members and frames in a row, the
 * window that a zstd frame may ask for, blocks of bounded size. What a reader makes of
 * damaged containers is in test_record_reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <zstd.h>

#include "base/limits.h"
#include "ingest/unpack_i.h"

struct input {
	struct sv s;
	size_t at, piece;
};

static int64_t
read_input(void *arg, void *buf, size_t n, struct err *err)
{
	struct input *in = arg;
	size_t left = in->s.n - in->at;

	(void)err;
	n = n < left ? n : left;
	n = n < in->piece ? n : in->piece;
	if (n != 0)
		memcpy(buf, in->s.p + in->at, n);
	in->at += n;
	return (int64_t)n;
}

/* Unpacks all of s, read in pieces, asking for `ask` bytes at a time: 0 or the error. */
static int
unpack_all(struct sv s, size_t piece, size_t ask, struct buf *out, struct err *err)
{
	struct input in = { s, 0, piece };
	struct source_bytes src = { read_input, &in };
	struct stream st;
	struct unpack *u;
	char tmp[1000];
	int64_t n;

	stream_init(&st, &src);
	if (s.n > 1 && (uint8_t)s.p[0] == 0x1f)
		assert_int_equal(unpack_gzip(&st, &u, err), 0);
	else
		assert_int_equal(unpack_zstd(&st, &u, err), 0);
	src = unpack_source(u);
	while ((n = src.read(src.arg, tmp, ask, err)) > 0)
		buf_put(out, tmp, (size_t)n);
	unpack_close(u);
	stream_release(&st);
	return (int)n;
}

/* "hello\n" and "world\n", packed one after the other by gzip -9n and by zstd. */
static const char hello_gz[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a"
    "\x36\x06\x00\x00\x00";
static const char hello_zst[] =
    "\x28\xb5\x2f\xfd\x20\x06\x31\x00\x00hello\n";

static void
members_and_frames_follow_each_other(void **state)
{
	static const struct sv one[] = { { hello_gz, sizeof hello_gz - 1 },
	    { hello_zst, sizeof hello_zst - 1 } };
	static const size_t sizes[] = { 1, 3, 1000 };

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < 9; i++) {
			struct buf in = BUF_INIT, out = BUF_INIT;
			struct err err;

			for (int j = 0; j < 3; j++)
				buf_sv(&in, one[k]);
			assert_int_equal(unpack_all(buf_view(&in), sizes[i % 3], sizes[i / 3],
			    &out, &err), 0);
			assert_string_equal(buf_cstr(&out), "hello\nhello\nhello\n");
			buf_release(&in);
			buf_release(&out);
		}
}

static void
skippable_frames_are_skipped(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct err err;

	(void)state;
	buf_put(&in, "\x50\x2a\x4d\x18\x03\0\0\0abc", 11);
	buf_put(&in, hello_zst, sizeof hello_zst - 1);
	buf_put(&in, "\x5f\x2a\x4d\x18\0\0\0\0", 8);
	assert_int_equal(unpack_all(buf_view(&in), 5, 1000, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "hello\n");
	buf_release(&in);
	buf_release(&out);
}

static void
damage_is_an_error_with_a_place(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct err err;

	(void)state;
	buf_put(&in, hello_gz, sizeof hello_gz - 1);
	in.p[20] ^= 1;		/* in the checksum */
	assert_int_equal(unpack_all(buf_view(&in), 1000, 1000, &out, &err), ERR_CORRUPT);
	assert_string_equal(buf_cstr(&out), "hello\n");
	assert_non_null(strstr(err.msg, "gzip data: incorrect data check"));
	assert_true(err.off > 0 && err.off <= (int64_t)in.n);
	out.n = 0;
	assert_int_equal(unpack_all(sv_sub(buf_view(&in), 0, 15), 1000, 1000, &out, &err),
	    ERR_CORRUPT);
	assert_string_equal(err.msg, "gzip data: the input ends in the middle");
	assert_int_equal(err.off, 15);
	in.n = out.n = 0;
	buf_put(&in, hello_zst, sizeof hello_zst - 1);
	buf_str(&in, "rubbish");
	assert_int_equal(unpack_all(buf_view(&in), 1000, 1000, &out, &err), ERR_CORRUPT);
	assert_string_equal(buf_cstr(&out), "hello\n");
	assert_non_null(strstr(err.msg, "zstd data: "));
	buf_release(&in);
	buf_release(&out);
}

/* A frame by hand: no content size, this window, one raw block of "hi". */
static void
put_frame(struct buf *b, unsigned window_log)
{
	buf_put(b, "\x28\xb5\x2f\xfd\x00", 5);
	buf_putc(b, (char)((window_log - 10) << 3));
	buf_put(b, "\x11\x00\x00hi", 5);
}

static void
bounds_the_window(void **state)
{
	struct buf in = BUF_INIT, out = BUF_INIT;
	struct err err;
	char *p;
	size_t n;

	(void)state;
	put_frame(&in, LIMIT_ZSTD_WINDOW_LOG);
	assert_int_equal(unpack_all(buf_view(&in), 1000, 1000, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), "hi");
	assert_int_equal(unpack_zstd_block(buf_view(&in), 10, &p, &n, &err), 0);
	assert_int_equal(n, 2);
	free(p);
	in.n = 0;
	put_frame(&in, LIMIT_ZSTD_WINDOW_LOG + 1);
	assert_int_equal(unpack_all(buf_view(&in), 1000, 1000, &out, &err), ERR_CORRUPT);
	assert_int_equal(unpack_zstd_block(buf_view(&in), 10, &p, &n, &err), ERR_CORRUPT);
	buf_release(&in);
	buf_release(&out);
}

static void
bounds_the_block(void **state)
{
	static char zeros[100000];
	char packed[1000];
	struct err err;
	size_t n = ZSTD_compress(packed, sizeof packed, zeros, sizeof zeros, 1), len;
	char *p;

	(void)state;
	assert_false(ZSTD_isError(n));
	assert_int_equal(unpack_zstd_block(sv_new(packed, n), sizeof zeros, &p, &len, &err), 0);
	assert_int_equal(len, sizeof zeros);
	assert_memory_equal(p, zeros, len);
	free(p);
	assert_int_equal(unpack_zstd_block(sv_new(packed, n), sizeof zeros - 1, &p, &len, &err),
	    ERR_TOOBIG);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(unpack_zstd_block(sv_new(packed, cut), sizeof zeros, &p, &len,
		    &err), ERR_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_and_frames_follow_each_other),
		cmocka_unit_test(skippable_frames_are_skipped),
		cmocka_unit_test(damage_is_an_error_with_a_place),
		cmocka_unit_test(bounds_the_window),
		cmocka_unit_test(bounds_the_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
