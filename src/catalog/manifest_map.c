/* SPDX-License-Identifier: ISC */
/*
 * manifest_map: the manifest of one snapshot. Rows and shards are in the same order, so each
 * segment's rows are found in the list by steps that grow: a segment of few rows costs little,
 * one of all rows a pass.
 *
 * A commit may replace MANIFEST and remove segments between a reader's looks at the two: then
 * the reader looks again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/search.h"
#include "manifest_i.h"

#define LOOKS 3

uint64_t
name_number(struct sv name)
{
	static const char end[] = ".shard";
	uint64_t v = 0;
	size_t n = 0;

	for (; n < name.n && name.p[n] >= '0' && name.p[n] <= '9' && n < 18; n++)
		v = v * 10 + (uint64_t)(name.p[n] - '0');
	return n >= 10 && name.n - n == sizeof end - 1 &&
	    memcmp(name.p + n, end, sizeof end - 1) == 0 ? v : UINT64_MAX;
}

uint64_t
shard_number(const char *file)
{
	const char *slash = strrchr(file, '/');

	return name_number(sv_cstr(slash == NULL ? file : slash + 1));
}

/* ---- which row tells of which shard ---- */

/* Order of the shard against the row. */
static int
key_cmp(const struct catalog_list *l, size_t i, const struct mrow *r)
{
	if (l->shards[i].partition != r->partition)
		return l->shards[i].partition < r->partition ? -1 : 1;
	return l->numbers[i] < r->number ? -1 : l->numbers[i] > r->number;
}

/* The first shard from `from` on that is not below the row. */
static size_t
seek(const struct catalog_list *l, size_t from, const struct mrow *r)
{
	size_t step = 1, lo = from, hi;

	while (lo + step < l->n && key_cmp(l, lo + step, r) < 0) {
		lo += step;
		step *= 2;
	}
	hi = lo + step < l->n ? lo + step : l->n;
	LOWER_BOUND(lo, hi, i, key_cmp(l, i, r) < 0);
	return lo;
}

static bool
same(const struct shard_entry *e, const struct mrow *r)
{
	return e->n_rows == r->n_rows && e->n_bytes == r->n_bytes &&
	    e->min_start == r->min_start && e->max_start == r->max_start;
}

static void
map_segment(struct manifest *m, size_t k, const struct catalog_list *l)
{
	const struct mseg *s = &m->segments[k]->m;
	size_t at = 0;

	for (size_t r = 0; r < s->n_rows; r++) {
		m->shard_of[k][r] = NO_SHARD;
		if (at < l->n)
			at = seek(l, at, &s->rows[r]);
		if (at == l->n || key_cmp(l, at, &s->rows[r]) != 0 ||
		    !same(&l->shards[at], &s->rows[r]) || m->places[at].segment != NO_SEGMENT)
			continue;
		m->places[at] = (struct mplace){ (uint32_t)k, (uint32_t)r };
		m->shard_of[k][r] = (uint32_t)at;
		m->n_used[k]++;
	}
}

static int
map_all(struct manifest *m, const struct catalog_list *l, struct err *e)
{
	m->n_shards = l->n;
	m->places = malloc((l->n + 1) * sizeof *m->places);
	m->bare = malloc((l->n + 1) * sizeof *m->bare);
	m->shard_of = calloc(m->n + 1, sizeof *m->shard_of);
	m->n_used = calloc(m->n + 1, sizeof *m->n_used);
	if (m->places == NULL || m->bare == NULL || m->shard_of == NULL || m->n_used == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < l->n; i++)
		m->places[i].segment = NO_SEGMENT;
	/* The newest first: of two rows of one shard, one is of a commit that never was. */
	for (size_t k = m->n; k-- > 0;) {
		m->shard_of[k] = malloc((m->segments[k]->m.n_rows + 1) * sizeof **m->shard_of);
		if (m->shard_of[k] == NULL)
			return err_nomem(e);
		map_segment(m, k, l);
	}
	for (size_t i = 0; i < l->n; i++)
		if (m->places[i].segment == NO_SEGMENT)
			m->bare[m->n_bare++] = (uint32_t)i;
	return 0;
}

