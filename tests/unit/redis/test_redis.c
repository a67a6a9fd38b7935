/* SPDX-License-Identifier: ISC */
/*
 * Unit tests of redis against the real server: what is put comes back, whole or not at all, also
 * when the server is killed, stopped, flushed, full, started again, or wants a password.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lib/redis_rig.h"
#include "redis/redis.h"

#define MS 1000000ull
#define USUAL (10000 * MS)	/* a machine that has other things to do is no fault of the server's */
#define QUICK (400 * MS)		/* where it is the server that does not answer */
#define SLACK (900 * MS)
#define PATIENCE (20000 * MS)

static const unsigned char secret[REDIS_SECRET_BYTES] = "thirty-two bytes of some secret";
static const unsigned char other_secret[REDIS_SECRET_BYTES] = "thirty-two bytes of some secreT";

static uint64_t timeout;	/* in force */

static struct redis_options
options(const char *url)
{
	timeout = USUAL;
	return (struct redis_options){ .url = sv_cstr(url), .prefix = SV("t:"), .ttl_ns = 60000 * MS,
	    .timeout_ns = USUAL, .max_value = 1 << 20, .secret = secret, .retry_ns = 20 * MS };
}

/* Of a server that will be stopped. */
static void
be_quick(struct redis_options *o)
{
	o->timeout_ns = timeout = QUICK;
}

static struct redis *
new_redis(const struct redis_options *o)
{
	struct redis *r = NULL;

	assert_int_equal(redis_new(o, &r, NULL), 0);
	return r;
}

static struct redis_counts
counts(struct redis *r)
{
	struct redis_counts c;

	redis_counts(r, &c);
	return c;
}

static void
nap(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

static void
put(struct redis *r, const char *key, const char *text)
{
	struct buf b = BUF_INIT;

	buf_str(&b, text);
	redis_put(r, sv_cstr(key), &b);
	assert_null(b.p);
}

/* What was put is written, or dropped. */
static void
settle(struct redis *r)
{
	uint64_t end = clock_mono_ns() + PATIENCE;
	struct redis_counts c;

	for (;;) {
		c = counts(r);
		if (c.puts == c.written + c.dropped + c.too_large + c.refused)
			return;
		assert_true(clock_mono_ns() < end);
		nap();
	}
}

static void
wait_for_state(struct redis *r, const char *state)
{
	uint64_t end = clock_mono_ns() + PATIENCE;

	while (strcmp(redis_state(r), state) != 0) {
		assert_true(clock_mono_ns() < end);
		nap();
	}
}

/* Gets, in time; the text, or NULL. */
static bool
has(struct redis *r, const char *key, const char *text)
{
	struct buf b = BUF_INIT;
	uint64_t begin = clock_mono_ns();
	int got = redis_get(r, sv_cstr(key), &b);

	assert_true(clock_mono_ns() - begin < timeout + SLACK);
	if (got)
		assert_true(sv_is(buf_view(&b), text));
	else
		assert_int_equal(b.n, 0);
	buf_release(&b);
	return got != 0;
}

static void
put_and_settle(struct redis *r, const char *key, const char *text)
{
	put(r, key, text);
	settle(r);
}

static bool
says(struct redis *r, const char *text)
{
	struct buf b = BUF_INIT;
	bool found;

	redis_print(r, &b);
	found = sv_find(buf_view(&b), sv_cstr(text)) >= 0;
	buf_release(&b);
	return found;
}

/* ---- what it is for ---- */

static void
what_is_put_comes_back_to_others(void **state)
{
	struct redis_rig g;
	struct redis_options o;
	struct redis *a, *b;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	a = new_redis(&o);
	b = new_redis(&o);
	assert_string_equal(redis_state(a), "idle");
	assert_false(has(a, "key", ""));
	assert_string_equal(redis_state(a), "connected");
	put_and_settle(a, "key", "text");
	put_and_settle(a, "empty", "");
	assert_true(has(b, "key", "text"));
	assert_true(has(b, "empty", ""));
	assert_false(has(b, "kez", ""));
	assert_int_equal(counts(a).written, 2);
	assert_int_equal(counts(b).hits, 2);
	assert_int_equal(counts(b).hit_bytes, 4);
	assert_int_equal(counts(b).misses, 1);
	assert_int_equal(counts(b).connects, 1);
	redis_free(a);
	redis_free(b);
	redis_rig_close(&g);
}

static void
strangers_never_meet(void **state)
{
	struct redis_rig g;
	struct redis_options o;
	struct redis *a, *b, *c;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	a = new_redis(&o);
	o.secret = other_secret;
	b = new_redis(&o);
	o = options(g.url);
	o.prefix = SV("u:");
	c = new_redis(&o);
	put_and_settle(a, "key", "of a");
	assert_false(has(b, "key", ""));
	assert_false(has(c, "key", ""));
	put_and_settle(b, "key", "of b");
	assert_true(has(a, "key", "of a"));
	assert_true(has(b, "key", "of b"));
	redis_free(a);
	redis_free(b);
	redis_free(c);
	redis_rig_close(&g);
}

static void
many_keys_take_one_round(void **state)
{
	enum { N = 100 };
	struct buf names[N], outs[N];
	struct sv keys[N];
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;
	bool found[N];

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	for (unsigned i = 0; i < N; i++) {
		names[i] = outs[i] = (struct buf)BUF_INIT;
		buf_printf(&names[i], "key %u", i);
		keys[i] = buf_view(&names[i]);
		if (i % 3 != 0)
			put(r, buf_cstr(&names[i]), buf_cstr(&names[i]));
	}
	settle(r);
	assert_int_equal(redis_get_many(r, keys, N, outs, found), 66);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(found[i], i % 3 != 0);
		assert_true(sv_eq(buf_view(&outs[i]), found[i] ? keys[i] : SV_EMPTY));
		buf_release(&names[i]);
		buf_release(&outs[i]);
	}
	assert_int_equal(redis_get_many(r, keys, 0, outs, found), 0);
	redis_free(r);
	redis_rig_close(&g);
}

