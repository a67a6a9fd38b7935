/* SPDX-License-Identifier: ISC */
/*
 * redis: results that several programs share, in a Redis: the second level of the cache. It may
 * save work and can do nothing else: Redis down, slow, full, flushed, restarted or hostile costs
 * the cache alone. What is got is proven whole and of that very key (redis_value.h), or it is not
 * there; no get waits longer than the timeout, and after the first that had to, a circuit breaker
 * is open: gets and puts cost nothing until a thread in the background has had an answer again.
 *
 * Connections are made by that thread only, at the first use, and puts are written by another one:
 * who gets or puts never connects, resolves a name or writes a value.
 *
 * Threads: every call is thread-safe, but for redis_free, which is the last one.
 */
#ifndef REDIS_REDIS_H
#define REDIS_REDIS_H

#include "base/buf.h"
#include "base/err.h"

struct redis;

#define REDIS_SECRET_BYTES 32

/* Everything is copied. */
struct redis_options {
	/*
	 * redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss://... (TLS), unix://[USER:PASSWORD@]/PATH;
	 * empty: off
	 */
	struct sv url;
	struct sv prefix;		/* of every key */
	struct sv password;		/* before that of the url; empty: none */
	uint64_t ttl_ns;		/* how long Redis keeps a value; 0: until it has no room */
	uint64_t timeout_ns;		/* longest that a get takes */
	size_t max_value;		/* bytes of a value, before compression: larger ones aren't put */
	const unsigned char *secret;	/* REDIS_SECRET_BYTES that Redis doesn't know; NULL: off */
	const char *why_off;		/* for redis_print, if there is a url and no secret; may be NULL */
	uint64_t retry_ns;		/* the breaker's first rest; 0: 250 ms */
};

/* ERR_SYNTAX: no such url; the message has no password. */
int redis_new(const struct redis_options *, struct redis **, struct err *) WARN_UNUSED;
/* Other settings from here on; connections of the old ones go. After a failure the old ones stay. */
int redis_set(struct redis *, const struct redis_options *, struct err *) WARN_UNUSED;
/* Writes what was put, for as long as the timeout, and ends. NULL is allowed. */
void redis_free(struct redis *);

/* False: it is off, or known to be down; nothing would come of a get or a put. */
bool redis_usable(const struct redis *);
/* It is off for want of a secret alone. */
bool redis_lacks_secret(struct redis *);
/* 1: the bytes that were put under that key are appended to out; 0: they are not to be had. */
int redis_get(struct redis *, struct sv key, struct buf *out);
/* The same of n keys in one round trip, within one timeout. outs[i] is appended to where found[i]. */
size_t redis_get_many(struct redis *, const struct sv *keys, size_t n, struct buf *outs,
    bool *found);
/*
 * The same of who has other gets, too: *waited goes up by what this one waited for the server, and all of
 * them wait no longer than the timeout. To unpack what came is no waiting.
 */
size_t redis_get_within(struct redis *, const struct sv *keys, size_t n, struct buf *outs,
    bool *found, uint64_t *waited_ns);
/*
 * To be written in the background, perhaps. Takes the bytes; *bytes is empty after it. One that is
 * too large, or for which there is no room in the queue, is dropped and counted.
 */
void redis_put(struct redis *, struct sv key, struct buf *bytes);

/*
 * Forgets all that stands there of this prefix; or some keys. Waits for it, some seconds at most; what
 * was put and is not written goes, too. ERR_UNSUPPORTED: it is off; ERR_IO, ERR_TIMEOUT, ERR_ACCESS.
 */
int redis_drop(struct redis *, struct err *) WARN_UNUSED;
int redis_forget(struct redis *, const struct sv *keys, size_t n, struct err *) WARN_UNUSED;

struct redis_counts {
	uint64_t gets, hits, hit_bytes, misses;	/* gets: all that were asked for */
	uint64_t skipped;	/* of gets: not even tried, since it is off or down */
	uint64_t busy;		/* all connections were in use for as long as the timeout */
	uint64_t failed;	/* no answer in time, none at all, or an error for an answer */
	uint64_t damaged;	/* values that were not what was put under their key */
	uint64_t puts, written, written_bytes;	/* bytes as stored */
	uint64_t dropped;	/* of puts: no room, down, or lost with a connection */
	uint64_t too_large, refused;	/* by max_value; by Redis */
	uint64_t connects, opened, probes;	/* opened: how often the breaker */
	uint64_t queued, queued_bytes;	/* now */
};
void redis_counts(struct redis *, struct redis_counts *);
/* "off", "idle" (not used yet), "connected", "open" (the breaker), "half-open". */
const char *redis_state(const struct redis *);
/* Lines for .spanfs/cache, "# l2.NAME" TAB VALUE: the state, the counts, the last failure. No secret is in it. */
void redis_print(struct redis *, struct buf *);

#endif
