/* SPDX-License-Identifier: ISC */
/*
 * kernel_codes: codes against what is known of the values behind them. An answer is worked
 * out when a code is first met on a row that still counts, so that values which no such row
 * has are never looked at, and an error is always some row's.
 */
#include "kernel_i.h"

#include <stdlib.h>

int
codes_new(uint32_t n, struct codes *c, struct err *e)
{
	c->n = n;
	c->state = calloc(n == 0 ? 1 : n, 1);
	return c->state == NULL ? err_nomem(e) : 0;
}

void
codes_release(struct codes *c)
{
	free(c->state);
	c->state = NULL;
}

static int
ask(struct codes *c, uint32_t code, code_fn *fn, void *arg, struct err *e)
{
	int rc = fn(arg, code, e);

	if (rc >= 0)
		atomic_store_explicit(&c->state[code], rc > 0 ? CODE_YES : CODE_NO,
		    memory_order_relaxed);
	return rc;
}

int
codes_one(struct codes *c, uint32_t code, code_fn *fn, void *arg, struct err *e)
{
	uint8_t s = atomic_load_explicit(&c->state[code], memory_order_relaxed);

	return s != CODE_UNKNOWN ? s == CODE_YES : ask(c, code, fn, arg, e);
}

int
codes_test(struct codes *c, const uint64_t *v, size_t n, const uint64_t *want, code_fn *fn,
    void *arg, uint64_t *words, size_t *at, struct err *e)
{
	for (size_t w = 0; w < BITMAP_WORDS(n); w++) {
		uint64_t out = 0;

		for (uint64_t b = want[w]; b != 0; b &= b - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(b);
			int rc = codes_one(c, (uint32_t)v[w * 64 + bit], fn, arg, e);

			if (rc < 0) {
				*at = w * 64 + bit;
				return rc;
			}
			out |= (uint64_t)rc << bit;
		}
		words[w] |= out;
	}
	return 0;
}
