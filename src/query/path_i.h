/* SPDX-License-Identifier: ISC */
/*
 * path_i: a node of a path: one segment and everything the grammar knows after it, so that
 * neither a step nor a view walks back further than the clause it is in.
 */
#ifndef QUERY_PATH_I_H
#define QUERY_PATH_I_H

#include <stdatomic.h>

#include "keyword_i.h"

struct path {
	atomic_uint refs;
	struct path *parent;		/* a reference; NULL: the root */
	const struct keyword *kw;	/* of the clause this segment belongs to; NULL: the root */
	enum path_state state;
	unsigned arg;			/* PATH_ARG: the argument awaited */
	unsigned depth;			/* open groups */
	unsigned n_clauses;		/* begun so far, groups included */
	unsigned n_segs;		/* segments from the root */
	uint64_t once;			/* bits of keyword_rank: clauses that may stand once only */
	bool after_not;			/* a negation waits for its clause */
	bool group_empty;		/* nothing stands in the innermost group yet */
	bool in_shards;
	size_t n_bytes;			/* of path_print's text; 0 for the root */
	size_t n_canonical;		/* bound on the canonical text up to the last clause end */
	struct sv seg;			/* as typed, the "." or ".=" of a link taken off */
	struct sv field;		/* decoded, of the first argument of where */
	char text[];			/* both */
};

/* ---- path_place.c ---- */

/* The clause stands outside groups of filters. */
bool path_at_top(const struct keyword *);
/* Its bits in `once`. */
uint64_t path_once_bits(const struct keyword *);
/* Marks which of the expectations it is. */
int path_mark_expect(struct path *, struct sv word, struct err *);
/*
 * NULL if the clause may stand after p, else why not, as words that follow the keyword's
 * name. Limits are not looked at.
 */
const char *path_out_of_place(const struct path *, const struct keyword *);
/* Rows are groups. */
bool path_grouped(const struct path *);
/* Rows are those of compare. */
bool path_compares(const struct path *);
/* A clause that would be refused without another, or with one that is there: not listed. */
bool path_pointless(const struct path *, const struct keyword *);
/* ERR_TOOBIG if the keyword would go over a limit. */
int path_over_limit(const struct path *, const struct keyword *, struct err *);

/* ---- path.c ---- */

/* The next segment of *rest, taken off with the slashes before and after it. */
struct sv path_next_segment(struct sv *rest);
/* path_view's `link`. */
const char *path_link(const struct path *);

#endif
