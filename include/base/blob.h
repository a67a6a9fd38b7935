/* SPDX-License-Identifier: ISC */
/*
 * blob: bytes that only grow: in memory up to a bound, then in an unlinked file in a directory. One
 * thread appends, any may read what is there.
 */
#ifndef BASE_BLOB_H
#define BASE_BLOB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/quota.h"

struct blob {
	pthread_mutex_t lock;	/* of mem and fd, for all but the one that appends */
	struct buf mem;		/* the bytes, until they spill */
	struct quota *quota;	/* of which `mem` took its length; or NULL */
	int fd;			/* the spill file, or -1; stays once it is there */
	atomic_ullong n;
};

struct blob_limits {
	size_t mem_max;
	struct quota *quota;	/* what is not to be had of it is spilled; or NULL */
	uint64_t spill_max;
	const char *spill_dir;
};

void blob_init(struct blob *);
void blob_release(struct blob *);
/* ERR_IO if the directory is not there or not writable; ERR_NOSPC if its disk is full. */
int blob_try_spill(const struct blob_limits *, struct err *) WARN_UNUSED;
/* ERR_NOSPC past spill_max or when the disk is full. */
int blob_append(struct blob *, const void *, size_t n, const struct blob_limits *,
    struct err *) WARN_UNUSED;
/* The same of a buffer's bytes, which is empty afterwards: as the first ones they stay where they are. */
int blob_take(struct blob *, struct buf *, const struct blob_limits *, struct err *) WARN_UNUSED;
/* Up to n bytes at off into out. */
int blob_read(struct blob *, uint64_t off, void *out, size_t n, size_t *got, struct err *)
    WARN_UNUSED;
/* Its bytes are in the file. */
bool blob_spilled(struct blob *);
/* Bytes of memory that it takes. */
size_t blob_memory(struct blob *);
/* Nothing more is appended: gives back what was kept for more. Before anybody reads without a copy. */
void blob_settle(struct blob *);

static inline uint64_t
blob_size(const struct blob *b)
{
	return atomic_load_explicit(&b->n, memory_order_acquire);
}

#endif
