/* SPDX-License-Identifier: ISC */
/*
 * zipkin_json: one span of Zipkin's v2 JSON; the list around it is cut by the record reader.
 *
 * The local endpoint's service is the resource, addresses and the remote service are attributes
 * by the names that the Collector gives them. An annotation is an event. A client's and a
 * server's span that share an id are two spans with one id. Tags are texts and stay so; some
 * mean more (tags_i.h), and otlp.link.N is a link: trace id, span id, trace state and attributes
 * between bars, as the Collector's exporter packs it. Times are microseconds; a span without a
 * timestamp gets the mark that the Collector gives it.
 */
#include <stdio.h>

#include "json_form_i.h"
#include "tags_i.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))

enum { S_TRACE, S_ID, S_PARENT, S_NAME, S_KIND, S_TIME, S_DURATION, S_DEBUG, S_LOCAL, S_REMOTE,
    S_ANNOTATIONS, S_TAGS };
static const struct json_name span_names[] = {
	JSON_NAME("traceId", "traceId"),
	JSON_NAME("id", "id"),
	JSON_NAME("parentId", "parentId"),
	JSON_NAME("name", "name"),
	JSON_NAME("kind", "kind"),
	JSON_NAME("timestamp", "timestamp"),
	JSON_NAME("duration", "duration"),
	JSON_NAME("debug", "debug"),
	JSON_NAME("localEndpoint", "localEndpoint"),
	JSON_NAME("remoteEndpoint", "remoteEndpoint"),
	JSON_NAME("annotations", "annotations"),
	JSON_NAME("tags", "tags"),
};

enum { E_SERVICE, E_IPV4, E_IPV6, E_PORT };
static const struct json_name endpoint_names[] = {
	JSON_NAME("serviceName", "serviceName"),
	JSON_NAME("ipv4", "ipv4"),
	JSON_NAME("ipv6", "ipv6"),
	JSON_NAME("port", "port"),
};

enum { A_TIME, A_VALUE };
static const struct json_name annotation_names[] = {
	JSON_NAME("timestamp", "timestamp"),
	JSON_NAME("value", "value"),
};

struct zipkin {
	struct otlp_json *o;
	uint64_t start_us, duration_us;
	bool timed, debug;
	struct sv service;	/* the local one */
};

static bool
text_attr(struct otlp_json *o, struct sv key, struct sv text)
{
	struct value v = { .type = VAL_STRING, .s = text };

	return text.n == 0 || maker_attr(&o->m, 0, key, &v);
}

static bool
endpoint(struct zipkin *z, bool local)
{
	struct otlp_json *o = z->o;
	struct json_object obj = { false, 0 };
	struct sv service = SV_EMPTY, ipv4 = SV_EMPTY, ipv6 = SV_EMPTY;
	uint32_t port = 0;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "an endpoint");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, endpoint_names, COUNT(endpoint_names))) >= 0)
		ok = f == E_SERVICE ? otlp_json_text(o, "serviceName", &service) :
		    f == E_IPV4 ? otlp_json_text(o, "ipv4", &ipv4) :
		    f == E_IPV6 ? otlp_json_text(o, "ipv6", &ipv6) :
		    otlp_json_u32(o, "port", &port);
	if (!ok || f != JSON_END)
		return false;
	if (local)
		z->service = service;
	else if (!text_attr(o, SV("peer.service"), service))
		return false;
	if (!text_attr(o, local ? SV("net.host.ip") : SV("net.peer.ip"), ipv4.n ? ipv4 : ipv6))
		return false;
	return port == 0 || maker_attr(&o->m, 0, local ? SV("net.host.port") :
	    SV("net.peer.port"), &(struct value){ .type = VAL_INT, .i = port });
}

/* The text up to the next bar, which goes too. */
static struct sv
cut_bar(struct sv *s)
{
	int64_t at = sv_chr(*s, '|');
	struct sv head = at < 0 ? *s : sv_sub(*s, 0, (size_t)at);

	*s = at < 0 ? SV_EMPTY : sv_sub(*s, (size_t)at + 1, s->n);
	return head;
}

