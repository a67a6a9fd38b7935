/* SPDX-License-Identifier: ISC */
/*
 * catalog: the open store. CATALOG is replaced as a whole, so its inode, time and size tell
 * whether the list in memory is still the newest: a snapshot costs one stat, by the store's name,
 * which tells too that the store is still where it was opened. Readers take no lock on disk and
 * need no permission to write.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/search.h"
#include "catalog/identity.h"
#include "catalog/kept.h"
#include "manifest_i.h"

#define CATALOG_MAX_BYTES ((size_t)1 << 30)

/* ---- opening ---- */

static int
open_at(const char *dir, const struct catalog_options *o, struct catalog *c, struct err *e)
{
	const struct snapshot *first;
	int rc;

	c->no_sync = o->no_sync;
	c->max_open = o->max_open_shards;
	c->fs = o->fs;
	if (c->fs == NULL) {
		if ((rc = file_real(dir, o->create, &c->fs, e)) != 0)
			return rc == ERR_UNKNOWN && !o->create ?
			    err_set(e, rc, -1, "%s: no store there", dir) : rc;
		c->own_fs = true;
	}
	if ((rc = catalog_find_store(c->fs, o->create, e)) != 0 ||
	    (rc = chunkcache_new(o->cache_bytes, &c->cache, e)) != 0 ||
	    (rc = catalog_reread(c, &first, e)) != 0)
		return rc;
	snapshot_unref(first);
	return 0;
}

int
catalog_open(const char *dir, const struct catalog_options *o, struct catalog **out,
    struct err *e)
{
	struct catalog *c = calloc(1, sizeof *c);
	int rc;

