/* SPDX-License-Identifier: ISC */
/*
 * attr: attribute lists. Inside spanfs a list is always normal: in byte order of the keys,
 * each key once. Ingest makes it so (the last of doubles wins).
 */
#ifndef MODEL_ATTR_H
#define MODEL_ATTR_H

#include "model/value.h"

struct attr {
	struct sv key;
	struct value val;
};

struct attrs {
	struct attr *v;
	uint32_t n;
};

/* Sorts by key and drops all but the last of equal keys, in place. */
void attrs_normalize(struct attrs *);
/* The value of a key in a normal list, or NULL. */
const struct value *attrs_find(const struct attrs *, struct sv key);
bool attrs_eq(const struct attrs *, const struct attrs *);

#endif
