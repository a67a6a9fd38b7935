/* SPDX-License-Identifier: ISC */
/*
 * manifest_check: MANIFEST and its segments, every byte, and every row against the shard that it
 * tells of: the row that the shard would get now must be the same. Of the list of traces each
 * shard's entries are counted and summed, so that each needs no look-up.
 */
#include <stdlib.h>

#include "base/search.h"
#include "catalog/manifest_i.h"
#include "catalog_check_i.h"

#define SECTION_CACHE ((size_t)1 << 20)

/* Of the traces that a segment lists for a row. */
struct listed {
	uint64_t n, sum;
};

struct mcheck {
	struct fsys *fs;
	struct chunkcache *cache;
	check_found *found;
	void *arg;
	struct manifest m;
	struct listed **listed;		/* by segment and row; NULL: its list is damaged */
	struct err *e;
};

/* ---- the files ---- */

static int
sum_traces(struct mcheck *k, size_t s, const char *path)
{
	struct segment *g = k->m.segments[s];
	mtrace v[SEGMENT_BLOCK_TRACES];
	struct err why = ERR_INIT;
	size_t n;
	int rc;

	if ((k->listed[s] = calloc(g->m.n_rows + 1, sizeof **k->listed)) == NULL)
		return err_nomem(k->e);
	for (size_t b = 0; b < g->m.n_blocks; b++) {
		if ((rc = segment_block(g, b, v, &n, &why)) != 0) {
			k->found(k->arg, path, why.off, why.msg);
			free(k->listed[s]);
			k->listed[s] = NULL;
			return 0;
		}
		for (size_t i = 0; i < n; i++) {
			k->listed[s][(uint32_t)v[i]].n++;
			k->listed[s][(uint32_t)v[i]].sum += v[i] >> 32;
		}
	}
	return 0;
}

/* Those that manifest_load left out are told of. */
static int
check_files(struct mcheck *k)
{
	struct err why = ERR_INIT;
	struct mhead h = { 0 };
	struct arena a;
	struct sv bytes;
	int rc;

	arena_init(&a);
	rc = file_read_all(k->fs, MANIFEST_FILE, MANIFEST_MAX_BYTES, &a, &bytes, &why);
	if (rc == 0)
		rc = manifest_decode(bytes, MANIFEST_FILE, &a, &h, &why);
	if (rc != 0 && rc != ERR_UNKNOWN && rc != ERR_NOMEM)
		k->found(k->arg, MANIFEST_FILE, why.off, why.msg);
	for (size_t i = 0; rc == 0 && i < h.n; i++) {
		char path[MANIFEST_PATH_BYTES];
		struct segment *s;

		manifest_path(h.refs[i].number, path);
		if ((rc = segment_open(k->fs, &h.refs[i], &s, &why)) == 0)
			segment_unref(s);
		else if (rc != ERR_NOMEM) {
			k->found(k->arg, path, why.off, why.msg);
			rc = 0;
		}
	}
	arena_release(&a);
	return rc == ERR_NOMEM ? err_nomem(k->e) : 0;
}

/* ---- a row against its shard ---- */

/* One that was written before says nothing of the lines. */
static bool
tells_lines(const struct mrow *r)
{
	return (r->flags & MROW_LINES) != 0;
}

static bool
same_row(const struct mrow *a, const struct mrow *b)
{
	struct mrow x = *a, y = *b;

	x.service_from = y.service_from = 0;
	if (!tells_lines(a))
		y.flags &= ~MROW_LINES;
	return memcmp(&x, &y, sizeof x) == 0;
}

