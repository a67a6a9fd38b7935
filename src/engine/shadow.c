/* SPDX-License-Identifier: ISC */
/*
 * shadow: [shadow] sample_rate of the queries that have given their reader an answer is run
 * again in the background with the plain plan (every rule off: no index, nothing pruned, every
 * row tested), on the same state of the store and at the same `now`, and the two are compared.
 *
 * A sampled query's bytes pass through a tap that digests them. When it has ended, the digest
 * is queued with a request for the plain run. One thread at the lowest priority takes them in
 * turn, one at a time and on that thread alone, never begins while a reader's query is at work,
 * and waits between batches while one is. Time and memory have limits of their own; what
 * passes them is undecided. The queue is bounded in number and bytes: what does not fit is
 * dropped and counted, the reader never waits. The chunk cache is shared, and made to stand a
 * scan; a result is never taken from the result cache.
 *
 * A mismatch is logged and kept for .spanfs/shadow, with the first row that differs and both
 * plans. If the reader's text was too long to keep, its row is found by running it once more.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine_i.h"
#include "shadow_i.h"

#define QUEUE_MAX 64
#define QUEUE_BYTES (32u << 20)
#define REPORTS_KEPT 16
#define ROW_SHOWN 4096		/* bytes of a row in a report */
#define LOWEST_NICE 19
#define YIELD_NS 5000000

struct shadow_tap {
	struct sink sink, next;
	struct digest digest;
};

struct shadow_job {
	struct shadow_job *next;
	struct request *plain;
	const struct conf *conf;	/* that the reader's ran with */
	uint64_t rules_off;		/* of the reader's run */
	struct requester who;
	struct digest digest;
	struct buf plan;		/* the reader's, as text */
	int code;
	size_t bytes;
};

/* ---- the reader's side ---- */

/* A share of 1 is every query; else a number drawn for each, so that no pattern of queries is missed. */
static bool
drawn(struct shadow *s, double rate)
{
	uint64_t n = atomic_fetch_add(&s->drawn, 1);

	return rate >= 1 || (double)hash_u64(s->seed + n) * 0x1p-64 < rate;
}

/* Sums of doubles depend on the order of the rows; all else is bytes. */
static double
tolerance_of(const struct request *r, const struct conf *c)
{
	return strncmp(r->format->file, "groups.", 7) == 0 ?
	    conf_double(c, CONF_SHADOW_TOLERANCE) : 0;
}

static int
tap_put(void *arg, const void *p, size_t n, struct err *e)
{
	struct shadow_tap *t = arg;

	digest_add(&t->digest, p, n);
	return t->next.put(t->next.arg, p, n, e);
}

static int
tap_step(void *arg, const struct profile *p, struct err *e)
{
	struct shadow_tap *t = arg;

	return t->next.step != NULL ? t->next.step(t->next.arg, p, e) : 0;
}

static struct shadow_tap *
tap_new(const struct request *r, const struct conf *c, const struct sink *next)
{
	struct shadow_tap *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	digest_init(&t->digest, tolerance_of(r, c));
	t->next = *next;
	t->sink = (struct sink){ tap_put, tap_step, t };
	return t;
}

static void
tap_free(struct shadow_tap *t)
{
	digest_release(&t->digest);
	free(t);
}

struct shadow_tap *
shadow_tap(struct engine *en, const struct request *r, const struct sink *next)
{
	const struct conf *c = en->conf;
	double rate = conf_double(c, CONF_SHADOW_SAMPLE_RATE);

	if (rate <= 0 || r->kind != FILE_FORMAT || !drawn(&en->shadow, rate))
		return NULL;
	return tap_new(r, c, next);
}

const struct sink *
shadow_tap_sink(struct shadow_tap *t)
{
	return &t->sink;
}

static void
job_free(struct shadow_job *j)
{
	request_free(j->plain);
	digest_release(&j->digest);
	buf_release(&j->plan);
	free(j);
}

