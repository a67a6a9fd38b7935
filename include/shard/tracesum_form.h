/* SPDX-License-Identifier: ISC */
/* tracesum_form: the packs of SECTION_TRACE_SUMMARY in their order, for reader, writer and check. */
#ifndef SHARD_TRACESUM_FORM_H
#define SHARD_TRACESUM_FORM_H

enum {
	TRACESUM_FIRST,		/* earliest start, less the shard's */
	TRACESUM_LENGTH,	/* latest end less earliest start, wrapping */
	TRACESUM_ERRORS,
	TRACESUM_LEAD,		/* twice its place among the trace's rows; odd: it has a parent */
	TRACESUM_DELAY,		/* its start less the earliest */
	TRACESUM_NAME,		/* code of its name */
	TRACESUM_PACKS,
};

#endif
