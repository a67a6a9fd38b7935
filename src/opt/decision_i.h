/* SPDX-License-Identifier: ISC */
/* decision_i: where the run of the rules (opt.c) and decisions meet. */
#ifndef OPT_DECISION_I_H
#define OPT_DECISION_I_H

#include "opt/decision.h"
#include "opt_i.h"

/* Notes the filter's shape and what its leaves select. */
int decision_measure(struct opt *, struct err *) WARN_UNUSED;
/* The first decision that may stand, by what was measured; else why the first may not. */
enum decision_miss decision_find(struct opt *);
/*
 * What was decided, and by which of opt's rules (a bit each); NULL in *out without an error: not
 * worth keeping.
 */
int decision_record(const struct opt *, uint64_t fired, struct decision **out, struct err *)
    WARN_UNUSED;
/* Is the selectivity in the range in which it was decided? */
bool decision_leaf_holds(const struct decision_leaf *, float sel);
/* Place of the class with that key; n_classes: none. */
size_t decision_class_place(const struct decision *, uint64_t key);
/* What it says of a class; NULL: nothing. */
const struct decision_class *decision_class(const struct decision *, uint64_t key);
/* Is the class still much like the one that was decided? */
bool decision_fits(const struct decision_class *, const struct plan_class *);
/* Orders the filter as it was decided; above 0: it does not fit. */
int decision_order(struct opt *, struct err *) WARN_UNUSED;
/* Estimates of shards and classes, from those of the decision. */
void decision_estimate(struct opt *);
/* Rule order notes that the next kid of the node at hand came from place `from`. */
void order_note(struct opt *, size_t from);

#endif
