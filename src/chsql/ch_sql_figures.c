/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_figures: what is asked of the spans of a group. In order: the first and last start, ns; count;
 * errors; then of each field that is wanted, as far as that asks, of an attribute how many have an
 * integer there; the sum in two halves of 32 bits; the least and the most; all, or the percentiles; how
 * many different values there are.
 *
 * An attribute in a Map is text, and a number where it is spelled as that number is (ch_span.c). Those
 * that may be doubles are in doubt. Different texts are different values, but for those that are
 * repaired, which are in doubt, too. A key that is missing reads as '', which is no number.
 *
 * Parents' values are columns of a join (ch_sql_parents.c), by names as those of parts are: '' and 0
 * of a span without a parent there.
 *
 * The server's exact quantile of level L of n values is the one that floor(L * n), reckoned in
 * doubles, are before. Ours, of part / whole, has ceil(part * n / whole) - 1 before it. So L is part /
 * whole less 1e-12: with an integer m = part * n / whole both are m - 1; else m has a fraction of
 * 1 / whole at least, and they are the same while 1e-12 * n is less than that. Doubles are off by some
 * 2^-53 of n, a thousandth of what was taken off. LEVEL_ROWS is a tenth less than all that.
 */
#include "chsql/ch_sql_groups.h"

#include "ch_sql_i.h"

#define LEVEL_UNITS 1000000000000ull	/* of a level, of 12 decimals */
#define LEVEL_ROWS 900000000000ull

/* Where a field is; N_CHC: in no column of its own. */
static enum ch_span_column
text_column(const struct field *f)
{
	const struct leaf_row *r = &leaf_rows[f->scope == FIELD_INTRINSIC ? f->intrinsic : 0];

	if (f->scope != FIELD_INTRINSIC || r->many || (r->sort != SORT_TEXT && r->sort != SORT_TRACE &&
	    r->sort != SORT_SPAN))
		return N_CHC;
	return r->column;
}

/* What every span has, as a number without sign; of itself, that is. */
static bool
is_amount(const struct field *f)
{
	return f->scope == FIELD_INTRINSIC && (f->intrinsic == IN_DURATION || f->intrinsic == IN_START);
}

static bool
asks_numbers(const struct agg_given_field *f)
{
	return f->sum || f->ends || f->all;
}

/* Of a parent, if there is one. */
static bool
is_parents_amount(const struct field *f)
{
	struct field inner = inner_of(f);

	return is_parents(f) && is_amount(&inner);
}

bool
figure_counts(const struct agg_given_field *f)
{
	return asks_numbers(f) && !is_amount(f->field);
}

bool
figures_can(const struct writer *w, const struct agg_given_want *want)
{
	for (size_t i = 0; i < want->n_fields; i++) {
		const struct agg_given_field *f = &want->fields[i];
		struct field of = inner_of(f->field);
		enum ch_span_column c = text_column(&of);

		if (is_amount(&of) || in_map(w->s, &of))
			continue;
		/* A text is no number: of those nothing is asked for. */
		if (c == N_CHC || !w_have(w, c) || asks_numbers(f))
			return false;
	}
	return true;
}

/* ---- values ---- */

static void
amount(struct writer *w, const struct field *f)
{
	if (f->intrinsic == IN_START)
		W(w, "greatest(toUnixTimestamp64Nano(");
	else
		W(w, "greatest(toInt64(");
	if (f->intrinsic == IN_START)
		start_write(w);
	else
		w_column(w, CHC_DURATION);
	W(w, "), 0)");
}

static void
plain_value(struct writer *w, const struct field *f)
{
	if (is_amount(f))
		amount(w, f);
	else if (f->scope == FIELD_INTRINSIC)
		w_column(w, text_column(f));
	else
		attr_value(w, f);
}

/* Is it there? */
static void
plain_there(struct writer *w, const struct field *f)
{
	const struct leaf_row *r = &leaf_rows[f->scope == FIELD_INTRINSIC ? f->intrinsic : 0];

	if (f->scope != FIELD_INTRINSIC) {
		attr_there(w, f);
		return;
	}
	w_column(w, r->column);
	if (r->sort == SORT_SPAN)
		W(w, " NOT IN ('', '0000000000000000')");
	else
		W(w, " != ''");
}

