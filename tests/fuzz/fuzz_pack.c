/* SPDX-License-Identifier: ISC */
/*
 * fuzz_pack: any bytes as a pack: what pack_open lets in can be read in every way, and all
 * ways agree.
 */
#include <stdlib.h>
#include <string.h>

#include "shard/enc.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
read_all(const struct pack *p)
{
	uint64_t block[PACK_BLOCK], some[PACK_BLOCK], most = 0;

	for (size_t b = 0; b < p->n_blocks; b++) {
		size_t n = pack_decode_block(p, b, block), first = b * PACK_BLOCK;

		check(n > 0 && n <= PACK_BLOCK && first + n <= p->n);
		pack_decode(p, first, n, some);
		check(memcmp(block, some, n * sizeof *block) == 0);
		pack_decode(p, first + n / 2, n - n / 2, some);
		check(memcmp(block + n / 2, some, (n - n / 2) * sizeof *block) == 0);
		check(pack_at(p, first) == block[0] && pack_at(p, first + n - 1) == block[n - 1]);
		for (size_t i = 0; i < n; i++)
			most = block[i] > most ? block[i] : most;
	}
	check(p->n == 0 || !pack_below(p, most));
	check(most == UINT64_MAX || pack_below(p, most + 1));
	(void)pack_rising(p, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n + 1);	/* aligned, and no byte longer than it says */
	struct err e = ERR_INIT;
	struct pack p;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, n);
	if ((copy = realloc(copy, n == 0 ? 1 : n)) == NULL)
		return 0;
	if (pack_open(&p, copy, n, &e) == 0)
		read_all(&p);
	else
		check(e.code == ERR_CORRUPT && e.off >= 0 && (size_t)e.off <= n);
	free(copy);
	return 0;
}
