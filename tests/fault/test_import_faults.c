/* SPDX-License-Identifier: ISC */
/*
 * A whole import with everything that can go wrong: each call to the disk fails in turn, once
 * or for good; the process is killed at each write and the power fails then, in every way the
 * crash model knows; each allocation fails. Afterwards, whatever happened:
 *
 *   - every span of every reported commit is there, once;
 *   - nothing is there that was not sent, and no commit is there in part;
 *   - the store opens by itself, check finds nothing, opening twice changes nothing;
 *   - importing the same input again completes it, without a double.
 *
 * How thorough: at most FAULT_STATES crash states a kill (default 64), every FAULT_STEP-th
 * allocation (default 1). Links with --wrap: see tests/lib/fault_malloc.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "check/check.h"
#include "intake/intake.h"
#include "lib/fault_malloc.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"
#include "lib/otlp_lines.h"
#include "lib/store_spans.h"

#define MEMTABLE_BYTES 60000

static struct conf *conf;
static struct buf input;
static struct map sent;			/* what the input holds */
static uint64_t bounds[64];		/* spans after each commit of an undisturbed import */
static size_t n_bounds;

struct run {
	uint64_t n_acked;		/* spans of the commits reported */
	bool note_bounds;
};

static size_t
env_number(const char *name, size_t def)
{
	const char *s = getenv(name);
	uint64_t v;

	return s != NULL && sv_u64(sv_cstr(s), &v) && v > 0 ? (size_t)v : def;
}

static void
on_commit(void *arg, const struct intake_counts *c)
{
	struct run *r = arg;

	if (r->note_bounds && n_bounds < sizeof bounds / sizeof *bounds)
		bounds[n_bounds++] = c->n_spans;
	r->n_acked = c->n_spans;
}

static int
import(struct fsys *fs, struct run *r, struct intake_counts *counts, struct err *e)
{
	struct intake_options o = {
		.conf = conf, .store = "mem", .fs = fs, .memtable_bytes = MEMTABLE_BYTES,
		.threads = 1, .on_commit = on_commit, .arg = r,
	};
	struct text_source t = { .text = buf_view(&input) };
	struct source_bytes src = text_source(&t);
	struct intake *in;
	int rc, rc2;

	if ((rc = intake_open(&o, &in, e)) != 0)
		return rc;
	rc = intake_read(in, "input", &src, e);
	rc2 = intake_close(in, counts, rc == 0 ? e : NULL);
	return rc != 0 ? rc : rc2;
}