static void
values_end_with_their_time(void **state)
{
	struct buf key = BUF_INIT, ttl = BUF_INIT, ask = BUF_INIT;
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	o.ttl_ns = 77000 * MS;
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	redis_rig_only_key(&g, &key);
	buf_printf(&ask, "PTTL %s", buf_cstr(&key));
	redis_rig_ask(&g, buf_cstr(&ask), &ttl);
	assert_in_range(atoi(buf_cstr(&ttl)), 60000, 77000);
	redis_free(r);
	redis_rig_close(&g);
	buf_release(&key);
	buf_release(&ttl);
	buf_release(&ask);
}

static void
a_value_that_is_too_large_is_not_written(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;
	struct buf b = BUF_INIT, out = BUF_INIT;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	for (size_t i = 0; b.n < o.max_value; i++)
		buf_u64(&b, i * 2654435761u);
	b.n = o.max_value;
	redis_put(r, SV("just"), &b);
	assert_true(buf_reserve(&b, o.max_value + 1));
	memset(b.p, 'x', o.max_value + 1);
	b.n = o.max_value + 1;
	redis_put(r, SV("over"), &b);
	settle(r);
	assert_int_equal(counts(r).too_large, 1);
	assert_int_equal(counts(r).written, 1);
	assert_int_equal(redis_get(r, SV("just"), &out), 1);
	assert_int_equal(out.n, o.max_value);
	assert_false(has(r, "over", ""));
	buf_release(&out);
	redis_free(r);
	redis_rig_close(&g);
}

/* Unasked, the threads don't even run: what can't be written is bounded. */
static void
the_queue_is_bounded(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis_counts c;
	struct redis *r;
	char key[16];

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	o.max_value = 1000;
	r = new_redis(&o);
	assert_false(has(r, "x", ""));
	redis_rig_signal(&g, SIGSTOP);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(key, sizeof key, "%u", i);
		put(r, key, "some text of about fifty bytes, or a few more of it");
		assert_true(counts(r).queued_bytes <= 4 * o.max_value);
	}
	assert_true(counts(r).dropped > 2000);
	redis_rig_signal(&g, SIGCONT);
	settle(r);
	c = counts(r);
	assert_int_equal(c.puts, 3000);
	assert_int_equal(c.queued, 0);
	redis_free(r);
	redis_rig_close(&g);
}

/* ---- what may happen to a server ---- */

static void
a_server_that_is_not_there_costs_one_try(void **state)
{
	struct redis_options o = options("unix:///tmp/there/is/nothing/here");
	struct redis *r;
	struct redis_counts c;

	(void)state;
	o.retry_ns = 60000 * MS;
	r = new_redis(&o);
	for (unsigned i = 0; i < 1000; i++)
		assert_false(has(r, "key", ""));
	put(r, "key", "text");
	c = counts(r);
	assert_int_equal(c.opened, 1);
	assert_int_equal(c.skipped, 1000);
	assert_int_equal(c.dropped, 1);
	assert_int_equal(c.failed + c.busy, 0);
	assert_string_equal(redis_state(r), "open");
	assert_true(says(r, "No such file or directory"));
	redis_free(r);
}

