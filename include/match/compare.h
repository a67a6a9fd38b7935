/* SPDX-License-Identifier: ISC */
/* compare: one value against one literal, exactly; what matchers and ranges are made of. */
#ifndef MATCH_COMPARE_H
#define MATCH_COMPARE_H

#include "model/pred.h"
#include "model/value.h"

/* Does the literal read as a number? Then ordering operators see numbers only, else texts. */
static inline bool
literal_is_number(const struct literal *l)
{
	return l->is_int || l->is_double;
}

/* Can a value of the type (of an array: an element) equal the literal at all? */
bool literal_fits(enum value_type, const struct literal *);
/* Orders a number or boolean against a literal: false if that does not fit, or either is NaN. */
bool value_cmp_literal(const struct value *, const struct literal *, int *cmp);
/* Equality of a text, number or boolean; other values equal no literal. */
bool value_equals_literal(const struct value *, const struct literal *);

#endif
