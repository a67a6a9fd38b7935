/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_groups: the statement of ch_groups.h. Columns, in order: of each key its text, and of
 * attributes and parents before it whether it is there, and 2 where it is text whatever it looks like
 * (ch_sql_keys.c); then the figures (ch_sql_figures.c); how many spans are in doubt; how
 * many spans there are, if groups may have one twice (ch_sql_parents.c).
 */
#include "chsql/ch_sql_groups.h"

#include "ch_sql_i.h"
#include "rowbinary/ch_rows.h"

struct spans {
	const struct ch_select *q;
	const struct grouping *g;
	const struct agg_given_want *want;
	bool by_trace;
	bool parents;			/* are asked for */
};

static void
add_doubts(struct writer *w, const struct spans *x, const char *before, bool *any)
{
	doubts_add(w, x->q->filter, before, any);
	figures_doubts(w, x->q, x->want, OF_SPANS, before, any);
	if (w->own)
		own_doubt(w, x->q, x->g, x->want, before, any);
	if (x->parents)
		ids_doubt(w, before, any);
}

/* False, and nothing, where no span can be in doubt. */
static bool
in_doubt(struct writer *w, const struct spans *x, const char *before)
{
	bool any = false;

	add_doubts(w, x, before, &any);
	if (any)
		W(w, ")");
	return any;
}

/* What groups and figures need of spans. */
static void
span_columns(struct writer *w, void *arg)
{
	static const enum ch_span_column columns[] = { CHC_TIMESTAMP, CHC_DURATION, CHC_STATUS };
	const struct spans *x = arg;

	for (size_t i = 0; i < x->g->n_keys; i++) {
		struct field f = narrowed(w, x->q->filter, &x->g->keys[i]);

		if (is_parents(&f))
			continue;
		if (ch_key_is_service(&x->g->keys[i]))
			f = x->g->keys[i];
		key_write(w, &f, i);
	}
	figures_columns(w, x->q, x->want, OF_SPANS);
	if (x->by_trace || x->parents) {
		w_column(w, CHC_TRACE_ID);
		W(w, ", ");
	}
	if (x->parents) {
		w_column(w, CHC_PARENT_SPAN_ID);
		W(w, ", ");
	}
	for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
		if (w_have(w, columns[i])) {
			w_column(w, columns[i]);
			W(w, ", ");
		}
	if (!in_doubt(w, x, "("))
		W(w, "0");
	W(w, " AS spanfs_d");
}

/* ---- groups ---- */

static void
group_by(struct writer *w, const struct tops *x, uint64_t pieces)
{
	const struct grouping *g = x->g;
	const char *before = " GROUP BY ";

	for (size_t i = 0; i < g->n_keys; i++) {
		buf_str(&w->b, before);
		before = ", ";
		key_names(w, &g->keys[i], i);
	}
	if (g->has_bucket) {
		buf_str(&w->b, before);
		bucket_write(w, x);
		before = ", ";
	}
	/* A row of an answer has a bound; the table puts the pieces together. */
	if (pieces > 1) {
		buf_str(&w->b, before);
		W(w, "modulo(intHash64(");
		w_column(w, CHC_DURATION);
		W(w, "), ");
		w_u64(w, pieces);
		W(w, ")");
	}
}

/* Days of a month would have percentiles of their own. */
static bool
can_rank(const struct agg_table *t, const struct agg_given_want *want)
{
	return want->all && ch_ranked_rows(want) != 0 &&
	    (!agg_grouping(t)->has_bucket || agg_step(t).kind != STEP_MONTH);
}

static int
not_here(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, -1, "ClickHouse can't make these groups exactly");
}

/* Different values of a key are those of spans that have it. */
static struct ch_select
with_key(const struct ch_select *q, const struct grouping *g, struct arena *a)
{
	const struct pred *both[2] = { q->filter, NULL };
	struct ch_select asked = *q;

	if (!g->distinct || g->n_keys != 1 || g->keys[0].scope != FIELD_BARE)
		return asked;
	both[1] = pred_leaf(a, OP_HAS, g->keys[0], NULL, 0);
	asked.filter = both[1] == NULL ? NULL : pred_and(a, both, 2);
	return asked;
}

