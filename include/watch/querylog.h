/* SPDX-License-Identifier: ISC */
/* querylog: [log] query_log: a line of JSON for each query that ran. */
#ifndef WATCH_QUERYLOG_H
#define WATCH_QUERYLOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "watch/outcome.h"

struct querylog {
	pthread_mutex_t lock;		/* guards what follows; the line is written under it */
	char *set;			/* the setting's text; NULL: off */
	char *file;			/* absolute, so that it can be reopened after a chdir */
	int fd;
	bool torn;			/* the last line was written in part */
	bool told;			/* a failure has been logged since the file was opened */
	atomic_ullong lines, errors;
};

void querylog_init(struct querylog *);
void querylog_release(struct querylog *);
/* Opens `path` ("": off), again if it is open (logrotate). Failures are logged. */
void querylog_open(struct querylog *, const char *path);
void querylog_add(struct querylog *, const struct outcome *);

#endif
