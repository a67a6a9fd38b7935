/* SPDX-License-Identifier: ISC */
/*
 * query_range: the time range of a query: the intersection of since, until, on and the shard
 * directory, and whether it can be anything but empty.
 *
 * A bound is a point, or moves with now. "Empty by construction" means empty whatever now is:
 * since/1h/until/2h, on/today/until/yesterday, since/2026-11-20/until/2026-11-19. A range
 * between a point and a moving bound may fill one day, so it is not an error. To decide it,
 * a moving bound is kept as how far it lies back from now: exactly for now and durations, as
 * a span of one day for midnights (today is 0 to 24 h back) and what is counted from them (the
 * clock); two of these are a fixed distance apart.
 *
 * Times outside 1970 to 2554 are compared as they are typed and cut only then: what is left
 * empty by cutting is an empty answer.
 */
#include "query_i.h"
#include "query_range_i.h"

#define DAY ((__int128)NS_PER_DAY)

struct bound {
	struct when w;
	uint64_t plus_ns;	/* the end of a day or an hour */
	size_t off;		/* of its clause in the path */
};

static bool
is_midnight(struct when w)
{
	return w.kind == WHEN_TODAY || w.kind == WHEN_YESTERDAY || w.kind == WHEN_CLOCK;
}

/* The nearest to now that the bound can lie, in ns back from it; may be negative. */
static __int128
nearest_back(const struct bound *b)
{
	switch (b->w.kind) {
	case WHEN_AGO:
		return b->w.ns - b->plus_ns;
	case WHEN_CLOCK:
		return -b->w.ns - b->plus_ns;
	case WHEN_YESTERDAY:
		return DAY - b->plus_ns;
	default:
		return -(__int128)b->plus_ns;
	}
}

/* Midnights lie up to a day (excluded) further back. */
static __int128
farthest_back(const struct bound *b)
{
	return nearest_back(b) + (is_midnight(b->w) ? DAY : 0);
}

static bool
never_before(const struct bound *from, const struct bound *to)
{
	bool fixed = from->w.kind == WHEN_ABSOLUTE;

	if (fixed != (to->w.kind == WHEN_ABSOLUTE))
		return false;
	/* Of what is farther than any time it is not known which is the later. */
	if (when_is_far(from->w) && when_is_far(to->w) && from->w.ns == to->w.ns)
		return false;
	if (fixed)
		return from->w.ns + from->plus_ns >= to->w.ns + to->plus_ns;
	if (is_midnight(from->w) && is_midnight(to->w))
		return nearest_back(from) <= nearest_back(to);
	return farthest_back(from) <= nearest_back(to);
}

static uint64_t
resolve(const struct bound *b, uint64_t now)
{
	struct when w = b->w;
	uint64_t sum;

	/* The end of a day is cut as such: the day may end where 1970 begins. */
	if (w.kind == WHEN_ABSOLUTE) {
		w.ns += b->plus_ns;
		return when_resolve(w, now);
	}
	return __builtin_add_overflow(when_resolve(w, now), b->plus_ns, &sum) ? WHEN_MAX : sum;
}

/* The place is the later of the two clauses. */
static int
crossed(const struct bound *from, const struct bound *to, struct err *e)
{
	size_t off = from->off > to->off ? from->off : to->off;

	return err_set(e, ERR_SYNTAX, (int64_t)off,
	    "no time lies in this range: it ends before it begins");
}

int
query_range(const struct query *q, const struct range_offs *offs, uint64_t now,
    struct time_range *out, struct err *e)
{
	bool on = q->has_on || q->shard_partition;
	struct bound from[2], to[2];
	struct time_range r = TIME_RANGE_ALL;
	size_t n_from = 0, n_to = 0;
	bool late = false;	/* it begins behind the last instant */

	if (q->has_since)
		from[n_from++] = (struct bound){ q->since, 0, offs->since };
	if (q->has_until)
		to[n_to++] = (struct bound){ q->until, 0, offs->until };
	if (on) {
		from[n_from++] = (struct bound){ q->on, 0, offs->on };
		to[n_to++] = (struct bound){ q->on, q->on_length_ns, offs->on };
	}
	for (size_t i = 0; i < n_from; i++)
		for (size_t k = 0; k < n_to; k++)
			if (never_before(&from[i], &to[k]))
				return crossed(&from[i], &to[k], e);
	for (size_t i = 0; i < n_from; i++) {
		if (resolve(&from[i], now) > r.from)
			r.from = resolve(&from[i], now);
		late |= from[i].w.kind == WHEN_ABSOLUTE && from[i].w.ns > (__int128)WHEN_MAX;
	}
	for (size_t k = 0; k < n_to; k++)
		if (resolve(&to[k], now) < r.to)
			r.to = resolve(&to[k], now);
	/* A range that only this `now`, or cutting, makes empty is one empty range, not a crossed one. */
	if (late || time_range_empty(r))
		r.to = r.from = r.from == WHEN_MAX ? 0 : r.from;
	*out = r;
	return 0;
}
