/* SPDX-License-Identifier: ISC */
/*
 * spillfile: a file without a name for what memory has no room for. Bytes are put behind each other
 * and read back from where they were put; it goes with its descriptor, whatever ends the program.
 */
#ifndef BASE_SPILLFILE_H
#define BASE_SPILLFILE_H

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"

/* ---- the descriptor ---- */

/*
 * A new one in the directory, or ERR_IO (it is not there, not writable), ERR_NOSPC (its disk is full),
 * which name [mount] spill_dir.
 */
int spill_create(const char *dir, struct err *) WARN_UNUSED;
/* All n bytes, at off; ERR_NOSPC if the disk is full. */
int spill_write(int fd, const void *, size_t n, uint64_t off, struct err *) WARN_UNUSED;
int spill_read(int fd, void *, size_t n, uint64_t off, struct err *) WARN_UNUSED;

/* ---- the file: several threads may put and get ---- */

struct spillfile {
	pthread_mutex_t lock;	/* guards fd and n */
	int fd;			/* made at the first put; or -1 */
	uint64_t n;		/* bytes that were put */
	uint64_t max;
	const char *dir;	/* borrowed */
};

void spillfile_init(struct spillfile *, const char *dir, uint64_t max);
void spillfile_release(struct spillfile *);
/* *at: where they are. ERR_NOSPC past max, naming [mount] spill_max, or if the disk is full. */
int spillfile_put(struct spillfile *, const void *, size_t n, uint64_t *at, struct err *) WARN_UNUSED;
int spillfile_get(struct spillfile *, uint64_t at, void *, size_t n, struct err *) WARN_UNUSED;
/* ERR_IO, in words: what was read at that place is not what was put there. */
int spillfile_other(uint64_t at, struct err *);
uint64_t spillfile_bytes(struct spillfile *);

#endif
