/* SPDX-License-Identifier: ISC */
/*
 * quota: bytes that many may take of one amount. Each gives back what it took. Thread-safe.
 */
#ifndef BASE_QUOTA_H
#define BASE_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct quota {
	atomic_ullong used;
	atomic_ullong max;		/* bytes; 0: no bound */
};

/* False: it would pass the bound, and nothing was taken. Of no quota (NULL) all may be taken. */
static inline bool
quota_take(struct quota *q, size_t bytes)
{
	unsigned long long used, max;

	if (q == NULL || bytes == 0)
		return true;
	used = atomic_fetch_add_explicit(&q->used, bytes, memory_order_relaxed) + bytes;
	max = atomic_load_explicit(&q->max, memory_order_relaxed);
	if (max == 0 || used <= max)
		return true;
	atomic_fetch_sub_explicit(&q->used, bytes, memory_order_relaxed);
	return false;
}

static inline void
quota_give(struct quota *q, size_t bytes)
{
	if (q != NULL)
		atomic_fetch_sub_explicit(&q->used, bytes, memory_order_relaxed);
}

#endif
