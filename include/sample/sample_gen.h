/* SPDX-License-Identifier: ISC */
/*
 * sample_gen: sample data as OTLP JSON lines, one trace a line: a shop of a dozen
 * microservices, its queue and its assistant, with faults and one incident. Pure: the same
 * options give the same bytes.
 */
#ifndef SAMPLE_SAMPLE_GEN_H
#define SAMPLE_SAMPLE_GEN_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sample_options {
	uint64_t n_spans;	/* at least so many; the last trace is written to its end */
	uint64_t seed;
	uint64_t start_ns, end_ns;	/* traces start in [start, end), in time order */
};

/* write() gets one line at a time, newline included, and returns 0 or stops it with an error. */
int sample_generate(const struct sample_options *,
    int (*write)(void *arg, const char *line, size_t n, struct err *), void *arg,
    struct err *) WARN_UNUSED;

#endif
