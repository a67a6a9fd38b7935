/* SPDX-License-Identifier: ISC */
/*
 * second: a query that has run, and that is run a second time with the plain plan (every rule
 * off: no index, nothing pruned, every row tested) on the same state of the store and at the
 * same `now`. How it is run is the owner's to say: `ops`. The two results are compared by
 * their digests; of a difference the first row that differs is shown, and both plans.
 */
#ifndef WATCH_SECOND_H
#define WATCH_SECOND_H

#include <stdatomic.h>

#include "base/buf.h"
#include "watch/digest.h"
#include "watch/watch.h"

struct second_run {
	struct digest *digest;		/* takes the bytes: digest_add */
	int (*step)(void *arg, struct err *);	/* once a batch; <0 ends the run. NULL: none */
	void *arg;
	uint64_t deadline_mono_ns;	/* 0: none */
	const atomic_bool *cancel;
};

struct second_ops {
	int (*run)(void *query, const struct second_run *, struct err *) WARN_UNUSED;
	/*
	 * In a further form, which must give the same; >0: there is none. Then the other functions, but by
	 * `chosen`, are of that form. NULL: never.
	 */
	int (*further)(void *query, const struct second_run *, struct err *) WARN_UNUSED;
	/* Once more, for a row: by the rules that the reader's ran with (`chosen`), or plain. */
	int (*rerun)(void *query, bool chosen, const struct second_run *, struct err *) WARN_UNUSED;
	void (*print_path)(const void *query, struct buf *);
	void (*print_plan)(const void *query, struct buf *);	/* the plain one, after the run */
	void (*free)(void *query);
};

struct second {
	const struct second_ops *ops;
	void *query;			/* what they are called with; owned */
	struct requester who;
	struct digest digest;		/* of the reader's result; ended */
	struct buf plan;		/* the reader's, as text */
	int code;			/* that the reader's ended with */
	bool further;			/* it was run in the further form, too */
	bool moves;			/* what is asked may change between the runs: a difference is looked at twice */
};

void second_release(struct second *);
/*
 * The second run, into run->digest, and what it says; if that is the same, a third in a further form.
 * Returns how it ended. Of what `moves` the chosen plan is run once more if the two differ: if it no
 * longer gives what it gave, that says nothing.
 */
int second_compare(struct second *, const struct second_run *run, struct difference *,
    struct err *);
/*
 * A difference in words: what, the first row that differs by both runs, both plans. A row that
 * was too far on to be kept is found by running the query once more, for timeout_ns at most.
 */
void second_describe(struct buf *, struct second *, const struct difference *,
    struct digest *other, uint64_t timeout_ns, const atomic_bool *cancel);

#endif
