/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of groups, conditions and sort keys that ask about traces, places and parents: by columns they are those of the
 * plain plan, on traces that are not as they should be (ids that several spans bear, circles, parents
 * in other shards or nowhere, ends before starts), by one thread and several,
 * with memory and without; and no trace of one shard is put together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agg/agg.h"
#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/rounds.h"
#include "lib/span_rows.h"

#define HOUR UINT64_C(3600000000000)
#define N_SPANS 400
#define GROUP_ROWS 40

/* ---- spans ---- */

static uint64_t seed;

static uint64_t
draw(uint64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (seed >> 33) % n;
}

/* Of one commit. Traces are few and ids small, so that they meet; `apart`: none meets another commit's. */
static void
add_commit(struct store_rig *store, unsigned commit, bool apart, bool twins)
{
	static const char *const services[] = { "a", "b", "c" };
	static const char *const names[] = { "GET /", "work", "x", "y" };
	struct span_batch b;

	span_batch_init(&b);
	for (uint64_t i = 0; i < N_SPANS; i++) {
		struct span *x = span_batch_add(&b);
		uint64_t trace = 1 + draw(25), id = twins ? 1 + draw(24) : commit * N_SPANS + 1 + i;
		uint64_t start;

		assert_non_null(x);
		*x = *span_min(&b.arena, id, services[draw(3)]);
		x->trace_id = (struct trace_id){ apart ? commit + 1 : 0, trace };
		x->parent_span_id = draw(6) == 0 ? 0 : 1 + draw(twins ? 30 : 3 * N_SPANS);
		if (x->parent_span_id == id)
			x->parent_span_id = 0;
		start = SPAN_START - SPAN_START % HOUR + (uint64_t)(apart ? commit : draw(2)) * HOUR +
		    draw(50);
		x->start_ns = start;
		x->end_ns = draw(12) == 0 ? start - draw(start > 9 ? 9 : 1) : start + draw(60);
		x->name = sv_cstr(names[draw(4)]);
		x->kind = (int32_t)draw(3);
		x->status = draw(5) == 0 ? STATUS_ERROR : 0;
	}
	store_rig_add(store, &b, GROUP_ROWS);
	span_batch_release(&b);
}

static void
open_store(struct exec_rig *w, uint64_t s, bool apart, bool twins)
{
	struct store_rig store;

	seed = s * 977 + 1;
	store_rig_init(&store, 1, 0, 1, 0, GROUP_ROWS);
	store.now_ns = SPAN_START + 10 * HOUR;
	for (unsigned commit = 0; commit < 3; commit++)
		add_commit(&store, commit, apart, twins);
	exec_rig_open(w, &store);
}

/* ---- groups ---- */

static const struct shape {
	const char *key;		/* or NULL */
	const char *measure;
	bool per_trace;
} shapes[] = {
	{ "parent:service", "duration", false },
	{ "parent:name", "parent:duration", false },
	{ "parent:kind", "parent:start", false },
	{ "parent:status", "depth", false },
	{ "parent:root_service", "parent:trace_spans", false },
	{ "parent:root_name", "parent:self_duration", false },
	{ "parent:depth", "parent:child_count", false },
	{ "parent:resource.service.name", "parent:end", false },
	{ "depth", "self_duration", false },
	{ "child_count", "trace_duration", false },
	{ "root_service", "trace_errors", false },
	{ "root_name", "trace_start", false },
	{ "name", "trace_spans", false },
	{ "service", "duration", true },
	{ "name", "start", true },
	{ "kind", "duration", true },
	{ "root_service", "depth", true },
	{ "name", "parent:duration", true },
};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

struct asked {
	struct field key, measure;
	struct sv key_typed;
	struct aggregate aggs[6];
	struct group_ref columns[7];
	struct grouping g;
	struct field inner[2];
	struct projection parents, proj;
};

static void
take_field(struct asked *a, const struct field *f)
{
	static const intrinsic_set parent = INTRINSIC_BIT(IN_PARENT_SPAN_ID);

	if (f->scope == FIELD_PARENT) {
		a->inner[a->parents.n_fields++] = field_inner(f);
		a->proj.intrinsics |= parent;
		a->proj.parents = &a->parents;
	} else if (f->scope == FIELD_INTRINSIC)
		a->proj.intrinsics |= INTRINSIC_BIT(f->intrinsic);
}

