/* SPDX-License-Identifier: ISC */
/*
 * coldict: the distinct strings of a column under construction, numbered in order of arrival.
 * Bytes lie end to end in one heap; an open-addressing table (linear probing, at most 3/4
 * full, seeded hash) finds them. A column often repeats its last value, so that is tried
 * before hashing. Codes are not in byte order: sealing sorts them.
 */
#include "memtable_i.h"

#include <stdlib.h>

#include "base/hash.h"

#define FIRST_SLOTS 16

/* By a half while small, then by a quarter: large blocks are moved by remapping. */
static size_t
grown(size_t cap)
{
	return cap < 4 ? 4 : cap < 4096 ? cap + cap / 2 : cap + cap / 4;
}

int
mem_grow(void *pv, uint32_t *cap, size_t need, size_t size, size_t *held)
{
	size_t n = grown(*cap);
	void *p;

	if (need <= *cap)
		return 0;
	if (n < need)
		n = need;
	if (n > UINT32_MAX)
		return ERR_TOOBIG;
	memcpy(&p, pv, sizeof p);
	if ((p = realloc(p, n * size)) == NULL)
		return ERR_NOMEM;
	*held += (n - *cap) * size;
	memcpy(pv, &p, sizeof p);
	*cap = (uint32_t)n;
	return 0;
}

static int
grow_slots(struct coldict *d, size_t *held)
{
	uint32_t n = d->n_slots == 0 ? FIRST_SLOTS : d->n_slots * 2;
	struct dict_slot *slots = calloc(n, sizeof *slots);

	if (slots == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < d->n_slots; i++) {
		uint32_t j = d->slots[i].hash & (n - 1);

		if (d->slots[i].code1 == 0)
			continue;
		while (slots[j].code1 != 0)
			j = (j + 1) & (n - 1);
		slots[j] = d->slots[i];
	}
	free(d->slots);
	*held += (n - d->n_slots) * sizeof *slots;
	d->slots = slots;
	d->n_slots = n;
	return 0;
}

static int
grow_heap(struct coldict *d, size_t need, size_t *held)
{
	size_t cap = grown(d->heap_cap + 32);
	char *p;

	if (need <= d->heap_cap)
		return 0;
	if (need > UINT32_MAX)
		return ERR_TOOBIG;
	if (cap < need)
		cap = need;
	if ((p = realloc(d->heap, cap)) == NULL)
		return ERR_NOMEM;
	*held += cap - d->heap_cap;
	d->heap = p;
	d->heap_cap = cap;
	return 0;
}

static int
add(struct coldict *d, struct sv s, uint32_t hash, struct dict_slot *slot, size_t *held)
{
	size_t used = coldict_bytes(d);
	int rc;

	if ((rc = grow_heap(d, used + s.n, held)) != 0 ||
	    (rc = mem_grow(&d->offs, &d->cap, (size_t)d->n + 2, sizeof *d->offs, held)) != 0)
		return rc;
	if (s.n != 0)
		memcpy(d->heap + used, s.p, s.n);
	d->offs[d->n] = (uint32_t)used;
	d->offs[d->n + 1] = (uint32_t)(used + s.n);
	*slot = (struct dict_slot){ hash, ++d->n };
	return 0;
}

static bool
is(const struct coldict *d, uint32_t code, struct sv s)
{
	return d->offs[code + 1] - d->offs[code] == s.n &&
	    (s.n == 0 || memcmp(d->heap + d->offs[code], s.p, s.n) == 0);
}

int
coldict_put(struct coldict *d, struct sv s, uint32_t *code, size_t *held)
{
	uint32_t hash, i;
	int rc;

	if (d->n != 0 && is(d, d->last, s)) {
		*code = d->last;
		return 0;
	}
	if (((uint64_t)d->n + 1) * 4 > (uint64_t)d->n_slots * 3 &&
	    (rc = grow_slots(d, held)) != 0)
		return rc;
	hash = (uint32_t)hash_seeded(s.p, s.n);
	for (i = hash & (d->n_slots - 1); d->slots[i].code1 != 0; i = (i + 1) & (d->n_slots - 1))
		if (d->slots[i].hash == hash && is(d, d->slots[i].code1 - 1, s))
			break;
	if (d->slots[i].code1 == 0 && (rc = add(d, s, hash, &d->slots[i], held)) != 0)
		return rc;
	d->last = *code = d->slots[i].code1 - 1;
	return 0;
}

void
coldict_release(struct coldict *d)
{
	free(d->heap);
	free(d->offs);
	free(d->slots);
	*d = (struct coldict){ .n = 0 };
}
