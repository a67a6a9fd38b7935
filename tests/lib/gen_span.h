/* SPDX-License-Identifier: ISC */
/*
 * gen_span: random spans for tests, from a seed: the same seed gives the same spans. They are
 * meant to be awkward: all value types and their extremes, empty and very long strings, NUL
 * bytes, missing and wrong parents, end before start, events before their span, many keys.
 * Attribute lists are normal, ids are not zero, and resource and scope are shared by runs of
 * spans, as ingest has it.
 */
#ifndef TESTS_GEN_SPAN_H
#define TESTS_GEN_SPAN_H

#include "model/span.h"

struct gen_span_options {
	uint64_t seed;
	uint64_t start_ns, range_ns;	/* starts lie in [start_ns, start_ns + range_ns) */
	uint32_t n_services, n_traces, n_keys;	/* 0: a few */
	bool wild_times;		/* one in 20 starts anywhere in 64 bits */
	bool long_values;		/* one in 1000 has a value of some MB */
	bool ascii;			/* texts are; else some are not even UTF-8, as old shards have them */
	bool unique_ids;		/* no span id comes twice; else one in 50 does, parents alike */
};

struct gen_span {
	struct gen_span_options opts;
	uint64_t state, n;
	const struct resource *resource;	/* of the run at hand, in the batch's arena */
	const struct scope *scope;
	struct span_batch *batch;
	uint64_t last_id[16];
};

void gen_span_init(struct gen_span *, const struct gen_span_options *);
/* Adds n spans to the batch; false when out of memory. */
bool gen_span_add(struct gen_span *, struct span_batch *, size_t n);
uint64_t gen_span_random(struct gen_span *);
/* Uniform in [0, n), n > 0. */
uint64_t gen_span_below(struct gen_span *, uint64_t n);

#endif