static int
setup(void **state)
{
	struct fsys *fs = fsys_mem();
	struct run r = { .note_bounds = true };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(conf_load(NULL, NULL, 0, &conf, &e), 0);
	otlp_lines(&input, &(struct otlp_lines){ .to = 280, .step_ns = UINT64_C(70000000000) });
	map_init(&sent);
	assert_int_equal(spans_of_lines(buf_view(&input), &sent, &e), 0);
	if (import(fs, &r, NULL, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(n_bounds >= 3);
	assert_int_equal(bounds[n_bounds - 1], 280);
	fsys_free(fs);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	map_release(&sent);
	buf_release(&input);
	conf_free(conf);
	return 0;
}

/* ---- what must hold of a disk afterwards ---- */

static void
bad(void *arg, const char *file, int64_t off, const char *why)
{
	snprintf(arg, 300, "%s at %lld: %s", file, (long long)off, why);
}

static void
assert_bound(uint64_t n, uint64_t n_acked, const char *what)
{
	/* An input that broke off is committed up to there: then nothing is beyond it. */
	bool ok = n == 0 || n == n_acked;

	for (size_t i = 0; i < n_bounds; i++)
		ok |= n == bounds[i];
	if (!ok || n < n_acked)
		fail_msg("%s: %d spans are there, %d were acknowledged", what, (int)n, (int)n_acked);
}

/* Taking the lock cleans up; a second time there is nothing left to do. */
static void
assert_opens_and_settles(struct fsys *fs, const char *what)
{
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20, .fs = fs };
	struct buf one = BUF_INIT, two = BUF_INIT;
	struct check_result res = { 0 };
	struct err e = ERR_INIT;
	struct catalog *c;
	char why[300] = "";

	if (catalog_open("mem", &o, &c, &e) != 0 || catalog_lock(c, &e) != 0)
		fail_msg("%s: %s", what, e.msg);
	fsys_mem_print(fs, &one);
	catalog_unlock(c);
	assert_int_equal(catalog_lock(c, &e), 0);
	fsys_mem_print(fs, &two);
	assert_true(sv_eq(buf_view(&one), buf_view(&two)));
	if (catalog_check(c, bad, why, &res, &e) != 0 || res.n_bad != 0)
		fail_msg("%s: check: %s %s", what, why, e.msg);
	catalog_close(c);
	buf_release(&one);
	buf_release(&two);
}

static void
assert_disk(struct fsys *fs, const struct run *r, bool again, const char *what)
{
	struct err e = ERR_INIT;
	struct map have;

	assert_opens_and_settles(fs, what);
	map_init(&have);
	if (spans_of_store(fs, &have, &e) != 0)
		fail_msg("%s: %s", what, e.msg);
	assert_bound(spans_count(&have), r->n_acked, what);
	assert_int_equal(have.n, spans_count(&have));	/* each once */
	assert_true(spans_within(&have, &sent));
	map_release(&have);
	if (!again)
		return;
	if (import(fs, &(struct run){ 0 }, NULL, &e) != 0)
		fail_msg("%s: again: %s", what, e.msg);
	map_init(&have);
	assert_int_equal(spans_of_store(fs, &have, &e), 0);
	assert_true(spans_equal(&have, &sent));
	map_release(&have);
}

/* ---- failing calls ---- */

static unsigned
fail_each_call(unsigned kinds, int code, bool persist)
{
	unsigned n_tried = 0;
	bool done = false;

	for (uint64_t nth = 1; !done; nth++, n_tried++) {
		struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
		struct run r = { 0 };
		struct err e = ERR_INIT;
		char what[100];
		int rc;

		snprintf(what, sizeof what, "call %d of kinds %x, code %d%s", (int)nth, kinds, code,
		    persist ? ", for good" : "");
		fsys_fault_set(ff, &(struct fault_plan){ kinds, nth, code, persist, false });
		rc = import(ff, &r, NULL, &e);
		done = !fsys_fault_struck(ff);
		if (rc == 0)
			assert_int_equal(r.n_acked, 280);
		else
			assert_true(e.msg[0] != '\0' && e.code == rc);
		if (done)
			assert_int_equal(rc, 0);
		assert_int_equal(fsys_mem_open_handles(fs), 0);
		assert_disk(fs, &r, true, what);
		fsys_free(ff);
		fsys_free(fs);
	}
	return n_tried;
}

static void
any_call_may_fail(void **state)
{
	unsigned n = 0;

	(void)state;
	for (int persist = 0; persist < 2; persist++) {
		n += fail_each_call(FAULT_ALL, ERR_IO, persist);
		n += fail_each_call(FAULT_WRITES, ERR_NOSPC, persist);
	}
	for (enum fault_kind k = 0; k < N_FAULT_KINDS; k++)
		n += fail_each_call(FAULT_BIT(k), ERR_IO, true);
	print_message("%u failures of the disk\n", n);
	assert_true(n > 500);
}

/* ---- kills and power cuts ---- */

static void
a_kill_anywhere_loses_nothing_reported(void **state)
{
	size_t at_most = env_number("FAULT_STATES", 64), total = 0, kills = 0;
	bool done = false;

	(void)state;
	for (uint64_t nth = 1; !done; nth++, kills++) {
		struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs), *after;
		struct run r = { 0 };
		struct err e = ERR_INIT;
		uint64_t n;
		char what[100];

		fsys_fault_set(ff, &(struct fault_plan){ FAULT_WRITES, nth, 0, false, true });
		(void)import(ff, &r, NULL, &e);
		done = !fsys_fault_struck(ff);
		assert_int_equal(fsys_mem_open_handles(fs), 0);
		/* The process alone died. */
		snprintf(what, sizeof what, "kill at %d", (int)nth);
		after = fsys_mem_copy(fs);
		assert_disk(after, &r, true, what);
		fsys_free(after);
		/* The power failed. */
		n = fsys_mem_crash_states(fs);
		for (uint64_t i = 0; i < n && i < at_most; i++, total++) {
			uint64_t k = n <= at_most || n == UINT64_MAX ? i :
			    (uint64_t)((__uint128_t)i * (n - 1) / (at_most - 1));

			snprintf(what, sizeof what, "kill at %d, state %llu of %llu", (int)nth,
			    (unsigned long long)k, (unsigned long long)n);
			after = fsys_mem_crash(fs, k);
			assert_disk(after, &r, total % 5 == 0, what);
			fsys_free(after);
		}
		fsys_free(ff);
		fsys_free(fs);
	}
	print_message("%zu kills, %zu crash states\n", kills, total);
	assert_true(kills > 100);
}

