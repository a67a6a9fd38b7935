/* SPDX-License-Identifier: ISC */
/*
 * agg_given: groups that somebody else made of spans, a server say, taken into a table as if the
 * spans had come one by one: counts, errors, and figures of durations. Of one group there may be
 * several, which add up; but where percentiles come ready-made a group comes once, and gets no
 * other spans: ERR_UNSUPPORTED.
 */
#ifndef AGG_AGG_GIVEN_H
#define AGG_AGG_GIVEN_H

#include "agg/agg.h"

#define AGG_RANKS 16

/* part / whole of all values are at or below it: the nearest rank. */
struct agg_rank {
	uint64_t part, whole;
};

/* What of durations a table asks for beside counts and errors. */
struct agg_given_want {
	bool sum, ends;
	bool all;			/* for percentiles */
	/* These, if they are so few; 0: all values must be given. */
	struct agg_rank ranks[AGG_RANKS];
	size_t n_ranks;
};

struct agg_given {
	/* One of the spans, with the fields that keys ask for; it starts in the bucket of all. */
	const struct span_row *like;
	uint64_t first_ns, last_ns;	/* of starts */
	uint64_t count, errors;		/* count > 0 */
	/* Of durations, ns: as far as agg_given_want asks. */
	__int128 sum;
	uint64_t least, most;
	const unsigned char *all;	/* count of them, 8 bytes LE each; or NULL, and then: */
	const unsigned char *ranks;	/* percentiles, 8 bytes LE each, */
	const struct agg_given_want *want;	/* which are these */
};

/* False: it asks for what can't be given so. */
bool agg_takes_given(const struct agg_table *, struct agg_given_want *);
const struct grouping *agg_grouping(const struct agg_table *);
/* Of its buckets, decided. */
struct bucket_step agg_step(const struct agg_table *);
/* How much earlier the spans of the side are than its buckets: versus. */
uint64_t agg_shift(const struct agg_table *, enum agg_side);
int agg_add_given(struct agg_table *, enum agg_side, const struct agg_given *, struct err *)
    WARN_UNUSED;

#endif