/* The first get waits, and no other: not even those that ask at the same time wait twice. */
static void
a_server_that_stopped_is_waited_for_once(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis_counts c;
	struct redis *r;
	uint64_t begin;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	o.retry_ns = 60000 * MS;
	be_quick(&o);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	redis_rig_signal(&g, SIGSTOP);
	begin = clock_mono_ns();
	for (unsigned i = 0; i < 1000; i++)
		assert_false(has(r, "key", ""));
	assert_true(clock_mono_ns() - begin < timeout + SLACK);
	c = counts(r);
	assert_int_equal(c.failed, 1);
	assert_int_equal(c.skipped, 999);
	assert_int_equal(c.opened, 1);
	assert_int_equal(c.probes, 0);
	assert_true(says(r, "no answer in time"));
	begin = clock_mono_ns();
	redis_free(r);
	assert_true(clock_mono_ns() - begin < timeout + SLACK);
	redis_rig_signal(&g, SIGCONT);
	redis_rig_close(&g);
}

struct getter {
	struct redis *r;
	pthread_t t;
	unsigned n, found;
	uint64_t longest;
};

static void *
getter_main(void *arg)
{
	struct getter *g = arg;

	for (unsigned i = 0; i < g->n; i++) {
		struct buf b = BUF_INIT;
		uint64_t begin = clock_mono_ns(), took;

		if (redis_get(g->r, SV("key"), &b)) {
			assert_true(sv_is(buf_view(&b), "text"));
			g->found++;
		}
		took = clock_mono_ns() - begin;
		if (took > g->longest)
			g->longest = took;
		buf_release(&b);
	}
	return NULL;
}

