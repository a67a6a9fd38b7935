/* SPDX-License-Identifier: ISC */
/*
 * exec_rig: a store, its snapshot, all of its spans, and plans run over it, for tests of exec.
 * Failures end the test unless a function says otherwise.
 */
#ifndef TESTS_EXEC_RIG_H
#define TESTS_EXEC_RIG_H

#include "exec/exec.h"
#include "lib/store_rig.h"
#include "shard/fetch.h"

struct exec_rig {
	struct store_rig store;
	struct catalog *cat;
	const struct snapshot *snap;
	struct pool *pool;		/* three threads */
	struct fetch *fetch;		/* holds the spans */
	struct span *spans;		/* all of the store, in no special order */
	size_t n_spans;
};

/* After the store was filled; `store` is the rig's own copy, released with it. */
void exec_rig_open(struct exec_rig *, const struct store_rig *store);
void exec_rig_close(struct exec_rig *);

/* What a plan gave. */
struct exec_rows {
	uint64_t *v;		/* one number a row, for all that is in it: its kind's content */
	uint64_t *ids;		/* span ids of spans, events, links; low halves of trace ids; the count */
	size_t n, cap;
	struct profile prof;
};

void exec_rows_release(struct exec_rows *);
/* With the environment as it is; the error, or 0. What came before the error is in rows. */
int exec_rig_try(const struct plan *, const struct exec_env *, struct exec_rows *, struct err *);
/* batch_rows 0: the usual. */
struct exec_rows exec_rig_run(struct exec_rig *, const struct plan *, size_t batch_rows,
    unsigned threads);
/* Runs and frees the plan: just the ids. */
struct exec_rows exec_rig_ids(struct exec_rig *, struct plan *);
uint64_t facts_digest(uint64_t h, const struct trace_facts *);

#endif
