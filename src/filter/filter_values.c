/* SPDX-License-Identifier: ISC */
/*
 * filter_values: conditions on what no column holds (end, parent id, times of events, places in the tree,
 * numbers as texts), worked out row by row from the columns that imply it.
 */
#include "filter_i.h"

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

/* ---- places in traces ---- */

static int
places_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	/* Its place is all that is asked of a span. */
	static const struct span span;
	static const struct trace_facts facts;
	struct field_row r = { .span = &span, .trace = &facts };
	struct span_place *places;
	uint32_t *rows, count;
	int rc;

	if ((rows = scan_list(sc, in, sc->n_rows, &count)) == NULL ||
	    (places = arena_array(&sc->mem, count, struct span_place)) == NULL)
		return err_nomem(sc->e);
	rc = sc->xs->filter->host->places(sc, rows, count, places);
	for (uint32_t i = 0; rc >= 0 && i < count; i++) {
		r.place = places[i];
		if ((rc = leaf_part_holds(n, &r, sc->e)) > 0)
			bitmap_set(out, rows[i]);
	}
	return rc < 0 ? rc : 0;
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

int
values_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct values_at v = { .sc = sc, .n = n };
	bool there = n->col == COL_PARENT && n->pred->op == OP_HAS;
	int rc;

	if (n->col == COL_ATTR)
		return places_eval(sc, n, in, out);
	rc = scan_chunk(sc, n->col, &v.c);
	if (rc == 0 && !there)
		rc = scan_chunk(sc, COL_START, &v.starts);
	if (rc == 0 && n->col == COL_PARENT && !there)
		rc = tracerows_get(sc->xs->s, &v.traces.rows, sc->e);
	if (rc == 0 && n->domain != DOMAIN_SPAN)
		rc = child_values(&v, in, out);
	else if (rc == 0 && v.c != NULL)
		rc = there ? parent_there(&v, in, out) : rows_eval(&v, in, out);
	shard_traces_put(&v.traces);
	chunk_put(v.starts);
	chunk_put(v.c);
	return rc;
}
