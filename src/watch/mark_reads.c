/* SPDX-License-Identifier: ISC */
/* mark_reads: see watch/mark_reads.h. */
#include "watch/mark_reads.h"

#include <string.h>

void
mark_reads_init(struct mark_reads *m)
{
	memset(m, 0, sizeof *m);
	pthread_mutex_init(&m->lock, NULL);
}

void
mark_reads_release(struct mark_reads *m)
{
	pthread_mutex_destroy(&m->lock);
}

/* Under the lock: its place, or NULL. */
static struct mark_seen *
find(struct mark_reads *m, struct sv name)
{
	for (size_t i = 0; i < MARK_READS; i++)
		if (m->v[i].at != 0 && sv_is(name, m->v[i].name))
			return &m->v[i];
	return NULL;
}

/* Under the lock: a free place, or that of the one that was read longest ago. */
static struct mark_seen *
oldest(struct mark_reads *m)
{
	struct mark_seen *x = &m->v[0];

	for (size_t i = 1; i < MARK_READS; i++)
		if (m->v[i].at < x->at)
			x = &m->v[i];
	return x;
}

void
mark_reads_note(struct mark_reads *m, struct sv name, struct mark_span span)
{
	struct mark_seen *x;

	if (!mark_name_ok(name))
		return;
	pthread_mutex_lock(&m->lock);
	if ((x = find(m, name)) == NULL) {
		x = oldest(m);
		memcpy(x->name, name.p, name.n);
		x->name[name.n] = '\0';
		x->span = span;
	}
	/* Of two that began at the same place the lesser one: the other may be somebody else's. */
	if (x->span.from != span.from || x->span.to == span.from ||
	    (span.to < x->span.to && span.to != span.from))
		x->span = span;
	x->at = ++m->n;
	pthread_mutex_unlock(&m->lock);
}

bool
mark_reads_find(struct mark_reads *m, struct sv name, struct mark_span *out)
{
	struct mark_seen *x;

	pthread_mutex_lock(&m->lock);
	if ((x = find(m, name)) != NULL)
		*out = x->span;
	pthread_mutex_unlock(&m->lock);
	return x != NULL;
}
