/* SPDX-License-Identifier: ISC */
/*
 * extract_name: the name of a file that an extract delivers, with the date in it, and which
 * files of a directory have such a name.
 */
#ifndef CMD_EXTRACT_NAME_H
#define CMD_EXTRACT_NAME_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sv.h"

/* A pattern holds a date. ERR_SYNTAX: a conversion that there is not. */
int extract_name_check(struct sv pattern, bool *dated, struct err *) WARN_UNUSED;
/* The pattern at a time: %Y %m %d %H %M %S %j, %F for %Y-%m-%d, all in UTC, and %%. */
void extract_name_print(struct buf *, struct sv pattern, uint64_t ns);

/* When a file of that name was to be delivered: later ones compare larger. */
struct name_time {
	unsigned v[6];		/* year, day of it, hour, minute, second */
};
/* False: the name is none of the pattern. */
bool extract_name_match(struct sv pattern, struct sv name, struct name_time *);

#endif
