/* SPDX-License-Identifier: ISC */
/*
 * search: binary search. The two macros narrow a variable of the caller's and name the place
 * that is looked at, so that what is ordered may be an array, a packed list or a function;
 * numbers in an array have functions.
 */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Leaves in `at` (a variable of an unsigned type) the first i of [at, end) for which `below`
 * does not hold, or `end`. `below` holds up to some place and nowhere after.
 */
#define LOWER_BOUND(at, end, i, below) do { \
	__typeof__(at) end_ = (end); \
	while ((at) < end_) { \
		__typeof__(at) i = (at) + (end_ - (at)) / 2; \
		if (below) \
			(at) = i + 1; \
		else \
			end_ = i; \
	} \
} while (0)

/*
 * The same for one that is sought: `order`, an int, is < 0 before it, 0 at it, > 0 after.
 * Sets `found`; then it is at `at`, and else would be.
 */
#define FIND_SORTED(at, end, i, order, found) do { \
	__typeof__(at) end_ = (end); \
	(found) = false; \
	while ((at) < end_) { \
		__typeof__(at) i = (at) + (end_ - (at)) / 2; \
		int order_ = (order); \
		if (order_ == 0) { \
			(at) = i; \
			(found) = true; \
			break; \
		} \
		if (order_ < 0) \
			(at) = i + 1; \
		else \
			end_ = i; \
	} \
} while (0)

/* The first of v[from, n) that is not less than x, or n. */
static inline uint32_t
lower_bound_u32(const uint32_t *v, uint32_t from, uint32_t n, uint32_t x)
{
	LOWER_BOUND(from, n, i, v[i] < x);
	return from;
}

static inline size_t
lower_bound_u64(const uint64_t *v, size_t from, size_t n, uint64_t x)
{
	LOWER_BOUND(from, n, i, v[i] < x);
	return from;
}

#endif
