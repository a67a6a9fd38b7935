/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of ingest/otlp_json: what survives, what is forgiven, what is rejected and in
 * which words. Bodies are written with ' for ", which is swapped before parsing.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/limits.h"
#include "ingest/ingest.h"
#include "lib/span_check.h"

#define IDS "'traceId':'5b8aa5a2d2c872e8321cf37308d69df2','spanId':'051581bf3cb55c13'"
#define OTHER "{'traceId':'5b8aa5a2d2c872e8321cf37308d69df2','spanId':'00000000000000aa'}"
#define WRAP(spans) "{'resourceSpans':[{'scopeSpans':[{'spans':[" spans "]}]}]}"
/* One span with these members besides its ids, and a good one after it. */
#define BAD(members) WRAP("{" IDS "," members "}," OTHER)
#define ATTR(value) BAD("'attributes':[{'key':'k','value':" value "}]")

struct parsed {
	char *body;
	struct span_batch batch;
	struct ingest_result r;
	char why[200];		/* of the first reject */
	uint64_t lines, lost;
};

static void
note(void *arg, const struct reject *r)
{
	struct parsed *p = arg;

	if (p->why[0] == '\0')
		memcpy(p->why, r->why, sizeof p->why);
	p->lines += r->line == 7;
	p->lost += r->n_spans;
}

static void
parse_bytes(struct parsed *p, const char *text, size_t n)
{
	struct err err;

	memset(p, 0, sizeof *p);
	/* Exactly as long as the body, for the sanitizer to watch its end. */
	p->body = malloc(n + (n == 0));
	assert_non_null(p->body);
	for (size_t i = 0; i < n; i++)
		p->body[i] = text[i] == '\'' ? '"' : text[i];
	span_batch_init(&p->batch);
	p->r.reject = note;
	p->r.reject_arg = p;
	assert_int_equal(otlp_json_parse(sv_new(p->body, n), 7, &p->batch, &p->r, &err), 0);
	assert_int_equal(p->batch.n, p->r.n_spans);
	assert_int_equal(p->lost, p->r.n_rejected);
}

static void
parse(struct parsed *p, const char *text)
{
	parse_bytes(p, text, strlen(text));
}

static void
done(struct parsed *p)
{
	span_batch_release(&p->batch);
	free(p->body);
}

/* Parses a body that must give exactly one span, cleanly, and hashes it. */
static struct hash128
hash_of(const char *text)
{
	struct parsed p;
	struct hash128 h;

	parse(&p, text);
	assert_string_equal(p.why, "");
	assert_int_equal(p.batch.n, 1);
	h = span_hash(&p.batch.spans[0]);
	done(&p);
	return h;
}

static void
assert_same(const char *a, const char *b)
{
	struct hash128 x = hash_of(a), y = hash_of(b);

	assert_memory_equal(&x, &y, sizeof x);
}

static const char full[] =
    "{'resourceSpans':[{'resource':{'attributes':[{'key':'service.name','value':"
    "{'stringValue':'shop'}},{'key':'host.id','value':{'intValue':'3'}}],"
    "'droppedAttributesCount':1,'entityRefs':[{'schemaUrl':'u','type':'service',"
    "'idKeys':['service.name'],'descriptionKeys':['a','b']}]},'scopeSpans':[{'scope':"
    "{'name':'lib','version':'1.2','attributes':[{'key':'x','value':{'boolValue':true}}],"
    "'droppedAttributesCount':2},'spans':[{" IDS ",'traceState':'a=b','parentSpanId':"
    "'0000000000000001','flags':257,'name':'GET /','kind':2,'startTimeUnixNano':"
    "'1772409600551980701','endTimeUnixNano':'18446744073709551615','attributes':["
    "{'key':'s','value':{'stringValue':''}},{'key':'b','value':{'boolValue':false}},"
    "{'key':'i','value':{'intValue':'-9223372036854775808'}},"
    "{'key':'d','value':{'doubleValue':0.1}},{'key':'e','value':{}},"
    "{'key':'y','value':{'bytesValue':'AP8='}},"
    "{'key':'a','value':{'arrayValue':{'values':[{'intValue':'1'},{'stringValue':'x'},{}]}}},"
    "{'key':'m','value':{'kvlistValue':{'values':[{'key':'z','value':{'intValue':'2'}},"
    "{'key':'a','value':{'arrayValue':{}}}]}}}],'droppedAttributesCount':3,'events':["
    "{'timeUnixNano':'5','name':'ev','attributes':[{'key':'k','value':{'stringValue':'v'}}],"
    "'droppedAttributesCount':4}],'droppedEventsCount':5,'links':[{'traceId':"
    "'000000000000000000000000000000ff','spanId':'00000000000000ee','traceState':'c=d',"
    "'attributes':[{'key':'l','value':{'intValue':1}}],'droppedAttributesCount':6,"
    "'flags':768}],'droppedLinksCount':7,'status':{'message':'no','code':2}}],"
    "'schemaUrl':'https://scope'}],'schemaUrl':'https://resource'}]}";

static const struct value *
attr(const struct span *s, const char *key)
{
	return attrs_find(&s->attrs, sv_cstr(key));
}

