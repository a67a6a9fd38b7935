/* SPDX-License-Identifier: ISC */
/*
 * redis_rig: a real redis-server of the test's own, on a Unix socket in a directory that goes with
 * it (and on a port of 127.0.0.1, if asked for), and a proxy before it that spoils replies. The
 * server dies with the test. What goes wrong here fails the test.
 */
#ifndef LIB_REDIS_RIG_H
#define LIB_REDIS_RIG_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

struct redis_rig {
	char dir[64];
	char sock[96];
	char url[112];			/* of the socket */
	pid_t pid;
};

/* A directory, and the server; more: arguments for it, NULL at the end, or NULL. */
void redis_rig_open(struct redis_rig *, const char *const *more);
void redis_rig_close(struct redis_rig *);
/* The server alone, again, and without a word. */
void redis_rig_start(struct redis_rig *, const char *const *more);
void redis_rig_kill(struct redis_rig *);
void redis_rig_signal(struct redis_rig *, int);
/* Asks it: words with blanks between. The reply's text (of a string its bytes) is appended. */
void redis_rig_ask(const struct redis_rig *, const char *words, struct buf *reply);
/* SET of any bytes; *old (may be NULL) gets those that were there. */
void redis_rig_set(const struct redis_rig *, struct sv key, struct sv value);
/* The one key of the server: appended. */
void redis_rig_only_key(const struct redis_rig *, struct buf *);
/* A port that nobody has at this moment. */
unsigned redis_rig_port(void);

enum spoil {
	SPOIL_NOT,
	SPOIL_SILENT,		/* nothing comes */
	SPOIL_LATE,		/* `at` ms later */
	SPOIL_SHIFT,		/* each reply is that to the question before */
	SPOIL_CUT,		/* after `at` bytes the connection is closed */
	SPOIL_HANG,		/* after `at` bytes nothing comes */
	SPOIL_DRIP,		/* a byte each 5 ms */
	SPOIL_FLIP,		/* byte `at` is another */
	SPOIL_TEXT,		/* `text` in its place */
	SPOIL_ENDLESS,		/* `text`, and then bytes without end */
};

struct redis_proxy {
	char sock[96], url[112];
	const struct redis_rig *rig;
	int fd;				/* listens */
	int wake[2];			/* closed at the end */
	pthread_t thread;
	atomic_int spoil;
	atomic_uint at;
	_Atomic(const char *) text;
	atomic_uint n_conns, n_replies;
	atomic_uint n_threads;
};

void redis_proxy_open(struct redis_proxy *, const struct redis_rig *);
void redis_proxy_close(struct redis_proxy *);
void redis_proxy_spoil(struct redis_proxy *, enum spoil, unsigned at, const char *text);

#endif