static bool
may_miss(const struct field *f)
{
	return f->scope != FIELD_INTRINSIC || leaf_rows[f->intrinsic].optional;
}

/* ---- of spans, where the filter is asked for in parts, and of parents ---- */

/* False: it is the other's. */
static bool
is_of(const struct writer *w, const struct ch_select *q, const struct agg_given_field *x, enum whose whose,
    struct field *out)
{
	struct field f = inner_of(x->field);

	*out = narrowed(w, q->filter, &f);
	return is_parents(x->field) == (whose == OF_PARENTS);
}

/* Beside the columns of starts, durations and status, which spans have as they are. */
void
figures_columns(struct writer *w, const struct ch_select *q, const struct agg_given_want *want,
    enum whose whose)
{
	for (size_t i = 0; i < want->n_fields; i++) {
		struct field f;

		if (!is_of(w, q, &want->fields[i], whose, &f) || (whose == OF_SPANS && is_amount(&f)))
			continue;
		if (want->fields[i].distinct && (whose == OF_PARENTS || may_miss(&f))) {
			W(w, "toUInt8(");
			if (may_miss(&f))
				plain_there(w, &f);
			else
				W(w, "1");
			W(w, ") AS ");
			alias(w, 'g', i);
			W(w, ", ");
		}
		plain_value(w, &f);
		W(w, " AS ");
		alias(w, 'v', i);
		W(w, ", ");
	}
}

void
figures_doubts(struct writer *w, const struct ch_select *q, const struct agg_given_want *want,
    enum whose whose, const char *before, bool *any)
{
	for (size_t i = 0; i < want->n_fields; i++) {
		struct field f;
		bool of = is_of(w, q, &want->fields[i], whose, &f) && !is_amount(&f);
		bool number = of && asks_numbers(&want->fields[i]);
		bool text = of && want->fields[i].distinct && (f.scope != FIELD_INTRINSIC ||
		    leaf_rows[f.intrinsic].sort == SORT_TEXT);

		if (number) {
			doubt_begin(w, before, any);
			W(w, "isNotNull(toFloat64OrNull(");
			plain_value(w, &f);
			W(w, ")) AND toString(toInt64OrZero(");
			plain_value(w, &f);
			W(w, ")) != ");
			plain_value(w, &f);
		}
		if (text) {
			doubt_begin(w, before, any);
			W(w, "NOT isValidUTF8(");
			plain_value(w, &f);
			W(w, ")");
		}
	}
}

/* ---- figures ---- */

struct figures {
	struct writer *w;
	const struct agg_given_want *want;
	struct figures_how how;
};

/* Of a trace's part they are in capitals: a name is of one thing. */
static void
name(const struct figures *x, char what, size_t i)
{
	if (!x->how.named && !x->how.parts)
		return;
	W(x->w, " AS ");
	alias(x->w, x->how.parts ? (char)(what - 'a' + 'A') : what, i);
}

static void
value(const struct figures *x, size_t i)
{
	const struct field *f = x->want->fields[i].field;

	if (x->how.traces)
		trace_own_write(x->w, f->intrinsic);
	else if (is_parents(f) || (x->how.split && !is_amount(f)))
		alias(x->w, 'v', i);
	else
		plain_value(x->w, f);
}

/* As an integer of the field's own sign. */
static void
integer(const struct figures *x, size_t i)
{
	if (x->want->fields[i].is_unsigned)
		W(x->w, "toUInt64(");
	else
		W(x->w, "toInt64OrZero(");
	value(x, i);
	W(x->w, ")");
}

/* Behind the name of an aggregate, where spans may have no integer. */
static void
some(const struct figures *x, size_t i)
{
	if (!is_amount(x->want->fields[i].field))
		W(x->w, "If");
}

/* Has the span one? */
static void
has_integer(const struct figures *x, size_t i)
{
	if (is_parents_amount(x->want->fields[i].field)) {
		W(x->w, "spanfs_p != 0");
		return;
	}
	W(x->w, "toString(");
	integer(x, i);
	W(x->w, ") = ");
	value(x, i);
}

/* The last argument then, and the end. */
static void
of_some(const struct figures *x, size_t i)
{
	if (!is_amount(x->want->fields[i].field)) {
		W(x->w, ", ");
		has_integer(x, i);
	}
	W(x->w, ")");
}

