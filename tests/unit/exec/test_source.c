/* SPDX-License-Identifier: ISC */
/*
 * A source that is no shards (exec/source.h): spans in memory, which tests no condition itself.
 * What comes of it, in every kind of output, is what the shards with the same spans give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "exec/exec_i.h"
#include "lib/exec_rig.h"
#include "lib/gen_pred.h"
#include "lib/plan_builder.h"

#define N_SPANS 1500
#define PART_ROWS 400		/* rows of a part, so that there are several */

static struct exec_rig w;
static unsigned n_closed;

/* ---- the source ---- */

static const struct plan_caps no_caps;

static int
memory_open(struct source *s, struct err *e)
{
	(void)e;
	s->state = (void *)(uintptr_t)s->env->source_arg;
	assert_ptr_equal(s->state, &w);
	return 0;
}

static int
memory_slice(struct source *s, struct slice *out, struct err *e)
{
	(void)s;
	(void)out;
	(void)e;
	fail_msg("a source without slices was asked for one");
	return 1;
}

static int
memory_scan(struct source *s, struct slice slice, struct row_sink *sink, struct err *e)
{
	struct give *g;
	int rc, end;

	if ((rc = give_begin(s, slice, sink, &g, e)) < 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < w.n_spans; i += 100) {
		uint32_t n = (uint32_t)w.n_spans - i < 100 ? (uint32_t)w.n_spans - i : 100;

		rc = give(g, i / PART_ROWS, i % PART_ROWS, &w.spans[i], n, e);
	}
	end = give_end(g, rc < 0, e);
	return rc < 0 ? rc : end;
}

static int
memory_rows(struct source *s, struct fetch *f, uint32_t part, const uint32_t *rows, size_t n,
    const struct projection *p, struct span *out, struct err *e)
{
	(void)s;
	(void)f;
	(void)p;
	(void)e;
	for (size_t i = 0; i < n; i++)
		out[i] = w.spans[part * PART_ROWS + rows[i]];
	return 0;
}

static int
memory_ids(struct source *s, uint32_t part, uint32_t row, struct trace_id *trace, uint64_t *span,
    struct err *e)
{
	(void)s;
	(void)e;
	*trace = w.spans[part * PART_ROWS + row].trace_id;
	*span = w.spans[part * PART_ROWS + row].span_id;
	return 0;
}

static uint32_t
memory_near(const struct source *s, uint32_t part)
{
	(void)s;
	(void)part;
	return PART_ROWS;
}

static const char *
memory_part_name(const struct source *s, uint32_t part)
{
	(void)s;
	(void)part;
	return "memory";
}

/* What a trace's facts are is not this test's: they are asked of the same spans in shards. */
static struct exec *shards;

static int
memory_trace(struct source *s, struct trace_id id, uint32_t only, struct trace_pin *pin,
    struct err *e)
{
	(void)s;
	assert_int_equal(only, ANY_PART);
	return trace_get(shards, id, pin, e);
}

static void
memory_trace_put(struct source *s, struct trace_pin *pin)
{
	(void)s;
	trace_put(shards, pin);
}

static void
memory_close(struct source *s)
{
	(void)s;
	n_closed++;
}

static const struct source_ops source_memory = {
	.name = "memory",
	.caps = &no_caps,
	.open = memory_open,
	.slice = memory_slice,
	.scan = memory_scan,
	.rows = memory_rows,
	.ids = memory_ids,
	.near = memory_near,
	.part_name = memory_part_name,
	.trace = memory_trace,
	.trace_put = memory_trace_put,
	.close = memory_close,
};

/* ---- against shards ---- */

static struct plan *
plan_of(enum row_kind output, const struct pred *filter, const char *sort)
{
	struct plan *p = plan_plain(w.snap, output);

	p->filter.pred = filter;
	plan_page(p, 300, 2);
	if (sort != NULL)
		plan_sort_by(p, sort);
	return p;
}

static size_t
agree(enum row_kind output, const struct pred *filter, const char *sort)
{
	const struct exec_env local = { .snapshot = w.snap };
	const struct exec_env env = { .source = &source_memory, .source_arg = &w };
	struct plan *p = plan_of(output, filter, sort), *facts = plan_of(ROW_SPAN, filter, NULL);
	struct exec_rows want = { NULL }, got = { NULL };
	struct err e = ERR_INIT;
	size_t n;

	facts->fetch.want_trace = true;
	assert_int_equal(exec_open(facts, &local, &shards, &e), 0);
	n_closed = 0;
	assert_int_equal(exec_rig_try(p, &local, &want, &e), 0);
	assert_int_equal(exec_rig_try(p, &env, &got, &e), 0);
	assert_int_equal(n_closed, 1);
	assert_int_equal(want.n, got.n);
	for (size_t i = 0; i < want.n; i++)
		assert_true(want.v[i] == got.v[i]);
	n = want.n;
	exec_rows_release(&want);
	exec_rows_release(&got);
	exec_close(shards);
	plan_free(facts);
	plan_free(p);
	return n;
}

/* The traces that are lent know places by parts and rows of shards, not by those here. */
static bool
asks_places(const struct pred *p)
{
	if (p->kind == PRED_LEAF)
		return p->field.scope == FIELD_INTRINSIC && (p->field.intrinsic == IN_DEPTH ||
		    p->field.intrinsic == IN_SELF_DURATION);
	for (size_t i = 0; i < p->n_kids; i++)
		if (asks_places(p->kids[i]))
			return true;
	return false;
}

static void
it_gives_what_shards_with_the_same_spans_give(void **state)
{
	static const enum row_kind kinds[] = { ROW_SPAN, ROW_EVENT, ROW_LINK, ROW_TRACE, ROW_COUNT };
	static const char *const sorts[] = { NULL, "duration:desc", "name", "trace_duration" };
	size_t n = 0;

	(void)state;
	for (uint64_t round = 0; round < 40; round++) {
		struct arena a;
		struct gen_pred g = { .arena = &a, .spans = w.spans, .n_spans = w.n_spans,
			.state = 500 + round };
		enum row_kind kind = kinds[round % 5];
		const struct pred *filter;
		const char *sort = sorts[round / 5 % 4];

		arena_init(&a);
		do
			filter = gen_tree(&g, 1);
		while (asks_places(filter));
		n += agree(kind, filter, kind == ROW_COUNT || kind == ROW_TRACE ? NULL : sort);
		arena_release(&a);
	}
	/* Rows were compared, not only empty answers. */
	assert_true(n > 400);
}

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	store_rig_init(&store, 5, N_SPANS, 6, 3, 200);
	exec_rig_open(&w, &store);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	exec_rig_close(&w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_what_shards_with_the_same_spans_give),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
