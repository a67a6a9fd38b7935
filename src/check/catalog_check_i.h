/* SPDX-License-Identifier: ISC */
/*
 * catalog_check_i: what the files of catalog_check share.
 *
 *   catalog_check   STORE, CATALOG, every shard; what imports left
 *   manifest_check  MANIFEST and its segments
 */
#ifndef CHECK_CATALOG_CHECK_I_H
#define CHECK_CATALOG_CHECK_I_H

#include "catalog/catalog_i.h"

/* A finding; offset -1 where there is none. */
typedef void check_found(void *arg, const char *file, int64_t off, const char *why);

/* ERR_NOMEM; all else is found. */
int manifest_check(const struct catalog *, const struct snapshot *, check_found *, void *arg,
    struct err *) WARN_UNUSED;

#endif
