/* SPDX-License-Identifier: ISC */
/*
 * redis_writer: the thread that writes what was put: several at a time, all commands first and then
 * all replies, over a connection of its own. What can't be written is forgotten.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"
#include "value_i.h"

static int
add_set(struct conn *c, const struct put *p, size_t *bytes, struct err *e)
{
	const struct settings *s = c->settings;
	struct value_keys keys = { s->secret, buf_view(&p->key) };
	struct buf name = BUF_INIT, value = BUF_INIT;
	char ttl[24];
	int rc;

	if ((rc = value_name(&keys, sv_cstr(s->prefix), &name, e)) == 0 &&
	    (rc = value_seal(&keys, buf_view(&p->bytes), &value, e)) == 0) {
		int n = snprintf(ttl, sizeof ttl, "%llu", (unsigned long long)s->ttl_ms);
		const struct word words[] = { { "SET", 3 }, { name.p, name.n }, { value.p, value.n },
		    { "PX", 2 }, { ttl, (size_t)n } };

		*bytes += value.n;
		rc = conn_add(c, words, s->ttl_ms == 0 ? 3 : 5, e);
	}
	buf_release(&name);
	buf_release(&value);
	return rc;
}

/* What Redis says of each; *left: those of which it said nothing. */
static int
read_replies(struct redis *r, struct conn *c, const struct limit *lim, size_t *left, struct err *e)
{
	const struct reply *reply;
	int rc;

	while (*left != 0) {
		if ((rc = conn_read(c, lim, &reply, e)) != 0)
			return rc;
		--*left;
		if (reply->kind == REPLY_STATUS)
			COUNT(r, written, 1);
		else {
			COUNT(r, refused, 1);
			pthread_mutex_lock(&r->lock);
			snprintf(r->last, sizeof r->last, "a put: refused (%s)", reply->code);
			r->last_at = clock_wall_ns();
			pthread_mutex_unlock(&r->lock);
		}
	}
	return 0;
}

/* *left: how many were not answered. */
static int
write_batch(struct redis *r, struct conn *c, const struct put *batch, size_t *left, struct err *e)
{
	struct limit lim = { clock_mono_ns() + WRITE_NS, &r->stop_at };
	size_t bytes = 0;
	int rc = 0;

	for (const struct put *p = batch; p != NULL && rc == 0; p = p->next)
		rc = clock_mono_ns() < limit_end(&lim) ? add_set(c, p, &bytes, e) :
		    err_set(e, ERR_TIMEOUT, -1, "no time to write it");
	if (rc == 0 && (rc = conn_flush(c, &lim, e)) == 0 &&
	    (rc = read_replies(r, c, &lim, left, e)) == 0)
		COUNT(r, written_bytes, bytes);
	return rc;
}

/* Its own connection, made or made again. */
static int
connect_writer(struct redis *r, struct settings *s, unsigned epoch, struct conn **c, struct err *e)
{
	struct limit lim = { clock_mono_ns() + CONNECT_NS, &r->stop_at };
	int rc;

	if (*c != NULL && (*c)->epoch == epoch && conn_fresh(*c))
		return 0;
	conn_close(*c);
	*c = NULL;
	if ((rc = conn_open(s, &lim, c, e)) == 0) {
		(*c)->epoch = epoch;
		COUNT(r, connects, 1);
	}
	return rc;
}

/* Under the lock, which it gives up meanwhile. */
static void
write_some(struct redis *r, struct conn **c)
{
	struct settings *s = settings_ref(r->settings);
	struct err why = ERR_INIT;
	unsigned epoch = r->epoch;
	size_t left;
	struct put *batch = queue_take(r, &left);
	int rc;

	r->writing = true;
	pthread_mutex_unlock(&r->lock);
	if ((rc = connect_writer(r, s, epoch, c, &why)) == 0)
		rc = write_batch(r, *c, batch, &left, &why);
	if (rc == 0)
		conn_trim(*c);
	else {
		conn_close(*c);
		*c = NULL;
	}
	puts_free(batch);
	settings_unref(s);
	COUNT(r, dropped, left);
	pthread_mutex_lock(&r->lock);
	r->writing = false;
	pthread_cond_broadcast(&r->changed);
	/* Out of memory is no fault of the server's. */
	if (rc != 0 && rc != ERR_NOMEM && epoch == r->epoch && !r->stop)
		breaker_open(r, &why);
}

/* Under the lock: is there something to write, or, when it is to end, will there be? */
static bool
wait_for_puts(struct redis *r)
{
	for (;;) {
		enum state s = atomic_load(&r->state);
		uint64_t stop = atomic_load(&r->stop_at);
		struct timespec t = { (time_t)(stop / 1000000000u), (long)(stop % 1000000000u) };

		if (r->queue.n != 0 && s == STATE_UP && (!r->stop || clock_mono_ns() < stop))
			return true;
		if (!r->stop)
			pthread_cond_wait(&r->write, &r->lock);
		else if (r->queue.n == 0 || s != STATE_IDLE ||
		    pthread_cond_timedwait(&r->write, &r->lock, &t) != 0)
			return false;
	}
}

void *
writer_main(void *arg)
{
	struct redis *r = arg;
	struct conn *c = NULL;

	pthread_mutex_lock(&r->lock);
	while (wait_for_puts(r))
		write_some(r, &c);
	pthread_mutex_unlock(&r->lock);
	conn_close(c);
	return NULL;
}
