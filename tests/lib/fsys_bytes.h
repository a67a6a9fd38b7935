/* SPDX-License-Identifier: ISC */
/*
 * fsys_bytes: a read-only fsys that serves files from the caller's memory, without copying, so
 * that a reader's step past the end of a file is seen by a sanitizer. Every other call fails.
 */
#ifndef TESTS_FSYS_BYTES_H
#define TESTS_FSYS_BYTES_H

#include "base/file.h"

#define FSYS_BYTES_FILES 8

struct fsys_bytes {
	struct fsys fs;			/* what is handed on */
	size_t n_files;
	struct {
		const char *path;
		struct sv data;
	} files[FSYS_BYTES_FILES];
	size_t n_open;			/* handles not closed */
	uint64_t n_preads;
};

/* On the caller's stack; nothing to release. */
void fsys_bytes_init(struct fsys_bytes *);
/* The file's bytes, borrowed; a second call with the same path replaces them. */
void fsys_bytes_set(struct fsys_bytes *, const char *path, struct sv data);

#endif
