/* SPDX-License-Identifier: ISC */
/*
 * intake_dedup: which spans of a batch the store holds already. A duplicate is equal in trace
 * id, span id and the hash of its whole content, so also in start; hence only the shards of
 * its hour (and those outside of time) whose times hold the start are asked: by their bloom
 * filter, their trace table, then the span ids of the trace's rows. Only rows whose ids are
 * equal are fetched and hashed.
 *
 * The batch is taken shard by shard and, in a shard, trace by trace: each row of a trace is
 * looked at once a batch, however many spans ask. Of one pair of ids at most TWINS_MAX rows
 * of a shard are compared: beyond that (nobody sends it but to do harm) a span is kept.
 *
 * A shard that may hold a span and can't be read, as it is damaged or gone, ends the import:
 * else its spans would be added again. By `force` it holds nothing that counts.
 */
#include <stdlib.h>

#include "base/bloom.h"
#include "base/hash.h"
#include "base/search.h"
#include "intake_i.h"
#include "model/when.h"
#include "shard/chunk.h"

#define TWINS_MAX 4096
#define FETCH_ROWS 512

/* A span that a shard may hold. */
struct probe {
	uint32_t shard, span;
	uint32_t trace;			/* ordinal in the shard */
	bool hashed;			/* this and all of its ids: hash is set, and they are sorted by it */
	uint64_t span_id;
	struct hash128 hash;
};

/* A row of the shard whose ids are those of probes [from, to). */
struct match {
	uint32_t row;
	size_t from, to;
};

struct dedup {
	struct fetch *fetch;
	struct span *rows;		/* FETCH_ROWS */
	uint32_t *row_ids;
	VEC(struct probe) probes;
	VEC(struct match) matches;
	VEC(uint32_t) counts;		/* rows that match, by the first probe of their ids */
	VEC(bool) drop;
	/* The snapshot at hand. */
	const struct snapshot *snap;
	struct span *spans;
	size_t outside_from;		/* shards of PARTITION_OUTSIDE: to the end */
	bool force;
};

int
dedup_new(bool force, struct dedup **out, struct err *e)
{
	struct dedup *d = calloc(1, sizeof *d);
	int rc = ERR_NOMEM;

	if (d == NULL || (d->rows = calloc(FETCH_ROWS, sizeof *d->rows)) == NULL ||
	    (d->row_ids = calloc(FETCH_ROWS, sizeof *d->row_ids)) == NULL)
		rc = err_nomem(e);
	else
		rc = fetch_new(&d->fetch, e);
	if (rc != 0) {
		dedup_free(d);
		return rc;
	}
	d->force = force;
	*out = d;
	return 0;
}

void
dedup_free(struct dedup *d)
{
	if (d == NULL)
		return;
	if (d->fetch != NULL)
		fetch_free(d->fetch);
	free(d->rows);
	free(d->row_ids);
	vec_release(&d->probes);
	vec_release(&d->matches);
	vec_release(&d->counts);
	vec_release(&d->drop);
	free(d);
}

/* Of a shard that could not be read: 0 if it is to be passed over. */
static int
unreadable(const struct dedup *d, int rc, struct err *e)
{
	if (rc != ERR_CORRUPT && rc != ERR_VERSION && rc != ERR_IO)
		return rc;
	if (d->force)
		return 0;
	rc = ERR_IO;	/* the store's trouble, not the input's */
	if (e != NULL)
		e->code = rc;
	return err_ctx(e, rc, "no telling which spans the store has already (import --force adds "
	    "those of this shard again)");
}

/* ---- which shards may hold which spans ---- */

/* The first shard of a partition not less than this one. */
static size_t
shard_from(const struct snapshot *s, uint64_t partition)
{
	size_t lo = 0;

	LOWER_BOUND(lo, s->n_shards, i, s->shards[i].partition < partition);
	return lo;
}

static int
may_hold(struct dedup *d, size_t shard, const struct span *s, bool *out, struct err *e)
{
	const struct shard_entry *en = &d->snap->shards[shard];
	const uint8_t *bloom;
	struct shard *sh;
	size_t n;
	int rc;

	*out = false;
	if (s->start_ns < en->min_start || s->start_ns > en->max_start)
		return 0;
	if ((rc = snapshot_shard(d->snap, shard, &sh, e)) != 0 ||
	    (rc = shard_bloom(sh, &bloom, &n, e)) != 0)
		return unreadable(d, rc, e);
	*out = bloom_may_have(bloom, n, trace_id_hash(s->trace_id));
	return 0;
}

static int
probe_shards(struct dedup *d, size_t span, size_t from, size_t to, struct err *e)
{
	const struct span *s = &d->spans[span];

	for (size_t i = from; i < to; i++) {
		struct probe p = { .shard = (uint32_t)i, .span = (uint32_t)span,
		    .span_id = s->span_id };
		bool may;
		int rc;

		if ((rc = may_hold(d, i, s, &may, e)) != 0)
			return rc;
		if (may && !vec_push(&d->probes, p))
			return err_nomem(e);
	}
	return 0;
}

