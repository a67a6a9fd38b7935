/* SPDX-License-Identifier: ISC */
/*
 * spillrows: rows of bytes that went into a spill file one behind the other. Of each there stay in
 * memory where it ends and a hash, by which it is known to be what was put.
 */
#ifndef BASE_SPILLROWS_H
#define BASE_SPILLROWS_H

#include "base/buf.h"
#include "base/spillfile.h"

/* Bytes are put in pieces of about so many. */
#define SPILL_PIECE ((size_t)1 << 20)

struct spillrow {
	uint64_t end;		/* of its bytes, from spillrows.at */
	uint32_t hash;
	uint32_t lists;		/* what it takes of memory beside its bytes, when it is read */
};

struct spillrows {
	struct spillrow *v;
	size_t n;
	uint64_t at, put;	/* the first one's place; bytes that are in the file */
};

/* For n rows at most. */
int spillrows_new(struct spillrows *, size_t n, struct err *) WARN_UNUSED;
void spillrows_free(struct spillrows *);
/* What rows take of memory. */
size_t spillrows_bytes(size_t n);
/* The next row: the bytes of b that are in no row yet. */
void spillrows_add(struct spillrows *, const struct buf *b, size_t lists);
/* Puts and empties b. Nobody else puts into the file from the first row to the last. */
int spillrows_put(struct spillrows *, struct spillfile *, struct buf *b, struct err *) WARN_UNUSED;
/* Bytes of a row; with them *lists, if it isn't NULL. */
size_t spillrows_n(const struct spillrows *, size_t row, size_t *lists);
/* All bytes of a row; ERR_IO if they are not those that were put. */
int spillrows_get(const struct spillrows *, struct spillfile *, size_t row, void *out, struct err *)
    WARN_UNUSED;

#endif
