/* SPDX-License-Identifier: ISC */
/*
 * runsort: a sort of many that can be given up: as qsort_r, which ends only when all is in order.
 */
#ifndef BASE_RUNSORT_H
#define BASE_RUNSORT_H

#include <stdbool.h>
#include <stddef.h>

#define RUNSORT_RUN ((size_t)16384)	/* so many are sorted at once, and need no `tmp` */

struct runsort {
	size_t size;			/* of an element */
	int (*cmp)(const void *, const void *, void *arg);
	void *arg;
	/* Asked after each run, and now and then as they are merged: true ends it. */
	bool (*over)(void *over_arg);
	void *over_arg;
};

/*
 * Elements that are equal may come in either order. tmp: room for as many. False: it was over, and
 * some elements may be there twice, others not at all.
 */
bool runsort(const struct runsort *, void *v, void *tmp, size_t n);

#endif
