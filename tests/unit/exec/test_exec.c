/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of exec as a whole: the plain plan and every faster one give the same rows in
 * the same order, whatever the batch size and the number of threads; limits, deadlines and
 * cancelling are errors with the right words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "exec/exec.h"
#include "lib/gen_pred.h"
#include "lib/plan_builder.h"
#include "lib/store_rig.h"
#include "store/fetch.h"

#define N_SPANS 4000
#define GROUP_ROWS 300

struct world {
	struct store_rig rig;
	struct catalog *cat;
	const struct snapshot *snap;
	struct pool *pool;
	struct fetch *fetch;		/* all spans, for values to ask for */
	struct span *spans;
	size_t n_spans;
};

static struct world w;

static void
must(int code, const struct err *e)
{
	if (code < 0)
		fail_msg("%s", e->msg);
}

static void
load_spans(void)
{
	static const struct projection all = { .all = true };
	struct err e = ERR_INIT;

	must(fetch_new(&w.fetch, &e), &e);
	w.spans = calloc(w.snap->n_rows, sizeof *w.spans);
	assert_non_null(w.spans);
	for (size_t i = 0; i < w.snap->n_shards; i++) {
		uint32_t n = (uint32_t)w.snap->shards[i].n_rows;
		uint32_t *rows = calloc(n, sizeof *rows);
		struct shard *s;

		assert_non_null(rows);
		for (uint32_t k = 0; k < n; k++)
			rows[k] = k;
		must(snapshot_shard(w.snap, i, &s, &e), &e);
		must(fetch_rows(w.fetch, s, rows, n, &all, w.spans + w.n_spans, &e), &e);
		w.n_spans += n;
		free(rows);
	}
}

static int
setup(void **state)
{
	struct catalog_options co = { .create = false, .cache_bytes = 8 << 20 };
	struct err e = ERR_INIT;

	(void)state;
	store_rig_init(&w.rig, 11, N_SPANS, 6, 3, GROUP_ROWS);
	must(catalog_open(w.rig.dir, &co, &w.cat, &e), &e);
	must(catalog_snapshot(w.cat, &w.snap, &e), &e);
	must(pool_new(3, 0, &w.pool, &e), &e);
	load_spans();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(w.spans);
	fetch_free(w.fetch);
	pool_free(w.pool);
	snapshot_unref(w.snap);
	catalog_close(w.cat);
	store_rig_release(&w.rig);
	return 0;
}

/* ---- running ---- */

/* What a plan gives: one number a row, that stands for all that is in it. */
struct rows {
	uint64_t *v;
	size_t n, cap;
	struct profile prof;
};

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	return hash_u64(h ^ hash64(p, n)) + n;
}

static uint64_t
facts_digest(uint64_t h, const struct trace_facts *t)
{
	uint64_t v[] = { t->trace_id.hi, t->trace_id.lo, t->start_ns, t->first_ns, t->last_ns,
		t->n_spans, t->n_errors, t->has_root, t->n_services };

	h = mix(h, v, sizeof v);
	h = mix(h, t->root_service.p, t->root_service.n);
	h = mix(h, t->root_name.p, t->root_name.n);
	for (uint32_t i = 0; i < t->n_services; i++)
		h = mix(h, t->services[i].p, t->services[i].n);
	return h;
}

static uint64_t
row_digest(const struct batch *b, size_t i)
{
	const struct span *s = NULL;
	struct hash128 h;
	uint64_t d = 1;

	switch (b->kind) {
	case ROW_SPAN:
		s = b->spans[i].span;
		if (b->spans[i].trace != NULL)
			d = facts_digest(d, b->spans[i].trace) + b->spans[i].child_count;
		break;
	case ROW_TRACE:
		return facts_digest(b->traces[i].n_matched, &b->traces[i].facts);
	case ROW_EVENT:
		s = b->events[i].span;
		d = mix(d, &b->events[i].event->time_ns, 8);
		d = mix(d, b->events[i].event->name.p, b->events[i].event->name.n);
		d += (uint64_t)(b->events[i].event - s->events);
		break;
	case ROW_LINK:
		s = b->links[i].span;
		d = mix(d, &b->links[i].link->span_id, 8);
		d += (uint64_t)(b->links[i].link - s->links);
		break;
	case ROW_COUNT:
		return b->count;
	}
	h = span_hash(s);
	return mix(d, &h, sizeof h);
}