static void
every_field_survives(void **state)
{
	struct parsed p;
	const struct span *s;
	const struct value *v;
	struct cursor c;
	struct value x;
	struct sv key;

	(void)state;
	parse(&p, full);
	assert_string_equal(p.why, "");
	assert_int_equal(p.r.n_repaired, 0);
	assert_int_equal(p.batch.n, 1);
	s = p.batch.spans;
	assert_int_equal(s->trace_id.hi, 0x5b8aa5a2d2c872e8);
	assert_int_equal(s->trace_id.lo, 0x321cf37308d69df2);
	assert_int_equal(s->span_id, 0x051581bf3cb55c13);
	assert_int_equal(s->parent_span_id, 1);
	assert_int_equal(s->start_ns, 1772409600551980701);
	assert_int_equal(s->end_ns, UINT64_MAX);
	assert_int_equal(s->kind, KIND_SERVER);
	assert_int_equal(s->status, STATUS_ERROR);
	assert_int_equal(s->flags, 257);
	assert_int_equal(s->dropped_attrs, 3);
	assert_int_equal(s->dropped_events, 5);
	assert_int_equal(s->dropped_links, 7);
	assert_true(sv_is(s->name, "GET /"));
	assert_true(sv_is(s->status_message, "no"));
	assert_true(sv_is(s->trace_state, "a=b"));
	assert_int_equal(s->attrs.n, 8);
	assert_int_equal(attr(s, "s")->type, VAL_STRING);
	assert_int_equal(attr(s, "s")->s.n, 0);
	assert_int_equal(attr(s, "b")->type, VAL_BOOL);
	assert_false(attr(s, "b")->b);
	assert_true(attr(s, "i")->i == INT64_MIN);
	assert_true(attr(s, "d")->d == 0.1);
	assert_int_equal(attr(s, "e")->type, VAL_EMPTY);
	assert_int_equal(attr(s, "y")->type, VAL_BYTES);
	assert_memory_equal(attr(s, "y")->s.p, "\0\xff", 2);
	v = attr(s, "a");
	assert_true(v->type == VAL_ARRAY && value_check(VAL_ARRAY, v->s));
	c = cursor_new(v->s.p, v->s.n);
	assert_true(value_array_next(&c, &x) && x.i == 1);
	assert_true(value_array_next(&c, &x) && sv_is(x.s, "x"));
	assert_true(value_array_next(&c, &x) && x.type == VAL_EMPTY);
	assert_false(value_array_next(&c, &x));
	v = attr(s, "m");
	assert_true(v->type == VAL_MAP && value_check(VAL_MAP, v->s));
	c = cursor_new(v->s.p, v->s.n);
	assert_true(value_map_next(&c, &key, &x) && sv_is(key, "a") && x.type == VAL_ARRAY);
	assert_true(value_map_next(&c, &key, &x) && sv_is(key, "z") && x.i == 2);
	assert_int_equal(s->n_events, 1);
	assert_int_equal(s->events[0].time_ns, 5);
	assert_true(sv_is(s->events[0].name, "ev"));
	assert_int_equal(s->events[0].attrs.n, 1);
	assert_int_equal(s->events[0].dropped_attrs, 4);
	assert_int_equal(s->n_links, 1);
	assert_int_equal(s->links[0].trace_id.lo, 0xff);
	assert_int_equal(s->links[0].span_id, 0xee);
	assert_true(sv_is(s->links[0].trace_state, "c=d"));
	assert_int_equal(s->links[0].attrs.v[0].val.i, 1);
	assert_int_equal(s->links[0].dropped_attrs, 6);
	assert_int_equal(s->links[0].flags, 768);
	assert_true(sv_is(s->resource->service, "shop"));
	assert_true(sv_is(s->resource->schema_url, "https://resource"));
	assert_int_equal(s->resource->dropped_attrs, 1);
	assert_int_equal(s->resource->attrs.n, 2);
	assert_true(sv_is(s->scope->name, "lib"));
	assert_true(sv_is(s->scope->version, "1.2"));
	assert_true(sv_is(s->scope->schema_url, "https://scope"));
	assert_int_equal(s->scope->attrs.n, 1);
	assert_int_equal(s->scope->dropped_attrs, 2);
	done(&p);
}

static void
entity_refs_become_a_value(void **state)
{
	static const char *const keys[] = { "description_keys", "id_keys", "schema_url", "type" };
	struct parsed p;
	struct cursor list, map;
	struct value v, x;
	struct sv key;

	(void)state;
	parse(&p, full);
	v = p.batch.spans[0].resource->entity_refs;
	assert_true(v.type == VAL_ARRAY && value_check(VAL_ARRAY, v.s));
	list = cursor_new(v.s.p, v.s.n);
	assert_true(value_array_next(&list, &v) && v.type == VAL_MAP);
	map = cursor_new(v.s.p, v.s.n);
	for (size_t i = 0; i < 4; i++) {
		assert_true(value_map_next(&map, &key, &x));
		assert_true(sv_is(key, keys[i]));
		assert_int_equal(x.type, i < 2 ? VAL_ARRAY : VAL_STRING);
	}
	assert_true(sv_is(x.s, "service"));
	done(&p);
}

