/* SPDX-License-Identifier: ISC */
/*
 * poslist: reading and writing of the lists of an index (poslist.h).
 *
 * The packed numbers of all keys lie end to end, found by the pack of ends; a key whose list
 * there is empty has a Roaring set (found in a table by its key) or, in text indexes, occurs
 * in so many places that they are not told. poslist_open looks at every number once; later
 * reads check nothing.
 */
#include "shard/poslist.h"

#include "base/search.h"
#include "roaring_i.h"

#define HEAD_BYTES 24
#define DIR_BYTES 16
/* A shorter list is never a set: the head of a set takes as much. */
#define SET_LEAST 16
/* From so many numbers on, the start of a range is looked for by halves. */
#define LONG_LIST 64

static uint32_t
load_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* ---- writing ---- */

static void
put_u32(struct buf *b, uint32_t v)
{
	uint8_t p[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	buf_put(b, p, sizeof p);
}

static void
set_u32(struct buf *b, size_t at, size_t v)
{
	if (b->oom)
		return;
	for (unsigned i = 0; i < 4; i++)
		b->p[at + i] = (char)(v >> 8 * i);
}

static void
pad8(struct buf *b)
{
	static const char zero[8];

	buf_put(b, zero, (0 - b->n) % 8);
}

enum how { HOW_PACKED, HOW_SET, HOW_ANY };

static enum how
how_of(const uint32_t *v, uint32_t n, unsigned bits, uint32_t any_above)
{
	if (n > any_above)
		return HOW_ANY;
	if (n < SET_LEAST)
		return HOW_PACKED;
	return (roaring_bytes(v, n) + DIR_BYTES) * 8 < (size_t)n * bits ? HOW_SET : HOW_PACKED;
}

struct put {
	struct buf *b;
	const uint32_t *ends, *v;
	uint32_t n, any_above;
	unsigned bits;
};

static const uint32_t *
list_at(const struct put *p, uint32_t key, uint32_t *n, enum how *how)
{
	uint32_t from = key == 0 ? 0 : p->ends[key - 1];

	*n = p->ends[key] - from;
	*how = how_of(p->v + from, *n, p->bits, p->any_above);
	return p->v + from;
}

/* The table of sets, then their bytes; returns how many there are. */
static uint32_t
put_sets(const struct put *p, const uint8_t *is_set, size_t *bytes)
{
	struct buf *b = p->b;
	uint32_t n_sets = 0, k = 0, n;
	size_t dir, sets;

	for (uint32_t i = 0; i < p->n; i++)
		n_sets += is_set[i];
	dir = b->n;
	if (!buf_reserve(b, (size_t)n_sets * DIR_BYTES))
		return 0;
	b->n += (size_t)n_sets * DIR_BYTES;
	sets = b->n;
	for (uint32_t i = 0; i < p->n && !b->oom; i++) {
		uint32_t from = i == 0 ? 0 : p->ends[i - 1];
		size_t at = b->n;

		if (!is_set[i])
			continue;
		n = p->ends[i] - from;
		roaring_put(b, p->v + from, n);
		set_u32(b, dir, i);
		set_u32(b, dir + 4, n);
		set_u32(b, dir + 8, at - sets);
		set_u32(b, dir + 12, b->n - at);
		dir += DIR_BYTES;
		k++;
	}
	*bytes = b->n - sets;
	pad8(b);
	return k;
}

void
poslist_put(struct buf *b, const uint32_t *ends, uint32_t n, const uint32_t *v,
    uint32_t limit, uint32_t any_above, uint64_t *tmp)
{
	struct put p = { b, ends, v, n, any_above, 1 };
	size_t head = b->n, at, bytes = 0;
	uint32_t n_vals = 0, n_sets, n_list;
	uint8_t *is_set = calloc(n, 1);
	const uint32_t *list;
	enum how how;

	if (is_set == NULL) {
		b->oom = true;
		return;
	}
	if (limit > 1)
		p.bits = 32 - (unsigned)__builtin_clz(limit - 1);
	put_u32(b, n);
	for (unsigned i = 1; i < HEAD_BYTES / 4; i++)
		put_u32(b, 0);
	for (uint32_t i = 0; i < n; i++) {
		list = list_at(&p, i, &n_list, &how);
		is_set[i] = how == HOW_SET;
		n_vals += how == HOW_PACKED ? n_list : 0;
		tmp[i] = n_vals;
	}
	at = b->n;
	pack_encode_for(b, tmp, n);
	set_u32(b, head + 8, b->n - at);
	n_vals = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t from = i == 0 ? 0 : ends[i - 1];

		list = v + from;
		n_list = ends[i] - from;
		if (!is_set[i] && n_list <= any_above)
			for (uint32_t k = 0; k < n_list; k++)
				tmp[n_vals++] = list[k];
	}
	at = b->n;
	pack_encode(b, tmp, n_vals);
	set_u32(b, head + 12, b->n - at);
	n_sets = put_sets(&p, is_set, &bytes);
	set_u32(b, head + 4, n_sets);
	set_u32(b, head + 16, bytes);
	free(is_set);
}

