/* SPDX-License-Identifier: ISC */
/*
 * The catalog: making and recognising stores, snapshots, commits by several hands, and what a
 * crash at any point leaves. Shards are only names here; their insides have tests of their own.
 */
#include "catalog/catalog_i.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"

#define HOUR(n) ((uint64_t)(n) * (uint64_t)NS_PER_HOUR)
#define H0 HOUR(490000)		/* 2025-11-24T16 */

static struct catalog *
open_store(struct fsys *fs, bool create)
{
	struct catalog_options o = { .create = create, .cache_bytes = 1 << 20, .fs = fs };
	struct err e = ERR_INIT;
	struct catalog *c;

	if (catalog_open("mem", &o, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static int
try_open(struct fsys *fs, bool create, struct err *e)
{
	struct catalog_options o = { .create = create, .cache_bytes = 1 << 20, .fs = fs };
	struct catalog *c;
	int rc = catalog_open("mem", &o, &c, e);

	if (rc == 0)
		catalog_close(c);
	return rc;
}

/* A file as a sealed shard would be: synced, its directory not. */
static int
write_shard(struct catalog *c, uint64_t partition, struct shard_entry *en)
{
	struct fsys *fs = catalog_fsys(c);
	struct file *f;
	int rc;

	*en = (struct shard_entry){
		.partition = partition, .n_rows = 10, .n_bytes = 5,
		.min_start = partition == PARTITION_OUTSIDE ? 7 : partition + 1,
		.max_start = partition == PARTITION_OUTSIDE ? 9 : partition + 100,
	};
	if ((rc = catalog_new_file(c, partition, &en->file, NULL)) != 0)
		return rc;
	if ((rc = fs->ops->create(fs, en->file, &f, NULL)) == 0) {
		rc = fs->ops->write(f, "shard", 5, NULL);
		if (rc == 0)
			rc = fs->ops->sync(f, NULL);
		if (fs->ops->close(f, NULL) != 0 && rc == 0)
			rc = ERR_IO;
	}
	if (rc != 0)
		free(en->file);
	return rc;
}

static int
add_shard(struct catalog *c, uint64_t partition, char **file)
{
	struct shard_entry en;
	int rc;

	if ((rc = write_shard(c, partition, &en)) != 0)
		return rc;
	rc = catalog_commit(c, &en, 1, NULL);
	if (file != NULL && rc == 0)
		*file = en.file;
	else
		free(en.file);
	return rc;
}

static const struct snapshot *
snap(struct catalog *c)
{
	const struct snapshot *s;
	struct err e = ERR_INIT;

	if (catalog_snapshot(c, &s, &e) != 0)
		fail_msg("%s", e.msg);
	return s;
}

static size_t
count_shards(struct catalog *c)
{
	const struct snapshot *s = snap(c);
	size_t n = s->n_shards;

	snapshot_unref(s);
	return n;
}

static bool
is_there(struct fsys *fs, const char *path)
{
	return fsys_mem_get(fs, path).p != NULL;
}

/* ---- stores and other directories ---- */

static void
makes_a_store_in_an_empty_directory(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;
	struct catalog *c;
	const struct snapshot *s;

	(void)state;
	assert_int_equal(try_open(fs, false, &e), ERR_UNKNOWN);
	assert_non_null(strstr(e.msg, "no store"));
	c = open_store(fs, true);
	s = snap(c);
	assert_int_equal(s->n_shards, 0);
	assert_int_equal(s->n_rows, 0);
	assert_true(s->max_start < s->min_start);
	snapshot_unref(s);
	catalog_close(c);
	assert_true(sv_is(fsys_mem_get(fs, "STORE"), "spanfs store 1\n"));
	assert_int_equal(try_open(fs, false, &e), 0);
	/* All of it is on disk. */
	assert_int_equal(fsys_mem_crash_states(fs), 1);
	fsys_free(fs);
}

static void
refuses_a_directory_with_other_files(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;
	struct buf before = BUF_INIT, after = BUF_INIT;

	(void)state;
	assert_true(fsys_mem_put(fs, "letter.txt", SV("dear")));
	fsys_mem_print(fs, &before);
	assert_int_equal(try_open(fs, true, &e), ERR_SYNTAX);
	assert_non_null(strstr(e.msg, "letter.txt"));
	assert_int_equal(try_open(fs, false, &e), ERR_SYNTAX);
	fsys_mem_print(fs, &after);
	assert_true(sv_eq(buf_view(&before), buf_view(&after)));
	/* Shards without STORE are somebody's data too. */
	assert_int_equal(fs->ops->unlink(fs, "letter.txt", NULL), 0);
	assert_true(fsys_mem_put(fs, "shards/2026-01-01/00/0000000001.shard", SV("x")));
	assert_int_equal(try_open(fs, true, &e), ERR_SYNTAX);
	buf_release(&before);
	buf_release(&after);
	fsys_free(fs);
}

static void
the_root_of_a_file_system_counts_as_empty(void **state)
{
	struct fsys *fs = fsys_mem();

	(void)state;
	assert_int_equal(fs->ops->mkdir(fs, "lost+found", NULL), 0);
	assert_int_equal(try_open(fs, true, NULL), 0);
	fsys_free(fs);
}

static void
another_format_version_is_refused_naming_both(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;

	(void)state;
	assert_true(fsys_mem_put(fs, "STORE", SV("spanfs store 2\nmore\n")));
	assert_int_equal(try_open(fs, true, &e), ERR_VERSION);
	assert_non_null(strstr(e.msg, "store format 2, this program reads 1"));
	assert_true(fsys_mem_put(fs, "STORE", SV("spanfs store \n")));
	assert_int_equal(try_open(fs, true, &e), ERR_CORRUPT);
	assert_true(fsys_mem_put(fs, "STORE", SV("spanfs store 1")));
	assert_int_equal(try_open(fs, true, &e), ERR_CORRUPT);
	assert_true(fsys_mem_put(fs, "STORE", SV("")));
	assert_int_equal(try_open(fs, true, &e), ERR_CORRUPT);
	fsys_free(fs);
}

static void
a_missing_catalog_is_damage_and_not_an_empty_store(void **state)
{
	struct fsys *fs = fsys_mem();
	struct err e = ERR_INIT;
	struct catalog *c = open_store(fs, true);

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, H0, NULL), 0);
	catalog_close(c);
	assert_int_equal(fs->ops->unlink(fs, "CATALOG", NULL), 0);
	assert_int_equal(try_open(fs, true, &e), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "CATALOG"));
	fsys_free(fs);
}

