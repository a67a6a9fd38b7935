/* SPDX-License-Identifier: ISC */
/*
 * kernel_codes: codes against what is known of the values behind them. An answer is worked
 * out when a code is first met on a row that still counts, so that values which no such row
 * has are never looked at, and an error is always some row's.
 *
 * Where all answers are known beforehand they are a set: a bit each.
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

#define DENSE_WORD 16		/* rows that count among 64, from which all codes are looked at */

/* The answers to 64 codes, if all are known. */
static bool
known_word(const struct codes *c, const uint64_t *v, uint64_t *yes)
{
	uint64_t out = 0;
	unsigned unknown = 0;

	for (unsigned i = 0; i < 64; i++) {
		uint8_t s = atomic_load_explicit(&c->state[v[i]], memory_order_relaxed);

		unknown |= s - 1u;		/* borrows if it is 0 */
		out |= (uint64_t)(s / CODE_YES) << i;
	}
	*yes = out;
	return unknown <= 1;
}

/* A row after the other; *bad is the place of a failure. */
static int
test_word(struct codes *c, const uint64_t *v, uint64_t want, code_fn *fn, void *arg,
    uint64_t *yes, unsigned *bad, struct err *e)
{
	uint64_t out = 0;

	for (; want != 0; want &= want - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(want);
		int rc = codes_one(c, (uint32_t)v[bit], fn, arg, e);

		if (rc < 0) {
			*bad = bit;
			return rc;
		}
		out |= (uint64_t)rc << bit;
	}
	*yes = out;
	return 0;
}

int
codes_test(struct codes *c, const uint64_t *v, size_t n, const uint64_t *want, code_fn *fn,
    void *arg, uint64_t *words, size_t *at, struct err *e)
{
	for (size_t w = 0; w < BITMAP_WORDS(n); w++) {
		const uint64_t *u = v + w * 64;
		uint64_t yes;
		unsigned bad;
		int rc;

		if (n - w * 64 >= 64 && __builtin_popcountll(want[w]) >= DENSE_WORD &&
		    known_word(c, u, &yes)) {
			words[w] |= yes & want[w];
			continue;
		}
		if ((rc = test_word(c, u, want[w], fn, arg, &yes, &bad, e)) < 0) {
			*at = w * 64 + bad;
			return rc;
		}
		words[w] |= yes;
	}
	return 0;
}

/* ---- sets ---- */

int
code_set_new(uint32_t n, struct code_set *s, struct err *e)
{
	s->n = n;
	s->bits = calloc(CODE_SET_WORDS(n), sizeof *s->bits);
	return s->bits == NULL ? err_nomem(e) : 0;
}

void
code_set_release(struct code_set *s)
{
	free(s->bits);
	s->bits = NULL;
}

static uint64_t
set_word(const struct code_set *s, const uint64_t *v, size_t n, unsigned cpu)
{
	uint64_t w = 0;

#if defined(__x86_64__)
	if (n == 64 && (cpu & CPU_AVX2) != 0)
		return s->n <= CODE_SET_SMALL ? codes_word_small_avx2(s->bits, v) :
		    codes_word_avx2(s->bits, v);
#else
	(void)cpu;
#endif
	for (size_t i = 0; i < n; i++)
		w |= (uint64_t)bitmap_get(s->bits, v[i]) << i;
	return w;
}

void
code_set_test(const struct code_set *s, const uint64_t *v, size_t n, uint64_t *words)
{
	unsigned cpu = cpu_features();

	for (size_t i = 0; i < n; i += 64)
		words[i / 64] |= set_word(s, v + i, n - i < 64 ? n - i : 64, cpu);
}
