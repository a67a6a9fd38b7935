/* SPDX-License-Identifier: ISC */
/* file_pool: see file_pool_i.h. Idle files are on one list; descriptors are closed outside the lock. */
#include "file_pool_i.h"

#include <stddef.h>
#include <unistd.h>

void
file_pool_init(struct file_pool *p, unsigned max)
{
	*p = (struct file_pool){ .max = max };
	pthread_mutex_init(&p->lock, NULL);
}

void
file_pool_release(struct file_pool *p)
{
	pthread_mutex_destroy(&p->lock);
}

static void
list_add(struct file_pool *p, struct pooled *x)
{
	x->prev = NULL;
	x->next = p->newest;
	if (p->newest != NULL)
		p->newest->prev = x;
	else
		p->oldest = x;
	p->newest = x;
}

static void
list_remove(struct file_pool *p, struct pooled *x)
{
	if (x->prev != NULL)
		x->prev->next = x->next;
	else
		p->newest = x->next;
	if (x->next != NULL)
		x->next->prev = x->prev;
	else
		p->oldest = x->prev;
}

/* Under the lock: takes the descriptor of the one that was read longest ago; -1: all are read. */
static int
take_oldest(struct file_pool *p)
{
	struct pooled *x = p->oldest;
	int fd;

	if (x == NULL)
		return -1;
	list_remove(p, x);
	p->n_open--;
	fd = x->fd;
	x->fd = -1;
	return fd;
}

int
file_pool_pin(struct file_pool *p, struct pooled *x)
{
	int fd;

	pthread_mutex_lock(&p->lock);
	if ((fd = x->fd) >= 0 && x->pins++ == 0)
		list_remove(p, x);
	pthread_mutex_unlock(&p->lock);
	return fd;
}

int
file_pool_opened(struct file_pool *p, struct pooled *x, int fd)
{
	int spare;

	pthread_mutex_lock(&p->lock);
	if (x->fd >= 0) {
		spare = fd;
		fd = x->fd;
		if (x->pins++ == 0)
			list_remove(p, x);
	} else {
		x->fd = fd;
		x->pins = 1;
		spare = ++p->n_open > p->max ? take_oldest(p) : -1;
	}
	pthread_mutex_unlock(&p->lock);
	if (spare >= 0)
		close(spare);
	return fd;
}

void
file_pool_unpin(struct file_pool *p, struct pooled *x)
{
	int spare = -1;

	pthread_mutex_lock(&p->lock);
	if (--x->pins == 0) {
		list_add(p, x);
		if (p->n_open > p->max)
			spare = take_oldest(p);
	}
	pthread_mutex_unlock(&p->lock);
	if (spare >= 0)
		close(spare);
}

void
file_pool_forget(struct file_pool *p, struct pooled *x)
{
	int fd;

	pthread_mutex_lock(&p->lock);
	if ((fd = x->fd) >= 0) {
		list_remove(p, x);
		p->n_open--;
		x->fd = -1;
	}
	pthread_mutex_unlock(&p->lock);
	if (fd >= 0)
		close(fd);
}

bool
file_pool_shrink(struct file_pool *p)
{
	bool any = false;
	int fd;

	do {
		pthread_mutex_lock(&p->lock);
		fd = take_oldest(p);
		pthread_mutex_unlock(&p->lock);
		if (fd >= 0) {
			close(fd);
			any = true;
		}
	} while (fd >= 0);
	return any;
}
