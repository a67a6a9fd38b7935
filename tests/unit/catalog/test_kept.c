/* SPDX-License-Identifier: ISC */
/* kept: what is left beside the store is read again, or nothing is; whatever fails, old or new, never a mixture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/catalog.h"
#include "catalog/kept.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"

#define PROGRAM 77
#define OLD SV("what was there before, and is longer")
#define NEW SV("what is new")

static struct shard_entry entries[] = {
	{ .file = (char *)(uintptr_t)"shards/2026-11-20/14/0000000001.shard", .n_rows = 10,
		.n_bytes = 100, .generation = 1 },
	{ .file = (char *)(uintptr_t)"shards/2026-11-20/15/0000000002.shard", .n_rows = 20,
		.n_bytes = 200, .generation = 2 },
	{ .file = (char *)(uintptr_t)"shards/2026-11-20/15/0000000003.shard", .n_rows = 30,
		.n_bytes = 300, .generation = 3 },
};

/* The state after so many commits. */
static struct snapshot
state_of(uint64_t generation)
{
	return (struct snapshot){ .generation = generation, .shards = entries,
		.n_shards = (size_t)generation };
}

static int
write_at(struct fsys *fs, uint64_t generation, struct sv content, struct err *e)
{
	const struct snapshot s = state_of(generation);

	return kept_write(fs, KEPT_SUMMARY, &s, PROGRAM, content, e);
}

static int
read_by(struct fsys *fs, const struct snapshot *s, uint64_t program, struct buf *out,
    uint64_t *generation)
{
	struct arena a;
	struct kept k;
	int rc;

	arena_init(&a);
	out->n = 0;
	if ((rc = kept_read(fs, KEPT_SUMMARY, s, program, &a, &k, NULL)) == 0) {
		buf_sv(out, k.content);
		*generation = k.generation;
	}
	arena_release(&a);
	return rc;
}

/* 0: nothing that can be used; else the first letters tell which. */
static struct sv
content_of(struct fsys *fs, struct buf *out)
{
	const struct snapshot s = state_of(3);
	uint64_t generation;

	return read_by(fs, &s, PROGRAM, out, &generation) == 0 ? buf_view(out) : SV_EMPTY;
}

static void
it_is_read_again_by_this_state_and_later_ones(void **state)
{
	struct fsys *fs = fsys_mem();
	struct buf out = BUF_INIT;
	uint64_t generation = 0;

	(void)state;
	for (uint64_t g = 2; g <= 3; g++) {
		const struct snapshot s = state_of(g);

		assert_int_equal(write_at(fs, 2, OLD, NULL), 0);
		assert_int_equal(read_by(fs, &s, PROGRAM, &out, &generation), 0);
		assert_true(sv_eq(buf_view(&out), OLD));
		assert_int_equal(generation, 2);
	}
	assert_int_equal(kept_check(fs, KEPT_SUMMARY, NULL), 0);
	assert_int_equal(kept_check(fs, KEPT_DECISIONS, NULL), ERR_UNKNOWN);
	assert_int_equal(fsys_mem_open_handles(fs), 0);
	buf_release(&out);
	fsys_free(fs);
}

static void
any_doubt_throws_it_away(void **state)
{
	struct fsys *fs = fsys_mem();
	struct snapshot s = state_of(1);
	struct buf out = BUF_INIT;
	uint64_t generation;

	(void)state;
	assert_int_equal(read_by(fs, &s, PROGRAM, &out, &generation), ERR_UNKNOWN);
	assert_int_equal(write_at(fs, 2, OLD, NULL), 0);
	/* The store was put back to an older state. */
	assert_int_equal(read_by(fs, &s, PROGRAM, &out, &generation), ERR_VERSION);
	s = state_of(3);
	assert_int_equal(read_by(fs, &s, PROGRAM + 1, &out, &generation), ERR_VERSION);
	/* A shard of before is gone, or another one of its name. */
	s.shards++;
	s.n_shards--;
	assert_int_equal(read_by(fs, &s, PROGRAM, &out, &generation), ERR_VERSION);
	s = state_of(3);
	entries[1].n_rows++;
	assert_int_equal(read_by(fs, &s, PROGRAM, &out, &generation), ERR_VERSION);
	entries[1].n_rows--;
	assert_int_equal(read_by(fs, &s, PROGRAM, &out, &generation), 0);
	/* A file in the other one's place. */
	assert_true(fsys_mem_put(fs, kept_file(KEPT_DECISIONS),
	    fsys_mem_get(fs, kept_file(KEPT_SUMMARY))));
	assert_int_equal(kept_check(fs, KEPT_DECISIONS, NULL), ERR_CORRUPT);
	buf_release(&out);
	fsys_free(fs);
}

