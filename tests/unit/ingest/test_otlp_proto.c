/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of ingest/otlp_proto: what survives (compared with spans made otherwise), how
 * fields may come, what malformed bytes cost. Messages are built with lib/wire_write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/limits.h"
#include "ingest/ingest.h"
#include "lib/gen_span.h"
#include "lib/span_check.h"
#include "lib/wire_write.h"

static const uint8_t trace_bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
#define TRACE sv_new(trace_bytes, 16)
#define SPAN SV("\1\0\0\0\0\0\0\2")
#define SPAN_ID 0x0100000000000002

struct parsed {
	char *body;
	struct span_batch batch;
	struct ingest_result r;
	char why[200];		/* of the first reject */
	uint64_t lost;
};

static void
note(void *arg, const struct reject *r)
{
	struct parsed *p = arg;

	assert_int_equal(r->line, 3);
	if (p->why[0] == '\0')
		memcpy(p->why, r->why, sizeof p->why);
	p->lost += r->n_spans;
}

/* Parses a copy that is exactly as long as the body. */
static void
parse(struct parsed *p, struct sv body)
{
	struct err err;

	memset(p, 0, sizeof *p);
	p->body = malloc(body.n + (body.n == 0));
	assert_non_null(p->body);
	if (body.n != 0)
		memcpy(p->body, body.p, body.n);
	span_batch_init(&p->batch);
	p->r.reject = note;
	p->r.reject_arg = p;
	assert_int_equal(otlp_proto_parse(sv_new(p->body, body.n), 3, &p->batch, &p->r, &err), 0);
	assert_int_equal(p->batch.n, p->r.n_spans);
	assert_int_equal(p->lost, p->r.n_rejected);
}

/* Parses and releases the body. */
static void
parse_buf(struct parsed *p, struct buf *b)
{
	parse(p, buf_view(b));
	buf_release(b);
}

static void
done(struct parsed *p)
{
	span_batch_release(&p->batch);
	free(p->body);
}

/* Wraps messages of spans: b becomes a request; with a good span (id 0xaa) after it. */
static void
wrap(struct buf *b, struct buf *span)
{
	struct buf ss = BUF_INIT, rs = BUF_INIT, good = BUF_INIT;

	wire_message(&ss, 2, span);
	wire_bytes(&good, 1, TRACE);
	wire_bytes(&good, 2, SV("\0\0\0\0\0\0\0\xaa"));
	wire_message(&ss, 2, &good);
	wire_message(&rs, 2, &ss);
	wire_message(b, 1, &rs);
}

static void
ids(struct buf *b)
{
	wire_bytes(b, 1, TRACE);
	wire_bytes(b, 2, SPAN);
}

static void
assert_same_spans(const struct span_batch *a, const struct span_batch *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		struct hash128 x = span_hash(&a->spans[i]), y = span_hash(&b->spans[i]);

		assert_memory_equal(&x, &y, sizeof x);
	}
}

/*
 * The generator makes empty keys and spans that are their own parents, which are mended, and
 * entity references, which wire_write leaves out.
 */
static void
drop_empty_key(struct attrs *a)
{
	if (a->n > 0 && a->v[0].key.n == 0) {
		a->v++;
		a->n--;
	}
}

static void
simplify(struct span *s)
{
	struct resource *r = (struct resource *)(uintptr_t)s->resource;
	struct scope *sc = (struct scope *)(uintptr_t)s->scope;

	r->entity_refs.type = VAL_EMPTY;
	drop_empty_key(&r->attrs);
	drop_empty_key(&sc->attrs);
	drop_empty_key(&s->attrs);
	if (s->parent_span_id == s->span_id)
		s->parent_span_id = 0;
	for (uint32_t i = 0; i < s->n_events; i++)
		drop_empty_key((struct attrs *)(uintptr_t)&s->events[i].attrs);
	for (uint32_t i = 0; i < s->n_links; i++)
		drop_empty_key((struct attrs *)(uintptr_t)&s->links[i].attrs);
}

