/* SPDX-License-Identifier: ISC */
/*
 * blob: see base/blob.h. The lock keeps the bytes in memory in their place while they are copied;
 * the spill file is written and read without it.
 */
#include "base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
blob_init(struct blob *b)
{
	pthread_mutex_init(&b->lock, NULL);
	buf_init(&b->mem);
	b->fd = -1;
	atomic_init(&b->n, 0);
}

void
blob_release(struct blob *b)
{
	quota_give(b->quota, b->mem.n);
	buf_release(&b->mem);
	if (b->fd >= 0)
		close(b->fd);
	pthread_mutex_destroy(&b->lock);
}

bool
blob_spilled(struct blob *b)
{
	bool spilled;

	pthread_mutex_lock(&b->lock);
	spilled = b->fd >= 0;
	pthread_mutex_unlock(&b->lock);
	return spilled;
}

size_t
blob_memory(struct blob *b)
{
	size_t n;

	pthread_mutex_lock(&b->lock);
	n = b->mem.cap;
	pthread_mutex_unlock(&b->lock);
	return n;
}

void
blob_settle(struct blob *b)
{
	char *p;

	pthread_mutex_lock(&b->lock);
	if (b->mem.n < b->mem.cap && b->mem.n > 0 && (p = realloc(b->mem.p, b->mem.n)) != NULL) {
		b->mem.p = p;
		b->mem.cap = b->mem.n;
	}
	pthread_mutex_unlock(&b->lock);
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

/* From memory into a file. Nobody else changes the bytes, so they are written as they stand. */
static int
spill(struct blob *b, const char *dir, struct err *e)
{
	struct buf old;
	int fd, code;

	if ((fd = open_spill(dir, e)) < 0)
		return fd;
	if ((code = write_all(fd, b->mem.p, b->mem.n, e)) < 0) {
		close(fd);
		return code;
	}
	pthread_mutex_lock(&b->lock);
	old = b->mem;
	buf_init(&b->mem);
	b->fd = fd;
	pthread_mutex_unlock(&b->lock);
	quota_give(b->quota, old.n);
	buf_release(&old);
	return 0;
}

static int
append_memory(struct blob *b, const void *p, size_t n, struct err *e)
{
	int code;

	pthread_mutex_lock(&b->lock);
	buf_put(&b->mem, p, n);
	code = buf_ok(&b->mem, e);
	pthread_mutex_unlock(&b->lock);
	if (code < 0)
		quota_give(b->quota, n);
	return code;
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
	uint64_t before = atomic_load_explicit(&b->n, memory_order_relaxed);
	int code;

	b->quota = lim->quota;
	if (b->fd < 0 && (before + n > lim->mem_max || !quota_take(b->quota, n)) &&
	    (code = spill(b, lim->spill_dir, e)) < 0)
		return code;
	if (b->fd < 0)
		code = append_memory(b, p, n, e);
	else if (before + n > lim->spill_max)
		code = err_set(e, ERR_NOSPC, -1,
		    "the result is larger than %llu bytes ([mount] spill_max)",
		    (unsigned long long)lim->spill_max);
	else
		code = write_all(b->fd, p, n, e);
	if (code == 0)
		atomic_store_explicit(&b->n, before + n, memory_order_release);
	return code;
}

static int
read_file(int fd, uint64_t off, char *p, size_t n, struct err *e)
{
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

int
blob_read(struct blob *b, uint64_t off, void *out, size_t n, size_t *got, struct err *e)
{
	uint64_t there = blob_size(b);
	int fd, code = 0;

	*got = 0;
	if (off >= there)
		return 0;
	if (n > there - off)
		n = (size_t)(there - off);
	pthread_mutex_lock(&b->lock);
	if ((fd = b->fd) < 0)
		memcpy(out, b->mem.p + off, n);
	pthread_mutex_unlock(&b->lock);
	if (fd >= 0)
		code = read_file(fd, off, out, n, e);
	*got = code == 0 ? n : 0;
	return code;
}
