/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of trace rows: facts over a whole trace, across shards, outside the range too;
 * roots, ties, order; and all of it against a plain sum over awkward spans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/bitmap.h"
#include "lib/exec_rig.h"
#include "lib/plan_builder.h"
#include "lib/span_rows.h"
#include "shard/chunk.h"

#define HOUR UINT64_C(3600000000000)
#define S UINT64_C(1000000000)

static struct arena arena;

static struct span *
add_span(struct span_batch *b, uint64_t trace, uint64_t id, uint64_t parent,
    const char *service, uint64_t start)
{
	struct span *x = span_batch_add(b);

	assert_non_null(x);
	*x = *span_min(&b->arena, id, service);
	x->trace_id = (struct trace_id){ 0, trace };
	x->parent_span_id = parent;
	x->start_ns = start;
	x->end_ns = start + S;
	return x;
}

/*
 * Trace 1 goes over two hours, its root in the older one; 2 has no root; 3 has two roots, the
 * earlier one in the newer commit; 4 is one span.
 */
static void
open_store(struct exec_rig *w)
{
	uint64_t t = SPAN_START - SPAN_START % HOUR;
	struct store_rig store;
	struct span_batch b;
	struct span *x;

	store_rig_init(&store, 1, 0, 1, 0, 4);
	store.now_ns = t + 2 * HOUR;
	span_batch_init(&b);
	x = add_span(&b, 1, 11, 0, "web", t + 3599 * S);
	x->name = SV("GET /");
	x->end_ns = t + 3605 * S;
	x = add_span(&b, 1, 12, 11, "cart", t + HOUR + 2 * S);
	x->status = STATUS_ERROR;
	add_span(&b, 2, 21, 99, "late", t + 20 * S);
	x = add_span(&b, 2, 22, 21, "early", t + 10 * S);
	x->name = SV("first");
	x = add_span(&b, 3, 31, 0, "r1", t + 50 * S);
	x->name = SV("second root");
	store_rig_add(&store, &b, 4);
	span_batch_release(&b);
	span_batch_init(&b);
	add_span(&b, 1, 13, 11, "web", t + HOUR + 3 * S)->end_ns = t + HOUR + 30 * S;
	x = add_span(&b, 3, 32, 0, "r2", t + 40 * S);
	x->name = SV("first root");
	add_span(&b, 4, 41, 0, "solo", t + 60 * S);
	store_rig_add(&store, &b, 4);
	span_batch_release(&b);
	exec_rig_open(w, &store);
}

struct got {
	struct trace_row rows[8];
	char root_service[8][32], root_name[8][32];
	size_t n;
};

static void
keep(struct got *g, const struct trace_row *r)
{
	snprintf(g->root_service[g->n], 32, "%.*s", SV_ARG(r->facts.root_service));
	snprintf(g->root_name[g->n], 32, "%.*s", SV_ARG(r->facts.root_name));
	g->rows[g->n++] = *r;
}

static void
run(struct exec_rig *w, struct plan *p, struct got *g)
{
	struct exec_env env = { .snapshot = w->snap };
	struct err e = ERR_INIT;
	struct exec *ex;
	struct batch b;
	int rc;

	g->n = 0;
	assert_int_equal(exec_open(p, &env, &ex, &e), 0);
	while ((rc = exec_next(ex, &b, &e)) == 0)
		for (size_t i = 0; i < b.n; i++)
			keep(g, &b.traces[i]);
	if (rc < 0)
		fail_msg("%s", e.msg);
	exec_close(ex);
	plan_free(p);
}

static void
figures_cover_the_whole_trace(void **state)
{
	struct exec_rig w;
	struct plan *p;
	struct got g;

	(void)state;
	open_store(&w);
	p = plan_columns(w.snap, ROW_TRACE);
	p->filter.pred = leaf_of(&arena, "service", OP_EQ, "cart");
	run(&w, p, &g);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.rows[0].n_matched, 1);
	assert_int_equal(g.rows[0].facts.n_spans, 3);
	assert_int_equal(g.rows[0].facts.n_errors, 1);
	assert_int_equal(g.rows[0].facts.n_services, 2);
	assert_true(g.rows[0].facts.has_root);
	assert_string_equal(g.root_service[0], "web");
	assert_string_equal(g.root_name[0], "GET /");
	assert_int_equal(trace_duration(&g.rows[0].facts), 31 * S);
	exec_rig_close(&w);
}

