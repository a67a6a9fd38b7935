/* SPDX-License-Identifier: ISC */
/*
 * stats_select: which shards a query's statistics must tell of. Asked are the partitions, by
 * bisection, and the manifest: services and their times of a shard, traces of a segment. A
 * shard of which the manifest knows nothing is left out for its times only.
 *
 * Where the newest rows of some services are wanted, and nothing else, partitions are gone
 * through from the newest on. A shard surely has a row at its last start, and all others not
 * before its first; once enough rows are sure, what lies before the oldest of them is out.
 * Where their number alone is wanted, whole hours are taken together: stats_sums.c.
 */
#include <stdlib.h>

#include "base/search.h"
#include "manifest_i.h"
#include "stats_i.h"

static const struct {
	const char *rule, *why;
} reasons[N_REASONS] = {
	[LEFT_MARK] = { STATS_MARK_RULE, STATS_MARK_WHY },
	[LEFT_COMMIT] = { "commit", "of another commit" },
	[LEFT_TIME] = { "time", "outside the time range" },
	[LEFT_SERVICE] = { "service", "none of the services in the range" },
	[LEFT_BLOOM] = { "bloom", "trace id not in the Bloom filter" },
	[LEFT_NEWEST] = { "limit", "older than the rows asked for" },
	[LEFT_SUMMED] = { "catalog", "counted together, from the catalog" },
	[LEFT_ENOUGH] = { "limit", "enough are counted without it" },
};

/* ---- one shard ---- */

static bool
add_services(const struct select *k, const struct mseg *seg, const struct mplace *p,
    struct part *out)
{
	const long *names = k->names + p->segment * k->need->n_services;
	uint32_t from, to;

	segment_services(seg, p->row, &from, &to);
	for (; from < to; from++) {
		const struct mservice *s = &seg->services[from];
		bool asked = false;

		for (size_t i = 0; i < k->need->n_services; i++)
			asked |= names[i] == (long)s->name;
		if (!asked || !values_overlap(s->min_start, s->max_start, k->need->range))
			continue;
		out->n += s->n_rows;
		out->min = s->min_start < out->min ? s->min_start : out->min;
		out->max = s->max_start > out->max ? s->max_start : out->max;
	}
	return out->n != 0;
}

static enum reason
look_at(const struct select *k, size_t i, struct part *out)
{
	const struct shard_entry *en = &k->snap->shards[i];
	const struct mseg *seg;

	if (!entry_touches(en, k->need->range))
		return LEFT_TIME;
	if (k->need->has_after && en->generation <= k->need->after)
		return LEFT_MARK;
	if (k->need->only != 0 && en->generation != k->need->only)
		return LEFT_COMMIT;
	*out = (struct part){ en->n_rows, en->min_start, en->max_start, true };
	if (k->need->n_services == 0)
		return KEPT;
	if (manifest_row(k->m, i, &seg) == NULL) {
		out->known = false;
		return KEPT;
	}
	*out = (struct part){ 0, UINT64_MAX, 0, true };
	return add_services(k, seg, &k->m->places[i], out) ? KEPT : LEFT_SERVICE;
}

static bool
note_sure(struct select *k, const struct part *p)
{
	struct time_range r = k->need->range;
	bool first = p->min >= r.from && (p->min < r.to || r.to == WHEN_MAX);
	bool last = p->max >= r.from && (p->max < r.to || r.to == WHEN_MAX);

	if (!p->known || k->need->newest == UINT64_MAX)
		return true;
	if (last && !vec_push(&k->sure, ((struct sure){ p->max, 1 })))
		return false;
	return !first || (p->n == 1 && last) || vec_push(&k->sure,
	    ((struct sure){ p->min, last ? p->n - 1 : 1 }));
}

static int
visit(struct select *k, size_t i)
{
	struct part p;
	enum reason r = look_at(k, i, &p);

	if (r == KEPT && k->sums && sums_shard(k, i, &p))
		r = LEFT_SUMMED;
	if (r != KEPT) {
		select_leave(k, r, i, 1, k->snap->shards[i].n_rows);
		return 0;
	}
	return vec_push(&k->kept, ((struct kept){ (uint32_t)i, p.max })) &&
	    note_sure(k, &p) ? 0 : err_nomem(k->e);
}

/* ---- by time ---- */

static void
set_window(struct select *k)
{
	struct time_range r = k->need->range;

	k->outside = select_from(k->snap, PARTITION_OUTSIDE);
	k->from = 0;
	k->to = k->outside;
	if (!snap_of(k->snap)->in_hours)
		return;
	k->from = select_from(k->snap, r.from - r.from % NS_PER_HOUR);
	if (r.to != WHEN_MAX && r.to != PARTITION_OUTSIDE)
		k->to = select_from(k->snap, r.to);
	if (k->from > k->outside)
		k->from = k->outside;
	if (k->to > k->outside)
		k->to = k->outside;
	if (k->to < k->from)
		k->to = k->from;
	select_leave_range(k, LEFT_TIME, 0, k->from);
	select_leave_range(k, LEFT_TIME, k->to, k->outside);
}