static void
ask(struct asked *a, const struct shape *s)
{
	static const struct { enum agg_kind kind; const char *name; uint64_t part; } kinds[] = {
		{ AGG_COUNT, "count", 0 }, { AGG_ERRORS, "errors", 0 }, { AGG_MIN, "min", 0 },
		{ AGG_MAX, "max", 0 }, { AGG_QUANTILE, "p50", 50 }, { AGG_DISTINCT, "distinct", 0 },
	};

	*a = (struct asked){ .parents = { .lean = true }, .proj = { .lean = true,
	    .intrinsics = INTRINSIC_BIT(IN_START) | INTRINSIC_BIT(IN_STATUS) } };
	a->parents.fields = a->inner;
	assert_true(field_parse(sv_cstr(s->key), &a->key));
	assert_true(field_parse(sv_cstr(s->measure), &a->measure));
	a->key_typed = sv_cstr(s->key);
	a->columns[0] = (struct group_ref){ REF_KEY, 0, false };
	for (size_t i = 0; i < 6; i++) {
		a->aggs[i] = (struct aggregate){ .kind = kinds[i].kind,
		    .name = sv_cstr(kinds[i].name), .field = a->measure,
		    .typed = sv_cstr(s->measure), .part = kinds[i].part, .whole = 100 };
		a->columns[1 + i] = (struct group_ref){ REF_AGG, i, false };
	}
	a->g = (struct grouping){ .keys = &a->key, .keys_typed = &a->key_typed, .n_keys = 1,
		.aggs = a->aggs, .n_aggs = 6, .n_shown = 6, .columns = a->columns, .n_columns = 7,
		.per_trace = s->per_trace };
	take_field(a, &a->key);
	take_field(a, &a->measure);
}

static void
print_cell(struct buf *b, const struct group_cell *c)
{
	if (c->kind == GROUP_VALUE)
		value_pack(b, &c->value);
	else if (c->kind == GROUP_TIME)
		buf_u64(b, (uint64_t)c->time);
	else if (c->kind == GROUP_KIND || c->kind == GROUP_STATUS)
		buf_u64(b, (uint64_t)c->number);
	else if (c->kind == GROUP_UINT)
		buf_u64(b, c->u);
	buf_printf(b, "/%d;", c->kind);
}

/* The rows of the table as text. */
static void
print(struct agg_table *t, struct buf *out)
{
	struct err e = ERR_INIT;
	size_t n = agg_n_rows(t);
	struct group_cell *cells = calloc(n * 7 + 1, sizeof *cells);

	assert_non_null(cells);
	assert_int_equal(agg_cells(t, 0, n, cells, &e), 0);
	for (size_t i = 0; i < n * 7; i++)
		print_cell(out, &cells[i]);
	free(cells);
}

struct way {
	bool columns, joins;
	unsigned threads;
	size_t memory;
	uint64_t from;			/* only spans that start then or later */
	struct quota *quota;		/* or NULL */
};

static int
run(struct exec_rig *w, const struct asked *a, struct way how, struct buf *out,
    struct profile *prof, struct err *e)
{
	struct agg_options o = { .groups = &a->g, .memory = SIZE_MAX, .quota = how.quota };
	struct exec_env env = { .snapshot = w->snap, .pool = w->pool, .threads = how.threads,
		.memory = how.memory };
	struct plan *p = how.columns ? plan_columns(w->snap, ROW_GROUP) :
	    plan_plain(w->snap, ROW_GROUP);
	struct exec *ex;
	struct batch b;
	int rc;

	p->fetch.want_trace = true;
	p->fetch.by_columns = how.columns;
	p->fetch.joins = how.joins;
	p->filter.range.from = how.from;
	p->fetch.projection = a->proj;
	if (!how.columns)
		p->fetch.projection.all = true;
	plan_link(p);
	out->n = 0;
	assert_int_equal(agg_table_new(&o, &env.groups, e), 0);
	if ((rc = exec_open(p, &env, &ex, e)) == 0) {
		rc = exec_next(ex, &b, e);
		*prof = *exec_profile(ex);
		exec_close(ex);
	}
	if (rc > 0 && (rc = agg_finish(env.groups, e)) == 0)
		print(env.groups, out);
	agg_table_free(env.groups);
	plan_free(p);
	return rc;
}

static void
compare(struct exec_rig *w, const struct shape *s, uint64_t round, bool apart)
{
	static const size_t memory[] = { 0, 150000 };
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct err e = ERR_INIT;
	struct profile prof;
	struct asked a;

	ask(&a, s);
	for (int cut = 0; cut < 2; cut++) {
		struct way how = { .threads = 1, .from = cut == 0 ? 0 :
		    SPAN_START - SPAN_START % HOUR + (apart ? 0 : HOUR) + 25 };

		assert_int_equal(run(w, &a, how, &want, &prof, &e), 0);
		assert_true(want.n > 0);
		for (unsigned i = 0; i < 8; i++) {
			how.columns = true;
			how.threads = 1 + i % 2 * 3;
			how.memory = memory[i / 2 % 2];
			how.joins = i >= 4;
			if (run(w, &a, how, &got, &prof, &e) < 0)
				fail_msg("%s", e.msg);
			if (!sv_eq(buf_view(&want), buf_view(&got)))
				fail_msg("%s, %s%s: round %llu, %u threads, memory %zu, cut %d%s: %s\n%s",
				    s->key, s->measure, s->per_trace ? " per trace" : "",
				    (unsigned long long)round, how.threads, how.memory, cut,
				    how.joins ? ", joined" : "",
				    buf_cstr(&want), buf_cstr(&got));
		}
	}
	buf_release(&want);
	buf_release(&got);
}