/* ---- reading ---- */

static struct segment *
of_before(const struct manifest *prev, const struct mref *r)
{
	for (size_t i = 0; prev != NULL && i < prev->n; i++) {
		const struct mref *p = &prev->segments[i]->ref;

		if (p->number == r->number && p->hash == r->hash && p->n_bytes == r->n_bytes)
			return segment_ref(prev->segments[i]);
	}
	return NULL;
}

static void
drop_segments(struct manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		segment_unref(m->segments[i]);
	free(m->segments);
	m->segments = NULL;
	m->n = 0;
}

/* *missing: one that is named is not there. */
static int
open_segments(struct fsys *fs, const struct mhead *h, const struct manifest *prev,
    struct manifest *m, bool *missing, struct err *e)
{
	int rc;

	if ((m->segments = calloc(h->n + 1, sizeof(struct segment *))) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < h->n; i++) {
		struct segment *s = of_before(prev, &h->refs[i]);

		if (s == NULL && (rc = segment_open(fs, &h->refs[i], &s, e)) != 0) {
			if (rc == ERR_NOMEM)
				return rc;
			*missing |= rc == ERR_UNKNOWN;
			m->damaged = true;
			continue;
		}
		m->segments[m->n++] = s;
	}
	return 0;
}

/* One look. What can't be read is left out. */
static int
look(struct fsys *fs, uint64_t generation, const struct manifest *prev, struct manifest *m,
    bool *missing, struct err *e)
{
	struct mhead h = { 0 };
	struct arena a;
	struct sv bytes;
	int rc;

	arena_init(&a);
	rc = file_read_all(fs, MANIFEST_FILE, MANIFEST_MAX_BYTES, &a, &bytes, e);
	if (rc == 0)
		rc = manifest_decode(bytes, MANIFEST_FILE, &a, &h, e);
	m->next_number = 0;
	for (size_t i = 0; rc == 0 && i < h.n; i++)
		if (h.refs[i].number >= m->next_number)
			m->next_number = h.refs[i].number + 1;
	/* Of a commit that this list does not follow on: of another store. */
	if (rc == 0 && h.generation > generation + 1)
		h.n = 0;
	m->damaged = rc != 0 && rc != ERR_UNKNOWN;
	if (rc == 0)
		rc = open_segments(fs, &h, prev, m, missing, e);
	else if (rc != ERR_NOMEM)
		rc = 0;
	arena_release(&a);
	return rc;
}

int
manifest_load(struct fsys *fs, const struct catalog_list *l, const struct manifest *prev,
    struct manifest *out, struct err *e)
{
	struct manifest m = { 0 };
	struct err why = ERR_INIT;
	bool missing = true;
	int rc = 0;

	for (int i = 0; i < LOOKS && missing && rc == 0; i++) {
		drop_segments(&m);
		missing = false;
		rc = look(fs, l->generation, prev, &m, &missing, &why);
	}
	if (rc == 0)
		rc = map_all(&m, l, &why);
	if (rc != 0) {
		manifest_release(&m);
		return err_nomem(e);
	}
	*out = m;
	return 0;
}

void
manifest_release(struct manifest *m)
{
	for (size_t k = 0; m->shard_of != NULL && k < m->n; k++)
		free(m->shard_of[k]);
	free(m->shard_of);
	free(m->n_used);
	free(m->places);
	free(m->bare);
	drop_segments(m);
	*m = (struct manifest){ 0 };
}

const struct mrow *
manifest_row(const struct manifest *m, size_t shard, const struct mseg **seg)
{
	struct mplace p = m->places[shard];

	if (p.segment == NO_SEGMENT)
		return NULL;
	if (seg != NULL)
		*seg = &m->segments[p.segment]->m;
	return &m->segments[p.segment]->m.rows[p.row];
}
