/* SPDX-License-Identifier: ISC */
/*
 * roaring: the portable Roaring format, whole (little-endian):
 *
 *   without runs  u32 12346, u32 n containers
 *   with runs     u16 12347, u16 n - 1, then a bit per container: it is of runs
 *   per container u16 high half of its numbers, u16 how many less 1
 *   per container u32 offset from the start; left out with runs and less than 4 containers
 *   containers    runs: u16 n_runs, each u16 first, u16 length - 1
 *                 up to 4096 numbers: u16 low half each, rising; else 8 KiB of bits
 *
 * A container is of runs where that takes fewer bytes than both others. Sets here have few
 * containers (a shard has at most 2^20 rows: 16), so they are always walked from the first.
 *
 * Why not CRoaring (0.2.66, on the postings of 1M and 10M spans): it copies a set to read it,
 * looks at no contents (roaring_check would stay) and has no call that gives words of bits: those
 * of 116,000 rows take 181 us by it, 8 here. Of 245,556 lists all but 958 are packed here and no
 * sets: 4.7 MB together, 9.9 as sets. It is better at the AND of two lists of 100 rows and more,
 * by up to 8 us; but filters want words, to AND them with those of what is scanned.
 */
#include "roaring_i.h"

#include "base/bitmap.h"
#include "base/search.h"

#define COOKIE 12346u
#define COOKIE_RUNS 12347u
#define OFFSETS_FROM 4
#define LIST_MOST 4096
#define BITS_BYTES 8192
#define CONTAINER 65536u

enum form { FORM_LIST, FORM_BITS, FORM_RUNS };

struct container {
	uint32_t high;		/* shifted: its first possible number */
	uint32_t n, n_runs;
	enum form form;
	const uint8_t *p;	/* list, bits, or runs behind their number */
};

struct walk {
	const uint8_t *bytes, *is_run, *head, *next;
	uint32_t n, i;
};

static uint32_t
load_u16(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t
load_u32(const uint8_t *p)
{
	return load_u16(p) | load_u16(p + 2) << 16;
}

static void
put_u16(struct buf *b, uint32_t v)
{
	uint8_t p[2] = { (uint8_t)v, (uint8_t)(v >> 8) };

	buf_put(b, p, sizeof p);
}

/* ---- writing ---- */

static size_t
container_bytes(const struct container *c)
{
	return c->form == FORM_RUNS ? 2 + (size_t)c->n_runs * 4 :
	    c->form == FORM_LIST ? (size_t)c->n * 2 : BITS_BYTES;
}

/* The container of v[0], and how many numbers it takes. */
static struct container
measure(const uint32_t *v, size_t n)
{
	struct container c = { .high = v[0] & ~(CONTAINER - 1), .n_runs = 1 };
	size_t lo = 1;

	if (v[n - 1] - c.high < CONTAINER)
		lo = n;
	LOWER_BOUND(lo, n, i, v[i] - c.high < CONTAINER);
	c.n = (uint32_t)lo;
	for (uint32_t i = 1; i < c.n; i++)
		c.n_runs += v[i] != v[i - 1] + 1;
	c.form = c.n <= LIST_MOST ? FORM_LIST : FORM_BITS;
	if (2 + (size_t)c.n_runs * 4 < container_bytes(&c))
		c.form = FORM_RUNS;
	return c;
}

struct shape {
	uint32_t n;		/* containers */
	bool runs;
	size_t bytes;		/* of containers */
};

static struct shape
shape_of(const uint32_t *v, size_t n)
{
	struct shape s = { 0, false, 0 };

	for (size_t i = 0; i < n;) {
		struct container c = measure(v + i, n - i);

		i += c.n;
		s.n++;
		s.runs |= c.form == FORM_RUNS;
		s.bytes += container_bytes(&c);
	}
	return s;
}

static size_t
head_bytes(uint32_t n, bool runs)
{
	size_t bytes = runs ? 4 + ((size_t)n + 7) / 8 : 8;

	bytes += (size_t)n * 4;
	return !runs || n >= OFFSETS_FROM ? bytes + (size_t)n * 4 : bytes;
}

size_t
roaring_bytes(const uint32_t *v, size_t n)
{
	struct shape s = shape_of(v, n);

	return head_bytes(s.n, s.runs) + s.bytes;
}

static void
put_runs(struct buf *b, const uint32_t *v, const struct container *c)
{
	uint32_t from = 0;

	put_u16(b, c->n_runs);
	for (uint32_t i = 1; i <= c->n; i++)
		if (i == c->n || v[i] != v[i - 1] + 1) {
			put_u16(b, v[from]);
			put_u16(b, i - 1 - from);
			from = i;
		}
}

static void
put_bits(struct buf *b, const uint32_t *v, const struct container *c)
{
	if (!buf_reserve(b, BITS_BYTES))
		return;
	memset(b->p + b->n, 0, BITS_BYTES);
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t low = v[i] - c->high;

		b->p[b->n + low / 8] = (char)((uint8_t)b->p[b->n + low / 8] | 1u << low % 8);
	}
	b->n += BITS_BYTES;
}

