/* SPDX-License-Identifier: ISC */
/*
 * extract: a query's answer delivered as a file, whole or not at all, and the mark that it
 * began behind moved to where it ends: so that what is delivered, one file after another, holds
 * each span once, wherever an extract is killed.
 *
 *   1. the answer is written beside, under a name of its own, and synced with that name
 *   2. the mark notes the delivery: which file, to what name, up to which commit
 *   3. the file gets its name, and its directory is synced
 *   4. the mark moves, and the note is gone with it
 *
 * Killed before 2, nothing was delivered. After it the next extract finishes what was begun before
 * it does anything else: it finds the file under one of its two names, by its inode, or under
 * neither: then whoever reads it has taken it, if the lock beside, in which the delivery was put
 * before 2, tells that it is the same directory. If not, or if another file stands under the first
 * name, it fails, in words, and so does each one after it. Without a mark there are only 1 and 3.
 *
 * Everything that is written goes through the two file systems of the job.
 */
#ifndef CMD_EXTRACT_H
#define CMD_EXTRACT_H

#include <stdatomic.h>

#include "catalog/marks.h"
#include "engine/engine.h"

enum if_empty { EMPTY_WRITE, EMPTY_SKIP, EMPTY_FAIL };

struct extract_job {
	struct engine *engine;
	struct fsys *store;		/* where the marks are */
	struct fsys *dest;		/* the directory, */
	const char *dir;		/* whose absolute path this is */
	/* For a directory that an earlier job delivered to; ERR_UNKNOWN: gone. Freed by the job. */
	int (*open_dir)(void *arg, const char *dir, struct fsys **, struct err *);
	void *arg;
	const char *path;		/* of the query, with its mark and file */
	const char *mark;		/* NULL: none is moved */
	const char *name;		/* of the file */
	const char *pattern;		/* that the name was made from */
	enum if_empty if_empty;
	uint64_t keep;			/* so many files of such names, the newest; 0: all */
	const atomic_bool *cancel;
};

enum extract_end {
	EXTRACT_DELIVERED,
	EXTRACT_SKIPPED,		/* nothing came, and no file is to say so */
	EXTRACT_FINISHED,		/* what an earlier one had begun; what came since is for the next */
};

/*
 * ERR_BUSY: another extract is at work there, or the mark was moved meanwhile; ERR_NODATA: it is
 * empty and must not be, an expectation does not hold, or it can't be told what became of an
 * earlier delivery. After any failure the file is not there, or the next extract finishes it.
 */
int extract_run(const struct extract_job *, enum extract_end *, struct err *) WARN_UNUSED;

/* What --check says of what there is: lines for people. ERR_*: it would fail, and why. */
int extract_check(const struct extract_job *, struct buf *, struct err *) WARN_UNUSED;

#endif
