/* SPDX-License-Identifier: ISC */
/* Unit tests of format/fmt_groups_text: times in full where they tell rows apart, bars over buckets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "lib/span_rows.h"

#define T0 ((__int128)1763647200000000000)	/* 2025-11-20T14:00:00Z */
#define MS ((__int128)1000000)

static const struct group_column columns[] = {
	{ .name = SV("bucket"), .role = COLUMN_BUCKET },
	{ .name = SV("kind"), .role = COLUMN_KEY },
	{ .name = SV("count"), .role = COLUMN_AGG },
	{ .name = SV("max_start"), .role = COLUMN_AGG },
};
#define N_COLUMNS (sizeof columns / sizeof *columns)

static void
set_row(struct group_cell *c, __int128 bucket, int32_t kind, int64_t count, __int128 last)
{
	c[0] = (struct group_cell){ .kind = GROUP_TIME, .time = bucket };
	c[1] = (struct group_cell){ .kind = GROUP_KIND, .number = kind };
	c[2] = (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_INT, .i = count } };
	c[3] = (struct group_cell){ .kind = GROUP_TIME, .time = last };
}

static char *
render(const struct group_cell *cells, size_t n)
{
	struct format_options o = { .groups = columns, .n_groups = N_COLUMNS };
	struct group_rows rows = { .columns = columns, .n_columns = N_COLUMNS, .cells = cells };
	struct batch b = { .kind = ROW_GROUP, .n = n, .groups = &rows };

	return render_batches("groups.txt", &o, &b, 1);
}

static void
buckets_below_a_second_have_their_fraction(void **state)
{
	struct group_cell c[3 * N_COLUMNS];
	char *got;

	(void)state;
	set_row(c, T0, KIND_SERVER, 4, T0 + 3);
	set_row(c + N_COLUMNS, T0 + 100 * MS, KIND_SERVER, 2, T0 + 100 * MS);
	set_row(c + 2 * N_COLUMNS, T0 + 1, KIND_CLIENT, 1, T0 + 1);
	got = render(c, 3);
	assert_string_equal(got,
	    "bucket                          kind    count             max_start\n"
	    "2025-11-20T14:00:00Z            server      4  2025-11-20T14:00:00Z  ████████████\n"
	    "2025-11-20T14:00:00.1Z          server      2  2025-11-20T14:00:00Z  ██████\n"
	    "2025-11-20T14:00:00.000000001Z  client      1  2025-11-20T14:00:00Z  ███\n"
	    "\n"
	    "count over buckets\n"
	    "█                                                          ▅  server\n"
	    "█                                                             client\n");
	free(got);
}

/* The third second is empty for one, the second for both. */
static void
a_bucket_is_a_column_where_they_fit(void **state)
{
	struct group_cell c[5 * N_COLUMNS];
	char *got;

	(void)state;
	set_row(c, T0, KIND_SERVER, 4, T0);
	set_row(c + N_COLUMNS, T0 + 2000 * MS, KIND_SERVER, 8, T0);
	set_row(c + 2 * N_COLUMNS, T0 + 3000 * MS, KIND_SERVER, 1, T0);
	set_row(c + 3 * N_COLUMNS, T0, KIND_CLIENT, 1, T0);
	set_row(c + 4 * N_COLUMNS, T0 + 3000 * MS, KIND_CLIENT, 1, T0);
	got = render(c, 5);
	assert_non_null(strstr(got, "\ncount over buckets\n▅ █▂  server\n█  █  client\n"));
	free(got);
}

/* Its label is cut as its cell is, whatever stood in the table last. */
static void
a_long_key_stands_beside_its_bars(void **state)
{
	static const char key[] = "a key of more characters than a cell of the table has";
	struct group_cell c[2 * N_COLUMNS];
	char *got;

	(void)state;
	set_row(c, T0, KIND_SERVER, 4, T0);
	set_row(c + N_COLUMNS, T0 + 1000 * MS, KIND_SERVER, 2, T0);
	for (size_t i = 0; i < 2; i++)
		c[i * N_COLUMNS + 1] = (struct group_cell){ .kind = GROUP_VALUE,
		    .value = { .type = VAL_STRING, .s = SV(key) } };
	got = render(c, 2);
	assert_non_null(strstr(got, "count over buckets\n█▅  a key of more characters than a "));
	assert_non_null(strstr(got, "…\n"));
	free(got);
}

#define KINDS 5
#define BUCKETS 60000

/* Rows by kind and then by bucket, as sort/kind,bucket has them: bars are made in one pass. */
static void
many_rows_in_the_order_of_their_keys_take_no_time(void **state)
{
	struct group_cell *c = calloc((size_t)KINDS * BUCKETS * N_COLUMNS, sizeof *c);
	char *got;

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < (size_t)KINDS * BUCKETS; i++)
		set_row(c + i * N_COLUMNS, T0 + (__int128)(i % BUCKETS) * 1000 * MS,
		    (int32_t)(i / BUCKETS) + 1, 1, T0);
	alarm(60);	/* each row against all before it took minutes */
	got = render(c, (size_t)KINDS * BUCKETS);
	alarm(0);
	assert_non_null(strstr(got, "\ncount over buckets\n█"));
	assert_non_null(strstr(got, "█  internal\n█"));
	assert_non_null(strstr(got, "█  consumer\n"));
	free(got);
	free(c);
}

static int
stop_after(void *arg, struct err *e)
{
	int *left = arg;

	return --*left >= 0 ? 0 : err_set(e, ERR_TIMEOUT, -1, "stopped");
}

/* 300 rows in the table, and once more for the bars: asked once each. */
static void
the_end_can_be_stopped_at_any_row(void **state)
{
	static struct group_cell c[300 * N_COLUMNS];
	struct group_rows rows = { .columns = columns, .n_columns = N_COLUMNS, .cells = c };
	struct batch b = { .kind = ROW_GROUP, .n = 300, .groups = &rows };

	(void)state;
	for (size_t i = 0; i < 300; i++)
		set_row(c + i * N_COLUMNS, T0 + (__int128)i * MS, KIND_SERVER, 1, T0);
	for (int n = 0; n <= 600; n += 50) {
		int left = n;
		struct format_options o = { .groups = columns, .n_groups = N_COLUMNS,
			.go_on = stop_after, .go_on_arg = &left };
		struct buf out = BUF_INIT;
		struct formatter *f;
		struct err e;

		assert_int_equal(formatter_new(format_find(SV("groups.txt")), &o, &f, &e), 0);
		assert_int_equal(formatter_begin(f, &out, &e), 0);
		assert_int_equal(formatter_batch(f, &b, &out, &e), 0);
		assert_int_equal(left, n);
		assert_int_equal(formatter_end(f, &out, &e), n < 600 ? ERR_TIMEOUT : 0);
		formatter_free(f);
		buf_release(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_end_can_be_stopped_at_any_row),
		cmocka_unit_test(buckets_below_a_second_have_their_fraction),
		cmocka_unit_test(a_bucket_is_a_column_where_they_fit),
		cmocka_unit_test(a_long_key_stands_beside_its_bars),
		cmocka_unit_test(many_rows_in_the_order_of_their_keys_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
