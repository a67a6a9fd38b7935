/* SPDX-License-Identifier: ISC */
/*
 * gather_i: the inside of gather.
 *
 *   gather         which fields are in columns; each to who knows it
 *   gather_read    values of a column for the rows; what all fields share
 *   gather_field   fields of the span itself
 *   gather_parent  those of its parent: the same of other rows, brought back
 *   gather_trace   those of its trace, and of its place in it
 */
#ifndef GATHER_I_H
#define GATHER_I_H

#include "gather/gather.h"
#include "shard/chunk.h"

struct gather_pin {
	const struct dict *dict;
	struct gather_pin *next;
};

/* ---- gather_read.c ---- */

#define GATHER_PIECE 1024

/*
 * What the chunk of a column (NULL: none) has for the rows, some values at a time, so that they are
 * near when they are looked at: v[i] is that of gather_row(r, i), i below n_v.
 */
struct gather_reading {
	uint32_t n;			/* values of all rows; 0: it is done */
	uint32_t n_v;
	uint64_t v[GATHER_PIECE];
	/* The inside. */
	const struct chunk *c;
	const uint32_t *row, *ord;	/* row NULL: every row has a value */
	uint32_t at;
};

/* What was begun, if there are any, goes on until gather_piece says false; meanwhile nothing else is read. */
int gather_read(struct gather *, const struct column *, struct gather_reading *) WARN_UNUSED;
int gather_fixed(struct gather *, enum column_id, struct gather_reading *) WARN_UNUSED;
bool gather_piece(struct gather_reading *);
static inline uint32_t
gather_row(const struct gather_reading *r, uint32_t i)
{
	return r->row == NULL ? r->at + i : r->row[r->at + i];
}
/* Of a column that every row has: a copy by row; once, if *out is NULL. */
int gather_whole(struct gather *, enum column_id, const uint64_t **out) WARN_UNUSED;
/* The dictionary of a column, until gather_end. */
int gather_dict(struct gather *, const struct column *, const struct dict **) WARN_UNUSED;
/* n codes of no value; NULL: no memory. */
uint32_t *gather_no_codes(struct gather *, uint32_t n);
/* A column of codes of a dictionary, of services. */
void gather_of_dict(const struct dict *, const uint32_t *codes, struct agg_column *);
void gather_of_services(const struct shard_info *, const uint32_t *codes, struct agg_column *);
/* Index in info->services of a row. */
uint32_t gather_service(const struct shard_info *, uint32_t row);

/* ---- gather_field.c ---- */

bool gather_own_may(const struct field *);
int gather_own(struct gather *, const struct field *, struct agg_column *) WARN_UNUSED;

/* ---- gather_parent.c ---- */

int gather_of_parent(struct gather *, const struct field *, struct agg_column *) WARN_UNUSED;

/* ---- gather_trace.c ---- */

/* True: a fact of the trace, a place in it: asks. */
bool gather_trace_may(const struct field *, unsigned *asks);
/* Of rows `of` of the shard (NULL: the gather's own), which are of the same traces; GATHER_NOBODY: none. */
int gather_of_trace(struct gather *, const struct field *, const uint32_t *of,
    struct agg_column *) WARN_UNUSED;

#endif
