/* SPDX-License-Identifier: ISC */
/*
 * gen_pred: random predicates over given spans: every field and operator, with values that
 * mostly occur in the spans, and trees of them. From a seed: the same gives the same.
 */
#ifndef TESTS_GEN_PRED_H
#define TESTS_GEN_PRED_H

#include "model/pred.h"
#include "model/span.h"

struct gen_pred {
	struct arena *arena;
	const struct span *spans;
	size_t n_spans;
	uint64_t state;
	bool no_trace;		/* no fields of whole traces */
};

/* One leaf; a tree with up to `depth` levels of AND, OR, NOT above its leaves. */
const struct pred *gen_leaf(struct gen_pred *);
const struct pred *gen_tree(struct gen_pred *, unsigned depth);
/* Any field, such as a sort key may be. */
struct field gen_field(struct gen_pred *);
uint64_t gen_pred_below(struct gen_pred *, uint64_t n);

#endif
