/* SPDX-License-Identifier: ISC */
/*
 * kernel_match: does a value satisfy an operator and its literals? The one place that knows
 * (product.md, "Values"), used on whole rows by the plain plan and on dictionary values by
 * the column kernels. Compiled once per leaf; thread-safe afterwards.
 *
 * What product.md leaves open is decided here:
 * - A literal fits strings always, numbers if it reads as a number, booleans if it is `true`
 *   or `false`; it never fits bytes and maps, on which only the negative operators hold. An
 *   empty value is missing for all operators but `has`.
 * - An array's elements are its scalars; arrays and maps in it never match. The four negative
 *   operators hold on any array, the empty one too, of which no element matches.
 * - NaN equals nothing and is in no order.
 * - Text operators on kinds, states and ids see the words and hex digits that the JSON has.
 */
#ifndef EXEC_KERNEL_MATCH_H
#define EXEC_KERNEL_MATCH_H

#include "model/pred.h"
#include "model/span.h"

struct matcher;

/* ERR_SYNTAX for a pattern PCRE2 refuses. The leaf is borrowed for the matcher's life. */
int matcher_new(const struct pred *leaf, struct matcher **, struct err *) WARN_UNUSED;
void matcher_free(struct matcher *);
/*
 * Each: 1 yes, 0 no, <0: ERR_TIMEOUT if a regular expression ran into its limit (10,000 + 16
 * * subject bytes steps); a hit is never a non-match. One for each type of field: attributes
 * and string intrinsics; FT_INT, FT_TIME, FT_DURATION; FT_KIND, FT_STATUS; the ids.
 */
int matcher_value(const struct matcher *, const struct value *, struct err *);
int matcher_string(const struct matcher *, struct sv, struct err *);
int matcher_number(const struct matcher *, uint64_t);
int matcher_enum(const struct matcher *, int32_t, struct err *);
int matcher_trace_id(const struct matcher *, struct trace_id, struct err *);
int matcher_span_id(const struct matcher *, uint64_t, struct err *);
/*
 * Texts that every string that satisfies holds (of contains, starts, ends, re; borrowed), so
 * that one which lacks any never satisfies, nor fails. 0: nothing is known.
 */
size_t matcher_must(const struct matcher *, const struct sv **);
/* False if no value can make it fail. */
bool matcher_can_fail(const struct matcher *);
/*
 * True if the operator can be told from ranges of numbers: the column kernels then compare
 * images. value_cmp_literal orders a number or boolean against a literal, exactly: false if
 * the literal does not fit or either is NaN.
 */
bool matcher_in_ranges(const struct pred *leaf);
bool value_cmp_literal(const struct value *, const struct literal *, int *cmp);

/* A leaf or tree on a whole span: the reference semantics. */
struct pred_eval;
int pred_eval_new(const struct pred *, struct pred_eval **, struct err *) WARN_UNUSED;
void pred_eval_free(struct pred_eval *);
/*
 * 1 yes, 0 no, <0 error. `facts` and child_count only if pred_needs_trace. Intrinsics that
 * spans.jsonl leaves out when empty (status_message, trace_state, scope, scope_version,
 * parent_span_id, flags, event:name, a link's ids) are missing when empty; the others are
 * always present.
 */
int pred_eval_span(const struct pred_eval *, const struct span *, const struct trace_facts *facts,
    uint32_t child_count, struct err *);

#endif
