/* SPDX-License-Identifier: ISC */
/* redis: see redis/redis.h; the parts are listed in redis_i.h. */
#include "redis/redis.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"
#include "value_i.h"

/* ---- its life ---- */

static void
init_conds(struct redis *r)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->changed, &attr);
	pthread_cond_init(&r->keep, &attr);
	pthread_cond_init(&r->write, &attr);
	pthread_condattr_destroy(&attr);
}

int
redis_new(const struct redis_options *o, struct redis **out, struct err *e)
{
	struct redis *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return err_nomem(e);
	if ((rc = settings_new(o, &r->settings, e)) != 0) {
		free(r);
		return rc;
	}
	pthread_mutex_init(&r->lock, NULL);
	init_conds(r);
	r->queue.last = &r->queue.first;
	atomic_init(&r->state, r->settings->off ? STATE_OFF : STATE_IDLE);
	*out = r;
	return 0;
}

int
redis_set(struct redis *r, const struct redis_options *o, struct err *e)
{
	struct settings *fresh, *old;
	int rc;

	if ((rc = settings_new(o, &fresh, e)) != 0)
		return rc;
	pthread_mutex_lock(&r->lock);
	old = r->settings;
	r->settings = fresh;
	r->epoch++;
	pool_drop_idle(r);
	queue_drop(r);
	r->rest_ns = 0;
	r->last[0] = '\0';
	atomic_store(&r->state, fresh->off ? STATE_OFF : STATE_IDLE);
	pthread_cond_broadcast(&r->changed);
	pthread_cond_broadcast(&r->keep);
	pthread_mutex_unlock(&r->lock);
	settings_unref(old);
	return 0;
}

static void
end_threads(struct redis *r)
{
	pthread_mutex_lock(&r->lock);
	atomic_store(&r->stop_at, clock_mono_ns() + r->settings->timeout_ns);
	r->stop = true;
	pthread_cond_broadcast(&r->write);
	pthread_cond_broadcast(&r->keep);
	pthread_mutex_unlock(&r->lock);
	if (r->writes)
		pthread_join(r->writer, NULL);
	/* Until here: the writer may have waited for the first connection. */
	pthread_mutex_lock(&r->lock);
	r->quit = true;
	pthread_cond_broadcast(&r->keep);
	pthread_mutex_unlock(&r->lock);
	if (r->started)
		pthread_join(r->keeper, NULL);
}

