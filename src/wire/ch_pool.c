/* SPDX-License-Identifier: ISC */
/*
 * ch_pool: the connections of a client, and its breaker. A connection is kept after an answer that
 * was read to its end; one that was left is closed. While the breaker is closed to questions, one
 * may try once its rest is over; what comes of it opens the breaker or doubles the rest.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ch_i.h"
#include "base/clock.h"

static void
conn_free(struct ch_conn *c)
{
	if (c->easy != NULL)
		curl_easy_cleanup(c->easy);
	if (c->multi != NULL)
		curl_multi_cleanup(c->multi);
	free(c);
}

static int
conn_new(struct ch_conn **out, struct err *e)
{
	struct ch_conn *c = calloc(1, sizeof *c);

	if (c == NULL)
		return err_nomem(e);
	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (c->easy == NULL || c->multi == NULL) {
		conn_free(c);
		return err_nomem(e);
	}
	*out = c;
	return 0;
}

int
conn_get(struct ch_client *cl, struct ch_conn **out, struct err *e)
{
	struct ch_conn *c;

	pthread_mutex_lock(&cl->lock);
	c = cl->idle;
	if (c != NULL) {
		cl->idle = c->next;
		cl->n_idle--;
	}
	pthread_mutex_unlock(&cl->lock);
	if (c == NULL)
		return conn_new(out, e);
	*out = c;
	return 0;
}

void
conn_put(struct ch_client *cl, struct ch_conn *c, bool reuse)
{
	if (c == NULL)
		return;
	if (reuse) {
		/* What is set of an answer may not be reached by the next. */
		curl_easy_reset(c->easy);
		pthread_mutex_lock(&cl->lock);
		if (cl->n_idle < POOL_IDLE) {
			c->next = cl->idle;
			cl->idle = c;
			cl->n_idle++;
			c = NULL;
		}
		pthread_mutex_unlock(&cl->lock);
	}
	if (c != NULL)
		conn_free(c);
}

int
breaker_ask(struct ch_client *cl, struct err *e)
{
	uint64_t now = clock_mono_ns();
	int rc = 0;

	pthread_mutex_lock(&cl->lock);
	if (cl->closed_until != 0) {
		if (now < cl->closed_until || cl->probing)
			rc = err_set(e, ERR_IO, -1, "ClickHouse is out of reach (asked again in a "
			    "moment): %s", cl->why);
		else
			cl->probing = true;
	}
	pthread_mutex_unlock(&cl->lock);
	return rc;
}

void
breaker_leave(struct ch_client *cl)
{
	pthread_mutex_lock(&cl->lock);
	cl->probing = false;
	pthread_mutex_unlock(&cl->lock);
}

void
breaker_tell(struct ch_client *cl, bool reached, const char *why)
{
	pthread_mutex_lock(&cl->lock);
	cl->probing = false;
	if (reached) {
		cl->failures = 0;
		cl->closed_until = cl->rest_ns = 0;
	} else {
		snprintf(cl->why, sizeof cl->why, "%s", why);
		if (++cl->failures >= BREAK_AFTER) {
			cl->n_closed += cl->closed_until == 0;
			cl->rest_ns = cl->rest_ns == 0 ? BREAK_NS : 2 * cl->rest_ns;
			if (cl->rest_ns > BREAK_MOST_NS)
				cl->rest_ns = BREAK_MOST_NS;
			cl->closed_until = clock_mono_ns() + cl->rest_ns;
		}
	}
	pthread_mutex_unlock(&cl->lock);
}

void
ch_client_counts(struct ch_client *cl, struct ch_counts *out)
{
	*out = (struct ch_counts){
		.asked = atomic_load(&cl->asked), .retried = atomic_load(&cl->retried),
		.failed = atomic_load(&cl->failed), .killed = atomic_load(&cl->killed),
		.read_rows = atomic_load(&cl->read_rows), .read_bytes = atomic_load(&cl->read_bytes),
		.received = atomic_load(&cl->received),
	};
	pthread_mutex_lock(&cl->lock);
	out->left_alone = cl->n_closed;
	out->up = cl->closed_until == 0;
	pthread_mutex_unlock(&cl->lock);
}
