/* SPDX-License-Identifier: ISC */
/* aggregate: the names of aggregates and of modes of fill, see model/aggregate.h. */
#include "model/aggregate.h"

static const struct {
	const char *name;
	enum agg_kind kind;
} names[] = {
	{ "count", AGG_COUNT }, { "errors", AGG_ERRORS }, { "error_rate", AGG_ERROR_RATE },
	{ "rate", AGG_RATE },
	{ "sum", AGG_SUM }, { "avg", AGG_AVG }, { "min", AGG_MIN }, { "max", AGG_MAX },
	{ "median", AGG_QUANTILE }, { "distinct", AGG_DISTINCT }, { "hist", AGG_HIST },
};
#define N_NAMES (sizeof names / sizeof *names)

static const struct {
	const char *name;
	enum agg_kind kind;
} examples[] = {
	{ "count", AGG_COUNT }, { "errors", AGG_ERRORS }, { "error_rate", AGG_ERROR_RATE },
	{ "rate", AGG_RATE },
	{ "avg", AGG_AVG }, { "distinct", AGG_DISTINCT }, { "hist", AGG_HIST }, { "max", AGG_MAX },
	{ "min", AGG_MIN }, { "p50", AGG_QUANTILE }, { "p95", AGG_QUANTILE },
	{ "p99", AGG_QUANTILE }, { "sum", AGG_SUM },
};

const char *
agg_example(size_t i, bool *has_field)
{
	if (i >= sizeof examples / sizeof *examples)
		return NULL;
	*has_field = examples[i].kind >= AGG_SUM;
	return examples[i].name;
}

/* "99.9" as 999 of 1000: digits, then perhaps a point and digits. */
static bool
parse_percent(struct sv s, uint64_t *part, uint64_t *whole)
{
	int64_t dot = sv_chr(s, '.');
	struct sv head = dot < 0 ? s : sv_sub(s, 0, (size_t)dot);
	struct sv tail = dot < 0 ? SV_EMPTY : sv_sub(s, (size_t)dot + 1, s.n);
	uint64_t v, fraction = 0, scale = 1;

	if (head.n == 0 || head.n > 18 || !sv_u64(head, &v) || v > 100 ||
	    (dot >= 0 && (tail.n == 0 || tail.n > PERCENT_DECIMALS || !sv_u64(tail, &fraction))))
		return false;
	for (size_t i = 0; i < tail.n; i++)
		scale *= 10;
	*part = v * scale + fraction;
	*whole = 100 * scale;
	return *part <= *whole;
}

bool
agg_parse_name(struct sv name, struct aggregate *a)
{
	*a = (struct aggregate){ .kind = AGG_QUANTILE, .name = name };
	for (size_t i = 0; i < N_NAMES; i++)
		if (sv_is(name, names[i].name)) {
			a->kind = names[i].kind;
			a->part = a->kind == AGG_QUANTILE ? 50 : 0;	/* the median */
			a->whole = a->kind == AGG_QUANTILE ? 100 : 0;
			return true;
		}
	return name.n > 1 && name.p[0] == 'p' &&
	    parse_percent(sv_sub(name, 1, name.n), &a->part, &a->whole);
}

void
agg_print_names(struct buf *b)
{
	for (size_t i = 0; i < N_NAMES; i++) {
		if (i != 0)
			buf_str(b, names[i - 1].kind < AGG_SUM ? ", " : " ");
		if (i != 0 && names[i - 1].kind < AGG_SUM && names[i].kind >= AGG_SUM)
			BUF_LIT(b, "or ");
		buf_str(b, names[i].name);
		if (names[i].kind == AGG_QUANTILE)
			BUF_LIT(b, " p50 p99.9");
	}
	BUF_LIT(b, " with :FIELD");
}

enum field_type
agg_type(const struct aggregate *a)
{
	enum field_type t;

	if (!agg_has_field(a) || a->kind == AGG_DISTINCT || a->kind == AGG_HIST)
		return FT_STRING;
	t = field_type(&a->field);
	return t == FT_DURATION || t == FT_TIME ? t : FT_STRING;
}

struct sv
field_column(const struct field *f, struct sv typed)
{
	static const struct sv parents[] = {
		[IN_DURATION] = SV("parent:duration_ns"),
		[IN_TRACE_DURATION] = SV("parent:trace_duration_ns"),
		[IN_SELF_DURATION] = SV("parent:self_duration_ns"),
	};
	const char *name = intrinsics[f->intrinsic].name;

	if (f->scope == FIELD_INTRINSIC && sv_is(typed, name))
		return sv_cstr(intrinsics[f->intrinsic].json);
	if (f->scope == FIELD_PARENT && f->inner == FIELD_INTRINSIC &&
	    field_type(f) == FT_DURATION && sv_starts(typed, SV("parent:")) &&
	    sv_is(sv_sub(typed, strlen("parent:"), typed.n), name))
		return parents[f->intrinsic];
	return typed;
}

void
agg_print_column(struct buf *b, const struct aggregate *a)
{
	buf_sv(b, a->name);
	if (!agg_has_field(a))
		return;
	buf_putc(b, '_');
	buf_sv(b, a->kind == AGG_DISTINCT ? a->typed : field_column(&a->field, a->typed));
}

void
group_column_print(struct buf *b, const struct grouping *g, const struct group_ref *ref)
{
	switch (ref->kind) {
	case REF_BUCKET:
		BUF_LIT(b, "bucket");
		return;
	case REF_KEY:
		buf_sv(b, field_column(&g->keys[ref->i], g->keys_typed[ref->i]));
		return;
	case REF_PREV:
		BUF_LIT(b, "prev_");
		break;
	case REF_DELTA:
		BUF_LIT(b, "delta_");
		break;
	case REF_AGG:
		break;
	}
	agg_print_column(b, &g->aggs[ref->i]);
}

bool
agg_eq(const struct aggregate *a, const struct aggregate *b)
{
	return a->kind == b->kind && a->part == b->part && a->whole == b->whole &&
	    (!agg_has_field(a) || field_eq(&a->field, &b->field));
}

bool
agg_same_column(const struct aggregate *a, const struct aggregate *b)
{
	if (!agg_eq(a, b) || !sv_eq(a->name, b->name))
		return false;
	if (!agg_has_field(a))
		return true;
	return a->kind == AGG_DISTINCT ? sv_eq(a->typed, b->typed) :
	    sv_eq(field_column(&a->field, a->typed), field_column(&b->field, b->typed));
}

static const char *const fills[] = {
	[FILL_NONE] = "none", [FILL_ZERO] = "zero", [FILL_NULL] = "null",
	[FILL_PREVIOUS] = "previous",
};

const char *
fill_name(enum fill_mode m)
{
	return fills[m];
}

bool
fill_parse(struct sv s, enum fill_mode *m)
{
	for (unsigned i = 0; i < sizeof fills / sizeof *fills; i++)
		if (sv_is(s, fills[i])) {
			*m = (enum fill_mode)i;
			return true;
		}
	return false;
}
