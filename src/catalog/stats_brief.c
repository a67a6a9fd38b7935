/* SPDX-License-Identifier: ISC */
/*
 * stats_brief: statistics of the selected shards, and what the manifest alone says of one:
 * its services, how many spans and errors each has, from when to when.
 */
#include <stdlib.h>

#include "manifest_i.h"
#include "stats_i.h"

static bool
is_one_of(struct sv name, const struct sv *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sv_eq(name, v[i]))
			return true;
	return false;
}

/* What is asked for of the shard lies in the range: then counts are enough. */
static bool
counts_do(const struct mseg *seg, uint32_t row, const struct stats_need *need)
{
	const struct mrow *r = &seg->rows[row];
	uint32_t from, to;

	if (range_has(need->range, r->min_start, r->max_start))
		return true;
	segment_services(seg, row, &from, &to);
	for (; from < to && need->n_services != 0; from++) {
		const struct mservice *s = &seg->services[from];

		if (!range_has(need->range, s->min_start, s->max_start) &&
		    is_one_of(seg->names[s->name], need->services, need->n_services))
			return false;
	}
	return need->n_services != 0;
}

static bool
is_brief(const struct snapshot *s, const struct stats_need *need, size_t i)
{
	const struct manifest *m = &snap_of(s)->manifest;
	const struct mseg *seg;

	return need->counts && manifest_row(m, i, &seg) != NULL &&
	    counts_do(seg, m->places[i].row, need);
}

size_t
selection_footers(const struct snapshot *s, const struct stats_need *need,
    const struct selection *sel)
{
	size_t n = 0;

	for (size_t i = 0; i < sel->n; i++)
		n += !is_brief(s, need, sel->shards[i]);
	return n;
}

static int
brief(const struct snapshot *s, size_t i, struct arena *a, struct shard_stats *st,
    struct err *e)
{
	const struct manifest *m = &snap_of(s)->manifest;
	const struct mseg *seg = NULL;
	const struct mrow *r = manifest_row(m, i, &seg);
	struct service_stats *v;
	uint32_t from, to;

	segment_services(seg, m->places[i].row, &from, &to);
	if ((v = arena_array(a, to - from, struct service_stats)) == NULL)
		return err_nomem(e);
	*st = (struct shard_stats){
		.file = s->shards[i].file, .partition = r->partition, .n_rows = r->n_rows,
		.n_bytes = r->n_bytes, .n_traces = r->n_traces, .min_start = r->min_start,
		.max_start = r->max_start, .generation = s->shards[i].generation,
		.n_row_groups = r->n_row_groups, .services = v,
		.n_services = to - from, .index_kinds = (uint8_t)(r->flags >> MROW_KINDS_SHIFT),
		.trace_summaries = (r->flags & MROW_SUMMARIES) != 0,
		.all_keys = (r->flags & MROW_ALL_KEYS) != 0, .brief = true,
	};
	for (; from < to; from++, v++) {
		const struct mservice *x = &seg->services[from];

		*v = (struct service_stats){ seg->names[x->name], x->n_rows, x->n_errors,
			x->min_start, x->max_start };
	}
	return 0;
}

static int
fill(const struct snapshot *s, const struct stats_need *need, const struct selection *sel,
    struct arena *a, struct shard_stats *v, struct err *e)
{
	int rc = 0;

	for (size_t k = 0; k < sel->n && rc == 0; k++) {
		size_t i = sel->shards[k];

		rc = is_brief(s, need, i) ? brief(s, i, a, &v[k], e) :
		    stats_load_one(s, i, &v[k], e);
	}
	return rc;
}

/* The shards of which statistics are to be made from footers. */
static uint32_t *
with_footers(const struct snapshot *s, const struct stats_need *need,
    const struct selection *sel, size_t *n)
{
	uint32_t *v = malloc((sel->n + 1) * sizeof *v);

	*n = 0;
	for (size_t k = 0; v != NULL && k < sel->n; k++)
		if (!is_brief(s, need, sel->shards[k]))
			v[(*n)++] = sel->shards[k];
	return v;
}

/* The list of traces has told already of those that it knows. */
static bool
wants_bloom(const struct snapshot *s, const struct stats_need *need, size_t i)
{
	const struct manifest *m = &snap_of(s)->manifest;

	return need->n_traces == 0 || m->places[i].segment == NO_SEGMENT ||
	    m->segments[m->places[i].segment]->traces_lost;
}

static int
load_blooms(const struct snapshot *s, const struct stats_need *need,
    const struct selection *sel, struct shard_stats *v, struct pool *pool, struct err *e)
{
	struct bloom_want *w;
	size_t n = 0;
	int rc;

	if (!need->blooms)
		return 0;
	if ((w = malloc((sel->n + 1) * sizeof *w)) == NULL)
		return err_nomem(e);
	for (size_t k = 0; k < sel->n; k++)
		if (wants_bloom(s, need, sel->shards[k]))
			w[n++] = (struct bloom_want){ sel->shards[k], &v[k] };
	rc = stats_load_blooms(s, w, n, pool, e);
	free(w);
	return rc;
}

static uint64_t
newest_partition(const struct snapshot *s)
{
	for (size_t i = s->n_shards; i-- > 0;)
		if (s->shards[i].partition != PARTITION_OUTSIDE)
			return s->shards[i].partition;
	return PARTITION_OUTSIDE;
}

