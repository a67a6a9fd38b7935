/* SPDX-License-Identifier: ISC */
/* canned: see canned.h. */
#include "lib/canned.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct canned {
	canned_fn *fn;
	void *arg;
	int fd;
	unsigned port;
	atomic_bool stop;
	pthread_t thread;
};

static void *
accept_them(void *arg)
{
	struct canned *c = arg;
	unsigned nth = 0;

	while (!atomic_load(&c->stop)) {
		struct pollfd p = { c->fd, POLLIN, 0 };
		int one = 1, fd;

		if (poll(&p, 1, 1000) <= 0 || (fd = accept(c->fd, NULL, NULL)) < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		c->fn(c, fd, nth++, c->arg);
		close(fd);
	}
	return NULL;
}

struct canned *
canned_open(canned_fn *fn, void *arg)
{
	struct canned *c = calloc(1, sizeof *c);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	if (c == NULL)
		abort();
	c->fn = fn;
	c->arg = arg;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(c->fd, 64) < 0 ||
	    getsockname(c->fd, (struct sockaddr *)&at, &n) < 0)
		abort();
	c->port = ntohs(at.sin_port);
	if (pthread_create(&c->thread, NULL, accept_them, c) != 0)
		abort();
	return c;
}

void
canned_close(struct canned *c)
{
	atomic_store(&c->stop, true);
	shutdown(c->fd, SHUT_RDWR);	/* wakes it */
	pthread_join(c->thread, NULL);
	close(c->fd);
	free(c);
}

unsigned
canned_port(const struct canned *c)
{
	return c->port;
}

bool
canned_stops(const struct canned *c)
{
	return atomic_load(&c->stop);
}

/* Of the head, what "Content-Length: " says. */
static size_t
body_bytes(struct sv head)
{
	int64_t at = sv_find(head, SV("Content-Length: "));

	return at < 0 ? 0 : (size_t)strtoul(head.p + at + 16, NULL, 10);
}

bool
canned_request(int fd, struct buf *b)
{
	size_t begin = b->n, need = SIZE_MAX;

	while (b->n - begin < need) {
		char some[65536];
		ssize_t n = recv(fd, some, sizeof some, 0);
		struct sv all;
		int64_t end;

		if (n <= 0)
			return false;
		buf_put(b, some, (size_t)n);
		all = sv_new(b->p + begin, b->n - begin);
		end = sv_find(all, SV("\r\n\r\n"));
		if (end >= 0)
			need = (size_t)end + 4 + body_bytes(sv_sub(all, 0, (size_t)end));
	}
	return true;
}

bool
canned_send(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t k = send(fd, at, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
	}
	return true;
}

void
canned_answer(struct buf *b, int status, const char *headers, struct sv body)
{
	buf_printf(b, "HTTP/1.1 %d Words\r\n%sTransfer-Encoding: chunked\r\n\r\n", status, headers);
	if (body.n != 0) {
		buf_printf(b, "%zx\r\n", body.n);
		buf_sv(b, body);
		BUF_LIT(b, "\r\n");
	}
	BUF_LIT(b, "0\r\n\r\n");
}

void
canned_reset(int fd)
{
	struct linger l = { 1, 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}
