/* SPDX-License-Identifier: ISC */
/*
 * query_print: the one canonical path of a query (product.md, "Canonical"). Short forms are
 * chosen here: a leaf whose field has a keyword of its own is printed with it, any other as
 * where/FIELD/OP/V. The order of clauses is the keyword table's; within a keyword it is the
 * order the binder has sorted the predicates into.
 */
#include "query/query.h"

#include <limits.h>

#include "base/limits.h"
#include "clause_i.h"
#include "group_i.h"
#include "query_i.h"
#include "name_i.h"

static void
put_field(struct buf *b, const struct field *f)
{
	struct buf name = BUF_INIT;

	field_print(&name, f);
	b->oom |= name.oom;
	name_encode(b, buf_view(&name));
	buf_release(&name);
}

/*
 * As they are if that fits a segment, which it does unless one came in by an alias; then
 * long ones go out by theirs.
 */
static void
put_values(struct buf *b, const struct pred *p)
{
	size_t from = b->n;

	pred_values_print(b, p, false);
	if (b->n - from > LIMIT_SEGMENT_BYTES) {
		b->n = from;
		pred_values_print(b, p, true);
	}
}

/* The keyword that says what the leaf says, or where. */
static const struct keyword *
leaf_keyword(const struct pred *p)
{
	bool list = p->op == OP_EQ || p->op == OP_IN;

	if (p->op == OP_HAS)
		return keyword_find(SV("has"));
	if (p->op == OP_TEXT)
		return keyword_find(SV("text"));
	for (size_t i = 0; p->field.scope == FIELD_INTRINSIC && i < n_keywords; i++) {
		const struct keyword *kw = &keywords[i];

		if (kw->class == KC_FILTER && kw->intrinsic == p->field.intrinsic &&
		    (list || kw->build == build_duration))
			return kw;
	}
	return keyword_find(SV("where"));
}

/* not/has/parent_span_id has a word of its own. */
static bool
is_root(const struct pred *p)
{
	const struct pred *k = p->kind == PRED_NOT ? p->kids[0] : NULL;

	return k != NULL && k->kind == PRED_LEAF && k->op == OP_HAS &&
	    k->field.scope == FIELD_INTRINSIC && k->field.intrinsic == IN_PARENT_SPAN_ID;
}

unsigned
pred_rank(const struct pred *p)
{
	switch (p->kind) {
	case PRED_LEAF:
		return keyword_rank(leaf_keyword(p));
	case PRED_NOT:
		return keyword_rank(keyword_find(is_root(p) ? SV("root") : SV("not")));
	case PRED_OR:
		return keyword_rank(keyword_find(SV("any")));
	default:
		return keyword_rank(keyword_find(SV("all")));
	}
}

static void
print_leaf(struct buf *b, const struct pred *p)
{
	const struct keyword *kw = leaf_keyword(p);

	buf_putc(b, '/');
	buf_str(b, kw->name);
	buf_putc(b, '/');
	if (kw->build == build_where || kw->build == build_has)
		put_field(b, &p->field);
	if (kw->build == build_has)
		return;
	if (kw->build == build_where)
		buf_putc(b, '/');
	if (kw->build == build_where || kw->build == build_duration) {
		buf_str(b, pred_op_name(p->op));
		buf_putc(b, '/');
	}
	put_values(b, p);
}

void
pred_path_print(struct buf *b, const struct pred *p)
{
	switch (p->kind) {
	case PRED_LEAF:
		print_leaf(b, p);
		return;
	case PRED_NOT:
		if (is_root(p)) {
			BUF_LIT(b, "/root");
			return;
		}
		BUF_LIT(b, "/not");
		pred_path_print(b, p->kids[0]);
		return;
	case PRED_AND:
		BUF_LIT(b, "/all");
		break;
	case PRED_OR:
		BUF_LIT(b, "/any");
		break;
	case PRED_TRUE:
	case PRED_FALSE:
		/* No path says these; binding makes TRUE only for the whole filter. */
		return;
	}
	for (size_t i = 0; i < p->n_kids; i++)
		pred_path_print(b, p->kids[i]);
	BUF_LIT(b, "/end");
}

static bool
is_grouped(const struct query *q, const struct pred *p)
{
	for (size_t i = 0; i < q->n_grouped; i++)
		if (q->grouped[i] == p)
			return true;
	return false;
}