static void
a_making_cut_short_anywhere_can_be_done_again(void **state)
{
	unsigned n_states = 0;

	(void)state;
	for (uint64_t nth = 1;; nth++) {
		struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
		uint64_t n;

		fsys_fault_set(ff, &(struct fault_plan){ FAULT_WRITES, nth, 0, false, true });
		if (try_open(ff, true, NULL) == 0 && !fsys_fault_struck(ff)) {
			fsys_free(ff);
			fsys_free(fs);
			break;
		}
		n = fsys_mem_crash_states(fs);
		assert_true(n < 100000);
		for (uint64_t i = 0; i < n; i++, n_states++) {
			struct fsys *after = fsys_mem_crash(fs, i);
			struct err e = ERR_INIT;

			if (try_open(after, true, &e) != 0)
				fail_msg("call %d, state %d: %s", (int)nth, (int)i, e.msg);
			assert_int_equal(try_open(after, false, &e), 0);
			fsys_free(after);
		}
		fsys_free(ff);
		fsys_free(fs);
	}
	assert_true(n_states > 50);
}

/* ---- commits and snapshots ---- */

static void
a_commit_is_seen_by_others_and_not_by_old_snapshots(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *w = open_store(fs, true), *r = open_store(fs, false);
	const struct snapshot *before = snap(r), *after;
	char *file;

	(void)state;
	assert_int_equal(catalog_lock(w, NULL), 0);
	assert_int_equal(add_shard(w, H0 + HOUR(3), &file), 0);
	after = snap(r);
	assert_int_equal(before->n_shards, 0);
	assert_int_equal(after->n_shards, 1);
	assert_int_equal(after->generation, before->generation + 1);
	assert_true(after->commit_ns > 0);
	assert_string_equal(after->shards[0].file, file);
	assert_string_equal(file, "shards/2025-11-24/19/0000000001.shard");
	assert_int_equal(after->shards[0].partition, H0 + HOUR(3));
	assert_int_equal(after->n_rows, 10);
	assert_int_equal(after->n_bytes, 5);
	assert_int_equal(after->min_start, H0 + HOUR(3) + 1);
	assert_int_equal(after->max_start, H0 + HOUR(3) + 100);
	free(file);
	snapshot_unref(before);
	snapshot_unref(after);
	catalog_close(w);
	catalog_close(r);
	assert_int_equal(fsys_mem_open_handles(fs), 0);
	fsys_free(fs);
}

static void
shards_are_listed_by_partition_with_outside_last(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	const struct snapshot *s;
	struct shard_entry en[3];

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, PARTITION_OUTSIDE, NULL), 0);
	s = snap(c);
	assert_int_equal(s->min_start, 7);	/* alone, it counts */
	assert_int_equal(s->max_start, 9);
	snapshot_unref(s);
	for (int i = 0; i < 3; i++)
		assert_int_equal(write_shard(c, H0 + HOUR(i == 0 ? 5 : 1), &en[i]), 0);
	assert_int_equal(catalog_commit(c, en, 3, NULL), 0);
	s = snap(c);
	assert_int_equal(s->n_shards, 4);
	assert_string_equal(s->shards[0].file, en[1].file);
	assert_string_equal(s->shards[1].file, en[2].file);
	assert_string_equal(s->shards[2].file, en[0].file);
	assert_string_equal(s->shards[3].file, "shards/outside/0000000001.shard");
	assert_int_equal(s->min_start, H0 + HOUR(1) + 1);
	assert_int_equal(s->max_start, H0 + HOUR(5) + 100);
	for (int i = 0; i < 3; i++)
		free(en[i].file);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