/* ---- the newest ---- */

static int
newest_first(const void *a, const void *b)
{
	const struct sure *x = a, *y = b;

	return x->start > y->start ? -1 : x->start < y->start;
}

/* Rows that are sure and start at t or later. */
static uint64_t
sure_from(const struct select *k, uint64_t t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < k->sure.n; i++)
		if (k->sure.v[i].start >= t)
			n += k->sure.v[i].n;
	return n;
}

/* Of the kept shards those go that end before the oldest of the rows that are sure. */
static void
cut_to_newest(struct select *k)
{
	uint64_t n = 0, oldest = 0;
	size_t m = 0;

	if (k->sure.n != 0)
		qsort(k->sure.v, k->sure.n, sizeof *k->sure.v, newest_first);
	for (size_t i = 0; i < k->sure.n && n < k->need->newest; i++) {
		n += k->sure.v[i].n;
		oldest = k->sure.v[i].start;
	}
	if (n < k->need->newest)
		return;
	for (size_t i = 0; i < k->kept.n; i++) {
		const struct kept *x = &k->kept.v[i];

		if (x->last >= oldest)
			k->kept.v[m++] = *x;
		else
			select_leave(k, LEFT_NEWEST, x->shard, 1, k->snap->shards[x->shard].n_rows);
	}
	k->kept.n = m;
}

/* From the newest partition back, until enough is sure. */
static int
visit_back(struct select *k)
{
	size_t n_outside = k->sure.n, i = k->to;
	uint64_t inside = 0;
	int rc = 0;

	while (i > k->from && rc == 0 && !sums_do(k)) {
		if (sums_hours(k, &i))
			continue;
		uint64_t partition = k->snap->shards[i - 1].partition;
		size_t at = k->sure.n;

		for (; i > k->from && k->snap->shards[i - 1].partition == partition && rc == 0;)
			rc = visit(k, --i);
		for (; at < k->sure.n; at++)
			inside += k->sure.v[at].n;
		/* Those outside of time have starts of any age. */
		if (k->need->newest != UINT64_MAX && snap_of(k->snap)->in_hours &&
		    (inside >= k->need->newest ||
		    (n_outside != 0 && sure_from(k, partition) >= k->need->newest)))
			break;
	}
	if (rc == 0 && !sums_do(k))
		select_leave_range(k, LEFT_NEWEST, k->from, i);
	return rc;
}

static int
visit_rows(struct select *k, size_t segment)
{
	const uint32_t *shard_of = k->m->shard_of[segment];
	int rc = 0;

	for (size_t i = 0; i < k->m->segments[segment]->m.n_rows && rc == 0; i++)
		if (shard_of[i] != NO_SHARD)
			rc = visit(k, shard_of[i]);
	return rc;
}

/* All shards, by what tells of them; the newest segments first. */
static int
visit_segments(struct select *k)
{
	int rc = 0;

	for (size_t s = k->m->n; s-- > 0 && rc == 0 && !sums_do(k);)
		if (!sums_segment(k, s))
			rc = visit_rows(k, s);
	for (size_t i = 0; i < k->m->n_bare && rc == 0 && !sums_do(k); i++)
		rc = visit(k, k->m->bare[i]);
	return rc;
}

static int
visit_all(struct select *k)
{
	int rc = 0;

	if (sums_by_segments(k))
		return visit_segments(k);

	for (size_t i = k->outside; i < k->snap->n_shards && rc == 0; i++)
		rc = visit(k, i);
	if (rc == 0 && (rc = visit_back(k)) == 0 && k->need->newest != UINT64_MAX)
		cut_to_newest(k);
	return rc;
}

/* ---- by traces ---- */

