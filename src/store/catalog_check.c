/* SPDX-License-Identifier: ISC */
/*
 * catalog_check: everything that can be wrong in a store, found by reading every byte of it:
 * CATALOG against its checksum, every listed shard by shard_check and against what CATALOG
 * says of it. Files that no catalog lists are damage only if no writer is at work, which may
 * be about to list them; so they are looked for only if the lock can be had.
 */
#include <stdlib.h>

#include "catalog_i.h"

struct check {
	void (*bad)(void *, const char *, int64_t, const char *);
	void *arg;
	struct check_result res;
	uint64_t n_here;	/* findings in the shard at hand */
};

static void
finding(void *arg, const char *file, int64_t off, const char *why)
{
	struct check *k = arg;

	k->res.n_bad++;
	k->n_here++;
	if (k->bad != NULL)
		k->bad(k->arg, file, off, why);
}

static bool
is_damage(int rc)
{
	return rc == ERR_CORRUPT || rc == ERR_VERSION || rc == ERR_UNKNOWN || rc == ERR_IO;
}

/* The footer's numbers, and those of the rows, against the catalog's. */
static void
check_entry(const struct snapshot *s, size_t i, uint64_t n_spans, struct check *k)
{
	const struct shard_entry *en = &s->shards[i];
	struct shard *shard;
	struct err e = ERR_INIT;

	if (snapshot_shard(s, i, &shard, &e) != 0)
		finding(k, en->file, e.off, e.msg);
	else if (n_spans != en->n_rows)
		finding(k, en->file, -1, "its number of spans is not the catalog's");
}

static int
check_shards(const struct snapshot *s, struct fsys *fs, struct check *k, struct err *e)
{
	for (size_t i = 0; i < s->n_shards; i++) {
		const char *file = s->shards[i].file;
		uint64_t n_spans = 0;
		int rc;

		k->n_here = 0;
		rc = shard_check(fs, file, finding, k, &n_spans, e);
		if (is_damage(rc)) {
			if (k->n_here == 0)
				finding(k, file, e->off, e->msg);
		} else if (rc != 0) {
			return rc;
		}
		if (k->n_here == 0)
			check_entry(s, i, n_spans, k);
		k->res.n_shards++;
		k->res.n_bytes += s->shards[i].n_bytes;
		k->res.n_spans += n_spans;
	}
	return 0;
}

static int
unlisted(void *arg, const char *path, struct err *e)
{
	(void)e;
	finding(arg, path, -1, "no catalog lists it: left by an import that was killed; "
	    "the next import removes it");
	return 0;
}

static int
check_unlisted(struct catalog *c, const struct snapshot *s, struct check *k, struct err *e)
{
	const struct catalog_walk to = { unlisted, NULL, k };
	struct file *lock = NULL;
	struct map listed;
	int rc;

	if (c->lock == NULL && c->fs->ops->lock(c->fs, LOCK_FILE, &lock, NULL) != 0)
		return 0;
	map_init(&listed);
	if ((rc = catalog_listed(s, &listed, e)) == 0)
		rc = catalog_walk(c->fs, &listed, &to, e);
	map_release(&listed);
	if (lock != NULL)
		(void)c->fs->ops->close(lock, NULL);
	return rc;
}

int
catalog_check(struct catalog *c, void (*bad)(void *, const char *file, int64_t off,
    const char *why), void *arg, struct check_result *out, struct err *err)
{
	struct check k = { .bad = bad, .arg = arg };
	const struct snapshot *s;
	struct err own = ERR_INIT, *e = err != NULL ? err : &own;
	bool whole;
	int rc = catalog_reread(c, &s, e);

	whole = rc == 0;
	if (is_damage(rc)) {
		finding(&k, CATALOG_FILE, e->off, e->msg);
		/* What was read before is still good for a look at the shards. */
		pthread_mutex_lock(&c->mutex);
		s = snapshot_ref(&c->cur->pub);
		pthread_mutex_unlock(&c->mutex);
	} else if (rc != 0) {
		return rc;
	}
	rc = check_shards(s, c->fs, &k, e);
	if (rc == 0 && whole)
		rc = check_unlisted(c, s, &k, e);
	snapshot_unref(s);
	if (rc == 0)
		*out = k.res;
	return rc;
}