	if (c == NULL)
		return err_nomem(e);
	pthread_mutex_init(&c->mutex, NULL);
	pthread_mutex_init(&c->begun_lock, NULL);
	atomic_init(&c->next_seq, 1);
	atomic_init(&c->n_looks, 0);
	if ((rc = open_at(dir, o, c, e)) != 0) {
		catalog_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void
catalog_close(struct catalog *c)
{
	if (c == NULL)
		return;
	catalog_unlock(c);
	if (c->cur != NULL)
		snapshot_unref(&c->cur->pub);
	chunkcache_free(c->cache);
	if (c->own_fs)
		fsys_free(c->fs);
	pthread_mutex_destroy(&c->mutex);
	pthread_mutex_destroy(&c->begun_lock);
	begun_release(&c->begun);
	free(c);
}

struct chunkcache *
catalog_cache(struct catalog *c)
{
	return c->cache;
}

struct fsys *
catalog_fsys(struct catalog *c)
{
	return c->fs;
}

/* ---- snapshots ---- */

/* One look at the file. */
struct look {
	uint64_t number;	/* rises */
	bool always;		/* reads it though it looks the same */
	bool renew;		/* so that what is open of it can go */
	struct file_id id;
};

/*
 * A list that is older than the one in memory was put there by somebody: a store restored in
 * place. Its files may have the names of those that are open, and other bytes.
 */
static int
check_newer(const struct catalog *c, const struct snap *prev, const struct snap *fresh,
    struct err *e)
{
	const struct snapshot *was;

	if (prev == NULL)
		return 0;
	was = &prev->pub;
	if (fresh->pub.generation > was->generation ||
	    (fresh->pub.generation == was->generation && fresh->pub.commit_ns == was->commit_ns))
		return 0;
	return err_set(e, ERR_IO, -1, "%s/" CATALOG_FILE ": commit %llu is there where commit "
	    "%llu was: the store was replaced since it was opened", c->fs->root,
	    (unsigned long long)fresh->pub.generation, (unsigned long long)was->generation);
}

static bool
same_id(struct file_id a, struct file_id b)
{
	return a.inode == b.inode && a.mtime_ns == b.mtime_ns && a.size == b.size &&
	    a.device == b.device;
}

static int
missing(struct catalog *c, struct err *e)
{
	return err_set(e, ERR_CORRUPT, 0, "%s/" CATALOG_FILE ": the file is missing",
	    c->fs->root);
}

/* The list in memory; a reference, or NULL. With `id`: only if it was read from that file. */
static struct snap *
current(struct catalog *c, const struct file_id *id)
{
	struct snap *s;

	pthread_mutex_lock(&c->mutex);
	s = c->cur;
	if (s != NULL && id != NULL && !same_id(*id, c->id))
		s = NULL;
	if (s != NULL)
		snapshot_ref(&s->pub);
	pthread_mutex_unlock(&c->mutex);
	return s;
}

/*
 * Makes a list that was read from the file `id` the current one, unless another thread has one
 * that it began to look for later, or one of the same file (not `always`): then that is given.
 */
static struct snap *
make_current(struct catalog *c, struct snap *fresh, const struct look *k)
{
	struct snap *old, *out = fresh;

	pthread_mutex_lock(&c->mutex);
	if (c->cur != NULL && (c->cur_look > k->number ||
	    (!k->always && !k->renew && same_id(k->id, c->id)))) {
		out = c->cur;
		old = fresh;
	} else {
		old = c->cur;
		c->cur = fresh;
		c->id = k->id;
		c->cur_look = k->number;
	}
	snapshot_ref(&out->pub);
	pthread_mutex_unlock(&c->mutex);
	if (old != NULL)
		snapshot_unref(&old->pub);
	return out;
}

/*
 * Reads CATALOG, under no lock: two threads may both do so, which is only work done twice. What
 * is open of the list before goes on.
 */
static int
load(struct catalog *c, const struct look *k, const struct snapshot **out, struct err *e)
{
	struct snap *prev, *fresh;
	struct arena a;
	struct sv bytes;
	int rc;

	arena_init(&a);
	/* Before the reading: what is read can then not be older, unless somebody put it there. */
	prev = current(c, NULL);
	rc = file_read_all(c->fs, CATALOG_FILE, CATALOG_MAX_BYTES, &a, &bytes, e);
	if (rc == ERR_UNKNOWN)
		rc = missing(c, e);
	if (rc == 0 && (rc = snapshot_make(c->fs, c->cache, bytes,
	    k->renew ? NULL : prev, &fresh, e)) == 0) {
		if ((rc = check_newer(c, prev, fresh, e)) == 0)
			*out = &make_current(c, fresh, k)->pub;
		else
			snapshot_unref(&fresh->pub);
	}
	if (prev != NULL)
		snapshot_unref(&prev->pub);
	arena_release(&a);
	return rc;
}

/* Too much is open of the list: it is read anew. */
static bool
over_open(const struct catalog *c, struct snap *s)
{
	return c->max_open != 0 && atomic_load(&s->n_open) > c->max_open;
}

/* The list in memory if CATALOG, by the store's name, is what it was read from; else NULL. */
static const struct snapshot *
unchanged(struct catalog *c)
{
	struct file_id id;
	struct snap *s;

	if (c->fs->ops->stat_named == NULL || !c->fs->ops->stat_named(c->fs, CATALOG_FILE, &id) ||
	    (s = current(c, &id)) == NULL)
		return NULL;
	if (!over_open(c, s))
		return &s->pub;
	snapshot_unref(&s->pub);
	return NULL;
}

static int
refresh(struct catalog *c, bool always, const struct snapshot **out, struct err *e)
{
	struct look k = { .number = atomic_fetch_add(&c->n_looks, 1), .always = always };
	struct snap *s;
	int rc;

	if (c->fs->ops->in_place != NULL && (rc = c->fs->ops->in_place(c->fs, e)) != 0)
		return rc;
	/* The id is taken before the bytes: if they are newer than it, the next call reads again. */
	rc = c->fs->ops->stat(c->fs, CATALOG_FILE, &k.id, e);
	if (rc != 0)
		return rc == ERR_UNKNOWN ? missing(c, e) : rc;
	if (!always && (s = current(c, &k.id)) != NULL) {
		if (!(k.renew = over_open(c, s))) {
			*out = &s->pub;
			return 0;
		}
		snapshot_unref(&s->pub);
	}
	return load(c, &k, out, e);
}

int
catalog_snapshot(struct catalog *c, const struct snapshot **out, struct err *e)
{
	return (*out = unchanged(c)) != NULL ? 0 : refresh(c, false, out, e);
}

int
catalog_reread(struct catalog *c, const struct snapshot **out, struct err *e)
{
	return refresh(c, true, out, e);
}

/* ---- the writer ---- */

static int
remove_file(void *arg, const char *path, struct err *e)
{
	struct catalog *c = arg;

	return c->fs->ops->unlink(c->fs, path, e);
}

/* Goes if it is empty. */
static int
remove_dir(void *arg, const char *path, struct err *e)
{
	struct catalog *c = arg;

	(void)e;
	(void)c->fs->ops->rmdir(c->fs, path, NULL);
	return 0;
}

int
catalog_listed(const struct snapshot *s, struct map *m, struct err *e)
{
	bool fresh;

	for (size_t i = 0; i < s->n_shards; i++)
		if (map_put(m, sv_cstr(s->shards[i].file), &fresh) == NULL)
			return err_nomem(e);
	return 0;
}

/* The shards of these partitions alone. */
static int
listed_in(const struct snapshot *s, const struct begun *b, struct map *m, struct err *e)
{
	bool fresh;

	for (size_t k = 0; k < b->n; k++) {
		size_t i = 0;

		LOWER_BOUND(i, s->n_shards, j, s->shards[j].partition < b->v[k]);
		for (; i < s->n_shards && s->shards[i].partition == b->v[k]; i++)
			if (map_put(m, sv_cstr(s->shards[i].file), &fresh) == NULL)
				return err_nomem(e);
	}
	return 0;
}

/* Where writers said that they would write; all of the store if they may not have said it. */
static int
sweep(struct catalog *c, const struct snapshot *s, struct err *e)
{
	const struct catalog_walk to = { remove_file, remove_dir, c };
	struct begun b = { 0 };
	bool told = false;
	struct map listed;
	int rc = 0;

	if (snap_of(s)->list.swept && (rc = begun_read(c->fs, &b, &told, e)) != 0)
		return rc;
	map_init(&listed);
	if (told && (rc = listed_in(s, &b, &listed, e)) == 0)
		rc = catalog_walk_in(c->fs, &listed, b.v, b.n, &to, e);
	if (!told && (rc = catalog_listed(s, &listed, e)) == 0)
		rc = catalog_walk(c->fs, &listed, &to, e);
	map_release(&listed);
	if (rc == 0)
		begun_swept(c, &b);
	else
		begun_release(&b);
	return rc;
}

int
catalog_clean(struct catalog *c, struct err *e)
{
	const struct snapshot *s;
	int rc;

	if ((rc = catalog_reread(c, &s, e)) != 0)
		return rc;
	rc = sweep(c, s, e);
	snapshot_unref(s);
	if (rc == 0 && (rc = manifest_clean(c, e)) == 0)
		rc = kept_left_overs(c->fs, remove_file, c, e);
	(void)c->fs->ops->unlink(c->fs, CATALOG_FILE ".tmp", NULL);
	(void)c->fs->ops->unlink(c->fs, STORE_FILE ".tmp", NULL);
	(void)c->fs->ops->unlink(c->fs, WRITING_FILE ".tmp", NULL);
	(void)c->fs->ops->unlink(c->fs, IDENTITY_FILE ".tmp", NULL);
	return rc;
}

static int
start_writing(struct catalog *c, struct err *e)
{
	const struct snapshot *s;
	int rc;

	/* Whoever made the store, or committed last, may have died before its directory was safe. */
	if (!c->no_sync && (rc = c->fs->ops->sync_dir(c->fs, ".", e)) != 0)
		return rc;
	if ((rc = catalog_clean(c, e)) != 0 || (rc = catalog_snapshot(c, &s, e)) != 0)
		return rc;
	atomic_store(&c->next_seq, snap_of(s)->list.next_seq);
	snapshot_unref(s);
	/* Of a store that was made before there were any. Without one it is as good a store. */
	return identity_make(c->fs, e) == ERR_NOMEM ? ERR_NOMEM : 0;
}

int
catalog_lock(struct catalog *c, struct err *e)
{
	int rc;

	if (c->lock != NULL)
		return err_set(e, ERR_BUSY, -1, "%s: locked already", c->fs->root);
	if ((rc = c->fs->ops->lock(c->fs, LOCK_FILE, &c->lock, e)) != 0) {
		c->lock = NULL;
		return rc;
	}
	if ((rc = start_writing(c, e)) != 0)
		catalog_unlock(c);
	return rc;
}

void
catalog_unlock(struct catalog *c)
{
	if (c->lock != NULL)
		(void)c->fs->ops->close(c->lock, NULL);
	c->lock = NULL;
}

/* The directory of a partition and the one above it. */
static int
make_dirs(struct catalog *c, const char *dir, struct err *e)
{
	const char *slash = strrchr(dir, '/');
	char up[CATALOG_DIR_BYTES];
	int rc;

	snprintf(up, sizeof up, "%.*s", (int)(slash - dir), dir);
	if ((rc = c->fs->ops->mkdir(c->fs, SHARDS_DIR, e)) != 0)
		return rc;
	if (strcmp(up, SHARDS_DIR) != 0 && (rc = c->fs->ops->mkdir(c->fs, up, e)) != 0)
		return rc;
	return c->fs->ops->mkdir(c->fs, dir, e);
}

int
catalog_new_file(struct catalog *c, uint64_t partition, char **out, struct err *e)
{
	char dir[CATALOG_DIR_BYTES];
	unsigned long long seq;
	char *file;
	int rc;

	catalog_dir(partition, dir);
	if ((rc = begun_file(c, partition, e)) != 0 || (rc = make_dirs(c, dir, e)) != 0)
		return rc;
	seq = atomic_fetch_add(&c->next_seq, 1);
	if (asprintf(&file, "%s/%010llu.shard", dir, seq) < 0)
		return err_nomem(e);
	*out = file;
	return 0;
}
