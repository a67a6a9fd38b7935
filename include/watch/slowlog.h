/* SPDX-License-Identifier: ISC */
/* slowlog: the last queries that took [log] slow_query or longer, for .spanfs/slow. */
#ifndef WATCH_SLOWLOG_H
#define WATCH_SLOWLOG_H

#include <pthread.h>

#include "base/buf.h"
#include "watch/outcome.h"

struct slow_entry {
	uint64_t wall_ns;
	struct requester who;
	struct buf text;	/* lines after the first, ready to print */
	uint64_t duration_ns;
	int code;
};

struct slowlog {
	pthread_mutex_t lock;	/* guards what follows */
	struct slow_entry *v;	/* a ring */
	size_t n, next;
};

void slowlog_init(struct slowlog *);
void slowlog_release(struct slowlog *);
void slowlog_add(struct slowlog *, const struct outcome *);
/* Newest first, those that `asks` may see. */
void slowlog_print(struct slowlog *, struct requester asks, struct buf *);

#endif
