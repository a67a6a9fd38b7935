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
	for (size_t memory = 30000; memory < 3000000; memory += memory / 4) {
		struct agg_table *t = agg_rig_spilling(1, memory, dir, PLENTY, 0);
		struct buf got = BUF_INIT;
		struct err e = ERR_INIT;

		if (agg_rig_add(t, SIDE_NOW, 1, 0, N, &e) < 0 || !agg_rig_print(t, 1, &got, &e)) {
			assert_int_equal(e.code, ERR_NOMEM);
			assert_non_null(strstr(e.msg, "[query] memory"));
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
	assert_int_equal(agg_load(like, buf_view(&b), &back, &e), 0);
	assert_int_equal(agg_spilled_bytes(back), 0);
	assert_true(agg_can_save(back));
	b.n--;
	agg_table_free(back);
	assert_int_equal(agg_load(like, buf_view(&b), &back, &e), ERR_CORRUPT);
	buf_release(&b);
	agg_table_free(like);
	agg_table_free(t);
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

/* ---- what is wrong ---- */

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
		cmocka_unit_test(rows_by_the_thousand_are_in_order),
		cmocka_unit_test(the_first_of_them_are_in_a_heap),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_full_disk_is_named),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
