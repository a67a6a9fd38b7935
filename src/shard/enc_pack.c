/* SPDX-License-Identifier: ISC */
/*
 * enc_pack: 64-bit numbers in blocks of PACK_BLOCK, bit-packed (layout in shard_format.h).
 *
 * A block is either values less its minimum (PACK_FOR: any value in O(1)) or, where values
 * never fall and that is smaller, differences (PACK_DELTA: a block at a time).
 *
 * Reading takes unaligned 64-bit words: a value of up to 57 bits lies in one of them wherever
 * it starts; a wider one takes a ninth byte. pack_open has checked that every block's bits lie
 * in the bytes, and that 8 bytes follow the last block, so no read leaves them.
 */
#include "shard/enc.h"

#include <endian.h>

#include "base/cpu.h"
#include "lanes_i.h"

#define HEAD_BYTES 8
#define TAIL_BYTES 8
#define ONE_WORD_BITS UNPACK_MAX_WIDTH
#define VECTOR_LEAST 32		/* numbers worth laying out the lanes */
#define SUM_LEAST 16

static uint64_t
load_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return le64toh(v);
}

static uint32_t
load_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return le32toh(v);
}

static void
store_u64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof v);
}

static void
store_u32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof v);
}

static unsigned
bits_of(uint64_t v)
{
	return v == 0 ? 0 : 64 - (unsigned)__builtin_clzll(v);
}

static uint64_t
mask_of(unsigned width)
{
	return width == 64 ? UINT64_MAX : ((uint64_t)1 << width) - 1;
}

/* Numbers stored in a block of n values. */
static size_t
stored_of(unsigned mode, size_t n)
{
	return mode == PACK_DELTA ? n - 1 : n;
}

static size_t
data_bytes(unsigned mode, unsigned width, size_t n)
{
	return (stored_of(mode, n) * width + 7) / 8;
}

/* ---- encoding ---- */

static struct pack_block
choose_block(const uint64_t *v, size_t n, bool may_delta)
{
	struct pack_block b = { v[0], v[0], 0, 0, PACK_FOR };
	uint64_t deltas = 0;
	bool rising = true;

	for (size_t i = 1; i < n; i++) {
		if (v[i] < v[i - 1])
			rising = false;
		deltas |= v[i] - v[i - 1];
		if (v[i] < b.base)
			b.base = v[i];
		if (v[i] > b.max)
			b.max = v[i];
	}
	b.width = (uint8_t)bits_of(b.max - b.base);
	if (may_delta && rising && data_bytes(PACK_DELTA, bits_of(deltas), n) <
	    data_bytes(PACK_FOR, b.width, n)) {
		b.mode = PACK_DELTA;
		b.width = (uint8_t)bits_of(deltas);
	}
	return b;
}

/* Writes the block's bits at p, which has room for whole words; returns bytes used. */
static size_t
put_bits(uint8_t *p, const struct pack_block *b, const uint64_t *v, size_t n)
{
	uint8_t *from = p;
	uint64_t acc = 0;
	unsigned fill = 0;

	if (b->width == 0)
		return 0;
	for (size_t i = b->mode == PACK_DELTA; i < n; i++) {
		uint64_t x = b->mode == PACK_DELTA ? v[i] - v[i - 1] : v[i] - b->base;

		acc |= x << fill;
		fill += b->width;
		if (fill >= 64) {
			store_u64(p, acc);
			p += 8;
			fill -= 64;
			acc = fill == 0 ? 0 : x >> (b->width - fill);
		}
	}
	for (; fill > 0; fill -= fill < 8 ? fill : 8) {
		*p++ = (uint8_t)acc;
		acc >>= 8;
	}
	return (size_t)(p - from);
}

static void
put_dir(uint8_t *p, const struct pack_block *b)
{
	store_u64(p, b->base);
	store_u64(p + 8, b->max);
	store_u32(p + 16, b->off);
	p[20] = b->width;
	p[21] = b->mode;
	p[22] = p[23] = 0;
}

