/* SPDX-License-Identifier: ISC */
/*
 * redis_proxy: see redis_rig.h. Each connection has a thread, which takes what the server sends in
 * pieces: with small values a piece is a reply.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "redis_rig.h"

#define PIECE 65536

struct link {
	struct redis_proxy *p;
	int client, server;
	char piece[PIECE], last[PIECE];
	size_t n_last;
	bool hung;			/* nothing more goes to the client */
};

static void
address(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof *a);
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof a->sun_path, "%s", path);
}

/* False: the end of all. */
static bool
nap_ms(const struct redis_proxy *p, int ms)
{
	struct pollfd f = { p->wake[0], POLLIN, 0 };

	return poll(&f, 1, ms) == 0;
}

/* May not block without end: the client may have stopped reading. */
static bool
give(struct link *k, const char *s, size_t n)
{
	while (n != 0) {
		struct pollfd f[2] = { { k->client, POLLOUT, 0 }, { k->p->wake[0], POLLIN, 0 } };
		ssize_t done;

		if (poll(f, 2, -1) < 0 || f[1].revents != 0)
			return false;
		done = send(k->client, s, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (done < 0 && errno == EAGAIN)
			continue;
		if (done <= 0)
			return false;
		s += done;
		n -= (size_t)done;
	}
	return true;
}

static bool
drip(struct link *k, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!give(k, s + i, 1) || !nap_ms(k->p, 5))
			return false;
	return true;
}

static bool
endless(struct link *k, const char *text)
{
	static const char junk[4096] = "1";

	if (!give(k, text, strlen(text)))
		return false;
	while (give(k, junk, sizeof junk))
		;
	return false;
}

static bool
shift(struct link *k, size_t n)
{
	bool ok = k->n_last == 0 || give(k, k->last, k->n_last);

	memcpy(k->last, k->piece, n);
	k->n_last = n;
	return ok;
}

/* False: the connection is to be closed. */
static bool
pass_reply(struct link *k, size_t n)
{
	struct redis_proxy *p = k->p;
	const char *text = atomic_load(&p->text);
	size_t at = atomic_load(&p->at);

	atomic_fetch_add(&p->n_replies, 1);
	switch ((enum spoil)atomic_load(&p->spoil)) {
	case SPOIL_SILENT:
		k->hung = true;
		return true;
	case SPOIL_LATE:
		return nap_ms(p, (int)at) && give(k, k->piece, n);
	case SPOIL_SHIFT:
		return shift(k, n);
	case SPOIL_CUT:
		return give(k, k->piece, at < n ? at : n) && at >= n;
	case SPOIL_HANG:
		k->hung = at < n;
		return give(k, k->piece, at < n ? at : n);
	case SPOIL_DRIP:
		return drip(k, k->piece, n);
	case SPOIL_FLIP:
		if (at < n)
			k->piece[at] = (char)(k->piece[at] ^ 0x20);
		return give(k, k->piece, n);
	case SPOIL_TEXT:
		return give(k, text, strlen(text));
	case SPOIL_ENDLESS:
		return endless(k, text);
	default:
		return give(k, k->piece, n);
	}
}

static bool
pass_some(struct link *k)
{
	struct pollfd f[3] = { { k->client, POLLIN, 0 }, { k->server, POLLIN, 0 },
	    { k->p->wake[0], POLLIN, 0 } };
	ssize_t n;

	if (poll(f, 3, -1) < 0 || f[2].revents != 0)
		return false;
	if (f[0].revents != 0) {
		if ((n = read(k->client, k->piece, sizeof k->piece)) <= 0)
			return false;
		if (send(k->server, k->piece, (size_t)n, MSG_NOSIGNAL) != n)
			return false;
	}
	if (f[1].revents != 0) {
		if ((n = read(k->server, k->piece, sizeof k->piece)) <= 0)
			return false;
		return k->hung || pass_reply(k, (size_t)n);
	}
	return true;
}

static void *
link_main(void *arg)
{
	struct link *k = arg;

	while (pass_some(k))
		;
	close(k->client);
	close(k->server);
	atomic_fetch_sub(&k->p->n_threads, 1);
	free(k);
	return NULL;
}

static void
link_start(struct redis_proxy *p, int client)
{
	struct link *k = calloc(1, sizeof *k);
	struct sockaddr_un to;
	pthread_attr_t attr;
	pthread_t t;

	assert_non_null(k);
	k->p = p;
	k->client = client;
	k->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address(&to, p->rig->sock);
	if (connect(k->server, (const struct sockaddr *)&to, sizeof to) < 0) {
		close(k->server);
		close(client);
		free(k);
		return;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&p->n_conns, 1);
	atomic_fetch_add(&p->n_threads, 1);
	assert_int_equal(pthread_create(&t, &attr, link_main, k), 0);
	pthread_attr_destroy(&attr);
}

static void *
proxy_main(void *arg)
{
	struct redis_proxy *p = arg;
	int fd;

	for (;;) {
		struct pollfd f[2] = { { p->fd, POLLIN, 0 }, { p->wake[0], POLLIN, 0 } };

		if (poll(f, 2, -1) < 0 || f[1].revents != 0)
			return NULL;
		if ((fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
			link_start(p, fd);
	}
}

void
redis_proxy_open(struct redis_proxy *p, const struct redis_rig *g)
{
	struct sockaddr_un at;

	memset(p, 0, sizeof *p);
	p->rig = g;
	snprintf(p->sock, sizeof p->sock, "%s/p", g->dir);
	snprintf(p->url, sizeof p->url, "unix://%s", p->sock);
	address(&at, p->sock);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (const struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(p->fd, 64), 0);
	assert_int_equal(pipe2(p->wake, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, proxy_main, p), 0);
}

void
redis_proxy_close(struct redis_proxy *p)
{
	struct timespec t = { 0, 1000000 };

	close(p->wake[1]);
	pthread_join(p->thread, NULL);
	while (atomic_load(&p->n_threads) != 0)
		nanosleep(&t, NULL);
	close(p->wake[0]);
	close(p->fd);
	(void)unlink(p->sock);
}

void
redis_proxy_spoil(struct redis_proxy *p, enum spoil what, unsigned at, const char *text)
{
	atomic_store(&p->at, at);
	atomic_store(&p->text, text == NULL ? "" : text);
	atomic_store(&p->spoil, (int)what);
}
