/* SPDX-License-Identifier: ISC */
/* outcome: a query that has ended, as those who watch queries are told of it. */
#ifndef WATCH_OUTCOME_H
#define WATCH_OUTCOME_H

#include "base/err.h"
#include "base/sv.h"
#include "model/stats.h"
#include "plan/plan.h"
#include "plan/profile.h"
#include "watch/watch.h"

/* What a run did and gave. */
struct run_info {
	struct profile profile;
	uint64_t n_rows, n_bytes;
	uint64_t n_shown;		/* what `expect` looks at: rows, in `count` the number */
	uint64_t passed;		/* bytes before the first that it gives: request.pass_to */
	bool complete;
	uint64_t n_unpriced;	/* of groups: spans with tokens that have no price */
	bool shared;		/* it came from the cache L2: nothing was run */
	bool inexact;			/* groups of which some values are approximate: memory was short */
};

/* All that it points at is borrowed for the call. */
struct outcome {
	struct sv path, query;		/* as typed, with its file; in canonical form */
	const struct plan *plan;	/* NULL: it was not planned */
	const struct stats *stats;	/* what it was planned from */
	bool has_rows;			/* the plan was run; not so of the files plan, query... */
	const char *decision;		/* how the plan came about: "hit", "computed"... */
	uint64_t plan_ns;
	struct requester who;
	uint64_t started_mono_ns;
	uint64_t duration_ns;		/* without the time that a stream waited for its reader */
	const struct run_info *info;
	int code;
	const struct err *err;		/* meaningful if code < 0 */
};

/* Where a run had its answer from: "l2"; "part", of some shards from earlier ones; "miss". */
const char *outcome_cache(const struct run_info *);

#endif
