/* SPDX-License-Identifier: ISC */
/*
 * catalog_check: everything that can be wrong in a store, found by reading every byte of it:
 * STORE, CATALOG against its checksum, every listed shard by shard_check and against what
 * CATALOG says of it, the manifest (manifest_check.c), the marks, IDENTITY and what programs kept
 * beside it. No shard stays open: a store has more of them than memory has room for.
 *
 * Files that no catalog lists are no damage: an import left them that was killed, or one that
 * is at work is about to list them. So they are looked for only if the writer's lock can be had.
 */
#include "check/check.h"

#include <stdlib.h>

#include "catalog/identity.h"
#include "catalog/kept.h"
#include "catalog/manifest_i.h"
#include "catalog/marks.h"
#include "catalog_check_i.h"

/* Each section is read once, so that a cache gains nothing. */
#define CHECK_CACHE_BYTES ((size_t)1 << 20)

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
check_entry(struct fsys *fs, struct chunkcache *cache, const struct shard_entry *en,
    uint64_t n_spans, struct check *k)
{
	struct shard *shard;
	struct err e = ERR_INIT;

	if (snapshot_open_listed(fs, cache, en, &shard, &e) != 0) {
		finding(k, en->file, e.off, e.msg);
		return;
	}
	shard_unref(shard);
	if (n_spans != en->n_rows)
		finding(k, en->file, -1, "its number of spans is not the catalog's");
}

static int
check_shards(const struct catalog *c, const struct snapshot *s, struct check *k,
    struct err *e)
{
	for (size_t i = 0; i < s->n_shards; i++) {
		const char *file = s->shards[i].file;
		uint64_t n_spans = 0;
		int rc;

		k->n_here = 0;
		rc = shard_check(c->fs, file, finding, k, &n_spans, e);
		if (is_damage(rc)) {
			if (k->n_here == 0)
				finding(k, file, e->off, e->msg);
		} else if (rc != 0) {
			return rc;
		}
		if (k->n_here == 0)
			check_entry(c->fs, c->cache, &s->shards[i], n_spans, k);
		k->res.n_shards++;
		k->res.n_bytes += s->shards[i].n_bytes;
		k->res.n_spans += n_spans;
	}
	return 0;
}

static int
check_store_file(struct catalog *c, struct check *k, struct err *e)
{
	struct arena a;
	size_t at = 0;
	struct sv text, want;
	int rc;

	arena_init(&a);
	want = catalog_store_text(&a);
	rc = want.p == NULL ? err_nomem(e) :
	    file_read_all(c->fs, STORE_FILE, STORE_FILE_MAX, &a, &text, e);
	if (is_damage(rc) || rc == ERR_TOOBIG) {
		finding(k, STORE_FILE, -1, e->msg);
		rc = 0;
	} else if (rc == 0 && !sv_eq(text, want)) {
		while (at < text.n && at < want.n && text.p[at] == want.p[at])
			at++;
		finding(k, STORE_FILE, (int64_t)at, "not the line that a store of this format has");
	}
	arena_release(&a);
	return rc;
}

static int
check_marks(struct catalog *c, struct check *k, struct err *e)
{
	struct sv *names;
	struct arena a;
	struct mark m;
	size_t n;
	int rc;

	arena_init(&a);
	rc = marks_list(c->fs, &a, &names, &n, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		const char *file = arena_printf(&a, "marks/%.*s.mark", SV_ARG(names[i]));

		rc = file == NULL ? err_nomem(e) : mark_read(c->fs, names[i], &a, &m, e);
		/* One that is deleted at this moment is no damage. */
		if (is_damage(rc)) {
			if (rc != ERR_UNKNOWN)
				finding(k, file, e->off, e->msg);
			rc = 0;
		}
	}
	arena_release(&a);
	return rc;
}

/* It may be missing, and another user's to read. */
static int
check_identity(struct catalog *c, struct check *k, struct err *e)
{
	struct identity id;
	int rc = identity_read(c->fs, &id, e);

	if (rc == ERR_CORRUPT || rc == ERR_VERSION || rc == ERR_IO)
		finding(k, IDENTITY_FILE, e->off, e->msg);
	return rc == ERR_NOMEM ? rc : 0;
}

