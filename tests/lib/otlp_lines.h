/* SPDX-License-Identifier: ISC */
/*
 * otlp_lines: OTLP JSON for tests, one request a line: plain spans with numbers that tell them
 * apart, the same every time. Span i of a set has ids made of (set, i), so sets don't meet.
 */
#ifndef TESTS_OTLP_LINES_H
#define TESTS_OTLP_LINES_H

#include "base/buf.h"
#include "ingest/ingest.h"

struct otlp_lines {
	uint32_t set;			/* part of every id */
	uint32_t from, to;		/* spans [from, to) */
	uint32_t per_line;		/* 0: 8 */
	uint32_t per_trace;		/* 0: 5 */
	uint32_t content;		/* in an attribute: equal ids may differ in it */
	uint64_t start_ns;		/* of span 0; 0: 2026-11-20T10:00Z */
	uint64_t step_ns;		/* from span to span; 0: 37 s */
	bool same_ids;			/* all spans have the ids and times of span 0, content from + i */
};

void otlp_lines(struct buf *, const struct otlp_lines *);

/* A source of these bytes, at most `chunk` at once (0: all); fails after `fail_at` bytes (0: never). */
struct text_source {
	struct sv text;
	size_t at, chunk, fail_at;
};
struct source_bytes text_source(struct text_source *);

#endif