static int
by_shard(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int
add_segment(const struct manifest *m, size_t s, uint64_t hash, row_vec *rows, row_vec *out,
    struct err *e)
{
	struct err why = ERR_INIT;
	int rc;

	rows->n = 0;
	rc = segment_find_trace(m->segments[s], hash, rows, &why);
	if (rc == ERR_NOMEM)
		return err_nomem(e);
	/* Nothing is known: any of its shards may have it. */
	for (uint32_t r = 0; rc != 0 && r < m->segments[s]->m.n_rows; r++)
		if (m->shard_of[s][r] != NO_SHARD && !vec_push(out, m->shard_of[s][r]))
			return err_nomem(e);
	for (size_t i = 0; rc == 0 && i < rows->n; i++)
		if (m->shard_of[s][rows->v[i]] != NO_SHARD &&
		    !vec_push(out, m->shard_of[s][rows->v[i]]))
			return err_nomem(e);
	return 0;
}

int
snapshot_trace_shards(const struct snapshot *s, uint64_t hash, uint32_t **v, size_t *n,
    struct err *e)
{
	const struct manifest *m = &snap_of(s)->manifest;
	row_vec out = VEC_INIT, rows = VEC_INIT;
	size_t kept = 0;
	int rc = 0;

	if (!vec_reserve(&out, m->n_bare + 1))
		rc = err_nomem(e);
	for (size_t i = 0; i < m->n_bare && rc == 0; i++)
		out.v[out.n++] = m->bare[i];
	for (size_t k = 0; k < m->n && rc == 0; k++)
		rc = add_segment(m, k, hash, &rows, &out, e);
	vec_release(&rows);
	if (rc != 0) {
		vec_release(&out);
		return rc;
	}
	if (out.n != 0)
		qsort(out.v, out.n, sizeof *out.v, by_shard);
	for (size_t i = 0; i < out.n; i++)
		if (kept == 0 || out.v[kept - 1] != out.v[i])
			out.v[kept++] = out.v[i];
	*v = out.v;
	*n = kept;
	return 0;
}

static bool
in_window(const struct select *k, size_t i)
{
	return (i >= k->from && i < k->to) || i >= k->outside;
}

/* What the shards that may have the traces leave of [lo, hi). */
static void
leave_others(struct select *k, size_t lo, size_t hi, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] >= lo && v[i] < hi) {
			select_leave_range(k, LEFT_BLOOM, lo, v[i]);
			lo = v[i] + 1;
		}
	select_leave_range(k, LEFT_BLOOM, lo, hi);
}

static int
visit_traces(struct select *k)
{
	row_vec all = VEC_INIT;
	size_t m = 0;
	int rc = 0;

	for (size_t t = 0; t < k->need->n_traces && rc == 0; t++) {
		uint32_t *v;
		size_t n;

		rc = snapshot_trace_shards(k->snap, trace_id_hash(k->need->traces[t]), &v, &n,
		    k->e);
		for (size_t i = 0; rc == 0 && i < n; i++)
			if (in_window(k, v[i]) && !vec_push(&all, v[i]))
				rc = err_nomem(k->e);
		if (rc == 0)
			free(v);
	}
	if (all.n != 0)
		qsort(all.v, all.n, sizeof *all.v, by_shard);
	for (size_t i = 0; i < all.n && rc == 0; i++)
		if (m == 0 || all.v[m - 1] != all.v[i]) {
			all.v[m++] = all.v[i];
			rc = visit(k, all.v[i]);
		}
	if (rc == 0) {
		leave_others(k, k->from, k->to, all.v, m);
		leave_others(k, k->outside, k->snap->n_shards, all.v, m);
	}
	vec_release(&all);
	return rc;
}

/* ---- the whole ---- */

static int
find_names(struct select *k)
{
	size_t n = k->need->n_services;

	if ((k->names = arena_array(k->arena, k->m->n * n + 1, long)) == NULL)
		return err_nomem(k->e);
	for (size_t s = 0; s < k->m->n; s++)
		for (size_t i = 0; i < n; i++)
			k->names[s * n + i] = segment_name(&k->m->segments[s]->m,
			    k->need->services[i]);
	return 0;
}

static int
take(struct select *k, struct selection *out)
{
	struct stats_left *left = arena_array(k->arena, N_REASONS, struct stats_left);

	out->shards = arena_array(k->arena, k->kept.n + 1, uint32_t);
	if (left == NULL || out->shards == NULL)
		return err_nomem(k->e);
	for (size_t i = 0; i < k->kept.n; i++)
		out->shards[i] = k->kept.v[i].shard;
	qsort(out->shards, k->kept.n, sizeof *out->shards, by_shard);
	out->n = k->kept.n;
	out->summed = k->summed;
	out->left = left;
	for (int r = LEFT_MARK; r < N_REASONS; r++)
		if (k->left[r].n_shards != 0) {
			left[out->n_left] = k->left[r];
			left[out->n_left].summed = r == LEFT_SUMMED;
			left[out->n_left].rule = reasons[r].rule;
			left[out->n_left++].why = reasons[r].why;
		}
	return 0;
}

int
stats_select(const struct snapshot *s, const struct stats_need *need, struct arena *a,
    struct selection *out, struct err *e)
{
	struct select k = { .snap = s, .m = &snap_of(s)->manifest, .need = need, .arena = a,
		.kept = VEC_INIT, .sure = VEC_INIT, .e = e };
	int rc;

	*out = (struct selection){ 0 };
	set_window(&k);
	sums_begin(&k);
	if ((rc = find_names(&k)) == 0)
		rc = need->n_traces != 0 ? visit_traces(&k) : visit_all(&k);
	if (rc == 0 && sums_do(&k))
		sums_leave_rest(&k);
	if (rc == 0)
		rc = take(&k, out);
	vec_release(&k.kept);
	vec_release(&k.sure);
	return rc;
}
