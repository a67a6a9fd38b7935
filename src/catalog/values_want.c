/* SPDX-License-Identifier: ISC */
/* values_want: which services and times a listing is about. */
#include "stats_i.h"

bool
values_overlap(uint64_t min, uint64_t max, struct time_range r)
{
	return max >= r.from && (min < r.to || r.to == WHEN_MAX);
}

bool
values_asked_for(const struct values_request *rq, struct sv service)
{
	for (size_t i = 0; i < rq->n_services; i++)
		if (sv_eq(rq->services[i], service))
			return true;
	return rq->n_services == 0;
}

bool
values_want_service(const struct values_request *rq, const struct shard_service *s)
{
	return values_overlap(s->min_start, s->max_start, rq->range) && values_asked_for(rq, s->service);
}