static void
put_container(struct buf *b, const uint32_t *v, const struct container *c)
{
	if (c->form == FORM_RUNS)
		put_runs(b, v, c);
	else if (c->form == FORM_BITS)
		put_bits(b, v, c);
	else
		for (uint32_t k = 0; k < c->n; k++)
			put_u16(b, v[k]);
}

static void
set_u16(char *p, uint32_t v)
{
	p[0] = (char)v;
	p[1] = (char)(v >> 8);
}

/* What the head at p says of container i, which begins at offset `at`. */
static void
set_head(char *p, const struct shape *s, uint32_t i, const struct container *c, size_t at)
{
	char *head = p + (s->runs ? 4 + (s->n + 7) / 8 : 8);

	if (c->form == FORM_RUNS)
		p[4 + i / 8] = (char)((uint8_t)p[4 + i / 8] | 1u << i % 8);
	set_u16(head + (size_t)i * 4, c->high >> 16);
	set_u16(head + (size_t)i * 4 + 2, c->n - 1);
	if (!s->runs || s->n >= OFFSETS_FROM) {
		head += (size_t)s->n * 4 + (size_t)i * 4;
		set_u16(head, (uint32_t)at);
		set_u16(head + 2, (uint32_t)(at >> 16));
	}
}

void
roaring_put(struct buf *b, const uint32_t *v, size_t n)
{
	struct shape s = shape_of(v, n);
	size_t start = b->n, head = head_bytes(s.n, s.runs);
	struct container c;
	uint32_t k = 0;

	if (!buf_reserve(b, head))
		return;
	memset(b->p + start, 0, head);
	set_u16(b->p + start, s.runs ? COOKIE_RUNS : COOKIE);
	set_u16(b->p + start + (s.runs ? 2 : 4), s.runs ? s.n - 1 : s.n);
	if (!s.runs)
		set_u16(b->p + start + 6, s.n >> 16);
	b->n += head;
	for (size_t i = 0; i < n && !b->oom; i += c.n, k++) {
		c = measure(v + i, n - i);
		set_head(b->p + start, &s, k, &c, b->n - start);
		put_container(b, v + i, &c);
	}
}

/* ---- reading ---- */

static struct walk
walk_begin(const uint8_t *p)
{
	bool runs = load_u16(p) == COOKIE_RUNS;
	struct walk w = { .bytes = p };

	w.n = runs ? load_u16(p + 2) + 1 : load_u32(p + 4);
	w.is_run = runs ? p + 4 : NULL;
	w.head = p + (runs ? 4 + (w.n + 7) / 8 : 8);
	w.next = p + head_bytes(w.n, runs);
	return w;
}

static bool
walk_next(struct walk *w, struct container *c)
{
	const uint8_t *h;

	if (w->i == w->n)
		return false;
	h = w->head + (size_t)w->i * 4;
	c->high = load_u16(h) << 16;
	c->n = load_u16(h + 2) + 1;
	c->p = w->next;
	c->n_runs = 0;
	if (w->is_run != NULL && w->is_run[w->i / 8] >> w->i % 8 & 1) {
		c->form = FORM_RUNS;
		c->n_runs = load_u16(c->p);
		c->p += 2;
		w->next = c->p + (size_t)c->n_runs * 4;
	} else {
		c->form = c->n <= LIST_MOST ? FORM_LIST : FORM_BITS;
		w->next = c->p + container_bytes(c);
	}
	w->i++;
	return true;
}

/* What is set in a container lies in [0, *last]; the count is the head's. */
static bool
check_list(const struct container *c, uint32_t *last)
{
	*last = load_u16(c->p);
	for (uint32_t i = 1; i < c->n; i++) {
		uint32_t v = load_u16(c->p + (size_t)i * 2);

		if (v <= *last)
			return false;
		*last = v;
	}
	return true;
}

static bool
check_bits(const struct container *c, uint32_t *last)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < BITS_BYTES / 8; i++) {
		uint64_t w;

		memcpy(&w, c->p + (size_t)i * 8, 8);
		n += bitmap_ones(w);
		if (w != 0)
			*last = i * 64 + 63 - (uint32_t)__builtin_clzll(w);
	}
	return n == c->n;
}

/* Runs neither overlap nor touch. */
static bool
check_runs(const struct container *c, uint32_t *last)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_runs; i++) {
		uint32_t from = load_u16(c->p + (size_t)i * 4);
		uint32_t more = load_u16(c->p + (size_t)i * 4 + 2);

		if (from + more >= CONTAINER || (i > 0 && from <= *last + 1))
			return false;
		*last = from + more;
		n += more + 1;
	}
	return n == c->n;
}

static bool
check_container(const struct walk *w, const struct container *c, bool offsets, uint32_t *last)
{
	const uint8_t *off = w->head + (size_t)w->n * 4 + (size_t)(w->i - 1) * 4;
	const uint8_t *start = c->p - (c->form == FORM_RUNS ? 2 : 0);

	if (offsets && load_u32(off) != (size_t)(start - w->bytes))
		return false;
	return c->form == FORM_LIST ? check_list(c, last) :
	    c->form == FORM_BITS ? check_bits(c, last) : check_runs(c, last);
}

