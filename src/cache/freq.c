/* SPDX-License-Identifier: ISC */
/* freq: see cache/freq.h. A row's place is a part of the hash, mixed anew for each row. */
#include "base/hash.h"
#include "cache/freq.h"

static uint64_t
place(uint64_t hash, unsigned row)
{
	return hash_u64(hash + row) % FREQ_WIDTH;
}

static void
halve(struct freq *f)
{
	for (unsigned row = 0; row < FREQ_ROWS; row++)
		for (unsigned i = 0; i < FREQ_WIDTH; i++)
			f->count[row][i] /= 2;
	f->n /= 2;
}

void
freq_add(struct freq *f, uint64_t hash)
{
	for (unsigned row = 0; row < FREQ_ROWS; row++) {
		uint8_t *c = &f->count[row][place(hash, row)];

		if (*c < UINT8_MAX)
			(*c)++;
	}
	if (++f->n >= FREQ_AGE)
		halve(f);
}

unsigned
freq_of(const struct freq *f, uint64_t hash)
{
	unsigned least = UINT8_MAX;

	for (unsigned row = 0; row < FREQ_ROWS; row++) {
		unsigned c = f->count[row][place(hash, row)];

		least = c < least ? c : least;
	}
	return least;
}
