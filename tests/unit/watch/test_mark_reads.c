/* SPDX-License-Identifier: ISC */
/* mark_reads: which bytes of an answer were given, in any order; which of several reads stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "watch/mark_reads.h"

#define M SV("m")

static void
pieces_in_any_order_cover_the_whole(void **state)
{
	struct read_cover c = { 0 };

	(void)state;
	read_cover_add(&c, 10, 20);
	assert_int_equal(c.to, 0);
	read_cover_add(&c, 30, 40);
	read_cover_add(&c, 0, 10);
	assert_int_equal(c.to, 20);
	read_cover_add(&c, 5, 12);
	assert_int_equal(c.to, 20);
	read_cover_add(&c, 35, 50);
	assert_int_equal(c.to, 20);
	read_cover_add(&c, 19, 31);
	assert_int_equal(c.to, 50);
	assert_int_equal(c.n, 0);
}

/* Each order of eight pieces that a step of an odd number gives. */
static void
every_order_reaches_the_end_and_no_gap_does(void **state)
{
	(void)state;
	for (unsigned step = 1; step < 8; step += 2)
		for (unsigned first = 0; first < 8; first++)
			for (unsigned left_out = 0; left_out <= 8; left_out++) {
				struct read_cover c = { 0 };

				for (unsigned i = 0; i < 8; i++) {
					unsigned k = (first + i * step) % 8;

					if (k != left_out)
						read_cover_add(&c, k * 100, k * 100 + 100);
				}
				assert_int_equal(c.to, left_out * 100);
			}
}

static void
too_many_pieces_never_reach_the_end(void **state)
{
	struct read_cover c = { 0 };

	(void)state;
	for (unsigned i = 0; i < 3 * READ_PIECES; i++)
		read_cover_add(&c, 2 * i + 1, 2 * i + 2);
	for (unsigned i = 0; i < 3 * READ_PIECES; i++)
		read_cover_add(&c, 2 * i, 2 * i + 1);
	assert_true(c.to <= 6 * READ_PIECES);
	assert_true(c.n <= READ_PIECES);
}

static void
note(struct mark_reads *m, uint64_t from, uint64_t to)
{
	mark_reads_note(m, M, (struct mark_span){ from, to });
}

static void
the_read_that_ended_first_stays(void **state)
{
	static struct mark_reads m;
	struct mark_span s;

	(void)state;
	mark_reads_init(&m);
	assert_false(mark_reads_find(&m, M, &s));
	/* Of no commit: alone it counts. */
	note(&m, 3, 3);
	assert_true(mark_reads_find(&m, M, &s) && s.from == 3 && s.to == 3);
	note(&m, 3, 12);
	assert_true(mark_reads_find(&m, M, &s) && s.to == 12);
	note(&m, 3, 10);
	note(&m, 3, 11);
	note(&m, 3, 3);
	assert_true(mark_reads_find(&m, M, &s) && s.from == 3 && s.to == 10);
	/* The mark was moved. */
	note(&m, 10, 14);
	assert_true(mark_reads_find(&m, M, &s) && s.from == 10 && s.to == 14);
	mark_reads_release(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_in_any_order_cover_the_whole),
		cmocka_unit_test(every_order_reaches_the_end_and_no_gap_does),
		cmocka_unit_test(too_many_pieces_never_reach_the_end),
		cmocka_unit_test(the_read_that_ended_first_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