static void
order_of_members_means_nothing(void **state)
{
	(void)state;
	assert_same("{'resourceSpans':[{'resource':{'attributes':[{'key':'service.name','value':"
	    "{'stringValue':'a'}}]},'scopeSpans':[{'scope':{'name':'n','version':'v'},'spans':[{"
	    IDS ",'name':'x','kind':1,'attributes':[{'key':'k','value':{'intValue':'1'}}]}],"
	    "'schemaUrl':'s'}],'schemaUrl':'r'}]}",
	    " {\t'resourceSpans' :[ {'schemaUrl':'r','scopeSpans':[{'schemaUrl':'s','spans':[\n{"
	    "'attributes':[{'value':{'intValue':'1'},'key':'k'}],'kind':1,'name':'x','spanId':"
	    "'051581BF3CB55C13','traceId':'5B8AA5A2D2C872E8321CF37308D69DF2'} ],'scope':"
	    "{'version':'v','name':'n'}}] ,'resource':{'attributes':[ {'value':{'stringValue'"
	    ":'a'},'key':'service.name'}]}}]}\r\n");
}

static void
lenient_forms_equal_the_strict_one(void **state)
{
#define ONE(m) WRAP("{" IDS "," m "}")
	static const char *const pairs[][2] = {
		{ ONE("'kind':2"), ONE("'kind':'SPAN_KIND_SERVER'") },
		{ ONE("'kind':2"), ONE("'kind':'2'") },
		{ ONE("'kind':99"), ONE("'kind':'99'") },
		{ ONE("'status':{'code':2}"), ONE("'status':{'code':'STATUS_CODE_ERROR'}") },
		{ ONE("'startTimeUnixNano':'5'"), ONE("'start_time_unix_nano':5") },
		{ ONE("'startTimeUnixNano':'5000'"), ONE("'startTimeUnixNano':5e3") },
		{ ONE("'endTimeUnixNano':'0'"), ONE("'endTimeUnixNano':null") },
		{ ONE("'flags':3"), ONE("'flags':'3'") },
		{ ONE("'name':''"), ONE("'name':null,'events':null,'links':[],'status':{}") },
		{ ONE("'name':''"), ONE("'parentSpanId':'0000000000000000'") },
		{ ONE("'name':''"), ONE("'parentSpanId':'','attributes':null,'kind':null") },
		{ ONE("'name':'b'"), ONE("'name':'a','name':'b'") },
		{ ONE("'name':'b'"), ONE("'name':'b','who':{'a':[1,{},'x',null,true,-1.5e3]}") },
		{ ONE("'name':'b'"), "\xef\xbb\xbf" ONE("'n\\u0061me':'\\u0062'") },
		{ ONE("'attributes':[{'key':'k','value':{'intValue':'1'}}]"),
		    ONE("'attributes':[{'key':'k','value':{'int_value':1}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'intValue':'1'}}]"),
		    ONE("'attributes':[{'key':'k','value':{'stringValue':'x','intValue':1.0}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'doubleValue':1}}]"),
		    ONE("'attributes':[{'key':'k','value':{'doubleValue':'1.0'}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'doubleValue':'NaN'}}]"),
		    ONE("'attributes':[{'key':'k','value':{'doubleValue':NaN}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'doubleValue':'-Infinity'}}]"),
		    ONE("'attributes':[{'key':'k','value':{'doubleValue':-Infinity}}]") },
		{ ONE("'attributes':[{'key':'k','value':{}}]"),
		    ONE("'attributes':[{'key':'k'}]") },
		{ ONE("'attributes':[{'key':'k','value':{}}]"),
		    ONE("'attributes':[{'key':'k','value':{'stringValueStrindex':4}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'arrayValue':{}}}]"),
		    ONE("'attributes':[{'key':'k','value':{'array_value':{'values':[]}}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'bytesValue':'+/+/'}}]"),
		    ONE("'attributes':[{'key':'k','value':{'bytesValue':'-_-_'}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'arrayValue':{}}}]"),
		    ONE("'attributes':[{'key':'k','value':{'arrayValue':{},'intValue':null}}]") },
		{ ONE("'attributes':[{'key':'k','value':{'intValue':'1'}}]"),
		    ONE("'attributes':[{'key':'k','value':{'arrayValue':{'values':[{},{}]},"
		    "'intValue':1}}]") },
		{ WRAP("{" IDS "}"), "{'batches':[{'scopeSpans':[{'spans':[{" IDS "}]}]}]}" },
		{ WRAP("{" IDS "}"), "{'trace':" WRAP("{" IDS "}") ",'status':'x'}" },
		{ WRAP("{" IDS "}"), "{'scopeSpans':[{'spans':[{" IDS "}]}],'resource':{}}" },
		{ WRAP("{" IDS "}"), "{'resource_spans':[{'instrumentationLibrarySpans':[{"
		    "'instrumentationLibrary':{},'spans':[{" IDS "}]}]}]}" },
		{ WRAP("{" IDS "}"), "{'resourceSpans':[{'scopeSpans':[null,{'scope':null,"
		    "'spans':[{" IDS "}]}]}]}" },
	};
#undef ONE

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
		assert_same(pairs[i][0], pairs[i][1]);
}

