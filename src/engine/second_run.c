/* SPDX-License-Identifier: ISC */
/*
 * second_run: how the engine runs a query a second time (watch/second.h), and how its first
 * run is digested: the bytes pass through a tap on their way to the reader. In the background
 * it is [shadow]'s (watch/shadow.h), in the foreground engine_verify's.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "engine_i.h"

/* ---- ops of struct second ---- */

struct second_query {
	struct request *plain;
	struct request *further;	/* groups of a server on two levels, where its are on one; or NULL */
	bool is_further;		/* it ran last */
	uint64_t rules_off;		/* of the reader's run */
};

static int
to_digest(void *arg, const void *p, size_t n, struct err *e)
{
	const struct second_run *run = arg;

	(void)e;
	digest_add(run->digest, p, n);
	return 0;
}

static int
next_batch(void *arg, const struct profile *p, struct err *e)
{
	const struct second_run *run = arg;

	(void)p;
	return run->step(run->arg, e);
}

static int
run_into(struct request *r, const struct second_run *run, struct err *e)
{
	struct second_run copy = *run;
	struct sink sink = { .put = to_digest, .arg = &copy,
		.step = run->step != NULL ? next_batch : NULL };
	struct run_info info;

	return run_request(r, &sink, run->deadline_mono_ns, run->cancel, &info, e);
}

static int
second_plain(void *query, const struct second_run *run, struct err *e)
{
	struct second_query *q = query;

	return run_into(q->plain, run, e);
}

static int
second_further(void *query, const struct second_run *run, struct err *e)
{
	struct second_query *q = query;

	if (q->further == NULL)
		return 1;
	q->is_further = true;
	return run_into(q->further, run, e);
}

static const struct request *
second_last(const struct second_query *q)
{
	return q->is_further ? q->further : q->plain;
}

static int
second_again(void *query, bool chosen, const struct second_run *run, struct err *e)
{
	const struct second_query *q = query;
	struct request *r;
	int code;

	if ((code = request_plain(q->plain, &r, e)) < 0)
		return code;
	r->rules_off = chosen ? q->rules_off : second_last(q)->rules_off;
	r->force = chosen ? OPT_FORCE_NONE : second_last(q)->force;
	r->memory = q->plain->memory;
	code = run_into(r, run, e);
	request_free(r);
	return code;
}

static void
second_path(const void *query, struct buf *b)
{
	const struct second_query *q = query;

	request_print_path(q->plain, b);
}

static void
second_plan(const void *query, struct buf *b)
{
	const struct second_query *q = query;

	explain_request(b, second_last(q));
}

static void
second_free(void *query)
{
	struct second_query *q = query;

	request_free(q->plain);
	request_free(q->further);
	free(q);
}

static const struct second_ops second_ops = {
	second_plain, second_further, second_again, second_path, second_plan, second_free,
};

/*
 * A server's spans come over a network: of many in the range those that the filter leaves there, so
 * that what is compared is what the server makes of them. `all`: all of them all the same.
 */
#define PLAIN_SPANS 1000000

static uint64_t
plain_rules(const struct request *r, const struct request *plain, bool all)
{
	const struct time_range range = r->query->range;
	struct ch_span_times t;
	double share = 1;
	uint64_t bit;

	if (r->engine->server == NULL || all || opt_rules_parse(SV("remote-filter"), &bit, NULL) < 0)
		return plain->rules_off;
	if (world_times(r->world, &t, NULL) < 0)
		return plain->rules_off & ~bit;
	if (t.any && range.to > range.from && t.last_ns > t.first_ns &&
	    range.to - range.from < t.last_ns - t.first_ns)
		share = (double)(range.to - range.from) / (double)(t.last_ns - t.first_ns);
	return (double)t.rows * share <= PLAIN_SPANS ? plain->rules_off : plain->rules_off & ~bit;
}

/* x->query stays NULL if it fails. */
static int
second_begin(struct second *x, const struct request *r, uint64_t memory, bool all, struct err *e)
{
	struct second_query *q = calloc(1, sizeof *q);
	int code;

	*x = (struct second){ .ops = &second_ops, .moves = r->engine->source != NULL };
	digest_init(&x->digest, 0);
	if (q == NULL)
		return err_nomem(e);
	q->rules_off = r->rules_off;
	if ((code = request_plain(r, &q->plain, e)) < 0)
		free(q);
	else {
		q->plain->memory = memory;
		q->plain->rules_off = plain_rules(r, q->plain, all);
		x->query = q;
	}
	return code;
}

