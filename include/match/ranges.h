/* SPDX-License-Identifier: ISC */
/*
 * ranges: operators on numbers as closed ranges of images (model/value.h). They say of every
 * image what the matcher says of the number; columns, zones and postings are held against them.
 */
#ifndef MATCH_RANGES_H
#define MATCH_RANGES_H

#include "base/err.h"
#include "model/pred.h"
#include "model/value.h"

/* Closed ranges of images, rising and apart. */
struct range {
	uint64_t lo, hi;
};

struct ranges {
	struct range *v;
	uint32_t n;
};

/*
 * The images of type INT, DOUBLE or BOOL that satisfy a leaf, whatever its operator (no number
 * has a text in it). The array is the caller's to free.
 */
int ranges_of_leaf(const struct pred *leaf, enum value_type, struct ranges *, struct err *)
    WARN_UNUSED;
/* The same for intrinsics: plain numbers (literal.u), span ids (lo), enums (as images). */
int ranges_of_number(const struct pred *leaf, struct ranges *, struct err *) WARN_UNUSED;
bool ranges_have(const struct ranges *, uint64_t);
/* Does any image within [lo, hi] lie in a range? Do all? */
bool ranges_touch(const struct ranges *, uint64_t lo, uint64_t hi);
bool ranges_cover(const struct ranges *, uint64_t lo, uint64_t hi);

#endif
