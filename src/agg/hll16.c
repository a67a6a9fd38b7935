/* SPDX-License-Identifier: ISC */
/*
 * hll16: how many different hashes there were, see sketch_i.h. A register holds the most leading zeros,
 * and one, of the hashes that begin with its number. The count is O. Ertl's ("New cardinality
 * estimation algorithms for HyperLogLog sketches", 2017), which needs no corrections.
 *
 * A code of sparse is 26 bits of index, then 6 of that rank in the rest of the hash, which is never 0: 0 is
 * free. Of an index the largest code is kept. Registers follow from codes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sketch_i.h"

#define REGISTERS ((size_t)1 << HLL16_BITS)
#define INDEX_BITS 26
#define RANK_BITS 6
#define MORE_BITS (INDEX_BITS - HLL16_BITS)
#define SPARSE_MOST (REGISTERS / sizeof(uint32_t) / 2)	/* elements: half of what registers take */

static unsigned
rank_of(uint64_t rest, unsigned bits)
{
	return rest == 0 ? bits + 1 : (unsigned)__builtin_clzll(rest) - (64 - bits) + 1;
}

static uint32_t
code_of(uint64_t hash)
{
	uint64_t rest = hash & (((uint64_t)1 << (64 - INDEX_BITS)) - 1);

	return (uint32_t)(hash >> (64 - INDEX_BITS)) << RANK_BITS |
	    rank_of(rest, 64 - INDEX_BITS);
}

bool
hll16_code_valid(uint32_t code)
{
	uint32_t rank = code & ((1 << RANK_BITS) - 1);

	return rank >= 1 && rank <= 64 - INDEX_BITS + 1;
}

static void
raise(uint8_t *dense, uint32_t code)
{
	uint32_t index = code >> RANK_BITS, more = index & ((1 << MORE_BITS) - 1);
	unsigned rank = more != 0 ? rank_of(more, MORE_BITS) :
	    MORE_BITS + (code & ((1 << RANK_BITS) - 1));
	uint8_t *r = &dense[index >> MORE_BITS];

	if (*r < rank)
		*r = (uint8_t)rank;
}

/* ---- sparse ---- */

static uint32_t *
place(uint32_t *v, size_t cap, uint32_t code)
{
	size_t i = (code >> RANK_BITS) * 0x9e3779b1u & (cap - 1);

	while (v[i] != 0 && v[i] >> RANK_BITS != code >> RANK_BITS)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int
make_dense(struct agg_memory *m, struct hll16 *h, struct err *e)
{
	uint8_t *dense;
	int code = agg_take(m, REGISTERS, e);

	if (code < 0)
		return code;
	if ((dense = calloc(REGISTERS, 1)) == NULL) {
		m->used -= REGISTERS;
		return err_nomem(e);
	}
	for (size_t i = 0; i < h->cap; i++)
		if (h->sparse[i] != 0)
			raise(dense, h->sparse[i]);
	m->used -= h->cap * sizeof *h->sparse;
	free(h->sparse);
	*h = (struct hll16){ .dense = dense };
	return 0;
}

static int
grow(struct agg_memory *m, struct hll16 *h, struct err *e)
{
	size_t cap = h->cap == 0 ? 4 : h->cap * 2;
	uint32_t *v;
	int code;

	if (cap > SPARSE_MOST)
		return make_dense(m, h, e);
	if ((code = agg_take(m, (cap - h->cap) * sizeof *v, e)) < 0)
		return code;
	if ((v = calloc(cap, sizeof *v)) == NULL) {
		m->used -= (cap - h->cap) * sizeof *v;
		return err_nomem(e);
	}
	for (size_t i = 0; i < h->cap; i++)
		if (h->sparse[i] != 0)
			*place(v, cap, h->sparse[i]) = h->sparse[i];
	free(h->sparse);
	h->sparse = v;
	h->cap = cap;
	return 0;
}

int
hll16_add_code(struct agg_memory *m, struct hll16 *h, uint32_t c, struct err *e)
{
	uint32_t *p = h->cap == 0 ? NULL : place(h->sparse, h->cap, c);
	int code;

	/* Only for what is new, so that the form depends on the values alone. */
	if (h->dense == NULL && (p == NULL || *p == 0) && 4 * (h->n + 1) > 3 * h->cap) {
		if ((code = grow(m, h, e)) < 0)
			return code;
		p = h->dense != NULL ? NULL : place(h->sparse, h->cap, c);
	}
	if (h->dense != NULL) {
		raise(h->dense, c);
		return 0;
	}
	h->n += *p == 0;
	*p = *p < c ? c : *p;
	return 0;
}

int
hll16_add(struct agg_memory *m, struct hll16 *h, uint64_t hash, struct err *e)
{
	return hll16_add_code(m, h, code_of(hash), e);
}

int
hll16_merge(struct agg_memory *m, struct hll16 *h, const struct hll16 *from, struct err *e)
{
	int code = 0;

	if (from->dense != NULL && h->dense == NULL && (code = make_dense(m, h, e)) < 0)
		return code;
	for (size_t i = 0; from->dense != NULL && i < REGISTERS; i++)
		h->dense[i] = from->dense[i] > h->dense[i] ? from->dense[i] : h->dense[i];
	for (size_t i = 0; code == 0 && i < from->cap; i++)
		if (from->sparse[i] != 0)
			code = hll16_add_code(m, h, from->sparse[i], e);
	return code;
}

size_t
hll16_bytes(const struct hll16 *h)
{
	return h->dense != NULL ? REGISTERS : h->cap * sizeof *h->sparse;
}

void
hll16_release(struct hll16 *h)
{
	free(h->sparse);
	free(h->dense);
	*h = (struct hll16){ NULL };
}

/* ---- counts ---- */

static double
sigma(double x)
{
	double y = 1, z = x, was;

	if (x == 1)
		return INFINITY;
	do {
		x *= x;
		was = z;
		z += x * y;
		y += y;
	} while (z != was);
	return z;
}

static double
tau(double x)
{
	double y = 1, z = 1 - x, was;

	if (x == 0 || x == 1)
		return 0;
	do {
		x = sqrt(x);
		was = z;
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != was);
	return z / 3;
}

static uint64_t
count_dense(const uint8_t *dense)
{
	size_t with[HLL16_MOST_RANK + 1] = { 0 };
	double m = (double)REGISTERS, z;

	for (size_t i = 0; i < REGISTERS; i++)
		with[dense[i]]++;
	z = m * tau(1 - (double)with[HLL16_MOST_RANK] / m);
	for (int k = HLL16_MOST_RANK - 1; k >= 1; k--)
		z = (z + (double)with[k]) / 2;
	z += m * sigma((double)with[0] / m);
	return (uint64_t)(m * m / (2 * log(2) * z) + 0.5);
}

uint64_t
hll16_count(const struct hll16 *h)
{
	double m = (double)((uint64_t)1 << INDEX_BITS);

	if (h->dense != NULL)
		return count_dense(h->dense);
	/* So many of all indexes are taken: how many hashes take as many. */
	return (uint64_t)(-m * log1p(-(double)h->n / m) + 0.5);
}
