/* SPDX-License-Identifier: ISC */
/*
 * ch_client: questions to a ClickHouse server, by HTTP, and the bytes of their answers.
 *
 * A client is one server and one user, with a pool of connections; several threads may ask at
 * once, each with a reply of its own. A question only reads (readonly=2) unless it says otherwise,
 * has a deadline that is sent along, and an id, by which it is killed on the server when it is left
 * before its end.
 *
 * Answers come in pieces, in bounded memory. The last ANSWER_KEPT bytes of a body are kept back
 * until it is complete, since a server that fails behind the first rows writes so at the end:
 * with a mark (24.11 and later, and a tag in 25.11) or as bare text. The last two are told from
 * data exactly if the rows of a question end in a column of one byte that is 1; ask so.
 * A body that breaks off, or whose length nobody said, is an error. One that is compressed, gzip or
 * zstd, is unpacked as it is read, and all of this is said of the bytes that come of it; it may not
 * end within a frame.
 *
 * Failures carry the server's words, without the password and with control characters escaped:
 *   ERR_ACCESS   401, 403, and the codes for users and passwords
 *   ERR_TIMEOUT  the deadline, here or there
 *   ERR_NOMEM    the server's limit of memory
 *   ERR_LIMIT    its limits of rows and bytes
 *   ERR_BUSY     503, too many queries at once
 *   ERR_TOOBIG   413, 414, and a question that fits no URL
 *   ERR_CANCELLED  *cancel was set
 *   ERR_IO       all else: out of reach, a broken answer, any other exception. 404 is no sign of
 *                missing data: `schema` in the outcome says that a table or a column is not there
 *
 * Asked again, at most twice and with a pause before: what found no server, or a connection that
 * had been closed, before any byte came; and 503. One that writes only if no server was found: of
 * any other failure nobody knows whether it was done. A server that was out of reach five times in
 * a row is left alone for a while: questions fail at once, but for one that tries.
 */
#ifndef CLICKHOUSE_CH_CLIENT_H
#define CLICKHOUSE_CH_CLIENT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/ch_pack.h"

#define ANSWER_KEPT (17u << 10)
#define ANSWER_AHEAD (256u << 10)	/* of a body, at most this is held beside it */
#define QUESTION_URL_MAX (1000u << 10)	/* servers take 1 MiB */

struct ch_client;
struct ch_reply;

struct ch_options {
	struct sv url;		/* http[s]://host[:port], no more */
	struct sv database, user, password;	/* "" of user and database: the server's default */
	struct sv ca_file;	/* "": the system's */
	uint64_t timeout_ns;	/* the longest that a question may take; > 0 */
	uint64_t max_memory;	/* of a question, on the server; 0: as the server has it */
	enum ch_packing packing;	/* in which long answers may come; zstd: or gzip, where a server has no other */
};

/* A parameter of a query: {name:Type} in its text. The value as ch_param_* write it. */
struct ch_param {
	struct sv name, value;
};

struct ch_question {
	struct sv sql;
	const struct ch_param *params;
	size_t n_params;
	struct sv format;		/* "RowBinaryWithNamesAndTypes" */
	struct sv comment;		/* for the server's log; may be empty */
	uint64_t deadline_ns;		/* of clock_mono_ns, if the options' timeout is later; 0: none */
	const atomic_bool *cancel;	/* may be NULL */
	struct sv id;			/* of the query, up to 47 bytes; empty: one is made */
	const struct ch_writing *writing;	/* NULL: it only reads */
	bool packs;			/* the answer may be long: it comes compressed, if the options say in what */
	bool first;			/* it sorts for few rows: skip indexes serve that while it reads */
};

/* Of a question that writes. */
struct ch_writing {
	/* Rows behind an INSERT, whole; then the statement goes into the URL. Borrowed until ch_close. */
	struct sv data;
	const char *encoding;		/* of the data: "gzip", "zstd"; NULL: none */
	struct sv token;		/* by which a server that keeps such knows an INSERT again; or empty */
	bool outside;			/* not in the database of the options, which need not be there */
	bool distributed;		/* into a Distributed table: done is done on its servers */
};

/* What a server said of a question, failed or not. */
struct ch_outcome {
	int status;			/* of HTTP; 0: no answer */
	int code;			/* of the exception; 0: none, or it named none */
	bool schema;			/* a table, column, database or function is not there */
	unsigned tries;
	char id[48];
	/* As X-ClickHouse-Summary says, which may be early. */
	uint64_t read_rows, read_bytes, elapsed_ns;
};

int ch_client_new(const struct ch_options *, struct ch_client **, struct err *) WARN_UNUSED;
/* No reply may be open. NULL is allowed. */
void ch_client_free(struct ch_client *);
/* The longest that a question of it may take, ns. */
uint64_t ch_client_timeout(const struct ch_client *);

/* What was asked of the server since the client was made. */
struct ch_counts {
	uint64_t asked, retried;	/* questions; tries of them after the first */
	uint64_t failed;		/* that ended in an error, but for those that were cancelled */
	uint64_t killed;		/* left before their end, and stopped over there */
	uint64_t read_rows, read_bytes;	/* that the server read, as it says */
	uint64_t received;		/* bytes of answers, as they came, their heads left out */
	uint64_t left_alone;		/* times that it was out of reach so often that it was */
	bool up;			/* it is not, now */
};
void ch_client_counts(struct ch_client *, struct ch_counts *);

/* Returns once the first bytes are there, or the answer is complete. *outcome is always written, if not NULL. */
int ch_ask(struct ch_client *, const struct ch_question *, struct ch_outcome *,
    struct ch_reply **, struct err *) WARN_UNUSED;
/* Bytes of the body, at least one, good until the next call; >0: it was complete. */
int ch_read(struct ch_reply *, struct sv *out, struct err *) WARN_UNUSED;
const struct ch_outcome *ch_reply_outcome(const struct ch_reply *);
/* Kills the query on the server if it may still run; waits for that, a second at most. NULL is allowed. */
void ch_close(struct ch_reply *);

/* The first line of a file, without its end; the file may be no more than 4 KiB. */
int ch_password(const char *path, struct buf *, struct err *) WARN_UNUSED;

/* Values of parameters of type String and Array(String); any bytes. */
void ch_param_string(struct buf *, struct sv);
void ch_param_strings(struct buf *, const struct sv *, size_t n);

#endif
