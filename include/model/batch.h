/* SPDX-License-Identifier: ISC */
/*
 * batch: rows on their way from exec to a format. One batch holds rows of one kind, in
 * result order; they are borrowed and valid until the next batch is asked for.
 */
#ifndef MODEL_BATCH_H
#define MODEL_BATCH_H

#include "model/span.h"

enum row_kind { ROW_SPAN, ROW_TRACE, ROW_EVENT, ROW_LINK, ROW_COUNT };

struct span_row {
	const struct span *span;
	const struct trace_facts *trace;	/* NULL unless a trace field is selected or sorted by */
	uint32_t child_count;			/* valid with trace */
};

struct trace_row {
	struct trace_facts facts;
	uint64_t n_matched;		/* spans that the query selects */
};

struct event_row {
	const struct span *span;
	const struct event *event;
};

struct link_row {
	const struct span *span;
	const struct link *link;
};

#define BATCH_ROWS 1024		/* the usual size */

struct batch {
	enum row_kind kind;
	size_t n;		/* rows (ROW_COUNT: 1) */
	union {
		const struct span_row *spans;
		const struct trace_row *traces;
		const struct event_row *events;
		const struct link_row *links;
		uint64_t count;
	};
};

#endif
