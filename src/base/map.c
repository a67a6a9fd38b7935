/* SPDX-License-Identifier: ISC */
/* map: see base/map.h. Linear probing, at most 3/4 full. */
#include "base/map.h"

#include <stdlib.h>

#include "base/hash.h"

void
map_init(struct map *m)
{
	m->slots = NULL;
	m->n = m->cap = 0;
	arena_init(&m->keys);
}

void
map_release(struct map *m)
{
	free(m->slots);
	arena_release(&m->keys);
	map_init(m);
}

static struct map_slot *
probe(const struct map *m, struct sv key, uint32_t hash)
{
	size_t i = hash & (m->cap - 1);

	for (;; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slots[i];

		if (s->key == NULL || (s->hash == hash && s->len == key.n &&
		    (key.n == 0 || memcmp(s->key, key.p, key.n) == 0)))
			return s;
	}
}

static bool
grow(struct map *m)
{
	size_t cap = m->cap == 0 ? 16 : m->cap * 2;
	struct map_slot *slots = calloc(cap, sizeof *slots), *old = m->slots;
	size_t n = m->cap;

	if (slots == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t j = old[i].hash & (cap - 1);

		if (old[i].key == NULL)
			continue;
		while (slots[j].key != NULL)
			j = (j + 1) & (cap - 1);
		slots[j] = old[i];
	}
	free(old);
	m->slots = slots;
	m->cap = cap;
	return true;
}

uint64_t *
map_get(const struct map *m, struct sv key)
{
	struct map_slot *s;

	if (m->n == 0)
		return NULL;
	s = probe(m, key, (uint32_t)hash_seeded(key.p, key.n));
	return s->key == NULL ? NULL : &s->val;
}

uint64_t *
map_put(struct map *m, struct sv key, bool *fresh)
{
	uint32_t hash = (uint32_t)hash_seeded(key.p, key.n);
	struct map_slot *s;
	struct sv copy;

	if (key.n > UINT32_MAX || ((m->n + 1) * 4 > m->cap * 3 && !grow(m)))
		return NULL;
	s = probe(m, key, hash);
	if (fresh != NULL)
		*fresh = s->key == NULL;
	if (s->key != NULL)
		return &s->val;
	copy = arena_sv(&m->keys, key);
	if (copy.p == NULL)
		return NULL;
	*s = (struct map_slot){ copy.p, (uint32_t)key.n, hash, 0 };
	m->n++;
	return &s->val;
}

const struct map_slot *
map_next(const struct map *m, size_t *i)
{
	while (*i < m->cap) {
		const struct map_slot *s = &m->slots[(*i)++];

		if (s->key != NULL)
			return s;
	}
	return NULL;
}
