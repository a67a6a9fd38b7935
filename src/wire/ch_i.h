/* SPDX-License-Identifier: ISC */
/* ch: what the files of a client share. */
#ifndef CH_I_H
#define CH_I_H

#include <curl/curl.h>
#include <pthread.h>

#include "wire/ch_client.h"
#include "wire/ch_pack.h"

#define POOL_IDLE 8		/* connections that are kept */
#define TRIES 3
#define PAUSE_NS 50000000ull	/* before the second try; doubled before the third */
#define WAIT_MS 20		/* between looks at the cancel flag */
#define KILL_NS 1000000000ull	/* what a kill may take */
#define CONNECT_MS 5000
#define BREAK_AFTER 5		/* failures in a row */
#define BREAK_NS 1000000000ull	/* the first rest; doubled up to BREAK_MOST_NS */
#define BREAK_MOST_NS 30000000000ull

/* One connection: a handle of curl's and the multi that keeps its socket open. */
struct ch_conn {
	CURL *easy;
	CURLM *multi;
	struct ch_conn *next;
};

/*
 * Which settings go along. A server may not know some (older ones fail on them), a user may not
 * be allowed any (readonly=1): found out by the first failure, then remembered.
 */
enum ch_settings {
	SETTINGS_ALL,
	SETTINGS_KNOWN,		/* without the newest */
	SETTINGS_NO_JSON,	/* before 24.10: it has no columns of JSON to speak of */
	SETTINGS_OLD,		/* before 21 */
	SETTINGS_NONE,
};

struct ch_client {
	struct buf url, database, user, password, ca_file;	/* each with a NUL behind */
	uint64_t timeout_ns, max_memory;
	enum ch_packing packing;	/* of long answers */
	atomic_int settings;		/* enum ch_settings */
	/* Of struct ch_counts. */
	atomic_ullong asked, retried, failed, killed, read_rows, read_bytes, received;

	pthread_mutex_t lock;		/* guards what follows */
	struct ch_conn *idle;
	unsigned n_idle;
	unsigned failures;		/* out of reach, in a row */
	uint64_t closed_until;		/* by the breaker; 0: not closed */
	uint64_t rest_ns;		/* how long it was closed last */
	uint64_t n_closed;		/* times that it was */
	bool probing;			/* somebody tries whether the server is back */
	char why[256];			/* the last failure */
};

struct ch_reply {
	struct ch_client *client;
	struct ch_conn *conn;
	struct ch_outcome outcome;
	enum ch_settings settings;	/* that it was asked with last */
	const atomic_bool *cancel;
	uint64_t deadline_ns;
	bool hurried;			/* that is who asks', and not the client's own */
	struct curl_slist *headers;
	struct buf url, sql;
	struct sv post;			/* what is sent: sql, or the data of who asks */
	bool writes, packs;		/* the answer is to be compressed */
	struct buf body;		/* [from, body.n) is not handed out yet */
	size_t from, given;		/* given: bytes that the caller looks at */
	struct buf words;		/* of an answer that is an error */
	enum ch_packing encoding;	/* of both, as they come */
	bool strange;			/* it is another */
	struct buf packed;		/* [taken, packed.n) is not unpacked yet */
	size_t taken;
	struct ch_unpack *unpack;
	char tag[33];			/* of exceptions in the body */
	char curl_words[CURL_ERROR_SIZE];
	bool head, length, paused, broken, fault;
	bool done, whole;		/* curl is; and all of the body is unpacked */
	bool started;			/* bytes of the body were handed out */
	CURLcode result;
};

/* ---- ch_pool.c ---- */
int conn_get(struct ch_client *, struct ch_conn **, struct err *) WARN_UNUSED;
/* `reuse`: nothing is left on it. */
void conn_put(struct ch_client *, struct ch_conn *, bool reuse);
/* May it be asked now? ERR_IO with why not. */
int breaker_ask(struct ch_client *, struct err *) WARN_UNUSED;
/* What came of it: `reached` or why not. */
void breaker_tell(struct ch_client *, bool reached, const char *why);
/* Nothing is known of it. */
void breaker_leave(struct ch_client *);

/* ---- ch_body.c ---- */
/* For curl, of a struct ch_reply. */
size_t on_body(char *, size_t, size_t, void *);
size_t on_header(char *, size_t, size_t, void *);
void body_clear(struct ch_reply *);
/* Is something to be unpacked? */
bool body_waits(const struct ch_reply *);
int body_unpack(struct ch_reply *, struct err *) WARN_UNUSED;
/* Of its encoding: is it one that can be unpacked, and if the body is whole, did that end? */
int body_check(const struct ch_reply *, struct err *) WARN_UNUSED;
/* Of an answer that is an error: unpacks the words, once all are there. */
void body_words(struct ch_reply *);

/* ---- ch_request.c ---- */
/* The URL and headers of a question for r; its id, deadline and settings are set. */
int request_make(struct ch_reply *r, const struct ch_question *, struct err *) WARN_UNUSED;
void query_id(char *out, size_t size);

/* ---- ch_fault.c ---- */
/* Words of the server, whatever bytes they are, as an error; completes the outcome. */
int fault_words(struct ch_reply *, struct sv words, struct err *) WARN_UNUSED;
/* A transfer that failed. */
int fault_transfer(struct ch_reply *, struct err *) WARN_UNUSED;
/* Does a complete body end in an exception? Then its words, within the bytes. */
bool fault_at_end(const char *tag, struct sv body, struct sv *words);
/* The exception that old servers write behind rows, of a body that broke off. */
bool fault_bare(struct sv body, struct sv *words);

#endif