static void
one_writer_at_a_time(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *a = open_store(fs, true), *b = open_store(fs, false);
	struct shard_entry en;

	(void)state;
	assert_int_equal(catalog_lock(a, NULL), 0);
	assert_int_equal(catalog_lock(b, NULL), ERR_BUSY);
	assert_int_equal(catalog_lock(a, NULL), ERR_BUSY);
	assert_int_equal(write_shard(b, H0, &en), 0);
	assert_int_equal(catalog_commit(b, &en, 1, NULL), ERR_BUSY);
	free(en.file);
	assert_int_equal(add_shard(a, H0, NULL), 0);
	catalog_unlock(a);
	assert_int_equal(catalog_lock(b, NULL), 0);
	assert_int_equal(add_shard(b, H0, NULL), 0);
	assert_int_equal(count_shards(a), 2);
	catalog_close(a);
	catalog_close(b);
	fsys_free(fs);
}

static void
file_names_are_never_used_twice(void **state)
{
	struct fsys *fs = fsys_mem();
	struct map seen;

	(void)state;
	map_init(&seen);
	for (int session = 0; session < 5; session++) {
		struct catalog *c = open_store(fs, true);

		assert_int_equal(catalog_lock(c, NULL), 0);
		for (int i = 0; i < 5; i++) {
			char *file;
			bool fresh;

			assert_int_equal(add_shard(c, H0, &file), 0);
			assert_non_null(map_put(&seen, sv_cstr(file), &fresh));
			assert_true(fresh);
			free(file);
		}
		catalog_close(c);
	}
	map_release(&seen);
	fsys_free(fs);
}

static void
impossible_entries_are_not_committed(void **state)
{
	static char elsewhere[] = "shards/2025-11-24/17/1.shard", up[] =
	    "shards/2025-11-24/16/../x.shard", sub[] = "shards/2025-11-24/16/a/b", good[] =
	    "shards/2025-11-24/16/1.shard";
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct shard_entry bad[] = {
		{ elsewhere, H0, 1, 1, 0, 0, 0 }, { up, H0, 1, 1, 0, 0, 0 }, { sub, H0, 1, 1, 0, 0, 0 },
		{ good, H0 + 1, 1, 1, 0, 0, 0 }, { good, H0, 0, 1, 0, 0, 0 }, { good, H0, 1, 1, 1, 0, 0 },
		{ good, H0, 1, UINT64_MAX, 0, 0, 0 },
	};
	struct shard_entry twice[] = { { good, H0, 1, 1, 0, 0, 0 }, { good, H0, 1, 1, 0, 0, 0 } };

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_true(fsys_mem_put(fs, good, SV("shard")));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(catalog_commit(c, &bad[i], 1, NULL), ERR_SYNTAX);
	assert_int_equal(catalog_commit(c, twice, 2, NULL), ERR_SYNTAX);
	assert_int_equal(catalog_commit(c, twice, 1, NULL), 0);
	assert_int_equal(catalog_commit(c, twice, 1, NULL), ERR_SYNTAX);
	assert_int_equal(count_shards(c), 1);
	catalog_close(c);
	fsys_free(fs);
}

static void
an_unchanged_catalog_is_not_read_again(void **state)
{
	struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
	struct catalog *c = open_store(ff, true);
	const struct snapshot *a, *b;

	(void)state;
	a = snap(c);
	fsys_fault_set(ff, &(struct fault_plan){ .kinds = FAULT_ALL });
	for (int i = 0; i < 10; i++) {
		b = snap(c);
		assert_ptr_equal(a, b);
		snapshot_unref(b);
	}
	assert_int_equal(fsys_fault_calls(ff), 10);
	snapshot_unref(a);
	catalog_close(c);
	fsys_free(ff);
	fsys_free(fs);
}

static void
a_shard_of_other_numbers_is_opened_anew(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	const struct snapshot *one, *two, *three;
	struct catalog_list l;
	struct buf b = BUF_INIT;

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, H0, NULL), 0);
	one = snap(c);
	assert_non_null(snap_slot(one, 0));
	assert_int_equal(add_shard(c, H0 + HOUR(1), NULL), 0);
	two = snap(c);
	assert_non_null(snap_slot(two, 1));
	assert_ptr_equal(snap_slot(one, 0), snap_slot(two, 0));
	/* Another store's list, of a later commit and with files of the same names. */
	l = snap_of(two)->list;
	l.generation++;
	l.shards[0].n_rows++;
	catalog_encode(&b, &l);
	l.shards[0].n_rows--;
	assert_int_equal(file_replace(fs, ".", CATALOG_FILE, buf_view(&b), NULL), 0);
	three = snap(c);
	assert_int_equal(three->generation, two->generation + 1);
	assert_ptr_not_equal(snap_slot(two, 0), snap_slot(three, 0));
	assert_ptr_equal(snap_slot(two, 1), snap_slot(three, 1));
	snapshot_unref(one);
	snapshot_unref(two);
	snapshot_unref(three);
	buf_release(&b);
	catalog_close(c);
	fsys_free(fs);
}

