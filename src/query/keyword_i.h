/* SPDX-License-Identifier: ISC */
/*
 * keyword_i: the one table of the language's keywords. A new keyword is a row here and, if
 * it means something new, a build function in clause_filter.c, clause_page.c or clause_group.c.
 */
#ifndef QUERY_KEYWORD_I_H
#define QUERY_KEYWORD_I_H

#include "query/path.h"

#define KEYWORD_ARGS 3		/* the most arguments a keyword has */
#define NO_INTRINSIC N_INTRINSICS

enum keyword_class {
	KC_FILTER,	/* a predicate; may repeat, negate, stand in groups */
	KC_TIME, KC_SHAPE, KC_PAGE,	/* once (but for having), outside groups */
	KC_NOT, KC_ANY, KC_ALL, KC_END,
	KC_COMPARE,	/* a group of filters that stands once, outside others, and selects nothing */
	KC_SHARDS,	/* the pseudo keyword of shards/DAY/HH, at the root only */
	KC_LATER,	/* part of the language, not built yet */
};

struct clause;

struct keyword {
	const char *name;
	enum keyword_class class;
	unsigned n_args;
	enum arg_kind args[KEYWORD_ARGS];
	enum intrinsic intrinsic;	/* filters on one intrinsic; else NO_INTRINSIC */
	/* Checks the arguments given so far and, when all are, makes their meaning (clause_i.h). */
	int (*build)(struct clause *, struct err *);
};

extern const struct keyword keywords[];		/* in product.md's order */
extern const size_t n_keywords;
extern const struct keyword keyword_shards;

/* Filters stand between it and its end. */
static inline bool
keyword_opens(const struct keyword *kw)
{
	return kw->class == KC_ANY || kw->class == KC_ALL || kw->class == KC_COMPARE;
}

/* Its place in the table: the rank of its clauses in a canonical path; also its once-bit. */
unsigned keyword_rank(const struct keyword *);
/* NULL if there is none of that name. */
const struct keyword *keyword_find(struct sv);
/* The built keyword nearest to a mistyped word, or NULL if none is near. */
const char *keyword_suggest(struct sv);

#endif
