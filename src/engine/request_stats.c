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

int
request_stats(struct request *r, struct err *e)
{
	const struct stats *st;
	uint64_t time = 0;
	int code;

	if (r->stats != NULL)
		return 0;
	/* Only rule `time` keeps a plan off the shards outside the range. */
	if ((code = opt_rules_parse(SV("time"), &time, e)) < 0)
		return code;
	code = (r->rules_off & time) != 0 ? world_all(r->engine, r->world, &st, e) :
	    world_stats(r->engine, r->world, r->query->range, &r->arena, &st, e);
	return code == 0 ? take_stats(r, st, e) : code;
}