static void
repairs_are_counted(void **state)
{
	static const char *const bodies[] = {
		/* base64 ids, padded and not */
		WRAP("{'traceId':'W4qlotLIcugyHPNzCNad8g==','spanId':'BRWBvzy1XBM='}"),
		WRAP("{'traceId':'W4qlotLIcugyHPNzCNad8g','spanId':'BRWBvzy1XBM'}"),
		WRAP("{" IDS ",'parentSpanId':'051581bf3cb55c13'}"),
		WRAP("{" IDS ",'name':'\\ud800'}"),
		WRAP("{" IDS ",'name':'\\x'}"),
		WRAP("{" IDS ",'name':5}"),
		WRAP("{" IDS ",'attributes':[{'key':'a','value':{'stringValue':true}}]}"),
		WRAP("{" IDS ",'attributes':[{'key':'a'},{'key':'a'}]}"),
		WRAP("{" IDS ",'attributes':[{'key':''}]}"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct parsed p;

		parse(&p, bodies[i]);
		assert_int_equal(p.batch.n, 1);
		assert_int_equal(p.r.n_repaired, 1);
		assert_int_equal(p.batch.spans[0].trace_id.hi, 0x5b8aa5a2d2c872e8);
		assert_int_equal(p.batch.spans[0].span_id, 0x051581bf3cb55c13);
		assert_int_equal(p.batch.spans[0].parent_span_id, 0);
		done(&p);
	}
}

static void
strings_are_decoded(void **state)
{
	static const struct {
		const char *json, *bytes;
		size_t n;
	} cases[] = {
		{ "plain", "plain", 5 },
		{ "", "", 0 },
		{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8 },
		{ "a\\u0000b", "a\0b", 3 },
		{ "\\u00e9\\u20AC", "\xc3\xa9\xe2\x82\xac", 5 },
		{ "\\ud83d\\ude00!", "\xf0\x9f\x98\x80!", 5 },
		{ "\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7 },
		{ "\\ude00x", "\xef\xbf\xbdx", 4 },
		{ "\\ud83d", "\xef\xbf\xbd", 3 },
		{ "\\ud83d\\u00", "\xef\xbf\xbd\\u00", 7 },
		{ "\\uZZZZ", "\\uZZZZ", 6 },
		{ "\\q", "\\q", 2 },
		{ "\xff\xfe raw", "\xef\xbf\xbd\xef\xbf\xbd raw", 10 },
		{ "\xe2\x82\\n\xc3\xa9", "\xef\xbf\xbd\n\xc3\xa9", 6 },
		{ "tab\there", "tab\there", 8 },
		{ "0123456789abcdef0123456789abcdef\\n", "0123456789abcdef0123456789abcdef\n", 33 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[300];
		struct parsed p;

		snprintf(text, sizeof text, WRAP("{" IDS ",'name':'%s'}"), cases[i].json);
		parse(&p, text);
		assert_int_equal(p.batch.n, 1);
		assert_int_equal(p.batch.spans[0].name.n, cases[i].n);
		assert_memory_equal(p.batch.spans[0].name.p, cases[i].bytes, cases[i].n);
		done(&p);
	}
}

/* Every text that a request can have, with a byte that no text has. */
static void
texts_that_are_not_utf8_are_repaired(void **state)
{
#define F "\xff"
	static const char body[] = "{'resourceSpans':[{'resource':{'attributes':[{'key':"
	    "'service.name','value':{'stringValue':'s" F "'}},{'key':'k" F "','value':{"
	    "'intValue':'1'}}],'entityRefs':[{'schemaUrl':'u" F "','type':'t" F "','idKeys':["
	    "'i" F "'],'descriptionKeys':['d" F "']}]},'scopeSpans':[{'scope':{'name':'n" F "',"
	    "'version':'v" F "','attributes':[{'key':'k" F "','value':{'stringValue':'v" F "'}}]},"
	    "'spans':[{" IDS ",'traceState':'a=" F "','name':'n" F "','attributes':[{'key':'k" F
	    "','value':{'arrayValue':{'values':[{'stringValue':'x" F "'},{'kvlistValue':{'values':"
	    "[{'key':'m" F "','value':{'stringValue':'y" F "'}}]}}]}}},{'key':'k\xfe','value':"
	    "{'bytesValue':'/w=='}}],'events':[{'name':'e" F "','attributes':[{'key':'k" F "',"
	    "'value':{'stringValue':'v" F "'}}]}],'links':[{'traceState':'l" F "','attributes':["
	    "{'key':'k" F "','value':{'stringValue':'v" F "'}}]}],'status':{'message':'m" F "'}}],"
	    "'schemaUrl':'u" F "'}],'schemaUrl':'u" F "'}]}";
#undef F
	struct parsed p;
	const struct span *s;

	(void)state;
	parse(&p, body);
	assert_int_equal(p.batch.n, 1);
	s = &p.batch.spans[0];
	assert_true(span_texts_utf8(s));
	assert_null(span_check(s));
	assert_true(sv_is(s->name, "n\xef\xbf\xbd"));
	assert_true(sv_is(s->resource->service, "s\xef\xbf\xbd"));
	/* Two keys have become one: the last of doubles wins; bytes are not text. */
	assert_int_equal(s->attrs.n, 1);
	assert_int_equal(s->attrs.v[0].val.type, VAL_BYTES);
	assert_memory_equal(s->attrs.v[0].val.s.p, "\xff", 1);
	assert_int_equal(p.r.n_repaired, 1);
	assert_int_equal(p.r.n_mended, 26);
	done(&p);
}

static void
plain_strings_are_borrowed_from_the_body(void **state)
{
	struct parsed p;
	const struct span *s;

	(void)state;
	parse(&p, full);
	s = p.batch.spans;
	assert_true(s->name.p > p.body && s->name.p < p.body + sizeof full);
	assert_true(attr(s, "s")->s.p > p.body && attr(s, "s")->s.p < p.body + sizeof full);
	done(&p);
}

static void
doubles_are_exact(void **state)
{
	static const struct {
		const char *text;
		double d;
	} cases[] = {
		{ "0", 0 }, { "-0.0", -0.0 }, { "1e308", 1e308 }, { "5e-324", 5e-324 },
		{ "0.1", 0.1 }, { "123456789012345678", 123456789012345678.0 },
		{ "2.2250738585072011e-308", 2.2250738585072011e-308 },
		{ "1e-400", 0 }, { "'1.5'", 1.5 }, { "'Infinity'", INFINITY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[300];
		struct parsed p;

		snprintf(text, sizeof text, WRAP("{" IDS ",'attributes':[{'key':'k','value':"
		    "{'doubleValue':%s}}]}"), cases[i].text);
		parse(&p, text);
		assert_int_equal(p.batch.n, 1);
		assert_memory_equal(&attr(p.batch.spans, "k")->d, &cases[i].d, 8);
		done(&p);
	}
}

/* Spans kept, spans rejected, and what the first report says. */
static const struct bad {
	const char *body;
	unsigned kept, rejected;
	const char *why;
} bad[] = {
	{ WRAP("{'spanId':'051581bf3cb55c13'}," OTHER), 1, 1,
	    "span 051581bf3cb55c13: its trace id is missing or all zero" },
	{ WRAP("{'traceId':'5b8aa5a2d2c872e8321cf37308d69df2','name':'GET /'}," OTHER), 1, 1,
	    "span 1 of the record (GET /): its span id is missing or all zero" },
	{ WRAP(OTHER ",{'traceId':'00000000000000000000000000000000','spanId':'0000000000000001'}"),
	    1, 1, "its trace id is missing or all zero" },
	{ WRAP("{'traceId':'5b8aa5a2d2c872e8321cf37308d69df2','spanId':'0000000000000000'}"),
	    0, 1, "its span id is missing or all zero" },
	{ WRAP("{'traceId':'5b8aa5a2d2c872e8321cf37308d69df','spanId':'051581bf3cb55c13'},"
	    OTHER), 1, 1, "traceId has 31 characters and not 32" },
	{ WRAP("{'traceId':'5b8aa5a2d2c872e8','spanId':'051581bf3cb55c13'}"), 0, 1,
	    "traceId has 16 characters and not 32" },
	{ WRAP("{'traceId':'zb8aa5a2d2c872e8321cf37308d69df2','spanId':'051581bf3cb55c13'}"), 0,
	    1, "traceId 'zb8aa5a2d2c872e8321cf373' is not hexadecimal" },
	{ WRAP("{'traceId':5,'spanId':'051581bf3cb55c13'}"), 0, 1, "traceId is not a string" },
	{ WRAP("{'traceId':{},'spanId':'051581bf3cb55c13'}"), 0, 1, "traceId is not a string" },
	{ WRAP("{'traceId':'W4qlotLIcugyHPNzCNad8!==','spanId':'051581bf3cb55c13'}"), 0, 1,
	    "traceId has 24 characters" },
	{ BAD("'parentSpanId':'051581bf3cb55c1'"), 1, 1,
	    "span 051581bf3cb55c13: parentSpanId has 15 characters and not 16" },
	{ BAD("'parentSpanId':'051581bf3cb55c1g'"), 1, 1, "parentSpanId '051581bf3cb55c1g'" },
	{ BAD("'name':{}"), 1, 1, "name is not a string" },
	{ BAD("'kind':'SPAN_KIND_SERVANT'"), 1, 1, "kind 'SPAN_KIND_SERVANT' is unknown" },
	{ BAD("'kind':4294967296"), 1, 1, "kind '4294967296' is unknown" },
	{ BAD("'kind':1.5"), 1, 1, "kind '1.5' is unknown" },
	{ BAD("'kind':[]"), 1, 1, "kind '' is unknown" },
	{ BAD("'startTimeUnixNano':'-1'"), 1, 1, "startTimeUnixNano is negative" },
	{ BAD("'startTimeUnixNano':'18446744073709551616'"), 1, 1,
	    "startTimeUnixNano '18446744073709551616' is not a whole number in range" },
	{ BAD("'startTimeUnixNano':1.5"), 1, 1, "is not a whole number in range" },
	{ BAD("'startTimeUnixNano':'2026-01-01T00:00:00Z'"), 1, 1, "is not a whole number" },
	{ BAD("'startTimeUnixNano':''"), 1, 1, "startTimeUnixNano '' is not a whole number" },
	{ BAD("'endTimeUnixNano':true"), 1, 1, "endTimeUnixNano is not a number" },
	{ BAD("'endTimeUnixNano':1e30"), 1, 1, "endTimeUnixNano '1e30' is not" },
	{ BAD("'flags':4294967296"), 1, 1, "flags is out of range" },
	{ BAD("'flags':-1"), 1, 1, "flags is negative" },
	{ BAD("'droppedAttributesCount':'x'"), 1, 1, "droppedAttributesCount 'x' is not" },
	{ BAD("'status':5"), 1, 1, "status is not an object" },
	{ BAD("'status':{'code':'BAD'}"), 1, 1, "status code 'BAD' is unknown" },
	{ BAD("'attributes':{}"), 1, 1, "attributes is not a list" },
	{ BAD("'attributes':[5]"), 1, 1, "an attribute is not an object" },
	{ BAD("'events':5"), 1, 1, "events is not a list" },
	{ BAD("'events':[5]"), 1, 1, "an event is not an object" },
	{ BAD("'events':[{'timeUnixNano':'x'}]"), 1, 1, "timeUnixNano 'x' is not" },
	{ BAD("'links':['x']"), 1, 1, "a link is not an object" },
	{ BAD("'links':[{'traceId':'ff'}]"), 1, 1, "traceId has 2 characters and not 32" },
	{ ATTR("'x'"), 1, 1, "a value is not an object" },
	{ ATTR("{'intValue':'9223372036854775808'}"), 1, 1, "intValue is out of range" },
	{ ATTR("{'intValue':'-9223372036854775809'}"), 1, 1, "intValue is out of range" },
	{ ATTR("{'intValue':1.5}"), 1, 1, "intValue '1.5' is not a whole number in range" },
	{ ATTR("{'intValue':'abc'}"), 1, 1, "intValue 'abc' is not a whole number" },
	{ ATTR("{'intValue':{}}"), 1, 1, "intValue is not a number" },
	{ ATTR("{'intValue':99999999999999999999999999}"), 1, 1, "is not a whole number in range" },
	{ ATTR("{'doubleValue':1e999}"), 1, 1, "doubleValue '1e999' is not a number in range" },
	{ ATTR("{'doubleValue':'one'}"), 1, 1, "doubleValue 'one' is not" },
	{ ATTR("{'doubleValue':true}"), 1, 1, "doubleValue is not a number" },
	{ ATTR("{'boolValue':1}"), 1, 1, "boolValue is neither true nor false" },
	{ ATTR("{'boolValue':'yes'}"), 1, 1, "boolValue is neither true nor false" },
	{ ATTR("{'bytesValue':'a!'}"), 1, 1, "bytesValue is not base64" },
	{ ATTR("{'bytesValue':'abcde'}"), 1, 1, "bytesValue is not base64" },
	{ ATTR("{'bytesValue':5}"), 1, 1, "bytesValue is not a string" },
	{ ATTR("{'stringValue':{}}"), 1, 1, "stringValue is not a string" },
	{ ATTR("{'arrayValue':[]}"), 1, 1, "arrayValue is not an object" },
	{ ATTR("{'arrayValue':{'values':5}}"), 1, 1, "values is not a list" },
	{ ATTR("{'arrayValue':{'values':[{'intValue':'x'}]}}"), 1, 1, "intValue 'x'" },
	{ ATTR("{'kvlistValue':{'values':[5]}}"), 1, 1, "an attribute is not an object" },
	{ WRAP("5," OTHER), 1, 1, "span 1 of the record: the span is not an object" },
	{ WRAP("[[[{}]]]," OTHER), 1, 1, "the span is not an object" },
	/* What costs no span, and what costs the rest. */
	{ "{'resourceSpans':5}", 0, 0, "resourceSpans is not a list" },
	{ "{'resourceSpans':[5]}", 0, 0, "an element of resourceSpans is not an object" },
	{ "{'resourceSpans':[{'scopeSpans':{}}]}", 0, 0, "scopeSpans is not a list" },
	{ "{'resourceSpans':[{'resource':{'attributes':[{'key':'k','value':{'intValue':'x'}}]},"
	    "'scopeSpans':[{'spans':[" OTHER "]}]}]}", 1, 0, "intValue 'x' is not" },
	{ "{'resourceSpans':[{'resource':5,'scopeSpans':[{'spans':[" OTHER "]}]}]}", 1, 0,
	    "resource is not an object" },
	{ WRAP(OTHER) "x", 1, 0, "byte 123: not a JSON object" },
	{ WRAP(OTHER) "]", 1, 0, "not a JSON object" },
	{ "[]", 0, 0, "byte 0: not a JSON object" },
	{ "hello", 0, 0, "byte 0: not a JSON object" },
	{ "5", 0, 0, "not a JSON object" },
	{ "{'trace':{}}", 0, 0, "an object without resourceSpans: not OTLP" },
	{ "{'trace':{'trace':{'resourceSpans':[]}}}", 0, 0, "not OTLP" },
	{ "{'a':1}", 0, 0, "an object without resourceSpans: not OTLP" },
	{ "{", 0, 0, "byte 1: it ends in the middle; what follows is lost" },
	{ "{'resourceSpans'", 0, 0, "':' was expected" },
	{ "{'resourceSpans':", 0, 0, "it ends in the middle" },
	{ "{'resourceSpans':[", 0, 0, "it ends in the middle" },
	{ "{'resourceSpans':tru", 0, 0, "a value was expected" },
	{ "{'resourceSpans':[}", 0, 0, "a value was expected" },
	{ "{'resourceSpans", 0, 0, "a string without an end" },
	{ "{'resourceSpans\\", 0, 0, "a string without an end" },
	{ "{resourceSpans:[]}", 0, 0, "the name of a member was expected" },
	{ "{'resourceSpans':[],}", 0, 0, "the name of a member was expected" },
	{ "{'resourceSpans':[]'a':1}", 0, 0, "',' or '}' was expected" },
	{ WRAP(OTHER " " OTHER), 1, 0, "',' or ']' was expected; what follows is lost" },
	{ WRAP(OTHER ",{" IDS ",'name':'x"), 1, 0, "a string without an end" },
	{ WRAP(OTHER ",{" IDS ",'name':1,}"), 1, 0, "the name of a member was expected" },
	{ WRAP(OTHER ",]"), 1, 0, "a value was expected" },
	{ WRAP(OTHER ",{" IDS ",'name':?}"), 1, 0, "a value was expected" },
};

static void
malformed_bodies_cost_what_they_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct parsed p;

		parse(&p, bad[i].body);
		if (p.batch.n != bad[i].kept || p.r.n_rejected != bad[i].rejected ||
		    strstr(p.why, bad[i].why) == NULL)
			fail_msg("%s\nkept %zu, rejected %d: %s", bad[i].body, p.batch.n,
			    (int)p.r.n_rejected, p.why);
		assert_true(p.lines > 0);
		if (p.batch.n > 0)
			assert_int_equal(p.batch.spans[0].span_id, 0xaa);
		done(&p);
	}
}

/* Of a body cut anywhere, the spans that were whole are kept, and the loss is reported. */
static void
keeps_whole_spans_of_a_body_cut_short(void **state)
{
	static const char body[] = WRAP(OTHER ",{" IDS ",'name':'a\\u00e9','attributes':["
	    "{'key':'k','value':{'kvlistValue':{'values':[{'key':'z','value':{'arrayValue':"
	    "{'values':[{'doubleValue':1.5}]}}}]}}}],'events':[{'name':'e'}]}," OTHER);
	size_t last = 0;

	(void)state;
	for (size_t n = 0; n < sizeof body - 1; n++) {
		struct parsed p;

		parse_bytes(&p, body, n);
		assert_true(p.batch.n >= last);
		last = p.batch.n;
		if (n > 0) {
			assert_int_equal(p.r.n_broken, 1);
			assert_string_not_equal(p.why, "");
		}
		done(&p);
	}
	assert_int_equal(last, 3);
}

static void
other_signals_are_counted_and_left(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, "{'resourceMetrics':[{'resource':{'x':[1,2]}}]}");
	assert_int_equal(p.r.n_foreign, 1);
	assert_string_equal(p.why, "");
	done(&p);
	parse(&p, "{'resourceLogs':[]}{'resource_profiles':[]}");
	assert_int_equal(p.r.n_foreign, 2);
	done(&p);
	parse(&p, "{'resourceMetrics':[],'resourceSpans':[{'scopeSpans':[{'spans':[" OTHER
	    "]}]}]}");
	assert_int_equal(p.r.n_foreign, 0);
	assert_int_equal(p.batch.n, 1);
	done(&p);
}

static void
empty_requests_are_fine(void **state)
{
	static const char *const bodies[] = { "", " \n", "{}", "{'resourceSpans':[]}",
	    "{'resourceSpans':null}", "{'resourceSpans':[{}]}",
	    "{'resourceSpans':[{'scopeSpans':[{}]}]}" };

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		struct parsed p;

		parse(&p, bodies[i]);
		assert_int_equal(p.batch.n, 0);
		assert_int_equal(p.r.n_broken, 0);
		assert_string_equal(p.why, "");
		done(&p);
	}
}

