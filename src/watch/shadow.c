/* SPDX-License-Identifier: ISC */
/*
 * shadow: [shadow] sample_rate of the queries that have given their reader an answer is run
 * again in the background, plain, and the two results are compared (second.h).
 *
 * One thread at the lowest priority takes them in turn, one at a time and on that thread alone,
 * never begins while a reader's query is at work, and waits between batches while one is. Time
 * and memory have limits of their own; what passes them is undecided. The queue is bounded in
 * number and bytes: what does not fit is dropped and counted, the reader never waits. The chunk
 * cache is shared, and made to stand a scan; a result is never taken from the result cache.
 *
 * A mismatch is logged and kept for .spanfs/shadow.
 */
#include "watch/shadow.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "model/when.h"

#define QUEUE_MAX 64
#define QUEUE_BYTES (32u << 20)
#define REPORTS_KEPT 16
#define LOWEST_NICE 19
#define YIELD_NS 5000000

struct shadow_job {
	struct shadow_job *next;
	struct second x;
	const struct conf *conf;	/* that the reader's ran with */
	size_t bytes;
};

/* ---- the reader's side ---- */

/* A share of 1 is every query; else a number drawn for each, so that no pattern of queries is missed. */
bool
shadow_draws(struct shadow *s)
{
	double rate = conf_double(*s->conf, CONF_SHADOW_SAMPLE_RATE);
	uint64_t n;

	if (rate <= 0)
		return false;
	n = atomic_fetch_add(&s->drawn, 1);
	return rate >= 1 || (double)hash_u64(s->seed + n) * 0x1p-64 < rate;
}

/* What failed for want of time or room may as well have gone right. */
bool
shadow_samples(struct shadow *s, int code)
{
	if (code != 0 && code_of_moment(code))
		return false;
	atomic_fetch_add(&s->sampled, 1);
	return true;
}

static void
job_free(struct shadow_job *j)
{
	second_release(&j->x);
	free(j);
}

static void *shadow_main(void *);

/* Under lock. */
static bool
start_thread(struct shadow *s)
{
	if (!s->started && pthread_create(&s->thread, NULL, shadow_main, s) == 0)
		s->started = true;
	return s->started;
}

