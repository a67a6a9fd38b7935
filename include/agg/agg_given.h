/* SPDX-License-Identifier: ISC */
/*
 * agg_given: groups that somebody else made of spans, a server say, taken into a table as if the
 * spans had come one by one: counts, errors, and figures of fields. Of one group there may be
 * several, which add up; but where percentiles come ready-made, or how many different values there
 * are, a group comes once, and gets no other spans: ERR_UNSUPPORTED.
 */
#ifndef AGG_AGG_GIVEN_H
#define AGG_AGG_GIVEN_H

#include "agg/agg.h"

#define AGG_RANKS 16

/* part / whole of all values are at or below it: the nearest rank. */
struct agg_rank {
	uint64_t part, whole;
};

/* What a table asks for beside counts and errors: of a field. */
#define AGG_GIVEN_FIELDS 8
struct agg_given_field {
	const struct field *field;	/* the table's */
	size_t slot;			/* its own number of it */
	bool is_unsigned;		/* integers are */
	bool sum, ends;
	bool all;			/* for percentiles */
	bool distinct;			/* how many different values; of one that comes once */
};

struct agg_given_want {
	struct agg_given_field fields[AGG_GIVEN_FIELDS];
	size_t n_fields;
	bool all, distinct;		/* any of them */
	bool traces;			/* items are traces: keys are the service and name of one */
	bool parents;			/* fields of parents, as keys too */
	/* Of all fields; if they are so few; 0: all values must be given. */
	struct agg_rank ranks[AGG_RANKS];
	size_t n_ranks;
};

/* Integers are of 64 bits, as the field has them: of spans that have one. */
struct agg_given_figures {
	uint64_t n;			/* how many integers; 0: only `distinct` is looked at */
	__int128 sum;
	uint64_t least, most;
	const unsigned char *all;	/* n of them, 8 bytes LE each; or NULL, and then: */
	const unsigned char *ranks;	/* percentiles, 8 bytes LE each, as they are wanted */
	uint64_t distinct;
};

struct agg_given {
	/* One of the spans, with the fields that keys ask for; it starts in the bucket of all. Or what stands for a trace. */
	const struct span_row *like;
	uint64_t first_ns, last_ns;	/* of starts */
	uint64_t count, errors;		/* count > 0 */
	/* Of each field that is wanted, as far as that asks; NULL: none is. */
	const struct agg_given_figures *figures;
	const struct agg_given_want *want;
};

/* False: it asks for what can't be given so. */
bool agg_takes_given(const struct agg_table *, struct agg_given_want *);
const struct grouping *agg_grouping(const struct agg_table *);
/* Only so many of its first rows are wanted; 0: all. */
uint64_t agg_keep(const struct agg_table *);
/* Of its buckets, decided. */
struct bucket_step agg_step(const struct agg_table *);
/* How much earlier the spans of the side are than its buckets: versus. */
uint64_t agg_shift(const struct agg_table *, enum agg_side);
int agg_add_given(struct agg_table *, enum agg_side, const struct agg_given *, struct err *)
    WARN_UNUSED;

#endif
