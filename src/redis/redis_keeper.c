/* SPDX-License-Identifier: ISC */
/*
 * redis_keeper: the thread that connects for those that get, and that tries again, now and then,
 * while the breaker is open: so no get ever waits for a server to come back.
 */
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"

/* Under the lock. */
static bool
wants_conn(const struct redis *r)
{
	switch (atomic_load(&r->state)) {
	case STATE_IDLE:
		return r->n_waiting != 0 || r->queue.n != 0;
	case STATE_UP:
		return r->n_waiting != 0 && r->idle == NULL && r->n_conns < POOL_CONNS;
	case STATE_TRYING:
		return true;
	default:
		return false;
	}
}

/* Under the lock: until there may be something to do. */
static void
rest(struct redis *r)
{
	struct timespec t = { (time_t)(r->retry_at / 1000000000u), (long)(r->retry_at % 1000000000u) };

	if (atomic_load(&r->state) == STATE_OPEN && !r->stop)
		pthread_cond_timedwait(&r->keep, &r->lock, &t);
	else
		pthread_cond_wait(&r->keep, &r->lock);
}

/* Under the lock: a connection came, or why none did. */
static void
settle(struct redis *r, struct conn *c, const struct err *why)
{
	if (c == NULL) {
		breaker_open(r, why);
		return;
	}
	COUNT(r, connects, 1);
	r->n_conns++;
	c->next = r->idle;
	r->idle = c;
	breaker_close(r);
}

/* Under the lock, which it gives up meanwhile. */
static void
connect_one(struct redis *r)
{
	struct limit lim = { clock_mono_ns() + CONNECT_NS, &r->stop_at };
	struct settings *s = settings_ref(r->settings);
	struct err why = ERR_INIT;
	unsigned epoch = r->epoch;
	struct conn *c = NULL;

	pthread_mutex_unlock(&r->lock);
	if (conn_open(s, &lim, &c, &why) != 0)
		c = NULL;
	else
		c->epoch = epoch;
	settings_unref(s);
	pthread_mutex_lock(&r->lock);
	if (epoch == r->epoch)
		settle(r, c, &why);
	else
		conn_close(c);
}

void *
keeper_main(void *arg)
{
	struct redis *r = arg;

	pthread_mutex_lock(&r->lock);
	while (!r->quit) {
		if (atomic_load(&r->state) == STATE_OPEN && !r->stop &&
		    clock_mono_ns() >= r->retry_at) {
			COUNT(r, probes, 1);
			atomic_store(&r->state, STATE_TRYING);
		}
		if (wants_conn(r))
			connect_one(r);
		else
			rest(r);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* No signal is theirs. */
bool
threads_start(struct redis *r)
{
	sigset_t all, old;

	if (r->started)
		return true;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (pthread_create(&r->keeper, NULL, keeper_main, r) == 0) {
		r->started = true;
		r->writes = pthread_create(&r->writer, NULL, writer_main, r) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r->started;
}
