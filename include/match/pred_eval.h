/* SPDX-License-Identifier: ISC */
/*
 * pred_eval: a leaf or tree on a whole span: the reference semantics, and the filter of the
 * plain plan. Compiled once; thread-safe afterwards.
 */
#ifndef MATCH_PRED_EVAL_H
#define MATCH_PRED_EVAL_H

#include "base/err.h"
#include "match/field_value.h"
#include "model/pred.h"

struct pred_eval;
int pred_eval_new(const struct pred *, struct pred_eval **, struct err *) WARN_UNUSED;
void pred_eval_free(struct pred_eval *);
/* 1 yes, 0 no, <0 error. The row of a span; its trace and place only if pred_needs_trace. */
int pred_eval_row(const struct pred_eval *, const struct field_row *, struct err *);

#endif
