/* SPDX-License-Identifier: ISC */
/*
 * request_plan: the plan of a request, by a remembered decision of its template or by one that
 * is made now and remembered. Requests that force an access path, or that are run plainly in
 * the background to check others, are decided on their own and leave no trace.
 *
 * And how it came about: the line of its decision, and all of it in the log ([log] trace=plan): the
 * path, the template that decisions are remembered by, and the lines of the file `plan`: rules that
 * fired, what each class of shards was weighed by, costs, the choice, and whether it was remembered.
 * All lines of one plan bear its number, since threads plan at once.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine_i.h"

#define TRACE_PLAN 1		/* a word of the setting */

/* ---- how it came about ---- */

const char *
request_decision(const struct request *r)
{
	static const char *const names[] = {
		[DECISION_OFF] = "off", [DECISION_COMPUTED] = "computed", [DECISION_HIT] = "hit",
		[DECISION_KEPT] = "kept",
	};

	return r->plan == NULL ? "none" : names[r->decision.how];
}

void
request_explain_decision(const struct request *r, struct buf *b)
{
	const struct decision_use *u = &r->decision;

	buf_printf(b, "decision %s", request_decision(r));
	if (u->how == DECISION_HIT)
		buf_printf(b, " (%llu), made %.0f s ago, used %llu times before",
		    (unsigned long long)u->id, (double)u->age_ns / 1e9,
		    (unsigned long long)u->n_used);
	else if (u->how == DECISION_COMPUTED && u->id != 0)
		buf_printf(b, ", kept as %llu", (unsigned long long)u->id);
	buf_printf(b, "; costs of version %u\n", r->cost_version);
}

void
request_explain_decision_json(const struct request *r, struct buf *b)
{
	const struct decision_use *u = &r->decision;

	buf_printf(b, ",\"decision\":{\"outcome\":\"%s\"", request_decision(r));
	if (u->id != 0)
		buf_printf(b, ",\"id\":%llu", (unsigned long long)u->id);
	if (u->how == DECISION_HIT)
		buf_printf(b, ",\"age_ns\":%llu,\"used_before\":%llu",
		    (unsigned long long)u->age_ns, (unsigned long long)u->n_used);
	buf_printf(b, ",\"cost_version\":%u}", r->cost_version);
}

/* ---- the log ---- */

static void
log_lines(unsigned long long no, struct sv text)
{
	struct sv rest = text;

	while (rest.n != 0) {
		int64_t at = sv_chr(rest, '\n');
		size_t end = at < 0 ? rest.n : (size_t)at;

		log_info("plan %llu: %.*s", no, SV_ARG(sv_sub(rest, 0, end)));
		rest = sv_sub(rest, at < 0 ? end : end + 1, rest.n);
	}
}

static void
print_steps(struct buf *b, const struct request *r, const struct opt_options *o,
    const char *failure)
{
	BUF_LIT(b, "path     ");
	path_print(b, r->path);
	buf_printf(b, "\nfile     %s\ntemplate ", r->file);
	template_print(b, r->query, r->stats, o);
	buf_putc(b, '\n');
	if (failure != NULL) {
		buf_printf(b, "failed   %s\n", failure);
		return;
	}
	plan_explain(b, r->plan, r->stats, buf_view(&r->canonical));
	request_explain_decision(r, b);
	buf_printf(b, "planned  in %.1f us\n", (double)r->plan_ns / 1e3);
}

/* Logs how the request was planned, if the settings say so; failure: NULL, or why it wasn't. */
static void
plan_trace(const struct request *r, const struct opt_options *o, const char *failure)
{
	struct buf b = BUF_INIT;

	if (conf_u64(r->engine->conf, CONF_LOG_TRACE) != TRACE_PLAN)
		return;
	print_steps(&b, r, o, failure);
	if (!b.oom)
		log_lines(1 + atomic_fetch_add(&r->engine->n_plans_traced, 1), buf_view(&b));
	buf_release(&b);
}

/* ---- made ---- */

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

unsigned
request_others_at_work(const struct request *r)
{
	unsigned long long n = atomic_load(&r->engine->counters.running);

	n -= n > 0 && r->at_work;
	return n < 1000 ? (unsigned)n : 1000;
}

/* To a source that knows parents their fields are like the span's, unless they are of the whole trace. */
static bool
needs_facts(const struct plan_caps *caps, const struct field *f)
{
	struct field inner;

	if (f->scope != FIELD_PARENT || !caps->parents)
		return field_needs_trace(f);
	inner = field_inner(f);
	return field_needs_trace(&inner);
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
		if (needs_facts(r->engine->source->caps, &r->query->select[i]))
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
		.load = request_others_at_work(r),
	} };
	bool remember = r->force == OPT_FORCE_NONE && !r->shadow && !r->decide_alone &&
	    conf_bool(r->engine->conf, CONF_DECISION_CACHE_ENABLED);
	uint64_t t0;
	int code;

	if (r->plan != NULL) {
		if (r->prepared)
			counters_plan_kept(&r->engine->counters);
		r->prepared = false;
		return 0;
	}
	r->load = x.options.load;
	r->epoch = atomic_load(&r->engine->prepared_epoch);
	if ((code = request_stats(r, e)) < 0 || (code = request_stats_server(r, e)) < 0 ||
	    (code = request_filters(r, e)) < 0)
		return code;
	r->planned_mono_ns = t0 = clock_mono_ns();
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
