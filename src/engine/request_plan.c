/* SPDX-License-Identifier: ISC */
/*
 * request_plan: the plan of a request, by a remembered decision of its template or by one that
 * is made now and remembered. Requests that force an access path, or that are run plainly in
 * the background to check others, are decided on their own and leave no trace.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "engine_i.h"

/* A request on its way through the cache. */
struct planning {
	struct request *r;
	struct opt_options options;
};

static int
plan_by(void *arg, const struct decision *const *v, size_t n, size_t *which, struct err *e)
{
	struct planning *x = arg;

	return opt_plan_decided(x->r->query, x->r->stats, &x->options, v, n, which,
	    &x->r->plan, e);
}

static int
plan_anew(void *arg, struct decision **d, struct err *e)
{
	struct planning *x = arg;

	return opt_plan_decide(x->r->query, x->r->stats, &x->options, &x->r->plan, d, e);
}

static void
describe(void *arg, struct buf *b)
{
	const struct planning *x = arg;

	template_print(b, x->r->query, x->r->stats, &x->options);
}

static int
plan_remembered(struct planning *x, struct err *e)
{
	struct request *r = x->r;
	struct decision_call call = {
		.cost_version = r->cost_version, .deadline_mono_ns = r->deadline_mono_ns,
		.cancel = r->cancel, .by = plan_by, .anew = plan_anew, .describe = describe,
		.arg = x,
	};
	struct buf key = BUF_INIT;
	int code;

	template_key(&key, r->query, r->stats, &x->options);
	call.key = buf_view(&key);
	if ((code = buf_ok(&key, e)) == 0)
		code = decisioncache_plan(r->engine->decisions, &call, &r->decision, e);
	buf_release(&key);
	return code;
}

/* Queries that run at the moment, beside this one. */
static unsigned
others_at_work(const struct request *r)
{
	unsigned long long n = atomic_load(&r->engine->counters.running);

	n -= n > 0 && r->at_work;
	return n < 1000 ? (unsigned)n : 1000;
}

/* Spans go into groups where they are found; of a server, unless they need facts of their traces. */
static enum row_kind
output_of(const struct request *r, const struct format *f)
{
	if (r->compared != NULL)
		return ROW_CONTRAST;
	if (r->groups == NULL)
		return f->rows;
	/* Whole traces the server may group, too; if it doesn't, they come here whole. */
	for (size_t i = 0; r->engine->source != NULL && !r->groups->groups.per_trace && i < r->query->n_select; i++)
		if (field_needs_trace(&r->query->select[i]))
			return ROW_SPAN;
	return r->as_spans ? ROW_SPAN : ROW_GROUP;
}

int
request_plan(struct request *r, struct err *e)
{
	const struct format *f = r->format != NULL ? r->format : query_usual_format(r->query);
	struct planning x = { r, {
		.output = output_of(r, f),
		.projection = f->projection,
		.groups = r->groups != NULL ? &r->groups->groups : NULL,
		.rules_off = r->rules_off,
		.force = r->force,
		.force_leaves = r->force_leaves,
		.caps = r->engine->source != NULL ? r->engine->source->caps : NULL,
		.threads = r->engine->threads,
		.gathers = r->gathers,
		.no_remote_groups = r->no_remote_groups,
		.load = others_at_work(r),
	} };
	bool remember = r->force == OPT_FORCE_NONE && !r->shadow && !r->decide_alone &&
	    conf_bool(r->engine->conf, CONF_DECISION_CACHE_ENABLED);
	uint64_t t0;
	int code;

	if (r->plan != NULL)
		return 0;
	if ((code = request_stats(r, e)) < 0 || (code = request_stats_server(r, e)) < 0 ||
	    (code = request_filters(r, e)) < 0)
		return code;
	t0 = clock_mono_ns();
	r->cost_version = costs_now(r->engine, &x.options.cost);
	code = remember ? plan_remembered(&x, e) :
	    opt_plan(r->query, r->stats, &x.options, &r->plan, e);
	r->plan_ns = clock_mono_ns() - t0;
	request_filters_free(r);	/* a plan does not look at them again */
	if (!r->shadow)
		plan_trace(r, &x.options, code == 0 ? NULL : e != NULL ? e->msg : "");
	if (code == 0 && !r->shadow)
		counters_decision(&r->engine->counters, r->decision.how == DECISION_HIT,
		    r->plan_ns, r->plan->est_cost);
	return code;
}
