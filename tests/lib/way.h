/* SPDX-License-Identifier: ISC */
/*
 * way: one answer, worked out in one of the ways that must agree: the plain plan (no rule, one
 * thread: every row of every shard put together and tested as a row), all rules, a rule left
 * out, an access path by force. Nothing here fails the test.
 */
#ifndef TESTS_WAY_H
#define TESTS_WAY_H

#include "engine/engine_i.h"

struct way {
	const char *name;
	uint64_t rules_off;
	size_t batch_rows;
	unsigned threads;
	bool cold;
	bool remembered;	/* planned by the decision of a query of its template, if there is one */
	enum opt_force force;
	uint64_t force_leaves;
};

/* The plan that was run, and what it took. */
typedef void way_seen(void *arg, const struct way *, const struct plan *, const struct run_info *);

/* The bytes of a file, into out, which is emptied; or the code of its error. */
int way_answer(struct engine *, const char *path, const struct way *, struct buf *out,
    way_seen *, void *arg, struct err *) WARN_UNUSED;
uint64_t way_all_rules(void);
/* Plain first, then all rules, then each path by force and one leaf's index alone. */
extern const struct way way_table[];
extern const size_t n_ways;

#endif