static void
ten_thousand_shards_are_read_and_added_to(void **state)
{
	enum { N = 10000 };
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct shard_entry *en = calloc(N, sizeof *en);
	const struct snapshot *s;

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	for (int i = 0; i < N; i++) {
		en[i] = (struct shard_entry){
			.partition = H0 + HOUR(i / 10), .n_rows = 1, .n_bytes = 1,
			.min_start = H0 + HOUR(i / 10), .max_start = H0 + HOUR(i / 10),
		};
		assert_int_equal(catalog_new_file(c, en[i].partition, &en[i].file, NULL), 0);
	}
	assert_int_equal(catalog_commit(c, en, N, NULL), 0);
	assert_int_equal(add_shard(c, H0 + HOUR(20), NULL), 0);
	s = snap(c);
	assert_int_equal(s->n_shards, N + 1);
	assert_int_equal(s->n_rows, N + 10);
	for (size_t i = 1; i < s->n_shards; i++)
		assert_true(shard_entry_cmp(&s->shards[i - 1], &s->shards[i]) < 0);
	assert_true(fsys_mem_get(fs, "CATALOG").n < N * 48);
	snapshot_unref(s);
	for (int i = 0; i < N; i++)
		free(en[i].file);
	free(en);
	catalog_close(c);
	fsys_free(fs);
}

/* ---- leftovers ---- */

static void
a_new_writer_removes_unlisted_files_and_nothing_else(void **state)
{
	static const char *const go[] = {
		"shards/2025-11-24/16/0000000002.shard", "shards/2025-11-24/16/x.tmp",
		"shards/outside/0000000009.shard", "shards/2025-11-25/00/0000000003.shard",
		"CATALOG.tmp",
	};
	static const char *const stay[] = {
		"shards/2025-11-24/16/README", "shards/notes.shard", "shards/2025-11-24/x.shard",
		"shards/mine/1.shard", "shards/2025-11-24/7/1.shard", "other.shard", "x.tmp",
	};
	static const uint64_t begun[] = { H0, HOUR(490008), PARTITION_OUTSIDE, HOUR(490000) };
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct file_id id;
	char *file;

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, H0, &file), 0);
	assert_int_equal(catalog_announce(c, begun, 4, NULL), 0);
	catalog_unlock(c);
	for (size_t i = 0; i < sizeof go / sizeof *go; i++)
		assert_true(fsys_mem_put(fs, go[i], SV("x")));
	for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
		assert_true(fsys_mem_put(fs, stay[i], SV("x")));
	assert_int_equal(count_shards(c), 1);
	for (size_t i = 0; i < sizeof go / sizeof *go; i++)
		assert_true(is_there(fs, go[i]));	/* a reader removes nothing */
	assert_int_equal(catalog_lock(c, NULL), 0);
	for (size_t i = 0; i < sizeof go / sizeof *go; i++)
		assert_false(is_there(fs, go[i]));
	for (size_t i = 0; i < sizeof stay / sizeof *stay; i++)
		assert_true(is_there(fs, stay[i]));
	assert_true(is_there(fs, file));
	assert_int_equal(fs->ops->stat(fs, "shards/2025-11-25", &id, NULL), ERR_UNKNOWN);
	assert_int_equal(count_shards(c), 1);
	free(file);
	catalog_close(c);
	fsys_free(fs);
}

/* A store of hours with a shard each, and left-overs in two of them, one of which was named. */
static struct fsys *
store_of_hours(size_t n, bool swept)
{
	static const uint64_t begun[] = { H0 + HOUR(3) };
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct buf b = BUF_INIT;

	assert_int_equal(catalog_lock(c, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(add_shard(c, H0 + HOUR(i), NULL), 0);
	assert_int_equal(catalog_announce(c, begun, 1, NULL), 0);
	catalog_close(c);
	assert_true(fsys_mem_put(fs, "shards/2025-11-24/19/0000009999.shard", SV("x")));
	assert_true(fsys_mem_put(fs, "shards/2025-11-24/21/0000009998.shard", SV("x")));
	if (!swept) {	/* as a program writes it that knows nothing of WRITING */
		uint64_t hash;

		buf_sv(&b, fsys_mem_get(fs, "CATALOG"));
		assert_int_equal(b.p[12], 1);
		b.p[12] = 0;
		hash = hash64(b.p, b.n - 8);
		for (size_t i = 0; i < 8; i++)
			b.p[b.n - 8 + i] = (char)(hash >> (8 * i));
		assert_true(fsys_mem_put(fs, "CATALOG", buf_view(&b)));
		buf_release(&b);
	}
	return fs;
}

/* Locks, and tells how many directories were listed for it. */
static uint64_t
lists_of_a_lock(struct fsys *below)
{
	struct fsys *fs = fsys_fault(below);
	struct catalog *c = open_store(fs, false);
	uint64_t n;

	fsys_fault_set(fs, &(struct fault_plan){ .kinds = FAULT_BIT(FAULT_LIST) });
	assert_int_equal(catalog_lock(c, NULL), 0);
	n = fsys_fault_calls(fs);
	catalog_close(c);
	fsys_free(fs);
	return n;
}

static void
only_where_a_writer_wrote_is_looked_for_left_overs(void **state)
{
	static const char named[] = "shards/2025-11-24/19/0000009999.shard";
	static const char other[] = "shards/2025-11-24/21/0000009998.shard";
	static const char *const damaged[] = { "", "spanfs writing 1 2\n490001\n",
		"spanfs writing 1 1\n490001\n7\n", "spanfs writing 2 0\n", "x",
		"spanfs writing 1 1\n99999999999999\n", "spanfs writing 1 99999999999999999\n" };
	struct fsys *fs = store_of_hours(30, true);

	(void)state;
	/* The partition, and manifest/. */
	assert_true(lists_of_a_lock(fs) <= 2);
	assert_false(is_there(fs, named));
	assert_true(is_there(fs, other));
	fsys_free(fs);
	fs = store_of_hours(30, false);
	assert_true(lists_of_a_lock(fs) > 30);
	assert_false(is_there(fs, named));
	assert_false(is_there(fs, other));
	fsys_free(fs);
	for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
		fs = store_of_hours(30, true);
		assert_true(fsys_mem_put(fs, WRITING_FILE, sv_cstr(damaged[i])));
		assert_true(lists_of_a_lock(fs) > 30);
		assert_false(is_there(fs, named));
		assert_false(is_there(fs, other));
		fsys_free(fs);
	}
}

/* Named before, files cost no more; what was committed is named no more, what failed still is. */
static void
partitions_are_named_until_their_files_are_committed(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct shard_entry lost;

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, H0, NULL), 0);
	assert_true(sv_is(fsys_mem_get(fs, WRITING_FILE), "spanfs writing 1 1\n490001\n"));
	assert_int_equal(add_shard(c, H0 + HOUR(1), NULL), 0);
	assert_true(sv_is(fsys_mem_get(fs, WRITING_FILE), "spanfs writing 1 1\n490002\n"));
	assert_int_equal(write_shard(c, PARTITION_OUTSIDE, &lost), 0);
	assert_int_equal(add_shard(c, H0 + HOUR(1), NULL), 0);
	assert_true(sv_is(fsys_mem_get(fs, WRITING_FILE), "spanfs writing 1 2\n490002\n0\n"));
	catalog_unlock(c);
	assert_true(is_there(fs, lost.file));
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_false(is_there(fs, lost.file));
	assert_int_equal(count_shards(c), 3);
	free(lost.file);
	catalog_close(c);
	fsys_free(fs);
}

