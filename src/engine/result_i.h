/* SPDX-License-Identifier: ISC */
/*
 * result_i: what the files of a result share.
 *
 *   result        who holds it, what is told of it      result.c
 *   result_ask    stat, open and read                   result_ask.c
 *   result_wait   those who wait for it                 result_wait.c
 *   result_run    its making                            result_run.c
 */
#ifndef ENGINE_RESULT_I_H
#define ENGINE_RESULT_I_H

#include "engine_i.h"

/* ---- under result.lock ---- */

/* A thread owns its request, or will. */
static inline bool
result_at_work(const struct result *r)
{
	return r->state != RESULT_IDLE && r->state != RESULT_DONE;
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

/* ---- under no lock ---- */

/* Answers waits that were taken. */
void result_answer(struct result *, struct wait *);
void result_make_here(struct result *);
/* It is settled: perhaps its last user left while it was at work, and it counted for little. */
void result_recount(struct result *);
/* Takes it out of the engine's table; if_unused: only when nobody uses it. */
void result_forget(struct result *, bool if_unused);

#endif
