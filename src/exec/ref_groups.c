/* SPDX-License-Identifier: ISC */
/* ref_groups: in how many row groups refs lie, wherever these are; and how many bytes they are. */
#include "exec_i.h"

#define MET 16			/* shards that are remembered, by their numbers' low bits */

/* Numbers that are not 0: slots are a power of two, more than there are numbers. */
struct set {
	uint64_t *slots;
	size_t mask;
};

/* False if it was there. */
static bool
set_add(const struct set *s, uint64_t x)
{
	size_t i = (size_t)(x * UINT64_C(0x9e3779b97f4a7c15) >> 40) & s->mask;

	while (s->slots[i] != 0 && s->slots[i] != x)
		i = (i + 1) & s->mask;
	if (s->slots[i] == x)
		return false;
	s->slots[i] = x;
	return true;
}

int
refs_in_groups(struct exec *ex, const struct refs *refs, size_t at, size_t most, struct arena *mem,
    size_t *n, struct err *e)
{
	struct { uint32_t shard, near, from; } met[MET] = { { 0, 0, 0 } }, *k;
	struct set set = { .mask = 1 };
	size_t m = 0;

	while (set.mask < 4 * most)
		set.mask *= 2;
	if ((set.slots = arena_array(mem, set.mask, uint64_t)) == NULL)
		return err_nomem(e);
	set.mask--;
	for (size_t i = 0; i < *n; i++) {
		const struct ref *r = refs_at(refs, at + i);

		/* Most often it is the one that this shard's row before was in. */
		k = &met[r->shard % MET];
		if (k->shard == r->shard && r->row - k->from < k->near)
			continue;
		if (k->shard != r->shard || k->near == 0)
			k->near = ex->source.ops->near(&ex->source, r->shard);
		k->shard = r->shard;
		k->from = r->row / k->near * k->near;
		m += set_add(&set, ((uint64_t)r->shard << 32 | k->from) + 1);
		if (m > most)
			*n = i;
	}
	return 0;
}

size_t
refs_in_bytes(const struct refs *refs, size_t at, size_t most, row_bytes_fn *of, const void *arg,
    size_t *n)
{
	const struct ref *last = NULL;
	size_t sum = 0;

	for (size_t i = 0; i < *n; i++) {
		const struct ref *r = refs_at(refs, at + i);
		bool same = last != NULL && last->shard == r->shard && last->row == r->row;
		size_t bytes = same ? 0 : of(arg, r->shard, r->row);

		if (i > 0 && bytes > most - (sum < most ? sum : most))
			*n = i;
		else
			sum += bytes;
		last = r;
	}
	return sum;
}
