/* SPDX-License-Identifier: ISC */
/*
 * redis_i: what the files of the room share.
 *
 *   url       where a Redis is, and as whom to ask it           redis_url.c
 *   settings  options as they were given, refcounted            redis_settings.c
 *   resolve   a host's addresses, without waiting beyond a time redis_resolve.c
 *   sock      bytes through a socket, for a bounded time        redis_sock.c
 *   wire      the same, connected, perhaps by TLS               redis_wire.c, redis_tls.c
 *   conn      commands and replies                              redis_conn.c
 *   queue     what was put                                      redis_queue.c
 *   breaker   whether the server is asked                       redis_breaker.c
 *   writer    the thread that writes the queue                  redis_writer.c
 *   keeper    the thread that connects, and probes              redis_keeper.c
 *   pool      idle connections                                  redis_pool.c
 *   drop      what stands there, forgotten                      redis_drop.c
 *   value     what stands in Redis                              value_i.h
 *
 * struct redis has one lock, held over no I/O and no compression.
 */
#ifndef REDIS_REDIS_I_H
#define REDIS_REDIS_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "redis/redis.h"

#define POOL_CONNS 8		/* for gets; the writer has one more */
#define RETRY_NS 250000000u	/* the breaker's first rest; it doubles up to */
#define RETRY_MAX_NS 30000000000u
#define CALM_NS 10000000000u	/* so long without a failure, and it begins anew */
#define CONNECT_NS 2000000000u	/* most that the background waits for a connection */
#define WRITE_NS 2000000000u	/* and for a batch of puts */
#define DROP_NS 5000000000u	/* and who forgets what stands there */
#define DAMAGED_MAX 8		/* values one after the other, and the breaker opens */
#define QUEUE_VALUES 4		/* the queue holds as many of the largest values, */
#define QUEUE_ENTRIES 1024	/* and at most so many */
#define BATCH_ENTRIES 64
#define BATCH_BYTES (4u << 20)

/* ---- url ---- */

enum url_kind { URL_TCP, URL_TLS, URL_UNIX };

struct url {
	enum url_kind kind;
	char *host;		/* or path */
	char *port;		/* digits */
	char *user, *password;	/* NULL: none */
	unsigned db;
};

int url_parse(struct sv, struct url *, struct err *) WARN_UNUSED;
void url_release(struct url *);
/* Without user and password. */
void url_print(const struct url *, struct buf *);

/* ---- settings ---- */

struct tls;

struct settings {
	atomic_uint refs;
	struct url url;
	char *prefix;
	struct buf password;		/* empty: none */
	uint64_t ttl_ms, timeout_ns, retry_ns;
	size_t max_value;
	bool off;
	char *why_off;			/* or NULL */
	unsigned char secret[REDIS_SECRET_BYTES];
	struct tls *tls;		/* of rediss */
};

int settings_new(const struct redis_options *, struct settings **, struct err *) WARN_UNUSED;
struct settings *settings_ref(struct settings *);
void settings_unref(struct settings *);

/* ---- until when something may take ---- */

struct limit {
	uint64_t deadline;		/* monotonic */
	const atomic_ullong *stop;	/* not 0: an earlier one; or NULL */
};

uint64_t limit_end(const struct limit *);
/* Until fd is ready for that: ERR_TIMEOUT. */
int limit_wait(const struct limit *, int fd, short events, struct err *) WARN_UNUSED;

/* ---- resolve ---- */

struct addrinfo;

/* To be freed by freeaddrinfo. */
int resolve(const char *host, const char *port, const struct limit *, struct addrinfo **,
    struct err *) WARN_UNUSED;

/* ---- wire ---- */

struct wire;

int wire_open(const struct settings *, const struct limit *, struct wire **, struct err *)
    WARN_UNUSED;
void wire_close(struct wire *);
int wire_send(struct wire *, const void *, size_t, const struct limit *, struct err *) WARN_UNUSED;
/* At least one byte; ERR_IO: the server closed it. */
int wire_recv(struct wire *, void *, size_t, size_t *got, const struct limit *, struct err *)
    WARN_UNUSED;
/* Of one that waits for nothing: false if it was closed, or something came unasked. */
bool wire_quiet(struct wire *);

/* The socket below it. */
int sock_send(int fd, const void *, size_t, const struct limit *, struct err *) WARN_UNUSED;
int sock_recv(int fd, void *, size_t, size_t *got, const struct limit *, struct err *) WARN_UNUSED;

struct tls_wire;
/* What all connections of some settings share. */
int tls_new(struct tls **, struct err *) WARN_UNUSED;
void tls_free(struct tls *);
int tls_open(struct tls *, int fd, const char *host, const struct limit *, struct tls_wire **,
    struct err *) WARN_UNUSED;
