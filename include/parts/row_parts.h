/* SPDX-License-Identifier: ISC */
/*
 * row_parts: rows of spans, newest first, put together from what hours gave before. The shards of a
 * partition hold the spans of one hour and no others do, so the bytes of an hour's rows that pass a
 * filter are kept (parts/part_store.h) under those shards' names; another range that holds the hour
 * whole takes them as they are, and only hours that it cuts, and those with new shards, are read.
 * Only for the default order without a page, for formats whose rows stand alone, and where
 * nothing is asked that a trace as a whole says.
 */
#ifndef PARTS_ROW_PARTS_H
#define PARTS_ROW_PARTS_H

#include "parts/part_store.h"

struct row_parts_ask {
	const struct part_store *store;
	const struct plan *plan;
	const struct pred *filter;	/* the query's: what the plan's means */
	struct sv form;			/* what else the bytes depend on: file, fields, settings */
	double least_cost;		/* estimated, of an hour whose rows are worth keeping */
};

/* Whoever has the reader. */
struct row_parts_host {
	/* Bytes of so many rows that were there. */
	int (*put)(void *arg, struct sv bytes, uint64_t n_rows, struct err *);
	/*
	 * Runs the plan for the reader. Of one whose rows are to be kept (`kept`, else NULL) their bytes
	 * are appended and their number told, and 1 returned; 0: they are too many.
	 */
	int (*run)(void *arg, const struct plan *, struct buf *kept, uint64_t *n_rows, struct err *);
	void *arg;
};

/* Of how many hours rows would be there, of how many that are worth it (0: run the plan as it is). */
int row_parts_count(const struct row_parts_ask *, size_t *there, size_t *of, struct err *)
    WARN_UNUSED;
/* All rows, in order. */
int row_parts_run(const struct row_parts_ask *, const struct row_parts_host *,
    struct parts_told *, struct err *) WARN_UNUSED;

#endif