/* ---- opening ---- */

static int
bad(struct err *e, size_t at, const char *why)
{
	return err_set(e, ERR_CORRUPT, (int64_t)at, "%s", why);
}

static int
open_pack(struct pack *out, const uint8_t *p, size_t at, size_t n_bytes, struct err *e)
{
	int rc = pack_open(out, p + at, n_bytes, e);

	if (rc != 0 && e != NULL)
		e->off += (int64_t)at;
	if (rc == 0 && out->n_bytes != n_bytes)
		return bad(e, at, "pack of another size");
	return rc;
}

static int
open_parts(struct poslist *l, const uint8_t *p, size_t n_bytes, struct err *e)
{
	size_t room = n_bytes - HEAD_BYTES, at = HEAD_BYTES, n_dir, n_sets;
	uint32_t n_ends = load_u32(p + 8), n_vals = load_u32(p + 12);
	int rc;

	l->n = load_u32(p);
	l->n_sets = load_u32(p + 4);
	n_sets = load_u32(p + 16);
	if (l->n == 0 || l->n_sets > l->n || n_ends % 8 != 0 || n_vals % 8 != 0 ||
	    n_ends > room || n_vals > room - n_ends || load_u32(p + 20) != 0)
		return bad(e, 0, "malformed head of lists");
	room -= (size_t)n_ends + n_vals;
	if (l->n_sets > room / DIR_BYTES)
		return bad(e, 4, "number of sets");
	n_dir = (size_t)l->n_sets * DIR_BYTES;
	if (n_sets > room - n_dir || (n_sets + 7) / 8 * 8 > room - n_dir)
		return bad(e, 16, "size of the sets");
	if ((rc = open_pack(&l->ends, p, at, n_ends, e)) != 0 ||
	    (rc = open_pack(&l->vals, p, at + n_ends, n_vals, e)) != 0)
		return rc;
	if (l->ends.n != l->n)
		return bad(e, at, "pack of another size");
	at += (size_t)n_ends + n_vals;
	l->dir = p + at;
	l->sets = l->dir + n_dir;
	for (size_t i = n_sets; i % 8 != 0; i++)
		if (l->sets[i] != 0)
			return bad(e, at + n_dir + i, "sets are not padded with zeros");
	l->n_bytes = at + n_dir + (n_sets + 7) / 8 * 8;
	return 0;
}

/* The table: keys rise, the sets follow each other and fill their bytes. */
static int
check_sets(const struct poslist *l, const uint8_t *p, struct err *e)
{
	uint32_t n_bytes = load_u32(p + 16), at = 0, last = 0;

	for (uint32_t i = 0; i < l->n_sets; i++) {
		const uint8_t *d = l->dir + (size_t)i * DIR_BYTES;
		uint32_t key = load_u32(d), n = load_u32(d + 4), bytes = load_u32(d + 12);

		if (key >= l->n || (i > 0 && key <= last))
			return bad(e, (size_t)(d - p), "keys of sets do not rise");
		if (load_u32(d + 8) != at || bytes > n_bytes - at || n == 0)
			return bad(e, (size_t)(d - p), "place of a set");
		if (!roaring_check(l->sets + at, bytes, n, l->limit))
			return bad(e, (size_t)(l->sets + at - p), "malformed set");
		last = key;
		at += bytes;
	}
	return at == n_bytes ? 0 : bad(e, 16, "size of the sets");
}

struct ends_walk {
	const struct poslist *l;
	uint64_t block[PACK_BLOCK];
};

/* The end of a key's packed numbers; called for 0, 1, ... in turn. */
static uint64_t
end_of(struct ends_walk *w, uint32_t key)
{
	if (key % PACK_BLOCK == 0)
		pack_decode_block(&w->l->ends, key / PACK_BLOCK, w->block);
	return w->block[key % PACK_BLOCK];
}

/* Ends rise to the number of values; who has none has a set or, if may_any, may be anywhere. */
static int
check_ends(const struct poslist *l, bool may_any, struct err *e)
{
	struct ends_walk w = { .l = l };
	uint64_t last = 0;
	uint32_t set = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		uint64_t end = end_of(&w, i);
		bool in_sets = set < l->n_sets && load_u32(l->dir + (size_t)set * DIR_BYTES) == i;

		if (end < last || end > l->vals.n)
			return bad(e, HEAD_BYTES, "ends of lists do not rise");
		if (in_sets ? end != last : end == last && !may_any)
			return bad(e, HEAD_BYTES, "list that is empty, or stands twice");
		set += in_sets;
		last = end;
	}
	return last == l->vals.n ? 0 : bad(e, HEAD_BYTES, "lists do not add up");
}

