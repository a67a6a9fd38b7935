/* SPDX-License-Identifier: ISC */
/* slabs: see base/slabs.h. */
#include "base/slabs.h"

#include <stdlib.h>

#include "base/memory.h"

void
slabs_init(struct slabs *s, size_t bytes, struct quota *quota)
{
	*s = (struct slabs){ .bytes = bytes, .quota = quota };
	pthread_mutex_init(&s->lock, NULL);
}

void
slabs_release(struct slabs *s)
{
	slabs_give_back(s);
	pthread_mutex_destroy(&s->lock);
}

static void *
take_kept(struct slabs *s)
{
	void *p = NULL;

	pthread_mutex_lock(&s->lock);
	s->n_used++;
	if (s->n_kept != 0) {
		p = s->kept[--s->n_kept];
		s->n_again++;
	} else
		s->n_fresh++;
	pthread_mutex_unlock(&s->lock);
	return p;
}

void *
slabs_get(struct slabs *s)
{
	void *p;

	if (!quota_take(s->quota, s->bytes))
		return NULL;
	if ((p = take_kept(s)) != NULL || (p = memory_large(s->bytes)) != NULL)
		return p;
	pthread_mutex_lock(&s->lock);
	s->n_used--;
	s->n_fresh--;
	pthread_mutex_unlock(&s->lock);
	quota_give(s->quota, s->bytes);
	return NULL;
}

void
slabs_put(struct slabs *s, void *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->n_used--;
	if (s->n_kept < SLABS_KEPT) {
		s->kept[s->n_kept++] = p;
		p = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	quota_give(s->quota, s->bytes);
	free(p);
}

void
slabs_give_back(struct slabs *s)
{
	void *p;

	do {
		pthread_mutex_lock(&s->lock);
		p = s->n_kept == 0 ? NULL : s->kept[--s->n_kept];
		pthread_mutex_unlock(&s->lock);
		free(p);
	} while (p != NULL);
}

struct slabs_counts
slabs_counted(struct slabs *s)
{
	struct slabs_counts c;

	pthread_mutex_lock(&s->lock);
	c = (struct slabs_counts){ s->n_kept, s->n_used, s->n_fresh, s->n_again };
	pthread_mutex_unlock(&s->lock);
	return c;
}
