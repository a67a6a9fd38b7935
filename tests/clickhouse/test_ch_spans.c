/* SPDX-License-Identifier: ISC */
/*
 * test_ch_spans: spans that lie in ClickHouse's engine as the exporter writes them come back as
 * they were, but for what the table does not keep; and a condition that is handed over lets through
 * what match says of the spans that come back: no less, and no more where it says that it is exact.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/visible.h"
#include "clickhouse/ch_scan.h"
#include "clickhouse/ch_schema_read.h"
#include "lib/ch_server.h"
#include "lib/ch_span_check.h"
#include "lib/ch_tables.h"
#include "lib/gen_pred.h"
#include "lib/gen_span.h"
#include "match/pred_eval.h"

#define S 1000000000ull
#define N_SPANS 1000
#define N_PREDS 312
#define BEGIN (1700000000 * S)
#define LENGTH (3600 * S)
#define ALL_COLUMNS ((1ull << N_CHC) - 1)

#define INDEXES \
	", INDEX k mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1" \
	", INDEX v mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1" \
	", INDEX rk mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1" \
	", INDEX rv mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1" \
	", INDEX t TraceId TYPE bloom_filter(0.001) GRANULARITY 1, INDEX d Duration TYPE minmax GRANULARITY 1"
/* Small granules: indexes have something to leave out. */
#define TAIL " ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, " \
	"toDateTime(Timestamp)) SETTINGS index_granularity = 16"

static struct ch_server server;
static struct ch_client *client;
static struct span_batch batch;		/* as they were */
static struct arena arena;
static struct span_batch back;		/* as they came back */
static struct ch_schema *schemas[3];

/* ---- as the exporter writes them ---- */

static void
put_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

static void
put_value(struct buf *b, const struct value *v)
{
	struct buf t = BUF_INIT;

	ch_value_text(&t, v);
	put_str(b, buf_view(&t));
	buf_release(&t);
}

static void
put_attrs(struct buf *b, const struct attrs *a)
{
	buf_varint(b, a->n);
	for (uint32_t i = 0; i < a->n; i++) {
		put_str(b, a->v[i].key);
		put_value(b, &a->v[i].val);
	}
}

static void
put_trace_id(struct buf *b, struct trace_id id)
{
	buf_varint(b, trace_id_zero(id) ? 0 : 32);
	if (!trace_id_zero(id))
		trace_id_print(b, id);
}

static void
put_span_id(struct buf *b, uint64_t id)
{
	buf_varint(b, id == 0 ? 0 : 16);
	if (id != 0)
		span_id_print(b, id);
}

static void
put_u64(struct buf *b, uint64_t v)
{
	buf_put(b, &v, 8);
}

static const char *const kinds[][2] = { { "Unspecified", "SPAN_KIND_UNSPECIFIED" }, { "Internal", "SPAN_KIND_INTERNAL" },
	{ "Server", "SPAN_KIND_SERVER" }, { "Client", "SPAN_KIND_CLIENT" }, { "Producer", "SPAN_KIND_PRODUCER" },
	{ "Consumer", "SPAN_KIND_CONSUMER" } };
static const char *const statuses[][2] = { { "Unset", "STATUS_CODE_UNSET" }, { "Ok", "STATUS_CODE_OK" },
	{ "Error", "STATUS_CODE_ERROR" } };

static void
put_events(struct buf *b, const struct span *s)
{
	buf_varint(b, s->n_events);
	for (uint32_t i = 0; i < s->n_events; i++)
		put_u64(b, s->events[i].time_ns);
	buf_varint(b, s->n_events);
	for (uint32_t i = 0; i < s->n_events; i++)
		put_str(b, s->events[i].name);
	buf_varint(b, s->n_events);
	for (uint32_t i = 0; i < s->n_events; i++)
		put_attrs(b, &s->events[i].attrs);
}

