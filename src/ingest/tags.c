/* SPDX-License-Identifier: ISC */
/* tags: see tags_i.h. */
#include "tags_i.h"

bool
tags_take(struct attrs *a, struct sv key, struct value *out)
{
	const struct value *v = attrs_find(a, key);
	uint32_t i;

	if (v == NULL)
		return false;
	*out = *v;
	for (i = 0; &a->v[i].val != v; i++)
		;
	memmove(&a->v[i], &a->v[i + 1], (a->n - i - 1) * sizeof *a->v);
	a->n--;
	return true;
}

static struct sv
take_text(struct attrs *a, struct sv key)
{
	const struct value *v = attrs_find(a, key);
	struct value taken;

	if (v == NULL || v->type != VAL_STRING || !tags_take(a, key, &taken))
		return SV_EMPTY;
	return taken.s;
}

/*
 * `error`: true says that it failed and no more; a text that is not a boolean is Zipkin's way
 * of saying why, and stays. "false" is no error, whatever Zipkin says of it.
 */
static void
apply_error(struct span *s)
{
	const struct value *v = attrs_find(&s->attrs, SV("error"));
	struct value taken;

	if (v == NULL)
		return;
	if ((v->type == VAL_BOOL && v->b) || (v->type == VAL_STRING &&
	    (v->s.n == 0 || sv_is(v->s, "true")))) {
		s->status = STATUS_ERROR;
		(void)tags_take(&s->attrs, SV("error"), &taken);
	} else if (v->type == VAL_STRING && !sv_is(v->s, "false")) {
		s->status = STATUS_ERROR;
		s->status_message = v->s;
	}
}

static int64_t
http_status(const struct attrs *a)
{
	const struct value *v = attrs_find(a, SV("http.status_code"));
	int64_t n;

	if (v != NULL && v->type == VAL_INT)
		return v->i;
	return v != NULL && v->type == VAL_STRING && sv_i64(v->s, &n) ? n : 0;
}

/* The error tag has the first word, then otel.status_code, then HTTP's status. */
static void
apply_status(struct span *s)
{
	struct sv code = take_text(&s->attrs, SV("otel.status_code"));
	struct sv description = take_text(&s->attrs, SV("otel.status_description"));
	const struct value *message = attrs_find(&s->attrs, SV("http.status_message"));
	bool http = false;

	apply_error(s);
	if (s->status == STATUS_UNSET && code.n != 0) {
		if (!json_status_word(code, &s->status))
			s->status = STATUS_UNSET;
	} else if (s->status == STATUS_UNSET) {
		int64_t n = http_status(&s->attrs);

		http = n >= 500 || (n >= 400 && s->kind == KIND_CLIENT);
		if (http)
			s->status = STATUS_ERROR;
	}
	if (description.n != 0)
		s->status_message = description;
	else if (s->status == STATUS_ERROR && s->status_message.n == 0 && message != NULL &&
	    message->type == VAL_STRING)
		s->status_message = message->s;
}

static void
apply_kind(struct span *s)
{
	const struct value *v = attrs_find(&s->attrs, SV("span.kind"));
	struct value taken;
	int32_t kind;

	if (v != NULL && v->type == VAL_STRING && json_kind_word(v->s, &kind)) {
		if (s->kind == KIND_UNSPECIFIED)
			s->kind = kind;
		(void)tags_take(&s->attrs, SV("span.kind"), &taken);
	}
}

static bool
apply_scope(struct otlp_json *o, struct span *s)
{
	struct sv name = take_text(&s->attrs, SV("otel.scope.name"));
	struct sv version = take_text(&s->attrs, SV("otel.scope.version"));
	struct sv library = take_text(&s->attrs, SV("otel.library.name"));
	struct sv library_version = take_text(&s->attrs, SV("otel.library.version"));

	if (name.n == 0)
		name = library;
	if (version.n == 0)
		version = library_version;
	if (!sv_eq(o->m.scope->name, name) || !sv_eq(o->m.scope->version, version)) {
		if (!maker_scope(&o->m))
			return false;
		o->m.scope->name = name;
		o->m.scope->version = version;
	}
	s->scope = o->m.scope;
	return true;
}

bool
tags_apply(struct otlp_json *o)
{
	struct span *s = o->m.span;
	struct sv state = take_text(&s->attrs, SV("w3c.tracestate"));

	if (state.n != 0)
		s->trace_state = state;
	apply_kind(s);
	apply_status(s);
	return apply_scope(o, s);
}

bool
tags_service(struct otlp_json *o, struct sv name)
{
	struct resource *r = o->m.resource;

	if (!sv_eq(r->service, name)) {
		if (!maker_resource(&o->m))
			return false;
		r = o->m.resource;
		if (name.n != 0) {
			r->attrs.v = arena_new(&o->m.batch->arena, struct attr);
			if (r->attrs.v == NULL)
				return maker_nomem(&o->m);
			r->attrs.v[0] = (struct attr){ SV("service.name"),
			    { .type = VAL_STRING, .s = name } };
			r->attrs.n = 1;
		}
		maker_resource_end(&o->m);
	}
	o->m.span->resource = r;
	return true;
}

uint64_t
tags_micros(struct otlp_json *o, const char *what, uint64_t us)
{
	if (us <= UINT64_MAX / 1000)
		return us * 1000;
	maker_complain(&o->m, "%s is out of range", what);
	return 0;
}
