/* SPDX-License-Identifier: ISC */
/*
 * filter_leaf: one condition on the rows of a row group, each class of field in its way: fixed
 * columns by ranges or dictionary codes; service, scope, resource and trace once for each
 * entry of their table; what no column holds (end, parent id, times of events) worked out row
 * by row from the columns that imply it.
 */
#include "filter_i.h"

#include <stdlib.h>

/* ---- making ready ---- */

static int
fixed_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct column *col = shard_column(xs->s, n->col);

	if (col == NULL)
		return 0;
	if ((st->cols = calloc(1, sizeof *st->cols)) == NULL)
		return err_nomem(e);
	st->n_cols = 1;
	st->cols[0].col = col;
	st->cols[0].node = n;
	st->cols[0].any = n->pred->op == OP_HAS;
	return 0;
}

static int
owners_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct resource *r;
	const struct scope *s;
	size_t count;
	int rc = n->cls == LEAF_RESOURCE ? shard_resources(xs->s, &r, &count, e) :
	    shard_scopes(xs->s, &s, &count, e);

	return rc < 0 ? rc : codes_new((uint32_t)count, &st->owners, e);
}

/* The ordinals of the ids asked for: rising, as ids do. */
static int
trace_ordinals(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct pred *p = n->pred;
	const struct traceids *t;
	uint32_t o;
	int rc;

	if ((st->ordinals.v = calloc(p->n_lits + 1, sizeof *st->ordinals.v)) == NULL)
		return err_nomem(e);
	if ((rc = traceids_get(xs->s, &t, e)) < 0)
		return rc;
	for (size_t i = 0; i < p->n_lits; i++)
		if (traceids_find(t, (struct trace_id){ p->lits[i].hi, p->lits[i].lo }, &o)) {
			struct ranges *r = &st->ordinals;
			uint32_t at = r->n;

			while (at > 0 && r->v[at - 1].lo >= o)
				at--;
			if (at < r->n && r->v[at].lo == o)
				continue;
			memmove(&r->v[at + 1], &r->v[at], (r->n - at) * sizeof *r->v);
			r->v[at] = (struct range){ o, o };
			r->n++;
		}
	traceids_put(t);
	return 0;
}

int
leaf_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	switch (n->cls) {
	case LEAF_NUMBER:
	case LEAF_STRING:
		return fixed_prepare(xs, n, st, e);
	case LEAF_ATTR:
		return attr_prepare(xs, n, st, e);
	case LEAF_RESOURCE:
	case LEAF_SCOPE:
		return owners_prepare(xs, n, st, e);
	case LEAF_SERVICE:
		return codes_new((uint32_t)xs->info->n_services, &st->owners, e);
	case LEAF_TRACE_ID:
		if (n->pred->op == OP_EQ || n->pred->op == OP_IN)
			return trace_ordinals(xs, n, st, e);
		return codes_new((uint32_t)xs->info->n_traces, &st->owners, e);
	case LEAF_TRACE:
		return codes_new((uint32_t)xs->info->n_traces, &st->owners, e);
	case LEAF_WORDS:
		return words_prepare(xs, n, st, e);
	case LEAF_DURATION:
	case LEAF_VALUES:
		break;
	}
	return 0;
}

void
leaf_state_release(struct leaf_state *st)
{
	for (uint32_t i = 0; i < st->n_cols; i++)
		col_state_release(&st->cols[i]);
	free(st->cols);
	for (uint32_t i = 0; st->words != NULL && i < st->n_words * 2; i++)
		codes_release(&st->words[i]);
	free(st->words);
	codes_release(&st->owners);
	free(st->ordinals.v);
}

bool
leaf_in_columns(const struct xshard *xs, const struct fnode *n)
{
	switch (n->cls) {
	case LEAF_NUMBER:
	case LEAF_STRING:
	case LEAF_ATTR:
		return !n->absent && !xs->leaves[n->leaf].resource_has;
	default:
		return false;
	}
}

/* ---- tables ---- */

struct table_arg {
	const struct fnode *node;
	const struct resource *resources;
	const struct scope *scopes;
	const struct shard_info *info;
	struct shard_traces traces;	/* rows only for facts */
	const struct xshard *xs;
};

int
leaf_part_holds(const struct fnode *n, const struct field_row *r, struct err *e)
{
	struct field_value v;

	return field_value_first(&n->pred->field, r, &v) ? matcher_field(n->m, &v, e) : 0;
}

static int
match_resource(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;
	const struct span part = { .resource = &a->resources[code] };

	return leaf_part_holds(a->node, &(struct field_row){ .span = &part }, e);
}

