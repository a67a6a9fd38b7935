/* SPDX-License-Identifier: ISC */
/* ch_sql_span: what is said of a span in statements about groups: its names, start, bucket and error. */
#include "ch_sql_i.h"

#define DAY_NS 86400000000000ull

void
alias(struct writer *w, char what, size_t i)
{
	buf_printf(&w->b, "spanfs_%c%zu", what, i);
}

bool
is_parents(const struct field *f)
{
	return f->scope == FIELD_PARENT;
}

struct field
inner_of(const struct field *f)
{
	return is_parents(f) ? field_inner(f) : *f;
}

bool
in_map(const struct ch_schema *s, const struct field *f)
{
	return (f->scope == FIELD_SPAN || f->scope == FIELD_RESOURCE || f->scope == FIELD_BARE) && !s->json &&
	    f->key.n != 0 && text_plain(f->key) && (f->scope == FIELD_SPAN || !sv_is(f->key, "service.name"));
}

/* Of a name that all must have, the own part has the spans' own. */
struct field
narrowed(const struct writer *w, const struct pred *filter, const struct field *f)
{
	struct field own = *f;

	if (w->span_only && f->scope == FIELD_BARE && ch_filter_asks_for(filter, f->key))
		own.scope = FIELD_SPAN;
	return own;
}

/* Of nanoseconds, as the exporter has it, or made so. */
void
start_write(struct writer *w)
{
	if (w->s->columns[CHC_TIMESTAMP].type->scale == 9) {
		w_column(w, CHC_TIMESTAMP);
		return;
	}
	W(w, "toDateTime64(");
	w_column(w, CHC_TIMESTAMP);
	W(w, ", 9, 'UTC')");
}

/* A month is of whole days, which the table adds up. */
uint64_t
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

void
bucket_write(struct writer *w, const struct tops *x)
{
	uint64_t shift = bucket_shift(x->step, x->shift), step = bucket_ns(x->step);
	bool wide = shift != 0;		/* with it the last days are past Int64 */

	if (x->below) {
		W(w, "spanfs_i");
		return;
	}
	if (wide)
		W(w, "toInt64(");
	W(w, "intDiv(");
	if (x->traces) {
		W(w, "spanfs_tb");
	} else {
		if (wide)
			W(w, "toUInt64(");
		W(w, "greatest(toUnixTimestamp64Nano(");
		start_write(w);
		W(w, "), 0)");
		if (wide)
			W(w, ")");
	}
	if (shift != 0) {
		W(w, " + ");
		w_u64(w, shift);
	}
	W(w, ", ");
	if (wide)
		w_u64(w, step);
	else
		w_i64(w, (int64_t)step);
	W(w, ")");
	if (wide)
		W(w, ")");
}

void
errors_write(struct writer *w)
{
	struct literal word = literal_of(SV("error"));
	const struct pred is_error = { .kind = PRED_LEAF, .op = OP_EQ,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_STATUS }, .lits = &word, .n_lits = 1 };

	word.u = STATUS_ERROR;
	W(w, "countIf(");
	leaf_write(w, &is_error);
	W(w, ")");
}
