/* SPDX-License-Identifier: ISC */
/*
 * stats_i: what stats_load and values share: the statistics of one shard, made once and kept
 * in its slot, and counting of values.
 */
#ifndef CATALOG_STATS_I_H
#define CATALOG_STATS_I_H

#include "base/map.h"
#include "base/search.h"
#include "base/vec.h"
#include "catalog_i.h"

/* ---- stats_load.c ---- */

struct shard_facts {
	struct arena arena;
	struct shard_stats stats;	/* without a bloom filter */
};

/* The statistics of shard i, borrowed while the snapshot is held; fails as snapshot_shard does. */
int snapshot_facts(const struct snapshot *, size_t i, const struct shard_stats **, struct err *)
    WARN_UNUSED;
void shard_facts_free(struct shard_facts *);
/* The same with what CATALOG says; a damaged shard is marked. ERR_NOMEM. */
int stats_load_one(const struct snapshot *, size_t i, struct shard_stats *, struct err *)
    WARN_UNUSED;
/* Makes the statistics of n shards, by all threads; what fails fails again. ERR_NOMEM. */
int stats_warm(const struct snapshot *, const uint32_t *shards, size_t n, struct pool *,
    struct err *) WARN_UNUSED;
/* Bloom filters of shards, in rising order: of the newest ones, up to a budget. */
struct bloom_want {
	uint32_t shard;
	struct shard_stats *stats;
};
int stats_load_blooms(const struct snapshot *, struct bloom_want *, size_t n, struct pool *,
    struct err *) WARN_UNUSED;

/* ---- stats_shard.c ---- */

typedef VEC(struct column_stats) column_stats_vec;

/* The field that a column holds; false: none that anybody asks about. */
bool stats_column_field(const struct column *, struct field *, bool *range, bool *loose);
/* Fills in everything that the footer and the owners' tables say; stats are zeroed before. */
int shard_facts_fill(struct shard *, struct shard_facts *, struct err *) WARN_UNUSED;

/* ---- stats_owner.c ---- */

/*
 * How many rows each resource (COL_RESOURCE) or scope (COL_SCOPE) of the shard has: exact
 * where the column's top values name it, else an equal share of the rest. In the arena.
 */
int owner_weights(struct shard *, enum column_id, size_t n, struct arena *,
    const uint64_t **out, struct err *) WARN_UNUSED;
/* Adds the columns of resource and scope attributes, scope name and version. */
int owner_columns(struct shard *, struct arena *, column_stats_vec *, struct err *) WARN_UNUSED;

/* ---- stats_select.c, stats_sums.c ---- */

enum reason { KEPT, LEFT_MARK, LEFT_COMMIT, LEFT_TIME, LEFT_SERVICE, LEFT_BLOOM, LEFT_NEWEST,
	LEFT_SUMMED, LEFT_ENOUGH, N_REASONS };

/* Rows that are surely there, none older than that. */
struct sure {
	uint64_t start, n;
};

/* A shard that is kept, and when its last row that is asked for starts, at the latest. */
struct kept {
	uint32_t shard;
	uint64_t last;
};

/* What of a shard is asked for. */
struct part {
	uint64_t n, min, max;
	bool known;
};

struct select {
	const struct snapshot *snap;
	const struct manifest *m;
	const struct stats_need *need;
	struct arena *arena;
	size_t from, to, outside;	/* shards that may lie in the range: [from, to) and from `outside` */
	long *names;			/* by segment and service asked for; -1: not there */
	VEC(struct kept) kept;
	VEC(struct sure) sure;
	bool sums;			/* need->sums, and there are many of them */
	size_t hours_from, hours_to;	/* of these shards the hours lie in the range */
	uint64_t summed;
	struct stats_left left[N_REASONS];
	struct err *e;
};

static inline void
select_leave(struct select *k, enum reason r, size_t first, uint64_t shards, uint64_t rows)
{
	struct stats_left *l = &k->left[r];

	if (shards == 0)
		return;
	if (l->n_shards == 0 || first < l->first)
		l->first = first;
	l->n_shards += shards;
	l->n_rows += rows;
}

static inline void
select_leave_range(struct select *k, enum reason r, size_t from, size_t to)
{
	const uint64_t *before = snap_of(k->snap)->rows_before;

	if (from < to)
		select_leave(k, r, from, to - from, before[to] - before[from]);
}

/* The first shard whose partition is at or after t. */
static inline size_t
select_from(const struct snapshot *s, uint64_t t)
{
	size_t lo = 0;

	LOWER_BOUND(lo, s->n_shards, i, s->shards[i].partition < t);
	return lo;
}

/* Once the window is known. */
void sums_begin(struct select *);
/* What is asked for of the shard is added up: it is not kept. */
bool sums_shard(struct select *, size_t i, const struct part *);
/* If those before *i are the hours that lie in the range: they are, and *i is before them. */
bool sums_hours(struct select *, size_t *i);
/* There are as many as are wanted: no other shard matters. */
static inline bool
sums_do(const struct select *k)
{
	return k->sums && k->summed >= k->need->enough;
}
/* All shards are in the window, and services are asked for: by segments of the manifest. */
bool sums_by_segments(const struct select *);
/* Of that one: those of its rows are. False: they have to be looked at one by one. */
bool sums_segment(struct select *, size_t segment);
/* Of sums that do: what was not looked at, and what was kept. */
void sums_leave_rest(struct select *);

/* ---- tally.c: how many rows each of many values has ---- */

struct tally {
	struct map rows;	/* value to rows */
	size_t max;		/* distinct values that are counted; further ones are left out */
};

void tally_init(struct tally *, size_t max);
void tally_release(struct tally *);
int tally_add(struct tally *, struct sv value, uint64_t rows, struct err *) WARN_UNUSED;
struct tally_item {
	struct sv value;	/* borrowed from the tally */
	uint64_t rows;
};
/* All of them, most rows first, then in byte order; in the arena. */
int tally_list(const struct tally *, struct arena *, struct tally_item **, struct err *)
    WARN_UNUSED;

/* ---- values_trace.c ---- */

/* The trace ids that started last, as hex, into the tally (until it holds `max`). */
int values_newest_traces(const struct snapshot *, const struct values_request *,
    struct tally *, uint64_t *n_total, struct err *) WARN_UNUSED;

/* ---- values_want.c ---- */

bool values_overlap(uint64_t min_start, uint64_t max_start, struct time_range);
/* Is the service one of those that are asked for? All are if none is named. */
bool values_asked_for(const struct values_request *, struct sv service);
/* Does the service of a shard have spans in the range, and is it asked for? */
bool values_want_service(const struct values_request *, const struct shard_service *);

/* ERR_NOMEM must be passed on; a damaged shard is passed over. */
static inline bool
passed_over(int rc)
{
	return rc != 0 && rc != ERR_NOMEM;
}

static inline bool
range_has(struct time_range r, uint64_t min, uint64_t max)
{
	return min >= r.from && (max < r.to || r.to == WHEN_MAX);
}

static inline bool
entry_touches(const struct shard_entry *e, struct time_range r)
{
	return e->max_start >= r.from && (e->min_start < r.to || r.to == WHEN_MAX);
}

#endif