/* Whether a walk of the bytes stays in them: only then a walk may be made. */
static bool
head_ok(const uint8_t *p, size_t n_bytes, bool *offsets)
{
	bool runs;
	uint32_t n;

	if (n_bytes < 8)
		return false;
	runs = load_u16(p) == COOKIE_RUNS;
	if (!runs && load_u32(p) != COOKIE)
		return false;
	n = runs ? load_u16(p + 2) + 1 : load_u32(p + 4);
	*offsets = !runs || n >= OFFSETS_FROM;
	return n > 0 && n <= CONTAINER && head_bytes(n, runs) <= n_bytes;
}

bool
roaring_check(const uint8_t *p, size_t n_bytes, uint32_t n, uint32_t limit)
{
	const uint8_t *end = p + n_bytes;
	uint32_t last = 0, seen = 0;
	struct container c;
	struct walk w;
	bool offsets;

	if (!head_ok(p, n_bytes, &offsets))
		return false;
	w = walk_begin(p);
	for (uint32_t before = 0; w.i < w.n; before = c.high) {
		bool run = w.is_run != NULL && w.is_run[w.i / 8] >> w.i % 8 & 1;

		/* Before walk_next reads a number of runs. */
		if (run && end - w.next < 2)
			return false;
		(void)walk_next(&w, &c);
		if (w.next > end || (w.i > 1 && c.high <= before) || c.n > n - seen ||
		    !check_container(&w, &c, offsets, &last))
			return false;
		seen += c.n;
		if (c.high >= limit || last >= limit - c.high)
			return false;
	}
	return seen == n && w.next == end;
}

/* The 64 bits of a word at bit `at` (which may be before 0 or past n) of n bits. */
static void
or_word(uint64_t *words, uint32_t n, int64_t at, uint64_t v)
{
	uint64_t u;

	if (at <= -64 || at >= n)
		return;
	if (at < 0) {
		v >>= -at;
		at = 0;
	}
	if (n - at < 64)
		v &= ((uint64_t)1 << (n - at)) - 1;
	u = (uint64_t)at;
	words[u / 64] |= v << u % 64;
	if (u % 64 != 0 && v >> (64 - u % 64) != 0)
		words[u / 64 + 1] |= v >> (64 - u % 64);
}

static void
or_container(const struct container *c, uint32_t from, uint32_t to, uint64_t *words)
{
	uint32_t n = to - from;

	if (c->form == FORM_LIST) {
		for (uint32_t i = 0; i < c->n; i++) {
			uint32_t v = (c->high | load_u16(c->p + (size_t)i * 2)) - from;

			if (v < n)
				bitmap_set(words, v);
		}
	} else if (c->form == FORM_BITS) {
		uint32_t first = from > c->high ? (from - c->high) / 64 : 0;

		for (uint32_t i = first; i < BITS_BYTES / 8 && c->high + i * 64 < to; i++) {
			uint64_t w;

			memcpy(&w, c->p + (size_t)i * 8, 8);
			if (w != 0)
				or_word(words, n, (int64_t)c->high + i * 64 - from, w);
		}
	} else {
		for (uint32_t i = 0; i < c->n_runs; i++) {
			uint32_t a = c->high | load_u16(c->p + (size_t)i * 4);
			uint32_t b = a + load_u16(c->p + (size_t)i * 4 + 2) + 1;

			a = a < from ? from : a;
			b = b > to ? to : b;
			if (a < b)
				bitmap_set_range(words, a - from, b - from);
		}
	}
}

void
roaring_or(const uint8_t *p, uint32_t from, uint32_t to, uint64_t *words)
{
	struct walk w = walk_begin(p);
	struct container c;

	while (walk_next(&w, &c) && c.high < to)
		if (from < c.high || from - c.high < CONTAINER)
			or_container(&c, from, to, words);
}

uint32_t
roaring_list(const uint8_t *p, uint32_t *out)
{
	struct walk w = walk_begin(p);
	struct container c;
	uint32_t n = 0;

	while (walk_next(&w, &c)) {
		if (c.form == FORM_LIST) {
			for (uint32_t i = 0; i < c.n; i++)
				out[n++] = c.high | load_u16(c.p + (size_t)i * 2);
		} else if (c.form == FORM_BITS) {
			for (uint32_t i = 0; i < BITS_BYTES / 8; i++) {
				uint64_t bits;

				memcpy(&bits, c.p + (size_t)i * 8, 8);
				for (; bits != 0; bits &= bits - 1)
					out[n++] = c.high + i * 64 +
					    (uint32_t)__builtin_ctzll(bits);
			}
		} else {
			for (uint32_t i = 0; i < c.n_runs; i++) {
				uint32_t v = c.high | load_u16(c.p + (size_t)i * 4);
				uint32_t more = load_u16(c.p + (size_t)i * 4 + 2);

				for (uint32_t k = 0; k <= more; k++)
					out[n++] = v + k;
			}
		}
	}
	return n;
}
