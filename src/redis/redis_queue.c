/* SPDX-License-Identifier: ISC */
/* redis_queue: what was put and is not written yet: of bounded length, under the lock. */
#include <stdlib.h>

#include "redis_i.h"

void
put_free(struct put *p)
{
	buf_release(&p->key);
	buf_release(&p->bytes);
	free(p);
}

size_t
puts_free(struct put *p)
{
	size_t n = 0;

	for (struct put *next; p != NULL; p = next, n++) {
		next = p->next;
		put_free(p);
	}
	return n;
}

void
queue_drop(struct redis *r)
{
	COUNT(r, dropped, puts_free(r->queue.first));
	r->queue = (struct queue){ NULL, &r->queue.first, 0, 0 };
}

bool
queue_add(struct redis *r, struct put *p)
{
	size_t bytes = p->bytes.cap + p->key.cap;
	struct queue *q = &r->queue;

	if (q->n >= QUEUE_ENTRIES || q->bytes + bytes > QUEUE_VALUES * r->settings->max_value)
		return false;
	*q->last = p;
	q->last = &p->next;
	q->n++;
	q->bytes += bytes;
	/* It may be the first use. */
	pthread_cond_signal(&r->keep);
	pthread_cond_signal(&r->write);
	return true;
}

struct put *
queue_take(struct redis *r, size_t *n)
{
	struct queue *q = &r->queue;
	struct put *first = q->first, **end = &q->first;
	size_t bytes = 0, i = 0;

	for (; *end != NULL && i < BATCH_ENTRIES && bytes < BATCH_BYTES; i++) {
		bytes += (*end)->bytes.cap + (*end)->key.cap;
		end = &(*end)->next;
	}
	q->first = *end;
	*end = NULL;
	q->n -= i;
	q->bytes -= bytes;
	if (q->first == NULL)
		q->last = &q->first;
	*n = i;
	return first;
}