static int
find_probes(struct dedup *d, size_t n, struct err *e)
{
	uint64_t last = PARTITION_OUTSIDE;
	size_t from = 0, to = 0;
	int rc;

	d->probes.n = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t start = d->spans[i].start_ns, part = start - start % NS_PER_HOUR;

		if (part != last) {
			last = part;
			from = shard_from(d->snap, part);
			for (to = from; to < d->outside_from &&
			    d->snap->shards[to].partition == part; to++)
				;
		}
		if ((rc = probe_shards(d, i, from, to, e)) != 0 ||
		    (rc = probe_shards(d, i, d->outside_from, d->snap->n_shards, e)) != 0)
			return rc;
	}
	return 0;
}

/* ---- one shard ---- */

static int
by_shard(const void *a, const void *b)
{
	const struct probe *x = a, *y = b;

	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	return x->span < y->span ? -1 : x->span > y->span;
}

static int
by_ids(const void *a, const void *b)
{
	const struct probe *x = a, *y = b;

	if (x->trace != y->trace)
		return x->trace < y->trace ? -1 : 1;
	if (x->span_id != y->span_id)
		return x->span_id < y->span_id ? -1 : 1;
	return x->span < y->span ? -1 : x->span > y->span;
}

static int
hash_cmp(struct hash128 a, struct hash128 b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static int
by_hash(const void *a, const void *b)
{
	return hash_cmp(((const struct probe *)a)->hash, ((const struct probe *)b)->hash);
}

static int
by_row(const void *a, const void *b)
{
	const struct match *x = a, *y = b;

	return x->row < y->row ? -1 : x->row > y->row;
}

/* Keeps the probes whose trace is there; returns how many, sorted by ids. */
static size_t
resolve_traces(struct dedup *d, const struct traceids *ids, struct probe *p, size_t n)
{
	struct trace_id last = { 0, 0 };
	bool found = false;
	uint32_t ord = 0;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct trace_id id = d->spans[p[i].span].trace_id;

		if (!trace_id_eq(id, last)) {
			found = traceids_find(ids, id, &ord);
			last = id;
		}
		if (!found)
			continue;
		p[k] = p[i];
		p[k++].trace = ord;
	}
	qsort(p, k, sizeof *p, by_ids);
	return k;
}

/* The first of the probes [0, n) of one trace whose span id is not less. */
static size_t
id_from(const struct probe *p, size_t n, uint64_t span_id)
{
	size_t lo = 0;

	LOWER_BOUND(lo, n, i, p[i].span_id < span_id);
	return lo;
}

/* Those that ask for the span id: [*from, *to). */
static bool
find_ids(const struct probe *p, size_t n, uint64_t span_id, size_t *from, size_t *to)
{
	*from = id_from(p, n, span_id);
	if (*from == n || p[*from].span_id != span_id)
		return false;
	*to = span_id == UINT64_MAX ? n : *from + id_from(p + *from, n - *from, span_id + 1);
	return true;
}

/* Reads the span ids of rising rows, keeping the chunk of one row group. */
struct id_reader {
	struct shard *shard;
	const struct column *column;
	const struct chunk *chunk;
	uint32_t from, to;		/* rows of the chunk */
};

static int
read_id(struct id_reader *r, uint32_t row, uint64_t *out, struct err *e)
{
	const struct shard_info *info = shard_info(r->shard);
	uint32_t g = row / info->row_group_rows;
	int rc;

	if (row < r->from || row >= r->to) {
		chunk_put(r->chunk);
		r->chunk = NULL;
		r->from = r->to = 0;
		if ((rc = chunk_get(r->shard, r->column, g, &r->chunk, e)) != 0)
			return rc;
		r->from = info->row_groups[g].row_from;
		r->to = info->row_groups[g].row_to;
	}
	*out = chunk_u64_at(r->chunk, row - r->from);
	return 0;
}

/* Rows of one trace that carry ids asked for. p[0, n): its probes, at `base` of the shard's. */
static int
match_trace(struct dedup *d, const struct tracerows *rows, struct id_reader *r,
    const struct probe *p, size_t n, size_t base, struct err *e)
{
	uint32_t n_rows = tracerows_n(rows, p[0].trace);

	for (uint32_t i = 0; i < n_rows; i++) {
		uint32_t row = tracerows_at(rows, p[0].trace, i);
		size_t from, to;
		uint64_t id;
		int rc;

		if ((rc = read_id(r, row, &id, e)) != 0)
			return rc;
		if (find_ids(p, n, id, &from, &to) &&
		    !vec_push(&d->matches, ((struct match){ row, base + from, base + to })))
			return err_nomem(e);
	}
	return 0;
}

static int
find_matches(struct dedup *d, struct shard *s, const struct probe *p, size_t n,
    struct err *e)
{
	struct id_reader r = { .shard = s, .column = shard_column(s, COL_SPAN_ID) };
	const struct tracerows *rows;
	int rc;

