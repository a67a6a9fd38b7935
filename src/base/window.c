/* SPDX-License-Identifier: ISC */
/* window: see base/window.h. The byte at place x is at x modulo the block's size. */
#include "base/window.h"

#include <string.h>

void
window_init(struct window *w, struct slabs *slabs)
{
	*w = (struct window){ .slabs = slabs };
	pthread_mutex_init(&w->lock, NULL);
}

void
window_release(struct window *w)
{
	window_end(w);
	pthread_mutex_destroy(&w->lock);
}

int
window_begin(struct window *w, uint64_t at, struct err *e)
{
	char *fresh = NULL;

	/* Only who appends begins and ends: nobody else gives it a block meanwhile. */
	if (w->block == NULL && (fresh = slabs_get(w->slabs)) == NULL)
		return err_set(e, ERR_NOMEM, -1, "no memory for the bytes that are read "
		    "([query] total_memory)");
	pthread_mutex_lock(&w->lock);
	if (fresh != NULL)
		w->block = fresh;
	w->from = w->to = at;
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void
window_end(struct window *w)
{
	char *block;

	pthread_mutex_lock(&w->lock);
	block = w->block;
	w->block = NULL;
	w->from = w->to;
	pthread_mutex_unlock(&w->lock);
	slabs_put(w->slabs, block);
}

/* Where a place is, and how many bytes follow it before the block's end. */
static char *
place_of(const struct window *w, uint64_t at, size_t *room)
{
	size_t off = (size_t)(at % w->slabs->bytes);

	*room = w->slabs->bytes - off;
	return w->block + off;
}

void
window_append(struct window *w, const void *p, size_t n)
{
	size_t room, first;
	char *to;

	pthread_mutex_lock(&w->lock);
	to = place_of(w, w->to, &room);
	first = n < room ? n : room;
	memcpy(to, p, first);
	memcpy(w->block, (const char *)p + first, n - first);
	w->to += n;
	if (w->to - w->from > w->slabs->bytes)
		w->from = w->to - w->slabs->bytes;
	pthread_mutex_unlock(&w->lock);
}

/* Under the lock. */
static bool
has(const struct window *w, uint64_t from, uint64_t to)
{
	return from >= w->from && to <= w->to && from <= to;
}

bool
window_has(struct window *w, uint64_t from, uint64_t to)
{
	bool there;

	pthread_mutex_lock(&w->lock);
	there = has(w, from, to);
	pthread_mutex_unlock(&w->lock);
	return there;
}

bool
window_read(struct window *w, uint64_t at, void *out, size_t n)
{
	size_t room, first;
	const char *from;
	bool there;

	pthread_mutex_lock(&w->lock);
	if ((there = has(w, at, at + n) && n != 0)) {
		from = place_of(w, at, &room);
		first = n < room ? n : room;
		memcpy(out, from, first);
		memcpy((char *)out + first, w->block, n - first);
	}
	pthread_mutex_unlock(&w->lock);
	return there || n == 0;
}

void
window_range(struct window *w, uint64_t *from, uint64_t *to)
{
	pthread_mutex_lock(&w->lock);
	*from = w->from;
	*to = w->to;
	pthread_mutex_unlock(&w->lock);
}

size_t
window_memory(struct window *w)
{
	size_t n;

	pthread_mutex_lock(&w->lock);
	n = w->block != NULL ? w->slabs->bytes : 0;
	pthread_mutex_unlock(&w->lock);
	return n;
}
