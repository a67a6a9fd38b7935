/* SPDX-License-Identifier: ISC */
/*
 * freq: about how often each of very many things was asked for lately, in 16 KiB: a count-min
 * sketch (Cormode and Muthukrishnan, 2005) whose counts are halved now and then, as TinyLFU has it
 * (Einziger, Friedman and Manes, 2017). Never too low but for the halving, rarely too high.
 */
#ifndef CACHE_FREQ_H
#define CACHE_FREQ_H

#include <stdint.h>

#define FREQ_ROWS 4
#define FREQ_WIDTH 4096
/* Counts are halved after so many: what was asked for often an age ago weighs little. */
#define FREQ_AGE (8 * FREQ_WIDTH)

/* All zero: nothing was asked for. */
struct freq {
	uint32_t n;
	uint8_t count[FREQ_ROWS][FREQ_WIDTH];
};

/* One more of this hash. */
void freq_add(struct freq *, uint64_t hash);
unsigned freq_of(const struct freq *, uint64_t hash);

#endif
