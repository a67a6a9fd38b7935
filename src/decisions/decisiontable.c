/* SPDX-License-Identifier: ISC */
/* decisiontable: see decisiontable_i.h. */
#include "decisiontable_i.h"

#include <stdlib.h>

/* What an entry takes beside decision, key and words. */
#define ENTRY_BYTES (sizeof(struct kept) + 16)

/* ---- heap ---- */

static void
heap_set(struct decisioncache *c, size_t i, struct kept *x)
{
	c->heap.v[i] = x;
	x->at = i;
}

static void
heap_up(struct decisioncache *c, size_t i)
{
	struct kept *x = c->heap.v[i];

	for (; i > 0 && c->heap.v[(i - 1) / 2]->worth > x->worth; i = (i - 1) / 2)
		heap_set(c, i, c->heap.v[(i - 1) / 2]);
	heap_set(c, i, x);
}

static void
heap_down(struct decisioncache *c, size_t i)
{
	struct kept *x = c->heap.v[i];
	size_t k;

	while ((k = 2 * i + 1) < c->heap.n) {
		if (k + 1 < c->heap.n && c->heap.v[k + 1]->worth < c->heap.v[k]->worth)
			k++;
		if (c->heap.v[k]->worth >= x->worth)
			break;
		heap_set(c, i, c->heap.v[k]);
		i = k;
	}
	heap_set(c, i, x);
}

static void
heap_remove(struct decisioncache *c, size_t i)
{
	struct kept *last = c->heap.v[--c->heap.n];

	if (i == c->heap.n)
		return;
	heap_set(c, i, last);
	heap_up(c, i);
	heap_down(c, last->at);
}

size_t
entry_bytes(const struct kept *x)
{
	return ENTRY_BYTES + x->decision->n_bytes;
}

static size_t
template_bytes(const struct template *t)
{
	return sizeof *t + t->key.n + t->text.n;
}

static double
worth(const struct decisioncache *c, const struct kept *x)
{
	return c->floor + (double)(x->n_used + 1) * (double)(x->decide_ns + 1) /
	    (double)entry_bytes(x);
}

/* ---- entries and templates ---- */

void
entry_unref(struct kept *x)
{
	if (atomic_fetch_sub(&x->refs, 1) != 1)
		return;
	decision_free(x->decision);
	free(x);
}

struct template *
template_find(struct decisioncache *c, struct sv key, uint64_t hash)
{
	struct template *t = c->buckets[hash % BUCKETS];

	while (t != NULL && (t->hash != hash || !sv_eq(buf_view(&t->key), key)))
		t = t->next;
	return t;
}

static void
template_free(struct template *t)
{
	buf_release(&t->key);
	buf_release(&t->text);
	free(t);
}

struct template *
template_add(struct decisioncache *c, struct sv key, uint64_t hash)
{
	struct template *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	buf_sv(&t->key, key);
	if (t->key.oom) {
		template_free(t);
		return NULL;
	}
	t->hash = hash;
	t->next = c->buckets[hash % BUCKETS];
	c->buckets[hash % BUCKETS] = t;
	c->stats.n_templates++;
	c->stats.n_bytes += template_bytes(t);
	return t;
}

void
template_tidy(struct decisioncache *c, struct template *t)
{
	struct template **p = &c->buckets[t->hash % BUCKETS];

	if (t->n != 0 || t->deciding || t->waiting != 0)
		return;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	c->stats.n_templates--;
	c->stats.n_bytes -= template_bytes(t);
	template_free(t);
}

void
entry_add(struct decisioncache *c, struct template *t, struct kept *x)
{
	x->of = t;
	memmove(&t->v[1], &t->v[0], t->n++ * sizeof(struct kept *));
	t->v[0] = x;
	x->worth = worth(c, x);
	c->heap.v[c->heap.n++] = x;
	heap_up(c, c->heap.n - 1);
	c->stats.n_entries++;
	c->stats.n_bytes += entry_bytes(x);
}

void
entry_used(struct decisioncache *c, struct kept *x)
{
	struct template *t = x->of;
	size_t i = 0;

	if (t == NULL)
		return;
	while (t->v[i] != x)
		i++;
	memmove(&t->v[1], &t->v[0], i * sizeof(struct kept *));
	t->v[0] = x;
	x->worth = worth(c, x);
	heap_down(c, x->at);
}

void
entry_remove(struct decisioncache *c, struct kept *x)
{
	struct template *t = x->of;
	size_t i = 0;

	while (t->v[i] != x)
		i++;
	memmove(&t->v[i], &t->v[i + 1], (--t->n - i) * sizeof(struct kept *));
	heap_remove(c, x->at);
	c->stats.n_entries--;
	c->stats.n_bytes -= entry_bytes(x);
	x->of = NULL;
	entry_unref(x);
}

void
make_room(struct decisioncache *c)
{
	while (c->heap.n != 0 && (c->heap.n > c->limits.max_entries ||
	    c->stats.n_bytes > c->limits.max_bytes)) {
		struct kept *x = c->heap.v[0];
		struct template *t = x->of;

		c->floor = x->worth;
		c->stats.evicted++;
		entry_remove(c, x);
		template_tidy(c, t);
	}
}