/* The longest that a get took. */
static uint64_t
get_at_once(struct redis *r, unsigned n, unsigned *found)
{
	enum { THREADS = 12 };
	struct getter g[THREADS];
	uint64_t longest = 0;

	*found = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		g[i] = (struct getter){ .r = r, .n = n };
		assert_int_equal(pthread_create(&g[i].t, NULL, getter_main, &g[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(g[i].t, NULL);
		*found += g[i].found;
		if (g[i].longest > longest)
			longest = g[i].longest;
	}
	return longest;
}

static void
many_may_get_at_once(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis_counts c;
	struct redis *r;
	unsigned found;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	(void)get_at_once(r, 500, &found);
	assert_int_equal(found, 12 * 500);
	c = counts(r);
	assert_in_range(c.connects, 2, 1 + 8);
	redis_free(r);
	o = options(g.url);
	be_quick(&o);
	o.retry_ns = 60000 * MS;
	r = new_redis(&o);
	assert_true(has(r, "key", "text"));
	redis_rig_signal(&g, SIGSTOP);
	assert_true(get_at_once(r, 100, &found) < timeout + SLACK);
	assert_int_equal(found, 0);
	c = counts(r);
	assert_int_equal(c.opened, 1);
	assert_true(c.failed + c.busy <= 12);
	redis_free(r);
	redis_rig_signal(&g, SIGCONT);
	redis_rig_close(&g);
}

/* By itself: nobody gets meanwhile. */
static void
a_server_that_comes_back_is_found_again(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis_counts c;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	be_quick(&o);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	redis_rig_signal(&g, SIGSTOP);
	assert_false(has(r, "key", ""));
	assert_string_not_equal(redis_state(r), "connected");
	redis_rig_signal(&g, SIGCONT);
	wait_for_state(r, "connected");
	c = counts(r);
	assert_int_equal(c.opened, 1);
	assert_true(c.probes >= 1);
	assert_true(has(r, "key", "text"));
	redis_free(r);
	redis_rig_close(&g);
}

static void
a_server_that_was_killed_and_started_again(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	redis_rig_kill(&g);
	assert_false(has(r, "key", ""));
	put_and_settle(r, "key", "text");
	assert_false(has(r, "key", ""));
	redis_rig_start(&g, NULL);
	wait_for_state(r, "connected");
	assert_false(has(r, "key", ""));
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	/* Between two gets, so that no one sees it down: connections are made again without a word. */
	redis_rig_kill(&g);
	redis_rig_start(&g, NULL);
	assert_false(has(r, "key", ""));
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	redis_free(r);
	redis_rig_close(&g);
}

static void
what_is_flushed_is_missed(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	redis_rig_ask(&g, "FLUSHALL", NULL);
	assert_false(has(r, "key", ""));
	assert_int_equal(counts(r).misses, 1);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	redis_free(r);
	redis_rig_close(&g);
}

static void
a_full_server_refuses_puts_alone(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	redis_rig_ask(&g, "CONFIG SET maxmemory 1", NULL);
	put_and_settle(r, "key2", "text");
	assert_int_equal(counts(r).refused, 1);
	assert_int_equal(counts(r).opened, 0);
	assert_true(has(r, "key", "text"));
	assert_false(has(r, "key2", ""));
	assert_true(says(r, "a put: refused (OOM)"));
	redis_rig_ask(&g, "CONFIG SET maxmemory 0", NULL);
	put_and_settle(r, "key2", "text");
	assert_true(has(r, "key2", "text"));
	redis_free(r);
	redis_rig_close(&g);
}

/* What others did to a value: each time a miss, and the next put makes it good. */
static void
values_that_were_tampered_with_are_missed(void **state)
{
	struct buf key = BUF_INIT, other = BUF_INIT, value = BUF_INIT, ask = BUF_INIT;
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	redis_rig_only_key(&g, &key);
	buf_printf(&ask, "GET %s", buf_cstr(&key));
	redis_rig_ask(&g, buf_cstr(&ask), &value);
	redis_rig_set(&g, buf_view(&key), sv_sub(buf_view(&value), 0, value.n - 1));
	assert_false(has(r, "key", ""));
	redis_rig_set(&g, buf_view(&key), SV("some text of somebody's"));
	assert_false(has(r, "key", ""));
	redis_rig_set(&g, buf_view(&key), SV_EMPTY);
	assert_false(has(r, "key", ""));
	assert_int_equal(counts(r).damaged, 3);
	redis_rig_set(&g, buf_view(&key), buf_view(&value));
	assert_true(has(r, "key", "text"));
	/* Under another key's name. */
	redis_rig_ask(&g, "FLUSHALL", NULL);
	put_and_settle(r, "other", "text of the other");
	redis_rig_only_key(&g, &other);
	redis_rig_set(&g, buf_view(&other), buf_view(&value));
	assert_false(has(r, "other", ""));
	assert_int_equal(counts(r).damaged, 4);
	/* Not even a string. */
	ask.n = 0;
	buf_printf(&ask, "DEL %s", buf_cstr(&key));
	redis_rig_ask(&g, buf_cstr(&ask), NULL);
	ask.n = 0;
	buf_printf(&ask, "LPUSH %s x", buf_cstr(&key));
	redis_rig_ask(&g, buf_cstr(&ask), NULL);
	assert_false(has(r, "key", ""));
	assert_int_equal(counts(r).damaged, 5);
	assert_int_equal(counts(r).opened, 0);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	redis_free(r);
	redis_rig_close(&g);
	buf_release(&key);
	buf_release(&other);
	buf_release(&value);
	buf_release(&ask);
}

static void
a_password_is_asked_for(void **state)
{
	static const char *const more[] = { "--requirepass", "open-sesame", NULL };
	struct buf url = BUF_INIT;
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, more);
	o = options(g.url);
	r = new_redis(&o);
	assert_false(has(r, "key", ""));
	assert_true(says(r, "a get: refused (NOAUTH)"));
	o.password = SV("open-barley");
	assert_int_equal(redis_set(r, &o, NULL), 0);
	assert_false(has(r, "key", ""));
	assert_true(says(r, "the password: refused (WRONGPASS)"));
	assert_false(says(r, "barley"));
	o.password = SV("open-sesame");
	assert_int_equal(redis_set(r, &o, NULL), 0);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	o.password = SV_EMPTY;
	buf_printf(&url, "unix://default:open%%2Dsesame@%s", g.sock);
	o.url = buf_view(&url);
	assert_int_equal(redis_set(r, &o, NULL), 0);
	assert_true(has(r, "key", "text"));
	assert_false(says(r, "sesame"));
	redis_free(r);
	redis_rig_close(&g);
	buf_release(&url);
}

static void
a_database_is_chosen_over_tcp(void **state)
{
	struct buf url = BUF_INIT;
	char port[8];
	const char *const more[] = { "--port", port, "--bind", "127.0.0.1", NULL };
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	snprintf(port, sizeof port, "%u", redis_rig_port());
	redis_rig_open(&g, more);
	buf_printf(&url, "redis://127.0.0.1:%s/3", port);
	o = options(buf_cstr(&url));
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	assert_true(has(r, "key", "text"));
	url.n = 0;
	buf_printf(&url, "redis://localhost:%s", port);
	o.url = buf_view(&url);
	assert_int_equal(redis_set(r, &o, NULL), 0);
	put_and_settle(r, "key2", "text");
	assert_int_equal(counts(r).written, 2);
	url.n = 0;
	redis_rig_ask(&g, "DBSIZE", &url);
	assert_true(sv_is(buf_view(&url), "1"));
	redis_free(r);
	redis_rig_close(&g);
	buf_release(&url);
}

static int
make_certificate(const struct redis_rig *g)
{
	char cmd[1024];

	snprintf(cmd, sizeof cmd, "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 "
	    "-nodes -keyout %s/key -out %s/cert -days 2 -subj /CN=localhost "
	    "-addext subjectAltName=IP:127.0.0.1 >%s/log 2>&1", g->dir, g->dir, g->dir);
	return system(cmd);
}

static void
tls_is_spoken_with_whom_one_trusts(void **state)
{
	char port[8], cert[80], key[80], log[80];
	const char *const more[] = { "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
	    "--tls-auth-clients", "no", NULL };
	struct buf url = BUF_INIT;
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	redis_rig_kill(&g);
	snprintf(port, sizeof port, "%u", redis_rig_port());
	snprintf(cert, sizeof cert, "%s/cert", g.dir);
	snprintf(key, sizeof key, "%s/key", g.dir);
	snprintf(log, sizeof log, "%s/log", g.dir);
	assert_int_equal(make_certificate(&g), 0);
	redis_rig_start(&g, more);
	buf_printf(&url, "rediss://127.0.0.1:%s", port);
	o = options(buf_cstr(&url));
	r = new_redis(&o);
	assert_int_equal(redis_get(r, SV("key"), &url), 0);
	assert_true(says(r, "certificate verify failed"));
	redis_free(r);
	setenv("SSL_CERT_FILE", cert, 1);
	r = new_redis(&o);
	unsetenv("SSL_CERT_FILE");
	put_and_settle(r, "key", "text");
	assert_int_equal(counts(r).written, 1);
	url.n = 0;
	assert_int_equal(redis_get(r, SV("key"), &url), 1);
	assert_true(sv_is(buf_view(&url), "text"));
	redis_free(r);
	(void)unlink(cert);
	(void)unlink(key);
	(void)unlink(log);
	redis_rig_close(&g);
	buf_release(&url);
}

/* ---- settings ---- */

static void
bad_urls_are_refused_without_their_passwords(void **state)
{
	static const char *const bad[] = {
		"redis", "redis:", "redis:/host", "http://host", "redis://", "redis://:secret@",
		"redis://:secret@host:port", "redis://:secret@host:0", "redis://:secret@host:65536",
		"redis://:secret@host:", "redis://:secret@host/x", "redis://:secret@host/1/2",
		"redis://:secret%@host", "redis://:secret%2@host", "redis://:secret%00@host",
		"redis://:secret@[::1", "redis://:secret@[::1]6379", "rediss://", "unix://",
		"unix://:secret@", "unix://run/socket", "redis://host:1:2",
	};
	static const char *const good[] = {
		"redis://host", "redis://host:1", "redis://host/", "redis://host:6380/15",
		"redis://[::1]", "redis://[::1]:1/2", "rediss://me:a%40b@host", "unix:///run/socket",
		"unix://:secret@/run/socket", "",
	};
	struct redis_options o = options("");
	struct redis *r;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = ERR_INIT;

		o.url = sv_cstr(bad[i]);
		assert_int_equal(redis_new(&o, &r, &e), ERR_SYNTAX);
		assert_non_null(strstr(e.msg, "expected redis://"));
		assert_null(strstr(e.msg, "secret"));
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		o.url = sv_cstr(good[i]);
		r = new_redis(&o);
		assert_false(says(r, "secret"));
		redis_free(r);
	}
}