int
catalog_check(struct catalog *c, void (*bad)(void *, const char *file, int64_t off,
    const char *why), void *arg, struct check_result *out, struct err *err)
{
	struct check k = { .bad = bad, .arg = arg };
	const struct snapshot *s;
	struct err own = ERR_INIT, *e = err != NULL ? err : &own;
	int rc = catalog_reread(c, &s, e);

	if (is_damage(rc)) {
		finding(&k, CATALOG_FILE, e->off, e->msg);
		/* What was read before is still good for a look at the shards. */
		pthread_mutex_lock(&c->mutex);
		s = snapshot_ref(&c->cur->pub);
		pthread_mutex_unlock(&c->mutex);
	} else if (rc != 0) {
		return rc;
	}
	if ((rc = check_store_file(c, &k, e)) == 0)
		rc = check_shards(c, s, &k, e);
	if (rc == 0)
		rc = manifest_check(c, s, finding, &k, e);
	if (rc == 0)
		rc = check_marks(c, &k, e);
	if (rc == 0)
		rc = check_identity(c, &k, e);
	snapshot_unref(s);
	if (rc == 0)
		*out = k.res;
	return rc;
}

/* ---- what imports left ---- */

struct left_overs {
	void (*found)(void *, const char *);
	void *arg;
	uint64_t n;
};

static int
unlisted(void *arg, const char *path, struct err *e)
{
	struct left_overs *l = arg;

	(void)e;
	l->n++;
	l->found(l->arg, path);
	return 0;
}

/* Of a commit, or of a making, that was cut short. */
static void
find_unfinished(struct fsys *fs, struct left_overs *l)
{
	static const char *const names[] = { CATALOG_FILE ".tmp", MANIFEST_FILE ".tmp",
		STORE_FILE ".tmp", IDENTITY_FILE ".tmp" };
	struct file_id id;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (fs->ops->stat(fs, names[i], &id, NULL) == 0)
			(void)unlisted(l, names[i], NULL);
}

int
catalog_left_overs(struct catalog *c, void (*found)(void *, const char *file), void *arg,
    uint64_t *n, struct err *e)
{
	struct left_overs l = { found, arg, 0 };
	const struct catalog_walk to = { unlisted, NULL, &l };
	const struct snapshot *s;
	struct file *lock = NULL;
	struct map listed;
	int rc = 0;

	if (c->lock == NULL && (rc = c->fs->ops->lock(c->fs, LOCK_FILE, &lock, e)) != 0)
		return rc;
	map_init(&listed);
	if ((rc = catalog_reread(c, &s, e)) == 0) {
		if ((rc = catalog_listed(s, &listed, e)) == 0)
			rc = catalog_walk(c->fs, &listed, &to, e);
		if (rc == 0)
			rc = manifest_walk(c->fs, unlisted, &l, e);
		if (rc == 0)
			rc = kept_left_overs(c->fs, unlisted, &l, e);
		snapshot_unref(s);
	}
	map_release(&listed);
	if (rc == 0)
		find_unfinished(c->fs, &l);
	if (lock != NULL)
		(void)c->fs->ops->close(lock, NULL);
	if (rc == 0)
		*n = l.n;
	return rc;
}

/* What is damaged there is no damage to the store: who would read it makes it anew. */
static void
check_kept(struct fsys *fs, const struct check_calls *to)
{
	for (unsigned k = KEPT_SUMMARY; k <= N_KEPT_KINDS; k++) {
		struct err e = ERR_INIT;

		if (kept_check(fs, k, &e) == ERR_CORRUPT)
			to->unused(to->arg, e.msg);
	}
}

int
store_check(const char *store, const struct check_calls *to, struct check_result *out,
    struct err *e)
{
	struct catalog_options o = { .cache_bytes = CHECK_CACHE_BYTES };
	struct err left = ERR_INIT;
	struct catalog *c;
	uint64_t n;
	int rc = catalog_open(store, &o, &c, e);

	if (rc < 0)
		return rc;
	rc = catalog_check(c, to->bad, to->arg, out, e);
	if (rc == 0)
		check_kept(c->fs, to);
	if (rc == 0 && catalog_left_overs(c, to->left_over, to->arg, &n, &left) < 0)
		to->not_looked(to->arg, left.msg);
	catalog_close(c);
	return rc;
}
