/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of counts that read no column: over filters of all kinds the count is the plain
 * plan's, and those that footer or indexes tell visit no row group and scan no row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/rounds.h"
#include "lib/span_rows.h"

#define PER_SHARD 3000
#define HOUR UINT64_C(3600000000000)
#define S UINT64_C(1000000000)
#define FIRST_HOUR UINT64_C(1795183200000000000)

static struct exec_rig w;
static struct arena arena;

static struct event *
events_of(struct arena *a, uint64_t i)
{
	struct event *v = arena_array(a, 2, struct event);

	assert_non_null(v);
	for (unsigned k = 0; k < 2; k++) {
		v[k].name = (i + k) % 5 == 0 ? SV("exception") :
		    sv_cstr(arena_printf(a, "log%u", (unsigned)(i % 40)));
		v[k].time_ns = FIRST_HOUR + i;
		v[k].attrs = attrs_of(a, "level", val_str((i + k) % 3 == 0 ? "warn" :
		    arena_printf(a, "info%u", (unsigned)(i % 50))), NULL);
	}
	return v;
}

/* `host` is the resource's too; `code` has two types; `odd` stands on few spans. */
static void
fill(struct span_batch *b, unsigned hour)
{
	static const char *const services[] = { "alpha", "beta", "gamma" };

	for (uint64_t i = 0; i < PER_SHARD; i++) {
		struct span *x = span_batch_add(b);
		uint64_t no = (uint64_t)hour * PER_SHARD + i;

		assert_non_null(x);
		*x = *span_min(&b->arena, no + 1, services[i % 3]);
		x->trace_id = (struct trace_id){ 9, no / 3 + 1 };
		x->parent_span_id = no % 3 == 0 ? 0 : no - no % 3 + 1;
		x->start_ns = FIRST_HOUR + hour * HOUR + i * S;
		x->end_ns = x->start_ns + i % 50 * 1000;
		x->status = i % 10 == 9 ? STATUS_ERROR : i % 10 == 8 ? STATUS_OK : STATUS_UNSET;
		x->name = sv_cstr(arena_printf(&b->arena, "op-%u", (unsigned)(i % 7)));
		x->attrs = attrs_of(&b->arena,
		    "code", i % 4 == 0 ? val_str(i % 8 == 0 ? "200" : "x") : val_int((int64_t)(i % 6) * 100),
		    "host", val_str(i % 2 ? "a" : "b"), "only", val_str("one"),
		    "num", val_int((int64_t)(i % 60)),
		    "user", val_str(arena_printf(&b->arena, "u%u", (unsigned)(i % 97))), NULL);
		if (i % 4 == 1) {
			x->events = events_of(&b->arena, i);
			x->n_events = 2;
		}
	}
}

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	arena_init(&arena);
	store_rig_init(&store, 1, 0, 1, 0, 512);
	store.now_ns = FIRST_HOUR + HOUR;
	for (unsigned h = 0; h < 2; h++) {
		struct span_batch b;

		span_batch_init(&b);
		fill(&b, h);
		store_rig_add(&store, &b, 512);
		span_batch_release(&b);
	}
	exec_rig_open(&w, &store);
	assert_int_equal(w.snap->n_shards, 2);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	exec_rig_close(&w);
	arena_release(&arena);
	return 0;
}

static struct profile
count(const struct pred *filter, struct time_range range, bool cover, unsigned threads,
    uint64_t *n)
{
	struct plan *p = cover ? plan_columns(w.snap, ROW_COUNT) : plan_plain(w.snap, ROW_COUNT);
	struct exec_rows rows;
	struct profile prof;

	p->filter.pred = filter;
	p->filter.range = range;
	if (cover)
		plan_access(p, ACCESS_COVERING);
	rows = exec_rig_run(&w, p, 0, threads);
	*n = rows.ids[0];
	prof = rows.prof;
	exec_rows_release(&rows);
	plan_free(p);
	return prof;
}

enum told { SCANNED, COVERED, ANY };

static void
compare(const struct pred *filter, struct time_range range, enum told told, const char *what)
{
	uint64_t want, got;
	struct profile f;

	(void)count(filter, range, false, 1, &want);
	for (unsigned threads = 1; threads < 4; threads += 2) {
		f = count(filter, range, true, threads, &got);
		if (got != want)
			fail_msg("%s: %llu, not %llu", what, (unsigned long long)got,
			    (unsigned long long)want);
		if (told != ANY && (told == COVERED) != (f.row_groups_visited + f.row_groups_pruned == 0))
			fail_msg("%s: %llu row groups were visited", what,
			    (unsigned long long)f.row_groups_visited);
		if (told == COVERED)
			assert_int_equal(f.rows_scanned + f.rows_fetched, 0);
	}
}

struct ask {
	const char *field;
	enum pred_op op;
	const char *values;
	bool covered;
};