void tls_close(struct tls_wire *);
int tls_send(struct tls_wire *, const void *, size_t, const struct limit *, struct err *)
    WARN_UNUSED;
int tls_recv(struct tls_wire *, void *, size_t, size_t *got, const struct limit *, struct err *)
    WARN_UNUSED;

/* ---- conn ---- */

enum reply_kind { REPLY_NONE, REPLY_BYTES, REPLY_NIL, REPLY_STATUS, REPLY_NUMBER, REPLY_ERROR };

#define REPLY_CODE_BYTES 17

struct reply {
	enum reply_kind kind;
	struct buf bytes;		/* REPLY_BYTES */
	char code[REPLY_CODE_BYTES];	/* REPLY_ERROR: its first word; the rest may repeat what was sent */
};

#define CONN_CHUNK 65536

struct conn {
	struct settings *settings;
	struct wire *wire;
	struct redisReader *reader;
	struct buf out;			/* commands that are not sent yet */
	struct reply reply;
	struct conn *next;		/* the pool's, */
	unsigned epoch;			/* and this */
	char chunk[CONN_CHUNK];
};

struct word {
	const void *p;
	size_t n;
};

/* Connects, says who asks, and has one answer to a get. */
int conn_open(struct settings *, const struct limit *, struct conn **, struct err *) WARN_UNUSED;
void conn_close(struct conn *);
/* Not closed by the server meanwhile, and in step. */
bool conn_fresh(struct conn *);
/* Adds a command to those that conn_flush sends. */
int conn_add(struct conn *, const struct word *, size_t n, struct err *) WARN_UNUSED;
int conn_flush(struct conn *, const struct limit *, struct err *) WARN_UNUSED;
/*
 * The next reply, valid until the one after it. After a failure the connection is of no use: what
 * comes later must not be taken for another command's reply. Arrays fail: nothing asks for them.
 */
int conn_read(struct conn *, const struct limit *, const struct reply **, struct err *) WARN_UNUSED;
/* Gives back what large values took. */
void conn_trim(struct conn *);

/* ---- the whole ---- */

enum state { STATE_OFF, STATE_IDLE, STATE_UP, STATE_OPEN, STATE_TRYING };

struct put {
	struct put *next;
	struct buf key, bytes;
};

struct queue {
	struct put *first, **last;
	size_t n, bytes;
};

struct counts {
	atomic_ullong gets, hits, hit_bytes, misses, skipped, busy, failed, damaged, puts, written,
	    written_bytes, dropped, too_large, refused, connects, opened, probes;
};

struct redis {
	struct counts counts;
	_Atomic(enum state) state;	/* written under the lock */
	atomic_uint damaged_row;	/* values one after the other */
	atomic_ullong stop_at;		/* redis_free: nothing waits beyond; 0: not yet */
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t changed;		/* for gets: a connection came, or none will; for drops: a batch is done */
	pthread_cond_t keep, write;	/* for the two threads */
	struct settings *settings;
	unsigned epoch;			/* of the settings */
	bool started, writes;		/* the keeper runs, the writer does */
	bool writing;			/* the writer has a batch in hand */
	bool stop, quit;		/* the writer is to end, the keeper is */
	pthread_t keeper, writer;
	struct conn *idle;
	unsigned n_conns;		/* made, and not closed yet */
	unsigned n_waiting;		/* gets that wait for one */
	struct queue queue;
	uint64_t rest_ns, retry_at, failed_at;	/* of the breaker */
	char last[200];			/* the last failure in words; empty: none */
	uint64_t last_at;		/* wall time */
};

#define COUNT(r, what, by) atomic_fetch_add_explicit(&(r)->counts.what, (by), memory_order_relaxed)

/* ---- pool: takes the lock ---- */

/* For n gets: one that is fresh, or NULL, which is counted. */
struct conn *pool_take(struct redis *, size_t n, uint64_t deadline);
/* failure: why it is of no use, or NULL; breaks: so that the breaker opens. */
void pool_give(struct redis *, struct conn *, const struct err *failure, bool breaks);
/* Values are damaged, one after the other. */
void pool_distrust(struct redis *);

/* ---- breaker: under the lock ---- */

void breaker_open(struct redis *, const struct err *);
void breaker_close(struct redis *);
void pool_drop_idle(struct redis *);

/* ---- queue: under the lock ---- */

/* False: there is no room for it. */
bool queue_add(struct redis *, struct put *);
/* A few of the first. */
struct put *queue_take(struct redis *, size_t *n);
void queue_drop(struct redis *);
void put_free(struct put *);
size_t puts_free(struct put *);

/* ---- the threads ---- */

/* Under the lock, at the first use: false: they can't be had. */
bool threads_start(struct redis *);
void *keeper_main(void *);
void *writer_main(void *);

#endif