static void
with_a_damaged_catalog_nothing_is_removed(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	struct buf b = BUF_INIT;
	char *file;

	(void)state;
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, H0, &file), 0);
	catalog_unlock(c);
	buf_sv(&b, fsys_mem_get(fs, "CATALOG"));
	b.p[50] ^= 1;
	assert_true(fsys_mem_put(fs, "CATALOG", buf_view(&b)));
	assert_int_equal(catalog_lock(c, NULL), ERR_CORRUPT);
	assert_true(is_there(fs, file));
	free(file);
	buf_release(&b);
	catalog_close(c);
	fsys_free(fs);
}

/* ---- damage ---- */

static struct buf
sample_catalog(void)
{
	static char a[] = "shards/2025-11-24/16/0000000001.shard",
	    b[] = "shards/outside/0000000002.shard";
	struct shard_entry en[] = { { a, H0, 10, 1000, H0, H0 + 5, 6 },
	    { b, PARTITION_OUTSIDE, 1, 400, 3, 3, 7 } };
	struct catalog_list l = { .generation = 7, .commit_ns = 123, .next_seq = 3, .shards = en,
		.n = 2 };
	struct buf out = BUF_INIT;

	catalog_encode(&out, &l);
	return out;
}

static void
every_flipped_bit_and_every_cut_is_found(void **state)
{
	struct buf b = sample_catalog();
	struct catalog_list l;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(catalog_decode(buf_view(&b), "C", &a, &l, NULL), 0);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.generation, 7);
	for (size_t i = 0; i < b.n * 8; i++) {
		struct err e = ERR_INIT;
		int rc;

		b.p[i / 8] ^= (char)(1 << i % 8);
		rc = catalog_decode(buf_view(&b), "C", &a, &l, &e);
		assert_int_equal(rc, ERR_CORRUPT);
		assert_true(e.off >= 0 && (size_t)e.off <= b.n);
		b.p[i / 8] ^= (char)(1 << i % 8);
	}
	for (size_t n = 0; n < b.n; n++) {
		struct err e = ERR_INIT;

		assert_int_equal(catalog_decode(sv_new(b.p, n), "C", &a, &l, &e), ERR_CORRUPT);
		assert_true(e.off >= 0 && (size_t)e.off <= n);
	}
	arena_release(&a);
	buf_release(&b);
}

/* As a stranger with a checksum of his own would. */
static void
bad_content_under_a_good_checksum_is_found(void **state)
{
	struct buf b = sample_catalog();
	struct arena a;
	unsigned n_bad = 0;

	(void)state;
	arena_init(&a);
	for (size_t i = 16; i < b.n - 8; i++)
		for (unsigned v = 0; v < 256; v += 3) {
			char old = b.p[i];
			struct catalog_list l;
			struct err e = ERR_INIT;
			uint64_t h;
			int rc;

			b.p[i] = (char)v;
			h = hash64(b.p, b.n - 8);
			memcpy(b.p + b.n - 8, &h, 8);
			rc = catalog_decode(buf_view(&b), "C", &a, &l, &e);
			if (rc != 0) {
				n_bad++;
				assert_int_equal(rc, ERR_CORRUPT);
				assert_true(e.off >= 16 && (size_t)e.off < b.n);
			} else {
				for (size_t k = 0; k < l.n; k++)
					assert_true(catalog_entry_ok(&l.shards[k]));
			}
			b.p[i] = old;
		}
	assert_true(n_bad > 500);
	/* Counts that the bytes can't hold cost no memory. */
	assert_true(arena_footprint(&a) < 64u << 20);
	arena_release(&a);
	buf_release(&b);
}