static void
the_range_bounds_what_matches_not_the_figures(void **state)
{
	uint64_t t = SPAN_START - SPAN_START % HOUR;
	struct exec_rig w;
	struct plan *p;
	struct got g;

	(void)state;
	open_store(&w);
	p = plan_columns(w.snap, ROW_TRACE);
	p->filter.range = (struct time_range){ t + HOUR, WHEN_MAX };
	run(&w, p, &g);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.rows[0].n_matched, 2);
	assert_int_equal(g.rows[0].facts.n_spans, 3);
	exec_rig_close(&w);
}

static void
names_come_from_the_root_else_the_earliest(void **state)
{
	struct exec_rig w;
	struct plan *p;
	struct got g;

	(void)state;
	open_store(&w);
	p = plan_columns(w.snap, ROW_TRACE);
	plan_sort_by(p, "trace_id");
	run(&w, p, &g);
	assert_int_equal(g.n, 4);
	assert_false(g.rows[1].facts.has_root);
	assert_string_equal(g.root_name[1], "first");
	assert_string_equal(g.root_service[1], "early");
	assert_string_equal(g.root_name[2], "first root");
	assert_string_equal(g.root_service[2], "r2");
	exec_rig_close(&w);
}

static void
traces_come_newest_start_first(void **state)
{
	static const uint64_t order[] = { 1, 4, 3, 2 };
	struct exec_rig w;
	struct plan *p;
	struct got g;

	(void)state;
	open_store(&w);
	run(&w, plan_columns(w.snap, ROW_TRACE), &g);
	assert_int_equal(g.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(g.rows[i].facts.trace_id.lo, order[i]);
	p = plan_columns(w.snap, ROW_TRACE);
	plan_sort_by(p, "trace_duration:desc");
	plan_page(p, 2, 1);
	run(&w, p, &g);
	assert_int_equal(g.n, 2);
	/* 1: 31 s; 2 and 3: 11 s, by start. */
	assert_int_equal(g.rows[0].facts.trace_id.lo, 3);
	assert_int_equal(g.rows[1].facts.trace_id.lo, 2);
	exec_rig_close(&w);
}

static void
facts_can_be_asked_for_and_come_with_spans(void **state)
{
	struct exec_rig w;
	struct plan *p;
	struct exec_rows rows;

	(void)state;
	open_store(&w);
	for (int columns = 0; columns < 2; columns++) {
		p = columns ? plan_columns(w.snap, ROW_SPAN) : plan_plain(w.snap, ROW_SPAN);
		p->filter.pred = and_of(&arena, leaf_of(&arena, "trace_spans", OP_EQ, "3"),
		    leaf_of(&arena, "child_count", OP_EQ, "2"));
		p->fetch.want_trace = true;
		rows = exec_rig_ids(&w, p);
		assert_int_equal(rows.n, 1);
		assert_int_equal(rows.ids[0], 11);
		exec_rows_release(&rows);
	}
	p = plan_columns(w.snap, ROW_COUNT);
	p->filter.pred = leaf_of(&arena, "root_service", OP_RE, "r[12]");
	rows = exec_rig_ids(&w, p);
	assert_int_equal(rows.ids[0], 2);
	exec_rows_release(&rows);
	exec_rig_close(&w);
}

/* ---- against a plain sum ---- */

/* When it is over: an end before the start counts as none. */
static uint64_t
end_of(const struct span *s)
{
	return s->end_ns > s->start_ns ? s->end_ns : s->start_ns;
}

static bool
comes_before(const struct span *a, const struct span *b)
{
	int c;

	if ((a->parent_span_id == 0) != (b->parent_span_id == 0))
		return a->parent_span_id == 0;
	if (a->start_ns != b->start_ns)
		return a->start_ns < b->start_ns;
	if (a->span_id != b->span_id)
		return a->span_id < b->span_id;
	if ((c = sv_cmp(a->name, b->name)) != 0)
		return c < 0;
	return sv_cmp(a->resource->service, b->resource->service) < 0;
}

static void
check_facts(const struct exec_rig *w, const struct trace_facts *f)
{
	const struct span *root = NULL;
	uint64_t first = UINT64_MAX, last = 0, n = 0, errors = 0;

	for (size_t i = 0; i < w->n_spans; i++) {
		const struct span *s = &w->spans[i];
		bool found = false;

		if (!trace_id_eq(s->trace_id, f->trace_id))
			continue;
		n++;
		errors += s->status == STATUS_ERROR;
		first = s->start_ns < first ? s->start_ns : first;
		last = end_of(s) > last ? end_of(s) : last;
		if (root == NULL || comes_before(s, root))
			root = s;
		for (uint32_t k = 0; k < f->n_services; k++)
			found |= sv_eq(f->services[k], s->resource->service);
		assert_true(found);
	}
	assert_non_null(root);
	assert_int_equal(f->n_spans, n);
	assert_int_equal(f->n_errors, errors);
	assert_int_equal(f->first_ns, first);
	assert_int_equal(f->last_ns, last);
	assert_int_equal(f->has_root, root->parent_span_id == 0);
	assert_int_equal(f->start_ns, f->has_root ? root->start_ns : first);
	assert_true(sv_eq(f->root_name, root->name));
	assert_true(sv_eq(f->root_service, root->resource->service));
	for (uint32_t k = 1; k < f->n_services; k++)
		assert_true(sv_cmp(f->services[k - 1], f->services[k]) < 0);
}

static void
awkward_traces_add_up(void **state)
{
	struct exec_env env = { 0 };
	struct err e = ERR_INIT;
	struct store_rig store;
	struct exec_rig w;
	struct exec *ex;
	struct batch b;
	struct plan *p;
	uint64_t spans = 0;
	int rc;

	(void)state;
	store_rig_init(&store, 5, 2000, 3, 2, 100);
	exec_rig_open(&w, &store);
	env.snapshot = w.snap;
	env.pool = w.pool;
	env.threads = 3;
	p = plan_columns(w.snap, ROW_TRACE);
	assert_int_equal(exec_open(p, &env, &ex, &e), 0);
	while ((rc = exec_next(ex, &b, &e)) == 0)
		for (size_t i = 0; i < b.n; i++) {
			check_facts(&w, &b.traces[i].facts);
			assert_int_equal(b.traces[i].n_matched, b.traces[i].facts.n_spans);
			spans += b.traces[i].n_matched;
		}
	assert_true(rc > 0);
	assert_int_equal(spans, w.n_spans);
	exec_close(ex);
	plan_free(p);
	exec_rig_close(&w);
}

/* ---- without putting traces together ---- */

static struct exec_rows
run_as(struct exec_rig *w, bool columns, enum row_kind kind, const struct pred *filter,
    const char *sort)
{
	struct plan *p = columns ? plan_columns(w->snap, kind) : plan_plain(w->snap, kind);
	struct exec_rows rows;

	if (filter != NULL)
		p->filter.pred = filter;
	if (sort != NULL)
		plan_sort_by(p, sort);
	if (kind != ROW_COUNT)
		plan_page(p, 5, 0);
	rows = exec_rig_run(w, p, 0, 1);
	plan_free(p);
	return rows;
}

#define WHOLE 1000	/* traces of 4 spans, each within an hour, of two; one goes over both */

static void
open_whole_traces(struct exec_rig *w)
{
	static const char *const services[] = { "checkout", "cart", "web" };
	uint64_t t = SPAN_START - SPAN_START % HOUR;
	struct store_rig store;
	struct span_batch b;

	store_rig_init(&store, 1, 0, 1, 0, 64);
	store.now_ns = t + 2 * HOUR;
	span_batch_init(&b);
	for (uint64_t i = 0; i < 4 * WHOLE; i++) {
		uint64_t trace = 1 + i / 4;
		struct span *x = add_span(&b, trace, 1 + i, i % 4 == 0 ? 0 : 1 + i / 4 * 4,
		    services[(trace + i) % 3], t + trace % 2 * HOUR + trace * S + i % 4);

		x->end_ns += i * 7919 % 1000;
		if (i * 31 % 11 == 0)
			x->status = STATUS_ERROR;
	}
	b.spans[7].start_ns += HOUR;
	b.spans[7].end_ns += HOUR;
	store_rig_add(&store, &b, 64);
	span_batch_release(&b);
	exec_rig_open(w, &store);
}

static void
facts_of_whole_traces_come_from_summaries(void **state)
{
	static const struct {
		enum row_kind kind;
		const char *field, *value, *sort;
	} asks[] = {
		{ ROW_COUNT, "trace_spans", "1", NULL },
		{ ROW_COUNT, "root_service", "checkout", NULL },
		{ ROW_TRACE, NULL, NULL, NULL },
		{ ROW_TRACE, "trace_errors", "1", "root_name" },
		{ ROW_SPAN, NULL, NULL, "trace_duration:desc" },
		{ ROW_SPAN, NULL, NULL, "root_service" },
	};
	struct exec_rig w;

	(void)state;
	open_whole_traces(&w);
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		const struct pred *f = asks[i].field == NULL ? NULL :
		    leaf_of(&arena, asks[i].field, OP_EQ, asks[i].value);
		struct exec_rows want = run_as(&w, false, asks[i].kind, f, asks[i].sort);
		struct exec_rows got = run_as(&w, true, asks[i].kind, f, asks[i].sort);

		assert_int_equal(got.n, want.n);
		assert_memory_equal(got.v, want.v, got.n * sizeof *got.v);
		/* 32 and one in 16 of both shards before that pays, and the rows handed out. */
		assert_true(got.prof.traces_assembled <= 2 * 32 + WHOLE / 16 + 6);
		assert_true(got.prof.rows_fetched <= 5);
		exec_rows_release(&want);
		exec_rows_release(&got);
	}
	exec_rig_close(&w);
}