/* The last bar and what follows it go; it is returned. */
static struct sv
cut_last_bar(struct sv *s)
{
	size_t n = s->n;
	struct sv tail;

	while (n > 0 && s->p[n - 1] != '|')
		n--;
	if (n == 0)
		return SV_EMPTY;
	tail = sv_sub(*s, n, s->n);
	*s = sv_sub(*s, 0, n - 1);
	return tail;
}

/*
 * Attributes from JSON that lies in a text; false in *got if it isn't any. What was read of it
 * until then is let go.
 */
static bool
attrs_of_text(struct otlp_json *o, struct sv text, struct attrs *out, bool *got)
{
	struct json outer = o->j;
	size_t mark = o->m.attrs.n, pack = o->m.pack.n;
	bool ok;

	json_init(&o->j, text, outer.arena);
	*out = (struct attrs){ NULL, 0 };
	*got = json_peek(&o->j) == '{' && json_plain_attrs(o, "attributes", out) &&
	    json_peek(&o->j) == '\0' && o->j.p == o->j.end;
	ok = !o->j.nomem && !o->m.nomem;
	outer.n_mended += o->j.n_mended;
	outer.nomem |= o->j.nomem;
	o->j = outer;
	o->m.attrs.n = mark;
	o->m.pack.n = pack;
	if (!*got)
		*out = (struct attrs){ NULL, 0 };
	return ok;
}

/* "name|{...}|dropped" is how the Collector packs an event; anything else is a name. */
static bool
event_of(struct otlp_json *o, struct sv text, struct event *e)
{
	struct sv rest = text, dropped = cut_last_bar(&rest), name;
	struct attrs attrs;
	uint64_t n;
	bool got;

	e->name = text;
	if (!sv_u64(dropped, &n) || n > UINT32_MAX)
		return true;
	name = cut_bar(&rest);
	if (!attrs_of_text(o, rest, &attrs, &got))
		return false;
	if (!got)
		return true;
	e->name = name;
	e->attrs = attrs;
	e->dropped_attrs = (uint32_t)n;
	return true;
}

static bool
annotation(struct zipkin *z)
{
	struct otlp_json *o = z->o;
	struct json_object obj = { false, 0 };
	struct event e = { .time_ns = 0 };
	struct sv text = SV_EMPTY;
	uint64_t us = 0;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "an annotation");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, annotation_names,
	    COUNT(annotation_names))) >= 0)
		ok = f == A_TIME ? otlp_json_u64(o, "timestamp", &us) :
		    otlp_json_text(o, "value", &text);
	if (!ok || f != JSON_END || !event_of(o, text, &e))
		return false;
	e.time_ns = tags_micros(o, "timestamp", us);
	return maker_event(&o->m, &e);
}

static bool
annotations(struct zipkin *z)
{
	bool begun = false;
	int r = otlp_json_open(z->o, '[', "annotations");

	if (r <= 0)
		return r == 0;
	z->o->m.events.n = 0;
	while ((r = json_element(&z->o->j, &begun)) > 0)
		if (!annotation(z))
			return false;
	return r == 0;
}

static bool
debug(struct zipkin *z)
{
	struct json_scalar t;

	if (!json_scalar(&z->o->j, &t))
		return false;
	z->debug = t.type == JSON_TRUE;
	return true;
}

static bool
span_member(struct zipkin *z, int field)
{
	struct otlp_json *o = z->o;
	struct span *s = o->m.span;

	switch (field) {
	case S_TRACE:
		return json_trace_id(o, "traceId", true, &s->trace_id);
	case S_ID:
		return json_span_id(o, "id", true, &s->span_id);
	case S_PARENT:
		return json_span_id(o, "parentId", true, &s->parent_span_id);
	case S_NAME:
		return otlp_json_text(o, "name", &s->name);
	case S_KIND:
		return otlp_json_enum(o, "kind", json_kind_word, &s->kind);
	case S_TIME:
		z->timed |= json_peek(&o->j) != 'n';
		return otlp_json_u64(o, "timestamp", &z->start_us);
	case S_DURATION:
		return otlp_json_u64(o, "duration", &z->duration_us);
	case S_DEBUG:
		return debug(z);
	case S_LOCAL:
		return endpoint(z, true);
	case S_REMOTE:
		return endpoint(z, false);
	case S_ANNOTATIONS:
		return annotations(z);
	default:
		return json_plain_members(o, "tags", 0, '\0');
	}
}

