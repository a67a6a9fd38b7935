/* SPDX-License-Identifier: ISC */
/*
 * kernel_match: does a value satisfy an operator and its literals? The one place that knows
 * (product.md, "Values"), used on whole rows by the plain plan and on dictionary values by
 * the column kernels. Compiled once per leaf; thread-safe afterwards.
 */
#ifndef EXEC_KERNEL_MATCH_H
#define EXEC_KERNEL_MATCH_H

#include "model/pred.h"
#include "model/span.h"

struct matcher;

/* ERR_SYNTAX for a pattern PCRE2 refuses. */
int matcher_new(const struct pred *leaf, struct matcher **, struct err *) WARN_UNUSED;
void matcher_free(struct matcher *);
/*
 * 1 yes, 0 no, <0: ERR_TIMEOUT if a regular expression ran into its limit (10,000 + 16 *
 * subject bytes steps); a hit is never a non-match. Arrays: as product.md has it.
 */
int matcher_value(const struct matcher *, const struct value *, struct err *);
/* A leaf or tree on a whole span; `facts` and child_count only if pred_needs_trace. */
struct pred_eval;
int pred_eval_new(const struct pred *, struct pred_eval **, struct err *) WARN_UNUSED;
void pred_eval_free(struct pred_eval *);
int pred_eval_span(const struct pred_eval *, const struct span *, const struct trace_facts *facts,
    uint32_t child_count, struct err *);

#endif