static void
without_a_secret_it_is_off(void **state)
{
	struct redis_options o = options("unix:///run/none");
	struct redis *r;

	(void)state;
	o.secret = NULL;
	o.why_off = "the store has no identity";
	r = new_redis(&o);
	assert_string_equal(redis_state(r), "off");
	assert_false(redis_usable(r));
	assert_false(has(r, "key", ""));
	put(r, "key", "text");
	assert_int_equal(counts(r).skipped, 1);
	assert_int_equal(counts(r).dropped, 1);
	assert_true(says(r, "l2.why_off\tthe store has no identity"));
	redis_free(r);
}

/* What is in flight is of the old settings, and its end changes nothing of the new. */
static void
settings_change_while_it_is_used(void **state)
{
	struct redis_options o, off = options("");
	struct redis_rig g;
	struct redis *r;
	struct getter t;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "key", "text");
	t = (struct getter){ .r = r, .n = 2000 };
	assert_int_equal(pthread_create(&t.t, NULL, getter_main, &t), 0);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(redis_set(r, i % 3 == 2 ? &off : &o, NULL), 0);
		nap();
	}
	assert_int_equal(redis_set(r, &o, NULL), 0);
	pthread_join(t.t, NULL);
	assert_true(t.longest < timeout + SLACK);
	assert_true(has(r, "key", "text"));
	o.url = SV("nonsense");
	assert_int_equal(redis_set(r, &o, NULL), ERR_SYNTAX);
	assert_true(has(r, "key", "text"));
	redis_free(r);
	redis_rig_close(&g);
}