/* ---- the tap ---- */

struct shadow_tap {
	struct sink sink, next;
	struct digest digest;
};

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
	t->sink = (struct sink){ .put = tap_put, .step = tap_step, .arg = t };
	return t;
}

static void
tap_free(struct shadow_tap *t)
{
	digest_release(&t->digest);
	free(t);
}

/* Of groups of spans that the server made on one level; if memory is short, without. */
static void
further_begin(struct second_query *q, const struct request *r)
{
	const struct plan_scan *s = r->plan != NULL ? &r->plan->scan : NULL;

	if (s == NULL || !s->handed.groups || !s->may_by_trace || s->handed.by_trace ||
	    request_plain(r, &q->further, NULL) < 0)
		return;
	q->further->rules_off = r->rules_off;
	q->further->force = OPT_FORCE_LEVELS;
	q->further->memory = q->plain->memory;
}

/* The digest of what has passed, and the plan that it was made with. */
static void
second_take(struct second *x, struct shadow_tap *t, const struct request *r, int code)
{
	digest_release(&x->digest);
	x->digest = t->digest;
	digest_init(&t->digest, 0);
	digest_end(&x->digest);
	explain_request(&x->plan, r);
	x->code = code;
	if (x->query != NULL)
		further_begin(x->query, r);
}

struct shadow_tap *
shadow_tap(struct engine *en, const struct request *r, const struct sink *next)
{
	if (r->kind != FILE_FORMAT || !shadow_draws(&en->shadow))
		return NULL;
	return tap_new(r, en->conf, next);
}

const struct sink *
shadow_tap_sink(struct shadow_tap *t)
{
	return &t->sink;
}

void
shadow_offer(struct shadow_tap *t, const struct request *r, struct requester who, int code)
{
	struct engine *en = r->engine;
	const struct conf *conf = en->conf;
	struct second x;

	if (t == NULL)
		return;
	if (shadow_samples(&en->shadow, code)) {
		/* Without a query it counts as dropped. */
		if (second_begin(&x, r, conf_u64(conf, CONF_SHADOW_MEMORY), false, NULL) == 0)
			second_take(&x, t, r, code);
		x.who = who;
		shadow_add(&en->shadow, &x, conf);
	}
	tap_free(t);
}

/* ---- in the foreground ---- */

/* Both runs are there; the plain one has no limit of time. */
static void
decide(struct second *x, uint64_t timeout_ns, const atomic_bool *cancel, struct verification *v)
{
	struct digest other;
	struct second_run run = { .digest = &other, .cancel = cancel };
	struct err err = ERR_INIT;
	struct difference d;
	int code;

	digest_init(&other, x->digest.tolerance);
	code = second_compare(x, &run, &d, &err);
	v->verdict = d.verdict;
	if (d.verdict == VERDICT_SAME)
		buf_printf(&v->words, "verified: the plain plan gives the same %s\n",
		    x->code < 0 ? "error" : "bytes");
	else if (d.verdict == VERDICT_UNDECIDED)
		buf_printf(&v->words, "not verified: %s%s%s\n", d.why,
		    code < 0 ? ": " : "", code < 0 ? err.msg : "");
	else {
		BUF_LIT(&v->words, "DIFFERENT: ");
		second_describe(&v->words, x, &d, &other, timeout_ns, cancel);
	}
	digest_release(&other);
}

int
request_verify(struct request *r, const struct sink *sink, uint64_t deadline,
    const atomic_bool *cancel, struct run_info *info, struct verification *v, struct err *e)
{
	const struct conf *conf = r->engine->conf;
	struct shadow_tap *t;
	struct second x;
	int code;

	if (r->kind != FILE_FORMAT)
		return err_set(e, ERR_UNSUPPORTED, -1,
		    "'%s' holds no result that could be verified", r->file);
	if ((code = second_begin(&x, r, 0, true, e)) < 0)
		return code;
	if ((t = tap_new(r, conf, sink)) == NULL) {
		second_release(&x);
		return err_nomem(e);
	}
	code = run_request(r, &t->sink, deadline, cancel, info, e);
	if (code == 0 && info->inexact) {
		v->verdict = VERDICT_UNDECIDED;
		BUF_LIT(&v->words, "not verified: memory was short, and values are approximate "
		    "([query] memory)\n");
	} else if (code != ERR_CANCELLED) {
		second_take(&x, t, r, code);
		decide(&x, conf_u64(conf, CONF_SHADOW_TIMEOUT), cancel, v);
	}
	second_release(&x);
	tap_free(t);
	return code;
}
