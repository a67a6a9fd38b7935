/* SPDX-License-Identifier: ISC */
/* contrast_scan_i: what the files of this folder share. */
#ifndef CONTRAST_CONTRAST_SCAN_I_H
#define CONTRAST_CONTRAST_SCAN_I_H

#include "contrast/contrast_columns.h"
#include "filter/filter.h"

struct image {
	uint64_t image;
	uint32_t no;			/* of the value, plus 1; 0: free */
};

/* What is known of a column of the shard. */
struct memo {
	struct contrast_field *field;	/* NULL until it is asked for */
	uint32_t *codes;		/* of a dictionary: numbers plus 1; 0: not asked yet */
	struct image *images;		/* of numbers */
	size_t held;
};

/* One row group at hand. */
struct counting {
	struct contrast_local *l;
	struct scan *sc;
	const uint64_t *all, *selected;	/* rows */
	uint64_t stamp;			/* of row 0 */
	/* Events of these rows, and whose they are; NULL: there are none. */
	uint64_t *events;
	uint32_t *event_rows;
};

/* One column of it. */
struct reading {
	struct counting *x;
	const struct column *col;
	struct memo *memo;
	const struct chunk *c;
	const struct dict *dict;	/* of COLUMN_DICT */
};

/* ---- contrast_memo.c ---- */

/* Goes to the scan's shard. */
int contrast_enter(struct contrast_local *, const struct scan *) WARN_UNUSED;
/* Room for n ordinals of a column. */
int contrast_room(struct contrast_local *, size_t n, struct err *) WARN_UNUSED;
/* Rows of the chunk's domain as ordinals of its values, as bits; these may be put into `room`. */
const uint64_t *contrast_ordinals(const struct chunk *, const uint64_t *rows, uint64_t *room);
/*
 * Begins to read x and col, for a field, or (NULL) for many. Then c is NULL if the field is dropped
 * or nothing is there. To be ended, after a failure too.
 */
int reading_begin(struct reading *, const struct field *) WARN_UNUSED;
void reading_end(struct reading *);
/* The value of a code, number, or of strings in place an ordinal. */
struct value reading_value(const struct reading *, uint64_t u);
/* Its number. 1: the field is dropped. */
int reading_number(const struct reading *, uint64_t u, uint32_t *no) WARN_UNUSED;

/* ---- contrast_events.c ---- */

/* The events of the rows, and whose each is. */
int contrast_find_events(struct counting *) WARN_UNUSED;
/* A column of events, or of rare attributes (then without a field). */
int contrast_stamped(struct counting *, const struct column *, const struct field *) WARN_UNUSED;
/* The columns of one key of events, next to each other. */
int contrast_stamped_all(struct counting *, const struct column *first, size_t n,
    const struct field *) WARN_UNUSED;

#endif
