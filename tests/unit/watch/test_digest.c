/* SPDX-License-Identifier: ISC */
/* digest: digests of results in pieces, what differs and where, tolerance, endings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "watch/digest.h"

/* The digest of a text that comes in pieces of `piece` bytes. */
static void
digest_of(struct digest *d, const char *text, size_t piece, double tolerance)
{
	size_t n = strlen(text);

	digest_init(d, tolerance);
	for (size_t i = 0; i < n; i += piece)
		digest_add(d, text + i, n - i < piece ? n - i : piece);
	digest_end(d);
}

static struct difference
compare(const char *x, const char *y, bool ordered, double tolerance)
{
	struct digest a, b;
	struct difference d;

	digest_of(&a, x, 1000, tolerance);
	digest_of(&b, y, 3, tolerance);
	digest_compare(&a, &b, ordered, &d);
	digest_release(&a);
	digest_release(&b);
	return d;
}

static void
pieces_do_not_matter(void **state)
{
	(void)state;
	assert_int_equal(compare("", "", true, 0).verdict, VERDICT_SAME);
	assert_int_equal(compare("one\ntwo\nthree\n", "one\ntwo\nthree\n", true, 0).verdict,
	    VERDICT_SAME);
	assert_int_equal(compare("\n\n", "\n\n", true, 0).verdict, VERDICT_SAME);
	assert_int_equal(compare("no end", "no end", true, 0).verdict, VERDICT_SAME);
}