static unsigned looked, most_looks;

static int
look(void *arg, struct err *e)
{
	assert_ptr_equal(arg, &looked);
	return ++looked > most_looks ? err_set(e, ERR_CANCELLED, -1, "cancelled") : 0;
}

static const struct split_look looks = { look, &looked };

/* Singly and all at once: at each shard that is gone through; and it can be made later. */
static void
which_traces_are_split_ends_when_nobody_waits(void **state)
{
	struct store_rig store;
	const uint64_t *bits;
	struct exec_rig w;

	(void)state;
	store_rig_init(&store, 29, 900, 4, 3, 64);
	exec_rig_open(&w, &store);
	assert_true(w.snap->n_shards > 5);
	for (size_t i = 0; i < 5; i++)
		for (most_looks = 0;; most_looks++) {
			struct err e = ERR_INIT;
			int rc;

			looked = 0;
			rc = snapshot_split_traces(w.snap, i, &looks, &bits, &e);
			if (rc == 0)
				break;
			assert_int_equal(rc, ERR_CANCELLED);
			assert_int_equal(looked, most_looks + 1);
			assert_true(most_looks < 2 * w.snap->n_shards);
			/* Of those that were asked for singly there are few. */
			if (i == 0 && most_looks == 2)
				break;
		}
	exec_rig_close(&w);
}

