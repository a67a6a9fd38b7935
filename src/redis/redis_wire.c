/* SPDX-License-Identifier: ISC */
/* redis_wire: a connection to a server: a socket, perhaps with TLS on it. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "redis_i.h"

struct wire {
	int fd;
	struct tls_wire *tls;		/* or NULL */
};

/* ---- connecting ---- */

static int
finish_connect(int fd, const struct limit *lim, struct err *e)
{
	socklen_t n = sizeof errno;
	int rc, no = 0;

	if ((rc = limit_wait(lim, fd, POLLOUT, e)) != 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &no, &n) < 0)
		return err_errno(e, "connecting");
	errno = no;
	return no == 0 ? 0 : err_errno(e, "connecting");
}

static int
connect_to(int family, const struct sockaddr *to, socklen_t n, const struct limit *lim, int *out,
    struct err *e)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc = 0, on = 1;

	if (fd < 0)
		return err_errno(e, "socket");
	if (connect(fd, to, n) < 0)
		rc = errno == EINPROGRESS ? finish_connect(fd, lim, e) : err_errno(e, "connecting");
	if (rc != 0) {
		close(fd);
		return rc;
	}
	if (family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	*out = fd;
	return 0;
}

static int
connect_unix(const char *path, const struct limit *lim, int *fd, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	/* url_parse saw to the length. */
	memcpy(to.sun_path, path, strlen(path) + 1);
	return connect_to(AF_UNIX, (const struct sockaddr *)&to, sizeof to, lim, fd, e);
}

/* The first address that takes it; each has its share of the time that is left. */
static int
connect_net(const struct url *u, const struct limit *lim, int *fd, struct err *e)
{
	struct addrinfo *all;
	unsigned left = 0;
	int rc;

	if ((rc = resolve(u->host, u->port, lim, &all, e)) != 0)
		return rc;
	for (const struct addrinfo *a = all; a != NULL; a = a->ai_next)
		left++;
	rc = err_set(e, ERR_IO, -1, "its name has no address");
	for (const struct addrinfo *a = all; a != NULL && rc != 0; a = a->ai_next, left--) {
		uint64_t now = clock_mono_ns(), end = limit_end(lim);
		struct limit part = { now + (end > now ? end - now : 0) / left, lim->stop };

		rc = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, &part, fd, e);
	}
	freeaddrinfo(all);
	return rc;
}

/* ---- the wire ---- */

int
wire_open(const struct settings *s, const struct limit *lim, struct wire **out, struct err *e)
{
	struct wire *w = calloc(1, sizeof *w);
	int rc;

	if (w == NULL)
		return err_nomem(e);
	w->fd = -1;
	rc = s->url.kind == URL_UNIX ? connect_unix(s->url.host, lim, &w->fd, e) :
	    connect_net(&s->url, lim, &w->fd, e);
	if (rc == 0 && s->url.kind == URL_TLS)
		rc = tls_open(s->tls, w->fd, s->url.host, lim, &w->tls, e);
	if (rc != 0) {
		wire_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

void
wire_close(struct wire *w)
{
	if (w == NULL)
		return;
	tls_close(w->tls);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

int
wire_send(struct wire *w, const void *p, size_t n, const struct limit *lim, struct err *e)
{
	return w->tls != NULL ? tls_send(w->tls, p, n, lim, e) : sock_send(w->fd, p, n, lim, e);
}

int
wire_recv(struct wire *w, void *p, size_t n, size_t *got, const struct limit *lim, struct err *e)
{
	return w->tls != NULL ? tls_recv(w->tls, p, n, got, lim, e) :
	    sock_recv(w->fd, p, n, got, lim, e);
}

bool
wire_quiet(struct wire *w)
{
	char c;
	ssize_t n = recv(w->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	/* TLS has messages of its own, such as tickets for sessions. */
	return n > 0 && w->tls != NULL;
}