/* Killed a second time while the next import cleans up and goes on. */
static void
a_second_kill_during_recovery_changes_nothing(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint64_t first = 40; first < 400; first += 60)
		for (uint64_t second = 1; second < 60; second += 7, n++) {
			struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs), *crashed, *cf;
			struct run r = { 0 }, r2;
			struct err e = ERR_INIT;

			fsys_fault_set(ff, &(struct fault_plan){ FAULT_WRITES, first, 0, false, true });
			(void)import(ff, &r, NULL, &e);
			crashed = fsys_mem_crash(fs, second);
			cf = fsys_fault(crashed);
			fsys_fault_set(cf, &(struct fault_plan){ FAULT_WRITES, second, 0, false, true });
			r2 = (struct run){ 0 };
			(void)import(cf, &r2, NULL, &e);
			fsys_free(ff);
			fsys_free(fs);
			fs = fsys_mem_crash(crashed, 0);
			{
				struct map have;

				map_init(&have);
				assert_opens_and_settles(fs, "second kill");
				assert_int_equal(spans_of_store(fs, &have, &e), 0);
				assert_true(spans_count(&have) >= r.n_acked);
				assert_true(have.n == spans_count(&have));
				assert_true(spans_within(&have, &sent));
				map_release(&have);
			}
			fsys_free(fs);
			fsys_free(cf);
			fsys_free(crashed);
		}
	assert_true(n > 40);
}

/* ---- memory ---- */

static void
any_allocation_may_fail(void **state)
{
	struct fsys *fs = fsys_mem();
	struct run r = { 0 };
	struct err e = ERR_INIT;
	uint64_t n_allocs;
	size_t step, n = 0;

	(void)state;
	fault_malloc_start(0, false);
	assert_int_equal(import(fs, &r, NULL, &e), 0);
	n_allocs = fault_malloc_stop();
	fsys_free(fs);
	step = env_number("FAULT_STEP", 1);
	for (int persist = 0; persist < 2; persist++)
		/* The number varies a little from run to run. */
		for (uint64_t nth = 1; nth < n_allocs + 3; nth += step, n++) {
			char what[100];
			int rc;

			fs = fsys_mem();
			r = (struct run){ 0 };
			e = (struct err)ERR_INIT;
			fault_malloc_start(nth, persist);
			rc = import(fs, &r, NULL, &e);
			(void)fault_malloc_stop();
			snprintf(what, sizeof what, "allocation %d%s", (int)nth,
			    persist ? " and all after it" : "");
			if (rc == 0)
				assert_int_equal(r.n_acked, 280);
			else if (rc != ERR_NOMEM)
				fail_msg("%s: code %d, %s", what, rc, e.msg);
			assert_int_equal(fsys_mem_open_handles(fs), 0);
			assert_disk(fs, &r, n % 4 == 0, what);
			fsys_free(fs);
		}
	print_message("%d allocations an import, %zu failures\n", (int)n_allocs, n);
	assert_true(n > 500 || step > 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_call_may_fail),
		cmocka_unit_test(a_kill_anywhere_loses_nothing_reported),
		cmocka_unit_test(a_second_kill_during_recovery_changes_nothing),
		cmocka_unit_test(any_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