static void
damage_is_noticed_wherever_it_is(void **state)
{
	struct fsys *fs = fsys_mem();
	struct buf whole = BUF_INIT, out = BUF_INIT;

	(void)state;
	assert_int_equal(write_at(fs, 2, OLD, NULL), 0);
	buf_sv(&whole, fsys_mem_get(fs, kept_file(KEPT_SUMMARY)));
	assert_false(whole.oom);
	for (size_t n = 0; n < whole.n; n++) {
		assert_true(fsys_mem_put(fs, kept_file(KEPT_SUMMARY), sv_new(whole.p, n)));
		assert_int_equal(kept_check(fs, KEPT_SUMMARY, NULL), ERR_CORRUPT);
		assert_int_equal(content_of(fs, &out).n, 0);
	}
	for (size_t i = 0; i < 8 * whole.n; i++) {
		whole.p[i / 8] = (char)(whole.p[i / 8] ^ 1 << i % 8);
		assert_true(fsys_mem_put(fs, kept_file(KEPT_SUMMARY), buf_view(&whole)));
		assert_int_equal(kept_check(fs, KEPT_SUMMARY, NULL), ERR_CORRUPT);
		assert_int_equal(content_of(fs, &out).n, 0);
		whole.p[i / 8] = (char)(whole.p[i / 8] ^ 1 << i % 8);
	}
	buf_release(&whole);
	buf_release(&out);
	fsys_free(fs);
}

static bool
old_or_new(struct sv s)
{
	return sv_eq(s, OLD) || sv_eq(s, NEW);
}

static int
remove_it(void *fs, const char *path, struct err *e)
{
	return ((struct fsys *)fs)->ops->unlink(fs, path, e);
}

static struct sv
tmp_of(struct fsys *fs)
{
	return fsys_mem_get(fs, "cache/summary.tmp");
}

/* Each call in turn fails, once or for good, or the process is killed at it. */
static void
fail_every_call(bool persist, bool kill)
{
	struct buf out = BUF_INIT;
	bool struck = true;

	for (uint64_t n = 1; struck; n++) {
		const struct fault_plan plan = { FAULT_ALL, n, ERR_NOSPC, persist, kill };
		struct fsys *mem = fsys_mem(), *fs;
		int rc;

		assert_int_equal(write_at(mem, 2, OLD, NULL), 0);
		assert_non_null(fs = fsys_fault(mem));
		fsys_fault_set(fs, &plan);
		rc = write_at(fs, 3, NEW, NULL);
		struck = fsys_fault_struck(fs);
		assert_true(struck || rc == 0);
		assert_true(old_or_new(content_of(mem, &out)));
		assert_true(rc != 0 || sv_eq(buf_view(&out), NEW));
		fsys_free(fs);
		/* What a kill left is in nobody's way, and gone with the next writing or cleaning. */
		assert_true(kill || persist || tmp_of(mem).n == 0);
		if (n % 2 == 0) {
			assert_int_equal(kept_left_overs(mem, remove_it, mem, NULL), 0);
			assert_int_equal(tmp_of(mem).n, 0);
			assert_true(old_or_new(content_of(mem, &out)));
		}
		assert_int_equal(write_at(mem, 3, NEW, NULL), 0);
		assert_true(sv_eq(content_of(mem, &out), NEW));
		assert_int_equal(tmp_of(mem).n, 0);
		fsys_free(mem);
	}
	buf_release(&out);
}

static void
every_call_may_fail(void **state)
{
	(void)state;
	fail_every_call(false, false);
	fail_every_call(true, false);
	fail_every_call(true, true);
}

/* Nothing is synced: after a power cut it is the old one, the new one, or none. */
static void
a_power_cut_leaves_one_or_none(void **state)
{
	struct fsys *fs = fsys_mem(), *after;
	struct buf out = BUF_INIT;
	uint64_t n;

	(void)state;
	assert_int_equal(write_at(fs, 2, OLD, NULL), 0);
	assert_int_equal(write_at(fs, 3, NEW, NULL), 0);
	n = fsys_mem_crash_states(fs);
	for (uint64_t i = 0; i < (n > 2000 ? 2000 : n); i++) {
		struct sv s;

		assert_non_null(after = fsys_mem_crash(fs, i));
		s = content_of(after, &out);
		assert_true(s.n == 0 || old_or_new(s));
		assert_int_equal(write_at(after, 3, NEW, NULL), 0);
		assert_true(sv_eq(content_of(after, &out), NEW));
		fsys_free(after);
	}
	buf_release(&out);
	fsys_free(fs);
}

static int
count_it(void *arg, const char *path, struct err *e)
{
	(void)path;
	(void)e;
	++*(unsigned *)arg;
	return 0;
}

static void
writers_do_not_meet(void **state)
{
	struct fsys *fs = fsys_mem();
	struct buf out = BUF_INIT;
	struct file *lock;
	unsigned n = 0;

	(void)state;
	assert_int_equal(write_at(fs, 2, OLD, NULL), 0);
	assert_int_equal(fs->ops->lock(fs, "cache/.lock", &lock, NULL), 0);
	assert_true(fsys_mem_put(fs, "cache/summary.tmp", SV("half of")));
	assert_int_equal(write_at(fs, 3, NEW, NULL), ERR_BUSY);
	/* And it is no left-over as long as somebody writes. */
	assert_int_equal(kept_left_overs(fs, count_it, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_true(sv_eq(content_of(fs, &out), OLD));
	assert_int_equal(fs->ops->close(lock, NULL), 0);
	assert_int_equal(kept_left_overs(fs, count_it, &n, NULL), 0);
	assert_int_equal(n, 1);
	buf_release(&out);
	fsys_free(fs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_read_again_by_this_state_and_later_ones),
		cmocka_unit_test(any_doubt_throws_it_away),
		cmocka_unit_test(damage_is_noticed_wherever_it_is),
		cmocka_unit_test(every_call_may_fail),
		cmocka_unit_test(a_power_cut_leaves_one_or_none),
		cmocka_unit_test(writers_do_not_meet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