static void
several_requests_may_follow_each_other(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, WRAP(OTHER) "\n" WRAP(OTHER) WRAP(OTHER));
	assert_int_equal(p.batch.n, 3);
	assert_string_equal(p.why, "");
	done(&p);
}

static void
spans_share_their_resource_and_scope(void **state)
{
	struct parsed p;
	const struct span *s;

	(void)state;
	parse(&p, "{'resourceSpans':[{'scopeSpans':[{'spans':[" OTHER "," OTHER "]},{'scope':"
	    "{'name':'two'},'spans':[" OTHER "]}],'resource':{'attributes':[{'key':'service.name'"
	    ",'value':{'stringValue':'late'}}]}},{'scopeSpans':[{'spans':[" OTHER "]}]}]}");
	assert_int_equal(p.batch.n, 4);
	s = p.batch.spans;
	assert_ptr_equal(s[0].resource, s[2].resource);
	assert_ptr_equal(s[0].scope, s[1].scope);
	assert_ptr_not_equal(s[0].scope, s[2].scope);
	assert_ptr_not_equal(s[0].resource, s[3].resource);
	assert_true(sv_is(s[0].resource->service, "late"));
	assert_true(sv_is(s[3].resource->service, ""));
	assert_true(sv_is(s[2].scope->name, "two"));
	done(&p);
}