static int
check_vals(const struct poslist *l, const uint8_t *p, struct err *e)
{
	size_t at = HEAD_BYTES + load_u32(p + 8);
	struct ends_walk w = { .l = l };
	uint64_t v[PACK_BLOCK], last = 0, end = 0;
	uint32_t key = 0;

	for (uint32_t i = 0; i < l->vals.n; i++) {
		bool first = false;

		if (i % PACK_BLOCK == 0)
			pack_decode_block(&l->vals, i / PACK_BLOCK, v);
		for (; end <= i; first = true)
			end = end_of(&w, key++);
		if (v[i % PACK_BLOCK] >= l->limit || (!first && v[i % PACK_BLOCK] <= last))
			return bad(e, at, "numbers of a list do not rise");
		last = v[i % PACK_BLOCK];
	}
	return 0;
}

int
poslist_open(struct poslist *out, const uint8_t *p, size_t n_bytes, uint32_t limit,
    bool may_any, struct err *e)
{
	struct poslist l = { .limit = limit };
	int rc;

	if (n_bytes < HEAD_BYTES)
		return bad(e, n_bytes, "lists cut short");
	if ((rc = open_parts(&l, p, n_bytes, e)) != 0 || (rc = check_sets(&l, p, e)) != 0 ||
	    (rc = check_ends(&l, may_any, e)) != 0 || (rc = check_vals(&l, p, e)) != 0)
		return rc;
	*out = l;
	return 0;
}

/* ---- reading ---- */

/* The table's entry of a key, or NULL. */
static const uint8_t *
find_set(const struct poslist *l, uint32_t key)
{
	const uint8_t *d;
	uint32_t at = 0;

	LOWER_BOUND(at, l->n_sets, i, load_u32(l->dir + (size_t)i * DIR_BYTES) < key);
	d = l->dir + (size_t)at * DIR_BYTES;
	return at < l->n_sets && load_u32(d) == key ? d : NULL;
}

/* The key's packed numbers: their first ordinal; *n how many. */
static uint32_t
packed(const struct poslist *l, uint32_t key, uint32_t *n)
{
	uint32_t from = key == 0 ? 0 : (uint32_t)pack_at(&l->ends, key - 1);

	*n = (uint32_t)pack_at(&l->ends, key) - from;
	return from;
}

uint32_t
poslist_count(const struct poslist *l, uint32_t key)
{
	const uint8_t *d;
	uint32_t n;

	(void)packed(l, key, &n);
	if (n != 0 || l->n_sets == 0)
		return n;
	d = find_set(l, key);
	return d == NULL ? 0 : load_u32(d + 4);
}

void
poslist_or(const struct poslist *l, uint32_t key, uint32_t from, uint32_t to,
    uint64_t *words)
{
	uint32_t n, at = packed(l, key, &n), end = at + n;
	uint64_t v[PACK_BLOCK];

	if (n == 0) {
		const uint8_t *d = find_set(l, key);

		if (d != NULL)
			roaring_or(l->sets + load_u32(d + 8), from, to, words);
		return;
	}
	for (uint32_t hi = end; from > 0 && hi - at > LONG_LIST;) {
		uint32_t mid = at + (hi - at) / 2;

		if (pack_at(&l->vals, mid) < from)
			at = mid + 1;
		else
			hi = mid;
	}
	while (at < end) {
		uint32_t take = PACK_BLOCK - at % PACK_BLOCK;

		if (take > end - at)
			take = end - at;
		pack_decode(&l->vals, at, take, v);
		for (uint32_t i = 0; i < take; i++) {
			if (v[i] >= to)
				return;
			if (v[i] >= from)
				words[(v[i] - from) / 64] |= (uint64_t)1 << (v[i] - from) % 64;
		}
		at += take;
	}
}

uint32_t
poslist_list(const struct poslist *l, uint32_t key, uint32_t *out)
{
	uint32_t n, at = packed(l, key, &n);
	uint64_t v[PACK_BLOCK];

	if (n == 0) {
		const uint8_t *d = find_set(l, key);

		return d == NULL ? 0 : roaring_list(l->sets + load_u32(d + 8), out);
	}
	for (uint32_t i = 0; i < n;) {
		uint32_t take = PACK_BLOCK - (at + i) % PACK_BLOCK;

		if (take > n - i)
			take = n - i;
		pack_decode(&l->vals, at + i, take, v);
		for (uint32_t k = 0; k < take; k++)
			out[i + k] = (uint32_t)v[k];
		i += take;
	}
	return n;
}

uint32_t
pack_lower(const struct pack *p, uint64_t v)
{
	uint32_t lo = 0, n;
	uint64_t block[PACK_BLOCK];

	/* The last block that begins below v holds the first number that does not, or ends before. */
	LOWER_BOUND(lo, p->n_blocks, b, pack_at(p, (size_t)b * PACK_BLOCK) < v);
	if (lo == 0)
		return 0;
	n = (uint32_t)pack_decode_block(p, lo - 1, block);
	return (lo - 1) * PACK_BLOCK + (uint32_t)lower_bound_u64(block, 0, n, v);
}
