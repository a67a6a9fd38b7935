/* SPDX-License-Identifier: ISC */
/*
 * import_files: the inputs that the arguments of import name: files, standard input, and every
 * regular file below a directory, in byte order. Hidden ones (a leading dot) in a directory are
 * left out and named; what a link leads to is read once, however many lead there.
 */
#ifndef CMD_IMPORT_FILES_H
#define CMD_IMPORT_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/vec.h"

struct import_files {
	VEC(char *) paths;
	uint64_t total_bytes;	/* as far as it is known */
	bool unreadable;	/* one could not be looked at; it was said */
	struct map seen;	/* device and inode of what was found in directories */
};

void import_files_init(struct import_files *);
void import_files_release(struct import_files *);
/* Adds an argument; false when out of memory. "-" is standard input. */
bool import_files_add(struct import_files *, const char *path);
/* To standard error, with what a terminal would act on escaped, "spanctl: " before it. */
void import_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