static const struct ask asks[] = {
	{ "service", OP_EQ, "beta", true },
	{ "service", OP_NOTCONTAINS, "a", true },
	{ "name", OP_EQ, "op-3", true },
	{ "name", OP_RE, "op-[0-3]$", true },
	{ "name", OP_NE, "op-3", true },
	{ "status", OP_EQ, "error", true },
	{ "status", OP_NE, "error", true },
	{ "trace_id", OP_IN, "00000000000000090000000000000021,"
	    "00000000000000090000000000000500,00000000000000090000000000000001", true },
	{ "span.user", OP_EQ, "u5", true },
	{ "user", OP_IN, "u5,u6,u7,nobody", true },
	{ "user", OP_STARTS, "u9", true },
	{ "user", OP_ENDS, "7", true },
	{ "user", OP_NE, "u5", true },
	{ "user", OP_RE, "^u[12]$", true },
	{ "user", OP_HAS, NULL, true },
	{ "code", OP_EQ, "200", true },
	{ "code", OP_GE, "300", true },
	{ "code", OP_NOTIN, "100,200", true },
	{ "code", OP_BETWEEN, "100,400", true },
	{ "event.level", OP_EQ, "warn", true },
	{ "event.level", OP_NE, "warn", true },
	{ "event_name", OP_EQ, "exception", true },
	{ "trace_spans", OP_EQ, "3", true },
	{ "trace_errors", OP_GE, "1", true },
	{ "root_service", OP_EQ, "alpha", true },
	{ "root_name", OP_CONTAINS, "-4", true },
	{ "span.nothing", OP_EQ, "x", true },
	{ "num", OP_LT, "7", true },
	{ "num", OP_BETWEEN, "12,30", true },
	{ "kind", OP_EQ, "server", true },
	{ "host", OP_EQ, "a", true },
	{ "host", OP_HAS, NULL, true },
	{ "only", OP_EQ, "one", true },
	{ "only", OP_CONTAINS, "on", true },
	{ "duration", OP_GE, "20us", false },
	{ "start", OP_HAS, NULL, false },
	{ "child_count", OP_EQ, "2", false },
	{ "resource.service.name", OP_EQ, "beta", false },
};
#define N_ASKS (sizeof asks / sizeof *asks)

static const struct pred *
leaf(const struct ask *a)
{
	return a->op == OP_HAS ? leaf_text(&arena, a->field, OP_HAS, SV_EMPTY) :
	    leaf_of(&arena, a->field, a->op, a->values);
}

static void
single_conditions(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ASKS; i++)
		compare(leaf(&asks[i]), TIME_RANGE_ALL, asks[i].covered ? COVERED : SCANNED,
		    asks[i].field);
}

/*
 * Together with others: a regular expression may fail on a value that another condition takes
 * off, and a column with few values may have no postings.
 */
static bool
is_told(const struct ask *a)
{
	return a->covered && a->op != OP_RE && strcmp(a->field, "only") != 0 &&
	    strcmp(a->field, "code") != 0 &&
	    strcmp(a->field, "kind") != 0 && strcmp(a->field, "host") != 0 &&
	    strcmp(a->field, "status") != 0 && strcmp(a->field, "name") != 0;
}

static void
conditions_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ASKS; i++)
		for (size_t j = 0; j < N_ASKS; j++) {
			const struct pred *a = leaf(&asks[i]), *b = leaf(&asks[j]);
			bool both = is_told(&asks[i]) && is_told(&asks[j]);
			const char *what = arena_printf(&arena, "%s %s, %s", asks[i].field, pred_op_name(asks[j].op),
			    asks[j].field);

			if ((i * N_ASKS + j) % rounds_step() != 0 || (!both && (i + j) % 5 != 0))
				continue;
			compare(and_of(&arena, a, b), TIME_RANGE_ALL, both ? COVERED : ANY, what);
			compare(or_of(&arena, a, pred_not(&arena, b)), TIME_RANGE_ALL,
			    both ? COVERED : ANY, what);
		}
}

static void
names_services_and_errors_are_the_footers(void **state)
{
	const struct pred *f = and_of(&arena, leaf_of(&arena, "service", OP_EQ, "beta"),
	    and_of(&arena, leaf_of(&arena, "status", OP_EQ, "error"),
	    leaf_of(&arena, "name", OP_RE, "op-[1-5]")));
	struct profile prof;
	uint64_t n;

	(void)state;
	compare(f, TIME_RANGE_ALL, COVERED, "footer");
	/* The dictionary of names, once a shard; nothing else. */
	prof = count(f, TIME_RANGE_ALL, true, 1, &n);
	assert_true(prof.chunks_read + prof.chunks_cached <= 2);
	compare(or_of(&arena, f, leaf_of(&arena, "status", OP_IN, "ok,error")), TIME_RANGE_ALL,
	    ANY, "ok is not told from unset");
}

static void
a_shard_at_the_edge_of_the_range_is_scanned(void **state)
{
	const struct time_range cut = { FIRST_HOUR + 100 * S, FIRST_HOUR + HOUR + 50 * S };
	const struct time_range second = { FIRST_HOUR + HOUR, WHEN_MAX };

	(void)state;
	compare(leaf(&asks[8]), cut, SCANNED, "cut");
	compare(leaf(&asks[2]), cut, SCANNED, "cut");
	/* The other shard is scanned for nothing: its times are apart. */
	compare(leaf(&asks[2]), second, COVERED, "the second hour");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_conditions),
		cmocka_unit_test(conditions_together),
		cmocka_unit_test(names_services_and_errors_are_the_footers),
		cmocka_unit_test(a_shard_at_the_edge_of_the_range_is_scanned),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
