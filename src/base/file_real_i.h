/* SPDX-License-Identifier: ISC */
/* file_real_i: what the files that make file_real share. */
#ifndef BASE_FILE_REAL_I_H
#define BASE_FILE_REAL_I_H

#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "file_pool_i.h"

struct real {
	struct fsys fs;
	int dirfd;
	struct file_pool pool;
	char *place;		/* the root's name from "/" on, links unresolved */
	mode_t mode;		/* of the root: new directories and files take theirs from it */
	atomic_bool plain;	/* openat2 is not to be had */
};

static inline struct real *
real_of(struct fsys *fs)
{
	return (struct real *)fs;
}

/* ---- file_beneath.c ---- */

/* "verb root/path: why" */
int real_fail(struct fsys *, const char *verb, const char *path, struct err *);
/* The descriptor of a path below the root; -1 with errno set. */
int open_beneath(struct real *, const char *path, int flags, mode_t mode);
/* fsync, finished; -1 with errno set. */
int sync_fd(int fd);
/*
 * The usual soft limit of descriptors is 1024: it is raised to `most`, or to the hard one. False:
 * no more can be had.
 */
bool raise_limit(rlim_t most);

/* ---- file_names.c: members of fsys_ops ---- */

int real_rename(struct fsys *, const char *from, const char *to, struct err *);
int real_rename_new(struct fsys *, const char *from, const char *to, struct err *);
int real_unlink(struct fsys *, const char *path, struct err *);
int real_mkdir(struct fsys *, const char *path, struct err *);
int real_rmdir(struct fsys *, const char *path, struct err *);
int real_sync_dir(struct fsys *, const char *path, struct err *);
int real_list(struct fsys *, const char *path, struct arena *, char ***names, size_t *n,
    struct err *);
int real_stat(struct fsys *, const char *path, struct file_id *, struct err *);
bool real_stat_named(struct fsys *, const char *path, struct file_id *);

#endif