static void
encode(struct buf *out, const uint64_t *v, size_t n, bool may_delta)
{
	size_t n_blocks = (n + PACK_BLOCK - 1) / PACK_BLOCK, start = out->n, used = 0;
	size_t dir = HEAD_BYTES + n_blocks * PACK_DIR_BYTES;

	if (!buf_reserve(out, dir + TAIL_BYTES))
		return;
	memset(out->p + start, 0, dir);
	store_u32((uint8_t *)out->p + start, (uint32_t)n);
	out->n += dir;
	for (size_t i = 0; i < n_blocks; i++) {
		const uint64_t *bv = v + i * PACK_BLOCK;
		size_t bn = n - i * PACK_BLOCK < PACK_BLOCK ? n - i * PACK_BLOCK : PACK_BLOCK;
		struct pack_block b = choose_block(bv, bn, may_delta);

		b.off = (uint32_t)used;
		if (!buf_reserve(out, data_bytes(b.mode, b.width, bn) + 16))
			return;
		put_dir((uint8_t *)out->p + start + HEAD_BYTES + i * PACK_DIR_BYTES, &b);
		used += put_bits((uint8_t *)out->p + out->n, &b, bv, bn);
		out->n = start + dir + used;
	}
	used = TAIL_BYTES + (0 - (dir + used + TAIL_BYTES)) % 8;
	if (!buf_reserve(out, used))
		return;
	memset(out->p + out->n, 0, used);
	out->n += used;
}

void
pack_encode(struct buf *out, const uint64_t *v, size_t n)
{
	encode(out, v, n, true);
}

void
pack_encode_for(struct buf *out, const uint64_t *v, size_t n)
{
	encode(out, v, n, false);
}

/* ---- decoding ---- */

static size_t
block_rows(const struct pack *p, size_t block)
{
	size_t left = p->n - block * PACK_BLOCK;

	return left < PACK_BLOCK ? left : PACK_BLOCK;
}

struct pack_block
pack_block(const struct pack *p, size_t block)
{
	const uint8_t *d = p->dir + block * PACK_DIR_BYTES;

	return (struct pack_block){ load_u64(d), load_u64(d + 8), load_u32(d + 16), d[20], d[21] };
}

int
pack_open(struct pack *out, const void *bytes, size_t n_bytes, struct err *e)
{
	const uint8_t *b = bytes;
	struct pack p = { .n_blocks = 0 };
	size_t room, used = 0, head;

	if (n_bytes < HEAD_BYTES + TAIL_BYTES)
		return err_set(e, ERR_CORRUPT, (int64_t)n_bytes, "pack cut short");
	p.n = load_u32(b);
	if (load_u32(b + 4) != 0)
		return err_set(e, ERR_CORRUPT, 4, "pack head is not zero");
	p.n_blocks = p.n / PACK_BLOCK + (p.n % PACK_BLOCK != 0);
	if (p.n_blocks > (n_bytes - HEAD_BYTES - TAIL_BYTES) / PACK_DIR_BYTES)
		return err_set(e, ERR_CORRUPT, 0, "pack of %u numbers in %zu bytes", p.n, n_bytes);
	head = HEAD_BYTES + (size_t)p.n_blocks * PACK_DIR_BYTES;
	room = n_bytes - head - TAIL_BYTES;
	p.dir = b + HEAD_BYTES;
	p.data = b + head;
	for (size_t i = 0; i < p.n_blocks; i++) {
		struct pack_block blk = pack_block(&p, i);
		int64_t at = (int64_t)(HEAD_BYTES + i * PACK_DIR_BYTES);
		size_t need;

		if (blk.width > 64 || blk.mode > PACK_DELTA || blk.max < blk.base ||
		    p.dir[i * PACK_DIR_BYTES + 22] != 0 || p.dir[i * PACK_DIR_BYTES + 23] != 0)
			return err_set(e, ERR_CORRUPT, at, "malformed block of a pack");
		need = data_bytes(blk.mode, blk.width, block_rows(&p, i));
		if (blk.off > room || need > room - blk.off)
			return err_set(e, ERR_CORRUPT, at, "block of a pack outside its bytes");
		if (blk.off + need > used)
			used = blk.off + need;
	}
	p.n_bytes = (head + used + TAIL_BYTES + 7) / 8 * 8;
	if (p.n_bytes > n_bytes)
		return err_set(e, ERR_CORRUPT, (int64_t)n_bytes, "pack is not padded");
	*out = p;
	return 0;
}

