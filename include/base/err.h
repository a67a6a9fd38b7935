/* SPDX-License-Identifier: ISC */
/*
 * err: how every layer reports failure.
 *
 * A function that can fail returns int: 0, or one of the negative codes below, and takes
 * `struct err *` as its last argument (NULL is allowed). The code, a sentence and, where
 * there is one, a byte offset (into the path, file or body at hand) are set once, where the
 * failure happens; callers add context with err_ctx(). Out-parameters are untouched on
 * failure. Iterators: <0 error, 0 rows were returned, >0 end.
 *
 * The codes are ours; fs_reply.c holds the one table to errno. Library layers never print.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

enum err_code {
	ERR_OK = 0,
	ERR_SYNTAX = -1,	/* malformed value, setting, path: EINVAL */
	ERR_UNKNOWN = -2,	/* unknown keyword, file, service: ENOENT */
	ERR_UNSUPPORTED = -3,	/* understood, not done: EINVAL */
	ERR_NAMETOOLONG = -4,	/* segment or path too long: ENAMETOOLONG */
	ERR_TOOBIG = -5,	/* clauses, items, nesting: E2BIG */
	ERR_CORRUPT = -6,	/* damaged bytes, with file and offset: EIO */
	ERR_IO = -7,		/* a system call failed: EIO */
	ERR_NOMEM = -8,		/* memory, real or the query's budget: ENOMEM */
	ERR_LIMIT = -9,		/* [query] max_rows: EFBIG */
	ERR_TIMEOUT = -10,	/* [query] timeout, regex limit: ETIMEDOUT */
	ERR_CANCELLED = -11,	/* the reader went away: ECANCELED */
	ERR_BUSY = -12,		/* queue full, lock held: EBUSY */
	ERR_VERSION = -13,	/* a store or shard of another version: EIO */
	ERR_NOSPC = -14,	/* disk or spill full: ENOSPC */
	ERR_ACCESS = -15,	/* permission: EACCES */
	ERR_NODATA = -16,	/* an expectation does not hold: ENODATA */
};

struct err {
	int code;		/* enum err_code */
	int64_t off;		/* byte offset, -1 if none */
	char msg[768];		/* a sentence without a final stop */
};

#define ERR_INIT { 0, -1, "" }
#define WARN_UNUSED __attribute__((warn_unused_result))

/* Sets *e (if not NULL) and returns `code`. */
int err_set(struct err *e, int code, int64_t off, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same from errno: code ERR_NOSPC, ERR_ACCESS, ERR_NOMEM or ERR_IO; ": strerror" is added. */
int err_errno(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Out of memory: returns ERR_NOMEM. */
int err_nomem(struct err *e);
/* Puts "context: " before the message and returns e's code (`code` if e is NULL). */
int err_ctx(struct err *e, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A short name of the code: "syntax", "corrupt", ... */
const char *err_name(int code);

#endif
