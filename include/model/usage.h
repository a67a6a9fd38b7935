/* SPDX-License-Identifier: ISC */
/*
 * usage: what a span of a language model says of tokens, under the names that the conventions have
 * had, and what they cost. A count is a whole number from 0 on; other values say nothing. Input
 * holds what was read from a cache, output the reasoning: nothing is added to them.
 */
#ifndef MODEL_USAGE_H
#define MODEL_USAGE_H

#include "model/field.h"
#include "model/span.h"

#define USAGE_KEYS 15	/* how many usage_key() gives */
/* True of tokens:* and cost. */
bool field_of_usage(enum intrinsic);
/* The attributes of a span that tokens:* and cost are read from; NULL past the end. */
const char *usage_key(size_t i);
/* The current name of what a field mostly says: estimates look there. NULL: of no such field. */
const char *usage_main_key(enum intrinsic);
/* IN_TOKENS_*: false if the span doesn't say. */
bool usage_tokens(const struct span *, enum intrinsic, uint64_t *);
/* USD; false if it has no tokens or its model no price. */
bool usage_cost(const struct span *, const struct prices *, double *);
/* It has tokens, and no price. */
bool usage_unpriced(const struct span *, const struct prices *);

#endif
