/* SPDX-License-Identifier: ISC */
/*
 * plan_caps: what a source of rows does itself, as data: opt hands over no more than that, and
 * knows nothing else of the source. What is not taken over is done above it, on whole rows.
 */
#ifndef PLAN_PLAN_CAPS_H
#define PLAN_PLAN_CAPS_H

#include "model/pred.h"

#define CAPS_ALL_OPS ((1u << N_PRED_OPS) - 1)

/*
 * What a server is asked for: by the plain plan its rows, whole, of the range. What of these it finds
 * that it can't do alike is done above it all the same.
 */
struct plan_handed {
	bool filter;			/* rows, or traces, that the conditions leave, and maybe some more */
	bool page;			/* the first rows, where they are sorted and cut as they are here */
	bool groups;			/* counts and groups, in place of the rows */
	bool by_trace;			/* groups on two levels: what each trace adds, and that put together */
};

struct plan_caps {
	const char *server;		/* what has the rows, in place of shards; or NULL */
	/* Conditions, leaf by leaf: bit i for operator i. OP_TEXT is among the ops of FIELD_BARE. */
	uint32_t ops[FIELD_SCOPE + 1];	/* by scope of the field; FIELD_INTRINSIC: see the next, too */
	uint64_t intrinsics;		/* bit i: conditions on intrinsic i */
	bool time;			/* the range */
	bool projection;		/* hands out parts of a row */
	bool newest;			/* slices of time, newest first, so that a limit ends it early */
	bool best;			/* leaves out rows that can't be among the best k of a sort */
	bool counts;			/* rows that it counts without a look at them */
	/* Keys by which it finds the first rows in the order that exec sorts in. */
	uint32_t sort_scopes;		/* bit i: attributes of scope i; FIELD_INTRINSIC: see the next, too */
	uint64_t sort_intrinsics;	/* bit i: intrinsic i */
	/* What it may take over, as far as it can: the plan says whether it is asked to (plan_handed). */
	struct plan_handed takes;
	bool parents;			/* groups by fields of parents, too, of what it takes over of spans' own */
};

/* What the local shards do: everything. */
extern const struct plan_caps plan_caps_local;

/* Does the source test the whole tree? */
bool plan_caps_take(const struct plan_caps *, const struct pred *filter);
/* Does it find the first rows by all of these keys? */
bool plan_caps_sort(const struct plan_caps *, const struct sort_key *, size_t n);

#endif