static uint64_t
get_wide(const uint8_t *data, size_t bit, unsigned width)
{
	const uint8_t *p = data + bit / 8;
	unsigned shift = bit % 8;
	uint64_t v = load_u64(p) >> shift;

	if (shift != 0)
		v |= (uint64_t)p[8] << (64 - shift);
	return v & mask_of(width);
}

static uint64_t
get_bits(const uint8_t *data, size_t bit, unsigned width)
{
	if (width > ONE_WORD_BITS)
		return get_wide(data, bit, width);
	return load_u64(data + bit / 8) >> (bit % 8) & mask_of(width);
}

static size_t
unpack_fast(const uint8_t *data, size_t bytes, unsigned width, uint64_t add, size_t first,
    size_t n, uint64_t *out)
{
#if defined(__x86_64__)
	if (n >= VECTOR_LEAST && (cpu_features() & CPU_AVX2) != 0)
		return unpack_avx2(data, data + bytes, first * width, width, add, n, out);
#else
	(void)data, (void)bytes, (void)width, (void)add, (void)first, (void)n, (void)out;
#endif
	return 0;
}

/* Numbers [first, first + n) of the `stored` ones at data, plus `add`. */
static void
unpack(const uint8_t *data, size_t stored, unsigned width, uint64_t add, size_t first, size_t n,
    uint64_t *out)
{
	uint64_t mask = mask_of(width);
	size_t bit, i = 0;

	if (width == 0) {
		for (; i < n; i++)
			out[i] = add;
	} else if (width > ONE_WORD_BITS) {
		for (bit = first * width; i < n; i++, bit += width)
			out[i] = add + get_wide(data, bit, width);
	} else {
		i = unpack_fast(data, (stored * width + 7) / 8 + TAIL_BYTES, width, add, first,
		    n, out);
		for (bit = (first + i) * width; i < n; i++, bit += width)
			out[i] = add + (load_u64(data + bit / 8) >> (bit % 8) & mask);
	}
}

size_t
pack_decode_block(const struct pack *p, size_t block, uint64_t *out)
{
	struct pack_block b = pack_block(p, block);
	size_t n = block_rows(p, block);

	if (b.mode == PACK_FOR) {
		unpack(p->data + b.off, n, b.width, b.base, 0, n, out);
		return n;
	}
	out[0] = b.base;
	unpack(p->data + b.off, n - 1, b.width, 0, 0, n - 1, out + 1);
	for (size_t i = 1; i < n; i++)
		out[i] += out[i - 1];
	return n;
}

/* The sum of the first n of the `stored` numbers at data: none of them is written down. */
static uint64_t
sum_gaps(const uint8_t *data, size_t stored, unsigned width, size_t n)
{
	uint64_t s = 0;
	size_t i = 0;

	if (width == 0)
		return 0;
#if defined(__x86_64__)
	if (n >= SUM_LEAST && width <= ONE_WORD_BITS && (cpu_features() & CPU_AVX2) != 0)
		i = unpack_sum_avx2(data, data + (stored * width + 7) / 8 + TAIL_BYTES, width, n, &s);
#else
	(void)stored;
#endif
	for (; i < n; i++)
		s += get_bits(data, i * width, width);
	return s;
}

/* Number `at` of a block of differences. A step is whole bytes: 64 numbers of any width. */
static uint64_t
delta_at(const struct pack *p, const uint64_t *steps, const struct pack_block *b, size_t block,
    size_t at)
{
	size_t stored = block_rows(p, block) - 1, k = at / PACK_STEP, from = k * PACK_STEP;
	const uint8_t *data = p->data + b->off;

	if (steps == NULL || k == 0)
		return b->base + sum_gaps(data, stored, b->width, at);
	return steps[block * (PACK_BLOCK / PACK_STEP) + k] +
	    sum_gaps(data + from / 8 * b->width, stored - from, b->width, at - from);
}

