/* SPDX-License-Identifier: ISC */
/*
 * A source that is no shards (exec/source.h): spans in memory, which tests no condition itself.
 * What comes of it, in every kind of output, is what the shards with the same spans give.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/exec_i.h"
#include "lib/exec_rig.h"
#include "lib/gen_pred.h"
#include "lib/plan_builder.h"
#include "model/span_pack.h"

#define N_SPANS 1500
#define BATCH_SPANS 100

static struct exec_rig w;
static unsigned n_closed;

/* ---- the source ---- */

static const struct plan_caps no_caps;

static int
memory_open(struct source *s, struct err *e)
{
	s->state = (void *)(uintptr_t)s->env->source_arg;
	assert_ptr_equal(s->state, &w);
	return held_new(s, e);
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

/* Some spans, borrowed. */
static int
give_some(struct give *g, const struct span *const *v, size_t n, struct err *e)
{
	struct span_batch b;
	int rc;

	span_batch_init(&b);
	for (size_t i = 0; i < n; i++)
		*span_batch_add(&b) = *v[i];
	rc = n == 0 ? 0 : give(g, &b, e);
	assert_true(rc != 0 || b.n == 0);
	span_batch_release(&b);
	return rc;
}

static int
by_trace(const void *a, const void *b)
{
	const struct span *x = *(const struct span *const *)a, *y = *(const struct span *const *)b;
	int c = trace_id_cmp(x->trace_id, y->trace_id);

	return c != 0 ? c : (x > y) - (x < y);
}

static int
memory_scan(struct source *s, struct slice slice, struct row_sink *sink, struct err *e)
{
	const struct span **v = calloc(w.n_spans, sizeof *v);
	bool whole = plan_asks_traces(s->plan);
	struct give *g;
	int rc, end;

	assert_non_null(v);
	for (size_t i = 0; i < w.n_spans; i++)
		v[i] = &w.spans[i];
	if (whole)
		qsort(v, w.n_spans, sizeof *v, by_trace);
	if ((rc = give_begin(s, slice, sink, &g, e)) < 0)
		return rc;
	for (size_t i = 0, to; rc == 0 && i < w.n_spans; i = to) {
		for (to = i + 1; to < w.n_spans && (to - i < BATCH_SPANS || (whole &&
		    trace_id_eq(v[to]->trace_id, v[to - 1]->trace_id)));)
			to++;
		rc = give_some(g, v + i, to - i, e);
	}
	end = give_end(g, rc < 0, e);
	free(v);
	return rc < 0 ? rc : end;
}

static const char *
memory_part_name(const struct source *s, uint32_t part)
{
	(void)s;
	(void)part;
	return "memory";
}

static void
memory_close(struct source *s)
{
	held_free(s);
	n_closed++;
}

static const struct source_ops source_memory = {
	.name = "memory",
	.caps = &no_caps,
	.open = memory_open,
	.slice = memory_slice,
	.scan = memory_scan,
	.rows = held_rows,
	.ids = held_ids,
	.window = held_window,
	.near = held_near,
	.part_name = memory_part_name,
	.trace = held_trace,
	.trace_put = held_trace_put,
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

/* `env`: of the source in memory. What it spilled is added to. */
static size_t
agree(struct exec_env env, enum row_kind output, const struct pred *filter, const char *sort, uint64_t *spilled)
{
	const struct exec_env local = { .snapshot = w.snap };
	struct plan *p = plan_of(output, filter, sort);
	struct exec_rows want = { NULL }, got = { NULL };
	struct err e = ERR_INIT;
	size_t n;

	env.source = &source_memory;
	env.source_arg = &w;
	n_closed = 0;
	assert_int_equal(exec_rig_try(p, &local, &want, &e), 0);
	assert_int_equal(exec_rig_try(p, &env, &got, &e), 0);
	assert_int_equal(n_closed, 1);
	assert_int_equal(want.n, got.n);
	for (size_t i = 0; i < want.n; i++)
		assert_true(want.v[i] == got.v[i]);
	n = want.n;
	*spilled += got.prof.spilled_bytes;
	exec_rows_release(&want);
	exec_rows_release(&got);
	plan_free(p);
	return n;
}

/* Plans of all kinds, filtered and sorted: how many rows they gave. */
static size_t
agree_on_all(struct exec_env env, uint64_t *spilled)
{
	static const enum row_kind kinds[] = { ROW_SPAN, ROW_EVENT, ROW_LINK, ROW_TRACE, ROW_COUNT };
	static const char *const sorts[] = { NULL, "duration:desc", "name", "trace_duration", "depth",
	    "parent:name:desc" };
	size_t n = 0;

	for (uint64_t round = 0; round < 90; round++) {
		struct arena a;
		struct gen_pred g = { .arena = &a, .spans = w.spans, .n_spans = w.n_spans,
			.state = 500 + round };
		enum row_kind kind = kinds[round % 5];
		const struct pred *filter;
		const char *sort = sorts[round / 5 % 6];

		arena_init(&a);
		filter = gen_tree(&g, 1);
		n += agree(env, kind, filter, kind == ROW_COUNT || kind == ROW_TRACE ? NULL : sort, spilled);
		arena_release(&a);
	}
	return n;
}

static void
it_gives_what_shards_with_the_same_spans_give(void **state)
{
	uint64_t spilled = 0;

	(void)state;
	/* Rows were compared, not only empty answers. */
	assert_true(agree_on_all((struct exec_env){ .memory = 0 }, &spilled) > 400);
	assert_int_equal(spilled, 0);
}

static const struct pred everything = { .kind = PRED_TRUE };

/* Of what is sorted all is held. */
static int
try_sorted(struct exec_env env, struct err *e)
{
	struct plan *p = plan_of(ROW_SPAN, &everything, "duration:desc");
	struct exec_rows got = { NULL };
	int rc;

	env.source = &source_memory;
	env.source_arg = &w;
	rc = exec_rig_try(p, &env, &got, e);
	exec_rows_release(&got);
	plan_free(p);
	return rc;
}

/* Spans of the rig are borrowed: what is counted of them is their structs. */
#define LITTLE (200 * sizeof(struct span) * 4)

static void
it_gives_the_same_of_spans_that_went_to_a_file(void **state)
{
	struct exec_env env = { .memory = LITTLE * 4, .spill_dir = "/tmp", .spill_max = 1 << 30 };
	uint64_t spilled = 0;

	(void)state;
	assert_true(agree_on_all(env, &spilled) > 400);
	assert_true(spilled > 0);
}

static void
without_a_place_for_spans_that_is_an_error(void **state)
{
	struct exec_env env = { .memory = LITTLE };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(try_sorted(env, &e), ERR_NOMEM);
	assert_non_null(strstr(e.msg, "[query] memory"));
	env.spill_dir = "/nowhere/at/all";
	env.spill_max = 1 << 30;
	assert_int_equal(try_sorted(env, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "[mount] spill_dir /nowhere/at/all"));
	env.spill_dir = "/tmp";
	env.spill_max = 1000;
	assert_int_equal(try_sorted(env, &e), ERR_NOSPC);
	assert_non_null(strstr(e.msg, "[mount] spill_max"));
	env.spill_max = 1 << 30;
	env.memory = LITTLE * 2;
	assert_int_equal(try_sorted(env, &e), 0);
}

/* Half of it is what they would go to the file from on. */
static void
what_memory_has_room_for_needs_no_place(void **state)
{
	struct exec_env env = { .memory = LITTLE * 4, .spill_dir = "/tmp", .spill_max = 1 << 30 };
	uint64_t spilled = 0;
	struct err e = ERR_INIT;

	(void)state;
	assert_true(agree(env, ROW_SPAN, &everything, "duration:desc", &spilled) > 0);
	assert_true(spilled > 0);
	spilled = 0;
	env.spill_dir = "/nowhere/at/all";
	assert_true(agree(env, ROW_SPAN, &everything, "duration:desc", &spilled) > 0);
	env.spill_dir = "/tmp";
	env.spill_max = 1000;
	assert_true(agree(env, ROW_SPAN, &everything, "duration:desc", &spilled) > 0);
	assert_int_equal(spilled, 0);
	env.memory = LITTLE;
	assert_int_equal(try_sorted(env, &e), ERR_NOSPC);
}

/* What is kept of rows and traces is more than the half that their spans leave. */
static void
spans_go_for_what_else_needs_memory(void **state)
{
	struct exec_env env = { .memory = LITTLE * 2, .spill_dir = "/tmp", .spill_max = 1 << 30 };
	uint64_t spilled = 0;

	(void)state;
	assert_true(agree(env, ROW_SPAN, &everything, "trace_duration", &spilled) > 0);
	assert_true(spilled > 0);
}

struct reading {
	struct plan *p;
	struct exec *ex;
	struct exec_env env;
	struct quota quota;
};

static void
read_spilled(struct reading *r)
{
	struct err e = ERR_INIT;

	*r = (struct reading){ .p = plan_of(ROW_SPAN, &everything, "duration:desc") };
	r->env = (struct exec_env){ .memory = LITTLE * 4, .spill_dir = "/tmp", .spill_max = 1 << 30,
		.quota = &r->quota, .source = &source_memory, .source_arg = &w };
	assert_int_equal(exec_open(r->p, &r->env, &r->ex, &e), 0);
}

static void
reading_end(struct reading *r)
{
	exec_close(r->ex);
	plan_free(r->p);
	assert_int_equal(atomic_load(&r->quota.used), 0);
}

static void
no_more_is_read_back_at_once_than_there_is_room_for(void **state)
{
	struct err e = ERR_INIT;
	struct reading r;
	struct batch b;
	size_t n = 0, n_batches = 0;
	int rc;

	(void)state;
	read_spilled(&r);
	for (; (rc = exec_next(r.ex, &b, &e)) == 0; n += b.n, n_batches++) {
		struct buf bytes = BUF_INIT;

		for (size_t i = 0; i < b.n; i++)
			span_pack(&bytes, b.spans[i].span);
		assert_int_equal(buf_ok(&bytes, &e), 0);
		assert_true(b.n == 1 || bytes.n < r.env.memory / 8);
		buf_release(&bytes);
	}
	assert_true(rc > 0);
	assert_int_equal(n, 300);
	assert_true(n_batches > 1);
	reading_end(&r);
}

/* The spill file that has so many bytes; it has no name. */
static int
spilled_file(uint64_t n)
{
	for (int fd = 3; fd < 1024; fd++) {
		char name[32], to[64] = "";
		struct stat st;

		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		if (readlink(name, to, sizeof to - 1) > 0 && strncmp(to, "/tmp/", 5) == 0 &&
		    strstr(to, "(deleted)") != NULL && fstat(fd, &st) == 0 && (uint64_t)st.st_size == n)
			return fd;
	}
	fail_msg("no spill file");
	return -1;
}

static void
other_bytes_than_were_put_are_an_error(void **state)
{
	struct err e = ERR_INIT;
	struct reading r;
	struct batch b;
	uint64_t n;
	char c;
	int fd, rc;

	(void)state;
	read_spilled(&r);
	assert_int_equal(exec_next(r.ex, &b, &e), 0);
	n = exec_profile(r.ex)->spilled_bytes;
	fd = spilled_file(n);
	for (uint64_t at = 0; at < n; at += 50) {
		assert_int_equal(pread(fd, &c, 1, (off_t)at), 1);
		c ^= 1;
		assert_int_equal(pwrite(fd, &c, 1, (off_t)at), 1);
	}
	while ((rc = exec_next(r.ex, &b, &e)) == 0)
		;
	assert_int_equal(rc, ERR_IO);
	assert_non_null(strstr(e.msg, "gives other bytes"));
	reading_end(&r);
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
		cmocka_unit_test(it_gives_the_same_of_spans_that_went_to_a_file),
		cmocka_unit_test(without_a_place_for_spans_that_is_an_error),
		cmocka_unit_test(what_memory_has_room_for_needs_no_place),
		cmocka_unit_test(spans_go_for_what_else_needs_memory),
		cmocka_unit_test(no_more_is_read_back_at_once_than_there_is_room_for),
		cmocka_unit_test(other_bytes_than_were_put_are_an_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
