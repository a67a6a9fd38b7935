/* SPDX-License-Identifier: ISC */
/* outcome: a query that has ended is told to all who watch queries; see watch_i.h. */
#include "engine_i.h"

void
outcome_note(struct engine *en, const struct outcome *o)
{
	const struct conf *conf = en->conf;
	uint64_t slow = conf_u64(conf, CONF_LOG_SLOW_QUERY);

	if (o->request->kind != FILE_FORMAT && o->request->kind != FILE_PROFILE)
		return;
	costs_note(en, o);
	querylog_add(&en->querylog, o);
	if (slow != 0 && o->duration_ns >= slow) {
		atomic_fetch_add(&en->counters.slow, 1);
		slowlog_add(&en->slowlog, o);
	}
}
