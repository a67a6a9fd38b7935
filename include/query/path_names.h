/* SPDX-License-Identifier: ISC */
/*
 * path_names: the services and fields that a path names where they must be of the store: in
 * plain clauses, never under `not` or in a group. What [browse] strict_names looks at.
 */
#ifndef QUERY_PATH_NAMES_H
#define QUERY_PATH_NAMES_H

#include "base/arena.h"
#include "query/path.h"

/* Of one segment. Its items are alternatives: one that the store has is enough. */
struct path_names {
	const struct sv *services;	/* decoded */
	size_t n_services;
	const struct field *fields;	/* as parsed: a key that files show is a bare name */
	const struct sv *typed;		/* their texts, as decoded */
	size_t n_fields;
	struct sv mark;			/* or this one, of which the store must know; empty: none */
	bool columns;			/* of sort and select: where rows are groups, their columns */
	bool compares;			/* among sort's is a column of compare, which may follow */
	bool sorts;			/* the fields are sort's: a direction may be misspelt */
	size_t off;			/* of the segment in path_print's text */
};

/* What the last segment of the path names; nothing: both numbers are 0. Lives in the arena. */
int path_last_names(const struct path *, struct arena *, struct path_names *, struct err *)
    WARN_UNUSED;
/* The path without its last segment, borrowed; NULL of the root. */
const struct path *path_parent(const struct path *);

#endif
