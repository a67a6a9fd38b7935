/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of tables whose groups go to a file: they end as those with memory for all, however often
 * groups went and by whichever threads; what is wrong with the file is said, and nothing is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "agg/agg_bytes.h"
#include "agg/agg_given.h"
#include "base/spillfile.h"
#include "lib/agg_rig.h"

#define N 2500
#define PLENTY SIZE_MAX

static char dir[] = "/tmp/spanfs-spill-XXXXXX";

static void
fill(struct agg_table *t, unsigned shape, size_t from, size_t n)
{
	struct err e = ERR_INIT;

	if (agg_rig_add(t, SIDE_NOW, 1, from, n, &e) < 0 ||
	    (shape == 2 && agg_rig_add(t, SIDE_BEFORE, 2, from, n, &e) < 0))
		fail_msg("%s", e.msg);
}

static void
print(struct agg_table *t, unsigned shape, struct buf *b)
{
	struct err e = ERR_INIT;

	if (!agg_rig_print(t, shape, b, &e))
		fail_msg("%s", e.msg);
	assert_true(b->n > 10);
	agg_table_free(t);
}

static void
wanted(unsigned shape, struct buf *b)
{
	struct agg_table *t = agg_rig_table(shape, PLENTY);

	fill(t, shape, 0, N);
	print(t, shape, b);
}

static size_t
files_in_dir(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	for (const struct dirent *x; (x = readdir(d)) != NULL;)
		n += x->d_name[0] != '.';
	closedir(d);
	return n;
}

static void
groups_come_back_as_they_went(void **state)
{
	static const size_t from[] = { 1, 3000, 20000, 200000 };

	(void)state;
	for (unsigned shape = 1; shape < 3; shape++) {
		struct buf want = BUF_INIT;

		wanted(shape, &want);
		for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
			struct agg_table *t = agg_rig_spilling(shape, PLENTY, dir, PLENTY, from[i]);
			struct buf got = BUF_INIT;

			fill(t, shape, 0, N);
			assert_true(agg_spilled_bytes(t) != 0);
			assert_false(agg_can_save(t));
			assert_int_equal(files_in_dir(), 0);
			print(t, shape, &got);
			assert_string_equal(buf_cstr(&got), buf_cstr(&want));
			buf_release(&got);
		}
		buf_release(&want);
	}
}

/* With so little memory that partitions have to go again, and rows too; or it says what is short. */
static void
little_memory_is_enough_or_named(void **state)
{
	struct buf want = BUF_INIT;
	unsigned enough = 0, named = 0;

	(void)state;
	wanted(1, &want);
	for (size_t memory = 30000; memory < 3000000; memory += memory / 16) {
		struct agg_table *t = agg_rig_spilling(1, memory, dir, PLENTY, 0);
		struct buf got = BUF_INIT;
		struct err e = ERR_INIT;

		if (agg_rig_add(t, SIDE_NOW, 1, 0, N, &e) < 0 || !agg_rig_print(t, 1, &got, &e)) {
			assert_int_equal(e.code, ERR_NOMEM);
			assert_non_null(strstr(e.msg, "[query] memory"));
			/* More memory is no less: not where the groups just fit and their rows don't. */
			assert_int_equal(enough, 0);
			named++;
		} else if (agg_is_exact(t)) {
			assert_string_equal(buf_cstr(&got), buf_cstr(&want));
			enough += agg_spilled_bytes(t) != 0;
		}
		buf_release(&got);
		agg_table_free(t);
	}
	print_message("%u times it was enough, %u times named\n", enough, named);
	assert_true(enough > 2);
	buf_release(&want);
}

/* ---- several tables ---- */

#define THREADS 4

struct part {
	struct agg_table *t;
	unsigned shape;
	size_t from;
};

static void *
fill_part(void *arg)
{
	struct part *p = arg;

	fill(p->t, p->shape, p->from, N / THREADS);
	return NULL;
}

