/* SPDX-License-Identifier: ISC */
/*
 * plan_trace: how a query was planned: the line of its decision, and all of it in the log ([log]
 * trace=plan): the path, the template that decisions are remembered by, and the lines of the file
 * `plan`: rules that fired, what each class of shards was weighed by, costs, the choice, and whether
 * it was remembered. All lines of one plan bear its number, since threads plan at once.
 */
#include "base/log.h"
#include "engine_i.h"

#define TRACE_PLAN 1		/* a word of the setting */

const char *
request_decision(const struct request *r)
{
	static const char *const names[] = {
		[DECISION_OFF] = "off", [DECISION_COMPUTED] = "computed", [DECISION_HIT] = "hit",
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

void
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
