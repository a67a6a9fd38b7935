/* SPDX-License-Identifier: ISC */
/*
 * fsys_fault: an fsys that passes calls on to another and makes chosen ones fail: the n-th
 * call of some kinds, once or from then on; or "kills" the process at it: that call may do
 * half of its work, every later one fails and does nothing, so the fsys below holds what a
 * kill would have left. A sync, write or close that failed makes its handle fail for ever.
 * Thread-safe.
 */
#ifndef TESTS_FSYS_FAULT_H
#define TESTS_FSYS_FAULT_H

#include "base/file.h"

enum fault_kind {
	FAULT_OPEN, FAULT_CREATE, FAULT_READ, FAULT_WRITE, FAULT_SIZE, FAULT_SYNC,
	FAULT_CLOSE, FAULT_RENAME, FAULT_UNLINK, FAULT_MKDIR, FAULT_RMDIR, FAULT_SYNC_DIR,
	FAULT_LIST, FAULT_LOCK, FAULT_STAT, N_FAULT_KINDS
};
#define FAULT_BIT(kind) (1u << (kind))
#define FAULT_ALL ((1u << N_FAULT_KINDS) - 1)
/* Calls that change the disk. */
#define FAULT_WRITES (FAULT_BIT(FAULT_CREATE) | FAULT_BIT(FAULT_WRITE) | \
	FAULT_BIT(FAULT_SYNC) | FAULT_BIT(FAULT_CLOSE) | FAULT_BIT(FAULT_RENAME) | \
	FAULT_BIT(FAULT_UNLINK) | FAULT_BIT(FAULT_MKDIR) | FAULT_BIT(FAULT_RMDIR) | \
	FAULT_BIT(FAULT_SYNC_DIR))

struct fault_plan {
	unsigned kinds;		/* FAULT_BIT of the calls that count */
	uint64_t nth;		/* from 1; 0: never */
	int code;		/* ERR_IO, ERR_NOSPC... */
	bool persist;		/* and every later call of the kinds */
	bool kill;
};

/* `below` stays the caller's. NULL when out of memory. */
struct fsys *fsys_fault(struct fsys *below);
/* Sets the plan and starts counting anew. */
void fsys_fault_set(struct fsys *, const struct fault_plan *);
/* Counted calls so far. */
uint64_t fsys_fault_calls(struct fsys *);
/* True once the plan struck. */
bool fsys_fault_struck(struct fsys *);
const char *fault_kind_name(enum fault_kind);

#endif