/* False if there is no room. */
static bool
enqueue(struct shadow *s, struct shadow_job *j)
{
	bool ok;

	pthread_mutex_lock(&s->lock);
	ok = !s->stop && s->n_queued < QUEUE_MAX && s->queued_bytes + j->bytes <= QUEUE_BYTES &&
	    start_thread(s);
	if (ok) {
		*s->tail = j;
		s->tail = &j->next;
		s->n_queued++;
		s->queued_bytes += j->bytes;
		pthread_cond_signal(&s->work);
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void
shadow_add(struct shadow *s, struct second *x, const struct conf *conf)
{
	struct shadow_job *j = x->query == NULL ? NULL : calloc(1, sizeof *j);

	if (j == NULL) {
		second_release(x);
		atomic_fetch_add(&s->dropped, 1);
		return;
	}
	j->x = *x;
	j->conf = conf;
	j->bytes = digest_bytes(&x->digest) + x->plan.cap + sizeof *j;
	if (!enqueue(s, j)) {
		atomic_fetch_add(&s->dropped, 1);
		job_free(j);
	}
}

/* ---- the background ---- */

/* While a reader's query is at work, and for as long. */
static void
give_way(struct shadow *s)
{
	while (atomic_load(&s->counters->running) != 0 && !atomic_load(&s->cancel))
		usleep(YIELD_NS / 1000);
}

struct time_left {
	struct shadow *s;
	uint64_t ns;		/* of the time it may take, what it waits left out */
	uint64_t since;
};

static int
run_step(void *arg, struct err *e)
{
	struct time_left *x = arg;
	uint64_t now = clock_mono_ns();

	if (now - x->since > x->ns)
		return err_set(e, ERR_TIMEOUT, -1, "longer than [shadow] timeout");
	x->ns -= now - x->since;
	give_way(x->s);
	x->since = clock_mono_ns();
	return 0;
}

static void
keep_report(struct shadow *s, struct buf *b)
{
	pthread_mutex_lock(&s->lock);
	if (s->reports == NULL)
		s->reports = calloc(REPORTS_KEPT, sizeof *s->reports);
	if (s->reports != NULL && !b->oom) {
		buf_release(&s->reports[s->next_report]);
		s->reports[s->next_report] = *b;
		buf_init(b);
		s->next_report = (s->next_report + 1) % REPORTS_KEPT;
		if (s->n_reports < REPORTS_KEPT)
			s->n_reports++;
	}
	pthread_mutex_unlock(&s->lock);
	buf_release(b);
}

static void
report(struct shadow *s, struct second *x, const struct difference *d, struct digest *other)
{
	struct buf b = BUF_INIT;
	struct sv rest, line;

	when_print(&b, clock_wall_ns());
	buf_printf(&b, " uid %u pid %u: ", x->who.uid, x->who.pid);
	second_describe(&b, x, d, other, conf_u64(*s->conf, CONF_SHADOW_TIMEOUT), &s->cancel);
	rest = buf_view(&b);
	while (rest.n != 0 && sv_cut(&rest, '\n', &line))
		log_error("shadow: %.*s", SV_ARG(line));
	keep_report(s, &b);
}

static void
run_job(struct shadow *s, struct shadow_job *j)
{
	uint64_t t0 = clock_mono_ns();
	struct time_left left = { s, conf_u64(j->conf, CONF_SHADOW_TIMEOUT), t0 };
	struct err err = ERR_INIT;
	struct difference d;
	struct digest other;
	struct second_run run = { &other, run_step, &left, t0 + left.ns, &s->cancel };

	digest_init(&other, j->x.digest.tolerance);
	(void)second_compare(&j->x, &run, &d, &err);
	/* Ended with the program, or under other limits than the reader's: it says nothing. */
	if (atomic_load(&s->cancel) || j->conf != *s->conf)
		d.verdict = VERDICT_UNDECIDED;
	if (d.verdict == VERDICT_DIFFERENT)
		report(s, &j->x, &d, &other);
	atomic_fetch_add(d.verdict == VERDICT_SAME ? &s->same : d.verdict == VERDICT_DIFFERENT ?
	    &s->different : &s->undecided, 1);
	atomic_fetch_add(&s->further, j->x.further);
	atomic_fetch_add(&s->ns, clock_mono_ns() - t0);
	digest_release(&other);
}

/* Under lock. */
static struct shadow_job *
take_job(struct shadow *s)
{
	struct shadow_job *j = s->head;

	if ((s->head = j->next) == NULL)
		s->tail = &s->head;
	s->n_queued--;
	s->queued_bytes -= j->bytes;
	return j;
}

static void *
shadow_main(void *arg)
{
	struct shadow *s = arg;
	struct shadow_job *j;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOWEST_NICE);
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (s->head == NULL) {
			pthread_cond_wait(&s->work, &s->lock);
			continue;
		}
		j = take_job(s);
		s->busy = true;
		pthread_mutex_unlock(&s->lock);
		give_way(s);
		run_job(s, j);
		job_free(j);
		pthread_mutex_lock(&s->lock);
		s->busy = false;
		if (s->head == NULL)
			pthread_cond_broadcast(&s->idle);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void
shadow_drain(struct shadow *s)
{
	/* A reader is answered before its query is offered here. */
	give_way(s);
	pthread_mutex_lock(&s->lock);
	while (!s->stop && (s->head != NULL || s->busy))
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* ---- life ---- */

void
shadow_init(struct shadow *s, const struct conf *_Atomic *conf, const struct counters *counters)
{
	*s = (struct shadow){
		.conf = conf, .counters = counters, .seed = clock_wall_ns(),
	};
	s->tail = &s->head;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->idle, NULL);
}

void
shadow_stop(struct shadow *s)
{
	bool started;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	started = s->started;
	atomic_store(&s->cancel, true);
	pthread_cond_broadcast(&s->work);
	pthread_cond_broadcast(&s->idle);
	pthread_mutex_unlock(&s->lock);
	if (started)
		pthread_join(s->thread, NULL);
	while (s->head != NULL)
		job_free(take_job(s));
}

void
shadow_release(struct shadow *s)
{
	for (size_t i = 0; i < s->n_reports; i++)
		buf_release(&s->reports[i]);
	free(s->reports);
	pthread_cond_destroy(&s->idle);
	pthread_cond_destroy(&s->work);
	pthread_mutex_destroy(&s->lock);
}

void
shadow_print(struct shadow *s, struct buf *out)
{
	buf_printf(out, "sample_rate %g\n", conf_double(*s->conf, CONF_SHADOW_SAMPLE_RATE));
	buf_printf(out, "sampled     %llu\nsame        %llu\ndifferent   %llu\n"
	    "undecided   %llu\ndropped     %llu\ntwo levels  %llu\n",
	    (unsigned long long)atomic_load(&s->sampled),
	    (unsigned long long)atomic_load(&s->same),
	    (unsigned long long)atomic_load(&s->different),
	    (unsigned long long)atomic_load(&s->undecided),
	    (unsigned long long)atomic_load(&s->dropped),
	    (unsigned long long)atomic_load(&s->further));
	pthread_mutex_lock(&s->lock);
	buf_printf(out, "waiting     %u\nrunning     %d\n", s->n_queued, s->busy);
	for (size_t k = 0; k < s->n_reports; k++) {
		buf_putc(out, '\n');
		buf_sv(out, buf_view(&s->reports[(s->next_report + REPORTS_KEPT - 1 - k) %
		    REPORTS_KEPT]));
	}
	pthread_mutex_unlock(&s->lock);
}
