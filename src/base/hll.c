/* SPDX-License-Identifier: ISC */
/*
 * hll: merging and counting. The estimate is the harmonic mean of Flajolet, Fusy, Gandouet and
 * Meunier (2007); 64-bit hashes need no correction for large numbers.
 */
#include "base/hll.h"

#include <math.h>

void
hll_merge(uint8_t *into, const uint8_t *from)
{
	for (unsigned i = 0; i < HLL_REGISTERS; i++)
		if (into[i] < from[i])
			into[i] = from[i];
}

double
hll_count(const uint8_t *reg)
{
	double m = HLL_REGISTERS, sum = 0, raw;
	unsigned zeros = 0;

	for (unsigned i = 0; i < HLL_REGISTERS; i++) {
		sum += ldexp(1, -(int)reg[i]);
		zeros += reg[i] == 0;
	}
	raw = 0.7213 / (1 + 1.079 / m) * m * m / sum;
	if (raw <= 2.5 * m && zeros != 0)
		return m * log(m / zeros);
	return raw;
}