static void
another_catalog_version_is_refused(void **state)
{
	struct buf b = sample_catalog();
	struct catalog_list l;
	struct err e = ERR_INIT;
	struct arena a;
	uint64_t h;

	(void)state;
	arena_init(&a);
	b.p[8] = 9;
	h = hash64(b.p, b.n - 8);
	memcpy(b.p + b.n - 8, &h, 8);
	assert_int_equal(catalog_decode(buf_view(&b), "C", &a, &l, &e), ERR_VERSION);
	assert_non_null(strstr(e.msg, "format 9, this program reads 2"));
	arena_release(&a);
	buf_release(&b);
}

/* ---- the commit that a shard came with ---- */

static void
a_shard_keeps_the_commit_that_it_came_with(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	const struct snapshot *s;
	uint64_t first;

	(void)state;
	s = snap(c);
	first = s->generation + 1;
	snapshot_unref(s);
	assert_int_equal(catalog_lock(c, NULL), 0);
	/* The later commit lies before the first in time. */
	assert_int_equal(add_shard(c, H0 + HOUR(1), NULL), 0);
	assert_int_equal(add_shard(c, H0, NULL), 0);
	assert_int_equal(add_shard(c, H0 + HOUR(1), NULL), 0);
	catalog_close(c);
	c = open_store(fs, false);
	s = snap(c);
	assert_int_equal(s->n_shards, 3);
	assert_int_equal(s->shards[0].generation, first + 1);
	assert_int_equal(s->shards[1].generation, first);
	assert_int_equal(s->shards[2].generation, first + 2);
	assert_int_equal(s->generation, first + 2);
	snapshot_unref(s);
	catalog_close(c);
	fsys_free(fs);
}

static void
put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

/* One shard, as the first version had it. */
static struct buf
catalog_of_version_1(uint64_t generation)
{
	struct sv name = SV("0000000001.shard");
	struct buf b = BUF_INIT;

	BUF_LIT(&b, "SPANFSCT");
	put_le(&b, 1, 8);
	put_le(&b, generation, 8);
	put_le(&b, 123, 8);
	put_le(&b, 2, 8);
	buf_varint(&b, 1);
	buf_varint(&b, H0 / NS_PER_HOUR + 1);
	buf_varint(&b, name.n);
	buf_sv(&b, name);
	buf_varint(&b, 10);
	buf_varint(&b, 1000);
	put_le(&b, H0, 8);
	put_le(&b, H0 + 5, 8);
	put_le(&b, hash64(b.p, b.n), 8);
	return b;
}

static void
shards_of_an_old_catalog_count_as_of_its_last_commit(void **state)
{
	struct fsys *fs = fsys_mem();
	struct catalog *c = open_store(fs, true);
	const struct snapshot *s;
	struct buf b = catalog_of_version_1(7);

	(void)state;
	catalog_close(c);
	assert_true(fsys_mem_put(fs, CATALOG_FILE, buf_view(&b)));
	c = open_store(fs, false);
	s = snap(c);
	assert_int_equal(s->n_shards, 1);
	assert_int_equal(s->shards[0].generation, 7);
	assert_int_equal(s->shards[0].n_rows, 10);
	snapshot_unref(s);
	/* The next commit writes it down. */
	assert_true(fsys_mem_put(fs, "shards/2025-11-24/16/0000000001.shard", SV("shard")));
	assert_int_equal(catalog_lock(c, NULL), 0);
	assert_int_equal(add_shard(c, H0, NULL), 0);
	s = snap(c);
	assert_int_equal(s->generation, 8);
	assert_int_equal(s->shards[0].generation, 7);
	assert_int_equal(s->shards[1].generation, 8);
	snapshot_unref(s);
	catalog_close(c);
	buf_release(&b);
	fsys_free(fs);
}

/* ---- crashes ---- */

struct acked {
	char *file[8];
	size_t n;
};

/* Three commits of one to two shards; what was acknowledged is noted. */
static void
writer_session(struct fsys *fs, struct acked *ack)
{
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20, .fs = fs };
	struct catalog *c;

	ack->n = 0;
	if (catalog_open("mem", &o, &c, NULL) != 0)
		return;
	if (catalog_lock(c, NULL) == 0)
		for (int i = 0; i < 3; i++) {
			struct shard_entry en[2];

			if (write_shard(c, H0 + HOUR(i), &en[0]) != 0)
				break;
			if (write_shard(c, i == 2 ? PARTITION_OUTSIDE : H0, &en[1]) != 0) {
				free(en[0].file);
				break;
			}
			if (catalog_commit(c, en, 2, NULL) != 0) {
				free(en[0].file);
				free(en[1].file);
				break;
			}
			ack->file[ack->n++] = en[0].file;
			ack->file[ack->n++] = en[1].file;
		}
	catalog_close(c);
}