static void
put_links(struct buf *b, const struct span *s)
{
	buf_varint(b, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++)
		put_trace_id(b, s->links[i].trace_id);
	buf_varint(b, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++)
		put_span_id(b, s->links[i].span_id);
	buf_varint(b, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++)
		put_str(b, s->links[i].trace_state);
	buf_varint(b, s->n_links);
	for (uint32_t i = 0; i < s->n_links; i++)
		put_attrs(b, &s->links[i].attrs);
}

static void
put_span(struct buf *b, const struct span *s, unsigned old)
{
	put_u64(b, s->start_ns);
	put_trace_id(b, s->trace_id);
	put_span_id(b, s->span_id);
	put_span_id(b, s->parent_span_id);
	put_str(b, s->trace_state);
	put_str(b, s->name);
	put_str(b, s->kind >= 0 && s->kind < 6 ? sv_cstr(kinds[s->kind][old]) : SV(""));
	put_str(b, s->resource->service);
	put_attrs(b, &s->resource->attrs);
	put_str(b, s->scope->name);
	put_str(b, s->scope->version);
	put_attrs(b, &s->attrs);
	put_u64(b, s->end_ns - s->start_ns);
	put_str(b, s->status >= 0 && s->status < 3 ? sv_cstr(statuses[s->status][old]) : SV(""));
	put_str(b, s->status_message);
	put_events(b, s);
	put_links(b, s);
}

/* ---- and back ---- */

/* All that comes, in the batch; the statement is that of *exact. */
static void
read_spans(const struct ch_select *q, struct span_batch *b, bool *exact, struct buf *text)
{
	const struct ch_scan_opts opts = { .comment = SV("test_ch_spans") };
	struct ch_scan *scan;
	struct err e = ERR_INIT;
	int rc;

	if (ch_scan_open(client, q, &opts, NULL, &scan, &e) != 0)
		fail_msg("%s", e.msg);
	*exact = ch_scan_sql(scan)->exact;
	buf_sv(text, ch_scan_sql(scan)->text);
	for (size_t i = 0; i < ch_scan_sql(scan)->n_params; i++) {
		BUF_LIT(text, "\n");
		visible_text(text, ch_scan_sql(scan)->params[i].value, 0);
	}
	while ((rc = ch_scan_next(scan, b, 97, &e)) == 0)
		;
	if (rc < 0)
		fail_msg("%s: %s", buf_cstr(text), e.msg);
	assert_int_equal(ch_scan_passed_over(scan), 0);
	assert_int_equal(ch_scan_outcome(scan)->status, 200);
	ch_scan_close(scan);
}

static struct ch_select
everything(const struct ch_schema *s)
{
	static const struct pred all = { .kind = PRED_TRUE };

	return (struct ch_select){ .schema = s, .filter = &all, .range = TIME_RANGE_ALL,
		.columns = ALL_COLUMNS, .limit = UINT64_MAX };
}

static void
load(void)
{
	struct gen_span_options opts = { .seed = 7, .start_ns = BEGIN, .range_ns = LENGTH, .unique_ids = true };
	struct gen_span g;
	struct buf rows = BUF_INIT;

	span_batch_init(&batch);
	gen_span_init(&g, &opts);
	if (!gen_span_add(&g, &batch, N_SPANS))
		abort();
	for (size_t i = 0; i < batch.n; i++)
		put_span(&rows, &batch.spans[i], i % 3 == 0);
	ch_server_insert(&server, "INSERT INTO plain FORMAT RowBinary", buf_view(&rows));
	buf_release(&rows);
	ch_server_do(&server, SV("INSERT INTO old SELECT * FROM plain"));
	ch_server_do(&server, SV("INSERT INTO rich SELECT * FROM plain"));
}