/* A span with one attribute of so many arrays within each other. */
static void
parse_nested(struct parsed *p, size_t depth)
{
	struct buf b = BUF_INIT;

	buf_str(&b, "{'resourceSpans':[{'scopeSpans':[{'spans':[" OTHER ",{" IDS
	    ",'attributes':[{'key':'k','value':");
	for (size_t i = 0; i < depth; i++)
		buf_str(&b, i % 2 ? "{'kvlistValue':{'values':[{'key':'k','value':"
		    : "{'arrayValue':{'values':[");
	buf_str(&b, "{'intValue':'1'}");
	for (size_t i = depth; i-- > 0; )
		buf_str(&b, i % 2 ? "}]}}" : "]}}");
	buf_str(&b, "}]}," OTHER "]}]}]}");
	parse_bytes(p, b.p, b.n);
	buf_release(&b);
}

static void
bounds_the_nesting_of_values(void **state)
{
	struct parsed p;
	const struct value *v;

	(void)state;
	parse_nested(&p, LIMIT_VALUE_DEPTH);
	assert_int_equal(p.batch.n, 3);
	v = attr(&p.batch.spans[1], "k");
	assert_true(value_check(v->type, v->s));
	done(&p);
	/* One deeper costs the span; what can't even be skipped costs the rest. */
	parse_nested(&p, LIMIT_VALUE_DEPTH + 1);
	assert_int_equal(p.batch.n, 2);
	assert_int_equal(p.r.n_rejected, 1);
	assert_non_null(strstr(p.why, "nested more than 64 deep"));
	done(&p);
	parse_nested(&p, 1000000);
	assert_int_equal(p.batch.n, 1);
	assert_int_equal(p.r.n_broken, 1);
	assert_non_null(strstr(p.why, "too deep"));
	done(&p);
}