static void
tables_that_are_alike_share_the_file(void **state)
{
	(void)state;
	for (unsigned shape = 1; shape < 3; shape++) {
		struct agg_table *t = agg_rig_spilling(shape, PLENTY, dir, PLENTY, 5000);
		struct buf want = BUF_INIT, got = BUF_INIT;
		struct part parts[THREADS];
		pthread_t threads[THREADS];
		struct err e;

		wanted(shape, &want);
		for (size_t i = 0; i < THREADS; i++) {
			parts[i] = (struct part){ NULL, shape, i * N / THREADS };
			assert_int_equal(agg_table_like(t, &parts[i].t, &e), 0);
			assert_int_equal(pthread_create(&threads[i], NULL, fill_part, &parts[i]), 0);
		}
		for (size_t i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			assert_int_equal(agg_merge(t, parts[i].t, &e), 0);
			agg_table_free(parts[i].t);
		}
		assert_false(agg_can_save(t));
		print(t, shape, &got);
		assert_string_equal(buf_cstr(&got), buf_cstr(&want));
		buf_release(&got);
		buf_release(&want);
	}
}

/* What is read of a cache is whole or not there at all: nothing of it goes to the file. */
static void
tables_that_are_read_do_not_spill(void **state)
{
	struct agg_table *t = agg_rig_table(1, PLENTY), *like, *back;
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	fill(t, 1, 0, N);
	like = agg_rig_spilling(1, PLENTY, dir, PLENTY, 1000);
	assert_int_equal(agg_save(t, &b, &e), 0);
	assert_int_equal(agg_load(like, buf_view(&b), NULL, &back, &e), 0);
	assert_int_equal(agg_spilled_bytes(back), 0);
	assert_true(agg_can_save(back));
	b.n--;
	agg_table_free(back);
	assert_int_equal(agg_load(like, buf_view(&b), NULL, &back, &e), ERR_CORRUPT);
	buf_release(&b);
	agg_table_free(like);
	agg_table_free(t);
}

/* What is given up has left nothing in the file; what is merged is there. */
static void
tables_apart_are_given_up_whole(void **state)
{
	struct agg_table *t = agg_rig_spilling(1, PLENTY, dir, PLENTY, 5000), *apart;
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct err e;

	(void)state;
	wanted(1, &want);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(agg_table_apart(t, &apart, &e), 0);
		fill(apart, 1, 0, N);
		assert_int_equal(agg_spilled_bytes(apart), 0);
		assert_int_equal(agg_spilled_bytes(t), 0);
		if (i == 1)
			assert_int_equal(agg_merge(t, apart, &e), 0);
		agg_table_free(apart);
	}
	assert_true(agg_spilled_bytes(t) != 0);
	print(t, 1, &got);
	assert_string_equal(buf_cstr(&got), buf_cstr(&want));
	buf_release(&got);
	buf_release(&want);
}

/* ---- rows ---- */

static const struct field by_start[] = { { .scope = FIELD_INTRINSIC, .intrinsic = IN_START } };
static const struct sv typed[] = { SV("start") };
static const struct aggregate count[] = { { .kind = AGG_COUNT, .name = SV("count") } };
static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false } };
static const struct grouping many = { .keys = by_start, .keys_typed = typed, .n_keys = 1,
	.aggs = count, .n_aggs = 1, .n_shown = 1, .columns = columns, .n_columns = 2 };

static struct agg_table *
many_groups(uint64_t keep, uint64_t n)
{
	struct agg_options o = { .groups = &many, .memory = 400000, .spill_dir = dir,
		.spill_max = PLENTY, .keep = keep };
	struct agg_table *t;
	struct err e = ERR_INIT;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	for (uint64_t i = 0; i < 2 * n; i++) {
		struct span s = { .start_ns = i * 7919 % n, .end_ns = n };
		struct span_row row = { .span = &s };

		assert_int_equal(agg_add(t, SIDE_NOW, &row, 1, &e), 0);
	}
	if (agg_finish(t, &e) < 0)
		fail_msg("%s", e.msg);
	return t;
}

#define ROWS 60000

static void
see_rows(struct agg_table *t, size_t from, size_t n)
{
	struct group_cell cells[200];
	struct err e;

	assert_int_equal(agg_cells(t, from, n, cells, &e), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(cells[2 * i].kind, GROUP_TIME);
		assert_int_equal(cells[2 * i].time, from + i);
		assert_int_equal(cells[2 * i + 1].value.i, 2);
	}
}

