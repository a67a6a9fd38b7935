/* SPDX-License-Identifier: ISC */
/* ended: a query that has ended is told to all who watch queries, and to the costs. */
#include "engine_i.h"

void
ended_count(const struct request *r, struct buf *path, struct outcome *o)
{
	request_print_path(r, path);
	o->path = path->oom ? SV_EMPTY : buf_view(path);
	o->query = buf_view(&r->canonical);
	o->plan = r->plan;
	o->stats = r->stats;
	o->has_rows = r->kind == FILE_FORMAT || r->kind == FILE_PROFILE;
	o->decision = request_decision(r);
	o->plan_ns = r->plan_ns;
	counters_query(&r->engine->counters, o);
}

void
ended_note(struct engine *en, const struct outcome *o)
{
	uint64_t slow = conf_u64(en->conf, CONF_LOG_SLOW_QUERY);

	if (!o->has_rows)
		return;
	costs_note(en, o);
	querylog_add(&en->querylog, o);
	if (slow != 0 && o->duration_ns >= slow) {
		atomic_fetch_add(&en->counters.slow, 1);
		slowlog_add(&en->slowlog, o);
	}
}
