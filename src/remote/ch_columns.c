/* SPDX-License-Identifier: ISC */
/* ch_columns: which columns of the table the rows of a plan need, see ch_source_i.h. */
#include "ch_source_i.h"

#define COL(c) (UINT64_C(1) << CHC_##c)
#define COLS_ALWAYS (COL(TIMESTAMP) | COL(TRACE_ID) | COL(SPAN_ID))
/* What a resource calls its service is told by the column, too (ch_span.c). */
#define COLS_RESOURCE (COL(RESOURCE) | COL(SERVICE))
#define COLS_ALL ((UINT64_C(1) << N_CHC) - 1)
#define COLS_EVENTS (COL(EVENT_TIME) | COL(EVENT_NAME) | COL(EVENT_ATTRS))
#define COLS_LINKS (COL(LINK_TRACE_ID) | COL(LINK_SPAN_ID) | COL(LINK_STATE) | COL(LINK_ATTRS))
#define COLS_USUAL (COL(PARENT_SPAN_ID) | COL(NAME) | COL(KIND) | COL(SERVICE) | COL(SCOPE) | \
	COL(SCOPE_VERSION) | COL(DURATION) | COL(STATUS))
/* What is known of a trace comes of these columns of its spans. */
#define COLS_TRACE (COL(PARENT_SPAN_ID) | COL(NAME) | COL(SERVICE) | COL(DURATION) | COL(STATUS))

static const uint64_t intrinsic_columns[N_INTRINSICS] = {
	[IN_SERVICE] = COL(SERVICE),
	[IN_NAME] = COL(NAME),
	[IN_KIND] = COL(KIND),
	[IN_STATUS] = COL(STATUS),
	[IN_STATUS_MESSAGE] = COL(MESSAGE),
	[IN_SCOPE] = COL(SCOPE),
	[IN_SCOPE_VERSION] = COL(SCOPE_VERSION),
	[IN_PARENT_SPAN_ID] = COL(PARENT_SPAN_ID),
	[IN_TRACE_STATE] = COL(TRACE_STATE),
	[IN_END] = COL(DURATION),
	[IN_DURATION] = COL(DURATION),
	[IN_ROOT_SERVICE] = COLS_TRACE,
	[IN_ROOT_NAME] = COLS_TRACE,
	[IN_TRACE_START] = COLS_TRACE,
	[IN_TRACE_DURATION] = COLS_TRACE,
	[IN_TRACE_SPANS] = COLS_TRACE,
	[IN_TRACE_ERRORS] = COLS_TRACE,
	[IN_CHILD_COUNT] = COLS_TRACE,
	[IN_EVENT_NAME] = COLS_EVENTS,
	[IN_EVENT_TIME] = COLS_EVENTS,
	[IN_LINK_TRACE_ID] = COLS_LINKS,
	[IN_LINK_SPAN_ID] = COLS_LINKS,
	[IN_DEPTH] = COLS_TRACE,
	[IN_SELF_DURATION] = COLS_TRACE,
	[IN_SCORE_NAME] = COLS_EVENTS,
	[IN_SCORE_VALUE] = COLS_EVENTS,
	[IN_SCORE_LABEL] = COLS_EVENTS,
	[IN_TOKENS_INPUT] = COL(ATTRS) | COLS_RESOURCE,
	[IN_TOKENS_OUTPUT] = COL(ATTRS) | COLS_RESOURCE,
	[IN_TOKENS_TOTAL] = COL(ATTRS) | COLS_RESOURCE,
	[IN_COST] = COL(ATTRS) | COLS_RESOURCE,
};

static uint64_t
columns_of_field(const struct field *f)
{
	struct field inner;

	switch (f->scope) {
	case FIELD_INTRINSIC:
		return intrinsic_columns[f->intrinsic];
	case FIELD_BARE:
		return COL(ATTRS) | COLS_RESOURCE;
	case FIELD_RESOURCE:
		return COLS_RESOURCE;
	case FIELD_SPAN:
		return COL(ATTRS);
	case FIELD_EVENT:
		return COLS_EVENTS;
	case FIELD_LINK:
		return COLS_LINKS;
	case FIELD_SCOPE:
		return 0;		/* the table has none */
	case FIELD_PARENT:
		inner = field_inner(f);
		return columns_of_field(&inner) | COLS_TRACE;
	}
	return COLS_ALL;
}

/* own: of spans whose resources have none of the bare names that it asks for. */
static uint64_t
columns_of_pred(const struct pred *p, bool own)
{
	uint64_t v = 0;

	if (p->kind == PRED_LEAF && p->op == OP_TEXT)
		return COLS_ALL;
	if (p->kind == PRED_LEAF)
		return own && p->field.scope == FIELD_BARE ? COL(ATTRS) | COL(SERVICE) :
		    columns_of_field(&p->field);
	for (size_t i = 0; i < p->n_kids; i++)
		v |= columns_of_pred(p->kids[i], own);
	return v;
}

static uint64_t
columns_of_projection(const struct projection *p)
{
	uint64_t v = p->lean ? 0 : COLS_USUAL;

	if (p->all)
		return COLS_ALL;
	v |= p->attrs ? COL(ATTRS) : 0;
	v |= p->resource ? COLS_RESOURCE : 0;
	v |= p->events ? COLS_EVENTS : 0;
	v |= p->links ? COLS_LINKS : 0;
	v |= p->rest ? COL(TRACE_STATE) | COL(MESSAGE) : 0;
	for (unsigned i = 0; i < N_INTRINSICS; i++)
		if (p->intrinsics & INTRINSIC_BIT(i))
			v |= intrinsic_columns[i];
	for (size_t i = 0; i < p->n_fields; i++)
		v |= columns_of_field(&p->fields[i]);
	return p->parents != NULL ? v | columns_of_projection(p->parents) | COLS_TRACE : v;
}

static uint64_t
columns_of_output(const struct source *s)
{
	const struct plan *p = s->plan;
	const struct field *f;
	uint64_t v = 0;
	size_t n;

	switch (p->output) {
	case ROW_COUNT:
		return 0;
	case ROW_GROUP:
		/* Shown before the step of its buckets is known. */
		if (s->env->groups == NULL)
			return v | columns_of_projection(&p->fetch.projection);
		f = agg_fields(s->env->groups, &n);
		for (size_t i = 0; i < n; i++)
			v |= columns_of_field(&f[i]);
		return v | columns_of_projection(&p->fetch.projection);
	case ROW_CONTRAST:
		return COLS_ALL;
	case ROW_EVENT:
	case ROW_SCORE:
		v = COLS_EVENTS;
		break;
	case ROW_LINK:
		v = COLS_LINKS;
		break;
	case ROW_TRACE:
		v = COLS_TRACE;
		break;
	default:
		break;
	}
	return v | columns_of_projection(&p->fetch.projection);
}

uint64_t
ch_columns_of(const struct source *s, enum ch_tested tested)
{
	const struct plan *p = s->plan;
	uint64_t v = COLS_ALWAYS | columns_of_output(s);

	if (tested != TESTED_NONE)
		v |= columns_of_pred(p->filter.pred, tested == TESTED_OWN);

	for (size_t i = 0; i < p->order.n_keys; i++)
		v |= columns_of_field(&p->order.keys[i].field);
	/* A span's attributes are told from its resource's where both may have a key. */
	return v | (plan_asks_traces(p) ? COLS_TRACE : 0);
}
