/* SPDX-License-Identifier: ISC */
/*
 * The steps of a sink (exec/sink.h), seen by one that only looks: in which order they come, that
 * a local state is one thread's at a time, that lists, bits and spans of what was found are the
 * same rows, and that all of it comes in, whoever scans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "exec/exec_i.h"
#include "lib/exec_rig.h"
#include "lib/plan_builder.h"

#define N_SPANS 4000
#define GROUP_ROWS 50		/* so that the plain plan's waves are worth threads */
#define MEETINGS 50		/* row groups of a wave of two threads' 64 */

static struct exec_rig w;

struct seen {
	unsigned opened, started, finished, combined, last;
	uint64_t n, hash;		/* over all rows, in any order */
	uint64_t stop;			/* rows that are enough; 0: all */
	atomic_uint wrong;		/* threads must not end the test themselves */
};

struct seen_local {
	atomic_bool taken;
	uint64_t n, hash;
};

static struct seen seen;

/* Row groups that come at the same time, two by two. */
static bool meets;
static pthread_mutex_t meet_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t meet_came = PTHREAD_COND_INITIALIZER;
static uint32_t meet_parts[MEETINGS];
static unsigned meet_n;

static int
see_open(struct row_sink *s, struct err *e)
{
	(void)e;
	s->state = &seen;
	s->fills = seen.stop != 0;
	seen.opened++;
	return 0;
}

static int
see_start(struct row_sink *s, struct err *e)
{
	(void)s;
	(void)e;
	seen.started++;
	return 0;
}

static void
check(bool holds)
{
	if (!holds)
		atomic_fetch_add(&seen.wrong, 1);
}

struct spans_seen {
	struct seen_local *l;
	uint32_t n;
};

static int
see_span(void *arg, const struct span *s, uint32_t i)
{
	struct spans_seen *x = arg;

	check(i == x->n++);
	x->l->hash += span_hash(s).lo;
	return 0;
}

/* The first of two waits for the second. */
static void
meet(uint32_t part)
{
	struct timespec until;
	unsigned i;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&meet_lock);
	if ((i = meet_n) < MEETINGS) {
		meet_parts[meet_n++] = part;
		pthread_cond_signal(&meet_came);
		while (i % 2 == 0 && meet_n == i + 1)
			if (pthread_cond_timedwait(&meet_came, &meet_lock, &until) != 0)
				break;
		check(i % 2 != 0 || meet_n > i + 1);
	}
	pthread_mutex_unlock(&meet_lock);
}

static int
see_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	const struct projection all = { .all = true };
	struct seen_local *l = local;
	const uint32_t *rows = found_rows(sc, f);
	struct spans_seen x = { l, 0 };
	int rc;

	check(!atomic_exchange(&l->taken, true));
	if (meets)
		meet(sc->part);
	check(seen.started == 1 && seen.finished == 0);
	check(rows != NULL && f->n > 0 && (f->spans != NULL) == !s->ex->plan->filter.pushdown);
	for (uint32_t i = 0; rows != NULL && i < f->n; i++) {
		check(rows[i] < sc->n_rows && (i == 0 || rows[i] > rows[i - 1]));
		check(f->bits == NULL || bitmap_get(f->bits, rows[i]));
	}
	rc = found_spans(sc, f, &all, see_span, &x);
	check(rc == 0 && x.n == f->n);
	l->n += f->n;
	atomic_store(&l->taken, false);
	return rc;
}

static int
see_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct seen_local *l = local;

	(void)e;
	assert_int_equal(seen.finished, 0);
	assert_false(atomic_load(&l->taken));
	seen.combined++;
	seen.last += last;
	/* What is not the last time may be let pass, unless there is something to say. */
	if (!last && seen.stop == 0)
		return 0;
	seen.n += l->n;
	seen.hash += l->hash;
	*l = (struct seen_local){ .n = 0 };
	s->full = seen.stop != 0 && seen.n >= seen.stop;
	return 0;
}

static int
see_finish(struct row_sink *s, struct err *e)
{
	(void)s;
	(void)e;
	seen.finished++;
	return 0;
}

static int
see_next(struct row_sink *s, struct batch *b, struct err *e)
{
	(void)s;
	(void)b;
	(void)e;
	assert_int_equal(seen.finished, seen.started);
	return 1;
}

