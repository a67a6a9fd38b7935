/* SPDX-License-Identifier: ISC */
/*
 * fuzz_manifest: bytes of MANIFEST, with its checksum made right as well, and bytes of a segment
 * of a manifest: of what decodes every part is looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/manifest_i.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
head(struct sv bytes)
{
	struct mhead h, again;
	struct buf b = BUF_INIT;
	struct arena a;

	arena_init(&a);
	if (manifest_decode(bytes, "MANIFEST", &a, &h, NULL) == 0) {
		manifest_encode(&b, &h);
		if (manifest_decode(buf_view(&b), "again", &a, &again, NULL) != 0 ||
		    again.n != h.n || again.generation != h.generation)
			abort();
	}
	buf_release(&b);
	arena_release(&a);
}

/* Reads all that the tables name. */
static uint64_t
walk(const struct mseg *m)
{
	uint64_t sum = 0;

	for (uint32_t r = 0; r < m->n_rows; r++) {
		uint32_t from, to;

		segment_services(m, r, &from, &to);
		for (; from < to; from++)
			sum += m->names[m->services[from].name].n + m->services[from].n_rows;
	}
	for (size_t i = 0; i < m->n_names; i++)
		if (segment_name(m, m->names[i]) != (long)i)
			abort();
	return sum;
}

static void
blocks(const struct mseg *m, const uint8_t *list)
{
	mtrace v[SEGMENT_BLOCK_TRACES];

	for (size_t b = 0; b < m->n_blocks; b++) {
		size_t n = segment_block_n(m, b);

		memcpy(v, list + b * sizeof v, n * sizeof *v);
		for (size_t i = 0; segment_block_ok(m, b, v) && i < n; i++)
			if ((uint32_t)v[i] >= m->n_rows)
				abort();
	}
}

/* The core may end anywhere that the header says. */
static void
segment(const uint8_t *data, size_t n)
{
	uint64_t core = 0;
	struct mseg m;
	struct arena a;

	if (n >= SEGMENT_HEADER_BYTES)
		memcpy(&core, data + 32, sizeof core);
	if (core > n)
		return;
	arena_init(&a);
	if (segment_decode(data, (size_t)core, n, "segment", &a, &m, NULL) == 0) {
		(void)walk(&m);
		blocks(&m, data + core);
	}
	arena_release(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy;
	uint64_t h;

	head(sv_new(data, n));
	/* At a multiple of 8, and of this size, so that reading past it is seen. */
	if ((copy = malloc(n + 1)) == NULL)
		return 0;
	memcpy(copy, data, n);
	segment(copy, n);
	if (n >= 33) {
		memcpy(copy, "SPANFSMF\1\0\0\0\0\0\0\0", 16);
		h = hash64(copy, n - 8);
		memcpy(copy + n - 8, &h, 8);
		head(sv_new(copy, n));
	}
	free(copy);
	return 0;
}
