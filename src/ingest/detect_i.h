/* SPDX-License-Identifier: ISC */
/* detect: tells from an input's first bytes what it is; names of files are not asked. */
#ifndef INGEST_DETECT_I_H
#define INGEST_DETECT_I_H

#include "base/sv.h"

#define DETECT_BYTES 1024	/* enough to look at; fewer only if the input has no more */

enum input_kind {
	INPUT_UNKNOWN,
	INPUT_EMPTY,		/* nothing, or only white space */
	INPUT_GZIP, INPUT_ZSTD, INPUT_XZ,	/* look again inside */
	INPUT_JSON,		/* objects, one or many, or lists of them */
	INPUT_TEXT,		/* a line that is no JSON; JSON may follow */
	INPUT_HOLE,		/* NUL bytes; JSON may follow */
	INPUT_PROTO,		/* one request to the end */
	INPUT_FRAMED_PROTO,	/* 4 bytes big-endian length, request; again and again */
	INPUT_FRAMED_ZSTD,	/* the same, each in a zstd frame */
	INPUT_DELIMITED_PROTO,	/* a varint, request; again and again */
	INPUT_REFUSED		/* known, and not taken */
};

struct detected {
	enum input_kind kind;
	const char *advice;	/* REFUSED: what it is and what to do */
};

/* `whole`: head is all there is. */
struct detected detect(struct sv head, bool whole);
/* What it is if there were lines before it, or a hole: JSON, TEXT, HOLE, EMPTY or UNKNOWN. */
enum input_kind detect_line(struct sv head, bool whole);
/* A result of spanfs that is made for reading: own_text.c. */
bool is_own_text(struct sv head);
/* JSON's white space and byte order mark at the start. */
size_t detect_space(struct sv head);

#endif
