/* SPDX-License-Identifier: ISC */
/*
 * fuzz_summary: bytes of cache/summary, with the checksum made right as well; of what decodes
 * every part is looked at, and it encodes to bytes that decode to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/kept.h"
#include "catalog/summary.h"

#define FRAME_BYTES 56		/* header and checksum */

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static double
look_at(const struct stats_summary *s)
{
	double sum = s->n_rows + s->cell_rows;

	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct stats_field *f = &s->fields[i];
		size_t n;

		if (stats_fields(s, &f->field, &n) == NULL || n == 0)
			abort();
		for (uint32_t k = 0; k < f->n_values; k++)
			if (stats_value_find(f, f->values[k].hash) == NULL)
				abort();
		for (uint32_t k = 0; k < f->n_samples; k++)
			sum += (double)f->samples[k].n;
		for (uint32_t k = 0; k < f->n_bounds; k++)
			sum += (double)f->bounds[k];
	}
	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell *c = &s->cells[i];

		for (unsigned h = 0; h < N_STATS_HIST; h++)
			for (unsigned k = 0; k <= STATS_LOG_BUCKETS; k++)
				sum += (double)c->hist[h][k];
		for (uint32_t k = 0; k < c->n_fields; k++)
			sum += s->fields[c->fields[k].field].n_present + c->fields[k].n_top;
	}
	return sum;
}

static void
content(struct sv bytes)
{
	struct stats_summary s, again;
	struct buf b = BUF_INIT, c = BUF_INIT;
	struct arena a;

	arena_init(&a);
	if (summary_decode(bytes, &a, &s, NULL) == 0) {
		if (!(look_at(&s) >= 0))
			abort();
		summary_encode(&b, &s);
		if (summary_decode(buf_view(&b), &a, &again, NULL) != 0)
			abort();
		summary_encode(&c, &again);
		if (!sv_eq(buf_view(&b), buf_view(&c)))
			abort();
	}
	buf_release(&b);
	buf_release(&c);
	arena_release(&a);
}

static void
file(struct sv bytes)
{
	struct kept_head h;
	struct sv inner;

	if (kept_decode(bytes, "summary", &h, &inner, NULL) == 0)
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
