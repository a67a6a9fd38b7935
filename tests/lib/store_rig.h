/* SPDX-License-Identifier: ISC */
/* store_rig: a store on disk, in a directory of its own, from generated spans, in several commits. Failures end the test. */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include "model/span.h"

#define STORE_RIG_START UINT64_C(1795175000000000000)	/* 2026-11-20T11:43:20Z */

struct store_rig {
	char dir[64];
	uint64_t seed;
	uint64_t now_ns;	/* what `now` may be pinned to */
};

/*
 * Makes a store of n awkward spans over `hours`, in `commits` commits; row groups of
 * `group_rows`. The mark mN stands behind N of them. Deterministic but for the directory's name.
 */
void store_rig_init(struct store_rig *, uint64_t seed, size_t n, unsigned hours,
    unsigned commits, uint32_t group_rows);
/* Adds the spans of a batch in one commit. */
void store_rig_add(struct store_rig *, const struct span_batch *, uint32_t group_rows);
/* The same with an index_budget of so many percent (else 100). */
void store_rig_add_budget(struct store_rig *, const struct span_batch *, uint32_t group_rows,
    uint32_t budget);
/* Removes the directory and all below it. */
void store_rig_release(struct store_rig *);

#endif
