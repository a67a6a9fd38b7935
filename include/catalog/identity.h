/* SPDX-License-Identifier: ISC */
/*
 * identity: which store it is, wherever it lies, and a secret that only programs which may read
 * the store have. Made with the store, or by the next writer of one that has none; a copy of the
 * store has the same. It serves what is kept outside the store (results in a Redis): a store
 * without one is as good.
 *
 * IDENTITY, readable by the owner alone; numbers little-endian:
 *
 *    0  8  magic "SPANFSID"
 *    8  4  version, 1       12  4  0
 *   16 16  the store
 *   32 32  the secret
 *   64  8  XXH3-64 of all before
 */
#ifndef CATALOG_IDENTITY_H
#define CATALOG_IDENTITY_H

#include "base/file.h"

#define IDENTITY_ID_BYTES 16
#define IDENTITY_SECRET_BYTES 32

struct identity {
	unsigned char id[IDENTITY_ID_BYTES];
	unsigned char secret[IDENTITY_SECRET_BYTES];
};

/* ERR_UNKNOWN: it has none; ERR_ACCESS: not for this user; ERR_CORRUPT, ERR_VERSION. */
int identity_read(struct fsys *, struct identity *, struct err *) WARN_UNUSED;
/* Makes one if there is none, whatever is to be said of one that is there. By the writer. */
int identity_make(struct fsys *, struct err *) WARN_UNUSED;

#endif
