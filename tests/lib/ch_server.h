/* SPDX-License-Identifier: ISC */
/*
 * ch_server: the server of tests/clickhouse, started for a test program on a directory of its own.
 * $SPANFS_CHDB names the engine. It ends with the program, whatever becomes of that.
 */
#ifndef TESTS_CH_SERVER_H
#define TESTS_CH_SERVER_H

#include "wire/ch_client.h"

struct ch_server {
	int pid;
	int hold;		/* its standard input: it ends when this is closed */
	unsigned port;
	char dir[64];
	char url[64];
};

/* `options`: further arguments of server.py, up to NULL. Aborts with words if it can't be had. */
void ch_server_start(struct ch_server *, const char *scheme, const char *const *options);
void ch_server_stop(struct ch_server *);

/*
 * Debian's clickhouse-server, 18.16, in its place: users default, u (secret) and ro (pw; may set
 * nothing). `end` kills it where it stands; `again` starts it on what it left, on the same port.
 */
void ch_old_server_start(struct ch_server *);
void ch_old_server_end(const struct ch_server *);
void ch_old_server_again(struct ch_server *);
void ch_old_server_stop(struct ch_server *);

struct ch_client *ch_server_connect(const struct ch_server *, uint64_t timeout_ns);
/* Whole answers; 0 or the error. */
int ch_rows(struct ch_client *, struct sv sql, const struct ch_param *, size_t n_params,
    const char *format, struct buf *rows, struct ch_outcome *, struct err *);
/* Asked, it must fail with that error, that code of the server's, and those words. */
void ch_rows_refused(struct ch_client *, const char *sql, int want, int code, const char *words);
/* What one question of that user ends with, and its row must be right. */
int ch_server_as(const struct ch_server *, const char *user, const char *password, struct ch_outcome *,
    struct err *);
/* A statement that writes, by a request of its own; aborts if it fails. */
void ch_server_do(const struct ch_server *, struct sv sql);
/* "/test/gone/1" and what else server.py takes. */
void ch_server_tell(const struct ch_server *, const char *path);
/* INSERT ... FORMAT ..., with its rows. */
void ch_server_insert(const struct ch_server *, const char *sql, struct sv rows);

#endif