static void
rows_by_the_thousand_are_in_order(void **state)
{
	struct agg_table *t = many_groups(0, ROWS);

	(void)state;
	assert_int_equal(agg_n_rows(t), ROWS);
	assert_int_equal(agg_n_groups(t), ROWS);
	assert_true(agg_memory_used(t) <= 400000);
	for (size_t at = 0; at < ROWS; at += 100)
		see_rows(t, at, 100);
	see_rows(t, 50000, 3);
	see_rows(t, 7, 50);
	see_rows(t, ROWS - 1, 1);
	agg_table_free(t);
}

static void
the_first_of_them_are_in_a_heap(void **state)
{
	(void)state;
	for (size_t keep = 1; keep < 130; keep += 60) {
		struct agg_table *t = many_groups(keep, ROWS);

		assert_int_equal(agg_n_rows(t), keep);
		see_rows(t, 0, keep < 100 ? keep : 100);
		agg_table_free(t);
	}
}

/* ---- what is counted ---- */

#define OF_DURATION .typed = SV("duration"), .field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION }
static const struct aggregate hist[] = { { .kind = AGG_HIST, .name = SV("hist"), OF_DURATION } };
static const struct aggregate p50[] = {
	{ .kind = AGG_QUANTILE, .name = SV("p50"), .part = 1, .whole = 2, OF_DURATION } };

static struct agg_table *
table_of(const struct grouping *g, size_t memory)
{
	struct agg_options o = { .groups = g, .memory = memory, .spill_dir = dir, .spill_max = PLENTY };
	struct agg_table *t;
	struct err e = ERR_INIT;

	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	return t;
}

#define HISTS 3000
#define BARS 40

