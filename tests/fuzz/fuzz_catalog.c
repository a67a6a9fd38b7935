/* SPDX-License-Identifier: ISC */
/*
 * fuzz_catalog: bytes of CATALOG, once as they are and once with the checksum made right, so
 * that the fuzzer gets past it. What decodes must encode to a list that decodes to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/catalog_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
round_trip(const struct catalog_list *l)
{
	struct buf b = BUF_INIT;
	struct catalog_list again;
	struct arena a;

	arena_init(&a);
	catalog_encode(&b, l);
	if (catalog_decode(buf_view(&b), "again", &a, &again, NULL) != 0 || again.n != l->n)
		abort();
	for (size_t i = 0; i < l->n; i++)
		if (shard_entry_cmp(&l->shards[i], &again.shards[i]) != 0 ||
		    !catalog_entry_ok(&l->shards[i]))
			abort();
	buf_release(&b);
	arena_release(&a);
}

static void
try(struct sv bytes)
{
	struct catalog_list l;
	struct arena a;

	arena_init(&a);
	if (catalog_decode(bytes, "CATALOG", &a, &l, NULL) == 0)
		round_trip(&l);
	arena_release(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy;
	uint64_t h;

	try(sv_new(data, n));
	if (n < 48 || (copy = malloc(n)) == NULL)
		return 0;
	memcpy(copy, data, n);
	memcpy(copy, "SPANFSCT\1\0\0\0", 12);
	h = hash64(copy, n - 8);
	memcpy(copy + n - 8, &h, 8);
	try(sv_new(copy, n));
	free(copy);
	return 0;
}
