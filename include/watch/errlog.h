/* SPDX-License-Identifier: ISC */
/* errlog: the last errors in words, for .spanfs/errors. */
#ifndef WATCH_ERRLOG_H
#define WATCH_ERRLOG_H

#include <pthread.h>

#include "base/buf.h"
#include "base/err.h"
#include "watch/watch.h"

struct errlog_entry {
	uint64_t wall_ns;
	struct requester who;
	char *path;
	struct err err;
};

struct errlog {
	pthread_mutex_t lock;	/* guards what follows */
	struct errlog_entry *v;	/* a ring */
	size_t n, next;
};

void errlog_init(struct errlog *);
void errlog_release(struct errlog *);
/* path as typed, err->off into it (-1: none). */
void errlog_add(struct errlog *, struct sv path, struct requester, const struct err *);
/* Newest first, those that `asks` may see. */
void errlog_print(struct errlog *, struct requester asks, struct buf *);

#endif
