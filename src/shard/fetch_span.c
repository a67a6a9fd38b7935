/* SPDX-License-Identifier: ISC */
/*
 * fetch_span: the fixed columns of a group of rows into spans, column by column; then events
 * and links, whose rows follow from the sums beside COL_N_EVENTS and COL_N_LINKS; all lists
 * of attributes come from fetch_attrs.
 */
#include "fetch_i.h"

#include <stdlib.h>

struct group {
	struct rows r;
	const struct fetch_want *want;
	struct span *const *spans;
	uint32_t trace[FETCH_GROUP];	/* ordinals */
};

static const struct column *
column(const struct rows *r, enum column_id id)
{
	return shard_column(r->fs->s, id);
}

/* ---- plain ones ---- */

static int
fill_trace(struct group *g)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_numbers(r, column(r, COL_TRACE), &n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t k = r->f->sel[i];

		g->trace[k] = (uint32_t)r->f->val[i];
		g->spans[k]->trace_id = traceids_at(r->fs->ids, g->trace[k]);
	}
	return rc;
}

static int
fill_times(struct group *g)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc;

	if (!g->want->start)
		return 0;
	if ((rc = gather_numbers(r, column(r, COL_START), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		g->spans[r->f->sel[i]]->start_ns = r->f->val[i];
	if (!g->want->duration)
		return 0;
	if ((rc = gather_numbers(r, column(r, COL_DURATION), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++) {
		struct span *s = g->spans[r->f->sel[i]];

		s->end_ns = s->start_ns + (uint64_t)value_i64_of(r->f->val[i]);
	}
	return 0;
}

static int
fill_resource(struct group *g)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_numbers(r, column(r, COL_RESOURCE), &n);

	for (uint32_t i = 0; i < n; i++)
		g->spans[r->f->sel[i]]->resource = &r->fs->resources[r->f->val[i]];
	return rc;
}

static int
fill_scope(struct group *g)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_numbers(r, column(r, COL_SCOPE), &n);

	for (uint32_t i = 0; i < n; i++)
		g->spans[r->f->sel[i]]->scope = &r->fs->scopes[r->f->val[i]];
	return rc;
}

/* Nobody looks at those not asked for, but what a span points to is there. */
static void
no_owners(struct group *g)
{
	static const struct resource resource;
	static const struct scope scope;

	for (uint32_t i = 0; i < g->r.n; i++) {
		g->spans[i]->resource = &resource;
		g->spans[i]->scope = &scope;
	}
}

static int
fill_owners(struct group *g)
{
	int rc = 0;

	if (!g->want->resource || !g->want->scope)
		no_owners(g);
	if (g->want->resource)
		rc = fill_resource(g);
	return rc == 0 && g->want->scope ? fill_scope(g) : rc;
}

static int
fill_u64(struct group *g, enum column_id id, size_t member)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_numbers(r, column(r, id), &n);

	for (uint32_t i = 0; i < n; i++)
		memcpy((char *)g->spans[r->f->sel[i]] + member, &r->f->val[i], 8);
	return rc;
}

static int
fill_u32(struct group *g, enum column_id id, size_t member)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_numbers(r, column(r, id), &n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t v = (uint32_t)r->f->val[i];

		memcpy((char *)g->spans[r->f->sel[i]] + member, &v, 4);
	}
	return rc;
}

static int
fill_enum(struct group *g, enum column_id id, size_t member)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_numbers(r, column(r, id), &n);

	for (uint32_t i = 0; i < n; i++) {
		int32_t v = (int32_t)value_i64_of(r->f->val[i]);

		memcpy((char *)g->spans[r->f->sel[i]] + member, &v, 4);
	}
	return rc;
}

static int
fill_text(struct group *g, enum column_id id, size_t member)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc = gather_texts(r, column(r, id), &n);

	for (uint32_t i = 0; i < n; i++)
		memcpy((char *)g->spans[r->f->sel[i]] + member, &r->f->str[i],
		    sizeof(struct sv));
	return rc;
}

/* ---- parents ---- */

/* The span id of any row of the shard. */
static int
span_id_at(struct rows *r, uint32_t row, uint64_t *out)
{
	const struct shard_info *info = shard_info(r->fs->s);
	uint32_t g = row / info->row_group_rows;
	int rc;

	if (r->fs->span_ids[g] == NULL && (rc = chunk_get(r->fs->s, column(r, COL_SPAN_ID), g,
	    &r->fs->span_ids[g], r->e)) != 0)
		return rc;
	*out = chunk_u64_at(r->fs->span_ids[g], row - g * info->row_group_rows);
	return 0;
}

