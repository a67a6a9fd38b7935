/* SPDX-License-Identifier: ISC */
/*
 * query_list: what may follow a path, for directory listings: its view, the keywords, and
 * examples of free arguments. All of it is read off the last few nodes of the path; nothing
 * of the store is known here.
 */
#include "base/limits.h"
#include "clause_i.h"
#include "path_i.h"

/* The field node of the where clause that p is in: its first argument. */
static const struct path *
field_node(const struct path *p)
{
	for (unsigned i = p->arg; i > 1; i--)
		p = p->parent;
	return p;
}

/* What the value of where/FIELD/OP is: by the field's type, free if OP looks at characters. */
static enum arg_kind
value_kind(const struct field *f, enum pred_op op)
{
	if (op == OP_RE || op == OP_NRE)
		return ARG_WORDS;
	switch (field_type(f)) {
	case FT_KIND:
		return op_on_text(op) ? ARG_WORDS : ARG_KINDS;
	case FT_STATUS:
		return op_on_text(op) ? ARG_WORDS : ARG_STATUSES;
	case FT_INT:
		return ARG_NUMBERS;
	case FT_TIME:
		return ARG_TIMES;
	case FT_DURATION:
		return ARG_DURATIONS;
	case FT_STRING:
	case FT_ATTR:
	case FT_TRACE_ID:
	case FT_SPAN_ID:
		break;
	}
	return ARG_VALUES;
}

static void
view_where(const struct path *p, struct path_view *v)
{
	enum pred_op op = OP_EQ;

	v->has_field = field_parse(field_node(p)->field, &v->field);
	if (p->arg == 1 && !op_suits(OP_RE, &v->field))
		v->arg_kind = ARG_DURATION_OPS;
	if (p->arg == 2 && pred_op_parse(p->seg, &op))
		v->arg_kind = value_kind(&v->field, op);
}

/* The aggregate of the having clause that p is in: its first argument. */
static void
view_having(const struct path *p, struct path_view *v)
{
	struct arena a;
	struct clause c = { .arena = &a };
	struct aggregate agg;

	arena_init(&a);
	if (p->arg == 2 && clause_aggregate(&c, field_node(p)->seg, &agg, NULL) == 0 &&
	    agg_type(&agg) != FT_STRING)
		v->arg_kind = agg_type(&agg) == FT_TIME ? ARG_TIMES : ARG_DURATIONS;
	arena_release(&a);
}

static void
view_shards(const struct path *p, struct path_view *v)
{
	v->in_shards = true;
	if (p->state == PATH_CLAUSE) {
		v->shard_hour = p->seg;
		v->shard_day = p->parent->seg;
	} else if (p->arg == 1)
		v->shard_day = p->seg;
}

struct path_view
path_view(const struct path *p)
{
	struct path_view v = {
		.state = p->state,
		.depth = p->depth,
		.n_clauses = p->n_clauses,
		.is_root = p->parent == NULL,
	};

	v.grouped = path_grouped(p) || path_compares(p);
	v.complete = p->state == PATH_CLAUSE && p->depth == 0 && !p->after_not;
	v.link = path_link(p);
	if (p->in_shards)
		view_shards(p, &v);
	if (p->state == PATH_CLAUSE)
		return v;
	v.keyword = p->kw->name;
	v.arg = p->arg;
	v.arg_kind = p->kw->args[p->arg];
	if (p->kw->intrinsic != NO_INTRINSIC) {
		v.field = (struct field){ .scope = FIELD_INTRINSIC,
		    .intrinsic = p->kw->intrinsic };
		v.has_field = true;
	} else if (p->kw->build == build_where && p->arg > 0)
		view_where(p, &v);
	else if (p->kw->build == build_having)
		view_having(p, &v);
	else if (p->kw->build == build_expect && p->arg == 1 && sv_is(p->seg, "fresh"))
		v.arg_kind = ARG_DURATIONS;
	return v;
}

void
path_keywords(const struct path *p, void (*fn)(void *, const char *), void *arg)
{
	for (size_t i = 0; i < n_keywords; i++) {
		const struct keyword *kw = &keywords[i];

		if (kw->class != KC_LATER && path_out_of_place(p, kw) == NULL &&
		    !path_pointless(p, kw) &&
		    path_over_limit(p, kw, NULL) == 0)
			fn(arg, kw->name);
	}
}

/* Each in byte order, as a listing shows them. */
static const char *const ops_all[] = {
	"between", "contains", "ends", "eq", "ge", "gt", "in", "le", "lt", "ne",
	"notcontains", "notin", "nre", "re", "starts", NULL
};
static const char *const ops_number[] = {
	"between", "eq", "ge", "gt", "in", "le", "lt", "ne", "notin", NULL
};
static const char *const ops_enum[] = {
	"contains", "ends", "eq", "in", "ne", "notcontains", "notin", "nre", "re",
	"starts", NULL
};
static const char *const kinds[] = {
	"client", "consumer", "internal", "producer", "server", "unspecified", NULL
};
static const char *const statuses[] = { "error", "ok", "unset", NULL };
static const char *const durations[] = { "100ms", "10ms", "10s", "1s", NULL };
static const char *const times[] = {
	"15m", "1d", "1h", "5m", "6h", "7d", "today", "yesterday", NULL
};
static const char *const days[] = { "today", "yesterday", NULL };
static const char *const expects[] = { "fresh", "rows", NULL };
static const char *const numbers[] = { "10", "100", "1000", NULL };
static const char *const steps[] = {
	"10m", "1h", "1m", "5m", "6h", "auto", "day", "month", "week", NULL
};
static const char *const fill_modes[] = { "none", "null", "previous", "zero", NULL };
static const char *const pers[] = { "trace", NULL };
static const char *const periods[] = { "1d", "1h", "7d", "previous", NULL };
static const char *const none[] = { NULL };

static const char *const *
examples_of(const struct path_view *v)
{
	switch (v->arg_kind) {
	case ARG_KINDS:
		return kinds;
	case ARG_STATUSES:
		return statuses;
	case ARG_OPS:
		return op_suits(OP_LT, &v->field) ? ops_all : ops_enum;
	case ARG_DURATION_OPS:
		return ops_number;
	case ARG_DURATIONS:
		return durations;
	case ARG_TIMES:
		return times;
	case ARG_DAYS:
		return days;
	case ARG_NUMBERS:
		return numbers;
	case ARG_EXPECTS:
		return expects;
	case ARG_STEPS:
		return steps;
	case ARG_FILLS:
		return fill_modes;
	case ARG_PER:
		return pers;
	case ARG_PERIODS:
		return periods;
	case ARG_VALUES:
	case ARG_FIELDS:
	case ARG_AGGS:
	case ARG_MARKS:
	case ARG_WORDS:
	case ARG_SHARD_DAYS:
	case ARG_SHARD_HOURS:
		break;
	}
	return none;
}

size_t
path_examples(const struct path *p, const char *const **words)
{
	struct path_view v = path_view(p);
	size_t n = 0;

	*words = v.state == PATH_ARG ? examples_of(&v) : none;
	while ((*words)[n] != NULL)
		n++;
	return n;
}