static void
rows_add(struct rows *r, uint64_t v)
{
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 256 : r->cap * 2;
		r->v = realloc(r->v, r->cap * sizeof *r->v);
		assert_non_null(r->v);
	}
	r->v[r->n++] = v;
}

static int
run_env(const struct plan *p, const struct exec_env *env, struct rows *r, struct err *e)
{
	struct exec *ex;
	struct batch b;
	int rc;

	*r = (struct rows){ NULL, 0, 0, { 0 } };
	if ((rc = exec_open(p, env, &ex, e)) < 0)
		return rc;
	while ((rc = exec_next(ex, &b, e)) == 0) {
		assert_true(b.n >= 1);
		assert_int_equal(b.kind, p->output);
		if (env->batch_rows != 0)
			assert_true(b.n <= env->batch_rows);
		for (size_t i = 0; i < b.n; i++)
			rows_add(r, row_digest(&b, i));
	}
	r->prof = *exec_profile(ex);
	exec_close(ex);
	return rc < 0 ? rc : 0;
}

static struct rows
run(const struct plan *p, size_t batch_rows, unsigned threads)
{
	struct exec_env env = { .snapshot = w.snap, .batch_rows = batch_rows,
		.pool = threads > 1 ? w.pool : NULL, .threads = threads,
		.memory = (size_t)1 << 30 };
	struct err e = ERR_INIT;
	struct rows r;

	must(run_env(p, &env, &r, &e), &e);
	assert_true(r.prof.complete);
	return r;
}

static void
print_plan(const struct plan *p, const char *what)
{
	struct buf b = BUF_INIT;

	pred_print(&b, p->filter);
	print_error("%s: %s (range %llu-%llu limit %llu offset %llu sort %zu)\n", what,
	    buf_cstr(&b), (unsigned long long)p->range.from, (unsigned long long)p->range.to,
	    (unsigned long long)p->limit, (unsigned long long)p->offset, p->n_sort);
	buf_release(&b);
}

static void
expect_same(const struct plan *p, const struct rows *a, const struct rows *b, const char *what)
{
	size_t i;

	for (i = 0; i < a->n && i < b->n && a->v[i] == b->v[i]; i++)
		;
	if (i == a->n && i == b->n)
		return;
	print_plan(p, what);
	fail_msg("%s: rows differ at %zu of %zu and %zu", what, i, a->n, b->n);
}

/* ---- plans ---- */

struct asked {
	const struct pred *filter;
	struct time_range range;
	uint64_t limit, offset;
	struct field sort[2];
	bool desc[2];
	size_t n_sort;
	enum row_kind output;
};

static struct plan *
plan_of(const struct asked *q, bool columns)
{
	struct plan *p = columns ? plan_columns(w.snap, q->output) :
	    plan_plain(w.snap, q->output);
	struct plan_sort *s = arena_array(&p->arena, 2, struct plan_sort);

	assert_non_null(s);
	for (size_t i = 0; i < q->n_sort; i++)
		s[i] = (struct plan_sort){ q->sort[i], q->desc[i] };
	p->sort = s;
	p->n_sort = q->n_sort;
	p->filter = q->filter;
	p->range = q->range;
	p->limit = q->limit;
	p->offset = q->offset;
	return p;
}

static void
compare(const struct asked *q, const struct rows *want, bool columns, enum access access,
    bool early, bool topn, size_t batch, unsigned threads, const char *what)
{
	struct plan *p = plan_of(q, columns);
	struct rows got;

	plan_access(p, access);
	p->early_stop = early;
	p->topn = topn;
	got = run(p, batch, threads);
	expect_same(p, want, &got, what);
	free(got.v);
	plan_free(p);
}