static void
the_first_difference_is_found(void **state)
{
	static const struct {
		const char *a, *b;
		uint64_t row;
	} cases[] = {
		{ "a\nb\nc\n", "a\nx\nc\n", 1 },
		{ "a\nb\n", "a\nb\nc\n", 2 },
		{ "a\nb\nc\n", "a\nb\n", 2 },
		{ "", "a\n", 0 },
		{ "a\n", "a", 1 },
		{ "b\na\n", "a\nb\n", 0 },
		{ "a\n\n", "a\n", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct difference d = compare(cases[i].a, cases[i].b, true, 0);

		assert_int_equal(d.verdict, VERDICT_DIFFERENT);
		assert_int_equal(d.row, cases[i].row);
		assert_false(d.in_block);
	}
}

static void
order_counts_only_where_it_is_fixed(void **state)
{
	struct difference d = compare("a\nb\nb\n", "b\na\nb\n", true, 0);

	(void)state;
	assert_int_equal(d.verdict, VERDICT_DIFFERENT);
	assert_non_null(strstr(d.why, "another order"));
	assert_int_equal(compare("a\nb\nb\n", "b\na\nb\n", false, 0).verdict, VERDICT_SAME);
	/* A multiset: how often a row stands counts. */
	assert_int_equal(compare("a\nb\nb\n", "b\na\na\n", false, 0).verdict,
	    VERDICT_DIFFERENT);
	assert_int_equal(compare("a\nb\n", "a\nb\nb\n", false, 0).verdict, VERDICT_DIFFERENT);
}

static void
doubles_are_compared_within_the_tolerance(void **state)
{
	static const struct {
		const char *a, *b;
		bool close;
	} cases[] = {
		{ "{\"avg\":1.5}", "{\"avg\":1.5}", true },
		{ "{\"avg\":1.50001}", "{\"avg\":1.5}", true },
		{ "{\"avg\":1.501}", "{\"avg\":1.5}", false },
		{ "{\"avg\":-1.5}", "{\"avg\":1.5}", false },
		{ "{\"avg\":1e300}", "{\"avg\":1.00001e+300}", true },
		{ "{\"avg\":0.0}", "{\"avg\":1e-9}", false },
		/* Integers, strings and keys are not doubles. */
		{ "{\"n\":1000000}", "{\"n\":1000001}", false },
		{ "{\"n\":1.0}", "{\"n\":1}", false },
		{ "{\"s\":\"1.50001\"}", "{\"s\":\"1.5\"}", false },
		{ "{\"a\\\"1.5\":1}", "{\"a\\\"1.50001\":1}", false },
		{ "{\"avg\":\"NaN\"}", "{\"avg\":\"NaN\"}", true },
		{ "{\"avg\":\"NaN\"}", "{\"avg\":1.5}", false },
		/* A piece of an id in CSV that would read as a double, or as infinity. */
		{ "06c23e230007,1.5", "06c23e230007,1.5", true },
		{ "06c23e230007,1.5", "06c23e230008,1.5", false },
		{ "9e99999999999999,1.5", "9e99999999999999,1.50001", true },
		{ "{\"avg\":1.5", "{\"avg\":1.5}", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool close = rows_close(sv_cstr(cases[i].a), sv_cstr(cases[i].b), 1e-4);

		if (close != cases[i].close)
			fail_msg("%s and %s", cases[i].a, cases[i].b);
		assert_int_equal(compare(cases[i].a, cases[i].b, true, 1e-4).verdict,
		    close ? VERDICT_SAME : VERDICT_DIFFERENT);
		if (strcmp(cases[i].a, cases[i].b) != 0)
			assert_int_equal(compare(cases[i].a, cases[i].b, true, 0).verdict,
			    VERDICT_DIFFERENT);
	}
	assert_int_equal(compare("{\"a\":1.5}\n{\"a\":2.5}\n", "{\"a\":1.5}\n{\"a\":2.6}\n", true,
	    1e-4).row, 1);
}

/* Long results have no text and are hashed in blocks after the first rows. */
static void
long_results_are_bounded(void **state)
{
	size_t n = DIGEST_FINE_ROWS + 2 * (size_t)DIGEST_BLOCK_ROWS + 7;
	struct digest a, b, c;
	struct difference d;
	char row[32];

	(void)state;
	digest_init(&a, 0);
	digest_init(&b, 0);
	digest_init(&c, 0);
	c.want = 40000;
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(row, sizeof row, "row %zu\n", i);

		digest_add(&a, row, (size_t)len);
		if (i == DIGEST_FINE_ROWS + DIGEST_BLOCK_ROWS + 5)
			row[0] = 'R';
		digest_add(&b, row, (size_t)len);
		row[0] = i == 40000 ? 'X' : 'r';
		digest_add(&c, row, (size_t)len);
	}
	digest_end(&a);
	digest_end(&b);
	digest_end(&c);
	assert_false(a.has_text);
	assert_true(digest_bytes(&a) < DIGEST_FINE_ROWS * 8 + 4096);
	digest_compare(&a, &a, true, &d);
	assert_int_equal(d.verdict, VERDICT_SAME);
	digest_compare(&a, &b, true, &d);
	assert_int_equal(d.verdict, VERDICT_DIFFERENT);
	assert_true(d.in_block);
	assert_int_equal(d.row, DIGEST_FINE_ROWS + DIGEST_BLOCK_ROWS);
	digest_compare(&a, &c, true, &d);
	assert_int_equal(d.row, 40000);
	assert_false(d.in_block);
	assert_string_equal(buf_cstr(&c.wanted), "Xow 40000");
	digest_release(&a);
	digest_release(&b);
	digest_release(&c);
}

static void
endings_are_compared(void **state)
{
	struct difference d;

	(void)state;
	assert_false(codes_compare(0, 0, &d));
	assert_true(codes_compare(ERR_LIMIT, ERR_LIMIT, &d));
	assert_int_equal(d.verdict, VERDICT_SAME);
	assert_true(codes_compare(0, ERR_LIMIT, &d));
	assert_int_equal(d.verdict, VERDICT_DIFFERENT);
	assert_true(codes_compare(ERR_UNSUPPORTED, 0, &d));
	assert_int_equal(d.verdict, VERDICT_DIFFERENT);
	assert_true(codes_compare(0, ERR_TIMEOUT, &d));
	assert_int_equal(d.verdict, VERDICT_UNDECIDED);
	assert_true(codes_compare(0, ERR_NOMEM, &d));
	assert_int_equal(d.verdict, VERDICT_UNDECIDED);
	/* A damaged shard hurts whoever reads it; the plain plan reads more. */
	assert_true(codes_compare(0, ERR_CORRUPT, &d));
	assert_int_equal(d.verdict, VERDICT_UNDECIDED);
}

static void
rows_of_a_text(void **state)
{
	struct sv row;

	(void)state;
	assert_true(text_row(SV("a\nbc\n"), 1, &row) && sv_is(row, "bc"));
	assert_true(text_row(SV("a\nbc"), 1, &row) && sv_is(row, "bc"));
	assert_false(text_row(SV("a\nbc\n"), 2, &row));
	assert_false(text_row(SV(""), 0, &row));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_do_not_matter),
		cmocka_unit_test(the_first_difference_is_found),
		cmocka_unit_test(order_counts_only_where_it_is_fixed),
		cmocka_unit_test(doubles_are_compared_within_the_tolerance),
		cmocka_unit_test(long_results_are_bounded),
		cmocka_unit_test(endings_are_compared),
		cmocka_unit_test(rows_of_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
