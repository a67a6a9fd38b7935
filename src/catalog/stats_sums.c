/* SPDX-License-Identifier: ISC */
/*
 * stats_sums: where the number of spans is all that is asked (stats_need.sums), what is asked for
 * of a shard is added up if it lies in the range and the manifest tells of it, and the shard is
 * left out. Not one by one where many go together: hours that lie in the range are a difference of
 * two of the snapshot's running sums, and of a service a segment of the manifest has the sum, made
 * once for as long as there is that segment. It ends when there are enough.
 *
 * Few shards stay apart, so that a plan shows each.
 */
#include "manifest_i.h"
#include "stats_i.h"

#define FEW_SHARDS 64
#define FEW_SERVICES 8

/* Of these shards nothing but their times matters. */
static bool
any_shard(const struct stats_need *n)
{
	return !n->has_after && n->only == 0;
}

void
sums_begin(struct select *k)
{
	struct time_range r = k->need->range;

	k->sums = k->need->sums && k->need->n_traces == 0 &&
	    k->to - k->from + (k->snap->n_shards - k->outside) > FEW_SHARDS;
	k->hours_from = k->hours_to = k->to;
	if (!k->sums || k->need->n_services != 0 || !any_shard(k->need) ||
	    !snap_of(k->snap)->in_hours || k->m->n_bare != 0)
		return;
	k->hours_from = r.from > PARTITION_OUTSIDE - NS_PER_HOUR ? k->to :
	    select_from(k->snap, r.from + (NS_PER_HOUR - 1 - (r.from + NS_PER_HOUR - 1) % NS_PER_HOUR));
	if (k->hours_from < k->from)
		k->hours_from = k->from;
	if (r.to != WHEN_MAX)
		k->hours_to = select_from(k->snap, r.to - r.to % NS_PER_HOUR);
	if (k->hours_to > k->to)
		k->hours_to = k->to;
}

bool
sums_shard(struct select *k, size_t i, const struct part *p)
{
	if (!p->known || k->m->places[i].segment == NO_SEGMENT ||
	    !range_has(k->need->range, p->min, p->max))
		return false;
	k->summed += p->n;
	return true;
}

bool
sums_hours(struct select *k, size_t *i)
{
	const uint64_t *before = snap_of(k->snap)->rows_before;

	if (*i != k->hours_to || k->hours_from >= k->hours_to)
		return false;
	k->summed += before[k->hours_to] - before[k->hours_from];
	select_leave_range(k, LEFT_SUMMED, k->hours_from, k->hours_to);
	*i = k->hours_from;
	return true;
}

/* ---- services, by segments ---- */

bool
sums_by_segments(const struct select *k)
{
	return k->sums && k->need->n_services != 0 && k->need->n_services <= FEW_SERVICES &&
	    any_shard(k->need) && k->from == 0 && k->to == k->outside;
}

static bool
asked_before(const long *names, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (names[j] == names[i])
			return true;
	return false;
}

/* All its rows tell of shards, and what is asked for lies in the range. */
static bool
whole(const struct select *k, size_t s, uint64_t *n)
{
	const long *names = k->names + s * k->need->n_services;
	struct segment *seg = k->m->segments[s];
	const struct msum *sums;

	*n = 0;
	if (k->m->n_used[s] != seg->m.n_rows || (sums = segment_sums(seg)) == NULL)
		return false;
	for (size_t i = 0; i < k->need->n_services; i++) {
		const struct msum *x = names[i] < 0 ? NULL : &sums[names[i]];

		if (x == NULL || x->n_rows == 0 || asked_before(names, i) ||
		    !values_overlap(x->min_start, x->max_start, k->need->range))
			continue;
		if (!range_has(k->need->range, x->min_start, x->max_start))
			return false;
		*n += x->n_rows;
	}
	return true;
}

bool
sums_segment(struct select *k, size_t s)
{
	const struct segment *seg = k->m->segments[s];
	uint64_t n;

	if (k->m->n_used[s] == 0)
		return true;
	if (!whole(k, s, &n))
		return false;
	k->summed += n;
	select_leave(k, LEFT_SUMMED, k->m->shard_of[s][0], k->m->n_used[s],
	    segment_sums(k->m->segments[s])[seg->m.n_names].n_rows);
	return true;
}

void
sums_leave_rest(struct select *k)
{
	uint64_t shards = k->snap->n_shards, rows = k->snap->n_rows;

	k->kept.n = 0;
	for (int r = 0; r < N_REASONS; r++) {
		shards -= k->left[r].n_shards;
		rows -= k->left[r].n_rows;
	}
	select_leave(k, LEFT_ENOUGH, 0, shards, rows);
}