static int
match_scope(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;
	const struct span part = { .scope = &a->scopes[code] };

	return leaf_part_holds(a->node, &(struct field_row){ .span = &part }, e);
}

static int
match_service(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;

	return matcher_string(a->node->m, a->info->services[code].service, e);
}

static int
match_trace_id(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;

	return matcher_trace_id(a->node->m, traceids_at(a->traces.ids, code), e);
}

static int
match_trace(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;
	const struct filter *f = a->xs->filter;

	return f->host->trace_holds(f->ex, a->xs->plan->shard, &a->traces, code, a->node, e);
}

static int
table_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	struct table_arg a = { .node = n };
	size_t count;
	int rc;

	if (n->cls == LEAF_RESOURCE) {
		if ((rc = shard_resources(sc->xs->s, &a.resources, &count, sc->e)) < 0)
			return rc;
		return owners_eval(sc, COL_RESOURCE, &st->owners, match_resource, &a, in, out);
	}
	if ((rc = shard_scopes(sc->xs->s, &a.scopes, &count, sc->e)) < 0)
		return rc;
	return owners_eval(sc, COL_SCOPE, &st->owners, match_scope, &a, in, out);
}

/* Rows are in order of their services. */
static int
service_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	const struct shard_info *info = sc->xs->info;
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	struct table_arg a = { .node = n, .info = info };

	for (size_t i = service_of_row(info, sc->row_from); i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];
		uint32_t from = s->row_from > sc->row_from ? s->row_from - sc->row_from : 0;
		uint32_t to = s->row_to - sc->row_from;
		int rc;

		if (s->row_from >= sc->row_from + sc->n_rows)
			break;
		if (from >= (to = to > sc->n_rows ? sc->n_rows : to))
			continue;
		if ((rc = codes_one(&st->owners, (uint32_t)i, match_service, &a, sc->e)) < 0)
			return rc == ERR_TIMEOUT ? scan_blame(sc, from, rc) : rc;
		if (rc > 0)
			bitmap_set_range(out, from, to);
	}
	bitmap_and(out, in, sc->n_rows);
	return 0;
}

static int
trace_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	struct table_arg a = { .node = n, .xs = sc->xs };
	struct col_test t = { .ranges = &st->ordinals };
	const struct chunk *c = NULL;
	uint32_t bad;
	int rc;

	if (st->ordinals.v != NULL) {
		if (st->ordinals.n == 0)
			return 0;
		if ((rc = scan_chunk(sc, n->col, &c)) < 0 || c == NULL)
			return rc;
		rc = chunk_test(sc, c, &t, in, out, &bad);
		chunk_put(c);
		return rc;
	}
	rc = n->cls == LEAF_TRACE ? shard_traces_get(sc->xs->s, &a.traces, sc->e) :
	    traceids_get(sc->xs->s, &a.traces.ids, sc->e);
	if (rc == 0)
		rc = owners_eval(sc, COL_TRACE, &st->owners,
		    n->cls == LEAF_TRACE ? match_trace : match_trace_id, &a, in, out);
	shard_traces_put(&a.traces);
	return rc;
}

/* ---- durations ---- */

static bool
wrapped_holds(const struct fnode *n, uint64_t start, uint64_t image)
{
	uint64_t end = start + (uint64_t)value_i64_of(image);

	return ranges_have(&n->number, end > start ? end - start : 0);
}

/* The ranges of durations as images, where those are plain (enum wraps). */
static int
duration_ranges(const struct fnode *n, struct scan *sc, struct ranges *r)
{
	const uint64_t zero = value_image_i64(0);

	r->n = 0;
	r->v = arena_array(&sc->mem, n->number.n + 1, struct range);
	if (r->v == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < n->number.n; i++) {
		struct range x = n->number.v[i];

		if (x.lo > (uint64_t)INT64_MAX)
			continue;
		if (x.hi > (uint64_t)INT64_MAX)
			x.hi = (uint64_t)INT64_MAX;
		r->v[r->n++] = (struct range){ zero + x.lo, zero + x.hi };
	}
	return 0;
}

/* Exact, with the row's start. */
static int
wrapped_rows(struct scan *sc, const struct fnode *n, const struct chunk *c,
    const uint64_t *rows, uint64_t *out)
{
	const struct chunk *starts = NULL;
	int rc;

	if ((rc = scan_chunk(sc, COL_START, &starts)) < 0 || starts == NULL)
		return rc;
	BITMAP_EACH(rows, sc->n_rows, row)
		if (wrapped_holds(n, chunk_u64_at(starts, (uint32_t)row),
		    chunk_u64_at(c, (uint32_t)row)))
			bitmap_set(out, row);
	chunk_put(starts);
	return 0;
}

