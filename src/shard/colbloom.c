/* SPDX-License-Identifier: ISC */
/*
 * colbloom: SECTION_COLUMN_BLOOM from bytes to a filter. Any bits are a filter, so there is
 * nothing to check but the size; that they are those of the column's values is for
 * index_check.
 */
#include "shard/colbloom.h"

#include "shard_i.h"

struct colbloom {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	size_t bytes;
	_Alignas(16) uint8_t bits[];
};

static int
make_colbloom(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct colbloom *b;
	void *p;
	int rc;

	(void)arg;
	if (sec->n_raw % 32 != 0)
		return section_bad(s, sec, e, 0, "size is no multiple of 32");
	if ((rc = section_read(s, sec, offsetof(struct colbloom, bits), &p, e)) != 0)
		return rc;
	b = p;
	b->shard = s;
	b->pin = section_slot(s, sec);
	b->bytes = sec->n_raw;
	*out = &b->cached;
	*bytes = sizeof *b + sec->n_raw + SECTION_SLACK;
	return 0;
}

int
colbloom_get(struct shard *s, const struct column *col, const struct colbloom **out,
    struct err *e)
{
	uint32_t i = s->bloom_section[col->index];
	struct cached *v;
	int rc;

	*out = NULL;
	if (i == NO_SECTION)
		return 0;
	if ((rc = section_get(s, &s->sections[i], make_colbloom, NULL, &v, e)) == 0)
		*out = (const struct colbloom *)(const void *)v;
	return rc;
}

void
colbloom_put(const struct colbloom *b)
{
	if (b != NULL)
		cache_unpin(b->shard->cache, b->pin);
}

const uint8_t *
colbloom_bits(const struct colbloom *b, size_t *bytes)
{
	*bytes = b->bytes;
	return b->bits;
}
