/* SPDX-License-Identifier: ISC */
/*
 * tracesum_check: what the summary says of each trace, against its rows. Queries believe it,
 * so a false one is a wrong answer, though never an unsafe read.
 */
#include <stdlib.h>

#include "shard_check_i.h"
#include "shard/tracesum.h"

static const enum column_id wanted[] = {
	COL_START, COL_DURATION, COL_STATUS, COL_PARENT, COL_SPAN_ID, COL_NAME,
};
#define N_WANTED (sizeof wanted / sizeof *wanted)
enum { V_START, V_DURATION, V_STATUS, V_PARENT, V_SPAN_ID, V_NAME };

/* The values of all rows. */
struct rows {
	uint64_t *v[N_WANTED];
	bool whole;
};

static int
read_group(struct check *k, struct rows *r, size_t which, uint32_t g)
{
	const struct column *col = shard_column(k->s, wanted[which]);
	uint64_t *out = r->v[which] + k->s->info.row_groups[g].row_from;
	const struct chunk *c = NULL;
	int rc;

	if (col == NULL)
		return 0;
	if ((rc = check_chunk(k, col, g, &c)) != 0)
		return rc;
	if (c == NULL)
		r->whole &= shard_chunk_section(k->s, col->index, g) == NULL;
	else
		for (uint32_t i = 0; i < c->n_present; i++)
			out[chunk_row(c, i)] = chunk_u64_at(c, i);
	chunk_put(c);
	return 0;
}

static int
read_rows(struct check *k, struct rows *r)
{
	int rc = 0;

	r->whole = true;
	for (size_t i = 0; i < N_WANTED && rc == 0; i++) {
		if ((r->v[i] = calloc(k->s->info.n_rows, sizeof **r->v)) == NULL)
			return err_nomem(k->e);
		for (uint32_t g = 0; g < k->s->info.n_row_groups && rc == 0; g++)
			rc = read_group(k, r, i, g);
	}
	return rc;
}

static bool
leads(const struct rows *r, uint32_t x, uint32_t y)
{
	static const int by[] = { V_START, V_SPAN_ID, V_NAME };

	if ((r->v[V_PARENT][x] == 0) != (r->v[V_PARENT][y] == 0))
		return r->v[V_PARENT][x] == 0;
	for (size_t i = 0; i < 3; i++)
		if (r->v[by[i]][x] != r->v[by[i]][y])
			return r->v[by[i]][x] < r->v[by[i]][y];
	return x < y;
}

static struct trace_part
sum_up(const struct rows *r, const struct tracerows *t, uint32_t ordinal)
{
	struct trace_part p = { .first_ns = UINT64_MAX, .lead_row = tracerows_at(t, ordinal, 0),
		.n_spans = tracerows_n(t, ordinal) };

	for (uint32_t i = 0; i < p.n_spans; i++) {
		uint32_t row = tracerows_at(t, ordinal, i);
		uint64_t start = r->v[V_START][row];
		uint64_t end = start + (uint64_t)value_i64_of(r->v[V_DURATION][row]);

		p.first_ns = start < p.first_ns ? start : p.first_ns;
		p.last_ns = end > p.last_ns ? end : p.last_ns;
		p.n_errors += r->v[V_STATUS][row] == value_image_i64(STATUS_ERROR);
		if (leads(r, row, p.lead_row))
			p.lead_row = row;
	}
	p.lead_ns = r->v[V_START][p.lead_row];
	p.lead_name = (uint32_t)r->v[V_NAME][p.lead_row];
	p.has_root = r->v[V_PARENT][p.lead_row] == 0;
	return p;
}

static bool
same(const struct trace_part *a, const struct trace_part *b)
{
	return a->first_ns == b->first_ns && a->last_ns == b->last_ns &&
	    a->lead_ns == b->lead_ns && a->n_spans == b->n_spans &&
	    a->n_errors == b->n_errors && a->lead_row == b->lead_row &&
	    a->lead_name == b->lead_name && a->has_root == b->has_root;
}

static int
compare(struct check *k, const struct section *sec, const struct tracerows *t,
    const struct tracesum *sums)
{
	struct rows r = { .whole = true };
	int rc = read_rows(k, &r);

	for (uint32_t i = 0; rc == 0 && r.whole && i < k->s->info.n_traces; i++) {
		struct trace_part want = sum_up(&r, t, i), got;

		tracesum_at(sums, t, i, &got);
		if (!same(&want, &got)) {
			section_report(k, sec, "it is not what the traces' spans say");
			break;
		}
	}
	for (size_t i = 0; i < N_WANTED; i++)
		free(r.v[i]);
	return rc;
}

int
check_trace_summary(struct check *k)
{
	const struct tracerows *t = NULL;
	const struct tracesum *sums = NULL;
	const struct section *sec;
	struct err why = ERR_INIT;
	int rc;

	if (!tracesum_there(k->s) || k->traces_lost)
		return 0;
	sec = &k->s->sections[k->s->single[SECTION_TRACE_SUMMARY]];
	if ((rc = tracerows_get(k->s, &t, k->e)) != 0)
		return rc;
	if ((rc = tracesum_get(k->s, t, &sums, &why)) != 0)
		rc = check_finding(k, sec, rc, &why);
	else
		rc = compare(k, sec, t, sums);
	tracesum_put(sums);
	tracerows_put(t);
	return rc;
}
