/* SPDX-License-Identifier: ISC */
/*
 * redis_sock: bytes to a server and from it, on a socket that never blocks. Every wait has an end,
 * however the server behaves: a reply that comes byte by byte has no more time than another.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "redis_i.h"

#define STEP_NS 20000000u	/* between two looks whether to stop */

uint64_t
limit_end(const struct limit *lim)
{
	uint64_t stop = lim->stop == NULL ? 0 : atomic_load(lim->stop);

	return stop != 0 && stop < lim->deadline ? stop : lim->deadline;
}

int
limit_wait(const struct limit *lim, int fd, short events, struct err *e)
{
	for (;;) {
		struct pollfd p = { fd, events, 0 };
		uint64_t now = clock_mono_ns(), end = limit_end(lim), ns;
		struct timespec t;
		int n;

		if (now >= end)
			return err_set(e, ERR_TIMEOUT, -1, "no answer in time");
		ns = end - now;
		if (lim->stop != NULL && ns > STEP_NS)
			ns = STEP_NS;
		t = (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
		if ((n = ppoll(&p, 1, &t, NULL)) > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_errno(e, "poll");
	}
}

int
sock_send(int fd, const void *bytes, size_t n, const struct limit *lim, struct err *e)
{
	const char *p = bytes;
	int rc;

	while (n != 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (k < 0 && errno != EAGAIN && errno != EINTR)
			return err_errno(e, "sending");
		else if ((rc = limit_wait(lim, fd, POLLOUT, e)) != 0)
			return rc;
	}
	return 0;
}

int
sock_recv(int fd, void *p, size_t n, size_t *got, const struct limit *lim, struct err *e)
{
	int rc;

	for (;;) {
		ssize_t k;

		/* First: there may be no end of what comes. */
		if ((rc = limit_wait(lim, fd, POLLIN, e)) != 0)
			return rc;
		if ((k = recv(fd, p, n, 0)) > 0) {
			*got = (size_t)k;
			return 0;
		}
		if (k == 0)
			return err_set(e, ERR_IO, -1, "the server closed the connection");
		if (errno != EAGAIN && errno != EINTR)
			return err_errno(e, "receiving");
	}
}