static void
sum(const struct figures *x, size_t i)
{
	W(x->w, ", sum");
	some(x, i);
	W(x->w, "(bitShiftRight(");
	integer(x, i);
	W(x->w, ", 32)");
	of_some(x, i);
	name(x, 'a', i);
	W(x->w, ", sum");
	some(x, i);
	if (x->want->fields[i].is_unsigned)
		W(x->w, "(bitAnd(");
	else
		W(x->w, "(toUInt64(bitAnd(");
	integer(x, i);
	if (x->want->fields[i].is_unsigned)
		W(x->w, ", 4294967295)");
	else
		W(x->w, ", 4294967295))");
	of_some(x, i);
	name(x, 'b', i);
}

static void
ends(const struct figures *x, size_t i)
{
	if (is_amount(x->want->fields[i].field)) {
		W(x->w, ", toUInt64(min(");
		value(x, i);
		W(x->w, "))");
		name(x, 'c', i);
		W(x->w, ", toUInt64(max(");
		value(x, i);
		W(x->w, "))");
		name(x, 'd', i);
		return;
	}
	W(x->w, ", minIf(");
	integer(x, i);
	of_some(x, i);
	name(x, 'c', i);
	W(x->w, ", maxIf(");
	integer(x, i);
	of_some(x, i);
	name(x, 'd', i);
}

/* A part of the text: parameters of a function may be no parameters of a statement. */
void
ranks_write(struct writer *w, const struct agg_given_want *want)
{
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
all(const struct figures *x, size_t i, bool ranked)
{
	if (ranked) {
		W(x->w, ", quantilesExact");
		some(x, i);
		ranks_write(x->w, x->want);
	} else {
		W(x->w, ", groupArray");
		some(x, i);
		W(x->w, "(");
	}
	integer(x, i);
	of_some(x, i);
	name(x, 'q', i);
}

static void
distinct(const struct figures *x, size_t i)
{
	const struct field *f = x->want->fields[i].field;
	bool miss = is_parents(f) || may_miss(f);

	if (x->how.parts)
		W(x->w, ", groupUniqArray");
	else
		W(x->w, ", uniqExact");
	if (miss)
		W(x->w, "If");
	W(x->w, "(");
	value(x, i);
	if (miss) {
		W(x->w, ", ");
		if (is_parents(f) || x->how.split)
			alias(x->w, 'g', i);
		else
			plain_there(x->w, f);
	}
	W(x->w, ")");
	name(x, 'u', i);
}

static void
head(struct writer *w, struct figures_how how)
{
	if (how.traces) {
		W(w, "toInt64(min(spanfs_tb)), toInt64(max(spanfs_tb)), count()");
		return;
	}
	if (how.parts) {
		W(w, "min(");
		start_write(w);
		W(w, ") AS spanfs_first, max(");
		start_write(w);
		W(w, ") AS spanfs_last, count()");
		return;
	}
	W(w, "toUnixTimestamp64Nano(min(");
	start_write(w);
	W(w, ")), toUnixTimestamp64Nano(max(");
	start_write(w);
	W(w, ")), count()");
}

void
figures_write(struct writer *w, const struct agg_given_want *want, struct figures_how how)
{
	const struct figures x = { w, want, how };

	head(w, how);
	if (how.parts)
		W(w, " AS spanfs_c");
	else if (how.named)
		W(w, " AS spanfs_count");
	W(w, ", ");
	if (how.traces)
		W(w, "countIf(spanfs_te != 0)");
	else
		errors_write(w);
	if (how.parts)
		W(w, " AS spanfs_e");
	else if (how.named)
		W(w, " AS spanfs_errors");
	for (size_t i = 0; i < want->n_fields; i++) {
		const struct agg_given_field *f = &want->fields[i];

		if (figure_counts(f)) {
			W(w, ", countIf(");
			has_integer(&x, i);
			W(w, ")");
			name(&x, 'n', i);
		}
		if (f->sum)
			sum(&x, i);
		if (f->ends)
			ends(&x, i);
		if (f->all)
			all(&x, i, how.ranked && !how.parts);
		if (f->distinct)
			distinct(&x, i);
	}
}
