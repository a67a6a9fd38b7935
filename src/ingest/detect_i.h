/* SPDX-License-Identifier: ISC */
/* detect: tells from an input's first bytes what it is; names of files are not asked. */
#ifndef INGEST_DETECT_I_H
#define INGEST_DETECT_I_H

#include "base/sv.h"

#define DETECT_BYTES 1024	/* enough to look at; fewer only if the input has no more */

enum input_kind {
	INPUT_UNKNOWN,
	INPUT_EMPTY,		/* nothing, or only white space */
	INPUT_GZIP, INPUT_ZSTD,	/* look again inside */
	INPUT_JSON,		/* objects, one or many */
	INPUT_JSON_LIST,	/* a list that is not Zipkin's */
	INPUT_JAEGER, INPUT_ZIPKIN,
	INPUT_PROTO,		/* one request to the end */
	INPUT_FRAMED_PROTO,	/* 4 bytes big-endian length, request; again and again */
	INPUT_FRAMED_ZSTD	/* the same, each in a zstd frame */
};

/* `whole`: head is all there is. */
enum input_kind detect(struct sv head, bool whole);
/* JSON's white space and byte order mark at the start. */
size_t detect_space(struct sv head);

#endif
