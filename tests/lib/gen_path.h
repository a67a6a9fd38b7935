/* SPDX-License-Identifier: ISC */
/*
 * gen_path: random query paths, valid by construction, from a seed: the same seed and
 * vocabulary give the same path. They cover the clauses of product.md that are there:
 * lists, every operator, groups, negation, times, sort, limit, offset, select, groups of spans, compare. Values come
 * from the vocabulary of a store, so that many queries find something, and one in eight from
 * nowhere. No file name is added; `flags` says what the file that will stand there bears.
 */
#ifndef TESTS_GEN_PATH_H
#define TESTS_GEN_PATH_H

#include "base/buf.h"

struct vocab_list {
	const struct sv *v;
	size_t n;
};

struct vocab_attr {
	struct sv field;		/* as typed: "http.route", "span.k", "event.k" */
	struct vocab_list values;	/* as text */
};

struct vocab {
	struct vocab_list services, names, scopes;
	struct vocab_list trace_ids, span_ids;	/* hex */
	struct vocab_list marks;	/* that the store has */
	const struct vocab_attr *attrs;
	size_t n_attrs;
	uint64_t min_start, max_start;
	unsigned flags;
};
#define GEN_PATH_TRACE 1u	/* filters on the whole trace may stand */
#define GEN_PATH_SORT 2u	/* by any field of a span */
#define GEN_PATH_SELECT 4u
#define GEN_PATH_PAGE 8u	/* limit and offset */
#define GEN_PATH_TIME 16u	/* since, until, on, mark */
#define GEN_PATH_ALL 31u
#define GEN_PATH_GROUPS 32u	/* rows are groups: beside the others, but for sort and select */
#define GEN_PATH_COMPARE 64u	/* rows are those of compare: alike */

/* Appends a path that begins with '/' ("/" alone for everything); *seed moves on. */
void gen_path(uint64_t *seed, const struct vocab *, struct buf *out);

#endif
