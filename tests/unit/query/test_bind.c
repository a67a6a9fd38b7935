/* SPDX-License-Identifier: ISC */
/* What paths mean: predicates, literals, ranges, aliases and the page, not their text. */
#include "query/query.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/limits.h"
#include "query/name.h"

#define NOW 1795262400000000000ull	/* 2026-11-21T12:00:00Z */
#define MIDNIGHT (NOW - 12 * NS_PER_HOUR)

static struct arena arena;
static struct path *path;

static int
setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static int
try_bind(const char *text, const struct query_env *env, const struct query **q,
    struct err *e)
{
	struct sv file;
	int code = path_parse(sv_cstr(text), NULL, &path, &file, e);

	if (code < 0)
		return code;
	code = query_bind(path, env, &arena, q, e);
	/* The query keeps nothing of the path. */
	path_unref(path);
	return code;
}

static const struct query *
bound(const char *text)
{
	struct query_env env = { .now = NOW };
	struct err e = ERR_INIT;
	const struct query *q;

	if (try_bind(text, &env, &q, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return q;
}

static void
assert_filter(const char *text, const char *want)
{
	struct buf b = BUF_INIT;

	pred_print(&b, bound(text)->filter);
	if (!sv_is(buf_view(&b), want))
		fail_msg("%s: %.*s, not %s", text, SV_ARG(buf_view(&b)), want);
	buf_release(&b);
}

static void
makes_predicates_of_filters(void **state)
{
	(void)state;
	assert_filter("/", "TRUE");
	assert_filter("/since/1h/limit/5", "TRUE");
	assert_filter("/service/a", "service = a");
	assert_filter("/service/b,a", "service in (a, b)");
	assert_filter("/where/resource.service.name/eq/a", "service = a");
	assert_filter("/where/resource.service.name/ne/a", "resource.service.name != a");
	assert_filter("/where/x/notin/a", "x != a");
	assert_filter("/where/x/between/1,2", "x between 1 and 2");
	assert_filter("/has/x", "has x");
	assert_filter("/text/Hello, World", "text hello world");
	assert_filter("/duration/gt/1h30m", "duration > 90m");
	assert_filter("/not/has/x/service/a", "service = a AND NOT has x");
	assert_filter("/any/kind/2/all/service/a/name/n/end/end",
	    "kind = server OR (service = a AND name = n)");
	assert_filter("/not/any/service/a/service/b/end", "NOT (service = a OR service = b)");
	assert_filter("/where/x/eq/a%2Fb%1B", "x = \"a/b\\x1b\"");
}

static const struct literal *
only_literal(const char *text)
{
	const struct pred *p = bound(text)->filter;

	assert_int_equal(p->kind, PRED_LEAF);
	assert_int_equal(p->n_lits, 1);
	return p->lits;
}

static void
reads_values_by_the_type_of_the_field(void **state)
{
	const struct literal *l;

	(void)state;
	assert_true(only_literal("/duration/gt/1.5s")->u == 1500000000);
	assert_true(only_literal("/trace-duration/gt/1m")->u == NS_PER_MIN);
	assert_true(only_literal("/kind/consumer")->u == 5);
	assert_true(only_literal("/kind/77")->u == 77);
	assert_true(only_literal("/kind/-1")->u == UINT64_MAX);
	assert_true(only_literal("/status/error")->u == 2);
	assert_true(only_literal("/where/flags/eq/257")->u == 257);
	assert_true(only_literal("/where/start/gt/2026-11-21")->u == MIDNIGHT);
	assert_true(only_literal("/where/start/gt/1h")->u == NOW - NS_PER_HOUR);
	l = only_literal("/trace/0123456789abcdef0");
	assert_true(l->hi == 0 && l->lo == 0x123456789abcdef0);
	l = only_literal("/trace/10123456789abcdef");
	assert_true(l->hi == 1 && l->lo == 0x0123456789abcdef);
	assert_true(only_literal("/span/Ff")->lo == 0xff);
	l = only_literal("/where/x/eq/500");
	assert_true(l->is_int && l->i == 500 && sv_is(l->text, "500"));
	l = only_literal("/where/x/eq/2.5");
	assert_true(l->is_double && l->d == 2.5);
	l = only_literal("/where/x/eq/true");
	assert_true(l->is_bool && l->b);
	l = only_literal("/where/x/eq/%");
	assert_int_equal(l->text.n, 0);
	l = only_literal("/where/kind/re/s.*");
	assert_true(sv_is(l->text, "s.*"));
	l = only_literal("/where/trace_id/starts/AB");
	assert_true(sv_is(l->text, "ab"));
	l = only_literal("/where/trace_id/re/AB");
	assert_true(sv_is(l->text, "AB"));
	assert_true(only_literal("/where/duration_ns/gt/1500")->u == 1500);
	assert_true(only_literal("/where/trace_duration_ns/gt/1us")->u == 1000);
	assert_true(only_literal("/kind/CONSUMER")->u == 5);
	assert_true(only_literal("/status/Error")->u == 2);
}

static int
has_spans(void *arg, struct sv key, bool *has, struct err *e)
{
	*has = sv_is(key, "spans");
	return arg == NULL ? 0 : err_nomem(e);
}

/* A key that files show is a field, unless the store has such an attribute. */
static void
takes_keys_of_files_for_fields(void **state)
{
	struct query_env env = { .now = NOW, .has_attr = has_spans };
	struct err e = ERR_INIT;
	const struct query *q;

	(void)state;
	assert_int_equal(try_bind("/where/spans/eq/x", &env, &q, &e), 0);
	assert_int_equal(q->filter->field.scope, FIELD_BARE);
	assert_int_equal(try_bind("/sort/errors,spans", &env, &q, &e), 0);
	assert_int_equal(q->sort[0].by.field.intrinsic, IN_TRACE_ERRORS);
	assert_int_equal(q->sort[1].by.field.scope, FIELD_BARE);
	env.attr_arg = &env;
	assert_int_equal(try_bind("/where/spans/eq/x", &env, &q, &e), ERR_NOMEM);
	env.has_attr = NULL;
	assert_int_equal(try_bind("/where/spans/eq/4", &env, &q, &e), 0);
	assert_true(q->filter->field.scope == FIELD_INTRINSIC &&
	    q->filter->field.intrinsic == IN_TRACE_SPANS);
	assert_int_equal(try_bind("/where/spans/eq/x", &env, &q, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 16);
}

/* What a field is shows when the path is bound: then earlier arguments may be wrong. */
static void
says_which_argument_is_wrong(void **state)
{
	struct query_env env = { .now = NOW };
	struct err e = ERR_INIT;
	const struct query *q;

	(void)state;
	assert_int_equal(try_bind("/kind/server/where/duration_ns/contains/x", &env, &q, &e),
	    ERR_SYNTAX);
	assert_int_equal(e.off, 31);
	assert_int_equal(try_bind("/where/%~00000000000000000000000000000000/eq/1", &env, &q, &e),
	    ERR_UNKNOWN);
	assert_int_equal(e.off, 7);
	assert_int_equal(try_bind("/where/duration_ns/in/1,x", &env, &q, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 24);
}

static void
reads_keys_of_traces_as_the_trace_s(void **state)
{
	struct query_env env = { .now = NOW };
	struct err e = ERR_INIT;
	const struct query *q, *t;
	struct arena a;

	(void)state;
	arena_init(&a);
	assert_int_equal(try_bind("/sort/start,duration/select/duration_ns,start,spans", &env,
	    &q, &e), 0);
	assert_int_equal(q->sort[0].by.field.intrinsic, IN_START);
	assert_int_equal(q->select[0].intrinsic, IN_DURATION);
	assert_non_null(t = query_of_traces(q, &a));
	assert_int_equal(t->sort[0].by.field.intrinsic, IN_TRACE_START);
	assert_int_equal(t->sort[1].by.field.intrinsic, IN_DURATION);
	assert_int_equal(t->select[0].intrinsic, IN_TRACE_DURATION);
	assert_int_equal(t->select[1].intrinsic, IN_TRACE_START);
	assert_int_equal(t->select[2].intrinsic, IN_TRACE_SPANS);
	assert_int_equal(try_bind("/sort/trace_start", &env, &q, &e), 0);
	assert_ptr_equal(query_of_traces(q, &a), q);
	arena_release(&a);
}

#define LAST "2554-07-21T23:34:33.709551615Z"

static void
assert_range(const char *text, uint64_t from, uint64_t to, bool relative)
{
	const struct query *q = bound(text);

	if (q->range.from != from || q->range.to != to || q->relative != relative)
		fail_msg("%s: %llu to %llu", text, (unsigned long long)q->range.from,
		    (unsigned long long)q->range.to);
	assert_true(q->now == (relative ? NOW : 0));
}

static void
intersects_time_clauses_half_open(void **state)
{
	const uint64_t h = NS_PER_HOUR, d = NS_PER_DAY;

	(void)state;
	assert_range("/", 0, WHEN_MAX, false);
	assert_range("/since/1h", NOW - h, WHEN_MAX, true);
	assert_range("/until/1h", 0, NOW - h, true);
	assert_range("/since/2h/until/1h", NOW - 2 * h, NOW - h, true);
	assert_range("/since/2026-11-21/until/2026-11-21T06", MIDNIGHT, MIDNIGHT + 6 * h, false);
	assert_range("/until/2026-11", 0, MIDNIGHT - 20 * d, false);
	assert_range("/on/2026-11-21", MIDNIGHT, MIDNIGHT + d, false);
	assert_range("/on/2026-11-21T05", MIDNIGHT + 5 * h, MIDNIGHT + 6 * h, false);
	assert_range("/on/today", MIDNIGHT, MIDNIGHT + d, true);
	assert_range("/on/yesterday", MIDNIGHT - d, MIDNIGHT, true);
	assert_range("/on/today/since/1h", NOW - h, MIDNIGHT + d, true);
	assert_range("/on/2026-11-21/since/2026-11-20T12/until/2026-11-21T03", MIDNIGHT,
	    MIDNIGHT + 3 * h, false);
	assert_range("/since/today", MIDNIGHT, WHEN_MAX, true);
	assert_range("/since/yesterday/until/today", MIDNIGHT - d, MIDNIGHT, true);
	assert_range("/until/now", 0, NOW, true);
	assert_range("/shards/2026-11-21/05", MIDNIGHT + 5 * h, MIDNIGHT + 6 * h, false);
	assert_range("/shards/2026-11-21/05/since/2026-11-21T05:30", MIDNIGHT + 5 * h + h / 2,
	    MIDNIGHT + 6 * h, false);
	assert_range("/since/1000w", NOW - 7000 * d, WHEN_MAX, true);
	assert_range("/since/30000w", 0, WHEN_MAX, true);
	assert_range("/on/2554-07-21", 213503 * d, WHEN_MAX, false);
	/* A span may start at the last instant; behind it none. */
	assert_range("/since/" LAST, WHEN_MAX, WHEN_MAX, false);
	assert_false(time_range_empty(bound("/since/" LAST)->range));
	assert_range("/since/" LAST "/until/2600-01", WHEN_MAX, WHEN_MAX, false);
	assert_range("/since/2600-01", 0, 0, false);
	assert_range("/since/2600-01/until/2700-01", 0, 0, false);
	assert_range("/on/2600-01-01", 0, 0, false);
	assert_true(time_range_empty(bound("/since/2600-01")->range));
}

static void
allows_a_range_that_is_empty_only_now(void **state)
{
	const struct query *q;

	(void)state;
	q = bound("/since/1h/until/2026-11-01");
	assert_true(time_range_empty(q->range));
	q = bound("/since/2026-12-01/until/1h");
	assert_true(time_range_empty(q->range));
	/* Noon: today has begun, so 13 h ago is before it; at 1 o'clock it would not be. */
	q = bound("/since/today/until/13h");
	assert_true(time_range_empty(q->range));
	q = bound("/on/2026-11-20/since/1h");
	assert_true(time_range_empty(q->range));
	assert_true(bound("/where/start/gt/1h")->relative);
	assert_true(bound("/where/start/gt/1h")->now == NOW);
	assert_false(bound("/where/start/gt/2026-11")->relative);
}

static void
keeps_times_as_typed(void **state)
{
	const struct query *q = bound("/since/90m/until/now/on/2026-11-21T11");

	(void)state;
	assert_true(q->has_since && q->since.kind == WHEN_AGO && q->since.ns == 90 * NS_PER_MIN);
	assert_true(q->has_until && q->until.kind == WHEN_NOW);
	assert_true(q->has_on && q->on.kind == WHEN_ABSOLUTE && q->on_length_ns == NS_PER_HOUR);
	assert_false(q->shard_partition);
	q = bound("/shards/2026-11-21/11");
	assert_true(q->shard_partition && !q->has_on);
	assert_true(q->on.ns == MIDNIGHT + 11 * NS_PER_HOUR);
	assert_false(bound("/")->has_since);
}

static void
binds_the_page(void **state)
{
	const struct query *q = bound("/select/name,span.x/sort/duration:desc,y/limit/7/offset/3");

	(void)state;
	assert_int_equal(q->n_sort, 2);
	assert_true(q->sort[0].by.desc && q->sort[0].by.field.intrinsic == IN_DURATION);
	assert_true(!q->sort[1].by.desc && sv_is(q->sort[1].by.field.key, "y"));
	assert_true(q->has_limit && q->limit == 7 && q->offset == 3);
	assert_int_equal(q->n_select, 2);
	assert_true(sv_is(q->select_typed[0], "name") && sv_is(q->select_typed[1], "span.x"));
	assert_int_equal(q->select[1].scope, FIELD_SPAN);
	q = bound("/");
	assert_true(!q->has_limit && q->limit == UINT64_MAX && q->offset == 0 &&
	    q->n_sort == 0 && q->n_select == 0);
}

static void
bounds_the_limit_by_max_rows(void **state)
{
	struct query_env env = { .now = NOW, .max_rows = 100 };
	struct err e = ERR_INIT;
	const struct query *q;

	(void)state;
	assert_int_equal(try_bind("/limit/100", &env, &q, &e), 0);
	assert_int_equal(try_bind("/service/a/limit/101", &env, &q, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 17);
	env.max_rows = 0;
	assert_int_equal(try_bind("/limit/101", &env, &q, &e), 0);
}

static size_t long_bytes;

static int
resolve(void *arg, struct arena *a, const struct field *f, uint64_t hi, uint64_t lo,
    struct sv *out, struct err *e)
{
	char *p = arena_alloc(a, long_bytes);

	*(struct field *)arg = *f;
	*out = SV_EMPTY;
	if (hi == 1)
		return err_nomem(e);
	if (lo == 0)
		return 0;
	memset(p, 'a' + (int)(lo % 26), long_bytes);
	*out = sv_new(p, long_bytes);
	return 0;
}

static void
resolves_aliases_of_long_values(void **state)
{
	struct field asked;
	struct query_env env = { .now = NOW, .alias = resolve, .alias_arg = &asked };
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	const struct query *q;

	(void)state;
	long_bytes = 300;
	assert_int_equal(try_bind("/service/x,%~00000000000000000000000000000001", &env, &q, &e), 0);
	assert_int_equal(asked.intrinsic, IN_SERVICE);
	assert_int_equal(q->filter->n_lits, 2);
	assert_int_equal(q->filter->lits[0].text.n, 300);
	/* Short enough for a segment: the canonical path spells it out. */
	query_print(&b, q);
	assert_int_equal(b.n, strlen("/service/") + 300 + strlen(",x"));
	assert_int_equal(try_bind("/where/a.b/re/%~00000000000000000000000000000001", &env, &q, &e), 0);
	assert_true(sv_is(asked.key, "a.b"));
	assert_int_equal(try_bind("/service/%~00000000000000000000000000000000", &env, &q, &e),
	    ERR_UNKNOWN);
	assert_int_equal(e.off, 9);
	/* Who can't tell does not say that there is none. */
	assert_int_equal(try_bind("/service/%~00000000000000010000000000000000", &env, &q, &e),
	    ERR_NOMEM);
	long_bytes = LIMIT_REGEX_BYTES + 1;
	assert_int_equal(try_bind("/where/a.b/re/%~00000000000000000000000000000001", &env, &q, &e),
	    ERR_SYNTAX);
	buf_release(&b);
}

static void
prints_values_too_long_for_a_segment_by_alias(void **state)
{
	struct field asked;
	struct query_env env = { .now = NOW, .alias = resolve, .alias_arg = &asked };
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct err e = ERR_INIT;
	const struct query *q;

	(void)state;
	long_bytes = 5000;
	assert_int_equal(try_bind("/service/x,%~00000000000000000000000000000001", &env, &q, &e), 0);
	query_print(&got, q);
	BUF_LIT(&want, "/service/");
	name_alias(&want, q->filter->lits[0].text);
	BUF_LIT(&want, ",x");
	assert_true(sv_eq(buf_view(&got), buf_view(&want)));
	buf_release(&want);
	buf_release(&got);
}

static void
finds_the_services_asked_for(void **state)
{
	const struct literal *l;

	(void)state;
	assert_int_equal(query_top_services(bound("/"), &l), 0);
	assert_int_equal(query_top_services(bound("/service/a"), &l), 1);
	assert_true(sv_is(l[0].text, "a"));
	assert_int_equal(query_top_services(bound("/kind/server/service/b,a"), &l), 2);
	assert_true(sv_is(l[1].text, "b"));
	assert_int_equal(query_top_services(bound("/where/service/in/b,a"), &l), 2);
	assert_int_equal(query_top_services(bound("/not/service/a"), &l), 0);
	assert_int_equal(query_top_services(bound("/where/service/ne/a"), &l), 0);
	assert_int_equal(query_top_services(bound("/any/service/a/name/b/end"), &l), 0);
	assert_int_equal(query_top_services(bound("/where/service/re/a.*"), &l), 0);
}

static void
refuses_paths_that_end_in_the_middle(void **state)
{
	struct query_env env = { .now = NOW };
	struct err e = ERR_INIT;
	const struct query *q = NULL;

	(void)state;
	assert_int_equal(try_bind("/service/a/any/kind/server", &env, &q, &e), ERR_SYNTAX);
	assert_int_equal(e.off, 11);
	assert_int_equal(try_bind("/service/a/not", &env, &q, &e), ERR_SYNTAX);
	assert_int_equal(try_bind("/service", &env, &q, &e), ERR_SYNTAX);
	assert_int_equal(try_bind("/.any/.service/a", &env, &q, &e), ERR_SYNTAX);
	/* Offsets are into the path as printed, without link dots. */
	assert_int_equal(e.off, 1);
	assert_null(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_predicates_of_filters),
		cmocka_unit_test(reads_values_by_the_type_of_the_field),
		cmocka_unit_test(takes_keys_of_files_for_fields),
		cmocka_unit_test(says_which_argument_is_wrong),
		cmocka_unit_test(reads_keys_of_traces_as_the_trace_s),
		cmocka_unit_test(intersects_time_clauses_half_open),
		cmocka_unit_test(allows_a_range_that_is_empty_only_now),
		cmocka_unit_test(keeps_times_as_typed),
		cmocka_unit_test(binds_the_page),
		cmocka_unit_test(bounds_the_limit_by_max_rows),
		cmocka_unit_test(resolves_aliases_of_long_values),
		cmocka_unit_test(prints_values_too_long_for_a_segment_by_alias),
		cmocka_unit_test(finds_the_services_asked_for),
		cmocka_unit_test(refuses_paths_that_end_in_the_middle),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
