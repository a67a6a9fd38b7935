/* SPDX-License-Identifier: ISC */
/*
 * gen_query_mix: queries as people ask them of a store they know: built from spans that are
 * there, so that services, names, attributes and values belong together the way real ones do.
 * The same seed and spans give the same queries. The shapes stand in one table, each asked
 * in turn, with time ranges from five minutes to everything.
 */
#ifndef TESTS_GEN_QUERY_MIX_H
#define TESTS_GEN_QUERY_MIX_H

#include "base/buf.h"
#include "model/span.h"

struct query_mix {
	const struct span *spans;	/* drawn from the store; at least one */
	size_t n_spans;
	uint64_t seed;
};

struct mix_query {
	struct buf filter;	/* filter and time clauses: "/service/x/status/error" */
	struct buf tail;	/* sort, limit, select: "/limit/100", often empty */
	const char *shape;	/* name of its shape: the operator that it is about */
	const char *file;	/* the only one that it may be asked as, or NULL: any of spans */
};

/* How many shapes there are; query i has shape i modulo that. */
size_t query_mix_shapes(void);
/* Query i. The buffers are emptied first; the caller releases them. */
void query_mix_make(const struct query_mix *, size_t i, struct mix_query *);
void mix_query_release(struct mix_query *);

#endif
