/* SPDX-License-Identifier: ISC */
/*
 * price: what the tokens of a model cost, USD per million, from [price MODEL]. MODEL is a glob:
 * `*` is any text, `?` any byte; of those that match the longest counts, of two as long the one
 * that is first in byte order.
 */
#ifndef MODEL_PRICE_H
#define MODEL_PRICE_H

#include "base/sv.h"

struct price {
	struct sv model;		/* the glob */
	double input, cached, output;
};

/* Immutable. */
struct prices {
	const struct price *v;
	size_t n;
};

/* NULL: it has no price. */
const struct price *price_find(const struct prices *, struct sv model);
bool glob_match(struct sv glob, struct sv text);

#endif