static void
check_after(struct fsys *after, const struct acked *ack, uint64_t nth, uint64_t state)
{
	struct catalog *c = open_store(after, true);
	struct buf one = BUF_INIT, two = BUF_INIT;
	const struct snapshot *s;
	struct map listed;

	assert_int_equal(catalog_lock(c, NULL), 0);
	s = snap(c);
	if (s->n_shards % 2 != 0 || s->n_shards < ack->n || s->n_shards > ack->n + 2)
		fail_msg("call %d, state %d: %zu shards, %zu acknowledged", (int)nth, (int)state,
		    s->n_shards, ack->n);
	map_init(&listed);
	assert_int_equal(catalog_listed(s, &listed, NULL), 0);
	for (size_t i = 0; i < ack->n; i++)
		assert_non_null(map_get(&listed, sv_cstr(ack->file[i])));
	for (size_t i = 0; i < s->n_shards; i++)
		if (!sv_is(fsys_mem_get(after, s->shards[i].file), "shard"))
			fail_msg("call %d, state %d: %s is listed and not whole", (int)nth,
			    (int)state, s->shards[i].file);
	map_release(&listed);
	snapshot_unref(s);
	/* Recovering twice changes nothing more. */
	catalog_unlock(c);
	fsys_mem_print(after, &one);
	assert_int_equal(catalog_lock(c, NULL), 0);
	fsys_mem_print(after, &two);
	assert_true(sv_eq(buf_view(&one), buf_view(&two)));
	assert_int_equal(add_shard(c, H0, NULL), 0);
	catalog_close(c);
	buf_release(&one);
	buf_release(&two);
}

static void
killed_at_any_call_nothing_acknowledged_is_lost(void **state)
{
	enum { AT_MOST = 400 };
	uint64_t total = 0;
	bool done = false;

	(void)state;
	for (uint64_t nth = 1; !done; nth++) {
		struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
		struct acked ack;
		uint64_t n;

		fsys_fault_set(ff, &(struct fault_plan){ FAULT_WRITES, nth, 0, false, true });
		writer_session(ff, &ack);
		done = !fsys_fault_struck(ff);
		assert_int_equal(fsys_mem_open_handles(fs), 0);
		n = fsys_mem_crash_states(fs);
		for (uint64_t i = 0; i < n && i < AT_MOST; i++, total++) {
			/* Too many: a spread of them, the first and last included. */
			uint64_t k = n <= AT_MOST || n == UINT64_MAX ? i :
			    (uint64_t)((__uint128_t)i * (n - 1) / (AT_MOST - 1));
			struct fsys *after = fsys_mem_crash(fs, k);

			check_after(after, &ack, nth, k);
			fsys_free(after);
		}
		for (size_t i = 0; i < ack.n; i++)
			free(ack.file[i]);
		fsys_free(ff);
		fsys_free(fs);
	}
	print_message("%d crash states\n", (int)total);
	assert_true(total > 500);
}

static void
any_failing_call_leaves_a_store_with_what_was_acknowledged(void **state)
{
	static const int codes[] = { ERR_IO, ERR_NOSPC };

	(void)state;
	for (int variant = 0; variant < 4; variant++) {
		bool done = false;

		for (uint64_t nth = 1; !done; nth++) {
			struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
			struct acked ack;
			struct fsys *after;

			fsys_fault_set(ff, &(struct fault_plan){ FAULT_ALL, nth,
			    codes[variant % 2], variant >= 2, false });
			writer_session(ff, &ack);
			done = !fsys_fault_struck(ff);
			assert_int_equal(fsys_mem_open_handles(fs), 0);
			for (uint64_t k = 0; k < 2; k++) {
				uint64_t n = fsys_mem_crash_states(fs);

				after = fsys_mem_crash(fs, k == 0 ? 0 : n == UINT64_MAX ? 1 : n - 1);
				check_after(after, &ack, nth, k);
				fsys_free(after);
			}
			for (size_t i = 0; i < ack.n; i++)
				free(ack.file[i]);
			fsys_free(ff);
			fsys_free(fs);
		}
	}
}

static void
a_store_on_the_real_disk_is_shared_by_two(void **state)
{
	char dir[] = "/tmp/test_catalog.XXXXXX", cmd[64];
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20 };
	struct catalog *a, *b;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (catalog_open(dir, &o, &a, &e) != 0)
		fail_msg("%s", e.msg);
	o.create = false;
	assert_int_equal(catalog_open(dir, &o, &b, &e), 0);
	assert_int_equal(catalog_lock(a, &e), 0);
	assert_int_equal(catalog_lock(b, &e), ERR_BUSY);
	for (int i = 1; i <= 20; i++) {
		assert_int_equal(add_shard(a, H0 + HOUR(i % 3), NULL), 0);
		assert_int_equal(count_shards(b), i);
	}
	catalog_close(a);
	catalog_close(b);
	snprintf(cmd, sizeof cmd, "%s/none", dir);
	assert_int_equal(catalog_open(cmd, &o, &a, &e), ERR_UNKNOWN);
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

/* The calls of a real file system that ask for names' numbers. */
static struct {
	const struct fsys_ops *ops;
	unsigned named, other;
} asked;

static bool
asked_named(struct fsys *fs, const char *path, struct file_id *id)
{
	asked.named++;
	return asked.ops->stat_named(fs, path, id);
}

static int
asked_stat(struct fsys *fs, const char *path, struct file_id *id, struct err *e)
{
	asked.other++;
	return asked.ops->stat(fs, path, id, e);
}