static int
below_rows(struct scan *sc, const struct fnode *n, const struct chunk *c, const uint64_t *in,
    uint64_t *out)
{
	struct range below = { 0, value_image_i64(-1) };
	struct ranges r = { &below, 1 };
	struct col_test t = { .ranges = &r };
	uint64_t *rows = scan_bits(sc, sc->n_rows);
	uint32_t bad;
	int rc;

	if (rows == NULL)
		return ERR_NOMEM;
	if ((rc = chunk_test(sc, c, &t, in, rows, &bad)) < 0 || !bitmap_any(rows, sc->n_rows))
		return rc;
	return wrapped_rows(sc, n, c, rows, out);
}

static int
duration_chunk(struct scan *sc, const struct fnode *n, const struct chunk *c,
    const uint64_t *in, uint64_t *out)
{
	enum wraps w = duration_wraps(sc->xs->s, sc->group);
	struct ranges r;
	struct col_test t = { .ranges = &r };
	uint32_t bad;
	int rc;

	if (w == WRAPS_ANY)
		return wrapped_rows(sc, n, c, in, out);
	if ((rc = duration_ranges(n, sc, &r)) < 0 ||
	    (rc = chunk_test(sc, c, &t, in, out, &bad)) < 0)
		return rc;
	return w == WRAPS_BELOW ? below_rows(sc, n, c, in, out) : 0;
}

static int
duration_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	const struct chunk *c = NULL;
	int rc;

	if (n->pred->op == OP_HAS) {
		memcpy(out, in, BITMAP_WORDS(sc->n_rows) * sizeof *out);
		return 0;
	}
	if ((rc = scan_chunk(sc, COL_DURATION, &c)) < 0 || c == NULL)
		return rc;
	rc = duration_chunk(sc, n, c, in, out);
	chunk_put(c);
	return rc;
}

/* ---- row by row ---- */

struct values_at {
	struct scan *sc;
	const struct fnode *n;
	const struct chunk *c, *starts;	/* what the field is made of */
	struct shard_traces traces;	/* what of it is asked for */
};

static int
end_holds(struct values_at *v, uint32_t row)
{
	uint64_t start = chunk_u64_at(v->starts, row);

	return matcher_number(v->n->m, start + (uint64_t)value_i64_of(chunk_u64_at(v->c, row)));
}

/* The span id of any row of the shard. */
static int
span_id_at(struct scan *sc, uint32_t row, uint64_t *out)
{
	uint32_t g = row / sc->xs->info->row_group_rows;
	const struct column *col = shard_column(sc->xs->s, COL_SPAN_ID);
	const struct chunk *c = NULL;
	int rc;

	*out = 0;
	if (col == NULL || (rc = chunk_get(sc->xs->s, col, g, &c, sc->e)) == 0) {
		if (c != NULL)
			*out = chunk_u64_at(c, row - g * sc->xs->info->row_group_rows);
		chunk_put(c);
		return 0;
	}
	return rc;
}

static int
value_at_row(struct scan *sc, enum column_id id, uint32_t row, uint64_t *out)
{
	const struct chunk *c = NULL;
	int rc = scan_chunk(sc, id, &c);

	*out = 0;
	if (rc == 0 && c != NULL && chunk_present(c, row))
		*out = chunk_u64_at(c, chunk_rank(c, row));
	chunk_put(c);
	return rc;
}

static int
parent_holds(struct values_at *v, uint32_t row)
{
	uint64_t how = 0, id = 0, trace;
	int rc;

	if (chunk_present(v->c, row))
		how = chunk_u64_at(v->c, chunk_rank(v->c, row));
	if (how == 0)
		return 0;
	if (how == 1) {
		rc = value_at_row(v->sc, COL_PARENT_ID, row, &id);
	} else if ((rc = value_at_row(v->sc, COL_TRACE, row, &trace)) == 0) {
		rc = span_id_at(v->sc, tracerows_at(v->traces.rows, (uint32_t)trace,
		    (uint32_t)(how - 2)), &id);
	}
	if (rc < 0 || id == 0)
		return rc;
	return matcher_span_id(v->n->m, id, v->sc->e);
}

