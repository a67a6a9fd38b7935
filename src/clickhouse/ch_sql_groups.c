/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_groups: the statement of ch_groups.h. Columns, in order: of each key its text, and of
 * attributes before it whether they are there; the first and last start, ns; count; errors; then, as
 * they are asked for, the sum of durations in two halves of 32 bits, the least and most, all.
 */
#include "clickhouse/ch_groups.h"

#include "ch_sql_i.h"
#include "clickhouse/ch_rows.h"

#define DAY_NS 86400000000000ull

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

static void
figures(struct writer *w, const struct agg_given_want *want)
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
	if (want->all) {
		W(w, ", groupArray(toUInt64(");
		duration(w);
		W(w, "))");
	}
}

/* ---- groups ---- */

/* A week or month is of whole days, which the table adds up. */
static uint64_t
bucket_ns(struct bucket_step s)
{
	return s.kind == STEP_NS ? s.ns : DAY_NS;
}

static void
group_by(struct writer *w, const struct agg_table *t, uint64_t pieces)
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
		W(w, "), 0), ");
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
		.exact = true };
	const struct grouping *g = agg_grouping(t);
	struct agg_given_want want;
	int rc;

	memset(out, 0, sizeof *out);
	if (!agg_takes_given(t, &want) ||
	    (g->has_bucket && (agg_step(t).kind == STEP_AUTO || bucket_ns(agg_step(t)) > INT64_MAX)))
		return not_here(e);
	for (size_t i = 0; i < g->n_keys; i++)
		if (!can_key(&w, &g->keys[i]))
			return not_here(e);
	W(&w, "SELECT ");
	for (size_t i = 0; i < g->n_keys; i++)
		key_write(&w, &g->keys[i], i);
	figures(&w, &want);
	W(&w, ", toUInt8(1) AS " CH_END " FROM ");
	w_table(&w, q->schema->table);
	where_write(&w, q);
	group_by(&w, t, want.all ? q->pieces : 0);
	if ((rc = w_finish(&w, out, e)) == 0 && !out->exact)
		return not_here(e);
	return rc;
}