static void
parents_doubts(struct writer *w, const struct spans *x)
{
	bool any = false;

	parents_doubt(w, ", countIf(", &any);
	add_doubts(w, x, "", &any);
	W(w, ")");
}

/* The column that tells how many spans are in doubt; of some groups with the group itself. */
static bool
doubt_counts(struct writer *w, const struct spans *x, bool split, const struct tops *some)
{
	bool any = split;

	/* They are never `some`. */
	if (x->parents) {
		if (split)
			W(w, ", countIf(spanfs_d != 0 OR spanfs_pd != 0)");
		else
			parents_doubts(w, x);
		return true;
	}
	if (some == NULL && split)
		W(w, ", countIf(spanfs_d)");
	if (some == NULL)
		return split || in_doubt(w, x, ", countIf(");
	if (split)
		W(w, ", toUInt64(countIf(spanfs_d)");
	else
		any = in_doubt(w, x, ", toUInt64(countIf(");
	if (tops_doubts(w, some, any ? " + (" : ", toUInt64((")) {
		W(w, ")");
		any = true;
	}
	if (any)
		W(w, ") AS spanfs_doubt");
	return any;
}

static int
finish(struct writer *w, struct ch_sql *out, struct err *e)
{
	int rc = w_finish(w, out, e);

	return rc == 0 && !out->exact ? not_here(e) : rc;
}

/* Of whole traces, on two levels. */
static int
by_trace(const struct ch_select *q, struct tops *x, struct writer *w, struct ch_sql *out, struct err *e)
{
	const struct grouping *g = x->g;

	w->doubts = false;
	if (q->hex || asks_rate(g) || (x->want->all && !x->ranked && q->pieces > 1))
		return not_here(e);
	for (size_t i = 0; i < g->n_keys; i++)
		if (!trace_own(&g->keys[i]) || (g->keys[i].intrinsic != IN_SERVICE && g->keys[i].intrinsic != IN_NAME))
			return not_here(e);
	for (size_t i = 0; i < x->want->n_fields; i++)
		if (!trace_own(x->want->fields[i].field))
			return not_here(e);
	x->traces = x->doubts = true;
	out->levels = 2;
	out->doubts = true;
	out->some = !q->all_groups && tops_can(x);
	W(w, "SELECT ");
	for (size_t i = 0; i < g->n_keys; i++) {
		trace_own_write(w, g->keys[i].intrinsic);
		W(w, " AS ");
		alias(w, 'k', i);
		W(w, ", ");
	}
	figures_write(w, x->want, (struct figures_how){ .ranked = x->ranked, .named = out->some, .traces = true });
	W(w, ", toUInt64(countIf(spanfs_d != 0)");
	if (out->some && tops_doubts(w, x, " + ("))
		W(w, ")");
	W(w, ") AS spanfs_doubt, toUInt8(1) AS " CH_END " FROM ");
	trace_rows_write(w, q);
	group_by(w, x, 0);
	if (out->some)
		tops_write(w, x);
	return finish(w, out, e);
}

/* Where groups come from. */
static void
from_write(struct writer *w, struct spans *x, bool split)
{
	W(w, " FROM ");
	if (split) {
		parts_write(w, x->q, span_columns, x);
		if (x->parents)
			W(w, " AS spanfs_l");
	} else {
		w_table(w, x->q->schema->table);
	}
	if (x->parents)
		parents_join(w, x->q, x->g, x->want);
	if (!split)
		where_write(w, x->q);
}

/* One level: keys, figures, doubts. */
static void
one_level(struct writer *w, struct spans *x, struct tops *tops, struct ch_sql *out)
{
	bool split = split_can(w, x->q->filter);

	W(w, "SELECT ");
	keys_write(w, x->g, split);
	figures_write(w, x->want, (struct figures_how){ .ranked = tops->ranked, .split = split, .named = tops->some });
	out->levels = 1;
	out->doubts = doubt_counts(w, x, split, tops->some ? tops : NULL);
	if (x->parents)
		parents_all(w, x->q);
	W(w, ", toUInt8(1) AS " CH_END);
	from_write(w, x, split);
}

