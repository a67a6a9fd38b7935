/* SPDX-License-Identifier: ISC */
/*
 * fuzz_decisions: bytes of cache/decisions, with the checksum made right as well; what decodes
 * is in the cache, can be shown, and encodes to bytes that decode to as many.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/kept.h"
#include "decisions/decisioncache.h"
#include "opt/cost_adapt.h"

#define FRAME_BYTES 56		/* header and checksum */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct decisioncache *
cache_of(struct sv bytes)
{
	const struct decisioncache_limits limits = { 1000, 1 << 22, UINT64_MAX };
	struct decisioncache *c;

	if (decisioncache_new(&limits, &c, NULL) != 0)
		abort();
	if (decisioncache_decode(c, bytes, 1, 0, NULL) == 0)
		return c;
	if (decisioncache_stats(c).n_entries != 0)
		abort();
	decisioncache_free(c);
	return NULL;
}

static void
content(struct sv bytes)
{
	struct cursor cursor = cursor_new(bytes.p, bytes.n);
	struct decisioncache *c, *again;
	struct buf b = BUF_INIT;
	struct cost_adapt learned;

	(void)cursor_u32(&cursor);
	if (!cost_adapt_get(&cursor, &learned))
		return;
	if ((c = cache_of(sv_sub(bytes, cursor_off(&cursor), bytes.n))) == NULL)
		return;
	decisioncache_print(c, &b);
	b.n = 0;
	decisioncache_encode(c, 1, &b);
	if ((again = cache_of(buf_view(&b))) == NULL ||
	    decisioncache_stats(again).n_entries != decisioncache_stats(c).n_entries)
		abort();
	buf_release(&b);
	decisioncache_free(again);
	decisioncache_free(c);
}

static void
file(struct sv bytes)
{
	struct kept_head h;
	struct sv inner;

	if (kept_decode(bytes, "decisions", &h, &inner, NULL) == 0)
		content(inner);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy;
	uint64_t h;

	file(sv_new(data, n));
	if (n < FRAME_BYTES || (copy = malloc(n)) == NULL)
		return 0;
	memcpy(copy, data, n);
	memcpy(copy, "SPANFSKP\1\0\0\0", 12);
	h = hash64(copy, n - 8);
	memcpy(copy + n - 8, &h, 8);
	file(sv_new(copy, n));
	free(copy);
	return 0;
}