static bool
same_services(const struct mseg *m, uint32_t row, const struct mbuild *b)
{
	uint32_t from, to;

	segment_services(m, row, &from, &to);
	if (to - from != b->services.n)
		return false;
	for (size_t i = 0; i < b->services.n; i++) {
		struct mservice x = m->services[from + i], y = b->services.v[i];
		uint64_t *no = map_get(&b->names, m->names[x.name]);

		if (no == NULL || *no != y.name)
			return false;
		x.name = y.name;
		if (!tells_lines(&m->rows[row]))
			y.line_bytes = 0;
		if (memcmp(&x, &y, sizeof x) != 0)
			return false;
	}
	return true;
}

static bool
has_fields(const struct mseg *m, const struct map *fields)
{
	const struct map_slot *f;

	for (size_t i = 0; (f = map_next(fields, &i)) != NULL;) {
		struct sv key = sv_new(f->key, f->len);
		size_t lo = 0;

		LOWER_BOUND(lo, m->n_fields, k, sv_cmp(m->fields[k], key) < 0);
		if (lo == m->n_fields || !sv_eq(m->fields[lo], key))
			return false;
	}
	return true;
}

static const char *
difference(const struct mcheck *k, const struct mplace *p, const struct mbuild *b)
{
	const struct mseg *m = &k->m.segments[p->segment]->m;
	struct listed sum = { b->traces.n, 0 };
	const struct listed *l = k->listed[p->segment];

	for (size_t i = 0; i < b->traces.n; i++)
		sum.sum += b->traces.v[i] >> 32;
	if (!same_row(&m->rows[p->row], &b->rows.v[0]))
		return "the manifest has other numbers of it";
	if (!same_services(m, p->row, b))
		return "the manifest has other services of it";
	if (!has_fields(m, &b->fields))
		return "the manifest lacks an attribute of it";
	return l != NULL && (l[p->row].n != sum.n || l[p->row].sum != sum.sum) ?
	    "the manifest has other traces of it" : NULL;
}

/* A shard that can't be read is told of by who reads it whole. */
static int
check_row(struct mcheck *k, const struct shard_entry *en, const struct mplace *p)
{
	struct err why = ERR_INIT;
	const char *bad = NULL;
	struct mbuild b;
	struct shard *s;
	int rc;

	mbuild_init(&b);
	if ((rc = snapshot_open_listed(k->fs, k->cache, en, &s, &why)) == 0) {
		rc = mbuild_shard(&b, s, shard_number(en->file), &why);
		shard_unref(s);
	}
	if (rc == 0 && (bad = difference(k, p, &b)) != NULL)
		k->found(k->arg, en->file, -1, bad);
	mbuild_release(&b);
	return rc == ERR_NOMEM ? err_nomem(k->e) : 0;
}

static int
check_all(struct mcheck *k, const struct snapshot *s)
{
	char path[MANIFEST_PATH_BYTES];
	int rc = check_files(k);

	if ((k->listed = calloc(k->m.n + 1, sizeof *k->listed)) == NULL)
		return err_nomem(k->e);
	for (size_t i = 0; i < k->m.n && rc == 0; i++) {
		manifest_path(k->m.segments[i]->ref.number, path);
		rc = sum_traces(k, i, path);
	}
	for (size_t i = 0; i < s->n_shards && rc == 0; i++)
		if (k->m.places[i].segment != NO_SEGMENT)
			rc = check_row(k, &s->shards[i], &k->m.places[i]);
	return rc;
}

int
manifest_check(const struct catalog *c, const struct snapshot *s, check_found *found, void *arg,
    struct err *e)
{
	struct mcheck k = { .fs = c->fs, .found = found, .arg = arg, .e = e };
	int rc;

	if ((rc = manifest_load(c->fs, &snap_of(s)->list, NULL, &k.m, e)) != 0)
		return rc;
	if ((rc = chunkcache_new(SECTION_CACHE, &k.cache, e)) == 0)
		rc = check_all(&k, s);
	for (size_t i = 0; k.listed != NULL && i < k.m.n; i++)
		free(k.listed[i]);
	free(k.listed);
	chunkcache_free(k.cache);
	manifest_release(&k.m);
	return rc;
}
