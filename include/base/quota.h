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
	max = atomic_load_explicit(&q->max, memory_order_relaxed);
	used = atomic_load_explicit(&q->used, memory_order_relaxed);
	/* Added only where it fits: what is too much for one is not to fail another. */
	do
		if (max != 0 && (used > max || bytes > max - used))
			return false;
	while (!atomic_compare_exchange_weak_explicit(&q->used, &used, used + bytes,
	    memory_order_relaxed, memory_order_relaxed));
	return true;
}

static inline void
quota_give(struct quota *q, size_t bytes)
{
	if (q != NULL)
		atomic_fetch_sub_explicit(&q->used, bytes, memory_order_relaxed);
}

#endif
