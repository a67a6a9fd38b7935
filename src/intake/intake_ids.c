/* SPDX-License-Identifier: ISC */
/* intake_ids: which spans a memtable holds, as hashes of trace id, span id and start. */
#include <stdlib.h>

#include "base/hash.h"
#include "intake_i.h"

#define FIRST_CAP 4096

uint64_t
span_ids_hash(const struct span *s)
{
	uint64_t h = hash_u64(s->trace_id.lo ^ hash_u64(s->trace_id.hi + s->start_ns));

	h = hash_u64(h ^ s->span_id);
	return h == 0 ? 1 : h;
}

static uint64_t *
slot(const struct idhashes *t, uint64_t hash)
{
	size_t i = hash & (t->cap - 1);

	while (t->v[i] != 0 && t->v[i] != hash)
		i = (i + 1) & (t->cap - 1);
	return &t->v[i];
}

bool
idhashes_has(const struct idhashes *t, uint64_t hash)
{
	return t->n > 0 && *slot(t, hash) != 0;
}

static bool
grow(struct idhashes *t)
{
	struct idhashes big = { .n = t->n, .cap = t->cap == 0 ? FIRST_CAP : t->cap * 2 };

	if ((big.v = calloc(big.cap, sizeof *big.v)) == NULL)
		return false;
	for (size_t i = 0; i < t->cap; i++)
		if (t->v[i] != 0)
			*slot(&big, t->v[i]) = t->v[i];
	free(t->v);
	*t = big;
	return true;
}

bool
idhashes_add(struct idhashes *t, uint64_t hash)
{
	uint64_t *at;

	if ((t->n + 1) * 3 > t->cap * 2 && !grow(t))
		return false;
	at = slot(t, hash);
	t->n += *at == 0;
	*at = hash;
	return true;
}

void
idhashes_clear(struct idhashes *t)
{
	if (t->n > 0)
		memset(t->v, 0, t->cap * sizeof *t->v);
	t->n = 0;
}

void
idhashes_release(struct idhashes *t)
{
	free(t->v);
	*t = (struct idhashes){ 0 };
}