/* The lower level, in brackets: false: no span can be in doubt. */
static bool
of_traces(struct writer *w, struct spans *x, const struct tops *tops)
{
	bool split = split_can(w, x->q->filter), doubts;

	x->by_trace = true;
	W(w, "(SELECT ");
	keys_write(w, x->g, split);
	if (x->g->has_bucket) {
		bucket_write(w, tops);
		W(w, " AS spanfs_i, ");
	}
	figures_write(w, x->want, (struct figures_how){ .split = split, .parts = true });
	doubts = doubt_counts(w, x, split, NULL);
	if (doubts)
		W(w, " AS spanfs_dubious");
	from_write(w, x, split);
	W(w, " GROUP BY ");
	w_column(w, CHC_TRACE_ID);
	for (size_t i = 0; i < x->g->n_keys; i++) {
		W(w, ", ");
		key_names(w, &x->g->keys[i], i);
	}
	if (x->g->has_bucket)
		W(w, ", spanfs_i");
	W(w, ")");
	return doubts;
}

/* Two, of which the lower one stands behind: its text is made first, and its parameters. */
static void
two_levels(struct writer *w, struct spans *x, struct tops *tops, struct ch_sql *out)
{
	struct buf lower;
	bool doubts = of_traces(w, x, tops), any;

	lower = w->b;
	buf_init(&w->b);
	tops->below = true;
	W(w, "SELECT ");
	for (size_t i = 0; i < x->g->n_keys; i++)
		key_name(w, &x->g->keys[i], i);
	sums_write(w, x->want, (struct figures_how){ .ranked = tops->ranked, .named = tops->some });
	out->levels = 2;
	if (doubts)
		W(w, ", toUInt64(sum(spanfs_dubious)");
	any = doubts;
	if (tops->some && tops_doubts(w, tops, doubts ? " + (" : ", toUInt64((")) {
		W(w, ")");
		any = true;
	}
	if (any)
		W(w, ") AS spanfs_doubt");
	out->doubts = any;
	W(w, ", toUInt8(1) AS " CH_END " FROM ");
	buf_sv(&w->b, buf_view(&lower));
	w->b.oom |= lower.oom;
	buf_release(&lower);
}

int
ch_sql_groups(const struct ch_select *q, const struct agg_table *t, struct arena *a,
    struct ch_sql *out, struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = q->schema, .hex = q->hex,
		.exact = true, .doubts = true };
	const struct grouping *g = agg_grouping(t);
	struct agg_given_want want;
	struct ch_select asked;
	struct spans spans;
	struct tops tops = { .g = g, .want = &want, .step = agg_step(t), .shift = q->shift, .keep = agg_keep(t),
		.ranked = q->ranked };
	uint64_t pieces;

	memset(out, 0, sizeof *out);
	if (!agg_takes_given(t, &want) || !figures_can(&w, &want) || (q->ranked && !can_rank(t, &want)) ||
	    (want.distinct && g->has_bucket && agg_step(t).kind == STEP_MONTH) || (g->has_bucket &&
	    (agg_step(t).kind == STEP_AUTO || bucket_ns(agg_step(t)) > INT64_MAX || q->shift > INT64_MAX / 2)))
		return not_here(e);
	if (g->per_trace)
		return by_trace(q, &tops, &w, out, e);
	out->parents = parents_asked(g, &want);
	if (out->parents && q->hex)
		return not_here(e);
	if (!keys_can(&w, g))
		return not_here(e);
	asked = with_key(q, g, a);
	if (asked.filter == NULL)
		return err_nomem(e);
	w.own = q->own && own_can(&w, asked.filter, g, &want);
	spans = (struct spans){ .q = &asked, .g = g, .want = &want, .parents = out->parents };
	/* Whether spans came twice, all groups together tell. */
	tops.some = !q->all_groups && !spans.parents && tops_can(&tops);
	pieces = want.all && !q->ranked ? q->pieces : 0;
	(q->by_trace && pieces <= 1 && !spans.parents ? two_levels : one_level)(&w, &spans, &tops, out);
	tops.doubts = out->doubts;
	out->some = tops.some;
	group_by(&w, &tops, pieces);
	if (tops.some)
		tops_write(&w, &tops);
	if (spans.parents)
		W(&w, " SETTINGS join_use_nulls = 0");
	return finish(&w, out, e);
}
