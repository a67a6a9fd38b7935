/* SPDX-License-Identifier: ISC */
/* Unit tests of base/spillrows: rows of several pieces come back; others than were put, or too many, are an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/spillrows.h"

#define N 12

/* Some are longer than a piece, one has no bytes. */
static size_t
length_of(size_t row)
{
	return row == 5 ? 0 : row % 4 == 3 ? SPILL_PIECE + row : 400000 + row;
}

/* How many pieces it took. */
static size_t
put_all(struct spillrows *r, struct spillfile *f, int *code, struct err *e)
{
	struct buf b = BUF_INIT;
	size_t pieces = 0;

	assert_int_equal(spillrows_new(r, N, e), 0);
	*code = 0;
	for (size_t i = 0; i < N && *code == 0; i++) {
		assert_true(buf_reserve(&b, length_of(i)));
		memset(b.p + b.n, (int)('a' + i), length_of(i));
		b.n += length_of(i);
		spillrows_add(r, &b, 10 * i);
		if (b.n < SPILL_PIECE && i + 1 < N)
			continue;
		*code = spillrows_put(r, f, &b, e);
		pieces++;
	}
	buf_release(&b);
	return pieces;
}

static int
see_row(const struct spillrows *r, struct spillfile *f, size_t row, struct err *e)
{
	size_t lists, n = spillrows_n(r, row, &lists);
	char *out = malloc(n + 1);
	int code;

	assert_non_null(out);
	assert_int_equal(n, length_of(row));
	assert_int_equal(lists, 10 * row);
	if ((code = spillrows_get(r, f, row, out, e)) == 0)
		for (size_t i = 0; i < n; i++)
			assert_int_equal(out[i], 'a' + row);
	free(out);
	return code;
}

static void
rows_come_back(void **state)
{
	struct spillfile f;
	struct spillrows first, r;
	struct err e = ERR_INIT;
	int code;

	(void)state;
	spillfile_init(&f, "/tmp", 1 << 30);
	assert_in_range(put_all(&first, &f, &code, &e), 4, N - 2);
	assert_int_equal(code, 0);
	/* Behind the others. */
	put_all(&r, &f, &code, &e);
	assert_int_equal(code, 0);
	for (size_t i = N; i-- > 0;) {
		assert_int_equal(see_row(&first, &f, i, &e), 0);
		assert_int_equal(see_row(&r, &f, i, &e), 0);
	}
	spillrows_free(&first);
	spillrows_free(&r);
	spillfile_release(&f);
}

static void
other_bytes_are_an_error(void **state)
{
	struct spillfile f;
	struct spillrows r;
	struct err e = ERR_INIT;
	int code;

	(void)state;
	spillfile_init(&f, "/tmp", 1 << 30);
	put_all(&r, &f, &code, &e);
	assert_int_equal(pwrite(f.fd, "x", 1, (off_t)(r.at + r.v[6].end)), 1);
	assert_int_equal(see_row(&r, &f, 6, &e), 0);
	assert_int_equal(see_row(&r, &f, 7, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "other bytes"));
	assert_int_equal(see_row(&r, &f, 8, &e), 0);
	spillrows_free(&r);
	spillfile_release(&f);
}

static void
too_many_are_an_error(void **state)
{
	struct spillfile f;
	struct spillrows r;
	struct err e = ERR_INIT;
	int code;

	(void)state;
	spillfile_init(&f, "/tmp", 3 << 20);
	put_all(&r, &f, &code, &e);
	assert_int_equal(code, ERR_NOSPC);
	spillrows_free(&r);
	spillfile_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(other_bytes_are_an_error),
		cmocka_unit_test(too_many_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
