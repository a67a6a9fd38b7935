/* SPDX-License-Identifier: ISC */
/*
 * blob: a result's bytes: in memory up to a bound, then in an unlinked file in the spill
 * directory. Append-only. Not thread-safe; the result's lock guards it, and once the result
 * is done nobody appends, so reads need no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine_i.h"

void
blob_init(struct blob *b)
{
	buf_init(&b->mem);
	b->fd = -1;
	b->n = 0;
}

void
blob_release(struct blob *b)
{
	buf_release(&b->mem);
	if (b->fd >= 0)
		close(b->fd);
	blob_init(b);
}

static int
write_all(int fd, const char *p, size_t n, struct err *e)
{
	while (n != 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "writing the spill file ([mount] spill_dir)");
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Whatever is wrong with the directory, no path is: only a full disk keeps its code. */
static int
spill_failed(const char *dir, struct err *e)
{
	int code = err_errno(e, "[mount] spill_dir %s", dir);

	if (code == ERR_NOSPC || code == ERR_NOMEM)
		return code;
	if (e != NULL)
		e->code = ERR_IO;
	return ERR_IO;
}

static int
open_spill(const char *dir, struct err *e)
{
	char name[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system has O_TMPFILE. */
	if (snprintf(name, sizeof name, "%s/spanfs-XXXXXX", dir) >= (int)sizeof name)
		return err_set(e, ERR_IO, -1, "[mount] spill_dir is too long");
	if ((fd = mkostemp(name, O_CLOEXEC)) < 0)
		return spill_failed(dir, e);
	unlink(name);
	return fd;
}

int
blob_try_spill(const struct blob_limits *lim, struct err *e)
{
	int fd = open_spill(lim->spill_dir, e);

	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int
blob_append(struct blob *b, const void *p, size_t n, const struct blob_limits *lim,
    struct err *e)
{
	int code;

	if (b->fd < 0 && b->n + n > lim->mem_max) {
		if ((code = open_spill(lim->spill_dir, e)) < 0)
			return code;
		b->fd = code;
		if ((code = write_all(b->fd, b->mem.p, b->mem.n, e)) < 0)
			return code;
		buf_release(&b->mem);
	}
	if (b->fd < 0) {
		buf_put(&b->mem, p, n);
		if ((code = buf_ok(&b->mem, e)) < 0)
			return code;
	} else {
		if (b->n + n > lim->spill_max)
			return err_set(e, ERR_NOSPC, -1,
			    "the result is larger than %llu bytes ([mount] spill_max)",
			    (unsigned long long)lim->spill_max);
		if ((code = write_all(b->fd, p, n, e)) < 0)
			return code;
	}
	b->n += n;
	return 0;
}

int
blob_read(const struct blob *b, uint64_t off, void *out, size_t n, size_t *got,
    struct err *e)
{
	char *p = out;
	size_t done = 0;

	if (off >= b->n) {
		*got = 0;
		return 0;
	}
	if (n > b->n - off)
		n = (size_t)(b->n - off);
	if (b->fd < 0) {
		memcpy(out, b->mem.p + off, n);
		*got = n;
		return 0;
	}
	while (done < n) {
		ssize_t k = pread(b->fd, p + done, n - done, (off_t)(off + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "reading the spill file");
		if (k == 0)
			return err_set(e, ERR_IO, -1, "the spill file is cut short");
		done += (size_t)k;
	}
	*got = n;
	return 0;
}
