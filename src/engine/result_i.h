/* SPDX-License-Identifier: ISC */
/*
 * result_i: what the files of a result share.
 *
 *   result        who holds it, what is told of it      result.c
 *   result_ask    stat, open and read                   result_ask.c
 *   result_wait   those who wait for it                 result_wait.c
 *   result_run    its making                            result_run.c
 *   result_size   its size before its bytes, and these
 *                 where they are not kept               result_size.c
 *   result_shared the same of other programs: L2        result_shared.c
 */
#ifndef ENGINE_RESULT_I_H
#define ENGINE_RESULT_I_H

#include "engine_i.h"

/* ---- under result.lock ---- */

/* A thread owns its request, or will. */
static inline bool
result_at_work(const struct result *r)
{
	return r->state != RESULT_IDLE && r->state != RESULT_SIZED && r->state != RESULT_DONE;
}

/* Its size is exact, and may be told: it is whole, or its bytes follow. */
static inline bool
result_known(const struct result *r)
{
	return r->sized || (r->state == RESULT_DONE && r->err.code == 0);
}

/* Where its bytes have come to. */
static inline uint64_t
result_made(struct result *r)
{
	uint64_t from, to;

	if (!r->windowed)
		return blob_size(&r->blob);
	window_range(&r->window, &from, &to);
	return to;
}

/* Are bytes [from, to) there to be read? */
static inline bool
result_has(struct result *r, uint64_t from, uint64_t to)
{
	if (from >= to)
		return true;
	return r->windowed ? from >= r->going && window_has(&r->window, from, to) :
	    blob_size(&r->blob) >= to;
}

/* Known to cost more than stat may take. */
static inline bool
result_dear(const struct result *r)
{
	return r->planned && r->cost_ns > conf_u64(r->engine->conf, CONF_MOUNT_STAT_BUDGET);
}

/* From here on it is read as it comes, if anything may be. */
void result_stream(struct result *);
static inline bool
result_may_stream(const struct engine *en)
{
	return conf_u64(en->conf, CONF_MOUNT_SIZES) == SIZES_LAZY;
}
/* Unlinks the waits that may be answered now. */
struct wait *result_take_ready(struct result *, uint64_t now_mono_ns);
/*
 * Starts it, if that has not been done, for a wait of that kind; WAIT_STAT: unless it is dear.
 * 1: the caller is to make it, unlocked, by result_make_here.
 */
int result_start(struct result *, enum wait_kind, struct err *) WARN_UNUSED;

/* The same for a read; of what is SIZED it has the bytes made, unless they are there. */
int result_start_read(struct result *, uint64_t off, size_t n, struct err *) WARN_UNUSED;
/* Which bytes a read needs, of one that is sized: those before the offset that is returned. */
static inline uint64_t
result_read_end(const struct result *r, uint64_t off, size_t n)
{
	if (off >= r->size)
		return 0;
	return n >= r->size - off ? r->size : off + n;
}

/* A read was asked for: whoever makes the bytes may go on, or is to go elsewhere. */
void result_note_wait(struct result *, const struct wait *);

/* ---- under no lock ---- */

/* Answers waits that were taken. */
void result_answer(struct result *, struct wait *);
void result_make_here(struct result *);
/*
 * It is settled, its answer of that version: perhaps its last user left while it was at work, and
 * it counted for little.
 */
void result_recount(struct result *, struct hash128 version);
/* ---- result_size.c, by the thread that makes it ---- */

/*
 * Tells the size of a large result, if lengths tell it: 0, and it is SIZED. >0: it is to be made
 * now (of one that is sized: its bytes). <0: it can't be made.
 */
int result_size_ahead(struct result *, const struct blob_limits *, uint64_t deadline_mono_ns,
    struct err *) WARN_UNUSED;
/*
 * The same before it is planned, and without any shard: true, and it is SIZED. False: it is to be
 * planned.
 */
bool result_size_told(struct result *, const struct blob_limits *);
/*
 * Made whole it will hardly fit in memory, and goes into the spill file from the start: to fill
 * memory first would have the system clear twice as many pages as that has, for nothing.
 */
bool result_spills(const struct result *, const struct blob_limits *);
/*
 * Of bytes that are not kept. A run that ends early since a reader wants other
 * bytes, or none any more, has x->seeks or x->rests.
 */
struct run_ctx {
	struct result *r;
	struct run_info *info;	/* of the run */
	struct blob_limits limits;
	uint64_t stream_above;
	uint64_t again;		/* bytes to come that an earlier run made */
	bool begun;		/* windowed: a byte has come */
	bool rests;		/* stopped for want of readers, who may come back */
	bool seeks;		/* stopped, for another begin */
};

/*
 * Bytes that were made, to where they go and to those who wait for them. whole: the buffer that they are
 * all of, which may be kept, and is empty then; or NULL.
 */
int result_put(struct run_ctx *, const void *, size_t n, struct buf *whole, struct err *)
    WARN_UNUSED;

/* Where to begin, and a block for the bytes. */
int result_window_begin(struct result *, struct err *) WARN_UNUSED;
int result_window_put(struct run_ctx *, const char *, size_t n, struct err *) WARN_UNUSED;
/* All is made: until all was read, or nobody reads. */
void result_window_linger(struct run_ctx *);
/* The run is over. */
void result_window_end(struct result *);
/* Waits while it is far before its readers; to_come: bytes that are to be appended next. */
int result_hold_back(struct run_ctx *, size_t to_come, struct err *) WARN_UNUSED;

/* ERR_CORRUPT if n bytes more are too many, or (n 0: it is whole) there are too few. */
int result_check_length(struct result *, size_t n, struct err *) WARN_UNUSED;
/* Was it stopped since nobody reads it any more, though it is sized? Then it is SIZED again. */
bool result_left(struct result *);
void result_stop(struct result *, bool whole);	/* whole: it was made to the end */
/* SIZED to QUEUED if somebody waits for bytes: then the caller makes them, now. */
bool result_wanted_on(struct result *);

/* ---- result_shared.c, by the thread that makes it ---- */

/*
 * True: its bytes were in the cache L2, and are given to the sink; *code says whether that, and
 * what the path expects, is well.
 */
bool result_shared_get(struct result *, const struct sink *, struct run_info *, int *code,
    struct err *);
/* It was made, its answer has a version, and the request is not settled yet. */
void result_shared_put(struct result *);
/* By anybody: what was got and put so far. */
void result_shared_metrics(struct engine *, struct metrics *);

/* Takes it out of the engine's table; if_unused: only when nobody uses it. */
void result_forget(struct result *, bool if_unused);

#endif