/* Of the same trace, its how-many-th row. */
static int
parent_in_trace(struct rows *r, uint32_t trace, uint32_t i, uint64_t *out)
{
	int rc;

	if (r->fs->trace_rows == NULL &&
	    (rc = tracerows_get(r->fs->s, &r->fs->trace_rows, r->e)) != 0)
		return rc;
	return span_id_at(r, tracerows_at(r->fs->trace_rows, trace, i), out);
}

static int
fill_parents(struct group *g)
{
	struct rows *r = &g->r;
	uint32_t n;
	int rc;

	if ((rc = fill_u64(g, COL_PARENT_ID, offsetof(struct span, parent_span_id))) != 0 ||
	    (rc = gather_numbers(r, column(r, COL_PARENT), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		uint32_t k = r->f->sel[i];

		if (r->f->val[i] >= 2)
			rc = parent_in_trace(r, g->trace[k], (uint32_t)(r->f->val[i] - 2),
			    &g->spans[k]->parent_span_id);
	}
	return rc;
}

/* ---- events and links ---- */

/* Room for n child rows. */
static int
child_room(struct fetch *f, size_t n, struct err *e)
{
	void *p;

	if (n <= f->child_room)
		return 0;
	if ((p = realloc(f->child, n * sizeof *f->child)) == NULL)
		return err_nomem(e);
	f->child = p;
	if ((p = realloc(f->owner, n * sizeof *f->owner)) == NULL)
		return err_nomem(e);
	f->owner = p;
	f->child_room = n;
	return 0;
}

/*
 * The child rows of the group's rows, rising, in f->child, and for each the place of its span
 * in f->owner; those of one span follow each other.
 */
static int
find_children(struct rows *r, enum column_id count, uint32_t *out)
{
	const struct column *col = column(r, count);
	const struct chunk *c = NULL;
	struct fetch *f = r->f;
	uint32_t n, m = 0;
	int rc;

	*out = 0;
	if (col == NULL)
		return 0;
	if ((rc = chunk_get(r->fs->s, col, r->group, &c, r->e)) != 0 || c == NULL)
		return rc;
	n = chunk_select(c, r->row, r->n, f->sel, f->ord);
	/* Different rows' children are apart: no more than the row group has. */
	for (uint32_t i = 0; i < n; i++)
		m += c->sums[f->ord[i] + 1] - c->sums[f->ord[i]];
	if ((rc = fetch_may(f, m, sizeof(struct event), r->e)) == 0 &&
	    (rc = child_room(f, m, r->e)) == 0)
		rc = fetch_room(f, m, r->e);
	if (rc == 0) {
		m = 0;
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t k = c->sums[f->ord[i]]; k < c->sums[f->ord[i] + 1]; k++) {
				f->child[m] = k;
				f->owner[m++] = f->sel[i];
			}
		*out = m;
	}
	chunk_put(c);
	return rc;
}

static int
fill_events(struct group *g)
{
	struct fetch *f = g->r.f;
	struct rows r = g->r;
	struct event *ev;
	uint32_t n;
	int rc;

	if ((rc = find_children(&g->r, COL_N_EVENTS, &r.n)) != 0 || r.n == 0)
		return rc;
	r.row = f->child;
	if ((ev = arena_array(&f->arena, r.n, struct event)) == NULL)
		return err_nomem(r.e);
	for (uint32_t i = 0; i < r.n; i++) {
		struct span *s = g->spans[f->owner[i]];

		if (s->n_events++ == 0)
			s->events = &ev[i];
		ev[i].time_ns = s->start_ns;
	}
	if ((rc = gather_numbers(&r, column(&r, COL_EVENT_TIME), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ev[f->sel[i]].time_ns += (uint64_t)value_i64_of(f->val[i]);
	if ((rc = gather_texts(&r, column(&r, COL_EVENT_NAME), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ev[f->sel[i]].name = f->str[i];
	if ((rc = gather_numbers(&r, column(&r, COL_EVENT_DROPPED), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ev[f->sel[i]].dropped_attrs = (uint32_t)f->val[i];
	for (uint32_t i = 0; i < r.n; i++)
		f->lists[i] = &ev[i].attrs;
	return fetch_attrs(&r, ATTR_EVENT, g->want);
}

static int
fill_link_numbers(struct rows *r, struct link *ln)
{
	struct fetch *f = r->f;
	uint32_t n;
	int rc;

	if ((rc = gather_numbers(r, column(r, COL_LINK_SPAN_ID), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ln[f->sel[i]].span_id = f->val[i];
	if ((rc = gather_numbers(r, column(r, COL_LINK_DROPPED), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ln[f->sel[i]].dropped_attrs = (uint32_t)f->val[i];
	if ((rc = gather_numbers(r, column(r, COL_LINK_FLAGS), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ln[f->sel[i]].flags = (uint32_t)f->val[i];
	return 0;
}

static int
fill_link_texts(struct rows *r, struct link *ln)
{
	struct fetch *f = r->f;
	uint32_t n;
	int rc;

	if ((rc = gather_texts(r, column(r, COL_LINK_TRACE_ID), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ln[f->sel[i]].trace_id =
		    trace_id_from_bytes((const uint8_t *)f->str[i].p);
	if ((rc = gather_texts(r, column(r, COL_LINK_TRACE_STATE), &n)) != 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		ln[f->sel[i]].trace_state = f->str[i];
	return 0;
}

static int
fill_links(struct group *g)
{
	struct fetch *f = g->r.f;
	struct rows r = g->r;
	struct link *ln;
	int rc;

	if ((rc = find_children(&g->r, COL_N_LINKS, &r.n)) != 0 || r.n == 0)
		return rc;
	r.row = f->child;
	if ((ln = arena_array(&f->arena, r.n, struct link)) == NULL)
		return err_nomem(r.e);
	for (uint32_t i = 0; i < r.n; i++) {
		struct span *s = g->spans[f->owner[i]];

		if (s->n_links++ == 0)
			s->links = &ln[i];
	}
	if ((rc = fill_link_numbers(&r, ln)) != 0 || (rc = fill_link_texts(&r, ln)) != 0)
		return rc;
	for (uint32_t i = 0; i < r.n; i++)
		f->lists[i] = &ln[i].attrs;
	return fetch_attrs(&r, ATTR_LINK, g->want);
}

/* ---- all ---- */

/* What every span has. */
static int
fill_always(struct group *g)
{
	const struct fetch_want *w = g->want;
	int rc;

	if ((rc = fill_trace(g)) != 0 || (rc = fill_times(g)) != 0 ||
	    (rc = fill_owners(g)) != 0 ||
	    (rc = fill_u64(g, COL_SPAN_ID, offsetof(struct span, span_id))) != 0 ||
	    (w->kind && (rc = fill_enum(g, COL_KIND, offsetof(struct span, kind))) != 0) ||
	    (w->status &&
	    (rc = fill_enum(g, COL_STATUS, offsetof(struct span, status))) != 0) ||
	    (w->name && (rc = fill_text(g, COL_NAME, offsetof(struct span, name))) != 0))
		return rc;
	return w->parent ? fill_parents(g) : 0;
}

static int
fill_more(struct group *g)
{
	int rc;

	if ((rc = fill_text(g, COL_STATUS_MESSAGE, offsetof(struct span, status_message))) != 0 ||
	    (rc = fill_text(g, COL_TRACE_STATE, offsetof(struct span, trace_state))) != 0 ||
	    (rc = fill_u32(g, COL_FLAGS, offsetof(struct span, flags))) != 0 ||
	    (rc = fill_u32(g, COL_DROPPED_ATTRS, offsetof(struct span, dropped_attrs))) != 0 ||
	    (rc = fill_u32(g, COL_DROPPED_EVENTS, offsetof(struct span, dropped_events))) != 0)
		return rc;
	return fill_u32(g, COL_DROPPED_LINKS, offsetof(struct span, dropped_links));
}

int
fetch_group(struct rows *r, const struct fetch_want *want, struct span *const *spans)
{
	struct group g = { .r = *r, .want = want, .spans = spans };
	int rc;

	if ((rc = fetch_room(r->f, r->n, r->e)) != 0 || (rc = fill_always(&g)) != 0 ||
	    (want->rest && (rc = fill_more(&g)) != 0))
		return rc;
	for (uint32_t i = 0; i < r->n; i++)
		r->f->lists[i] = &spans[i]->attrs;
	if ((rc = fetch_attrs(&g.r, ATTR_SPAN, want)) != 0 ||
	    (want->events && (rc = fill_events(&g)) != 0))
		return rc;
	return want->links ? fill_links(&g) : 0;
}
