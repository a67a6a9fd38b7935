/* SPDX-License-Identifier: ISC */
/* field_value: see match/field_value.h. */
#include "match/field_value.h"

#include "model/usage.h"

/* ---- one value, or none ---- */

static bool
text(struct field_value *v, struct sv s)
{
	v->kind = FIELD_VALUE_TEXT;
	v->s = s;
	return true;
}

/* Left out of files when empty. */
static bool
text_if_any(struct field_value *v, struct sv s)
{
	return text(v, s) && s.n != 0;
}

static bool
word(struct field_value *v, int32_t number)
{
	v->kind = FIELD_VALUE_ENUM;
	v->number = number;
	return true;
}

static bool
number(struct field_value *v, enum field_value_kind kind, uint64_t u)
{
	v->kind = kind;
	v->u = u;
	return true;
}

static bool
trace_id(struct field_value *v, struct trace_id id)
{
	v->kind = FIELD_VALUE_TRACE_ID;
	v->trace_id = id;
	return true;
}

static bool
attr(struct field_value *v, const struct attrs *a, struct sv key)
{
	v->kind = FIELD_VALUE_ATTR;
	v->attr = attrs_find(a, key);
	return v->attr != NULL;
}

/* ---- intrinsics ---- */

static bool
of_trace(enum intrinsic i, const struct field_row *r, struct field_value *v)
{
	const struct trace_facts *t = r->trace;

	if (t == NULL)
		return false;
	switch (i) {
	case IN_TRACE_ID:
		return trace_id(v, t->trace_id);
	case IN_ROOT_SERVICE:
		return text(v, t->root_service);
	case IN_ROOT_NAME:
		return text(v, t->root_name);
	case IN_TRACE_START:
		return number(v, FIELD_VALUE_TIME, t->start_ns);
	case IN_TRACE_DURATION:
		return number(v, FIELD_VALUE_DURATION, trace_duration(t));
	case IN_TRACE_SPANS:
		return number(v, FIELD_VALUE_NUMBER, t->n_spans);
	case IN_TRACE_ERRORS:
		return number(v, FIELD_VALUE_NUMBER, t->n_errors);
	case IN_CHILD_COUNT:
		return r->span != NULL && number(v, FIELD_VALUE_NUMBER, r->place.child_count);
	case IN_DEPTH:
		return r->span != NULL && r->place.depth != NO_DEPTH &&
		    number(v, FIELD_VALUE_NUMBER, r->place.depth);
	case IN_SELF_DURATION:
		return r->span != NULL && number(v, FIELD_VALUE_DURATION, r->place.self_ns);
	default:
		return false;
	}
}

static bool
of_usage(const struct field *f, const struct span *s, struct field_value *v)
{
	if (f->intrinsic == IN_COST) {
		v->kind = FIELD_VALUE_DOUBLE;
		return usage_cost(s, f->prices, &v->d);
	}
	v->kind = FIELD_VALUE_NUMBER;
	return usage_tokens(s, f->intrinsic, &v->u);
}

static bool
of_span(const struct field *f, const struct field_row *r, struct field_value *v)
{
	const struct span *s = r->span;

	switch (f->intrinsic) {
	case IN_SERVICE:
		return text(v, s->resource->service);
	case IN_NAME:
		return text(v, s->name);
	case IN_KIND:
		return word(v, s->kind);
	case IN_STATUS:
		return word(v, s->status);
	case IN_STATUS_MESSAGE:
		return text_if_any(v, s->status_message);
	case IN_SCOPE:
		return text_if_any(v, s->scope->name);
	case IN_SCOPE_VERSION:
		return text_if_any(v, s->scope->version);
	case IN_TRACE_ID:
		return trace_id(v, s->trace_id);
	case IN_SPAN_ID:
		return number(v, FIELD_VALUE_SPAN_ID, s->span_id);
	case IN_PARENT_SPAN_ID:
		return number(v, FIELD_VALUE_SPAN_ID, s->parent_span_id) &&
		    s->parent_span_id != 0;
	case IN_TRACE_STATE:
		return text_if_any(v, s->trace_state);
	case IN_FLAGS:
		return number(v, FIELD_VALUE_NUMBER, s->flags) && s->flags != 0;
	case IN_START:
		return number(v, FIELD_VALUE_TIME, s->start_ns);
	case IN_END:
		return number(v, FIELD_VALUE_TIME, s->end_ns);
	case IN_DURATION:
		return number(v, FIELD_VALUE_DURATION, span_duration(s));
	case IN_TOKENS_INPUT:
	case IN_TOKENS_OUTPUT:
	case IN_TOKENS_TOTAL:
	case IN_COST:
		return of_usage(f, s, v);
	default:
		return of_trace(f->intrinsic, r, v);
	}
}

/* ---- events and links ---- */