/* Which parent it is costs two look-ups a row; that there is one, as `root` asks, none. */
static int
parent_there(struct values_at *v, const uint64_t *in, uint64_t *out)
{
	struct range any = { 1, UINT64_MAX };
	struct ranges r = { &any, 1 };
	struct col_test t = { .ranges = &r };
	uint32_t bad;

	return chunk_test(v->sc, v->c, &t, in, out, &bad);
}

static int
child_count_holds(struct values_at *v, uint32_t row)
{
	const struct filter *f = v->sc->xs->filter;
	uint64_t trace, id;
	uint32_t n;
	int rc;

	if ((rc = value_at_row(v->sc, COL_TRACE, row, &trace)) < 0 ||
	    (rc = value_at_row(v->sc, COL_SPAN_ID, row, &id)) < 0 ||
	    (rc = f->host->child_count(f->ex, traceids_at(v->traces.ids, (uint32_t)trace), id,
	    &n, v->sc->e)) < 0)
		return rc;
	return matcher_number(v->n->m, n);
}

/* Numbers with text operators: span ids, kinds, states. */
static int
number_text_holds(struct values_at *v, uint32_t row)
{
	uint64_t u;

	if (!chunk_present(v->c, row))
		return 0;
	u = chunk_u64_at(v->c, chunk_rank(v->c, row));
	if (v->n->col == COL_KIND || v->n->col == COL_STATUS)
		return matcher_enum(v->n->m, (int32_t)value_i64_of(u), v->sc->e);
	return matcher_span_id(v->n->m, u, v->sc->e);
}

static int
value_holds(struct values_at *v, uint32_t row)
{
	switch (v->n->pred->field.intrinsic) {
	case IN_END:
		return end_holds(v, row);
	case IN_PARENT_SPAN_ID:
		return parent_holds(v, row);
	case IN_CHILD_COUNT:
		return child_count_holds(v, row);
	default:
		return number_text_holds(v, row);
	}
}

static int
rows_eval(struct values_at *v, const uint64_t *in, uint64_t *out)
{
	BITMAP_EACH(in, v->sc->n_rows, row) {
		int rc = value_holds(v, (uint32_t)row);

		if (rc < 0)
			return rc == ERR_TIMEOUT ? scan_blame(v->sc, (uint32_t)row, rc) : rc;
		if (rc > 0)
			bitmap_set(out, row);
	}
	return 0;
}

/* ---- events and links ---- */

/* Times of events: the span's start and what the column adds to it. */
static int
event_times(struct values_at *v, const struct chunk *counts, const uint64_t *in, uint64_t *out)
{
	BITMAP_EACH(in, v->sc->n_rows, row) {
		uint32_t ord;

		if (!chunk_present(counts, (uint32_t)row))
			continue;
		ord = chunk_rank(counts, (uint32_t)row);
		for (uint32_t k = counts->sums[ord]; k < counts->sums[ord + 1]; k++) {
			uint64_t t = chunk_u64_at(v->starts, (uint32_t)row);

			if (v->c != NULL && chunk_present(v->c, k))
				t += (uint64_t)value_i64_of(chunk_u64_at(v->c,
				    chunk_rank(v->c, k)));
			if (matcher_number(v->n->m, t) > 0) {
				bitmap_set(out, row);
				break;
			}
		}
	}
	return 0;
}

/* The trace id that a link names, by the code of its dictionary or in place. */
static int
link_id_holds(struct values_at *v, const struct dict *d, uint32_t k)
{
	uint32_t ord = chunk_rank(v->c, k);
	struct sv id = d != NULL ? dict_at(d, (uint32_t)chunk_u64_at(v->c, ord)) :
	    chunk_bytes_at(v->c, ord);

	return matcher_trace_id(v->n->m, trace_id_from_bytes((const uint8_t *)id.p), v->sc->e);
}

static int
links_eval(struct values_at *v, const uint64_t *kids, uint64_t *got)
{
	const struct column *col = shard_column(v->sc->xs->s, v->n->col);
	const struct dict *d = NULL;
	int rc = 0;

	if (v->c == NULL) {
		if (v->n->absent)
			bitmap_or(got, kids, v->sc->rg->n_links);
		return 0;
	}
	if (col->kind == COLUMN_DICT && (rc = dict_get(v->sc->xs->s, col, &d, v->sc->e)) < 0)
		return rc;
	BITMAP_EACH(kids, v->sc->rg->n_links, k) {
		if (rc < 0)
			break;
		if (!chunk_present(v->c, (uint32_t)k)) {
			if (v->n->absent)
				bitmap_set(got, k);
			continue;
		}
		rc = v->n->pred->field.intrinsic == IN_LINK_TRACE_ID ?
		    link_id_holds(v, d, (uint32_t)k) : number_text_holds(v, (uint32_t)k);
		if (rc > 0)
			bitmap_set(got, k);
	}
	dict_put(d);
	return rc < 0 ? rc : 0;
}

