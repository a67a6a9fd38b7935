/* SPDX-License-Identifier: ISC */
/*
 * extract_faults: an extract that is killed, or that fails, at each of its writes in turn, on the
 * store's file system and on the destination's: after it, and after the next one that runs to its
 * end, what was delivered holds each span once. Also what it does besides: dates, --keep, empty
 * results, marks that move meanwhile.
 */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/map.h"
#include "cmd/extract.h"
#include "lib/fsys_fault.h"
#include "lib/gen_span.h"
#include "lib/store_rig.h"

#define MARK "nightly"

/* A store that grows, a directory, and all lines that were delivered there. */
struct bed {
	struct store_rig rig;
	char dir[64];
	struct conf *conf;
	struct engine *en;
	struct gen_span gen;
	struct map seen;		/* line: how often */
	uint64_t n_spans, n_lines;
	unsigned file;			/* of a dated name */
};

static void
grow(struct bed *b, size_t n)
{
	struct span_batch batch;

	span_batch_init(&batch);
	assert_true(gen_span_add(&b->gen, &batch, n));
	/* Starts of any time in its range: most of them late. */
	store_rig_add(&b->rig, &batch, 64);
	b->n_spans += batch.n;
	span_batch_release(&batch);
}

static void
open_bed(struct bed *b, uint64_t seed)
{
	static const char *sets[] = { "query.threads=1", "mount.now=latest" };
	struct gen_span_options o = { .seed = seed, .start_ns = STORE_RIG_START,
		.range_ns = UINT64_C(7200000000000), .n_services = 3, .n_traces = 4000, .n_keys = 4 };
	struct err e = ERR_INIT;
	struct fsys *fs;

	memset(b, 0, sizeof *b);
	store_rig_init(&b->rig, seed, 0, 2, 1, 64);
	gen_span_init(&b->gen, &o);
	map_init(&b->seen);
	snprintf(b->dir, sizeof b->dir, "/tmp/spanfs-extract-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(conf_load(NULL, sets, 2, &b->conf, NULL), 0);
	grow(b, 40);
	if (engine_open(b->conf, b->rig.dir, false, &b->en, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(file_real(b->rig.dir, false, &fs, NULL), 0);
	assert_int_equal(mark_set(fs, SV(MARK), 0, NULL), 0);
	fsys_free(fs);
}

static void
close_bed(struct bed *b)
{
	struct store_rig dest = { .now_ns = 0 };

	engine_close(b->en);
	conf_free(b->conf);
	map_release(&b->seen);
	store_rig_release(&b->rig);
	memcpy(dest.dir, b->dir, sizeof dest.dir);
	store_rig_release(&dest);
}

static int
open_dir(void *arg, const char *dir, struct fsys **out, struct err *e)
{
	(void)arg;
	return file_real(dir, false, out, e);
}

static struct extract_job
job_of(struct bed *b, struct fsys *store, struct fsys *dest, const char *name)
{
	return (struct extract_job){ .engine = b->en, .store = store, .dest = dest, .dir = b->dir,
	    .open_dir = open_dir, .path = "/mark/" MARK "/select/span_id,trace_id,start/spans.csv",
	    .mark = MARK, .name = name, .pattern = "r-%F.csv" };
}

/* One extract as a whole, nothing failing. */
static int
extract(struct bed *b, const char *name, enum extract_end *end, struct err *e)
{
	struct extract_job j;
	struct fsys *store, *dest;
	int rc;

	assert_int_equal(file_real(b->rig.dir, false, &store, NULL), 0);
	assert_int_equal(file_real(b->dir, false, &dest, NULL), 0);
	j = job_of(b, store, dest, name);
	rc = extract_run(&j, end, e);
	fsys_free(dest);
	fsys_free(store);
	return rc;
}

/* Everything that stands there under a name of its own is fetched, once. */
static void
fetch(struct bed *b)
{
	struct arena a;
	struct fsys *dest;
	char **names;
	size_t n;

	arena_init(&a);
	assert_int_equal(file_real(b->dir, false, &dest, NULL), 0);
	assert_int_equal(dest->ops->list(dest, ".", &a, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct sv all, line;

		if (names[i][0] == '.')
			continue;
		assert_int_equal(file_read_all(dest, names[i], 1 << 24, &a, &all, NULL), 0);
		assert_true(sv_cut(&all, '\n', &line));
		while (sv_cut(&all, '\n', &line)) {
			uint64_t *times;

			if (line.n == 0)
				continue;
			times = map_put(&b->seen, line, NULL);
			assert_non_null(times);
			(*times)++;
			b->n_lines++;
		}
		assert_int_equal(dest->ops->unlink(dest, names[i], NULL), 0);
	}
	fsys_free(dest);
	arena_release(&a);
}

static void
each_span_once(const struct bed *b)
{
	const struct map_slot *s;

	for (size_t i = 0; (s = map_next(&b->seen, &i)) != NULL;)
		if (s->val != 1)
			fail_msg("%.*s came %llu times", (int)s->len, s->key,
			    (unsigned long long)s->val);
	assert_int_equal(b->n_lines, b->n_spans);
}

/*
 * Extracts that strike at their nth write, until one does not. What is fetched between them, and
 * after the run that follows, is checked; half of the time it is fetched at once, as by somebody
 * who doesn't look at exit codes, else with the next.
 */
static void
strike(struct bed *b, bool on_store, bool kill, bool persist, int code)
{
	for (uint64_t n = 1;; n++) {
		struct fault_plan plan = { FAULT_WRITES | FAULT_BIT(FAULT_STAT) | FAULT_BIT(FAULT_LOCK) |
			FAULT_BIT(FAULT_OPEN), n, code, persist, kill };
		struct fsys *store, *dest, *fault;
		struct extract_job j;
		enum extract_end end;
		struct err e = ERR_INIT;
		char name[64];
		bool struck;
		int rc;

		grow(b, 5);
		assert_int_equal(file_real(b->rig.dir, false, &store, NULL), 0);
		assert_int_equal(file_real(b->dir, false, &dest, NULL), 0);
		assert_non_null(fault = fsys_fault(on_store ? store : dest));
		snprintf(name, sizeof name, "r-%04u-01-01.csv", 1000 + b->file++);
		j = job_of(b, on_store ? fault : store, on_store ? dest : fault, name);
		fsys_fault_set(fault, &plan);
		rc = extract_run(&j, &end, &e);
		struck = fsys_fault_struck(fault);
		/* What fails says so. */
		assert_true(rc == 0 || (rc < 0 && e.msg[0] != '\0'));
		assert_true(rc == 0 || struck);
		fsys_free(fault);
		fsys_free(dest);
		fsys_free(store);
		grow(b, 3);
		snprintf(name, sizeof name, "r-%04u-01-01.csv", 1000 + b->file++);
		if (extract(b, name, &end, &e) != 0)
			fail_msg("after a strike at %llu: %s", (unsigned long long)n, e.msg);
		fetch(b);
		if (!struck)
			break;
		assert_true(n < 500);
	}
}

static void
killed_at_every_write_each_span_comes_once(void **state)
{
	enum extract_end end;
	struct bed b;

	(void)state;
	open_bed(&b, 11);
	for (int on_store = 0; on_store < 2; on_store++)
		strike(&b, on_store != 0, true, false, ERR_IO);
	assert_int_equal(extract(&b, "r-9999-01-01.csv", &end, NULL), 0);
	fetch(&b);
	each_span_once(&b);
	close_bed(&b);
}

static void
failing_at_every_write_each_span_comes_once(void **state)
{
	enum extract_end end;
	struct bed b;

	(void)state;
	open_bed(&b, 12);
	for (int on_store = 0; on_store < 2; on_store++)
		for (int persist = 0; persist < 2; persist++)
			strike(&b, on_store != 0, false, persist != 0, ERR_NOSPC);
	assert_int_equal(extract(&b, "r-9999-01-01.csv", &end, NULL), 0);
	fetch(&b);
	each_span_once(&b);
	close_bed(&b);
}

/* ---- one by one ---- */

static void
what_was_begun_is_finished_and_not_written_over(void **state)
{
	struct fault_plan plan = { FAULT_BIT(FAULT_RENAME), 1, ERR_IO, false, true };
	struct fsys *store, *dest, *fault;
	struct extract_job j;
	enum extract_end end;
	struct err e = ERR_INIT;
	struct bed b;

	(void)state;
	open_bed(&b, 13);
	assert_int_equal(file_real(b.rig.dir, false, &store, NULL), 0);
	assert_int_equal(file_real(b.dir, false, &dest, NULL), 0);
	assert_non_null(fault = fsys_fault(dest));
	j = job_of(&b, store, fault, "report.csv");
	fsys_fault_set(fault, &plan);
	assert_true(extract_run(&j, &end, &e) < 0);
	assert_true(fsys_fault_struck(fault));
	fsys_free(fault);
	grow(&b, 9);
	/* The same name: what came since waits until this one was fetched. */
	j.dest = dest;
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_int_equal(end, EXTRACT_FINISHED);
	fetch(&b);
	assert_int_equal(b.n_lines, 40);
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_int_equal(end, EXTRACT_DELIVERED);
	fetch(&b);
	each_span_once(&b);
	fsys_free(dest);
	fsys_free(store);
	close_bed(&b);
}

/* Killed right after the rename, then fetched. With its lock gone nothing tells that. */
static void
fetch_before_the_next(bool lock_stays)
{
	struct fault_plan plan = { FAULT_BIT(FAULT_SYNC_DIR), 2, ERR_IO, false, true };
	struct fsys *store, *dest, *fault;
	struct extract_job j;
	enum extract_end end;
	struct err e = ERR_INIT;
	char **names;
	struct arena a;
	struct bed b;
	size_t n;

	open_bed(&b, 14);
	arena_init(&a);
	assert_int_equal(file_real(b.rig.dir, false, &store, NULL), 0);
	assert_int_equal(file_real(b.dir, false, &dest, NULL), 0);
	assert_non_null(fault = fsys_fault(dest));
	j = job_of(&b, store, fault, "r-2026-01-01.csv");
	fsys_fault_set(fault, &plan);
	assert_true(extract_run(&j, &end, &e) < 0);
	fsys_free(fault);
	grow(&b, 3);
	fetch(&b);
	assert_int_equal(b.n_lines, 40);
	assert_int_equal(dest->ops->list(dest, ".", &a, &names, &n, NULL), 0);
	for (size_t i = 0; i < n && !lock_stays; i++)
		assert_int_equal(dest->ops->unlink(dest, names[i], NULL), 0);
	if (!lock_stays) {
		assert_int_equal(extract(&b, "r-2026-01-02.csv", &end, &e), ERR_NODATA);
		assert_non_null(strstr(e.msg, "spanctl mark set nightly 0"));
		assert_non_null(strstr(e.msg, "spanctl mark set nightly 1"));
		assert_int_equal(mark_set(store, SV(MARK), 1, NULL), 0);
	}
	/* The same name: it is free again. */
	assert_int_equal(extract(&b, "r-2026-01-01.csv", &end, &e), 0);
	assert_int_equal(end, EXTRACT_DELIVERED);
	fetch(&b);
	each_span_once(&b);
	fsys_free(dest);
	fsys_free(store);
	arena_release(&a);
	close_bed(&b);
}

static void
what_was_taken_has_arrived(void **state)
{
	(void)state;
	fetch_before_the_next(true);
}

static void
a_delivery_of_which_nothing_tells_is_told(void **state)
{
	(void)state;
	fetch_before_the_next(false);
}

/* The first extract dies before its file has its name: it stands under its own, and is noted. */
static void
die_before_the_rename(struct bed *b)
{
	struct fault_plan plan = { FAULT_BIT(FAULT_RENAME), 1, ERR_IO, false, true };
	struct fsys *store, *dest, *fault;
	struct extract_job j;
	enum extract_end end;

	assert_int_equal(file_real(b->rig.dir, false, &store, NULL), 0);
	assert_int_equal(file_real(b->dir, false, &dest, NULL), 0);
	assert_non_null(fault = fsys_fault(dest));
	j = job_of(b, store, fault, "r-2026-01-01.csv");
	fsys_fault_set(fault, &plan);
	assert_true(extract_run(&j, &end, NULL) < 0);
	assert_true(fsys_fault_struck(fault));
	fsys_free(fault);
	fsys_free(dest);
	fsys_free(store);
}

/* It can't be told what became of it, however often it is asked. */
static void
stays_lost(struct bed *b)
{
	enum extract_end end;

	for (int i = 0; i < 3; i++) {
		struct err e = ERR_INIT;

		assert_int_equal(extract(b, "r-2026-01-02.csv", &end, &e), ERR_NODATA);
		assert_non_null(strstr(e.msg, "spanctl mark set nightly 0"));
	}
}

static void
not_mounted(const char *lock_in_mount_point)
{
	char away[80], path[256];
	enum extract_end end;
	struct bed b;
	FILE *f;

	open_bed(&b, 16);
	die_before_the_rename(&b);
	grow(&b, 3);
	snprintf(away, sizeof away, "%s.away", b.dir);
	assert_int_equal(rename(b.dir, away), 0);
	assert_int_equal(mkdir(b.dir, 0700), 0);
	snprintf(path, sizeof path, "%s/%s", b.dir, lock_in_mount_point);
	if (lock_in_mount_point[0] != '\0') {
		assert_non_null(f = fopen(path, "w"));
		fclose(f);
	}
	stays_lost(&b);
	/* Nothing was left in the mount point. */
	if (lock_in_mount_point[0] != '\0')
		assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(b.dir), 0);
	assert_int_equal(rename(away, b.dir), 0);
	assert_int_equal(extract(&b, "r-2026-01-02.csv", &end, NULL), 0);
	fetch(&b);
	each_span_once(&b);
	close_bed(&b);
}

static void
a_directory_that_is_not_mounted_stays_told(void **state)
{
	struct fsys *dest;
	char **names, lock[64] = "";
	struct arena a;
	struct bed b;
	size_t n;

	(void)state;
	not_mounted("");
	/* With a lock of an earlier time below the mount point. */
	arena_init(&a);
	open_bed(&b, 17);
	die_before_the_rename(&b);
	assert_int_equal(file_real(b.dir, false, &dest, NULL), 0);
	assert_int_equal(dest->ops->list(dest, ".", &a, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		if (sv_ends(sv_cstr(names[i]), SV(".lock")))
			snprintf(lock, sizeof lock, "%s", names[i]);
	fsys_free(dest);
	close_bed(&b);
	arena_release(&a);
	assert_true(lock[0] != '\0');
	not_mounted(lock);
}

/* As cp -a restores it: the same bytes and names, other inodes. */
static void
a_directory_that_was_restored_is_told(void **state)
{
	struct fsys *dest, *store;
	enum extract_end end;
	struct arena a;
	struct bed b;
	char **names;
	size_t n;

	(void)state;
	arena_init(&a);
	open_bed(&b, 18);
	die_before_the_rename(&b);
	assert_int_equal(file_real(b.dir, false, &dest, NULL), 0);
	assert_int_equal(dest->ops->list(dest, ".", &a, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		struct sv bytes;

		assert_int_equal(file_read_all(dest, names[i], 1 << 24, &a, &bytes, NULL), 0);
		assert_int_equal(file_replace(dest, ".", names[i], bytes, NULL), 0);
	}
	grow(&b, 3);
	stays_lost(&b);
	/* Whoever looks sees that it did not arrive. */
	assert_int_equal(file_real(b.rig.dir, false, &store, NULL), 0);
	assert_int_equal(mark_set(store, SV(MARK), 0, NULL), 0);
	fsys_free(store);
	assert_int_equal(extract(&b, "r-2026-01-02.csv", &end, NULL), 0);
	fetch(&b);
	each_span_once(&b);
	fsys_free(dest);
	arena_release(&a);
	close_bed(&b);
}

/* A stat that fails is no sign that nothing is there. */
static void
a_stat_that_fails_is_told(void **state)
{
	struct fsys *store, *dest, *fault;
	struct extract_job j;
	enum extract_end end;
	struct bed b;
	uint64_t n;

	(void)state;
	open_bed(&b, 19);
	die_before_the_rename(&b);
	assert_int_equal(file_real(b.rig.dir, false, &store, NULL), 0);
	assert_int_equal(file_real(b.dir, false, &dest, NULL), 0);
	for (n = 1;; n++) {
		struct fault_plan plan = { FAULT_BIT(FAULT_STAT), n, ERR_ACCESS, true, false };
		int rc;

		assert_non_null(fault = fsys_fault(dest));
		j = job_of(&b, store, fault, "r-2026-01-01.csv");
		fsys_fault_set(fault, &plan);
		rc = extract_run(&j, &end, NULL);
		assert_int_equal(rc, fsys_fault_struck(fault) ? ERR_ACCESS : 0);
		fsys_free(fault);
		if (rc == 0)
			break;
	}
	assert_true(n > 2);
	assert_int_equal(end, EXTRACT_FINISHED);
	fetch(&b);
	each_span_once(&b);
	/* Nor is it one that a name is free. */
	for (n = 1;; n++) {
		struct fault_plan plan = { FAULT_BIT(FAULT_STAT), n, ERR_ACCESS, true, false };
		int rc;

		assert_non_null(fault = fsys_fault(dest));
		j = job_of(&b, store, fault, "r-2026-01-03.csv");
		fsys_fault_set(fault, &plan);
		rc = extract_run(&j, &end, NULL);
		assert_int_equal(rc, fsys_fault_struck(fault) ? ERR_ACCESS : 0);
		fsys_free(fault);
		if (rc == 0)
			break;
	}
	assert_true(n > 1);
	fsys_free(dest);
	fsys_free(store);
	close_bed(&b);
}

static bool
there(const struct bed *b, const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", b->dir, name);
	return access(path, F_OK) == 0;
}

static void
put(const struct bed *b, const char *name)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", b->dir, name);
	assert_non_null(f = fopen(path, "w"));
	fclose(f);
}

/* Something got the name between the look and the rename: it is not written over. */
static void
what_took_the_name_meanwhile_stays(void **state)
{
	enum extract_end end;
	struct err e = ERR_INIT;
	char path[128];
	struct stat st;
	struct bed b;

	(void)state;
	open_bed(&b, 20);
	die_before_the_rename(&b);
	put(&b, "r-2026-01-01.csv");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(extract(&b, "r-2026-01-01.csv", &end, &e), ERR_BUSY);
		assert_non_null(strstr(e.msg, "there already"));
	}
	snprintf(path, sizeof path, "%s/r-2026-01-01.csv", b.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(extract(&b, "r-2026-01-01.csv", &end, &e), 0);
	assert_int_equal(end, EXTRACT_FINISHED);
	fetch(&b);
	each_span_once(&b);
	close_bed(&b);
}

static void
names_empty_results_and_old_files(void **state)
{
	struct fsys *store, *dest;
	struct file *lock;
	struct extract_job j;
	enum extract_end end;
	struct err e = ERR_INIT;
	struct bed b;

	(void)state;
	open_bed(&b, 15);
	assert_int_equal(file_real(b.rig.dir, false, &store, NULL), 0);
	assert_int_equal(file_real(b.dir, false, &dest, NULL), 0);
	j = job_of(&b, store, dest, "r-2026-01-05.csv");
	put(&b, "r-2026-01-01.csv");
	put(&b, "r-2025-12-31.csv");
	put(&b, "r-2026-01-05.csv");
	put(&b, "other.csv");
	/* A file of that date is there: it is not written over. */
	assert_int_equal(extract_run(&j, &end, &e), ERR_BUSY);
	assert_non_null(strstr(e.msg, "there already"));
	j.name = "r-2026-01-06.csv";
	j.keep = 3;
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_true(there(&b, "r-2026-01-06.csv") && there(&b, "r-2026-01-05.csv"));
	assert_true(there(&b, "r-2026-01-01.csv") && there(&b, "other.csv"));
	assert_false(there(&b, "r-2025-12-31.csv"));
	/* Nothing came since. */
	j.name = "r-2026-01-07.csv";
	j.if_empty = EMPTY_FAIL;
	assert_int_equal(extract_run(&j, &end, &e), ERR_NODATA);
	assert_false(there(&b, "r-2026-01-07.csv"));
	j.if_empty = EMPTY_SKIP;
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_int_equal(end, EXTRACT_SKIPPED);
	assert_false(there(&b, "r-2026-01-07.csv"));
	j.if_empty = EMPTY_WRITE;
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_true(there(&b, "r-2026-01-07.csv"));
	/* Two do not overlap. */
	assert_int_equal(mark_job_lock(store, SV(MARK), &lock, &e), 0);
	j.name = "r-2026-01-08.csv";
	assert_int_equal(extract_run(&j, &end, &e), ERR_BUSY);
	assert_false(there(&b, "r-2026-01-08.csv"));
	assert_int_equal(store->ops->close(lock, NULL), 0);
	/* An answer that fails makes no file and moves no mark. */
	grow(&b, 4);
	j.path = "/mark/" MARK "/expect/rows/5/spans.csv";
	assert_int_equal(extract_run(&j, &end, &e), ERR_NODATA);
	assert_false(there(&b, "r-2026-01-08.csv"));
	j.path = "/mark/" MARK "/expect/rows/4/spans.csv";
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_true(there(&b, "r-2026-01-08.csv"));
	/* Without a mark: the same again. */
	j.mark = NULL;
	j.path = "/count";
	assert_int_equal(extract_run(&j, &end, &e), 0);
	assert_int_equal(extract_run(&j, &end, &e), 0);
	fsys_free(dest);
	fsys_free(store);
	close_bed(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_at_every_write_each_span_comes_once),
		cmocka_unit_test(failing_at_every_write_each_span_comes_once),
		cmocka_unit_test(what_was_begun_is_finished_and_not_written_over),
		cmocka_unit_test(what_was_taken_has_arrived),
		cmocka_unit_test(a_delivery_of_which_nothing_tells_is_told),
		cmocka_unit_test(a_directory_that_is_not_mounted_stays_told),
		cmocka_unit_test(a_directory_that_was_restored_is_told),
		cmocka_unit_test(a_stat_that_fails_is_told),
		cmocka_unit_test(what_took_the_name_meanwhile_stays),
		cmocka_unit_test(names_empty_results_and_old_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