static int
start(void **state)
{
	static const char *const tables[] = { "plain", "old", "rich" };
	struct err e = ERR_INIT;

	(void)state;
	ch_server_start(&server, "http", NULL);
	client = ch_server_connect(&server, 10 * S);
	arena_init(&arena);
	span_batch_init(&back);
	ch_server_do(&server, SV("CREATE TABLE plain (" CH_TABLE(CH_MAP, "UInt64") INDEXES ")" TAIL));
	ch_server_do(&server, SV("CREATE TABLE old (" CH_TABLE(CH_MAP, "Int64") INDEXES ")" TAIL));
	ch_server_do(&server, SV("CREATE TABLE rich (" CH_TABLE(CH_MAP, "UInt64") INDEXES
	    ", made LowCardinality(String) MATERIALIZED SpanAttributes['k0'], SpanAttributeItems Array(String) ALIAS "
	    "arrayMap((k, v) -> concat(k, '=', v), mapKeys(SpanAttributes), mapValues(SpanAttributes))"
	    ", ResourceAttributeItems Array(String) ALIAS "
	    "arrayMap((k, v) -> concat(k, '=', v), mapKeys(ResourceAttributes), mapValues(ResourceAttributes)))" TAIL));
	load();
	for (size_t i = 0; i < 3; i++)
		if (ch_schema_read(client, (struct ch_table){ SV_EMPTY, sv_cstr(tables[i]) }, &schemas[i], &e) != 0)
			return -1;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		ch_schema_free(schemas[i]);
	ch_client_free(client);
	ch_server_stop(&server);
	span_batch_release(&batch);
	span_batch_release(&back);
	arena_release(&arena);
	return 0;
}

/* ---- what came back beside what was ---- */

static const struct span *
original(uint64_t span_id)
{
	for (size_t i = 0; i < batch.n; i++)
		if (batch.spans[i].span_id == span_id)
			return &batch.spans[i];
	fail_msg("no such span");
	return NULL;
}

static void
spans_come_back_but_for_what_is_not_kept(void **state)
{
	struct ch_select q = everything(schemas[0]);
	struct buf text = BUF_INIT;
	bool exact;

	(void)state;
	q.newest = true;
	read_spans(&q, &back, &exact, &text);
	assert_true(exact && back.n == N_SPANS);
	for (size_t i = 0; i < back.n; i++) {
		ch_span_check(original(back.spans[i].span_id), &back.spans[i]);
		if (i > 0)
			assert_true(back.spans[i - 1].start_ns >= back.spans[i].start_ns);
	}
	buf_release(&text);
}

/* ---- conditions ---- */

static unsigned n_exact, n_wide, n_less, n_selective;

/* In any order: which of them a statement lets through. */
static size_t
asked(const struct ch_select *q, bool *passed, bool *exact, struct buf *text)
{
	struct ch_select only = *q;
	struct span_batch got;
	size_t n;

	span_batch_init(&got);
	only.columns = 1ull << CHC_TRACE_ID | 1ull << CHC_SPAN_ID;
	read_spans(&only, &got, exact, text);
	for (size_t i = 0; i < got.n; i++)
		for (size_t k = 0; k < back.n; k++)
			if (back.spans[k].span_id == got.spans[i].span_id) {
				assert_false(passed[k]);
				passed[k] = true;
			}
	n = got.n;
	span_batch_release(&got);
	return n;
}

static bool
in_range(const struct span *s, struct time_range r)
{
	return s->start_ns >= r.from && (r.to == WHEN_MAX || s->start_ns < r.to);
}

static void
told(const struct ch_select *q, const struct buf *text, size_t i, const char *what)
{
	struct buf b = BUF_INIT;

	pred_print(&b, q->filter);
	fail_msg("%s span %zu of %s: %s; %.*s", what, i, q->schema->table.name.p, buf_cstr(&b),
	    SV_ARG(buf_view(text)));
}

static unsigned n_in_doubt, n_counted_wide;

/* A count is exact, or says that it can't be. */
static void
check_count(const struct ch_select *q, uint64_t want, bool exact)
{
	const struct ch_scan_opts opts = { .comment = SV("test") };
	struct ch_outcome o;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t n;
	int rc = ch_count(client, q, &opts, &n, &o, &e);

	if (rc > 0)
		n_in_doubt++;
	if (rc > 0 || (rc == ERR_UNSUPPORTED && !exact))
		return;
	if (rc < 0)
		fail_msg("%s", e.msg);
	n_counted_wide += !exact;
	pred_print(&b, q->filter);
	if (n != want)
		fail_msg("%s: %ju and not %ju", buf_cstr(&b), (uintmax_t)n, (uintmax_t)want);
	buf_release(&b);
	assert_int_equal(o.status, 200);
}