/* ---- tests ---- */

static void
groups_by_columns_are_those_of_spans(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 4; round += rounds_step()) {
		bool apart = round % 2 != 0, twins = round / 2 % 2 == 0;
		struct exec_rig w;

		open_store(&w, round, apart, twins);
		for (size_t i = 0; i < N_SHAPES; i++)
			compare(&w, &shapes[i], round, apart);
		exec_rig_close(&w);
	}
}

static void
traces_of_one_shard_are_not_put_together(void **state)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	struct profile prof;
	struct exec_rig w;
	struct asked a;

	(void)state;
	open_store(&w, 5, true, false);
	for (size_t i = 0; i < N_SHAPES; i++) {
		if (shapes[i].per_trace)
			continue;
		ask(&a, &shapes[i]);
		assert_int_equal(run(&w, &a, (struct way){ .columns = true, .threads = 1 }, &got,
		    &prof, &e), 0);
		assert_int_equal(prof.traces_assembled, 0);
		assert_int_equal(prof.rows_matched, 3 * N_SPANS);
		assert_int_equal(prof.rows_fetched, 0);
	}
	buf_release(&got);
	exec_rig_close(&w);
}

/* In round 2 traces lie in all commits, and no two spans of one commit bear one id. */
static void
traces_of_several_shards_are_joined(void **state)
{
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	struct profile prof;
	struct exec_rig w;
	struct asked a;

	(void)state;
	open_store(&w, 2, false, false);
	for (size_t i = 0; i < N_SHAPES; i++) {
		if (shapes[i].per_trace)
			continue;
		ask(&a, &shapes[i]);
		assert_int_equal(run(&w, &a, (struct way){ .columns = true, .joins = true,
		    .threads = 1 }, &got, &prof, &e), 0);
		assert_int_equal(prof.rows_matched, 3 * N_SPANS);
		assert_int_equal(prof.traces_assembled, 0);
		assert_int_equal(prof.rows_fetched, 0);
	}
	buf_release(&got);
	exec_rig_close(&w);
}

#define N_TRACES 64

/* Traces of one span each, in an hour of their own. */
static void
add_traces(struct store_rig *store, unsigned commit)
{
	const uint64_t first = SPAN_START - SPAN_START % HOUR + commit * HOUR;
	struct span_batch b;

	span_batch_init(&b);
	for (uint64_t i = 0; i < N_TRACES; i++) {
		struct span *x = span_batch_add(&b);

		assert_non_null(x);
		*x = *span_min(&b.arena, i + 1, "a");
		x->trace_id = (struct trace_id){ commit, i + 1 };
		x->start_ns = x->end_ns = first + i;
	}
	store_rig_add(store, &b, GROUP_ROWS);
	span_batch_release(&b);
}

/* Of whole traces each shard has a table: not all of them are there at once. */
static void
tables_of_many_shards_are_few_at_once(void **state)
{
	static const struct shape whole = { "service", "duration", true };
	struct quota quota = { .max = 12u << 18 };	/* a table takes 2^18 of it at least */
	struct buf want = BUF_INIT, got = BUF_INIT;
	struct store_rig store;
	struct err e = ERR_INIT;
	struct profile prof;
	struct exec_rig w;
	struct asked a;

	(void)state;
	store_rig_init(&store, 1, 0, 1, 0, GROUP_ROWS);
	store.now_ns = SPAN_START + 40 * HOUR;
	for (unsigned commit = 0; commit < 30; commit++)
		add_traces(&store, commit);
	exec_rig_open(&w, &store);
	ask(&a, &whole);
	assert_int_equal(run(&w, &a, (struct way){ .threads = 1 }, &want, &prof, &e), 0);
	for (unsigned threads = 1; threads < 3; threads++) {
		if (run(&w, &a, (struct way){ .columns = true, .threads = threads, .quota = &quota },
		    &got, &prof, &e) < 0)
			fail_msg("%s", e.msg);
		assert_true(sv_eq(buf_view(&want), buf_view(&got)));
		assert_int_equal(prof.rows_fetched, 0);
		assert_int_equal(atomic_load(&quota.used), 0);
	}
	buf_release(&want);
	buf_release(&got);
	exec_rig_close(&w);
}

