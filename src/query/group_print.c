/* SPDX-License-Identifier: ISC */
/*
 * group_print: the clauses of groups as canonical text. Names of keys and aggregates keep their
 * order and spelling: they are the names of columns.
 */
#include "group_i.h"
#include "name_i.h"
#include "query_i.h"

void
aggregate_name(struct buf *b, const struct aggregate *a)
{
	name_encode(b, a->name);
	if (agg_has_field(a)) {
		buf_putc(b, ':');
		name_encode(b, a->typed);
	}
}

void
group_ref_print(struct buf *b, const struct grouping *g, const struct group_ref *ref)
{
	struct buf column = BUF_INIT;

	switch (ref->kind) {
	case REF_BUCKET:
		BUF_LIT(b, "bucket");
		return;
	case REF_KEY:
		name_encode(b, g->keys_typed[ref->i]);
		return;
	case REF_AGG:
		aggregate_name(b, &g->aggs[ref->i]);
		return;
	case REF_PREV:
	case REF_DELTA:
		buf_str(&column, ref->kind == REF_PREV ? "prev_" : "delta_");
		agg_print_column(&column, &g->aggs[ref->i]);
		name_encode(b, buf_view(&column));
		b->oom |= column.oom;
		buf_release(&column);
		return;
	}
}

void
having_print(struct buf *b, const struct having *h)
{
	struct pred p = { .kind = PRED_LEAF, .op = h->op, .lits = h->lits, .n_lits = h->n_lits,
	    .field = { .scope = FIELD_BARE } };

	if (agg_type(&h->agg) == FT_TIME)
		p.field = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = IN_START };
	aggregate_name(b, &h->agg);
	buf_putc(b, '/');
	buf_str(b, pred_op_name(h->op));
	buf_putc(b, '/');
	pred_values_print(b, &p, false);
}

static void
print_keys(struct buf *b, const struct grouping *g)
{
	buf_str(b, g->distinct ? "/distinct/" : "/group/");
	for (size_t i = 0; i < g->n_keys; i++) {
		if (i > 0)
			buf_putc(b, ',');
		name_encode(b, g->keys_typed[i]);
	}
}

static void
print_aggs(struct buf *b, const struct grouping *g)
{
	BUF_LIT(b, "/agg/");
	for (size_t i = 0; i < g->n_shown; i++) {
		if (i > 0)
			buf_putc(b, ',');
		aggregate_name(b, &g->aggs[i]);
	}
}

void
groups_print(struct buf *b, const struct query *q)
{
	const struct grouping *g = &q->groups;

	if (g->n_keys != 0 && !g->distinct)
		print_keys(b, g);
	if (g->has_bucket) {
		BUF_LIT(b, "/bucket/");
		step_print(b, g->step);
	}
	if (q->has_agg)
		print_aggs(b, g);
	if (g->fill != FILL_NONE) {
		BUF_LIT(b, "/fill/");
		buf_str(b, fill_name(g->fill));
	}
	for (size_t i = 0; i < g->n_having; i++) {
		BUF_LIT(b, "/having/");
		having_print(b, &g->having[i]);
	}
	if (g->per_trace)
		BUF_LIT(b, "/per/trace");
	if (g->versus) {
		BUF_LIT(b, "/versus/");
		if (g->versus_previous)
			BUF_LIT(b, "previous");
		else
			duration_print(b, g->versus_ns);
	}
	if (g->distinct)
		print_keys(b, g);
}

void
query_print_groups(struct buf *b, const struct query *q)
{
	groups_print(b, q);
}
