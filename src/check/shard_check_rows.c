/* SPDX-License-Identifier: ISC */
/*
 * shard_check_rows: what must be true across columns: rows are in the format's order, services'
 * ranges, times, errors and span names are those of their rows, the trace table and the bloom
 * filter know every row's trace, parents are told in one way; and whole spans have normal
 * attribute lists.
 */
#include "shard_check_i.h"

#include <stdlib.h>

#include "base/bloom.h"
#include "shard/fetch.h"

#define SPANS 1024

/* The columns that are looked at together, of one row group. */
static const enum column_id wanted[] = {
	COL_TRACE, COL_SPAN_ID, COL_PARENT, COL_START, COL_STATUS, COL_NAME, COL_RESOURCE,
};
#define N_WANTED (sizeof wanted / sizeof *wanted)
enum { V_TRACE, V_SPAN_ID, V_PARENT, V_START, V_STATUS, V_NAME, V_RESOURCE };

struct walk {
	struct check *k;
	const struct traceids *ids;
	const struct tracerows *rows;
	uint32_t *trace_of;		/* by row, from the trace table */
	const struct resource *resources;
	uint64_t *v[N_WANTED];
	bool have[N_WANTED];
	/* The row before. */
	uint64_t last_start, last_trace, last_id;
	/* The service at hand. */
	size_t service;
	struct shard_name *names;	/* by code: rows and errors counted */
	uint64_t n_errors, min_start, max_start;
	bool counted;			/* all of its rows so far */
	uint64_t shard_min, shard_max;
	bool said_order, said_trace, said_parent, said_service;
	bool whole;
};

static void
once(struct walk *w, bool *said, int64_t off, const char *what, uint32_t row)
{
	if (!*said)
		check_report(w->k, off, "row %u: %s", row, what);
	*said = true;
}

static int64_t
place(struct walk *w, enum column_id id, uint32_t group)
{
	const struct section *sec = shard_chunk_section(w->k->s, w->k->s->fixed[id], group);

	return sec == NULL ? -1 : (int64_t)sec->off;
}

/* ---- services ---- */

static void
begin_service(struct walk *w)
{
	const struct shard_service *v = &w->k->s->info.services[w->service];

	w->n_errors = 0;
	w->min_start = UINT64_MAX;
	w->max_start = 0;
	w->counted = true;
	for (size_t i = 0; i < v->n_names; i++)
		w->names[v->names[i].code] = (struct shard_name){ 0, 0, 0 };
}

static void
end_service(struct walk *w)
{
	const struct shard_service *v = &w->k->s->info.services[w->service];
	int64_t off = (int64_t)w->k->s->footer_off;

	if (w->counted && w->n_errors != v->n_errors)
		check_report(w->k, off, "footer: errors of service %zu", w->service);
	if (w->counted && (w->min_start != v->min_start || w->max_start != v->max_start))
		check_report(w->k, off, "footer: times of service %zu", w->service);
	for (size_t i = 0; i < v->n_names && w->counted; i++) {
		const struct shard_name *n = &w->names[v->names[i].code];

		if (n->n_rows != v->names[i].n_rows || n->n_errors != v->names[i].n_errors) {
			check_report(w->k, off, "footer: span names of service %zu",
			    w->service);
			break;
		}
	}
	w->service++;
}

static void
count_row(struct walk *w, uint32_t i)
{
	bool error = w->v[V_STATUS][i] == value_image_i64(STATUS_ERROR);
	uint64_t start = w->v[V_START][i];
	struct shard_name *n = &w->names[w->v[V_NAME][i]];

	n->n_rows++;
	n->n_errors += error;
	w->n_errors += error;
	w->min_start = start < w->min_start ? start : w->min_start;
	w->max_start = start > w->max_start ? start : w->max_start;
	w->shard_min = start < w->shard_min ? start : w->shard_min;
	w->shard_max = start > w->shard_max ? start : w->shard_max;
}

/* ---- rows ---- */

static bool
in_order(const struct walk *w, uint32_t i)
{
	uint64_t start = w->v[V_START][i], trace = w->v[V_TRACE][i];

	if (start != w->last_start)
		return start > w->last_start;
	if (trace != w->last_trace)
		return trace > w->last_trace;
	return w->v[V_SPAN_ID][i] >= w->last_id;
}