static void
every_field_survives(void **state)
{
	struct gen_span_options opts = { .seed = 5, .start_ns = 1, .range_ns = 1000000,
	    .wild_times = true, .unique_ids = true, .ascii = true };
	struct span_batch made;
	struct gen_span gen;
	struct buf b = BUF_INIT;
	struct parsed p;

	(void)state;
	span_batch_init(&made);
	gen_span_init(&gen, &opts);
	assert_true(gen_span_add(&gen, &made, 2000));
	for (size_t i = 0; i < made.n; i++)
		simplify(&made.spans[i]);
	wire_request(&b, made.spans, made.n);
	parse_buf(&p, &b);
	assert_string_equal(p.why, "");
	assert_int_equal(p.r.n_repaired, 0);
	assert_same_spans(&made, &p.batch);
	done(&p);
	span_batch_release(&made);
}

static void
says_the_same_as_json(void **state)
{
	static const char json[] =
	    "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\","
	    "\"value\":{\"stringValue\":\"a\"}}],\"entityRefs\":[{\"type\":\"service\",\"idKeys\":"
	    "[\"service.name\"],\"descriptionKeys\":[\"d\"],\"schemaUrl\":\"u\"},{}]},"
	    "\"scopeSpans\":[{\"spans\":[{\"traceId\":\"0102030405060708090a0b0c0d0e0f10\","
	    "\"spanId\":\"0100000000000002\",\"kind\":-3,\"status\":{\"code\":-1}}]}]}]}";
	struct ingest_result r = { .n_spans = 0 };
	struct buf b = BUF_INIT, rs = BUF_INIT, res = BUF_INIT, m = BUF_INIT, v = BUF_INIT;
	struct buf ss = BUF_INIT, sp = BUF_INIT;
	struct span_batch batch;
	struct parsed p;
	struct err err;

	(void)state;
	span_batch_init(&batch);
	assert_int_equal(otlp_json_parse(sv_cstr(json), 1, &batch, &r, &err), 0);
	ids(&sp);
	wire_varint(&sp, 6, (uint64_t)-3);
	wire_varint(&m, 3, (uint64_t)-1);
	wire_message(&sp, 15, &m);
	wire_message(&ss, 2, &sp);
	wire_message(&rs, 2, &ss);
	/* The resource after its spans, in two parts, the entity's keys in turns. */
	wire_text(&m, 3, "service.name");
	wire_text(&m, 1, "u");
	wire_text(&m, 4, "d");
	wire_text(&m, 2, "service");
	wire_message(&res, 3, &m);
	wire_message(&res, 3, &m);
	wire_message(&rs, 1, &res);
	wire_text(&m, 1, "service.name");
	wire_text(&v, 1, "a");
	wire_message(&m, 2, &v);
	wire_message(&res, 1, &m);
	wire_message(&rs, 1, &res);
	wire_message(&b, 1, &rs);
	parse_buf(&p, &b);
	assert_same_spans(&batch, &p.batch);
	assert_true(sv_is(p.batch.spans[0].resource->service, "a"));
	assert_int_equal(p.batch.spans[0].kind, -3);
	done(&p);
	span_batch_release(&batch);
}

