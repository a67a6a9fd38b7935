/* SPDX-License-Identifier: ISC */
/*
 * fs_reply: error codes to errno, the one table, and the text of failures for .spanfs/errors.
 *
 * Some numbers are never used: ENOSYS turns an operation off for the life of the mount,
 * ENOTCONN looks like a crash, ESTALE makes the kernel walk the path again (fs_file.c uses
 * that once, on purpose), EINTR without an interrupt makes programs ask again for ever: a
 * query cancelled by somebody else is ECANCELED.
 */
#include "fs_i.h"

#include <errno.h>

static const int errnos[] = {
	[-ERR_SYNTAX] = EINVAL,
	[-ERR_UNKNOWN] = ENOENT,
	[-ERR_UNSUPPORTED] = EINVAL,
	[-ERR_NAMETOOLONG] = ENAMETOOLONG,
	[-ERR_TOOBIG] = E2BIG,
	[-ERR_CORRUPT] = EIO,
	[-ERR_IO] = EIO,
	[-ERR_NOMEM] = ENOMEM,
	[-ERR_LIMIT] = EFBIG,
	[-ERR_TIMEOUT] = ETIMEDOUT,
	[-ERR_CANCELLED] = ECANCELED,
	[-ERR_BUSY] = EBUSY,
	[-ERR_VERSION] = EIO,
	[-ERR_NOSPC] = ENOSPC,
	[-ERR_ACCESS] = EACCES,
};

int
errno_of(int code)
{
	size_t i = (size_t)-(int64_t)code;

	if (code == 0)
		return 0;
	return code < 0 && i < sizeof errnos / sizeof *errnos && errnos[i] != 0 ?
	    errnos[i] : EIO;
}

void
reply_code(fuse_req_t req, int code)
{
	fuse_reply_err(req, errno_of(code));
}

struct requester
requester_of(fuse_req_t req)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);

	return (struct requester){ c->uid, (uint32_t)c->pid };
}

void
note_error(struct fs *fs, const struct node *dir, const char *name, bool in_name,
    struct requester who, const struct err *err)
{
	struct path *path = node_dir_path(dir);
	struct err e = *err;
	struct buf text = BUF_INIT;

	if (path != NULL)
		path_print(&text, path);
	if (name != NULL) {
		if (text.n == 0 || text.p[text.n - 1] != '/')
			buf_putc(&text, '/');
		if (in_name && e.off >= 0)
			e.off += (int64_t)text.n;
		buf_str(&text, name);
	}
	if (!text.oom)
		engine_note_error(fs->engine, buf_view(&text), who, &e);
	buf_release(&text);
}

bool
is_probe(const char *name)
{
	static const char *const known[] = {
		/* Version control, file managers, media players, build tools. */
		"autorun.inf", "AUTORUN.INF", "desktop.ini", "Thumbs.db", "BDMV", "DCIM",
		"VIDEO_TS", "HEAD", "CVS", "RCS", "SCCS", "lost+found", "node_modules",
		"package.json", "Makefile", "pyvenv.cfg", "_darcs", "tags", "TAGS",
	};

	if (name[0] == '.')
		return true;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}
