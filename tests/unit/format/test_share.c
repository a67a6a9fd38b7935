/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of format/share: the bytes are those of one formatter however rows and their lengths
 * fall, threads do take parts, buffers stay bounded, and after an error there is none left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "format/share.h"
#include "lib/span_rows.h"

#define N_ROWS 6000
#define LONG_FROM 3000		/* rows from here to there are so long */
#define LONG_TO 3400
#define LONG_BYTES 20000

static struct arena arena;
static struct span_row *rows;
static struct pool *pool;

static int
setup(void **state)
{
	char *text;

	(void)state;
	arena_init(&arena);
	rows = arena_calloc(&arena, N_ROWS, sizeof *rows);
	text = arena_alloc(&arena, LONG_BYTES);
	memset(text, 'x', LONG_BYTES);
	for (size_t i = 0; i < N_ROWS; i++) {
		struct span *s = i % 7 == 0 ? span_full(&arena) :
		    span_min(&arena, i + 1, i % 3 == 0 ? "web" : "db");

		s->span_id = i + 1;
		if (i >= LONG_FROM && i < LONG_TO)
			s->name = sv_new(text, LONG_BYTES);
		rows[i].span = s;
	}
	return pool_new(3, 0, &pool, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	pool_free(pool);
	arena_release(&arena);
	return 0;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static struct share *
share_of(const char *file, const struct format_options *o, unsigned threads)
{
	struct share *s;

	assert_int_equal(share_new(format_find(sv_cstr(file)), o, pool, threads, 0, &s, NULL), 0);
	assert_non_null(s);
	return s;
}

static struct batch
batch_of(size_t at, size_t n)
{
	return (struct batch){ .kind = ROW_SPAN, .n = n, .spans = rows + at };
}

/* What one formatter gives of rows [from, to). */
static void
alone(const char *file, const struct format_options *o, size_t from, size_t to, struct buf *out)
{
	struct formatter *f;
	struct batch b = batch_of(from, to - from);

	assert_int_equal(formatter_new(format_find(sv_cstr(file)), o, &f, NULL), 0);
	assert_int_equal(formatter_begin(f, out, NULL), 0);
	out->n = 0;
	assert_int_equal(formatter_batch(f, &b, out, NULL), 0);
	formatter_free(f);
}

static void
assert_same(const struct buf *a, const struct buf *b)
{
	assert_false(a->oom || b->oom);
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->p, b->p, a->n);
}

/* As the driver does it: a batch has as many rows as the share says. */
static void
in_batches(struct share *s, struct buf *out, size_t *largest)
{
	uint64_t n_bytes = 0;
	size_t n;

	for (size_t at = 0; at < N_ROWS; at += n) {
		struct batch b;

		n = share_rows(s) < N_ROWS - at ? share_rows(s) : N_ROWS - at;
		b = batch_of(at, n);
		assert_int_equal(share_batch(s, &b, append, out, &n_bytes, NULL), 0);
		*largest = n > *largest ? n : *largest;
	}
	assert_int_equal(n_bytes, out->n);
}

static void
bytes_are_those_of_one_formatter(void **state)
{
	static const char *const files[] = { "spans.jsonl", "spans.csv" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct format_options o = { .n_select = 0 };
		struct buf want = BUF_INIT;

		if (i % 2 == 1)
			o = select_of(&arena, "name,service,duration,span_id");
		alone(files[i / 2], &o, 0, N_ROWS, &want);
		for (unsigned threads = 2; threads <= 4; threads++) {
			struct share *s = share_of(files[i / 2], &o, threads);
			struct buf got = BUF_INIT;
			size_t largest = 0;

			in_batches(s, &got, &largest);
			assert_same(&got, &want);
			assert_true(largest > BATCH_ROWS);
			share_free(s);
			buf_release(&got);
		}
		buf_release(&want);
	}
}

/* Of 8 MB in rows that nobody had expected. */
static void
rows_that_turn_out_long_do_not_pile_up(void **state)
{
	const struct format_options o = { .n_select = 0 };
	struct share *s = share_of("spans.jsonl", &o, 2);
	struct batch b = batch_of(0, 2000);
	struct buf got = BUF_INIT, want = BUF_INIT;
	uint64_t n_bytes = 0;

	(void)state;
	alone("spans.jsonl", &o, 0, 4000, &want);
	assert_int_equal(share_batch(s, &b, append, &got, &n_bytes, NULL), 0);
	assert_int_equal(share_counted(s).late_rows, 0);
	b = batch_of(2000, 2000);
	assert_int_equal(share_batch(s, &b, append, &got, &n_bytes, NULL), 0);
	assert_true(share_counted(s).late_rows > 100);
	assert_same(&got, &want);
	assert_true(want.n > (LONG_TO - LONG_FROM) * LONG_BYTES);
	/* Parts stopped at 256 KiB and at most 32 rows more; the long ones are in fewer than 6. */
	assert_true(share_memory(s) < want.n * 3 / 4);
	buf_release(&got);
	buf_release(&want);
	share_free(s);
}

struct waiting {
	struct share *s;
	struct buf out;
	bool helped;
};

/* The caller is held up until another thread has done a part. */
static int
put_when_helped(void *arg, const void *p, size_t n, struct err *e)
{
	struct waiting *w = arg;
	const struct timespec ms = { 0, 1000000 };

	for (int i = 0; i < 10000 && !w->helped; i++) {
		w->helped = share_counted(w->s).helped != 0;
		if (!w->helped)
			nanosleep(&ms, NULL);
	}
	return append(&w->out, p, n, e);
}

static void
other_threads_take_parts(void **state)
{
	const struct format_options o = { .n_select = 0 };
	struct waiting w = { .s = share_of("spans.jsonl", &o, 2), .out = BUF_INIT };
	struct batch b = batch_of(0, BATCH_ROWS);
	uint64_t n_bytes = 0;

	(void)state;
	assert_true(share_worth(&b));
	assert_int_equal(share_batch(w.s, &b, put_when_helped, &w, &n_bytes, NULL), 0);
	assert_true(w.helped);
	assert_true(share_counted(w.s).parts >= 8);
	assert_int_equal(n_bytes, w.out.n);
	buf_release(&w.out);
	share_free(w.s);
}

struct failing {
	struct buf out;
	unsigned left;
};

static int
put_or_fail(void *arg, const void *p, size_t n, struct err *e)
{
	struct failing *f = arg;

	if (f->left-- == 0)
		return err_set(e, ERR_IO, -1, "full");
	return append(&f->out, p, n, e);
}

static void
an_error_ends_a_batch_and_no_other(void **state)
{
	const struct format_options o = { .n_select = 0 };
	struct share *s = share_of("spans.jsonl", &o, 3);
	struct batch b = batch_of(0, 2000);
	struct buf want = BUF_INIT;

	(void)state;
	alone("spans.jsonl", &o, 0, 2000, &want);
	/* More often than there are buffers. */
	for (unsigned i = 0; i < 40; i++) {
		struct failing f = { BUF_INIT, i % 8 };
		struct err err = ERR_INIT;
		uint64_t n_bytes = 0;

		assert_int_equal(share_batch(s, &b, put_or_fail, &f, &n_bytes, &err), ERR_IO);
		assert_string_equal(err.msg, "full");
		assert_true(f.out.n < want.n);
		assert_memory_equal(f.out.p != NULL ? f.out.p : "", want.p, f.out.n);
		buf_release(&f.out);
		f = (struct failing){ BUF_INIT, 1000 };
		assert_int_equal(share_batch(s, &b, put_or_fail, &f, &n_bytes, &err), 0);
		assert_same(&f.out, &want);
		buf_release(&f.out);
	}
	assert_int_equal(share_counted(s).late_rows, 0);
	buf_release(&want);
	share_free(s);
}

/* No pool, one thread, rows that depend on each other, little memory, few rows. */
static void
what_does_not_pay_is_not_shared(void **state)
{
	const struct format_options o = { .n_select = 0 };
	const struct format *f = format_find(SV("spans.jsonl"));
	struct batch few = batch_of(0, 200);
	struct share *s;

	(void)state;
	assert_int_equal(share_new(f, &o, NULL, 2, 0, &s, NULL), 0);
	assert_null(s);
	assert_int_equal(share_new(f, &o, pool, 1, 0, &s, NULL), 0);
	assert_null(s);
	assert_int_equal(share_new(f, &o, pool, 2, 1 << 20, &s, NULL), 0);
	assert_null(s);
	assert_int_equal(share_new(format_find(SV("otlp.jsonl")), &o, pool, 2, 0, &s, NULL), 0);
	assert_null(s);
	assert_int_equal(share_rows(NULL), BATCH_ROWS);
	s = share_of("spans.jsonl", &o, 2);
	assert_false(share_worth(&few));
	share_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_those_of_one_formatter),
		cmocka_unit_test(rows_that_turn_out_long_do_not_pile_up),
		cmocka_unit_test(other_threads_take_parts),
		cmocka_unit_test(an_error_ends_a_batch_and_no_other),
		cmocka_unit_test(what_does_not_pay_is_not_shared),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
