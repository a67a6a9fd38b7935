/* SPDX-License-Identifier: ISC */
/* spillfile: see base/spillfile.h. */
#include "base/spillfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the descriptor ---- */

/* Whatever is wrong with the directory, no path is: only a full disk keeps its code. */
static int
create_failed(const char *dir, struct err *e)
{
	int code = err_errno(e, "[mount] spill_dir %s", dir);

	if (code == ERR_NOSPC || code == ERR_NOMEM)
		return code;
	if (e != NULL)
		e->code = ERR_IO;
	return ERR_IO;
}

int
spill_create(const char *dir, struct err *e)
{
	char name[4096];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	/* Not every file system has O_TMPFILE. */
	if (snprintf(name, sizeof name, "%s/spanfs-XXXXXX", dir) >= (int)sizeof name)
		return err_set(e, ERR_IO, -1, "[mount] spill_dir is too long");
	if ((fd = mkostemp(name, O_CLOEXEC)) < 0)
		return create_failed(dir, e);
	unlink(name);
	return fd;
}

int
spill_write(int fd, const void *bytes, size_t n, uint64_t off, struct err *e)
{
	const char *p = bytes;

	while (n != 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "writing the spill file ([mount] spill_dir)");
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

int
spill_read(int fd, void *out, size_t n, uint64_t off, struct err *e)
{
	char *p = out;

	while (n != 0) {
		ssize_t k = pread(fd, p, n, (off_t)off);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_errno(e, "reading the spill file");
		if (k == 0)
			return err_set(e, ERR_IO, -1, "the spill file is cut short");
		p += k;
		n -= (size_t)k;
		off += (uint64_t)k;
	}
	return 0;
}

/* ---- the file ---- */

void
spillfile_init(struct spillfile *f, const char *dir, uint64_t max)
{
	*f = (struct spillfile){ .fd = -1, .max = max, .dir = dir };
	pthread_mutex_init(&f->lock, NULL);
}

void
spillfile_release(struct spillfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	pthread_mutex_destroy(&f->lock);
}

/* A place for n bytes, in the file that is made if need be. */
static int
take_place(struct spillfile *f, size_t n, int *fd, uint64_t *at, struct err *e)
{
	int code = 0;

	pthread_mutex_lock(&f->lock);
	if (n > f->max || f->n > f->max - n)
		code = err_set(e, ERR_NOSPC, -1,
		    "what memory has no room for is more than %llu bytes ([mount] spill_max)",
		    (unsigned long long)f->max);
	else if (f->fd < 0 && (f->fd = spill_create(f->dir, e)) < 0) {
		code = f->fd;
		f->fd = -1;
	}
	*fd = f->fd;
	*at = f->n;
	if (code == 0)
		f->n += n;
	pthread_mutex_unlock(&f->lock);
	return code;
}

int
spillfile_put(struct spillfile *f, const void *p, size_t n, uint64_t *at, struct err *e)
{
	int fd, code = take_place(f, n, &fd, at, e);

	return code < 0 ? code : spill_write(fd, p, n, *at, e);
}

int
spillfile_get(struct spillfile *f, uint64_t at, void *out, size_t n, struct err *e)
{
	int fd;

	pthread_mutex_lock(&f->lock);
	fd = f->fd;
	pthread_mutex_unlock(&f->lock);
	return spill_read(fd, out, n, at, e);
}

int
spillfile_other(uint64_t at, struct err *e)
{
	return err_set(e, ERR_IO, -1, "the spill file ([mount] spill_dir) gives other bytes at %llu than "
	    "were put there", (unsigned long long)at);
}

uint64_t
spillfile_bytes(struct spillfile *f)
{
	uint64_t n;

	pthread_mutex_lock(&f->lock);
	n = f->n;
	pthread_mutex_unlock(&f->lock);
	return n;
}
