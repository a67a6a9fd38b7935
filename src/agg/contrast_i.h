/* SPDX-License-Identifier: ISC */
/* contrast_i: the inside of a contrast, shared by the contrast_*.c files. */
#ifndef AGG_CONTRAST_I_H
#define AGG_CONTRAST_I_H

#include "agg/contrast.h"
#include "base/map.h"
#include "base/vec.h"

struct contrast_count {
	uint64_t n[2];			/* by side */
	uint64_t stamp;			/* of contrast_count_once */
	struct sv key;			/* the packed value, in the field's map */
};

struct contrast_field {
	struct field field;
	struct sv name;			/* as files show it: "span.http.route" */
	bool dropped;
	struct map index;		/* packed value to its number */
	VEC(struct contrast_count) values;
	size_t held;			/* bytes taken of the budget */
};

/* A row: a value of a field, and by how much its share differs. */
struct contrast_row {
	const struct contrast_field *field;
	uint32_t no;
	double difference;
};

struct contrast {
	struct contrast_options opt;
	atomic_size_t own_used, *used;	/* bytes; *used is the parent's */
	uint64_t n_spans[2], last_stamp;
	struct arena arena;
	struct map index;		/* scope and key to a place in fields */
	VEC(struct contrast_field *) fields;
	struct buf key;			/* a scratch */
	VEC(struct contrast_row) rows;	/* finished: the first ones are in order */
	size_t rows_held;		/* bytes taken for them */
	unsigned steps;
};

void contrast_drop(struct contrast *, struct contrast_field *);
/* A step of something long: at times a look at the deadline and at cancel. */
int contrast_check(struct contrast *, struct err *) WARN_UNUSED;

#endif
