/* SPDX-License-Identifier: ISC */
/*
 * window: the bytes of a long sequence that were made last, in one block that is written round and
 * round. One thread appends; any may read what is there, and what has gone is for the caller to
 * make anew. The block is there between window_begin and window_end only.
 */
#ifndef BASE_WINDOW_H
#define BASE_WINDOW_H

#include <stdint.h>

#include "base/slabs.h"

struct window {
	pthread_mutex_t lock;	/* a leaf; guards what follows */
	struct slabs *slabs;
	char *block;		/* of slabs->bytes; or NULL: nothing is there */
	uint64_t from, to;	/* places in the sequence; at most a block apart */
};

void window_init(struct window *, struct slabs *);
void window_release(struct window *);
/* Nothing is there, and what comes is from that place on. ERR_NOMEM: there is no block. */
int window_begin(struct window *, uint64_t at, struct err *) WARN_UNUSED;
/* The block goes back. `to` stays. */
void window_end(struct window *);
/* The oldest bytes go as it fills up. n: a block's at most. */
void window_append(struct window *, const void *, size_t n);
/* Are all of [from, to) there? */
bool window_has(struct window *, uint64_t from, uint64_t to);
/* Copies n bytes; false: not all are there, and nothing was copied. */
bool window_read(struct window *, uint64_t at, void *out, size_t n);
/* What is there. */
void window_range(struct window *, uint64_t *from, uint64_t *to);
/* Bytes of memory that it takes. */
size_t window_memory(struct window *);

#endif
