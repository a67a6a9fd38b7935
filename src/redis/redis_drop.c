/* SPDX-License-Identifier: ISC */
/*
 * redis_drop: forgets what stands in Redis: all that is this store's, or some keys. Over a connection of
 * its own, for a bounded time; a server that is left alone is asked all the same, since somebody wants it.
 */
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"
#include "value_i.h"

/*
 * A step of a walk through all names: deletes those that match, and says where to go on, in the end "0".
 * Few at a time, so that others are served between two steps.
 */
#define STEP "local r = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500) " \
	"for _, k in ipairs(r[2]) do redis.call('DEL', k) end return r[1]"

#define CURSOR_BYTES 21

/* Under the lock, which it gives up meanwhile: what the writer has in hand is written, or never will be. */
static int
wait_for_writer(struct redis *r, const struct limit *lim, struct err *e)
{
	uint64_t end = limit_end(lim);
	const struct timespec t = { (time_t)(end / 1000000000u), (long)(end % 1000000000u) };

	while (r->writing)
		if (pthread_cond_timedwait(&r->changed, &r->lock, &t) != 0)
			return err_set(e, ERR_TIMEOUT, -1, "Redis takes too long over what is being "
			    "written");
	return 0;
}

/* What is waiting to be written goes, too, and what is being written comes first. */
static int
connect(struct redis *r, const struct limit *lim, struct conn **out, struct err *e)
{
	struct settings *s;
	int rc;

	pthread_mutex_lock(&r->lock);
	queue_drop(r);
	if ((rc = wait_for_writer(r, lim, e)) != 0) {
		pthread_mutex_unlock(&r->lock);
		return rc;
	}
	s = settings_ref(r->settings);
	pthread_mutex_unlock(&r->lock);
	rc = s->off ? err_set(e, ERR_UNSUPPORTED, -1, "no Redis is in use ([redis] url)") :
	    conn_open(s, lim, out, e);
	settings_unref(s);
	return rc;
}

/* A prefix as a pattern: what means something there stands for itself. */
static void
put_pattern(struct buf *b, const char *prefix)
{
	for (; *prefix != '\0'; prefix++) {
		if (strchr("*?[]^\\", *prefix) != NULL)
			buf_putc(b, '\\');
		buf_putc(b, *prefix);
	}
	buf_putc(b, '*');
}

static int
refused(const struct reply *reply, struct err *e)
{
	return err_set(e, ERR_IO, -1, "Redis won't forget it (%s)",
	    reply->kind == REPLY_ERROR ? reply->code : "no reply to that");
}

/* *cursor: where it goes on. */
static int
step(struct conn *c, const struct limit *lim, struct sv pattern, char cursor[CURSOR_BYTES],
    struct err *e)
{
	const struct word words[] = { { "EVAL", 4 }, { STEP, sizeof STEP - 1 }, { "0", 1 },
	    { cursor, strlen(cursor) }, { pattern.p, pattern.n } };
	const struct reply *reply;
	int rc;

	if ((rc = conn_add(c, words, sizeof words / sizeof *words, e)) != 0 ||
	    (rc = conn_flush(c, lim, e)) != 0 || (rc = conn_read(c, lim, &reply, e)) != 0)
		return rc;
	if (reply->kind != REPLY_BYTES || reply->bytes.n == 0 || reply->bytes.n >= CURSOR_BYTES)
		return refused(reply, e);
	memcpy(cursor, reply->bytes.p, reply->bytes.n);
	cursor[reply->bytes.n] = '\0';
	return 0;
}

int
redis_drop(struct redis *r, struct err *e)
{
	struct limit lim = { clock_mono_ns() + DROP_NS, &r->stop_at };
	char cursor[CURSOR_BYTES] = "0";
	struct buf pattern = BUF_INIT;
	struct conn *c = NULL;
	int rc = connect(r, &lim, &c, e);

	if (rc == 0) {
		put_pattern(&pattern, c->settings->prefix);
		rc = buf_ok(&pattern, e);
	}
	if (rc == 0)
		do
			rc = step(c, &lim, buf_view(&pattern), cursor, e);
		while (rc == 0 && strcmp(cursor, "0") != 0);
	buf_release(&pattern);
	conn_close(c);
	return rc;
}

static int
add_del(struct conn *c, struct sv key, struct err *e)
{
	struct value_keys keys = { c->settings->secret, key };
	struct buf name = BUF_INIT;
	int rc = value_name(&keys, sv_cstr(c->settings->prefix), &name, e);

	if (rc == 0) {
		const struct word words[] = { { "DEL", 3 }, { name.p, name.n } };

		rc = conn_add(c, words, 2, e);
	}
	buf_release(&name);
	return rc;
}

int
redis_forget(struct redis *r, const struct sv *keys, size_t n, struct err *e)
{
	struct limit lim = { clock_mono_ns() + DROP_NS, &r->stop_at };
	const struct reply *reply;
	struct conn *c = NULL;
	int rc = connect(r, &lim, &c, e);

	for (size_t i = 0; i < n && rc == 0; i++)
		rc = add_del(c, keys[i], e);
	if (rc == 0)
		rc = conn_flush(c, &lim, e);
	for (size_t i = 0; i < n && rc == 0; i++)
		if ((rc = conn_read(c, &lim, &reply, e)) == 0 && reply->kind != REPLY_NUMBER)
			rc = refused(reply, e);
	conn_close(c);
	return rc;
}
