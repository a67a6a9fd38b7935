/* SPDX-License-Identifier: ISC */
/* file_watch: inotify of one directory. Files are replaced by a rename, so names that come are enough. */
#include "base/file_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

void
file_watch_init(struct file_watch *w, const char *dir)
{
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0 || inotify_add_watch(w->fd, dir, IN_MOVED_TO | IN_ONLYDIR) >= 0)
		return;
	close(w->fd);
	w->fd = -1;
}

void
file_watch_wait(struct file_watch *w, int wake)
{
	/* poll passes over what is negative. */
	struct pollfd p[2] = { { .fd = w->fd, .events = POLLIN }, { .fd = wake, .events = POLLIN } };
	char events[4096] __attribute__((aligned(8)));

	if (poll(p, 2, w->fd >= 0 ? WATCH_SLOW_MS : WATCH_FAST_MS) <= 0 ||
	    (p[0].revents & POLLIN) == 0)
		return;
	while (read(w->fd, events, sizeof events) > 0)
		;
}

void
file_watch_release(struct file_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}
