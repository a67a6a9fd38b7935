/* SPDX-License-Identifier: ISC */
/*
 * matrix: every intrinsic and field scope, with every operator and several values, plain and
 * negated, in every file and between compare and end, by every way to the rows: each cell on its own, against the judge
 * (judge.h) and against the plain plan. Over a store made for it: one key with values of every
 * type, values missing and empty, events and links with none, ids and times at the edges, in
 * several shards and row groups.
 */
#ifndef TESTS_MATRIX_H
#define TESTS_MATRIX_H

#include "lib/judge.h"
#include "lib/store_rig.h"
#include "lib/way.h"

struct matrix {
	struct store_rig rig;
	struct conf *conf;
	struct engine *en;
	struct span_batch batch;	/* the spans of the store, as the judge sees them */
	struct judge judge;
};

void matrix_open(struct matrix *);
void matrix_close(struct matrix *);

struct matrix_result {
	size_t n_cells, n_answers, n_wrong;
	char first[800];		/* what was wrong first */
};

/*
 * Of one field, or all (NULL). Looks at every `step`th pair of a cell's file and way (1: all of them), counts in all ways
 * anyway. Ends at the first wrong answer if asked to.
 */
void matrix_run(struct matrix *, const char *field, size_t step, bool stop,
    struct matrix_result *);

#endif