/* A link out of the text of otlp.link.N; a text that is none stays a tag: *got is false. */
static bool
link_of(struct otlp_json *o, struct sv text, bool *got)
{
	struct link l = { .span_id = 0 };
	struct sv dropped;
	uint64_t n;

	*got = json_id_text(cut_bar(&text), &l.trace_id, NULL) &&
	    json_id_text(cut_bar(&text), NULL, &l.span_id);
	if (!*got)
		return true;
	l.trace_state = cut_bar(&text);
	dropped = cut_last_bar(&text);
	if (!sv_u64(dropped, &n) || n > UINT32_MAX) {
		*got = false;
		return true;
	}
	l.dropped_attrs = (uint32_t)n;
	if (!attrs_of_text(o, text, &l.attrs, got))
		return false;
	return !*got || maker_link(&o->m, &l);
}

/* Whether a key is otlp.link.N, N below n, as take_links spells it. */
static bool
is_link_key(struct sv key, unsigned n)
{
	static const struct sv prefix = SV("otlp.link.");
	struct sv digits = sv_starts(key, prefix) ? sv_sub(key, prefix.n, key.n) : SV_EMPTY;
	uint64_t i;

	return digits.n != 0 && digits.p[0] >= '0' && digits.p[0] <= '9' &&
	    (digits.n == 1 || digits.p[0] != '0') && sv_u64(digits, &i) && i < n;
}

/* Those that are links become links, then go all at once: there may be thousands. */
static bool
take_links(struct otlp_json *o, struct attrs *a)
{
	unsigned n = 0;
	uint32_t kept = 0;

	for (bool got = true; got; ) {
		const struct value *v;
		char key[24];

		snprintf(key, sizeof key, "otlp.link.%u", n);
		v = attrs_find(a, sv_cstr(key));
		if (v == NULL || v->type != VAL_STRING)
			break;
		if (!link_of(o, v->s, &got))
			return false;
		n += got;
	}
	for (uint32_t i = 0; i < a->n; i++)
		if (!is_link_key(a->v[i].key, n))
			a->v[kept++] = a->v[i];
	a->n = kept;
	return true;
}

static bool
finish(struct zipkin *z)
{
	struct otlp_json *o = z->o;
	struct span *s = o->m.span;

	s->start_ns = tags_micros(o, "timestamp", z->start_us);
	if (__builtin_add_overflow(s->start_ns, tags_micros(o, "duration", z->duration_us),
	    &s->end_ns))
		maker_complain(&o->m, "its end is out of range");
	if (z->debug)
		s->flags = 1;
	if (!z->timed && !maker_attr(&o->m, 0, SV("otel.zipkin.absentField.startTime"),
	    &(struct value){ .type = VAL_BOOL, .b = true }))
		return false;
	return maker_attrs_end(&o->m, 0, &s->attrs) && take_links(o, &s->attrs) &&
	    tags_service(o, z->service) && tags_apply(o);
}

bool
zipkin_json_span(struct otlp_json *o)
{
	struct zipkin z = { .o = o };
	struct json_object obj = { false, 0 };
	bool ok = json_enter(&o->j, '{');
	int f = JSON_BROKEN;

	if (!ok || !maker_resource(&o->m) || !maker_scope(&o->m) || !maker_span(&o->m))
		return false;
	o->j.repaired = false;
	while (ok && (f = json_member(&o->j, &obj, span_names, COUNT(span_names))) >= 0)
		ok = span_member(&z, f);
	if (!ok || f != JSON_END || !finish(&z))
		return false;
	o->m.repaired |= o->j.repaired;
	return maker_span_end(&o->m);
}
