/* SPDX-License-Identifier: ISC */
/*
 * file: the only door to the disk. A `struct fsys` is a small vtable: file_real() is the
 * operating system; tests bring others (in memory with a crash model, fault-counting). All
 * that a store reads or writes goes through it, so that every fault can be injected.
 *
 * Paths are relative to the fsys's root directory, without a leading '/' or "..". Files are
 * written once, front to back, then synced and renamed into place: there is no overwrite.
 * Different handles and paths are thread-safe, as the system's calls are; a handle that is
 * read may be shared, one that is written has one user. Small writes are gathered in the
 * handle, so an error may show only at sync or close; after the first one every later write,
 * sync and close of that handle fails too. Errors: ERR_IO, ERR_NOSPC, ERR_ACCESS,
 * ERR_NOMEM; ERR_UNKNOWN where a file is not there.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/err.h"

struct fsys;
struct file;	/* one open file */

/* Tells whether a file is still the one that was read. */
struct file_id {
	uint64_t inode, mtime_ns, size, device;
};

struct fsys_ops {
	int (*open_read)(struct fsys *, const char *path, struct file **, struct err *);
	/* A new file for writing; an old one of that name is truncated. */
	int (*create)(struct fsys *, const char *path, struct file **, struct err *);
	/* Reads exactly n bytes at off, or fails (ERR_CORRUPT if the file ends first). */
	int (*pread)(struct file *, void *, size_t n, uint64_t off, struct err *);
	/* Appends all n bytes or fails. */
	int (*write)(struct file *, const void *, size_t n, struct err *);
	int (*size)(struct file *, uint64_t *, struct err *);
	int (*sync)(struct file *, struct err *);
	int (*close)(struct file *, struct err *);	/* frees the handle, also on failure */
	int (*rename)(struct fsys *, const char *from, const char *to, struct err *);
	int (*unlink)(struct fsys *, const char *path, struct err *);
	/* With the permissions of the root, so that who may read that may read all; 0 if it exists. */
	int (*mkdir)(struct fsys *, const char *path, struct err *);
	int (*rmdir)(struct fsys *, const char *path, struct err *);
	int (*sync_dir)(struct fsys *, const char *path, struct err *);	/* "." is the root */
	/* Names in a directory ('.' and '..' left out), in byte order, in the arena. */
	int (*list)(struct fsys *, const char *path, struct arena *, char ***names,
	    size_t *n, struct err *);
	/*
	 * Takes an exclusive lock held until close or the process's end; ERR_BUSY if another
	 * holds it. The file is made if absent.
	 */
	int (*lock)(struct fsys *, const char *path, struct file **, struct err *);
	int (*stat)(struct fsys *, const char *path, struct file_id *, struct err *);
	/*
	 * ERR_IO once the root's name leads elsewhere: it was renamed, removed or replaced, while
	 * what is open here is still the old one. May be NULL: it never is.
	 */
	int (*in_place)(struct fsys *, struct err *);
	/*
	 * As stat, but by the root's name as it leads now: a file that it finds unchanged is there
	 * and in place, in one call. False: not found so. May be NULL: it never is.
	 */
	bool (*stat_named)(struct fsys *, const char *path, struct file_id *);
	/*
	 * Renames to a name that nothing has: else ERR_BUSY; ERR_UNSUPPORTED if that can't be had in
	 * one. May be NULL: it can't. Called by fsys_rename_new.
	 */
	int (*rename_new)(struct fsys *, const char *from, const char *to, struct err *);
	/*
	 * As create, but nobody else than the owner may read it, whatever the root allows. May be NULL:
	 * create does. Called by file_replace_private.
	 */
	int (*create_private)(struct fsys *, const char *path, struct file **, struct err *);
	void (*free)(struct fsys *);
};

struct fsys {
	const struct fsys_ops *ops;
	char *root;		/* for messages; the real one's directory */
};

struct file {
	struct fsys *fs;
	char *path;		/* for messages */
};

/* The directory `root`, made (0700) if absent and `make`; ERR_UNKNOWN if absent and not `make`. */
int file_real(const char *root, bool make, struct fsys **, struct err *) WARN_UNUSED;
/* An empty one in memory, which no other program has; `name` is for messages: file_memory.c. */
int file_memory(const char *name, struct fsys **, struct err *) WARN_UNUSED;
void fsys_free(struct fsys *);

/*
 * Renames, but ERR_BUSY if there is something of that name. Where the file system has no such call,
 * what appears at the same moment is written over.
 */
int fsys_rename_new(struct fsys *, const char *from, const char *to, struct err *) WARN_UNUSED;

/* The whole of a small file (at most `max` bytes, else ERR_TOOBIG) into the arena. */
int file_read_all(struct fsys *, const char *path, size_t max, struct arena *,
    struct sv *, struct err *) WARN_UNUSED;
/* Writes path.tmp, syncs it, renames it to path, syncs the directory `dir` that holds it. */
int file_replace(struct fsys *, const char *dir, const char *path, struct sv,
    struct err *) WARN_UNUSED;
/* The same of a file that only its owner may read. */
int file_replace_private(struct fsys *, const char *dir, const char *path, struct sv,
    struct err *) WARN_UNUSED;
int fsys_create_private(struct fsys *, const char *path, struct file **, struct err *) WARN_UNUSED;

#endif