/* Every text that wire_request can write, with a byte that no text has. */
static void
texts_that_are_not_utf8_are_repaired(void **state)
{
	struct sv bad = SV("x\xff");
	struct buf list = BUF_INIT, b = BUF_INIT;
	struct attr attr[3] = { { SV("bytes"), { .type = VAL_BYTES, .s = bad } },
	    { bad, { .type = VAL_ARRAY } }, { SV("x\xff\xff"), { .type = VAL_STRING, .s = bad } } };
	struct attrs attrs = { attr, 3 };
	struct resource r = { .attrs = attrs, .schema_url = bad };
	struct scope sc = { .name = bad, .version = bad, .attrs = attrs, .schema_url = bad };
	struct event e = { .name = bad, .attrs = attrs };
	struct link l = { .trace_state = bad, .attrs = attrs };
	struct span s = { .trace_id = { 1, 2 }, .span_id = 3, .name = bad, .status_message = bad,
	    .trace_state = bad, .attrs = attrs, .events = &e, .links = &l, .n_events = 1,
	    .n_links = 1, .resource = &r, .scope = &sc };
	struct parsed p;

	(void)state;
	/* A map in an array: {bad: bad}. */
	value_pack(&list, &(struct value){ .type = VAL_MAP, .s = SV("\x02x\xff\x01\x02x\xff") });
	attr[1].val.s = buf_view(&list);
	assert_true(value_check(VAL_ARRAY, attr[1].val.s));
	wire_request(&b, &s, 1);
	buf_release(&list);
	parse_buf(&p, &b);
	assert_string_equal(p.why, "");
	assert_int_equal(p.batch.n, 1);
	assert_true(span_texts_utf8(&p.batch.spans[0]));
	assert_null(span_check(&p.batch.spans[0]));
	assert_true(sv_is(p.batch.spans[0].name, "x\xef\xbf\xbd"));
	assert_true(sv_eq(attrs_find(&p.batch.spans[0].attrs, SV("bytes"))->s, bad));
	assert_int_equal(p.r.n_repaired, 1);
	/* Nine texts of messages, and five in each of the five lists of attributes. */
	assert_int_equal(p.r.n_mended, 9 + 5 * 5);
	done(&p);
}

static void
fields_may_come_in_any_order_and_twice(void **state)
{
	struct buf b = BUF_INIT, sp = BUF_INIT, m = BUF_INIT, v = BUF_INIT;
	struct parsed p;
	const struct span *s;

	(void)state;
	wire_text(&sp, 5, "first");
	wire_varint(&m, 3, 2);
	wire_message(&sp, 15, &m);		/* a status in two parts */
	wire_text(&sp, 4000, "a stranger");
	wire_varint(&sp, 4001, 1);
	wire_fixed64(&sp, 4002, 1);
	wire_fixed32(&sp, 4003, 1);
	wire_text(&m, 2, "bad");
	wire_message(&sp, 15, &m);
	wire_text(&sp, 5, "second");
	wire_varint(&v, 3, 7);
	wire_message(&m, 2, &v);		/* value before key */
	wire_text(&m, 1, "k");
	wire_message(&sp, 9, &m);
	wire_text(&m, 2, "event between");
	wire_message(&sp, 11, &m);
	wire_text(&m, 1, "a");
	wire_message(&sp, 9, &m);		/* no value at all */
	ids(&sp);
	wrap(&b, &sp);
	parse_buf(&p, &b);
	assert_int_equal(p.batch.n, 2);
	assert_int_equal(p.r.n_repaired, 0);
	s = p.batch.spans;
	assert_true(sv_is(s->name, "second"));
	assert_true(sv_is(s->status_message, "bad"));
	assert_int_equal(s->status, STATUS_ERROR);
	assert_int_equal(s->attrs.n, 2);
	assert_int_equal(attrs_find(&s->attrs, SV("k"))->i, 7);
	assert_int_equal(attrs_find(&s->attrs, SV("a"))->type, VAL_EMPTY);
	assert_int_equal(s->n_events, 1);
	assert_int_equal(s->span_id, SPAN_ID);
	done(&p);
}

/* One attribute "k" whose AnyValue consists of these bytes, given in two parts. */
static void
parse_value(struct parsed *p, struct sv one, struct sv two)
{
	struct buf b = BUF_INIT, sp = BUF_INIT, m = BUF_INIT;

	ids(&sp);
	wire_text(&m, 1, "k");
	wire_bytes(&m, 2, one);
	if (two.p != NULL)
		wire_bytes(&m, 2, two);
	wire_message(&sp, 9, &m);
	wrap(&b, &sp);
	parse_buf(p, &b);
}