int
stats_of(const struct snapshot *s, const struct stats_need *need, const struct selection *sel,
    struct pool *pool, struct arena *a, const struct stats **out, struct err *e)
{
	struct stats *st = arena_new(a, struct stats);
	struct shard_stats *v = arena_array(a, sel->n + 1, struct shard_stats);
	uint32_t *footers;
	size_t n;
	int rc;

	if (st == NULL || v == NULL || (footers = with_footers(s, need, sel, &n)) == NULL)
		return err_nomem(e);
	rc = stats_warm(s, footers, n, pool, e);
	free(footers);
	if (rc != 0 || (rc = fill(s, need, sel, a, v, e)) != 0 ||
	    (rc = load_blooms(s, need, sel, v, pool, e)) != 0)
		return rc;
	*st = (struct stats){
		.version = s->generation, .shards = v, .n_shards = sel->n, .index = sel->shards,
		.left = sel->left, .n_left = sel->n_left, .summed = sel->summed,
		.newest_partition = newest_partition(s),
		.n_rows = s->n_rows, .n_bytes = s->n_bytes,
	};
	*out = st;
	return 0;
}

/* ---- single answers ---- */

int
snapshot_service_rows(const struct snapshot *s, size_t i, struct time_range r,
    const struct sv *services, size_t n, uint64_t *rows)
{
	const struct manifest *m = &snap_of(s)->manifest;
	const struct mseg *seg;
	uint32_t from, to;

	if (manifest_row(m, i, &seg) == NULL)
		return 0;
	*rows = 0;
	segment_services(seg, m->places[i].row, &from, &to);
	for (; from < to; from++) {
		const struct mservice *x = &seg->services[from];

		if (!values_overlap(x->min_start, x->max_start, r) ||
		    !is_one_of(seg->names[x->name], services, n))
			continue;
		if (!range_has(r, x->min_start, x->max_start))
			return 0;
		*rows += x->n_rows;
	}
	return 1;
}

/* Of a segment of which rows are of no use any more they may be those that have it. */
bool
snapshot_has_service(const struct snapshot *s, struct sv service)
{
	const struct manifest *m = &snap_of(s)->manifest;

	for (size_t k = 0; k < m->n; k++)
		if (m->n_used[k] == m->segments[k]->m.n_rows &&
		    segment_name(&m->segments[k]->m, service) >= 0)
			return true;
	return false;
}

size_t
snapshot_lines(const struct snapshot *s, size_t i, unsigned version)
{
	const struct manifest *m = &snap_of(s)->manifest;
	const struct mseg *seg;
	const struct mrow *r = manifest_row(m, i, &seg);
	uint32_t from, to;

	if (r == NULL || (r->flags & MROW_LINES) >> MROW_LINES_SHIFT != version)
		return 0;
	segment_services(seg, m->places[i].row, &from, &to);
	return to - from;
}

struct service_lines
snapshot_lines_at(const struct snapshot *s, size_t i, size_t k)
{
	const struct manifest *m = &snap_of(s)->manifest;
	const struct mplace *p = &m->places[i];
	const struct mseg *seg = &m->segments[p->segment]->m;
	const struct mservice *x = &seg->services[seg->rows[p->row].service_from + k];

	return (struct service_lines){ seg->names[x->name], x->n_rows, x->min_start,
		x->max_start, x->line_bytes };
}

size_t
snapshot_n_listed(const struct snapshot *s)
{
	return s->n_shards - snap_of(s)->manifest.n_bare;
}

/* ---- names ---- */

static int
names_of_segment(const struct manifest *m, size_t k, struct names_sink *to, struct err *e)
{
	const struct mseg *s = &m->segments[k]->m;
	int rc = 0;

	if (m->n_used[k] == 0)
		return 0;
	for (size_t i = 0; i < s->n_names && rc == 0; i++)
		rc = to->service(to->arg, s->names[i], e);
	for (size_t i = 0; i < s->n_fields && rc == 0; i++) {
		struct field f = { .scope = (enum field_scope)s->fields[i].p[0],
			.key = sv_sub(s->fields[i], 1, s->fields[i].n) };

		rc = to->field(to->arg, &f, e);
	}
	for (size_t i = 0; i < s->n_rows; i++)
		to->fields_open |= m->shard_of[k][i] != NO_SHARD &&
		    (s->rows[i].flags & MROW_ALL_KEYS) == 0;
	return rc;
}

static int
names_of_shard(const struct snapshot *s, size_t i, struct names_sink *to, struct err *e)
{
	struct shard_stats st;
	int rc = stats_load_one(s, i, &st, e);

	if (rc != 0)
		return rc;
	to->services_open |= st.damaged;
	to->fields_open |= st.damaged || !st.all_keys;
	for (size_t k = 0; k < st.n_services && rc == 0; k++)
		rc = to->service(to->arg, st.services[k].service, e);
	for (size_t k = 0; k < st.n_columns && rc == 0; k++)
		if (st.columns[k].field.scope != FIELD_INTRINSIC)
			rc = to->field(to->arg, &st.columns[k].field, e);
	return rc;
}

int
catalog_names(const struct snapshot *s, struct names_sink *to, struct err *e)
{
	const struct manifest *m = &snap_of(s)->manifest;
	int rc = 0;

	to->services_open = to->fields_open = false;
	for (size_t k = 0; k < m->n && rc == 0; k++)
		rc = names_of_segment(m, k, to, e);
	for (size_t i = 0; i < m->n_bare && rc == 0; i++)
		rc = names_of_shard(s, m->bare[i], to, e);
	return rc;
}