static int
asked_in_place(struct fsys *fs, struct err *e)
{
	asked.other++;
	return asked.ops->in_place(fs, e);
}

static void
take_snapshot(struct catalog *c, int code, unsigned named, unsigned other)
{
	const struct snapshot *s;
	struct err e = ERR_INIT;

	asked.named = asked.other = 0;
	assert_int_equal(catalog_snapshot(c, &s, &e), code);
	assert_int_equal(asked.named, named);
	assert_int_equal(asked.other, other);
	if (code == 0)
		snapshot_unref(s);
}

/* By the store's name: so it is seen at once when that leads elsewhere, also to a copy. */
static void
an_unchanged_store_is_asked_one_number(void **state)
{
	char dir[] = "/tmp/test_catalog.XXXXXX", store[64], aside[64], cmd[256];
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20 };
	struct fsys_ops ops;
	struct catalog *c;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof store, "%s/store", dir);
	snprintf(aside, sizeof aside, "%s/aside", dir);
	assert_int_equal(file_real(store, true, &o.fs, &e), 0);
	asked.ops = o.fs->ops;
	ops = *o.fs->ops;
	ops.stat_named = asked_named;
	ops.stat = asked_stat;
	ops.in_place = asked_in_place;
	o.fs->ops = &ops;
	assert_int_equal(catalog_open(store, &o, &c, &e), 0);
	take_snapshot(c, 0, 1, 0);
	assert_int_equal(catalog_lock(c, &e), 0);
	assert_int_equal(add_shard(c, H0, NULL), 0);
	take_snapshot(c, 0, 1, 2);
	take_snapshot(c, 0, 1, 0);
	assert_int_equal(rename(store, aside), 0);
	take_snapshot(c, ERR_IO, 1, 1);
	snprintf(cmd, sizeof cmd, "cp -a %s %s", aside, store);
	assert_int_equal(system(cmd), 0);
	take_snapshot(c, ERR_IO, 1, 1);
	snprintf(cmd, sizeof cmd, "rm -r %s", store);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(symlink(aside, store), 0);
	take_snapshot(c, 0, 1, 0);
	catalog_close(c);
	fsys_free(o.fs);
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

static void
a_reader_without_permission_to_write_is_served(void **state)
{
	char dir[] = "/tmp/test_catalog.XXXXXX", cmd[64];
	struct catalog_options o = { .create = true, .cache_bytes = 1 << 20 };
	struct catalog *w, *r;
	struct err e = ERR_INIT;
	mode_t old = umask(022);

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(catalog_open(dir, &o, &w, &e), 0);
	assert_int_equal(catalog_lock(w, &e), 0);
	assert_int_equal(add_shard(w, H0, NULL), 0);
	assert_int_equal(seteuid(65534), 0);
	if (catalog_open(dir, &o, &r, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(count_shards(r), 1);
	assert_int_equal(catalog_lock(r, &e), ERR_ACCESS);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(add_shard(w, H0, NULL), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(count_shards(r), 2);
	assert_int_equal(seteuid(0), 0);
	catalog_close(r);
	catalog_close(w);
	umask(old);
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_a_store_in_an_empty_directory),
		cmocka_unit_test(refuses_a_directory_with_other_files),
		cmocka_unit_test(the_root_of_a_file_system_counts_as_empty),
		cmocka_unit_test(another_format_version_is_refused_naming_both),
		cmocka_unit_test(a_missing_catalog_is_damage_and_not_an_empty_store),
		cmocka_unit_test(a_making_cut_short_anywhere_can_be_done_again),
		cmocka_unit_test(a_commit_is_seen_by_others_and_not_by_old_snapshots),
		cmocka_unit_test(shards_are_listed_by_partition_with_outside_last),
		cmocka_unit_test(one_writer_at_a_time),
		cmocka_unit_test(file_names_are_never_used_twice),
		cmocka_unit_test(impossible_entries_are_not_committed),
		cmocka_unit_test(an_unchanged_catalog_is_not_read_again),
		cmocka_unit_test(a_shard_of_other_numbers_is_opened_anew),
		cmocka_unit_test(ten_thousand_shards_are_read_and_added_to),
		cmocka_unit_test(a_new_writer_removes_unlisted_files_and_nothing_else),
		cmocka_unit_test(only_where_a_writer_wrote_is_looked_for_left_overs),
		cmocka_unit_test(partitions_are_named_until_their_files_are_committed),
		cmocka_unit_test(with_a_damaged_catalog_nothing_is_removed),
		cmocka_unit_test(every_flipped_bit_and_every_cut_is_found),
		cmocka_unit_test(bad_content_under_a_good_checksum_is_found),
		cmocka_unit_test(another_catalog_version_is_refused),
		cmocka_unit_test(a_shard_keeps_the_commit_that_it_came_with),
		cmocka_unit_test(shards_of_an_old_catalog_count_as_of_its_last_commit),
		cmocka_unit_test(killed_at_any_call_nothing_acknowledged_is_lost),
		cmocka_unit_test(any_failing_call_leaves_a_store_with_what_was_acknowledged),
		cmocka_unit_test(a_store_on_the_real_disk_is_shared_by_two),
		cmocka_unit_test(an_unchanged_store_is_asked_one_number),
		cmocka_unit_test(a_reader_without_permission_to_write_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