/* The plain plan against the others. */
static size_t
check(const struct asked *q)
{
	bool limited = q->limit != UINT64_MAX;
	struct plan *p = plan_of(q, false);
	struct rows want = run(p, 0, 1);
	size_t n = want.n;

	plan_free(p);
	compare(q, &want, true, ACCESS_ZONE, false, false, 0, 1, "columns");
	compare(q, &want, true, ACCESS_FULL, false, false, 7, 1, "columns without zones");
	compare(q, &want, true, ACCESS_SERVICE, false, false, 1000, 3, "by service, threads");
	compare(q, &want, true, ACCESS_TRACE, limited, limited && q->n_sort != 0, 1, 2,
	    "by trace");
	if (limited) {
		compare(q, &want, true, ACCESS_ZONE, q->n_sort == 0, q->n_sort != 0, 0, 1,
		    "early or best k");
		compare(q, &want, false, ACCESS_FULL, q->n_sort == 0, false, 0, 3, "rows, early");
	}
	if (q->output == ROW_COUNT)
		compare(q, &want, true, ACCESS_CATALOG, false, false, 0, 1, "by catalog");
	free(want.v);
	return n;
}

static struct time_range
some_range(struct gen_pred *g)
{
	uint64_t a = w.spans[gen_pred_below(g, w.n_spans)].start_ns;
	uint64_t b = w.spans[gen_pred_below(g, w.n_spans)].start_ns;

	switch (gen_pred_below(g, 4)) {
	case 0:
		return (struct time_range){ a < b ? a : b, a < b ? b : a };
	case 1:
		return (struct time_range){ a, WHEN_MAX };
	default:
		return TIME_RANGE_ALL;
	}
}

static void
random_query(struct gen_pred *g, enum row_kind output, unsigned depth, struct asked *q)
{
	*q = (struct asked){ .output = output, .limit = UINT64_MAX };
	q->filter = gen_tree(g, depth);
	q->range = some_range(g);
	if (gen_pred_below(g, 2) == 0)
		q->limit = gen_pred_below(g, 60);
	if (gen_pred_below(g, 3) == 0)
		q->offset = gen_pred_below(g, 30);
}

static void
random_sort(struct gen_pred *g, struct asked *q)
{
	q->n_sort = 1 + gen_pred_below(g, 2);
	for (size_t i = 0; i < q->n_sort; i++) {
		q->sort[i] = gen_field(g);
		q->desc[i] = gen_pred_below(g, 2) == 0;
	}
}

static void
agree(enum row_kind output, unsigned rounds, unsigned depth, bool sorted, uint64_t seed)
{
	size_t n = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct arena a;
		struct gen_pred g = { .arena = &a, .spans = w.spans, .n_spans = w.n_spans,
			.state = seed * 1000 + i };
		struct asked q;

		arena_init(&a);
		random_query(&g, output, depth == 0 ? 0 : i % (depth + 1), &q);
		if (sorted)
			random_sort(&g, &q);
		n += check(&q) != 0;
		arena_release(&a);
	}
	/* Rows were compared, not only empty answers. */
	assert_true(n > rounds / 4);
}

static void
leaves_agree(void **state)
{
	(void)state;
	agree(ROW_SPAN, 400, 0, false, 1);
}

static void
trees_agree(void **state)
{
	(void)state;
	agree(ROW_SPAN, 100, 3, false, 2);
}

static void
sorts_agree(void **state)
{
	(void)state;
	agree(ROW_SPAN, 100, 1, true, 3);
}

static void
events_agree(void **state)
{
	(void)state;
	agree(ROW_EVENT, 40, 1, false, 4);
	agree(ROW_EVENT, 40, 1, true, 5);
}

static void
links_agree(void **state)
{
	(void)state;
	agree(ROW_LINK, 40, 1, false, 6);
	agree(ROW_LINK, 40, 1, true, 7);
}

static void
traces_agree(void **state)
{
	(void)state;
	agree(ROW_TRACE, 40, 1, false, 8);
}

static void
counts_agree(void **state)
{
	(void)state;
	agree(ROW_COUNT, 60, 1, false, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_agree),
		cmocka_unit_test(trees_agree),
		cmocka_unit_test(sorts_agree),
		cmocka_unit_test(events_agree),
		cmocka_unit_test(links_agree),
		cmocka_unit_test(traces_agree),
		cmocka_unit_test(counts_agree),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