void
redis_free(struct redis *r)
{
	if (r == NULL)
		return;
	end_threads(r);
	pool_drop_idle(r);
	queue_drop(r);
	settings_unref(r->settings);
	pthread_cond_destroy(&r->changed);
	pthread_cond_destroy(&r->keep);
	pthread_cond_destroy(&r->write);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

bool
redis_usable(const struct redis *r)
{
	enum state s = atomic_load_explicit(&r->state, memory_order_relaxed);

	return s == STATE_IDLE || s == STATE_UP;
}

bool
redis_lacks_secret(struct redis *r)
{
	bool lacks;

	if (atomic_load_explicit(&r->state, memory_order_relaxed) != STATE_OFF)
		return false;
	pthread_mutex_lock(&r->lock);
	lacks = r->settings->off && r->settings->url.host != NULL;
	pthread_mutex_unlock(&r->lock);
	return lacks;
}

/* ---- put ---- */

void
redis_put(struct redis *r, struct sv key, struct buf *bytes)
{
	struct put *p = calloc(1, sizeof *p);
	bool fits, added = false;

	COUNT(r, puts, 1);
	if (p != NULL) {
		buf_sv(&p->key, key);
		p->bytes = *bytes;
	} else
		buf_release(bytes);
	buf_init(bytes);
	pthread_mutex_lock(&r->lock);
	fits = p == NULL || p->bytes.n <= r->settings->max_value;
	if (fits && p != NULL && !p->key.oom && !p->bytes.oom)
		added = redis_usable(r) && !r->stop && threads_start(r) && r->writes &&
		    queue_add(r, p);
	pthread_mutex_unlock(&r->lock);
	if (!fits)
		COUNT(r, too_large, 1);
	else if (!added)
		COUNT(r, dropped, 1);
	if (!added && p != NULL)
		put_free(p);
}

/* ---- get ---- */

struct ask {
	struct redis *r;
	struct conn *c;
	struct limit lim;
	const struct sv *keys;
	size_t n;
	struct buf *outs;
	bool *found;
	size_t n_found, n_replies;
	bool damaged;		/* a value that is not what was put there */
};

static int
send_gets(struct ask *a, struct err *e)
{
	const struct settings *s = a->c->settings;
	int rc = 0;

	for (size_t i = 0; i < a->n && rc == 0; i++) {
		struct value_keys keys = { s->secret, a->keys[i] };
		struct buf name = BUF_INIT;

		if ((rc = value_name(&keys, sv_cstr(s->prefix), &name, e)) == 0) {
			const struct word words[] = { { "GET", 3 }, { name.p, name.n } };

			rc = conn_add(a->c, words, 2, e);
		}
		buf_release(&name);
	}
	return rc != 0 ? rc : conn_flush(a->c, &a->lim, e);
}

static void
take_value(struct ask *a, size_t i, struct sv stored, struct err *e)
{
	const struct settings *s = a->c->settings;
	struct value_keys keys = { s->secret, a->keys[i] };
	size_t before = a->outs[i].n;
	int rc = value_open(&keys, stored, s->max_value, &a->outs[i], e);

	if (rc == 0) {
		a->found[i] = true;
		a->n_found++;
		atomic_store_explicit(&a->r->damaged_row, 0, memory_order_relaxed);
		COUNT(a->r, hits, 1);
		COUNT(a->r, hit_bytes, a->outs[i].n - before);
		return;
	}
	a->outs[i].n = before;
	a->damaged |= rc == ERR_CORRUPT;
	if (rc == ERR_CORRUPT)
		COUNT(a->r, damaged, 1);
	else
		COUNT(a->r, failed, 1);
}

/* An error for one key, of which Redis has something that is no string, says nothing of others. */
static int
take_reply(struct ask *a, size_t i, const struct reply *reply, struct err *e)
{
	uint64_t begun;

	a->n_replies++;
	switch (reply->kind) {
	case REPLY_BYTES:
		/* The timeout is for what the server takes; unpacking what came is no wait for it. */
		begun = clock_mono_ns();
		take_value(a, i, buf_view(&reply->bytes), e);
		a->lim.deadline += clock_mono_ns() - begun;
		return 0;
	case REPLY_NIL:
		COUNT(a->r, misses, 1);
		return 0;
	case REPLY_ERROR:
		if (strcmp(reply->code, "WRONGTYPE") != 0)
			return err_set(e, ERR_IO, -1, "a get: refused (%s)", reply->code);
		COUNT(a->r, damaged, 1);
		return 0;
	default:
		return err_set(e, ERR_CORRUPT, -1, "what it answers is no reply to what was asked");
	}
}

static int
read_gets(struct ask *a, struct err *e)
{
	const struct reply *reply;
	int rc;

	for (size_t i = 0; i < a->n; i++)
		if ((rc = conn_read(a->c, &a->lim, &reply, e)) != 0 ||
		    (rc = take_reply(a, i, reply, e)) != 0) {
			COUNT(a->r, failed, a->n - i);
			return rc;
		}
	return 0;
}

/* One that gave half of what was asked for in time is not down, and was asked for much. */
static bool
is_fault(const struct ask *a, int rc)
{
	return rc != 0 && rc != ERR_NOMEM && (rc != ERR_TIMEOUT || 2 * a->n_replies < a->n ||
	    a->n_replies == 0);
}

static void
ask_all(struct ask *a)
{
	struct err why = ERR_INIT;
	int rc = send_gets(a, &why);

	if (rc != 0)
		COUNT(a->r, failed, a->n);
	else
		rc = read_gets(a, &why);
	/* A damaged value may be the reply to another get: what follows would be, too. */
	pool_give(a->r, a->c, rc != 0 || a->damaged ? &why : NULL, is_fault(a, rc));
	if (rc == 0 && a->damaged && atomic_fetch_add(&a->r->damaged_row, 1) + 1 >= DAMAGED_MAX)
		pool_distrust(a->r);
}

size_t
redis_get_within(struct redis *r, const struct sv *keys, size_t n, struct buf *outs, bool *found,
    uint64_t *waited_ns)
{
	struct ask a = { .r = r, .keys = keys, .n = n, .outs = outs, .found = found };
	uint64_t begun = clock_mono_ns(), timeout, allowed;

	COUNT(r, gets, n);
	for (size_t i = 0; i < n; i++)
		found[i] = false;
	pthread_mutex_lock(&r->lock);
	timeout = r->settings->timeout_ns;
	pthread_mutex_unlock(&r->lock);
	if (n == 0 || *waited_ns >= timeout || !redis_usable(r)) {
		COUNT(r, skipped, n);
		return 0;
	}
	allowed = timeout - *waited_ns;
	a.lim.deadline = begun + allowed;
	if ((a.c = pool_take(r, n, a.lim.deadline)) != NULL)
		ask_all(&a);
	/* The deadline was moved by as much as was no waiting. */
	*waited_ns += clock_mono_ns() - begun - (a.lim.deadline - begun - allowed);
	return a.n_found;
}

size_t
redis_get_many(struct redis *r, const struct sv *keys, size_t n, struct buf *outs, bool *found)
{
	uint64_t waited_ns = 0;

	return redis_get_within(r, keys, n, outs, found, &waited_ns);
}

int
redis_get(struct redis *r, struct sv key, struct buf *out)
{
	bool found;

	return redis_get_many(r, &key, 1, out, &found) == 1;
}