static void
the_snapshot_knows_which_traces_are_split(void **state)
{
	struct err e = ERR_INIT;
	struct store_rig store;
	const uint64_t *bits;
	struct exec_rig w;

	(void)state;
	store_rig_init(&store, 29, 900, 4, 3, 64);
	exec_rig_open(&w, &store);
	most_looks = UINT32_MAX;
	/* The first few by Bloom filters, the others all at once. */
	for (size_t i = 0; i < w.snap->n_shards; i++) {
		const struct traceids *t, *u;
		struct shard *s, *other;
		uint32_t at;

		assert_int_equal(snapshot_shard(w.snap, i, &s, &e), 0);
		assert_int_equal(traceids_get(s, &t, &e), 0);
		assert_int_equal(snapshot_split_traces(w.snap, i, &looks, &bits, &e), 0);
		for (uint32_t o = 0; o < shard_info(s)->n_traces; o++) {
			bool split = false;

			for (size_t j = 0; j < w.snap->n_shards; j++) {
				assert_int_equal(snapshot_shard(w.snap, j, &other, &e), 0);
				assert_int_equal(traceids_get(other, &u, &e), 0);
				split |= j != i && traceids_find(u, traceids_at(t, o), &at);
				traceids_put(u);
			}
			assert_int_equal(bitmap_get(bits, o), split);
		}
		traceids_put(t);
	}
	assert_true(w.snap->n_shards > 5);
	exec_rig_close(&w);
}

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_cover_the_whole_trace),
		cmocka_unit_test(the_range_bounds_what_matches_not_the_figures),
		cmocka_unit_test(names_come_from_the_root_else_the_earliest),
		cmocka_unit_test(traces_come_newest_start_first),
		cmocka_unit_test(facts_can_be_asked_for_and_come_with_spans),
		cmocka_unit_test(awkward_traces_add_up),
		cmocka_unit_test(facts_of_whole_traces_come_from_summaries),
		cmocka_unit_test(which_traces_are_split_ends_when_nobody_waits),
		cmocka_unit_test(the_snapshot_knows_which_traces_are_split),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