	d->matches.n = 0;
	if ((rc = tracerows_get(s, &rows, e)) != 0)
		return rc;
	for (size_t i = 0, j; i < n && rc == 0; i = j) {
		for (j = i + 1; j < n && p[j].trace == p[i].trace; j++)
			;
		rc = match_trace(d, rows, &r, p + i, j - i, i, e);
	}
	chunk_put(r.chunk);
	tracerows_put(rows);
	return rc;
}

/* Drops what exceeds TWINS_MAX rows of the same ids, then sorts by row. */
static int
bound_matches(struct dedup *d, size_t n_probes, struct err *e)
{
	size_t k = 0;

	if (!vec_reserve(&d->counts, n_probes))
		return err_nomem(e);
	memset(d->counts.v, 0, n_probes * sizeof *d->counts.v);
	for (size_t i = 0; i < d->matches.n; i++)
		if (d->counts.v[d->matches.v[i].from]++ < TWINS_MAX)
			d->matches.v[k++] = d->matches.v[i];
	d->matches.n = k;
	if (k > 0)
		qsort(d->matches.v, k, sizeof *d->matches.v, by_row);
	return 0;
}

static void
hash_probes(struct dedup *d, struct probe *p, size_t n)
{
	if (p[0].hashed)
		return;
	for (size_t i = 0; i < n; i++) {
		p[i].hash = span_hash(&d->spans[p[i].span]);
		p[i].hashed = true;
	}
	qsort(p, n, sizeof *p, by_hash);
}

/* Marks the probes that have this hash. */
static void
drop_equal(struct dedup *d, const struct probe *p, size_t n, struct hash128 h)
{
	size_t lo = 0;

	LOWER_BOUND(lo, n, i, hash_cmp(p[i].hash, h) < 0);
	for (; lo < n && hash_cmp(p[lo].hash, h) == 0; lo++)
		d->drop.v[p[lo].span] = true;
}

static int
compare_rows(struct dedup *d, struct shard *s, struct probe *p, const struct match *m, size_t n,
    struct err *e)
{
	static const struct projection all = { .all = true };
	int rc;

	for (size_t i = 0; i < n; i++)
		d->row_ids[i] = m[i].row;
	rc = fetch_rows(d->fetch, s, d->row_ids, n, &all, d->rows, e);
	for (size_t i = 0; i < n && rc == 0; i++) {
		size_t k = m[i].to - m[i].from;

		hash_probes(d, p + m[i].from, k);
		drop_equal(d, p + m[i].from, k, span_hash(&d->rows[i]));
	}
	fetch_reset(d->fetch);
	return rc;
}

static int
ask_shard(struct dedup *d, struct probe *p, size_t n, struct err *e)
{
	const struct traceids *ids;
	struct shard *s;
	int rc;

	if ((rc = snapshot_shard(d->snap, p[0].shard, &s, e)) != 0 ||
	    (rc = traceids_get(s, &ids, e)) != 0)
		return rc;
	n = resolve_traces(d, ids, p, n);
	traceids_put(ids);
	if (n == 0 || (rc = find_matches(d, s, p, n, e)) != 0 || (rc = bound_matches(d, n, e)) != 0)
		return rc;
	for (size_t i = 0; i < d->matches.n && rc == 0; i += FETCH_ROWS) {
		size_t k = d->matches.n - i;

		rc = compare_rows(d, s, p, d->matches.v + i, k < FETCH_ROWS ? k : FETCH_ROWS, e);
	}
	return rc;
}

/* ---- the batch ---- */

static size_t
compact(struct dedup *d, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		if (d->drop.v[i])
			continue;
		if (k != i)
			d->spans[k] = d->spans[i];
		k++;
	}
	return k;
}

int
dedup_spans(struct dedup *d, const struct snapshot *snap, struct span *spans, size_t *n,
    uint64_t *n_dropped, struct err *e)
{
	size_t left;
	int rc;

	if (snap->n_shards == 0 || *n == 0)
		return 0;
	d->snap = snap;
	d->spans = spans;
	d->outside_from = shard_from(snap, PARTITION_OUTSIDE);
	if ((rc = find_probes(d, *n, e)) != 0 || d->probes.n == 0)
		return rc;
	if (!vec_reserve(&d->drop, *n))
		return err_nomem(e);
	memset(d->drop.v, 0, *n * sizeof *d->drop.v);
	qsort(d->probes.v, d->probes.n, sizeof *d->probes.v, by_shard);
	for (size_t i = 0, j; i < d->probes.n; i = j) {
		for (j = i + 1; j < d->probes.n && d->probes.v[j].shard == d->probes.v[i].shard; j++)
			;
		rc = ask_shard(d, d->probes.v + i, j - i, e);
		if (rc != 0 && (rc = unreadable(d, rc, e)) != 0)
			return rc;
	}
	left = compact(d, *n);
	*n_dropped += *n - left;
	*n = left;
	return 0;
}
