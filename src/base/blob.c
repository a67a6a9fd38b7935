/* SPDX-License-Identifier: ISC */
/*
 * blob: see base/blob.h. The lock keeps the bytes in memory in their place while they are copied;
 * the spill file is written and read without it.
 */
#include "base/blob.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spillfile.h"

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

/* From memory into a file. Nobody else changes the bytes, so they are written as they stand. */
static int
spill(struct blob *b, const char *dir, struct err *e)
{
	struct buf old;
	int fd, code;

	if ((fd = spill_create(dir, e)) < 0)
		return fd;
	if ((code = spill_write(fd, b->mem.p, b->mem.n, 0, e)) < 0) {
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
	int fd = spill_create(lim->spill_dir, e);

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
		code = spill_write(b->fd, p, n, before, e);
	if (code == 0)
		atomic_store_explicit(&b->n, before + n, memory_order_release);
	return code;
}

int
blob_take(struct blob *b, struct buf *from, const struct blob_limits *lim, struct err *e)
{
	int code;

	if (from->oom || b->fd >= 0 || atomic_load_explicit(&b->n, memory_order_relaxed) != 0 ||
	    from->n > lim->mem_max || !quota_take(lim->quota, from->n)) {
		if ((code = buf_ok(from, e)) == 0)
			code = blob_append(b, from->p, from->n, lim, e);
		from->n = 0;
		return code;
	}
	b->quota = lim->quota;
	pthread_mutex_lock(&b->lock);
	buf_release(&b->mem);
	b->mem = *from;
	pthread_mutex_unlock(&b->lock);
	atomic_store_explicit(&b->n, from->n, memory_order_release);
	buf_init(from);
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
		code = spill_read(fd, out, n, off, e);
	*got = code == 0 ? n : 0;
	return code;
}