static void
see_close(struct row_sink *s)
{
	(void)s;
}

static const struct sink_ops sink_seen = {
	.name = "seen", .local_bytes = sizeof(struct seen_local), .open = see_open,
	.start = see_start, .consume = see_consume, .combine = see_combine,
	.finish = see_finish, .next = see_next, .close = see_close,
};

/* Runs the plan into the sink that looks. */
static void
look(const struct plan *p, unsigned threads, uint64_t stop)
{
	const struct exec_env env = { .snapshot = w.snap, .pool = w.pool, .threads = threads };
	struct err e = ERR_INIT;
	struct exec *ex;
	struct batch b;

	memset(&seen, 0, sizeof seen);
	seen.stop = stop;
	assert_int_equal(exec_open(p, &env, &ex, &e), 0);
	sink_close(&ex->sink);
	ex->sink = (struct row_sink){ .ops = &sink_seen, .ex = ex };
	assert_int_equal(ex->sink.ops->open(&ex->sink, &e), 0);
	assert_true(exec_next(ex, &b, &e) > 0);
	assert_int_equal(seen.wrong, 0);
	assert_int_equal(seen.opened, 1);
	assert_int_equal(seen.started, 1);
	assert_int_equal(seen.finished, 1);
	exec_close(ex);
}

static void
look_and_free(struct plan *p, unsigned threads, uint64_t stop)
{
	look(p, threads, stop);
	plan_free(p);
}

static void
all_rows_come_in_whoever_scans(void **state)
{
	uint64_t hash = 0;

	(void)state;
	for (size_t i = 0; i < w.n_spans; i++)
		hash += span_hash(&w.spans[i]).lo;
	for (unsigned threads = 1; threads <= 3; threads += 2)
		for (int columns = 0; columns < 2; columns++) {
			look_and_free(columns ? plan_columns(w.snap, ROW_SPAN) :
			    plan_plain(w.snap, ROW_SPAN), threads, 0);
			assert_int_equal(seen.n, w.n_spans);
			assert_true(seen.hash == hash);
			assert_true(seen.last >= 1 && seen.last <= threads);
			assert_true(seen.combined > seen.last);
		}
}

static void
a_full_sink_ends_the_scan(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 3; threads += 2) {
		look_and_free(plan_columns(w.snap, ROW_SPAN), threads, 1);
		assert_true(seen.n >= 1 && seen.n < w.n_spans);
		assert_true(seen.last >= 1);
	}
}

/*
 * Where texts are searched two threads are not sent to one shard, where one would wait for what the
 * other makes ready. Here each row group waits for the one that comes with it.
 */
static void
threads_are_sent_to_different_shards(void **state)
{
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct arena a;

	(void)state;
	arena_init(&a);
	p->filter.pred = or_of(&a, leaf_text(&a, "name", OP_HAS, SV("")),
	    leaf_of(&a, "status_message", OP_CONTAINS, "no such text"));
	meet_n = 0;
	meets = true;
	look_and_free(p, 2, 0);
	meets = false;
	arena_release(&a);
	assert_int_equal(seen.n, w.n_spans);
	assert_int_equal(meet_n, MEETINGS);
	for (unsigned i = 0; i < MEETINGS; i += 2)
		assert_int_not_equal(meet_parts[i], meet_parts[i + 1]);
}

static void
a_plan_without_steps_does_not_run(void **state)
{
	struct exec_env env = { .snapshot = w.snap };
	struct plan *p = plan_columns(w.snap, ROW_SPAN);
	struct err e = ERR_INIT;
	struct exec *ex;

	(void)state;
	p->root = NULL;
	assert_int_equal(exec_open(p, &env, &ex, &e), ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "without steps"));
	plan_free(p);
}

static int
setup(void **state)
{
	struct store_rig store;

	(void)state;
	store_rig_init(&store, 11, N_SPANS, 6, 3, GROUP_ROWS);
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
		cmocka_unit_test(all_rows_come_in_whoever_scans),
		cmocka_unit_test(a_full_sink_ends_the_scan),
		cmocka_unit_test(threads_are_sent_to_different_shards),
		cmocka_unit_test(a_plan_without_steps_does_not_run),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