static void
bounds_the_nesting_of_what_is_skipped(void **state)
{
	(void)state;
	for (size_t depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
		struct buf b = BUF_INIT;
		struct parsed p;

		buf_str(&b, "{'x':");
		for (size_t i = 0; i < depth; i++)
			buf_str(&b, i % 2 ? "[" : "{'a':");
		buf_str(&b, "1");
		for (size_t i = depth; i-- > 0; )
			buf_str(&b, i % 2 ? "]" : "}");
		buf_str(&b, ",'resourceSpans':[]}");
		parse_bytes(&p, b.p, b.n);
		assert_int_equal(p.r.n_broken, depth > LIMIT_JSON_DEPTH);
		done(&p);
		buf_release(&b);
	}
}

static void
bounds_the_attributes_of_a_span(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct buf b = BUF_INIT;
		struct parsed p;

		buf_str(&b, "{'resourceSpans':[{'scopeSpans':[{'spans':[{" IDS ",'attributes':[");
		for (int i = LIMIT_SPAN_ATTRS + over; i-- > 0; )
			buf_printf(&b, "{'key':'%d','value':{}}%s", i, i ? "," : "");
		buf_str(&b, "]}]}]}]}");
		parse_bytes(&p, b.p, b.n);
		assert_int_equal(p.batch.n, !over);
		if (over)
			assert_non_null(strstr(p.why, "more than 65535 attributes"));
		else
			assert_int_equal(p.batch.spans[0].attrs.n, LIMIT_SPAN_ATTRS);
		done(&p);
		buf_release(&b);
	}
}

