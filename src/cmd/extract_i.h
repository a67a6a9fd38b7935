/* SPDX-License-Identifier: ISC */
/* extract_i: what the files that make an extract share. */
#ifndef CMD_EXTRACT_I_H
#define CMD_EXTRACT_I_H

#include "extract.h"

#define OWN_NAME_BYTES 48
#define EXTRACT_LOCK ".lock"	/* behind a file's own name */

/* One at work. */
struct extract {
	const struct extract_job *j;
	struct arena arena;
	char own[OWN_NAME_BYTES];	/* the file's name while it is written */
	struct file *locks[2];		/* of the name, of the mark */
	struct answer answer;
	struct mark left;		/* with the delivery that an earlier one left */
	struct err *e;
};

/* ---- extract_dest.c ---- */

/* Whether a name stands there; what else hinders a stat is an error. */
int extract_stat(struct fsys *, const char *name, bool *there, struct file_id *, struct err *)
    WARN_UNUSED;

/* That name is had by another: ERR_BUSY, in words. */
int extract_occupied(struct extract *, struct fsys *, const char *name) WARN_UNUSED;
/* The file gets its name; under a mark never that of another. */
int extract_rename(struct extract *, struct fsys *, const char *from, const char *to) WARN_UNUSED;

/* ---- extract_left.c ---- */

/*
 * Into the lock beside the file, synced, before the delivery is noted: which one it is. So where
 * that stands later it is the same directory, and not what a mount point has below it.
 */
int extract_witness(struct extract *, const struct mark_delivery *) WARN_UNUSED;
/* ERR_NODATA if it can't be told what became of an earlier delivery. Makes and changes nothing. */
int extract_look(struct extract *) WARN_UNUSED;
/*
 * With the locks: what an earlier one began is finished. *standing: it stands now where this one
 * would deliver to.
 */
int extract_finish(struct extract *, bool *standing) WARN_UNUSED;

#endif