static void
print_grouped(struct buf *b, const struct query *q)
{
	if (q->n_grouped == 0)
		return;
	BUF_LIT(b, "/all");
	for (size_t i = 0; i < q->n_grouped; i++)
		pred_path_print(b, q->grouped[i]);
	BUF_LIT(b, "/end");
}

/* The top-level filters whose keyword stands in the table from `from` on and before `to`. */
static void
print_filters(struct buf *b, const struct query *q, unsigned from, unsigned to)
{
	const struct pred *f = q->filter;
	size_t n = f->kind == PRED_AND ? f->n_kids : f->kind != PRED_TRUE;

	for (size_t i = 0; i < n; i++) {
		const struct pred *p = f->kind == PRED_AND ? f->kids[i] : f;
		unsigned rank = pred_rank(p);

		if (rank >= from && rank < to && !is_grouped(q, p))
			pred_path_print(b, p);
	}
}

static void
print_times(struct buf *b, const struct query *q)
{
	if (q->has_since) {
		BUF_LIT(b, "/since/");
		when_print_canonical(b, q->since);
	}
	if (q->has_until) {
		BUF_LIT(b, "/until/");
		when_print_canonical(b, q->until);
	}
	if (!q->has_on && !q->shard_partition)
		return;
	BUF_LIT(b, "/on/");
	if (q->on.kind != WHEN_ABSOLUTE)
		when_print_canonical(b, q->on);
	else if (q->on_length_ns == NS_PER_HOUR)
		when_print_hour(b, q->on.ns);
	else
		when_print_day(b, q->on.ns);
}

/* Of groups what is bound: aggregates are printed as agg has them. */
static void
print_sort(struct buf *b, const struct query *q)
{
	for (size_t i = 0; i < q->n_sort; i++) {
		buf_str(b, i == 0 ? "/sort/" : ",");
		if (i < q->groups.n_sort)
			group_ref_print(b, &q->groups, &q->groups.sort[i]);
		else
			name_encode(b, q->sort[i].typed);
		if (q->sort[i].by.desc)
			BUF_LIT(b, ":desc");
	}
}

static void
print_select(struct buf *b, const struct query *q)
{
	bool groups = q->groups.n_columns != 0 && q->n_select != 0;
	size_t n = groups ? q->groups.n_columns : q->n_select;

	for (size_t i = 0; i < n; i++) {
		buf_str(b, i == 0 ? "/select/" : ",");
		if (groups)
			group_ref_print(b, &q->groups, &q->groups.columns[i]);
		else
			name_encode(b, q->select_typed[i]);
	}
}

static void
print_page(struct buf *b, const struct query *q)
{
	print_sort(b, q);
	if (q->has_limit) {
		BUF_LIT(b, "/limit/");
		buf_u64(b, q->limit);
	}
	if (q->offset != 0) {
		BUF_LIT(b, "/offset/");
		buf_u64(b, q->offset);
	}
	print_select(b, q);
	if (q->has_expect_fresh) {
		BUF_LIT(b, "/expect/fresh/");
		duration_print(b, q->expect_fresh_ns);
	}
	if (q->has_expect_rows) {
		BUF_LIT(b, "/expect/rows/");
		buf_u64(b, q->expect_rows);
	}
}

/* Its filters are ANDed without an all. */
static void
print_compare(struct buf *b, const struct pred *p)
{
	bool all = p->kind == PRED_AND;

	BUF_LIT(b, "/compare");
	for (size_t i = 0; i < (all ? p->n_kids : 1); i++)
		pred_path_print(b, all ? p->kids[i] : p);
	BUF_LIT(b, "/end");
}

void
query_print(struct buf *b, const struct query *q)
{
	unsigned times = keyword_rank(keyword_find(SV("since")));
	unsigned all = keyword_rank(keyword_find(SV("all")));
	size_t from = b->n;

	print_filters(b, q, 0, times);
	print_times(b, q);
	print_filters(b, q, times, all);
	print_grouped(b, q);
	print_filters(b, q, all, UINT_MAX);
	if (q->has_mark) {
		BUF_LIT(b, "/mark/");
		name_encode(b, q->mark);
	}
	groups_print(b, q);
	/* Of groups, distinct too, there are none then. */
	if (q->compare != NULL)
		print_compare(b, q->compare);
	print_page(b, q);
	if (b->n == from)
		buf_putc(b, '/');
}
