/* SPDX-License-Identifier: ISC */
/*
 * pred_walk: ways through a predicate tree, so that who looks at leaves, or changes nodes, need
 * not know which kinds of nodes there are. Leaves are numbered in pre-order, those under a NOT
 * too. The walks recurse as deep as a filter nests, which LIMIT_NESTING bounds.
 */
#ifndef MODEL_PRED_WALK_H
#define MODEL_PRED_WALK_H

#include "base/err.h"
#include "model/pred.h"

size_t pred_n_leaves(const struct pred *);

/* A leaf, its number, and whether a NOT stands anywhere above it. */
typedef int pred_leaf_fn(void *arg, const struct pred *leaf, size_t no, bool under_not);
/* All leaves in order, until one gives something else than 0, which is returned. */
int pred_each_leaf(const struct pred *, pred_leaf_fn *, void *arg);

/* Does a leaf hold? 1 yes, 0 no, <0 an error. */
typedef int pred_truth_fn(void *arg, const struct pred *leaf, size_t no, struct err *);
/* The same of a tree: leaves are asked in order, and only those that still decide. */
int pred_truth(const struct pred *, pred_truth_fn *, void *arg, struct err *);

/* What becomes of a node whose kids have been rewritten; itself, if nothing. NULL: no memory. */
typedef const struct pred *pred_map_fn(void *arg, struct arena *, const struct pred *);
/* Rewrites a tree from below; p itself if nothing changed. NULL: no memory. */
const struct pred *pred_map(struct arena *, const struct pred *p, pred_map_fn *, void *arg);

#endif
