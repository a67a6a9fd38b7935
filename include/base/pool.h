/* SPDX-License-Identifier: ISC */
/*
 * pool: a fixed set of worker threads with one queue. Tasks run in the order submitted.
 * Workers run at `nice` above the process's own (Linux: per thread), so that query work
 * yields to the threads that answer the kernel.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

#include "base/err.h"

struct pool;

int pool_new(unsigned n_threads, int nice, struct pool **, struct err *) WARN_UNUSED;
/* Runs what is queued to its end, then joins. NULL is allowed. */
void pool_free(struct pool *);
/* Queues fn(arg). Fails only for want of memory. */
int pool_submit(struct pool *, void (*fn)(void *), void *arg, struct err *) WARN_UNUSED;
unsigned pool_threads(const struct pool *);
/*
 * Calls fn(arg, i) for i in [0, n), on the pool's idle threads and on the calling thread,
 * at most `width` at once, and returns when all are done. Safe to call from inside a task:
 * the caller takes part, so it can't starve. fn sees each i once, in rising order of start.
 * A NULL pool or a width up to 1: all on the calling thread.
 */
void pool_each(struct pool *, unsigned width, size_t n,
    void (*fn)(void *, size_t), void *arg);

#endif