/* A group each of so many spans, mostly of a bar of their own. */
static struct agg_table *
histograms(size_t memory)
{
	static const struct grouping g = { .keys = by_start, .keys_typed = typed, .n_keys = 1,
		.aggs = hist, .n_aggs = 1, .n_shown = 1, .columns = columns, .n_columns = 2 };
	struct agg_table *t = table_of(&g, memory);
	struct err e = ERR_INIT;

	for (uint64_t i = 0; i < HISTS * BARS; i++) {
		struct span s = { .start_ns = i / BARS,
			.end_ns = i / BARS + (UINT64_C(1) << i % BARS) };
		struct span_row row = { .span = &s };

		assert_int_equal(agg_add(t, SIDE_NOW, &row, 1, &e), 0);
	}
	if (agg_finish(t, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(agg_n_rows(t), HISTS);
	return t;
}

static void
bars_of_histograms_are_counted(void **state)
{
	struct agg_table *all = histograms(PLENTY), *some = histograms(1000000);
	struct group_cell a[2], b[2];
	struct err e;

	(void)state;
	assert_true(agg_memory_used(all) > HISTS * BARS / 2 * sizeof(struct hist_bar));
	/* Their rows went to the file, too. */
	assert_true(agg_spilled_bytes(some) > HISTS * BARS / 2 * 17);
	for (size_t i = 0; i < HISTS; i++) {
		assert_int_equal(agg_cells(all, i, 1, a, &e), 0);
		assert_int_equal(agg_cells(some, i, 1, b, &e), 0);
		assert_int_equal(b[0].time, a[0].time);
		assert_true(a[1].n_bars > BARS / 2);
		assert_int_equal(b[1].n_bars, a[1].n_bars);
		for (size_t k = 0; k < a[1].n_bars; k++)
			assert_true(a[1].bars[k].n == b[1].bars[k].n && a[1].bars[k].i == b[1].bars[k].i);
	}
	agg_table_free(all);
	agg_table_free(some);
}

static void
the_memory_of_traces_is_given_back(void **state)
{
	static const struct field by_service[] = {
		{ .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE } };
	const struct grouping g = { .per_trace = true, .keys = by_service, .keys_typed = typed,
		.n_keys = 1, .aggs = count, .n_aggs = 1, .n_shown = 1, .columns = columns, .n_columns = 2 };
	struct agg_table *t = table_of(&g, PLENTY);
	struct err e = ERR_INIT;
	size_t before;

	(void)state;
	for (uint64_t i = 0; i < 10000; i++) {
		struct span s = { .start_ns = i, .end_ns = i };
		struct trace_facts facts = { .root_service = SV("shop"), .root_name = SV("buy") };
		struct span_row row = { .span = &s, .trace = &facts };

		memcpy(&s.trace_id, &i, sizeof i);
		assert_int_equal(agg_add(t, SIDE_NOW, &row, 1, &e), 0);
	}
	before = agg_memory_used(t);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_n_rows(t), 1);
	assert_true(agg_memory_used(t) < before / 100);
	agg_table_free(t);
}

/* ---- what is wrong ---- */

/* Percentiles of one side that a server found, where the other's groups are in the file. */
static void
percentiles_that_are_found_do_not_go(void **state)
{
	const struct grouping g = { .keys = by_start, .keys_typed = typed, .n_keys = 1, .versus = true,
		.versus_ns = 1, .aggs = p50, .n_aggs = 1, .n_shown = 1, .columns = columns, .n_columns = 2 };
	static const unsigned char number[8] = { 7 };
	struct agg_table *t = table_of(&g, 400000);
	struct span s = { .start_ns = 1, .end_ns = 1 };
	struct span_row row = { .span = &s };
	const struct agg_given_figures figures = { .n = 1, .ranks = number };
	struct agg_given given = { .like = &row, .count = 1, .figures = &figures };
	struct agg_given_want want, later;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(agg_takes_given(t, &want));
	assert_int_equal(want.n_ranks, 1);
	for (uint64_t i = 0; i < 5000; i++) {
		s.start_ns = s.end_ns = i;
		assert_int_equal(agg_add(t, SIDE_NOW, &row, 1, &e), 0);
	}
	assert_true(agg_spilled_bytes(t) != 0);
	/* All durations are asked for then. */
	assert_true(agg_takes_given(t, &later));
	assert_int_equal(later.n_ranks, 0);
	given.want = &want;
	s.start_ns = 1000000;
	assert_int_equal(agg_add_given(t, SIDE_BEFORE, &given, &e), 0);
	assert_int_equal(agg_finish(t, &e), ERR_UNSUPPORTED);
	agg_table_free(t);
}

static int
spill_into(const char *where, uint64_t max, struct err *e)
{
	struct agg_table *t = agg_rig_spilling(1, PLENTY, where, max, 2000);
	struct buf b = BUF_INIT;
	int code = agg_rig_add(t, SIDE_NOW, 1, 0, N, e);

	if (code == 0 && !agg_rig_print(t, 1, &b, e))
		code = e->code;
	buf_release(&b);
	agg_table_free(t);
	return code;
}

static void
what_is_wrong_is_named(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(spill_into("/nowhere/at/all", PLENTY, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "[mount] spill_dir /nowhere/at/all"));
	assert_int_equal(spill_into(dir, 10000, &e), ERR_NOSPC);
	assert_non_null(strstr(e.msg, "[mount] spill_max"));
	assert_int_equal(files_in_dir(), 0);
	assert_int_equal(spill_into(dir, PLENTY, &e), 0);
}

static void
a_full_disk_is_named(void **state)
{
	struct err e = ERR_INIT;
	int fd = open("/dev/full", O_RDWR);

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(spill_write(fd, "some", 4, 0, &e), ERR_NOSPC);
	assert_non_null(strstr(e.msg, "[mount] spill_dir"));
	close(fd);
}

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_come_back_as_they_went),
		cmocka_unit_test(little_memory_is_enough_or_named),
		cmocka_unit_test(tables_that_are_alike_share_the_file),
		cmocka_unit_test(tables_that_are_read_do_not_spill),
		cmocka_unit_test(tables_apart_are_given_up_whole),
		cmocka_unit_test(rows_by_the_thousand_are_in_order),
		cmocka_unit_test(the_first_of_them_are_in_a_heap),
		cmocka_unit_test(bars_of_histograms_are_counted),
		cmocka_unit_test(the_memory_of_traces_is_given_back),
		cmocka_unit_test(percentiles_that_are_found_do_not_go),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_full_disk_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
