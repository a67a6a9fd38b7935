/* SPDX-License-Identifier: ISC */
/*
 * redis_breaker: whether the server is asked.
 *
 *   IDLE --first use--> UP --no answer--> OPEN --after a rest--> TRYING --an answer--> UP
 *                                           ^                       |
 *                                           +------- no answer -----+
 *
 * While it is OPEN or TRYING nobody but the keeper (redis_keeper.c) asks. Each rest is twice as long
 * as the one before, until there was no failure for CALM_NS: so a server that answers now and then
 * costs little, too.
 */
#include <stdio.h>

#include "base/clock.h"
#include "redis_i.h"

static void
set_state(struct redis *r, enum state state)
{
	atomic_store(&r->state, state);
	pthread_cond_broadcast(&r->changed);
	pthread_cond_broadcast(&r->keep);
	pthread_cond_broadcast(&r->write);
}

void
pool_drop_idle(struct redis *r)
{
	struct conn *c;

	while ((c = r->idle) != NULL) {
		r->idle = c->next;
		r->n_conns--;
		conn_close(c);
	}
}

void
breaker_open(struct redis *r, const struct err *why)
{
	uint64_t now = clock_mono_ns(), first = r->settings->retry_ns;
	enum state was = atomic_load(&r->state);

	snprintf(r->last, sizeof r->last, "%.*s", (int)sizeof r->last - 1, why->msg);
	r->last_at = clock_wall_ns();
	if (was == STATE_OFF || was == STATE_OPEN)
		return;
	if (r->rest_ns == 0 || now - r->failed_at > CALM_NS + r->rest_ns)
		r->rest_ns = first;
	else if ((r->rest_ns *= 2) > RETRY_MAX_NS)
		r->rest_ns = first > RETRY_MAX_NS ? first : RETRY_MAX_NS;
	r->failed_at = now;
	r->retry_at = now + r->rest_ns;
	if (was != STATE_TRYING)
		COUNT(r, opened, 1);
	atomic_store(&r->damaged_row, 0);
	pool_drop_idle(r);
	queue_drop(r);
	set_state(r, STATE_OPEN);
}

void
breaker_close(struct redis *r)
{
	if (atomic_load(&r->state) != STATE_OFF)
		set_state(r, STATE_UP);
}
