/* SPDX-License-Identifier: ISC */
/* name_i: what only the path language needs of the encoding. */
#ifndef QUERY_NAME_I_H
#define QUERY_NAME_I_H

#include "query/name.h"

/*
 * Splits a list argument at its raw commas; the items are slices of `text`, still encoded.
 * ERR_SYNTAX for an empty item, ERR_TOOBIG over LIMIT_LIST_ITEMS.
 */
int name_split(struct arena *, struct sv text, struct sv **items, size_t *n,
    struct err *) WARN_UNUSED;

/* A piece of a path for an error message: at most 60 bytes, nothing that moves a cursor. */
struct quoted {
	char s[200];
};
const char *quote(struct quoted *, struct sv);

#endif
