/* SPDX-License-Identifier: ISC */
/*
 * name: the encoding of values as path segments (product.md, "Encoding"). The encoder is
 * total, injective and byte-exact; what it writes can be typed back and can't write to a
 * terminal.
 */
#ifndef QUERY_NAME_H
#define QUERY_NAME_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* One item: the empty one is a lone "%". */
void name_encode(struct buf *, struct sv item);
/*
 * One item, each %XX decoded once. ERR_SYNTAX with err->off within `text` for '%' without two
 * hex digits (a lone "%" is the empty item) and for the empty text.
 */
int name_decode(struct arena *, struct sv text, struct sv *item, struct err *) WARN_UNUSED;
/*
 * A list argument: split at raw commas, then each item decoded. ERR_SYNTAX for "a,,b",
 * ERR_TOOBIG over LIMIT_LIST_ITEMS.
 */
int name_decode_list(struct arena *, struct sv text, struct sv **items, size_t *n,
    struct err *) WARN_UNUSED;
/* "%~" and the 32 hex digits of the item's XXH3-128: the name of an item over LIMIT_ITEM_LISTED. */
void name_alias(struct buf *, struct sv item);
bool name_is_alias(struct sv text, uint64_t *hi, uint64_t *lo);

#endif
