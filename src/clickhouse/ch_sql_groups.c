/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_groups: the statement of ch_groups.h. Columns, in order: of each key its text, and of
 * attributes before it whether they are there; the first and last start, ns; count; errors; then, as
 * they are asked for, the sum of durations in two halves of 32 bits, the least and most, and all or
 * the percentiles.
 *
 * The server's exact quantile of level L of n values is the one that floor(L * n), reckoned in
 * doubles, are before. Ours, of part / whole, has ceil(part * n / whole) - 1 before it. So L is part /
 * whole less 1e-12: with an integer m = part * n / whole both are m - 1; else m has a fraction of
 * 1 / whole at least, and they are the same while 1e-12 * n is less than that. Doubles are off by some
 * 2^-53 of n, a thousandth of what was taken off. LEVEL_ROWS is a tenth less than all that.
 */
#include "clickhouse/ch_groups.h"

#include "ch_sql_i.h"
#include "clickhouse/ch_rows.h"

#define DAY_NS 86400000000000ull
#define LEVEL_UNITS 1000000000000ull	/* of a level, of 12 decimals */
#define LEVEL_ROWS 900000000000ull

static enum ch_span_column
own_column(enum intrinsic i)
{
	switch (i) {
	case IN_SERVICE:
		return CHC_SERVICE;
	case IN_NAME:
		return CHC_NAME;
	case IN_KIND:
		return CHC_KIND;
	case IN_STATUS:
		return CHC_STATUS;
	case IN_STATUS_MESSAGE:
		return CHC_MESSAGE;
	case IN_SCOPE:
		return CHC_SCOPE;
	case IN_SCOPE_VERSION:
		return CHC_SCOPE_VERSION;
	default:
		return N_CHC;
	}
}

/* An attribute whose key may be part of a question, in a Map. */
static bool
in_map(const struct ch_schema *s, const struct field *f)
{
	/* Whether a service.name is text depends on another column (ch_span.c). */
	return (f->scope == FIELD_SPAN || f->scope == FIELD_RESOURCE || f->scope == FIELD_BARE) &&
	    !sv_is(f->key, "service.name") && !s->json && f->key.n != 0 && text_plain(f->key);
}

static bool
can_key(const struct writer *w, const struct field *f)
{
	enum ch_span_column c;

	if (f->scope != FIELD_INTRINSIC)
		return in_map(w->s, f);
	c = own_column(f->intrinsic);
	return c != N_CHC && w_have(w, c);
}

/* ---- keys ---- */

static void
contains(struct writer *w, enum ch_span_column c, struct sv key)
{
	W(w, "mapContains(");
	w_column(w, c);
	W(w, ", ");
	w_text(w, key);
	W(w, ")");
}

static void
element(struct writer *w, enum ch_span_column c, struct sv key)
{
	w_column(w, c);
	W(w, "[");
	w_text(w, key);
	W(w, "]");
}

/* A bare name is the span's attribute, else its resource's. */
static void
attribute(struct writer *w, const struct field *f)
{
	enum ch_span_column c = f->scope == FIELD_RESOURCE ? CHC_RESOURCE : CHC_ATTRS;

	W(w, "toUInt8(");
	contains(w, c, f->key);
	if (f->scope == FIELD_BARE) {
		W(w, " OR ");
		contains(w, CHC_RESOURCE, f->key);
	}
	W(w, ") AS ");
}

static void
attribute_value(struct writer *w, const struct field *f)
{
	enum ch_span_column c = f->scope == FIELD_RESOURCE ? CHC_RESOURCE : CHC_ATTRS;

	if (f->scope != FIELD_BARE) {
		element(w, c, f->key);
		return;
	}
	W(w, "if(");
	contains(w, c, f->key);
	W(w, ", ");
	element(w, c, f->key);
	W(w, ", ");
	element(w, CHC_RESOURCE, f->key);
	W(w, ")");
}

/* spanfs_h3, spanfs_k3 */
static void
alias(struct writer *w, char what, size_t i)
{
	buf_printf(&w->b, "spanfs_%c%zu", what, i);
}

static void
key_write(struct writer *w, const struct field *f, size_t i)
{
	if (f->scope == FIELD_INTRINSIC) {
		W(w, "toString(");
		w_column(w, own_column(f->intrinsic));
		W(w, ")");
	} else {
		attribute(w, f);
		alias(w, 'h', i);
		W(w, ", toString(");
		attribute_value(w, f);
		W(w, ")");
	}
	W(w, " AS ");
	alias(w, 'k', i);
	W(w, ", ");
}

/* ---- figures ---- */

/* Of nanoseconds, as the exporter has it, or made so. */
static void
start(struct writer *w)
{
	if (w->s->columns[CHC_TIMESTAMP].type->scale == 9) {
		w_column(w, CHC_TIMESTAMP);
		return;
	}
	W(w, "toDateTime64(");
	w_column(w, CHC_TIMESTAMP);
	W(w, ", 9, 'UTC')");
}

static void
duration(struct writer *w)
{
	W(w, "greatest(toInt64(");
	w_column(w, CHC_DURATION);
	W(w, "), 0)");
}