static void
check_pred(const struct ch_select *q, bool count)
{
	bool *passed = calloc(N_SPANS, sizeof *passed), exact;
	struct pred_eval *eval;
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	size_t should = 0, n = asked(q, passed, &exact, &text);

	if (pred_eval_new(q->filter, &eval, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < back.n; i++) {
		struct field_row row = { .span = &back.spans[i] };
		int holds = in_range(&back.spans[i], q->range) ? pred_eval_row(eval, &row, &e) : 0;

		assert_true(holds >= 0);
		should += (size_t)holds;
		if (holds == 1 && !passed[i])
			told(q, &text, i, "leaves out");
		if (holds == 0 && passed[i] && exact)
			told(q, &text, i, "is exact, and lets through");
	}
	*(exact ? &n_exact : &n_wide) += 1;
	n_less += n < N_SPANS;
	n_selective += n < N_SPANS && should > 0;
	if (!exact || count)
		check_count(q, should, exact);
	pred_eval_free(eval);
	buf_release(&text);
	free(passed);
}

/* A value of a span's as it would be typed. */
static struct literal
literal_for(struct gen_pred *g, const struct field *f, const struct span *s)
{
	struct field_row row = { .span = s };
	struct field_at at = { 0, 0 };
	struct field_value v;
	struct buf b = BUF_INIT;
	struct literal l = literal_of(SV("none"));

	if (!field_value_next(f, &row, &at, &v))
		return l;
	switch (v.kind) {
	case FIELD_VALUE_TEXT:
		l = literal_of(v.s);
		break;
	case FIELD_VALUE_ATTR:
		put_value(&b, v.attr);
		struct cursor c = cursor_new(b.p, b.n);
		l = literal_of(arena_sv(g->arena, cursor_str(&c)));
		break;
	case FIELD_VALUE_ENUM:
		l.u = (uint64_t)(int64_t)v.number;
		break;
	case FIELD_VALUE_TRACE_ID:
		l.hi = v.trace_id.hi;
		l.lo = v.trace_id.lo;
		break;
	case FIELD_VALUE_SPAN_ID:
		l.lo = v.u;
		break;
	default:
		l.u = v.u;
	}
	buf_release(&b);
	return l;
}

static struct field
field_for(struct gen_pred *g, const struct span *s)
{
	static const enum intrinsic plain[] = { IN_SERVICE, IN_NAME, IN_KIND, IN_STATUS, IN_STATUS_MESSAGE, IN_SCOPE,
		IN_SCOPE_VERSION, IN_TRACE_ID, IN_SPAN_ID, IN_PARENT_SPAN_ID, IN_TRACE_STATE, IN_START, IN_DURATION,
		IN_EVENT_NAME, IN_LINK_TRACE_ID, IN_LINK_SPAN_ID, IN_FLAGS };
	const struct attrs *own = &s->attrs;
	struct field f = { .scope = FIELD_INTRINSIC };

	switch (gen_pred_below(g, 6)) {
	case 0:
	case 1:
		f.intrinsic = plain[gen_pred_below(g, sizeof plain / sizeof *plain)];
		return f;
	case 2:
		f.scope = FIELD_RESOURCE;
		own = &s->resource->attrs;
		break;
	case 3:
		f.scope = FIELD_EVENT;
		own = s->n_events != 0 ? &s->events[0].attrs : own;
		break;
	case 4:
		f.scope = FIELD_BARE;
		own = gen_pred_below(g, 2) ? own : &s->resource->attrs;
		break;
	default:
		f.scope = FIELD_SPAN;
	}
	f.key = own->n != 0 ? own->v[gen_pred_below(g, own->n)].key : SV("none");
	return f;
}

/* Lists of values that occur, as most paths have them; sometimes denied. */
static const struct pred *
common_leaf(struct gen_pred *g)
{
	static const enum pred_op ops[] = { OP_EQ, OP_EQ, OP_NE, OP_IN, OP_NOTIN, OP_HAS };
	const struct span *s = &back.spans[gen_pred_below(g, back.n)];
	struct field f = field_for(g, s);
	enum pred_op op = ops[gen_pred_below(g, 6)];
	size_t n = op == OP_HAS ? 0 : op == OP_IN || op == OP_NOTIN ? 3 : 1;
	struct literal *lits = arena_array(g->arena, 4, struct literal);
	const struct pred *p;

	for (size_t i = 0; i < n; i++)
		lits[i] = literal_for(g, &f, i == 0 ? s : &back.spans[gen_pred_below(g, back.n)]);
	p = pred_leaf(g->arena, op, f, lits, n);
	return gen_pred_below(g, 4) == 0 ? pred_not(g->arena, p) : p;
}

/* A value of a span's as a pattern: letters of it as they are, classes, any, repeated, or gone. */
static struct sv
pattern_for(struct gen_pred *g, struct sv s)
{
	static const char *const instead[] = { ".", "[a-z0-9_-]", "\\w", "[^\\d/]", ".?", "(?:x|.)", "(a|b|.){1,3}",
		".{0,2}", "\\W*." };
	struct buf b = BUF_INIT;
	struct sv out;

	if (gen_pred_below(g, 5) == 0)
		BUF_LIT(&b, "^");
	for (size_t i = 0; i < s.n && b.n < 300; i++) {
		bool special = s.p[i] != '\0' && strchr("^$.[]|()?*+{}\\/-=", s.p[i]) != NULL;
		bool ascii = (unsigned char)s.p[i] < 0x80;

		if (gen_pred_below(g, 6) == 0 && ascii)
			buf_str(&b, instead[gen_pred_below(g, sizeof instead / sizeof *instead)]);
		else if (special)
			buf_printf(&b, "\\%c", s.p[i]);
		else
			buf_putc(&b, s.p[i]);
		if (gen_pred_below(g, 9) == 0 && ascii)
			BUF_LIT(&b, "+");
	}
	switch (gen_pred_below(g, 5)) {
	case 0:
		BUF_LIT(&b, ".*");
		break;
	case 1:
		BUF_LIT(&b, "|b+\\d*");
		break;
	case 2:
		BUF_LIT(&b, "$");
		break;
	default:
		break;
	}
	out = arena_sv(g->arena, buf_view(&b));
	buf_release(&b);
	return out;
}

static const struct pred *
pattern_leaf(struct gen_pred *g)
{
	static const enum intrinsic texts[] = { IN_SERVICE, IN_NAME, IN_NAME, IN_STATUS_MESSAGE, IN_SCOPE,
		IN_TRACE_STATE };
	const struct span *s = &back.spans[gen_pred_below(g, back.n)];
	struct field f = field_for(g, s);
	struct literal *l = arena_array(g->arena, 1, struct literal);
	struct pred_eval *eval;
	const struct pred *p;

	if (f.scope == FIELD_INTRINSIC)
		f.intrinsic = texts[gen_pred_below(g, sizeof texts / sizeof *texts)];
	*l = literal_of(pattern_for(g, literal_for(g, &f, s).text));
	p = pred_leaf(g->arena, gen_pred_below(g, 3) == 0 ? OP_NRE : OP_RE, f, l, 1);
	/* One that PCRE2 has no use for can't be in a path. */
	if (pred_eval_new(p, &eval, NULL) < 0)
		return common_leaf(g);
	pred_eval_free(eval);
	return gen_pred_below(g, 4) == 0 ? pred_not(g->arena, p) : p;
}

/* Integers, whatever the attribute is; and pieces of its text. */
static const struct pred *
attr_leaf(struct gen_pred *g)
{
	static const enum pred_op ops[] = { OP_LT, OP_LE, OP_GT, OP_GE, OP_BETWEEN, OP_EQ, OP_NE, OP_IN, OP_NOTIN,
		OP_CONTAINS, OP_NOTCONTAINS, OP_STARTS, OP_ENDS };
	const struct span *s = &back.spans[gen_pred_below(g, back.n)];
	struct literal *l = arena_array(g->arena, 2, struct literal);
	size_t which = gen_pred_below(g, sizeof ops / sizeof *ops);
	struct field f = field_for(g, s);
	size_t n = ops[which] == OP_BETWEEN || ops[which] == OP_IN || ops[which] == OP_NOTIN ? 2 : 1;
	const struct pred *p;

	if (f.scope == FIELD_INTRINSIC)
		f = (struct field){ .scope = FIELD_SPAN, .key = s->attrs.n != 0 ? s->attrs.v[0].key : SV("k") };
	*l = literal_for(g, &f, s);
	if (which >= 9 && l->text.n > 2)
		*l = literal_of(sv_sub(l->text, gen_pred_below(g, 2), l->text.n - gen_pred_below(g, 2)));
	else if (which < 9 && !l->is_int)
		*l = literal_of(sv_cstr(arena_printf(g->arena, "%d", (int)gen_pred_below(g, 40) - 20)));
	l[1] = l->is_int ? literal_of(sv_cstr(arena_printf(g->arena, "%jd", (intmax_t)(l->i / 2 + 1000)))) : *l;
	p = pred_leaf(g->arena, ops[which], f, l, n);
	return gen_pred_below(g, 4) == 0 ? pred_not(g->arena, p) : p;
}

static const struct pred *
some_pred(struct gen_pred *g, unsigned i)
{
	const struct pred *kids[2];

	switch (i % 13) {
	case 9:
	case 10:
		return pattern_leaf(g);
	case 11:
	case 12:
		return attr_leaf(g);
	case 0:
		return gen_leaf(g);
	case 1:
		return gen_tree(g, 3);
	case 2:
		kids[0] = common_leaf(g);
		kids[1] = common_leaf(g);
		return i % 2 ? pred_or(g->arena, kids, 2) : pred_and(g->arena, kids, 2);
	default:
		return common_leaf(g);
	}
}

static void
conditions_let_through_what_match_says(void **state)
{
	struct gen_pred g = { .arena = &arena, .spans = back.spans, .n_spans = back.n, .state = 11, .no_trace = true };

	(void)state;
	for (unsigned i = 0; i < N_PREDS; i++) {
		struct ch_select q = everything(schemas[i % 3]);

		q.filter = some_pred(&g, i);
		q.hex = i % 5 == 0;
		if (i % 4 == 0)
			q.range = (struct time_range){ BEGIN + gen_pred_below(&g, LENGTH), BEGIN + LENGTH };
		if (i % 8 == 0)
			q.range.to = q.range.from + gen_pred_below(&g, LENGTH);
		/* From and to a span's own start: the first is in it, the second is not. */
		if (i % 8 == 1) {
			uint64_t one = back.spans[gen_pred_below(&g, back.n)].start_ns;
			uint64_t two = back.spans[gen_pred_below(&g, back.n)].start_ns;

			q.range = (struct time_range){ one < two ? one : two, one < two ? two : one };
		}
		check_pred(&q, i % 6 == 0);
	}
	/* The test tests something. */
	print_message("%u exact, %u wide, %u leave out, %u of these not all; %u in doubt, %u wide ones counted\n", n_exact,
	    n_wide, n_less, n_selective, n_in_doubt, n_counted_wide);
	assert_true(n_in_doubt > N_PREDS / 100 && n_counted_wide > N_PREDS / 20);
	assert_true(n_exact > N_PREDS / 4 && n_wide > N_PREDS / 20 && n_less > N_PREDS / 3 && n_selective > N_PREDS / 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_come_back_but_for_what_is_not_kept),
		cmocka_unit_test(conditions_let_through_what_match_says),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
