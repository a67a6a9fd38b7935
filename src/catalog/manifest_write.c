/* SPDX-License-Identifier: ISC */
/*
 * manifest_write: what a commit adds to the manifest: a segment with rows of its shards. It
 * takes in the newest segments that are not much larger, and ones of which most rows tell of
 * no shard any more: so sizes fall from the oldest to the newest, there are few of them, and
 * each row is written anew only some times in the life of a store. MANIFEST is written before
 * CATALOG: what it says of shards that are never committed, nobody asks.
 *
 * Order on disk: the segment, its directory, then MANIFEST by a rename that the sync of the
 * root directory makes last, which is CATALOG's. Segments that are named no more are removed
 * after that.
 */
#include <stdio.h>
#include <stdlib.h>

#include "manifest_i.h"

#define FACTOR 4		/* at least so many times larger is a segment left alone */
#define SECTION_CACHE ((size_t)1 << 20)

struct writing {
	struct catalog *c;
	const struct snapshot *old;
	const struct manifest *m;	/* of the old snapshot */
	struct chunkcache *cache;
	struct mbuild b;
	bool *taken;			/* by old segment */
	uint64_t generation;		/* of the commit */
	struct err *e;
};

/* ---- rows of shards ---- */

static int
add_shard(struct writing *w, const struct shard_entry *en)
{
	uint64_t number = shard_number(en->file);
	struct err why = ERR_INIT;
	struct shard *s;
	int rc;

	if (number == UINT64_MAX)
		return 0;
	if ((rc = snapshot_open_listed(w->c->fs, w->cache, en, &s, &why)) == 0) {
		rc = mbuild_shard(&w->b, s, number, &why);
		shard_unref(s);
	}
	return rc == ERR_NOMEM ? err_nomem(w->e) : 0;
}

/* The newest first: they are asked for most. */
static int
add_bare(struct writing *w, size_t most)
{
	size_t n = w->m->n_bare < most ? w->m->n_bare : most;
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_shard(w, &w->old->shards[w->m->bare[w->m->n_bare - 1 - i]]);
	return rc;
}

/* ---- older segments ---- */

static bool
is_worn(const struct writing *w, size_t k)
{
	return w->m->n_used[k] * 2 < w->m->segments[k]->m.n_rows;
}

static int
take_in(struct writing *w, size_t k)
{
	struct err why = ERR_INIT;
	int rc = mbuild_segment(&w->b, w->m->segments[k], w->m->shard_of[k], &why);

	/* Damaged: its shards have no row until a later commit gives them one. */
	w->taken[k] = true;
	return rc == ERR_NOMEM ? err_nomem(w->e) : 0;
}

static int
take_segments(struct writing *w)
{
	bool falling = true;
	int rc = 0;

	for (size_t k = w->m->n; k-- > 0 && rc == 0;) {
		uint64_t bytes = w->m->segments[k]->ref.n_bytes, mine = mbuild_bytes(&w->b);
		bool fits = bytes + mine <= SEGMENT_MAX_BYTES;

		falling = falling && fits && bytes < FACTOR * mine;
		if (w->m->segments[k]->traces_lost || falling || (fits && is_worn(w, k)))
			rc = take_in(w, k);
	}
	return rc;
}

/* ---- to disk ---- */

static int
put_file(struct catalog *c, const char *path, struct sv bytes, struct err *e)
{
	const struct fsys_ops *ops = c->fs->ops;
	struct file *f;
	int rc, crc;

	if ((rc = ops->create(c->fs, path, &f, e)) != 0)
		return rc;
	if ((rc = ops->write(f, bytes.p, bytes.n, e)) == 0 && !c->no_sync)
		rc = ops->sync(f, e);
	if ((crc = ops->close(f, rc == 0 ? e : NULL)) != 0 && rc == 0)
		rc = crc;
	return rc;
}

static int
put_segment(struct writing *w, struct mref *ref)
{
	char path[MANIFEST_PATH_BYTES];
	struct buf b = BUF_INIT;
	int rc;

	/* Mostly the commit's generation; a commit that was killed may have taken that. */
	ref->number = w->generation > w->m->next_number ? w->generation : w->m->next_number;
	manifest_path(ref->number, path);
	if ((rc = mbuild_end(&w->b, &b, ref, w->e)) == 0 &&
	    (rc = w->c->fs->ops->mkdir(w->c->fs, MANIFEST_DIR, w->e)) == 0 &&
	    (rc = put_file(w->c, path, buf_view(&b), w->e)) == 0 && !w->c->no_sync &&
	    (rc = w->c->fs->ops->sync_dir(w->c->fs, MANIFEST_DIR, w->e)) == 0 && w->m->n == 0)
		rc = w->c->fs->ops->sync_dir(w->c->fs, ".", w->e);	/* its name */
	buf_release(&b);
	return rc;
}