/* Numbers [at, at + n) of a block of differences: what lies behind them is not looked at. */
static void
decode_within(const struct pack *p, const uint64_t *steps, const struct pack_block *b,
    size_t block, size_t at, size_t n, uint64_t *out)
{
	size_t stored = block_rows(p, block) - 1;
	const uint8_t *data = p->data + b->off;

	out[0] = delta_at(p, steps, b, block, at);
	unpack(data, stored, b->width, 0, at, n - 1, out + 1);
	for (size_t i = 1; i < n; i++)
		out[i] += out[i - 1];
}

void
pack_decode(const struct pack *p, size_t first, size_t n, uint64_t *out)
{
	pack_decode_steps(p, NULL, first, n, out);
}

void
pack_decode_steps(const struct pack *p, const uint64_t *steps, size_t first, size_t n,
    uint64_t *out)
{
	while (n > 0) {
		size_t block = first / PACK_BLOCK, at = first % PACK_BLOCK;
		size_t take = block_rows(p, block) - at;
		struct pack_block b = pack_block(p, block);

		if (take > n)
			take = n;
		if (b.mode == PACK_FOR)
			unpack(p->data + b.off, block_rows(p, block), b.width, b.base, at, take,
			    out);
		else if (at == 0 && take == block_rows(p, block))
			pack_decode_block(p, block, out);
		else
			decode_within(p, steps, &b, block, at, take, out);
		first += take;
		out += take;
		n -= take;
	}
}

uint64_t
pack_at(const struct pack *p, size_t i)
{
	return pack_at_steps(p, NULL, i);
}

uint64_t
pack_at_steps(const struct pack *p, const uint64_t *steps, size_t i)
{
	struct pack_block b = pack_block(p, i / PACK_BLOCK);
	const uint8_t *data = p->data + b.off;
	size_t at = i % PACK_BLOCK;

	if (b.width == 0)
		return b.base;
	if (b.mode == PACK_FOR)
		return b.base + get_bits(data, at * b.width, b.width);
	return delta_at(p, steps, &b, i / PACK_BLOCK, at);
}

size_t
pack_n_steps(const struct pack *p)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		if (pack_block(p, i).mode == PACK_DELTA)
			return p->n_blocks * (PACK_BLOCK / PACK_STEP);
	return 0;
}

void
pack_make_steps(const struct pack *p, uint64_t *steps)
{
	uint64_t v[PACK_BLOCK];

	for (size_t i = 0; i < p->n_blocks; i++) {
		size_t n = pack_block(p, i).mode == PACK_DELTA ? pack_decode_block(p, i, v) : 0;

		for (size_t k = 0; k < PACK_BLOCK; k += PACK_STEP)
			*steps++ = k < n ? v[k] : 0;
	}
}

static bool
block_below(const struct pack *p, size_t block, uint64_t limit)
{
	uint64_t v[PACK_BLOCK];
	struct pack_block b = pack_block(p, block);
	size_t n;

	/* No number of that width can reach the limit: nothing to decode. */
	if (b.base < limit && (b.width == 0 ||
	    (b.mode == PACK_FOR && mask_of(b.width) < limit - b.base)))
		return true;
	n = pack_decode_block(p, block, v);
	for (size_t i = 0; i < n; i++)
		if (v[i] >= limit)
			return false;
	return true;
}

bool
pack_below(const struct pack *p, uint64_t limit)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		if (!block_below(p, i, limit))
			return false;
	return true;
}

bool
pack_rising(const struct pack *p, bool strictly)
{
	uint64_t v[PACK_BLOCK], last = 0;

	for (size_t b = 0; b < p->n_blocks; b++) {
		size_t n = pack_decode_block(p, b, v);

		for (size_t i = 0; i < n; i++) {
			if (v[i] < last || (strictly && b + i > 0 && v[i] == last))
				return false;
			last = v[i];
		}
	}
	return true;
}
