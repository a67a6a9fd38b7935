/* SPDX-License-Identifier: ISC */
/*
 * spanctl warm FILE [MOUNTPOINT]: asks each path of a list, so that whoever asks next has the
 * answer: through a mount its files are read to their end, and the mount's cache is warm; without
 * one the store is asked, which warms what programs share. Says nothing of what went well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/visible.h"
#include "cmd.h"
#include "engine/engine.h"

struct warming {
	const char *mountpoint;		/* without a slash at its end; NULL: the store is asked */
	struct engine *engine;
	unsigned long n_failed;
	char part[1u << 16];
};

/* ---- one path ---- */

static int
read_file(struct warming *w, struct sv path, struct err *e)
{
	struct buf name = BUF_INIT;
	const char *text;
	int fd = -1, code = 0;
	ssize_t n;

	buf_printf(&name, "%s/%.*s", w->mountpoint, SV_ARG(path));
	if ((text = buf_cstr(&name)) == NULL)
		code = err_nomem(e);
	else if ((fd = open(text, O_RDONLY | O_CLOEXEC)) < 0)
		code = err_set(e, ERR_IO, -1, "%s", strerror(errno));
	while (code == 0 && !atomic_load(&cmd_cancel) &&
	    (n = read(fd, w->part, sizeof w->part)) != 0)
		if (n < 0 && errno != EINTR)
			code = err_set(e, ERR_IO, -1, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	buf_release(&name);
	return code;
}

static int
nowhere(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

static int
ask(struct warming *w, struct sv path, struct err *e)
{
	struct requester who = { (uint32_t)getuid(), (uint32_t)getpid() };
	struct sv file = path;
	int64_t slash;

	while ((slash = sv_chr(file, '/')) >= 0)
		file = sv_sub(file, (size_t)slash + 1, file.n);
	if (engine_is_followed(file))
		return err_set(e, ERR_UNSUPPORTED, -1, "it has no end");
	return w->mountpoint != NULL ? read_file(w, path, e) :
	    engine_query(w->engine, path, who, nowhere, NULL, &cmd_cancel, e);
}

/* ---- the list ---- */

/* Blanks at both ends; a path of the mount as the shell has it is one below the mountpoint. */
static struct sv
tidy(const struct warming *w, struct sv line)
{
	struct sv mount = sv_cstr(w->mountpoint != NULL ? w->mountpoint : "");

	while (line.n > 0 && strchr(" \t", line.p[0]) != NULL)
		line = sv_sub(line, 1, line.n);
	while (line.n > 0 && strchr(" \t\r\n", line.p[line.n - 1]) != NULL)
		line.n--;
	if (mount.n > 0 && line.n > mount.n && sv_starts(line, mount) && line.p[mount.n] == '/')
		line = sv_sub(line, mount.n, line.n);
	return line;
}

static void
warm_line(struct warming *w, struct sv line)
{
	struct buf shown = BUF_INIT;
	struct err err = ERR_INIT;
	struct sv path = tidy(w, line);

	if (path.n == 0 || path.p[0] == '#')
		return;
	if (ask(w, path, &err) == 0 || atomic_load(&cmd_cancel))
		return;
	w->n_failed++;
	visible_text(&shown, path, 0);
	BUF_LIT(&shown, ": ");
	visible_text(&shown, sv_cstr(err.msg), 0);
	fprintf(stderr, "spanctl: %.*s\n", SV_ARG(buf_view(&shown)));
	buf_release(&shown);
}

static int
warm_all(struct warming *w, const char *file, struct err *e)
{
	FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int code = 0;

	if (f == NULL)
		return err_set(e, ERR_IO, -1, "%s: %s", file, strerror(errno));
	while (!atomic_load(&cmd_cancel) && (n = getline(&line, &cap, f)) >= 0)
		warm_line(w, sv_new(line, (size_t)n));
	if (ferror(f))
		code = err_errno(e, "%s", file);
	free(line);
	if (f != stdin)
		fclose(f);
	if (code == 0 && atomic_load(&cmd_cancel))
		code = err_set(e, ERR_CANCELLED, -1, "interrupted");
	return code;
}

/* Without it a path below would be some other file system's. */
static int
check_mount(struct warming *w, char *mountpoint, struct err *e)
{
	struct buf path = BUF_INIT;
	size_t n = strlen(mountpoint);
	int code = 0;

	while (n > 1 && mountpoint[n - 1] == '/')
		mountpoint[--n] = '\0';
	w->mountpoint = mountpoint;
	buf_printf(&path, "%s/.spanfs/control", mountpoint);
	if (buf_cstr(&path) == NULL)
		code = err_nomem(e);
	else if (access(path.p, F_OK) != 0)
		code = err_set(e, ERR_IO, -1, "%s: spanfs is not mounted there", mountpoint);
	buf_release(&path);
	return code;
}

int
cmd_warm(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct warming w = { 0 };
	struct err err = ERR_INIT;
	int code;

	if (argc < 2 || argc > 3 || (argv[1][0] == '-' && argv[1][1] != '\0'))
		return cmd_usage("spanctl warm FILE|- [MOUNTPOINT]");
	if (argc == 3 && check_mount(&w, argv[2], &err) < 0)
		return cmd_fail("spanctl", &err);
	if (argc == 2 && engine_open(ctx->conf, ctx->store, false, &w.engine, &err) < 0)
		return cmd_store_fail(&err);
	code = warm_all(&w, argv[1], &err);
	engine_close(w.engine);
	if (code < 0)
		return cmd_fail("spanctl", &err);
	return w.n_failed == 0 ? EXIT_DONE : EXIT_FAILED;
}