int
catalog_replace(struct catalog *c, const char *path, struct sv bytes, struct err *e)
{
	char tmp[32];
	int rc;

	snprintf(tmp, sizeof tmp, "%s.tmp", path);
	rc = put_file(c, tmp, bytes, e);
	return rc != 0 ? rc : c->fs->ops->rename(c->fs, tmp, path, e);
}

static int
put_head(struct writing *w, const struct mhead *h)
{
	struct buf b = BUF_INIT;
	int rc;

	manifest_encode(&b, h);
	if ((rc = buf_ok(&b, w->e)) == 0)
		rc = catalog_replace(w->c, MANIFEST_FILE, buf_view(&b), w->e);
	buf_release(&b);
	return rc;
}

/* The segments that stay, then the new one; what goes is told to `out`. */
static int
publish(struct writing *w, struct mchange *out)
{
	struct mhead h = { .generation = w->generation };
	int rc = 0;

	h.refs = calloc(w->m->n + 2, sizeof *h.refs);
	out->dropped = calloc(w->m->n + 1, sizeof *out->dropped);
	if (h.refs == NULL || out->dropped == NULL)
		rc = err_nomem(w->e);
	for (size_t k = 0; k < w->m->n && rc == 0; k++) {
		if (w->taken[k])
			out->dropped[out->n_dropped++] = w->m->segments[k]->ref.number;
		else
			h.refs[h.n++] = w->m->segments[k]->ref;
	}
	if (rc == 0 && w->b.rows.n != 0)
		rc = put_segment(w, &h.refs[h.n++]);
	if (rc == 0)
		rc = put_head(w, &h);
	free(h.refs);
	return rc;
}

static int
collect(struct writing *w, const struct shard_entry *add, size_t n, size_t backfill)
{
	int rc;

	if ((w->taken = calloc(w->m->n + 1, sizeof *w->taken)) == NULL)
		return err_nomem(w->e);
	if ((rc = chunkcache_new(SECTION_CACHE, &w->cache, w->e)) != 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_shard(w, &add[i]);
	if (rc == 0 && (rc = add_bare(w, backfill)) == 0)
		rc = take_segments(w);
	return rc;
}

int
manifest_write(struct catalog *c, const struct snapshot *old, const struct shard_entry *add,
    size_t n, size_t backfill, struct mchange *out, struct err *e)
{
	struct writing w = { .c = c, .old = old, .m = &snap_of(old)->manifest, .e = e,
		.generation = old->generation + 1 };
	int rc;

	*out = (struct mchange){ 0 };
	mbuild_init(&w.b);
	if ((rc = collect(&w, add, n, backfill)) == 0)
		rc = publish(&w, out);
	mbuild_release(&w.b);
	chunkcache_free(w.cache);
	free(w.taken);
	if (rc != 0) {
		free(out->dropped);
		*out = (struct mchange){ 0 };
	}
	return rc;
}

void
manifest_drop(struct catalog *c, struct mchange *k)
{
	char path[MANIFEST_PATH_BYTES];

	for (size_t i = 0; i < k->n_dropped; i++) {
		manifest_path(k->dropped[i], path);
		(void)c->fs->ops->unlink(c->fs, path, NULL);
	}
	free(k->dropped);
	*k = (struct mchange){ 0 };
}

/* ---- what killed commits left ---- */

static bool
is_named(const struct mhead *h, const char *path)
{
	char named[MANIFEST_PATH_BYTES];

	for (size_t i = 0; i < h->n; i++) {
		manifest_path(h->refs[i].number, named);
		if (strcmp(named, path) == 0)
			return true;
	}
	return false;
}

static int
remove_segment(void *arg, const char *path, struct err *e)
{
	struct catalog *c = arg;

	return c->fs->ops->unlink(c->fs, path, e);
}

int
manifest_clean(struct catalog *c, struct err *e)
{
	(void)c->fs->ops->unlink(c->fs, MANIFEST_FILE ".tmp", NULL);
	return manifest_walk(c->fs, remove_segment, c, e);
}

int
manifest_walk(struct fsys *fs, int (*unlisted)(void *, const char *, struct err *), void *arg,
    struct err *e)
{
	struct mhead h = { 0 };
	struct arena a;
	struct sv bytes;
	char **names, *path;
	size_t n = 0;
	int rc = 0;

	arena_init(&a);
	if (file_read_all(fs, MANIFEST_FILE, MANIFEST_MAX_BYTES, &a, &bytes, NULL) != 0 ||
	    manifest_decode(bytes, MANIFEST_FILE, &a, &h, NULL) != 0)
		h.n = 0;
	if (fs->ops->list(fs, MANIFEST_DIR, &a, &names, &n, NULL) != 0)
		n = 0;		/* no commit wrote one yet */
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (!sv_ends(sv_cstr(names[i]), SV(".seg")))
			continue;
		if ((path = arena_printf(&a, MANIFEST_DIR "/%s", names[i])) == NULL)
			rc = err_nomem(e);
		else if (!is_named(&h, path))
			rc = unlisted(arg, path, e);
	}
	arena_release(&a);
	return rc;
}