/* Takes over the tap's digest. */
static struct shadow_job *
job_new(struct engine *en, struct shadow_tap *t, const struct outcome *o)
{
	struct shadow_job *j = calloc(1, sizeof *j);

	if (j == NULL)
		return NULL;
	digest_end(&t->digest);
	j->digest = t->digest;
	digest_init(&t->digest, 0);
	j->conf = en->conf;
	j->rules_off = o->request->rules_off;
	j->who = o->who;
	j->code = o->code;
	if (request_plain(o->request, &j->plain, NULL) < 0) {
		job_free(j);
		return NULL;
	}
	j->plain->memory = conf_u64(j->conf, CONF_SHADOW_MEMORY);
	explain_request(&j->plan, o->request);
	j->bytes = digest_bytes(&j->digest) + j->plan.cap + sizeof *j;
	return j;
}

static void *shadow_main(void *);

/* Under lock. */
static bool
start_thread(struct engine *en)
{
	struct shadow *s = &en->shadow;

	if (!s->started && pthread_create(&s->thread, NULL, shadow_main, en) == 0)
		s->started = true;
	return s->started;
}

/* False if there is no room. */
static bool
enqueue(struct engine *en, struct shadow_job *j)
{
	struct shadow *s = &en->shadow;
	bool ok;

	pthread_mutex_lock(&s->lock);
	ok = !s->stop && s->n_queued < QUEUE_MAX && s->queued_bytes + j->bytes <= QUEUE_BYTES &&
	    start_thread(en);
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
shadow_offer(struct engine *en, struct shadow_tap *t, const struct outcome *o)
{
	struct shadow_job *j;

	if (t == NULL)
		return;
	/* What failed for want of time or room may as well have gone right. */
	if (o->code == 0 || !code_of_moment(o->code)) {
		atomic_fetch_add(&en->shadow.sampled, 1);
		j = job_new(en, t, o);
		if (j == NULL || !enqueue(en, j)) {
			atomic_fetch_add(&en->shadow.dropped, 1);
			if (j != NULL)
				job_free(j);
		}
	}
	tap_free(t);
}

/* ---- the plain run ---- */

struct shadow_run {
	struct engine *en;
	struct digest *digest;
	uint64_t left_ns;		/* of the time it may take, what it waits left out */
	uint64_t since;
};

static int
run_put(void *arg, const void *p, size_t n, struct err *e)
{
	struct shadow_run *x = arg;

	(void)e;
	digest_add(x->digest, p, n);
	return 0;
}

/* While a reader's query is at work, and for as long. */
static void
give_way(struct engine *en)
{
	while (atomic_load(&en->counters.running) != 0 && !atomic_load(&en->shadow.cancel))
		usleep(YIELD_NS / 1000);
}

static int
run_step(void *arg, const struct profile *p, struct err *e)
{
	struct shadow_run *x = arg;
	uint64_t now = clock_mono_ns();

	(void)p;
	if (now - x->since > x->left_ns)
		return err_set(e, ERR_TIMEOUT, -1, "longer than [shadow] timeout");
	x->left_ns -= now - x->since;
	give_way(x->en);
	x->since = clock_mono_ns();
	return 0;
}

static int
run_in_background(struct shadow_job *j, struct request *r, struct digest *d, struct err *e)
{
	struct engine *en = r->engine;
	struct shadow_run x = { en, d, conf_u64(j->conf, CONF_SHADOW_TIMEOUT),
		clock_mono_ns() };
	struct sink sink = { run_put, run_step, &x };
	struct run_info info;
	int code = run_request(r, &sink, x.since + x.left_ns, &en->shadow.cancel, &info, e);

	digest_end(d);
	return code;
}

/* ---- what is said of a difference ---- */

static void
put_row(struct buf *b, const char *who, const struct digest *d, uint64_t i)
{
	struct sv row = SV_EMPTY;

	buf_printf(b, "  %s ", who);
	if (i >= d->n_rows)
		BUF_LIT(b, "no such row");
	else if (d->has_text ? !text_row(buf_view(&d->text), i, &row) : d->want != i)
		BUF_LIT(b, "not kept");
	else {
		row = d->has_text ? row : buf_view(&d->wanted);
		visible_text(b, sv_sub(row, 0, row.n < ROW_SHOWN ? row.n : ROW_SHOWN), 0);
	}
	buf_str(b, row.n > ROW_SHOWN ? " ...\n" : "\n");
}

static void
put_plan(struct buf *b, const char *title, struct sv text)
{
	struct sv line;

	buf_printf(b, "  %s\n", title);
	while (text.n != 0 && sv_cut(&text, '\n', &line)) {
		BUF_LIT(b, "    ");
		visible_text(b, line, 0);
		buf_putc(b, '\n');
	}
}

static void
put_head(struct buf *b, const struct request *plain, const struct difference *d)
{
	struct buf path = BUF_INIT;

	path_print(&path, plain->path);
	if (path.n > 1)
		buf_putc(&path, '/');
	buf_str(&path, plain->file);
	buf_printf(b, "%s", d->why);
	if (d->row != ROW_NONE && d->in_block)
		buf_printf(b, "; the first in the %u from row %llu on", DIGEST_BLOCK_ROWS,
		    (unsigned long long)d->row + 1);
	else if (d->row != ROW_NONE)
		buf_printf(b, "; the first in row %llu", (unsigned long long)d->row + 1);
	buf_putc(b, '\n');
	engine_caret(b, buf_view(&path), -1);
	b->oom |= path.oom;
	buf_release(&path);
}

/* Runs a request once more for the text of one row; a failure only leaves it out. */
static void
fetch_row(const struct request *plain, uint64_t rules_off, const atomic_bool *cancel,
    uint64_t row, struct digest *d)
{
	uint64_t timeout = conf_u64(plain->engine->conf, CONF_SHADOW_TIMEOUT);
	struct shadow_run x = { .en = plain->engine, .digest = d };
	struct sink sink = { run_put, NULL, &x };
	struct run_info info;
	struct request *r;

	if (d->has_text || row == ROW_NONE || request_plain(plain, &r, NULL) < 0)
		return;
	digest_release(d);
	digest_init(d, 0);
	d->has_text = false;
	d->want = row;
	r->rules_off = rules_off;
	r->memory = plain->memory;
	if (run_request(r, &sink, clock_mono_ns() + timeout, cancel, &info, NULL) < 0)
		d->oom = true;
	digest_end(d);
	request_free(r);
}

static void
put_difference(struct buf *b, const struct request *plain, const struct difference *d,
    const struct digest *chosen, const struct digest *other, struct sv plan)
{
	struct buf text = BUF_INIT;

	put_head(b, plain, d);
	if (d->row != ROW_NONE && !d->in_block) {
		put_row(b, "chosen:", chosen, d->row);
		put_row(b, "plain: ", other, d->row);
	}
	put_plan(b, "plan chosen", plan);
	explain_request(&text, plain);
	put_plan(b, "plain plan", buf_view(&text));
	b->oom |= text.oom;
	buf_release(&text);
}

/* ---- the background ---- */

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
report(struct engine *en, struct shadow_job *j, const struct difference *d, struct digest *other)
{
	struct buf b = BUF_INIT;
	struct sv rest, line;

	if (!d->in_block) {
		fetch_row(j->plain, j->rules_off, &en->shadow.cancel, d->row, &j->digest);
		fetch_row(j->plain, j->plain->rules_off, &en->shadow.cancel, d->row, other);
	}
	when_print(&b, clock_wall_ns());
	buf_printf(&b, " uid %u pid %u: ", j->who.uid, j->who.pid);
	put_difference(&b, j->plain, d, &j->digest, other, buf_view(&j->plan));
	rest = buf_view(&b);
	while (rest.n != 0 && sv_cut(&rest, '\n', &line))
		log_error("shadow: %.*s", SV_ARG(line));
	keep_report(&en->shadow, &b);
}

static void
run_job(struct engine *en, struct shadow_job *j)
{
	struct shadow *s = &en->shadow;
	uint64_t t0 = clock_mono_ns();
	struct err err = ERR_INIT;
	struct difference d;
	struct digest other;
	int code;

	digest_init(&other, j->digest.tolerance);
	code = run_in_background(j, j->plain, &other, &err);
	if (!codes_compare(j->code, code, &d))
		digest_compare(&j->digest, &other, true, &d);
	/* Ended with the engine, or under other limits than the reader's: it says nothing. */
	if (atomic_load(&s->cancel) || j->conf != en->conf)
		d.verdict = VERDICT_UNDECIDED;
	if (d.verdict == VERDICT_DIFFERENT)
		report(en, j, &d, &other);
	atomic_fetch_add(d.verdict == VERDICT_SAME ? &s->same : d.verdict == VERDICT_DIFFERENT ?
	    &s->different : &s->undecided, 1);
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
	struct engine *en = arg;
	struct shadow *s = &en->shadow;
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
		give_way(en);
		run_job(en, j);
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
shadow_drain(struct engine *en)
{
	struct shadow *s = &en->shadow;

	/* A reader is answered before its query is offered here. */
	give_way(en);
	pthread_mutex_lock(&s->lock);
	while (!s->stop && (s->head != NULL || s->busy))
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* ---- life ---- */

void
shadow_init(struct shadow *s)
{
	*s = (struct shadow){ .seed = clock_wall_ns() };
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
shadow_print(struct engine *en, struct buf *out)
{
	struct shadow *s = &en->shadow;

	buf_printf(out, "sample_rate %g\n", conf_double(en->conf, CONF_SHADOW_SAMPLE_RATE));
	buf_printf(out, "sampled     %llu\nsame        %llu\ndifferent   %llu\n"
	    "undecided   %llu\ndropped     %llu\n",
	    (unsigned long long)atomic_load(&s->sampled),
	    (unsigned long long)atomic_load(&s->same),
	    (unsigned long long)atomic_load(&s->different),
	    (unsigned long long)atomic_load(&s->undecided),
	    (unsigned long long)atomic_load(&s->dropped));
	pthread_mutex_lock(&s->lock);
	buf_printf(out, "waiting     %u\nrunning     %d\n", s->n_queued, s->busy);
	for (size_t k = 0; k < s->n_reports; k++) {
		buf_putc(out, '\n');
		buf_sv(out, buf_view(&s->reports[(s->next_report + REPORTS_KEPT - 1 - k) %
		    REPORTS_KEPT]));
	}
	pthread_mutex_unlock(&s->lock);
}

/* ---- in the foreground ---- */

/* Both runs are there; the plain one has no limit of time. */
static void
decide(struct request *plain, struct shadow_tap *t, const struct shadow_job *chosen,
    const atomic_bool *cancel, struct verification *v)
{
	struct digest other;
	struct shadow_run x = { .en = plain->engine, .digest = &other };
	struct sink sink = { run_put, NULL, &x };
	struct err err = ERR_INIT;
	struct run_info info;
	struct difference d;
	int code = chosen->code, plain_code;

	digest_init(&other, t->digest.tolerance);
	plain_code = run_request(plain, &sink, 0, cancel, &info, &err);
	digest_end(&t->digest);
	digest_end(&other);
	if (!codes_compare(code, plain_code, &d))
		digest_compare(&t->digest, &other, true, &d);
	v->verdict = d.verdict;
	if (d.verdict == VERDICT_SAME)
		buf_printf(&v->words, "verified: the plain plan gives the same %s\n",
		    code < 0 ? "error" : "bytes");
	else if (d.verdict == VERDICT_UNDECIDED)
		buf_printf(&v->words, "not verified: %s%s%s\n", d.why,
		    plain_code < 0 ? ": " : "", plain_code < 0 ? err.msg : "");
	else {
		if (!d.in_block) {
			fetch_row(plain, chosen->rules_off, cancel, d.row, &t->digest);
			fetch_row(plain, plain->rules_off, cancel, d.row, &other);
		}
		BUF_LIT(&v->words, "DIFFERENT: ");
		put_difference(&v->words, plain, &d, &t->digest, &other,
		    buf_view(&chosen->plan));
	}
	digest_release(&other);
}

int
shadow_verify(struct request *r, const struct sink *sink, uint64_t deadline,
    const atomic_bool *cancel, struct run_info *info, struct verification *v, struct err *e)
{
	struct shadow_tap *t;
	struct shadow_job chosen = { .rules_off = r->rules_off };
	struct request *plain;
	int code;

	if (r->kind != FILE_FORMAT)
		return err_set(e, ERR_UNSUPPORTED, -1,
		    "'%s' holds no result that could be verified", r->file);
	if ((code = request_plain(r, &plain, e)) < 0)
		return code;
	if ((t = tap_new(r, r->engine->conf, sink)) == NULL) {
		request_free(plain);
		return err_nomem(e);
	}
	code = run_request(r, &t->sink, deadline, cancel, info, e);
	if (code != ERR_CANCELLED) {
		chosen.code = code;
		explain_request(&chosen.plan, r);
		decide(plain, t, &chosen, cancel, v);
	}
	buf_release(&chosen.plan);
	request_free(plain);
	tap_free(t);
	return code;
}
