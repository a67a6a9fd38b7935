/* SPDX-License-Identifier: ISC */
/* mark_reads: see watch/mark_reads.h. */
#include "watch/mark_reads.h"

#include <string.h>

/* The pieces that begin where all is covered already. */
static void
absorb(struct read_cover *c)
{
	for (unsigned i = 0; i < c->n;) {
		if (c->v[i].from > c->to) {
			i++;
			continue;
		}
		if (c->v[i].to > c->to)
			c->to = c->v[i].to;
		c->v[i] = c->v[--c->n];
		i = 0;
	}
}

/* Joins a piece that it touches. */
static bool
join(struct read_cover *c, uint64_t from, uint64_t to)
{
	for (unsigned i = 0; i < c->n; i++) {
		struct read_piece *p = &c->v[i];

		if (from > p->to || to < p->from)
			continue;
		p->from = from < p->from ? from : p->from;
		p->to = to > p->to ? to : p->to;
		return true;
	}
	return false;
}

void
read_cover_add(struct read_cover *c, uint64_t from, uint64_t to)
{
	if (from > c->to) {
		if (!join(c, from, to) && c->n < READ_PIECES)
			c->v[c->n++] = (struct read_piece){ from, to };
		return;
	}
	if (to > c->to)
		c->to = to;
	absorb(c);
}

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
