/* SPDX-License-Identifier: ISC */
/*
 * file_pool: the descriptors of files that are open for reading, as a cache: a store has more
 * shards than a process may have descriptors. A file keeps its descriptor while it is read and
 * then until others need it: the one that was read longest ago is closed. Opening it again is
 * its owner's; no lock is held meanwhile.
 */
#ifndef BASE_FILE_POOL_I_H
#define BASE_FILE_POOL_I_H

#include <pthread.h>
#include <stdbool.h>

/* One file's place. */
struct pooled {
	int fd;			/* -1: closed for now */
	unsigned pins;		/* reads at work */
	struct pooled *prev, *next;	/* among the idle ones */
};

struct file_pool {
	pthread_mutex_t lock;		/* guards what follows, and what is in the files' places */
	struct pooled *newest, *oldest;	/* open and idle, by their last read */
	unsigned n_open, max;
};

/* At most `max` descriptors stay open while nobody reads; more are open while more are read. */
void file_pool_init(struct file_pool *, unsigned max);
void file_pool_release(struct file_pool *);	/* when no file is left in it */

/* The descriptor, for a read; -1: the caller is to open the file and to bring it by file_pool_opened. */
int file_pool_pin(struct file_pool *, struct pooled *);
/* Takes the descriptor over; gives the one to read with, another if a second thread was quicker. */
int file_pool_opened(struct file_pool *, struct pooled *, int fd);
void file_pool_unpin(struct file_pool *, struct pooled *);
/* Closes it for good; nobody reads it. */
void file_pool_forget(struct file_pool *, struct pooled *);
/* Closes all that are idle; false: there were none. */
bool file_pool_shrink(struct file_pool *);

#endif