static int
child_values(struct values_at *v, const uint64_t *in, uint64_t *out)
{
	struct scan *sc = v->sc;
	const struct chunk *counts;
	uint64_t *kids, *got;
	int rc;

	if ((rc = children_of(sc, v->n->domain, in, &kids, &counts)) < 0 || counts == NULL)
		return rc;
	if (v->n->domain == DOMAIN_EVENT) {
		rc = event_times(v, counts, in, out);
	} else if ((got = scan_bits(sc, sc->rg->n_links)) == NULL) {
		rc = ERR_NOMEM;
	} else if ((rc = links_eval(v, kids, got)) == 0) {
		rc = children_rows(sc, counts, in, got, out);
	}
	chunk_put(counts);
	return rc;
}

static int
values_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct values_at v = { .sc = sc, .n = n };
	bool there = n->col == COL_PARENT && n->pred->op == OP_HAS;
	int rc = 0;

	if (n->col != COL_ATTR)
		rc = scan_chunk(sc, n->col, &v.c);
	if (rc == 0 && !there)
		rc = scan_chunk(sc, COL_START, &v.starts);
	if (rc == 0 && n->col == COL_PARENT && !there)
		rc = tracerows_get(sc->xs->s, &v.traces.rows, sc->e);
	if (rc == 0 && n->col == COL_ATTR)
		rc = traceids_get(sc->xs->s, &v.traces.ids, sc->e);
	if (rc == 0 && n->domain != DOMAIN_SPAN)
		rc = child_values(&v, in, out);
	else if (rc == 0 && (v.c != NULL || n->col == COL_ATTR))
		rc = there ? parent_there(&v, in, out) : rows_eval(&v, in, out);
	shard_traces_put(&v.traces);
	chunk_put(v.starts);
	chunk_put(v.c);
	return rc;
}

/* ---- all ---- */

/* Those of `kids` that the column has no value of. */
static int
add_absent(struct scan *sc, const struct fnode *n, const uint64_t *kids, uint64_t *got)
{
	uint32_t n_kids = scan_domain_rows(sc, n->domain);
	const struct chunk *c = NULL;
	uint64_t *has = scan_bits(sc, n_kids);
	int rc;

	if (has == NULL)
		return ERR_NOMEM;
	if ((rc = scan_chunk(sc, n->col, &c)) < 0)
		return rc;
	if (c != NULL)
		chunk_presence(c, has);
	for (size_t i = 0; i < BITMAP_WORDS(n_kids); i++)
		got[i] |= kids[i] & ~has[i];
	chunk_put(c);
	return 0;
}

/* A fixed column in its domain. */
static int
fixed_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	const struct chunk *counts;
	uint64_t *kids, *got;
	int rc;

	if (st->n_cols == 0 && !n->absent)
		return 0;
	if (n->domain == DOMAIN_SPAN)
		return column_eval(sc, &st->cols[0], in, out);
	if ((rc = children_of(sc, n->domain, in, &kids, &counts)) < 0 || counts == NULL)
		return rc;
	if ((got = scan_bits(sc, scan_domain_rows(sc, n->domain))) == NULL)
		rc = ERR_NOMEM;
	else if (st->n_cols != 0)
		rc = column_eval(sc, &st->cols[0], kids, got);
	if (rc == 0 && n->absent)
		rc = add_absent(sc, n, kids, got);
	if (rc == 0)
		rc = children_rows(sc, counts, in, got, out);
	chunk_put(counts);
	return rc;
}

int
leaf_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	switch (n->cls) {
	case LEAF_NUMBER:
	case LEAF_STRING:
		return fixed_eval(sc, n, in, out);
	case LEAF_DURATION:
		return duration_eval(sc, n, in, out);
	case LEAF_ATTR:
		return attr_eval(sc, n, in, out);
	case LEAF_RESOURCE:
	case LEAF_SCOPE:
		return table_eval(sc, n, in, out);
	case LEAF_SERVICE:
		return service_eval(sc, n, in, out);
	case LEAF_TRACE_ID:
	case LEAF_TRACE:
		return trace_eval(sc, n, in, out);
	case LEAF_VALUES:
		return values_eval(sc, n, in, out);
	case LEAF_WORDS:
		return words_eval(sc, n, in, out);
	}
	return 0;
}
