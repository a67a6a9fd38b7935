/* SPDX-License-Identifier: ISC */
/* request_stats: what a request's plan is made from. */
#include "engine_i.h"

/* The world's statistics with the summary that there is at this moment. */
static int
take_stats(struct request *r, const struct stats *st, struct err *e)
{
	struct stats *own = arena_new(&r->arena, struct stats);

	if (own == NULL)
		return err_nomem(e);
	*own = *st;
	if ((r->summary = engine_summary(r->engine, r->world)) != NULL)
		own->summary = &r->summary->stats;
	r->stats = own;
	return 0;
}

/*
 * Of the shards that the query leaves, unless those are most: then what the world has of all
 * serves the next request, too. Of one commit they are all that the plan may know of.
 */
static int
load(struct request *r, const struct stats **out, struct err *e)
{
	const struct format *f = r->format != NULL ? r->format :
	    query_usual_format(r->query);
	const struct opt_options o = { .output = f->rows, .rules_off = r->rules_off,
		.force = r->force };
	const struct snapshot *snap = r->world->snap;
	struct selection sel;
	struct stats_need need;
	int code;

	if ((code = opt_need(r->query, &o, &r->arena, &need, e)) < 0)
		return code;
	need.only = r->commit;
	if ((code = stats_select(snap, &need, &r->arena, &sel, e)) < 0)
		return code;
	if (r->commit == 0 && selection_footers(snap, &need, &sel) > snap->n_shards / 2)
		return world_stats(r->engine, r->world, need.range, &r->arena, out, e);
	return stats_of(snap, &need, &sel, r->engine->workers, &r->arena, out, e);
}

int
request_stats(struct request *r, struct err *e)
{
	const struct stats *st;
	int code;

	if (r->stats != NULL)
		return 0;
	code = load(r, &st, e);
	return code == 0 ? take_stats(r, st, e) : code;
}

void
request_only(struct request *r, uint64_t generation)
{
	summary_unref(r->summary);
	r->summary = NULL;
	r->stats = NULL;
	r->commit = generation;
}
