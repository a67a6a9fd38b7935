/* SPDX-License-Identifier: ISC */
/*
 * check: everything that can be wrong in a store, found by reading every byte of it. What is
 * found is told to bad(arg, file, offset, why), offset -1 where there is none; an error that is
 * returned is one of this machine, not of the store.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "base/err.h"

struct catalog;
struct fsys;

struct check_result {
	uint64_t n_shards, n_bytes, n_spans, n_bad;
};

/* Every byte of the store. */
int catalog_check(struct catalog *, void (*bad)(void *, const char *file, int64_t off,
    const char *why), void *arg, struct check_result *, struct err *) WARN_UNUSED;
/*
 * Files that no catalog lists: left by an import that was killed, and removed by the next.
 * ERR_BUSY: a writer is at work, and they may be its own.
 */
int catalog_left_overs(struct catalog *, void (*found)(void *, const char *file), void *arg,
    uint64_t *n, struct err *) WARN_UNUSED;

struct check_calls {
	void (*bad)(void *arg, const char *file, int64_t off, const char *why);
	void (*left_over)(void *arg, const char *file);
	void (*not_looked)(void *arg, const char *why);	/* for left-overs */
	/* Of what programs keep beside the store (catalog/kept.h): damaged, so nobody uses it. */
	void (*unused)(void *arg, const char *what);
	void *arg;
};
/* Opens the store in a directory and does both; fails as catalog_open does. */
int store_check(const char *store, const struct check_calls *, struct check_result *,
    struct err *) WARN_UNUSED;
/* One shard: every section, every gap, every index against the rows. */
int shard_check(struct fsys *, const char *path, void (*bad)(void *, const char *file,
    int64_t off, const char *why), void *arg, uint64_t *n_spans, struct err *) WARN_UNUSED;

#endif