static void
errors(struct writer *w)
{
	struct literal word = literal_of(SV("error"));
	const struct pred is_error = { .kind = PRED_LEAF, .op = OP_EQ,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_STATUS }, .lits = &word, .n_lits = 1 };

	word.u = STATUS_ERROR;
	W(w, "countIf(");
	leaf_write(w, &is_error);
	W(w, ")");
}

/* A part of the text: parameters of a function may be no parameters of a statement. */
static void
levels(struct writer *w, const struct agg_given_want *want)
{
	W(w, ", quantilesExact");
	for (size_t i = 0; i < want->n_ranks; i++) {
		const struct agg_rank *r = &want->ranks[i];
		uint64_t level = r->part * (LEVEL_UNITS / r->whole);

		buf_printf(&w->b, "%s0.%012ju", i == 0 ? "(" : ", ", (uintmax_t)(level == 0 ? 0 : level - 1));
	}
	W(w, ")(");
}

uint64_t
ch_ranked_rows(const struct agg_given_want *want)
{
	uint64_t most = want->n_ranks == 0 ? 0 : UINT64_MAX;

	for (size_t i = 0; i < want->n_ranks; i++) {
		uint64_t whole = want->ranks[i].whole, n;

		if (whole == 0 || LEVEL_UNITS % whole != 0)
			return 0;
		n = LEVEL_ROWS / whole;
		most = n < most ? n : most;
	}
	return most;
}

static void
figures(struct writer *w, const struct agg_given_want *want, bool ranked)
{
	W(w, "toUnixTimestamp64Nano(min(");
	start(w);
	W(w, ")), toUnixTimestamp64Nano(max(");
	start(w);
	W(w, ")), count(), ");
	errors(w);
	if (want->sum) {
		W(w, ", sum(bitShiftRight(toUInt64(");
		duration(w);
		W(w, "), 32)), sum(bitAnd(toUInt64(");
		duration(w);
		W(w, "), 4294967295))");
	}
	if (want->ends) {
		W(w, ", toUInt64(min(");
		duration(w);
		W(w, ")), toUInt64(max(");
		duration(w);
		W(w, "))");
	}
	if (want->all && ranked)
		levels(w, want);
	else if (want->all)
		W(w, ", groupArray(");
	if (want->all) {
		W(w, "toUInt64(");
		duration(w);
		W(w, "))");
	}
}

/* ---- groups ---- */

/* A month is of whole days, which the table adds up. */
static uint64_t
bucket_ns(struct bucket_step s)
{
	return s.kind == STEP_NS ? s.ns : s.kind == STEP_WEEK ? 7 * DAY_NS : DAY_NS;
}

/* Weeks are of the fourth day of 1970 on. */
static uint64_t
bucket_shift(struct bucket_step s, uint64_t shift)
{
	return s.kind == STEP_WEEK ? shift + 3 * DAY_NS : shift;
}

static void
group_by(struct writer *w, const struct agg_table *t, uint64_t pieces, uint64_t shift)
{
	const struct grouping *g = agg_grouping(t);
	const char *before = " GROUP BY ";

	for (size_t i = 0; i < g->n_keys; i++) {
		buf_str(&w->b, before);
		before = ", ";
		if (g->keys[i].scope != FIELD_INTRINSIC) {
			alias(w, 'h', i);
			W(w, ", ");
		}
		alias(w, 'k', i);
	}
	if (g->has_bucket) {
		buf_str(&w->b, before);
		W(w, "intDiv(greatest(toUnixTimestamp64Nano(");
		start(w);
		W(w, "), 0)");
		shift = bucket_shift(agg_step(t), shift);
		if (shift != 0) {
			W(w, " + ");
			w_u64(w, shift);
		}
		W(w, ", ");
		w_i64(w, (int64_t)bucket_ns(agg_step(t)));
		W(w, ")");
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

int
ch_sql_groups(const struct ch_select *q, const struct agg_table *t, struct arena *a,
    struct ch_sql *out, struct err *e)
{
	struct writer w = { .b = BUF_INIT, .params = VEC_INIT, .a = a, .s = q->schema, .hex = q->hex,
		.exact = true, .doubts = true };
	const struct grouping *g = agg_grouping(t);
	struct agg_given_want want;
	int rc;

	memset(out, 0, sizeof *out);
	if (!agg_takes_given(t, &want) || (q->ranked && !can_rank(t, &want)) || (g->has_bucket &&
	    (agg_step(t).kind == STEP_AUTO || bucket_ns(agg_step(t)) > INT64_MAX || q->shift > INT64_MAX / 2)))
		return not_here(e);
	for (size_t i = 0; i < g->n_keys; i++)
		if (!can_key(&w, &g->keys[i]))
			return not_here(e);
	W(&w, "SELECT ");
	for (size_t i = 0; i < g->n_keys; i++)
		key_write(&w, &g->keys[i], i);
	figures(&w, &want, q->ranked);
	out->doubts = doubts_write(&w, q->filter);
	W(&w, ", toUInt8(1) AS " CH_END " FROM ");
	w_table(&w, q->schema->table);
	where_write(&w, q);
	group_by(&w, t, want.all && !q->ranked ? q->pieces : 0, q->shift);
	if ((rc = w_finish(&w, out, e)) == 0 && !out->exact)
		return not_here(e);
	return rc;
}
