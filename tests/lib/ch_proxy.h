/* SPDX-License-Identifier: ISC */
/*
 * ch_proxy: stands before the server of tests/clickhouse on 127.0.0.1 and does to its answers what
 * a test says. An answer is asked of the server once and kept, by the question's text and
 * parameters, so that a thousand faults take a second. A fault of a compressed body is compressed as
 * that is, and a body made up has its encoding. A thread for each connection; it ends with
 * the program. KILL QUERY is answered here, and counted.
 */
#ifndef TESTS_CH_PROXY_H
#define TESTS_CH_PROXY_H

#include "base/buf.h"
#include "lib/ch_server.h"

enum ch_fault_kind {
	FAULT_NONE,
	FAULT_CLOSE,		/* no answer at all */
	FAULT_CUT,		/* `at` bytes of the answer, head and all, and the end of the connection */
	FAULT_RESET,		/* the same, and a reset */
	FAULT_SHORT,		/* `at` bytes of the body, in an answer that is complete to HTTP */
	FAULT_FLIP,		/* bit `more` of byte `at` */
	FAULT_BODY,		/* 200, and `text` */
	FAULT_RAW,		/* `text` is all: no HTTP need be in it */
	FAULT_OTHER,		/* the answer to the question that has `text` in it, asked before */
	FAULT_STATUS,		/* status `more`, and `text` */
	FAULT_ENCODING,		/* the answer, as if it were plain, gzip, zstd, or another: `more` of 0 to 3 */
	FAULT_TAGGED,		/* `at` bytes of the body, unpacked, and an exception behind, as of 25.11, */
	FAULT_MARKED,		/* as of 24.11, */
	FAULT_APPENDED,		/* as before that */
	FAULT_ENDLESS,		/* the body, and what is behind its `at`th byte again and again */
	FAULT_SILENT,		/* nothing, until the client goes */
	FAULT_SLOW,		/* a byte at a time, 20 ms between them */
	N_FAULTS,
};

struct ch_fault {
	enum ch_fault_kind kind;
	const char *only;	/* questions that have this in them; NULL: all */
	unsigned times;		/* so many of these; 0: all */
	size_t at;
	unsigned more;
	struct sv text;
};

struct ch_proxy;

struct ch_proxy *ch_proxy_open(const struct ch_server *);
void ch_proxy_close(struct ch_proxy *);
unsigned ch_proxy_port(const struct ch_proxy *);
/* NULL: none. What is under way goes on as it began. */
void ch_proxy_set(struct ch_proxy *, const struct ch_fault *);
/* Questions that the fault met since it was set. */
unsigned ch_proxy_met(struct ch_proxy *);
unsigned ch_proxy_kills(struct ch_proxy *);
/* Of the question with this text, asked before: the answer's bytes, and of its body, and of that unpacked. */
struct sv ch_proxy_answer(struct ch_proxy *, const char *text, size_t *body_bytes, size_t *plain_bytes);
/* Forgets the answers, also those of ch_proxy_answer: the server has others now. */
void ch_proxy_forget(struct ch_proxy *);
/* Waits until no connection is open; false after ten seconds. */
bool ch_proxy_idle(struct ch_proxy *);

#endif