static bool
of_event(const struct field *f, const struct event *e, struct field_value *v)
{
	if (f->scope == FIELD_EVENT)
		return attr(v, &e->attrs, f->key);
	switch (f->intrinsic) {
	case IN_EVENT_NAME:
		return text(v, e->name);
	case IN_SCORE_NAME:
		return event_is_score(e) && attr(v, &e->attrs, SV(SCORE_NAME_KEY));
	case IN_SCORE_VALUE:
		return event_is_score(e) && attr(v, &e->attrs, SV(SCORE_VALUE_KEY));
	case IN_SCORE_LABEL:
		return event_is_score(e) && attr(v, &e->attrs, SV(SCORE_LABEL_KEY));
	default:
		return number(v, FIELD_VALUE_TIME, e->time_ns);
	}
}

static bool
of_link(const struct field *f, const struct link *l, struct field_value *v)
{
	if (f->scope == FIELD_LINK)
		return attr(v, &l->attrs, f->key);
	if (f->intrinsic == IN_LINK_TRACE_ID)
		return trace_id(v, l->trace_id);
	return number(v, FIELD_VALUE_SPAN_ID, l->span_id);
}

static bool
next_event(const struct field *f, const struct field_row *r, struct field_at *at,
    struct field_value *v)
{
	if (r->event != NULL)
		return at->at++ == 0 && of_event(f, r->event, v);
	while (r->span != NULL && at->at < r->span->n_events)
		if (of_event(f, &r->span->events[at->at++], v))
			return true;
	return false;
}

static bool
next_link(const struct field *f, const struct field_row *r, struct field_at *at,
    struct field_value *v)
{
	if (r->link != NULL)
		return at->at++ == 0 && of_link(f, r->link, v);
	while (r->span != NULL && at->at < r->span->n_links)
		if (of_link(f, &r->span->links[at->at++], v))
			return true;
	return false;
}

/* ---- all ---- */

static bool
one(const struct field *f, const struct field_row *r, struct field_value *v)
{
	const struct span *s = r->span;

	if (f->scope == FIELD_INTRINSIC)
		return s != NULL ? of_span(f, r, v) : of_trace(f->intrinsic, r, v);
	if (s == NULL)
		return false;
	switch (f->scope) {
	case FIELD_SPAN:
		return attr(v, &s->attrs, f->key);
	case FIELD_RESOURCE:
		return attr(v, &s->resource->attrs, f->key);
	case FIELD_SCOPE:
		return attr(v, &s->scope->attrs, f->key);
	case FIELD_BARE:
		return attr(v, &s->attrs, f->key) || attr(v, &s->resource->attrs, f->key);
	default:
		return false;
	}
}

/* Of each parent in turn; its trace is the same. */
static bool
next_of_parent(const struct field *f, const struct field_row *r, struct field_at *at,
    struct field_value *v)
{
	struct field inner = field_inner(f);

	for (; at->parent < r->n_parents; at->parent++, at->at = 0) {
		const struct parent_row *p = &r->parents[at->parent];
		struct field_row row = { .span = p->span, .trace = r->trace, .place = p->place };

		if (field_value_next(&inner, &row, at, v))
			return true;
	}
	return false;
}

bool
field_value_next(const struct field *f, const struct field_row *r, struct field_at *at,
    struct field_value *v)
{
	enum field_of of = field_owner(f);

	if (f->scope == FIELD_PARENT)
		return next_of_parent(f, r, at, v);
	if (of == OF_EVENT)
		return next_event(f, r, at, v);
	if (of == OF_LINK)
		return next_link(f, r, at, v);
	return at->at++ == 0 && one(f, r, v);
}

bool
field_value_first(const struct field *f, const struct field_row *r, struct field_value *v)
{
	struct field_at at = { 0, 0 };
	enum field_of of = field_owner(f);

	/* Asked for each cell of a file: what has one value at most takes no turns. */
	if (of == OF_SPAN || of == OF_TRACE)
		return one(f, r, v);
	return field_value_next(f, r, &at, v);
}

struct field_value
field_value_listed(const struct field *f, const struct value *listed)
{
	struct field_value v = { .kind = FIELD_VALUE_ATTR, .attr = listed };

	if (f->scope != FIELD_INTRINSIC)
		return v;
	switch (intrinsics[f->intrinsic].type) {
	case FT_KIND:
	case FT_STATUS:
		(void)word(&v, (int32_t)listed->i);
		break;
	case FT_STRING:
		(void)text(&v, listed->s);
		break;
	case FT_SPAN_ID:
		(void)number(&v, FIELD_VALUE_SPAN_ID, (uint64_t)listed->i);
		break;
	case FT_INT:
	case FT_TIME:
	case FT_DURATION:
		(void)number(&v, FIELD_VALUE_NUMBER, (uint64_t)listed->i);
		break;
	case FT_TRACE_ID:
	case FT_ATTR:
		break;
	}
	return v;
}