/* A program that puts one thing and ends. */
/* The writer has it in hand, and it takes a while to pack: it must not come after all is forgotten. */
static void
what_is_being_written_goes_with_a_drop(void **state)
{
	enum { BYTES = 900000, N = 4 };
	struct redis_options o;
	struct redis_rig g;
	struct buf size = BUF_INIT;
	struct redis *r;
	uint64_t end = clock_mono_ns() + PATIENCE, seed = 1;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put_and_settle(r, "first", "so that it is connected");
	for (unsigned i = 0; i < N; i++) {
		struct buf b = BUF_INIT;
		char key[8];

		snprintf(key, sizeof key, "%u", i);
		while (b.n < BYTES) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			buf_put(&b, &seed, sizeof seed);
		}
		redis_put(r, sv_cstr(key), &b);
	}
	while (counts(r).queued != 0)
		assert_true(clock_mono_ns() < end);
	assert_int_equal(redis_drop(r, NULL), 0);
	settle(r);
	redis_rig_ask(&g, "DBSIZE", &size);
	assert_string_equal(buf_cstr(&size), "0");
	buf_release(&size);
	redis_free(r);
	redis_rig_close(&g);
}

static void
the_end_writes_what_was_put(void **state)
{
	struct redis_options o;
	struct redis_rig g;
	struct redis *r;

	(void)state;
	redis_rig_open(&g, NULL);
	o = options(g.url);
	r = new_redis(&o);
	put(r, "key", "text");
	redis_free(r);
	r = new_redis(&o);
	assert_true(has(r, "key", "text"));
	redis_free(r);
	redis_rig_close(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_put_comes_back_to_others),
		cmocka_unit_test(strangers_never_meet),
		cmocka_unit_test(many_keys_take_one_round),
		cmocka_unit_test(values_end_with_their_time),
		cmocka_unit_test(a_value_that_is_too_large_is_not_written),
		cmocka_unit_test(the_queue_is_bounded),
		cmocka_unit_test(a_server_that_is_not_there_costs_one_try),
		cmocka_unit_test(a_server_that_stopped_is_waited_for_once),
		cmocka_unit_test(many_may_get_at_once),
		cmocka_unit_test(a_server_that_comes_back_is_found_again),
		cmocka_unit_test(a_server_that_was_killed_and_started_again),
		cmocka_unit_test(what_is_flushed_is_missed),
		cmocka_unit_test(a_full_server_refuses_puts_alone),
		cmocka_unit_test(values_that_were_tampered_with_are_missed),
		cmocka_unit_test(a_password_is_asked_for),
		cmocka_unit_test(a_database_is_chosen_over_tcp),
		cmocka_unit_test(tls_is_spoken_with_whom_one_trusts),
		cmocka_unit_test(bad_urls_are_refused_without_their_passwords),
		cmocka_unit_test(without_a_secret_it_is_off),
		cmocka_unit_test(settings_change_while_it_is_used),
		cmocka_unit_test(what_is_being_written_goes_with_a_drop),
		cmocka_unit_test(the_end_writes_what_was_put),
	};

	return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