/* Row i of the group, which is `row` of the shard. */
static void
check_row(struct walk *w, uint32_t group, uint32_t i, uint32_t row)
{
	const struct shard_service *v = &w->k->s->info.services[w->service];
	bool first = row == v->row_from;

	if (first)
		begin_service(w);
	if (w->have[V_RESOURCE] && w->resources != NULL &&
	    !sv_eq(w->resources[w->v[V_RESOURCE][i]].service, v->service))
		once(w, &w->said_service, place(w, COL_RESOURCE, group),
		    "its resource is of another service", row);
	if (w->have[V_START] && w->have[V_TRACE] && w->have[V_SPAN_ID]) {
		if (!first && !in_order(w, i))
			once(w, &w->said_order, place(w, COL_START, group), "not in order", row);
		w->last_start = w->v[V_START][i];
		w->last_trace = w->v[V_TRACE][i];
		w->last_id = w->v[V_SPAN_ID][i];
	} else {
		w->last_start = w->last_trace = w->last_id = 0;
	}
	if (w->have[V_TRACE] && w->trace_of != NULL && w->v[V_TRACE][i] != w->trace_of[row])
		once(w, &w->said_trace, place(w, COL_TRACE, group),
		    "of another trace than the trace table says", row);
	if (w->have[V_START] && w->have[V_STATUS] && w->have[V_NAME])
		count_row(w, i);
	else
		w->counted = w->whole = false;
	if (row + 1 == v->row_to)
		end_service(w);
}

/* COL_PARENT_ID stands exactly where COL_PARENT is 1. */
static int
check_parents(struct walk *w, uint32_t group, uint32_t n)
{
	const struct column *col = shard_column(w->k->s, COL_PARENT_ID);
	const struct section *sec = col == NULL ? NULL :
	    shard_chunk_section(w->k->s, col->index, group);
	uint32_t row = w->k->s->info.row_groups[group].row_from;
	const struct chunk *c = NULL;
	int rc;

	if (sec != NULL) {
		if ((rc = check_chunk(w->k, col, group, &c)) != 0 || c == NULL)
			return rc;
	}
	for (uint32_t i = 0; i < n && w->have[V_PARENT]; i++)
		if ((w->v[V_PARENT][i] == 1) != (c != NULL && chunk_present(c, i)))
			once(w, &w->said_parent, place(w, COL_PARENT, group),
			    "parent told twice or not at all", row + i);
	chunk_put(c);
	return 0;
}

/* A column's values of one row group; of a sparse one, zeros where there is none. */
static int
decode(struct walk *w, size_t which, uint32_t group, uint32_t n)
{
	const struct column *col = shard_column(w->k->s, wanted[which]);
	uint64_t *v = w->v[which];
	const struct chunk *c = NULL;
	int rc;

	w->have[which] = true;
	memset(v, 0, n * sizeof *v);
	if (col == NULL)
		return 0;
	if ((rc = check_chunk(w->k, col, group, &c)) != 0)
		return rc;
	if (c == NULL) {
		w->have[which] = shard_chunk_section(w->k->s, col->index, group) == NULL;
		return 0;
	}
	chunk_u64(c, 0, c->n_present, v);
	if (!chunk_all(c))
		for (uint32_t i = c->n_present; i > 0; i--) {
			uint64_t x = v[i - 1];

			v[i - 1] = 0;
			v[chunk_row(c, i - 1)] = x;
		}
	chunk_put(c);
	return 0;
}

static int
check_group(struct walk *w, uint32_t group)
{
	const struct row_group *g = &w->k->s->info.row_groups[group];
	uint32_t n = g->row_to - g->row_from;
	int rc;

	for (size_t i = 0; i < N_WANTED; i++)
		if ((rc = decode(w, i, group, n)) != 0)
			return rc;
	for (uint32_t i = 0; i < n; i++)
		check_row(w, group, i, g->row_from + i);
	return check_parents(w, group, n);
}

/* ---- traces ---- */

static int
load_traces(struct walk *w)
{
	const struct shard_info *info = &w->k->s->info;
	int rc;

	if ((rc = traceids_get(w->k->s, &w->ids, w->k->e)) != 0 ||
	    (rc = tracerows_get(w->k->s, &w->rows, w->k->e)) != 0)
		return rc;
	if ((w->trace_of = malloc(info->n_rows * sizeof *w->trace_of)) == NULL)
		return err_nomem(w->k->e);
	for (uint32_t t = 0; t < info->n_traces; t++)
		for (uint32_t i = 0; i < tracerows_n(w->rows, t); i++)
			w->trace_of[tracerows_at(w->rows, t, i)] = t;
	return 0;
}