/* Whether a trace lies in one shard alone all others are asked for: not for the parent of one span. */
static void
few_rows_go_as_spans(void **state)
{
	const uint64_t first = SPAN_START - SPAN_START % HOUR;
	struct buf got = BUF_INIT;
	struct store_rig store;
	struct err e = ERR_INIT;
	struct profile prof;
	struct exec_rig w;
	struct asked a;

	(void)state;
	store_rig_init(&store, 1, 0, 1, 0, GROUP_ROWS);
	add_traces(&store, 0);
	exec_rig_open(&w, &store);
	ask(&a, &shapes[0]);
	for (uint64_t n = N_TRACES; n != 0; n = n == 1 ? 0 : 1) {
		assert_int_equal(run(&w, &a, (struct way){ .columns = true, .threads = 1,
		    .from = first + N_TRACES - n }, &got, &prof, &e), 0);
		assert_int_equal(prof.rows_matched, n);
		assert_int_equal(prof.rows_fetched, n == 1 ? 1 : 0);
	}
	buf_release(&got);
	exec_rig_close(&w);
}

/* ---- rows ---- */

static const char *const conditions[][3] = {		/* ge, eq and lt of these */
	{ "depth", "1", "0" }, { "child_count", "1", "0" }, { "self_duration", "20ns", "0ns" },
};
static const char *const orders[][3] = {
	{ "depth:desc", "duration" }, { "child_count:desc", "trace_spans", "self_duration" },
	{ "self_duration", "root_name:desc" }, { "trace_errors", "start:desc", "depth" },
	{ "depth", "span.none", "child_count" },
};
#define N_ROWS_ASKED (3 * 3 + sizeof orders / sizeof *orders)

/* Below 9: a condition; from there on an order. */
static struct plan *
rows_plan(struct exec_rig *w, struct arena *a, size_t no, bool columns)
{
	static const enum pred_op ops[] = { OP_GE, OP_EQ, OP_LT };
	struct plan *p = columns ? plan_columns(w->snap, ROW_SPAN) : plan_plain(w->snap, ROW_SPAN);

	if (no < 9) {
		const char *const *c = conditions[no / 3];

		p->filter.pred = and_of(a, leaf_of(a, c[0], ops[no % 3], c[1 + no % 2]),
		    leaf_of(a, "name", OP_NE, "x"));
		return p;
	}
	for (size_t i = 0; i < 3 && orders[no - 9][i] != NULL; i++)
		plan_sort_by(p, orders[no - 9][i]);
	return p;
}

static void
compare_rows(struct exec_rig *w, size_t no, uint64_t round)
{
	struct exec_rows want, got;
	struct plan *p;
	struct arena a;

	arena_init(&a);
	p = rows_plan(w, &a, no, false);
	want = exec_rig_run(w, p, 0, 1);
	plan_free(p);
	for (unsigned threads = 1; threads <= 4; threads += 3) {
		p = rows_plan(w, &a, no, true);
		got = exec_rig_run(w, p, 0, threads);
		plan_free(p);
		if (got.n != want.n || (got.n != 0 && memcmp(got.v, want.v, got.n * sizeof *got.v) != 0))
			fail_msg("round %llu, rows %zu, %u threads", (unsigned long long)round, no,
			    threads);
		exec_rows_release(&got);
	}
	exec_rows_release(&want);
	arena_release(&a);
}

static void
rows_by_place_are_those_of_spans(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < 8; round += rounds_step()) {
		struct exec_rig w;

		open_store(&w, round, round % 2 != 0, round / 2 % 2 == 0);
		for (size_t no = 0; no < N_ROWS_ASKED; no++)
			compare_rows(&w, no, round);
		exec_rig_close(&w);
	}
}

static void
places_of_one_shard_are_not_put_together(void **state)
{
	struct exec_rig w;
	struct arena a;

	(void)state;
	arena_init(&a);
	open_store(&w, 5, true, false);
	/* The later ones ask for facts of traces, which is another way. */
	for (size_t no = 0; no < 10; no++) {
		struct plan *p = rows_plan(&w, &a, no, true);
		struct exec_rows r = exec_rig_run(&w, p, 0, 1);

		assert_int_equal(r.prof.traces_assembled, 0);
		exec_rows_release(&r);
		plan_free(p);
	}
	exec_rig_close(&w);
	arena_release(&a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(groups_by_columns_are_those_of_spans),
		cmocka_unit_test(traces_of_one_shard_are_not_put_together),
		cmocka_unit_test(traces_of_several_shards_are_joined),
		cmocka_unit_test(tables_of_many_shards_are_few_at_once),
		cmocka_unit_test(few_rows_go_as_spans),
		cmocka_unit_test(rows_by_place_are_those_of_spans),
		cmocka_unit_test(places_of_one_shard_are_not_put_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