/* Many empty objects must not cost many times their bytes. */
static void
memory_stays_in_proportion(void **state)
{
	struct buf b = BUF_INIT;
	struct parsed p;

	(void)state;
	buf_str(&b, "{'resourceSpans':[");
	for (int i = 0; i < 100000; i++)
		buf_str(&b, "{},{'scopeSpans':[{},{'spans':[{}]}]},");
	buf_str(&b, "{'scopeSpans':[{'spans':[{" IDS ",'events':[{}");
	for (int i = 0; i < 100000; i++)
		buf_str(&b, ",{}");
	buf_str(&b, "]}]}]}]}");
	parse_bytes(&p, b.p, b.n);
	assert_int_equal(p.batch.n, 1);
	assert_int_equal(p.batch.spans[0].n_events, 100001);
	assert_true(p.batch.arena.used < 3 * b.n);
	done(&p);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(entity_refs_become_a_value),
		cmocka_unit_test(order_of_members_means_nothing),
		cmocka_unit_test(lenient_forms_equal_the_strict_one),
		cmocka_unit_test(repairs_are_counted),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(texts_that_are_not_utf8_are_repaired),
		cmocka_unit_test(plain_strings_are_borrowed_from_the_body),
		cmocka_unit_test(doubles_are_exact),
		cmocka_unit_test(malformed_bodies_cost_what_they_must),
		cmocka_unit_test(keeps_whole_spans_of_a_body_cut_short),
		cmocka_unit_test(other_signals_are_counted_and_left),
		cmocka_unit_test(empty_requests_are_fine),
		cmocka_unit_test(several_requests_may_follow_each_other),
		cmocka_unit_test(spans_share_their_resource_and_scope),
		cmocka_unit_test(bounds_the_nesting_of_values),
		cmocka_unit_test(bounds_the_nesting_of_what_is_skipped),
		cmocka_unit_test(bounds_the_attributes_of_a_span),
		cmocka_unit_test(memory_stays_in_proportion),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