static void
oneof_the_last_wins_and_parts_are_joined(void **state)
{
	struct parsed p;
	const struct value *v;
	struct cursor c;
	struct value x;
	struct sv key;

	(void)state;
	parse_value(&p, SV("\x0a\x01" "x\x10\x01"), SV_EMPTY);
	v = attrs_find(&p.batch.spans[0].attrs, SV("k"));
	assert_true(v->type == VAL_BOOL && v->b);
	done(&p);
	/* An array of one int, then a string. */
	parse_value(&p, SV("\x2a\x04\x0a\x02\x18\x05"), SV("\x0a\x00"));
	v = attrs_find(&p.batch.spans[0].attrs, SV("k"));
	assert_true(v->type == VAL_STRING && v->s.n == 0);
	done(&p);
	/* An array in two parts is one array. */
	parse_value(&p, SV("\x2a\x04\x0a\x02\x18\x05"), SV("\x2a\x02\x0a\x00"));
	v = attrs_find(&p.batch.spans[0].attrs, SV("k"));
	assert_true(v->type == VAL_ARRAY && value_check(v->type, v->s));
	c = cursor_new(v->s.p, v->s.n);
	assert_true(value_array_next(&c, &x) && x.i == 5);
	assert_true(value_array_next(&c, &x) && x.type == VAL_EMPTY);
	assert_false(value_array_next(&c, &x));
	done(&p);
	/* A map likewise: b, a and again b; in order, the last b. */
	parse_value(&p, SV("\x32\x0e\x0a\x05\x0a\x01" "b\x12\x00\x0a\x05\x0a\x01" "a\x12\x00"),
	    SV("\x32\x09\x0a\x07\x0a\x01" "b\x12\x02\x18\x09"));
	v = attrs_find(&p.batch.spans[0].attrs, SV("k"));
	assert_true(v->type == VAL_MAP && value_check(v->type, v->s));
	c = cursor_new(v->s.p, v->s.n);
	assert_true(value_map_next(&c, &key, &x) && sv_is(key, "a"));
	assert_true(value_map_next(&c, &key, &x) && sv_is(key, "b") && x.i == 9);
	assert_false(value_map_next(&c, &key, &x));
	done(&p);
	/* The profiles' index into a table that is not there. */
	parse_value(&p, SV("\x40\x05"), SV_EMPTY);
	assert_int_equal(attrs_find(&p.batch.spans[0].attrs, SV("k"))->type, VAL_EMPTY);
	done(&p);
}

static void
repairs_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct buf b = BUF_INIT, sp = BUF_INIT, m = BUF_INIT;
		struct parsed p;

		if (i == 0) {		/* hex digits where bytes should be */
			wire_text(&sp, 1, "0102030405060708090A0b0c0d0e0f10");
			wire_text(&sp, 2, "0100000000000002");
		} else
			ids(&sp);
		if (i == 1)
			wire_bytes(&sp, 4, SPAN);	/* its own parent */
		if (i == 2)
			wire_varint(&sp, 5, 1);		/* a name that is a number */
		if (i == 3) {
			wire_text(&m, 1, "");		/* an attribute without a key */
			wire_message(&sp, 9, &m);
		}
		if (i == 4)
			wire_varint(&sp, 7, 1);		/* a start that is a varint */
		wrap(&b, &sp);
		parse_buf(&p, &b);
		assert_int_equal(p.batch.n, 2);
		assert_int_equal(p.r.n_repaired, 1);
		assert_int_equal(p.batch.spans[0].span_id, SPAN_ID);
		assert_int_equal(p.batch.spans[0].trace_id.lo, 0x090a0b0c0d0e0f10);
		assert_int_equal(p.batch.spans[0].parent_span_id, 0);
		assert_int_equal(p.batch.spans[0].attrs.n, 0);
		done(&p);
	}
}

