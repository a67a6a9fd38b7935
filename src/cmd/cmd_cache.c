/* SPDX-License-Identifier: ISC */
/*
 * spanctl cache MOUNTPOINT [drop [LEVEL|PATH]]: what a mount's caches hold, and forgetting it, by
 * the mount's .spanfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "cmd.h"

#define USAGE "spanctl cache MOUNTPOINT [drop [l1|l2|part|decisions|chunks|PATH]]"

/* *fd of a file of the mount's .spanfs. */
static int
open_control(const char *mountpoint, const char *name, int flags, int *fd, struct err *e)
{
	struct buf path = BUF_INIT;
	const char *text;

	buf_printf(&path, "%s/.spanfs/%s", mountpoint, name);
	if ((text = buf_cstr(&path)) == NULL)
		return err_nomem(e);
	*fd = open(text, flags | O_CLOEXEC);
	if (*fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		(void)err_set(e, ERR_IO, -1, "%s: spanfs is not mounted there", mountpoint);
	else if (*fd < 0)
		(void)err_errno(e, "%s", text);
	buf_release(&path);
	return *fd < 0 ? ERR_IO : 0;
}

static int
show(const char *mountpoint, struct err *e)
{
	char part[65536];
	ssize_t n;
	int fd, code;

	if ((code = open_control(mountpoint, "cache", O_RDONLY, &fd, e)) < 0)
		return code;
	while ((n = read(fd, part, sizeof part)) > 0)
		fwrite(part, 1, (size_t)n, stdout);
	if (n < 0)
		code = err_errno(e, "%s", mountpoint);
	close(fd);
	return code;
}

/* One write: the mount takes it for one line. */
static int
drop(const char *mountpoint, const char *what, struct err *e)
{
	struct buf line = BUF_INIT;
	ssize_t n;
	int fd, code;

	buf_printf(&line, "drop-caches%s%s\n", what == NULL ? "" : " ", what == NULL ? "" : what);
	if ((code = buf_ok(&line, e)) == 0 &&
	    (code = open_control(mountpoint, "control", O_WRONLY, &fd, e)) == 0) {
		n = write(fd, line.p, line.n);
		if (n < 0 && errno == EINVAL && what != NULL && strcmp(what, "l2") == 0)
			code = err_set(e, ERR_UNSUPPORTED, -1, "%s: no Redis is in use ([redis] url)",
			    mountpoint);
		else if (n < 0 && errno == EINVAL)
			code = err_set(e, ERR_SYNTAX, -1, "expected l1, l2, part, decisions, chunks, "
			    "or a path that begins with '/', got '%s'", what == NULL ? "" : what);
		else if (n < 0)
			code = err_errno(e, "%s", mountpoint);
		close(fd);
	}
	buf_release(&line);
	return code;
}

int
cmd_cache(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct err err = ERR_INIT;
	int code;

	(void)ctx;
	if (argc < 2 || argc > 4 || (argc > 2 && strcmp(argv[2], "drop") != 0))
		return cmd_usage(USAGE);
	code = argc == 2 ? show(argv[1], &err) : drop(argv[1], argc == 4 ? argv[3] : NULL, &err);
	return code < 0 ? cmd_fail("spanctl", &err) : EXIT_DONE;
}