static int
check_bloom(struct walk *w)
{
	const struct shard *s = w->k->s;
	const struct section *sec = &s->sections[s->single[SECTION_BLOOM]];
	const uint8_t *bloom;
	size_t bytes;
	int rc;

	if (w->ids == NULL || w->k->lost[sec - s->sections])
		return 0;
	if ((rc = shard_bloom(w->k->s, &bloom, &bytes, w->k->e)) != 0)
		return rc;
	for (uint32_t t = 0; t < s->info.n_traces; t++)
		if (!bloom_may_have(bloom, bytes, trace_id_hash(traceids_at(w->ids, t)))) {
			section_report(w->k, sec, "a trace is missing in it");
			break;
		}
	return 0;
}

static int
walk_init(struct walk *w)
{
	const struct shard_info *info = &w->k->s->info;
	size_t n;
	int rc;

	for (size_t i = 0; i < N_WANTED; i++)
		if ((w->v[i] = malloc(info->row_group_rows * sizeof **w->v)) == NULL)
			return err_nomem(w->k->e);
	w->names = calloc(info->columns[w->k->s->fixed[COL_NAME]].n_dict, sizeof *w->names);
	if (w->names == NULL)
		return err_nomem(w->k->e);
	if (!w->k->owners_lost &&
	    (rc = shard_resources(w->k->s, &w->resources, &n, w->k->e)) != 0)
		return rc;
	return w->k->traces_lost ? 0 : load_traces(w);
}

int
check_rows(struct check *k)
{
	const struct shard_info *info = &k->s->info;
	struct walk w = { .k = k, .shard_min = UINT64_MAX, .whole = true };
	int rc = walk_init(&w);

	for (uint32_t g = 0; g < info->n_row_groups && rc == 0; g++)
		rc = check_group(&w, g);
	if (rc == 0 && w.whole &&
	    (w.shard_min != info->min_start || w.shard_max != info->max_start))
		check_report(k, (int64_t)k->s->footer_off, "footer: times of the shard");
	if (rc == 0)
		rc = check_bloom(&w);
	for (size_t i = 0; i < N_WANTED; i++)
		free(w.v[i]);
	free(w.names);
	free(w.trace_of);
	traceids_put(w.ids);
	tracerows_put(w.rows);
	return rc;
}

/* ---- whole spans ---- */

static bool
is_normal(const struct attrs *a)
{
	for (uint32_t i = 1; i < a->n; i++)
		if (sv_cmp(a->v[i - 1].key, a->v[i].key) >= 0)
			return false;
	return true;
}

static bool
span_is_normal(const struct span *s)
{
	bool ok = is_normal(&s->attrs) && s->span_id != 0;

	for (uint32_t i = 0; i < s->n_events && ok; i++)
		ok = is_normal(&s->events[i].attrs);
	for (uint32_t i = 0; i < s->n_links && ok; i++)
		ok = is_normal(&s->links[i].attrs);
	return ok;
}

/* Whole spans, some at a time. */
struct some {
	struct check *k;
	struct fetch *fetch;
	struct ruler *ruler;
	struct span *spans;
	bool said;		/* one was found that is not normal */
};

static int
check_some(struct some *x, uint32_t group, uint32_t from, uint32_t n)
{
	struct check *k = x->k;
	uint32_t rows[SPANS] = { from };
	int rc;

	for (uint32_t i = 0; i < n; i++)
		rows[i] = from + i;
	if ((rc = fetch_rows(x->fetch, k->s, rows, n, NULL, x->spans, k->e)) != 0)
		return rc;
	for (uint32_t i = 0; i < n && !x->said; i++)
		if (!span_is_normal(&x->spans[i])) {
			check_report(k, -1, "row %u: an attribute stands twice, or no span id",
			    from + i);
			x->said = true;
		}
	rc = check_lengths(k, x->ruler, group, from, x->spans, n);
	fetch_reset(x->fetch);
	return rc;
}

int
check_spans(struct check *k)
{
	struct ruler *ruler = calloc(1, sizeof *ruler);
	struct some x = { .k = k, .ruler = ruler, .spans = malloc(SPANS * sizeof *x.spans) };
	int rc = x.spans == NULL || ruler == NULL ? err_nomem(k->e) : fetch_new(&x.fetch, k->e);

	for (uint32_t g = 0; g < k->s->info.n_row_groups && rc == 0; g++) {
		const struct row_group *rg = &k->s->info.row_groups[g];

		for (uint32_t at = rg->row_from; at < rg->row_to && rc == 0; at += SPANS)
			rc = check_some(&x, g, at,
			    rg->row_to - at < SPANS ? rg->row_to - at : SPANS);
	}
	fetch_free(x.fetch);
	free(x.spans);
	if (ruler != NULL)
		ruler_release(ruler);
	free(ruler);
	return rc;
}
