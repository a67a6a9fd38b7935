/* SPDX-License-Identifier: ISC */
/*
 * repeats: how many spans are the one before once more, in all that is known of them. In the default
 * order, and in any that it completes, these are all that came more than once.
 */
#ifndef MODEL_REPEATS_H
#define MODEL_REPEATS_H

#include "model/batch.h"

/* Zeroes: none yet. */
struct repeats {
	uint64_t n;
	bool any;
	struct trace_id trace;		/* of the last one */
	uint64_t span, start_ns;
	struct hash128 hash;
};

/* The next n. Content is looked at where ids and start are equal, and of the last one. */
void repeats_add(struct repeats *, const struct span_row *, size_t n);

#endif
