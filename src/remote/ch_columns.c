/* SPDX-License-Identifier: ISC */
/* ch_columns: which columns of the table the rows of a plan need, and of maps which keys, see ch_source_i.h. */
#include "ch_source_i.h"

#include "base/utf8.h"
#include "model/usage.h"

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
	[IN_TOKENS_INPUT] = COL(ATTRS),
	[IN_TOKENS_OUTPUT] = COL(ATTRS),
	[IN_TOKENS_TOTAL] = COL(ATTRS),
	[IN_COST] = COL(ATTRS),
};

/* What is gathered. own: of spans that have themselves the bare names that all must have. */
struct need {
	struct ch_need *n;
	const struct source *s;
	bool own;
};

/* ---- of fields ---- */

static void
need_key(struct ch_need_keys *k, struct sv key)
{
	for (size_t i = 0; i < k->n; i++)
		if (sv_eq(k->v[i], key))
			return;
	/* What reads U+FFFD is any bytes that are repaired. */
	if (k->n == CH_KEYS || key.n == 0 || !utf8_valid(key) || sv_find(key, SV("\xef\xbf\xbd")) >= 0)
		k->all = true;
	else
		k->v[k->n++] = key;
}

static void
need_all(const struct need *x)
{
	x->n->columns |= COLS_ALL;
	x->n->own.all = x->n->resource.all = true;
}

static void
need_usage(struct ch_need *n)
{
	const char *key;

	for (size_t i = 0; (key = usage_key(i)) != NULL; i++)
		need_key(&n->own, sv_cstr(key));
}

static void
need_attr(const struct need *x, const struct field *f)
{
	if (f->scope != FIELD_SPAN) {
		x->n->columns |= COLS_RESOURCE;
		need_key(&x->n->resource, f->key);
	}
	if (f->scope != FIELD_RESOURCE) {
		x->n->columns |= COL(ATTRS);
		need_key(&x->n->own, f->key);
	}
}

static void
need_field(const struct need *x, const struct field *f)
{
	struct field inner;

	switch (f->scope) {
	case FIELD_INTRINSIC:
		x->n->columns |= intrinsic_columns[f->intrinsic];
		if (field_of_usage(f->intrinsic))
			need_usage(x->n);
		return;
	case FIELD_BARE:
		inner = *f;
		if (x->own && ch_filter_asks_for(x->s->plan->filter.pred, f->key))
			inner.scope = FIELD_SPAN;
		need_attr(x, &inner);
		return;
	case FIELD_RESOURCE:
	case FIELD_SPAN:
		need_attr(x, f);
		return;
	case FIELD_EVENT:
		x->n->columns |= COLS_EVENTS;
		return;
	case FIELD_LINK:
		x->n->columns |= COLS_LINKS;
		return;
	case FIELD_SCOPE:
		return;		/* the table has none */
	case FIELD_PARENT:
		inner = field_inner(f);
		x->n->columns |= COLS_TRACE;
		need_field(&(struct need){ .n = x->n, .s = x->s }, &inner);
		return;
	}
	need_all(x);
}

/* Of the tests on what comes; own: of spans whose resources have none of the bare names there. */
static void
need_pred(const struct need *x, const struct pred *p)
{
	if (p->kind == PRED_LEAF && p->op == OP_TEXT) {
		need_all(x);
	} else if (p->kind == PRED_LEAF && x->own && p->field.scope == FIELD_BARE) {
		x->n->columns |= COL(ATTRS) | COL(SERVICE);
		need_key(&x->n->own, p->field.key);
	} else if (p->kind == PRED_LEAF) {
		need_field(x, &p->field);
	}
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		need_pred(x, p->kids[i]);
}

/* ---- of what comes out ---- */

/* All of what is named by sort. */
static void
need_whole(const struct need *x, const struct projection *p)
{
	uint64_t v = p->lean ? 0 : COLS_USUAL;

	v |= p->all ? COLS_ALL : 0;
	v |= p->attrs ? COL(ATTRS) : 0;
	v |= p->resource ? COLS_RESOURCE : 0;
	v |= p->events ? COLS_EVENTS : 0;
	v |= p->links ? COLS_LINKS : 0;
	v |= p->rest ? COL(TRACE_STATE) | COL(MESSAGE) : 0;
	x->n->columns |= v;
	x->n->own.all = x->n->own.all || p->all || p->attrs;
	x->n->resource.all = x->n->resource.all || p->all || p->resource;
	for (unsigned i = 0; i < N_INTRINSICS; i++)
		if (p->intrinsics & INTRINSIC_BIT(i))
			need_field(x, &(struct field){ .scope = FIELD_INTRINSIC, .intrinsic = (enum intrinsic)i });
	for (size_t i = 0; i < p->n_fields; i++)
		need_field(x, &p->fields[i]);
}

static void
need_projection(const struct need *x, const struct projection *p)
{
	const struct need of_parents = { .n = x->n, .s = x->s };

	for (size_t i = 0; i < p->n_named; i++)
		need_field(x, &p->named[i]);
	if (p->n_named == 0)
		need_whole(x, p);
	if (p->parents != NULL) {
		x->n->columns |= COLS_TRACE;
		need_projection(&of_parents, p->parents);
	}
}

static void
need_output(const struct need *x)
{
	const struct plan *p = x->s->plan;
	const struct field *f;
	size_t n;

	switch (p->output) {
	case ROW_COUNT:
		return;
	case ROW_GROUP:
		/* Shown before the step of its buckets is known. */
		f = x->s->env->groups == NULL ? NULL : agg_fields(x->s->env->groups, &n);
		for (size_t i = 0; f != NULL && i < n; i++)
			need_field(x, &f[i]);
		break;
	case ROW_CONTRAST:
		need_all(x);
		return;
	case ROW_EVENT:
	case ROW_SCORE:
		x->n->columns |= COLS_EVENTS;
		break;
	case ROW_LINK:
		x->n->columns |= COLS_LINKS;
		break;
	case ROW_TRACE:
		x->n->columns |= COLS_TRACE;
		break;
	default:
		break;
	}
	need_projection(x, &p->fetch.projection);
}

void
ch_need_of(const struct source *s, bool tested, bool own, struct ch_need *out)
{
	const struct need x = { .n = out, .s = s, .own = own };
	const struct plan *p = s->plan;

	out->columns = COLS_ALWAYS;
	out->own.n = out->resource.n = 0;
	out->own.all = out->resource.all = false;
	need_output(&x);
	if (tested)
		need_pred(&x, p->filter.pred);
	for (size_t i = 0; i < p->order.n_keys; i++)
		need_field(&x, &p->order.keys[i].field);
	if (plan_asks_traces(p))
		out->columns |= COLS_TRACE;
}