/* Bytes of a Span after its ids, and what is said of it. */
static const struct bad_span {
	const char *bytes;
	size_t n;
	const char *why;
} bad_spans[] = {
#define BYTES(lit) lit, sizeof(lit) - 1
	{ BYTES("\x0a\x01x"), "span 0100000000000002: trace_id has 1 bytes and not 16" },
	{ BYTES("\x0a\x20" "0102030405060708090a0b0c0d0e0fzz"), "trace_id has 32 bytes" },
	{ BYTES("\x0a\x00"), "its trace id is missing or all zero" },
	{ BYTES("\x0a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "its trace id is missing or all zero" },
	{ BYTES("\x12\x00"), "span 1 of the record: its span id is missing or all zero" },
	{ BYTES("\x12\x07" "1234567"), "span_id has 7 bytes and not 8" },
	{ BYTES("\x22\x09" "123456789"), "parent_span_id has 9 bytes and not 8" },
	{ BYTES("\x2a"), "a varint without an end in the span" },
	{ BYTES("\x2a\x05" "ab"), "a length past the end in the span" },
	{ BYTES("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a length past the end" },
	{ BYTES("\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "a varint without an end" },
	{ BYTES("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a varint without an end" },
	{ BYTES("\x30"), "a varint without an end" },
	{ BYTES("\x39\x00\x00"), "a number past the end" },
	{ BYTES("\x85\x01\x00"), "a number past the end" },
	{ BYTES("\x2b\x2c"), "a group or an unknown wire type" },
	{ BYTES("\x2c"), "a group or an unknown wire type" },
	{ BYTES("\x2e"), "a group or an unknown wire type" },
	{ BYTES("\x2f"), "a group or an unknown wire type" },
	{ BYTES("\x02\x00"), "an impossible field number" },
	{ BYTES("\xfa\xff\xff\xff\xff\x01\x00"), "an impossible field number" },
	{ BYTES("\x4a\x02\x0a\x05"), "a length past the end in an attribute" },
	{ BYTES("\x4a\x03\x0a\x01k\x4a\x05\x12\x03\x0a\x05x"), "a length past the end in a value" },
	{ BYTES("\x4a\x06\x12\x04\x2a\x02\x0a\x05"), "a length past the end in an array" },
	{ BYTES("\x4a\x06\x12\x04\x32\x02\x0a\x05"), "a length past the end in a map" },
	{ BYTES("\x4a\x08\x12\x06\x32\x04\x0a\x02\x12\x05"), "past the end in an attribute" },
	{ BYTES("\x4a\x04\x12\x02\x18\x80"), "a varint without an end in a value" },
	{ BYTES("\x4a\x06\x12\x04\x21\0\0\0"), "a number past the end in a value" },
	{ BYTES("\x5a\x02\x12\x05"), "a length past the end in an event" },
	{ BYTES("\x5a\x04\x1a\x02\x0a\x05"), "a length past the end in an attribute" },
	{ BYTES("\x6a\x02\x22\x05"), "a length past the end in a link" },
	{ BYTES("\x6a\x03\x0a\x01x"), "trace_id has 1 bytes and not 16" },
	{ BYTES("\x7a\x01\x18"), "a varint without an end in a status" },
};

static void
malformed_bytes_cost_their_span(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_spans / sizeof *bad_spans; i++) {
		struct buf b = BUF_INIT, sp = BUF_INIT;
		struct parsed p;

		ids(&sp);
		wire_fixed64(&sp, 7, 1);
		buf_put(&sp, bad_spans[i].bytes, bad_spans[i].n);
		wrap(&b, &sp);
		parse_buf(&p, &b);
		if (p.batch.n != 1 || p.r.n_rejected != 1 || p.r.n_broken != 0 ||
		    strstr(p.why, bad_spans[i].why) == NULL)
			fail_msg("%zu: kept %zu: %s", i, p.batch.n, p.why);
		assert_int_equal(p.batch.spans[0].span_id, 0xaa);
		done(&p);
	}
}

static void
malformed_layers_cost_what_follows(void **state)
{
	static const struct {
		struct sv body;
		const char *why;
	} cases[] = {
		{ { BYTES("\x0a") }, "byte 1: a varint without an end in the request" },
		{ { BYTES("\x0a\x05") }, "byte 2: a length past the end in the request" },
		{ { BYTES("\x0a\x02\x12\x05") }, "a length past the end in a ResourceSpans" },
		{ { BYTES("\x0a\x04\x12\x02\x12\x05") }, "a length past the end in a ScopeSpans" },
		{ { BYTES("\x0a\x04\x0a\x02\x0a\x05") }, "a length past the end in a resource" },
		{ { BYTES("\x0a\x04\x0a\x02\x1a\x05") }, "a length past the end in a resource" },
		{ { BYTES("\x0a\x06\x12\x04\x0a\x02\x0a\x05") }, "past the end in a scope" },
		{ { BYTES("\x12\x00") }, "a message without ResourceSpans: not OTLP" },
		{ { BYTES("\x08\x01") }, "a message without ResourceSpans: not OTLP" },
		{ { BYTES("hello, world") }, "byte 3: a group or an unknown wire type in the request" },
		{ { BYTES("\0\0\0\0") }, "an impossible field number in the request" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parsed p;

		parse(&p, cases[i].body);
		assert_int_equal(p.batch.n, 0);
		if (strstr(p.why, cases[i].why) == NULL)
			fail_msg("%zu: %s", i, p.why);
		done(&p);
	}
#undef BYTES
}

/* Of a request cut anywhere, whole spans stay, and nothing is read past the end. */
static void
survives_a_cut_at_every_byte(void **state)
{
	struct gen_span_options opts = { .seed = 9, .start_ns = 1, .range_ns = 1000 };
	struct span_batch made;
	struct gen_span gen;
	struct buf b = BUF_INIT;

	(void)state;
	span_batch_init(&made);
	gen_span_init(&gen, &opts);
	assert_true(gen_span_add(&gen, &made, 6));
	wire_request(&b, made.spans, made.n);
	for (size_t n = 0; n < b.n; n += 1 + n / 500) {
		struct parsed p;

		parse(&p, sv_sub(buf_view(&b), 0, n));
		assert_true(p.batch.n <= made.n);
		done(&p);
	}
	buf_release(&b);
	span_batch_release(&made);
}

static void
other_signals_are_counted_and_left(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct buf b = BUF_INIT, ss = BUF_INIT, rs = BUF_INIT, m = BUF_INIT;
		struct parsed p;

		if (i == 0) {		/* a log record */
			wire_fixed64(&m, 1, 1772409600551980701);
			wire_varint(&m, 2, 9);
		} else if (i == 1) {	/* a metric with a gauge */
			wire_text(&m, 1, "http.server.duration");
			wire_text(&m, 3, "ms");
			wire_text(&m, 5, "");
		} else			/* a profile */
			wire_fixed64(&m, 3, 1772409600551980701);
		wire_message(&ss, 2, &m);
		wire_message(&rs, 2, &ss);
		wire_message(&b, 1, &rs);
		parse_buf(&p, &b);
		assert_int_equal(p.r.n_foreign, 1);
		assert_string_equal(p.why, "");
		done(&p);
	}
}

static void
old_library_spans_are_read(void **state)
{
	struct buf b = BUF_INIT, sp = BUF_INIT, ss = BUF_INIT, rs = BUF_INIT;
	struct parsed p;

	(void)state;
	ids(&sp);
	wire_message(&ss, 2, &sp);
	wire_message(&rs, 1000, &ss);
	wire_message(&b, 1, &rs);
	parse_buf(&p, &b);
	assert_int_equal(p.batch.n, 1);
	done(&p);
}

static void
empty_requests_are_fine(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, SV_EMPTY);
	assert_string_equal(p.why, "");
	done(&p);
	parse(&p, SV("\x0a\x00\x0a\x02\x12\x00"));
	assert_string_equal(p.why, "");
	assert_int_equal(p.batch.n, 0);
	done(&p);
}

static void
bounds_the_nesting_of_values(void **state)
{
	static const size_t depths[] = { LIMIT_VALUE_DEPTH, LIMIT_VALUE_DEPTH + 1, 20000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct buf v = BUF_INIT, up = BUF_INIT;
		struct parsed p;

		for (size_t d = 0; d < depths[i]; d++) {
			wire_message(&up, d > 0 ? 1 : 3, &v);
			wire_message(&v, 5, &up);
		}
		parse_value(&p, buf_view(&v), SV_EMPTY);
		assert_int_equal(p.batch.n, i == 0 ? 2 : 1);
		if (i > 0)
			assert_non_null(strstr(p.why, "nested more than 64 deep"));
		else
			assert_true(value_check(VAL_ARRAY,
			    attrs_find(&p.batch.spans[0].attrs, SV("k"))->s));
		done(&p);
		buf_release(&v);
	}
}

/* Two bytes make an empty event, element or span; they must not make much memory. */
static void
memory_stays_in_proportion(void **state)
{
	struct buf b = BUF_INIT, sp = BUF_INIT, list = BUF_INIT, m = BUF_INIT, v = BUF_INIT;
	struct parsed p;

	(void)state;
	ids(&sp);
	for (int i = 0; i < 100000; i++) {
		wire_text(&sp, 11, "");
		wire_text(&list, 1, "");
	}
	wire_message(&v, 5, &list);
	wire_text(&m, 1, "k");
	wire_message(&m, 2, &v);
	wire_message(&sp, 9, &m);
	wrap(&b, &sp);
	for (int i = 0; i < 100000; i++)
		wire_text(&b, 1, "");
	parse(&p, buf_view(&b));
	assert_int_equal(p.batch.n, 2);
	assert_int_equal(p.batch.spans[0].n_events, 100000);
	assert_true(p.batch.arena.used < 40 * b.n);
	done(&p);
	buf_release(&b);
}

static void
bounds_the_events_of_a_span(void **state)
{
	struct buf b = BUF_INIT, sp = BUF_INIT;
	struct parsed p;

	(void)state;
	ids(&sp);
	for (int i = 0; i <= LIMIT_SPAN_EVENTS; i++)
		wire_text(&sp, 11, "\x12\x06" "theirs");
	wrap(&b, &sp);
	parse_buf(&p, &b);
	assert_int_equal(p.batch.n, 1);
	assert_non_null(strstr(p.why, "more than 1000000 events"));
	done(&p);
}

/* Of all spans of a request together: two bytes each would take 24 times as much. */
static void
bounds_the_memory_of_empty_events_and_links(void **state)
{
	static const unsigned fields[] = { 11, 13 };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct buf b = BUF_INIT, ss = BUF_INIT, rs = BUF_INIT;
		struct parsed p;

		for (int i = 0; i < 20; i++) {
			struct buf sp = BUF_INIT;

			ids(&sp);
			for (int n = 0; n < 50000; n++)
				wire_text(&sp, fields[k], "");
			wire_message(&ss, 2, &sp);
		}
		wire_message(&rs, 2, &ss);
		wire_message(&b, 1, &rs);
		parse_buf(&p, &b);
		assert_non_null(strstr(p.why, "more empty events and links"));
		assert_true(p.batch.n >= 5 && p.batch.n < 15);
		done(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(says_the_same_as_json),
		cmocka_unit_test(texts_that_are_not_utf8_are_repaired),
		cmocka_unit_test(fields_may_come_in_any_order_and_twice),
		cmocka_unit_test(oneof_the_last_wins_and_parts_are_joined),
		cmocka_unit_test(repairs_are_counted),
		cmocka_unit_test(malformed_bytes_cost_their_span),
		cmocka_unit_test(malformed_layers_cost_what_follows),
		cmocka_unit_test(survives_a_cut_at_every_byte),
		cmocka_unit_test(other_signals_are_counted_and_left),
		cmocka_unit_test(old_library_spans_are_read),
		cmocka_unit_test(empty_requests_are_fine),
		cmocka_unit_test(bounds_the_nesting_of_values),
		cmocka_unit_test(memory_stays_in_proportion),
		cmocka_unit_test(bounds_the_events_of_a_span),
		cmocka_unit_test(bounds_the_memory_of_empty_events_and_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
