/* SPDX-License-Identifier: ISC */
/*
 * matcher: does a value satisfy an operator and its literals? The one place that knows
 * (product.md, "Values"), used on whole rows by the plain plan, on dictionary values by the
 * column kernels and on listed values by estimates. Compiled once per leaf; thread-safe
 * afterwards.
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
#ifndef MATCH_MATCHER_H
#define MATCH_MATCHER_H

#include "match/field_value.h"
#include "model/pred.h"

struct matcher;

/* ERR_SYNTAX for a pattern PCRE2 refuses. The leaf is borrowed for the matcher's life. */
int matcher_new(const struct pred *leaf, struct matcher **, struct err *) WARN_UNUSED;
/* The same to ask about a few values: patterns are not made machine code. */
int matcher_new_few(const struct pred *leaf, struct matcher **, struct err *) WARN_UNUSED;
void matcher_free(struct matcher *);
/* A value of the leaf's field: 1 yes, 0 no, <0 as below. */
int matcher_field(const struct matcher *, const struct field_value *, struct err *);
/*
 * The same of values in hand, each: 1 yes, 0 no, <0: ERR_TIMEOUT if a regular expression ran into its limit (10,000 + 16
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
/* True if the operator can be told from ranges of numbers (match/ranges.h). */
bool matcher_in_ranges(const struct pred *leaf);

#endif
