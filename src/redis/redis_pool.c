/* SPDX-License-Identifier: ISC */
/* redis_pool: idle connections, a few, and who waits for one. */
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"

void
pool_distrust(struct redis *r)
{
	struct err why = ERR_INIT;

	(void)err_set(&why, ERR_CORRUPT, -1, "its values are damaged");
	pthread_mutex_lock(&r->lock);
	breaker_open(r, &why);
	pthread_mutex_unlock(&r->lock);
}

/* ---- connections ---- */

static bool
asked(enum state s)
{
	return s == STATE_IDLE || s == STATE_UP;
}

/* Under the lock, which it gives up meanwhile: an idle one that is still good. */
static struct conn *
take_idle(struct redis *r)
{
	struct conn *c;

	while ((c = r->idle) != NULL) {
		r->idle = c->next;
		pthread_mutex_unlock(&r->lock);
		if (conn_fresh(c)) {
			pthread_mutex_lock(&r->lock);
			return c;
		}
		/* A server that was started again is no failure. */
		conn_close(c);
		pthread_mutex_lock(&r->lock);
		r->n_conns--;
	}
	return NULL;
}

/* Nobody had one for as long as the timeout. */
static void
came_none(struct redis *r, size_t n)
{
	struct err why = ERR_INIT;

	COUNT(r, busy, n);
	if (r->n_conns != 0)
		return;
	(void)err_set(&why, ERR_TIMEOUT, -1, "no connection in time");
	breaker_open(r, &why);
}

struct conn *
pool_take(struct redis *r, size_t n, uint64_t deadline)
{
	const struct timespec t = { (time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u) };
	struct conn *c = NULL;
	bool late = false;

	pthread_mutex_lock(&r->lock);
	while (asked(atomic_load(&r->state)) && !r->stop && threads_start(r) &&
	    (c = take_idle(r)) == NULL && asked(atomic_load(&r->state)) && !late) {
		r->n_waiting++;
		if (r->n_conns < POOL_CONNS)
			pthread_cond_signal(&r->keep);
		late = pthread_cond_timedwait(&r->changed, &r->lock, &t) != 0;
		r->n_waiting--;
	}
	if (c == NULL && late && asked(atomic_load(&r->state)))
		came_none(r, n);
	else if (c == NULL)
		COUNT(r, skipped, n);
	pthread_mutex_unlock(&r->lock);
	return c;
}

void
pool_give(struct redis *r, struct conn *c, const struct err *failure, bool breaks)
{
	bool keep;

	conn_trim(c);
	pthread_mutex_lock(&r->lock);
	keep = failure == NULL && c->epoch == r->epoch && asked(atomic_load(&r->state));
	if (keep) {
		c->next = r->idle;
		r->idle = c;
		pthread_cond_signal(&r->changed);
	} else
		r->n_conns--;
	if (failure != NULL && breaks && c->epoch == r->epoch)
		breaker_open(r, failure);
	else if (!keep && r->n_waiting != 0)
		pthread_cond_signal(&r->keep);
	pthread_mutex_unlock(&r->lock);
	if (!keep)
		conn_close(c);
}
