/* SPDX-License-Identifier: ISC */
/*
 * catalog_commit: new shards into the list. A commit syncs the directories of the new files up to
 * shards/, writes what planning needs of them into the manifest (manifest_write.c), then replaces
 * CATALOG. When the replacing fails the new list may nevertheless be the one on disk, so nobody
 * removes files by what memory says: catalog_clean reads CATALOG again first.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "manifest_i.h"

/* Shards of a store without a manifest that a commit gives a row: some tenths of a second. */
#define BACKFILL 1024

static int
by_entry(const void *a, const void *b)
{
	return shard_entry_cmp(a, b);
}

/* The old list and the new entries, sorted. */
static int
merged_list(struct catalog *c, const struct catalog_list *old, const struct shard_entry *add,
    size_t n, struct arena *a, struct catalog_list *out, struct err *e)
{
	struct shard_entry *v = arena_array(a, old->n + n, struct shard_entry);

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (!catalog_entry_ok(&add[i]))
			return err_set(e, ERR_SYNTAX, -1,
			    "%s: no shard of this store, or impossible numbers", add[i].file);
	if (old->n > 0)
		memcpy(v, old->shards, old->n * sizeof *v);
	memcpy(v + old->n, add, n * sizeof *v);
	for (size_t i = old->n; i < old->n + n; i++)
		v[i].generation = old->generation + 1;
	qsort(v, old->n + n, sizeof *v, by_entry);
	for (size_t i = 1; i < old->n + n; i++)
		if (shard_entry_cmp(&v[i - 1], &v[i]) == 0)
			return err_set(e, ERR_SYNTAX, -1, "%s: listed already", v[i].file);
	*out = (struct catalog_list){
		.generation = old->generation + 1,
		.commit_ns = clock_wall_ns(),
		.next_seq = atomic_load(&c->next_seq),
		.swept = c->swept,
		.shards = v,
		.n = old->n + n,
	};
	return 0;
}

/* Syncs a directory and those above it up to shards/, each once a commit. */
static int
sync_upwards(struct catalog *c, const char *dir, struct map *done, struct err *e)
{
	char path[CATALOG_DIR_BYTES], *slash;
	bool fresh;
	int rc;

	snprintf(path, sizeof path, "%s", dir);
	for (;;) {
		if (map_put(done, sv_cstr(path), &fresh) == NULL)
			return err_nomem(e);
		if (!fresh)
			return 0;
		if ((rc = c->fs->ops->sync_dir(c->fs, path, e)) != 0)
			return rc;
		if ((slash = strrchr(path, '/')) == NULL)
			return 0;
		*slash = '\0';
	}
}

static int
sync_dirs(struct catalog *c, const struct shard_entry *add, size_t n, struct err *e)
{
	char dir[CATALOG_DIR_BYTES];
	struct map done;
	int rc = 0;

	map_init(&done);
	for (size_t i = 0; i < n && rc == 0; i++) {
		catalog_dir(add[i].partition, dir);
		rc = sync_upwards(c, dir, &done, e);
	}
	/* The name "shards" itself: the rename below must not come before it. */
	if (rc == 0)
		rc = c->fs->ops->sync_dir(c->fs, ".", e);
	map_release(&done);
	return rc;
}

static int
publish(struct catalog *c, const struct catalog_list *l, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	catalog_encode(&b, l);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = c->no_sync ? catalog_replace(c, CATALOG_FILE, buf_view(&b), e) :
		    file_replace(c->fs, ".", CATALOG_FILE, buf_view(&b), e);
	buf_release(&b);
	return rc;
}

int
catalog_commit(struct catalog *c, const struct shard_entry *add, size_t n, struct err *e)
{
	struct mchange k = { 0 };
	const struct snapshot *old;
	struct catalog_list l;
	struct arena a;
	int rc;

	if (n == 0)
		return 0;
	if (c->lock == NULL)
		return err_set(e, ERR_BUSY, -1, "%s: not locked for writing", c->fs->root);
	if ((rc = catalog_snapshot(c, &old, e)) != 0)
		return rc;
	arena_init(&a);
	if ((rc = merged_list(c, &snap_of(old)->list, add, n, &a, &l, e)) == 0 &&
	    (c->no_sync || (rc = sync_dirs(c, add, n, e)) == 0) &&
	    (rc = manifest_write(c, old, add, n, BACKFILL, &k, e)) == 0 &&
	    (rc = publish(c, &l, e)) == 0) {
		manifest_drop(c, &k);
		begun_committed(c, n);
	}
	free(k.dropped);
	arena_release(&a);
	snapshot_unref(old);
	return rc;
}
