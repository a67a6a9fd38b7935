/* SPDX-License-Identifier: ISC */
/*
 * canned: an HTTP server on 127.0.0.1 that does to a client what a test says. One connection after
 * the other is handed to a function, on a thread of the server's; it is closed when that returns.
 */
#ifndef TESTS_CANNED_H
#define TESTS_CANNED_H

#include "base/buf.h"

struct canned;

typedef void canned_fn(struct canned *, int fd, unsigned nth, void *arg);

struct canned *canned_open(canned_fn *, void *arg);
/* Waits for the function that runs. */
void canned_close(struct canned *);
unsigned canned_port(const struct canned *);
/* Is it being closed? For functions that never end by themselves. */
bool canned_stops(const struct canned *);
/* A whole request, head and body, appended; false if the client went away. */
bool canned_request(int fd, struct buf *);
/* False if the client is gone. */
bool canned_send(int fd, const void *, size_t);
/* An answer with a head and a body of one chunk. */
void canned_answer(struct buf *, int status, const char *headers, struct sv body);
/* Closes so that the client sees a reset. */
void canned_reset(int fd);

#endif
