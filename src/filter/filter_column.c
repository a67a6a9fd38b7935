/* SPDX-License-Identifier: ISC */
/*
 * filter_column: the values of one chunk against a test, on the rows that still count. Values
 * are gone through by blocks of PACK_BLOCK: a block without such a row is passed over, and so
 * is one whose zone tells the answer. Where not every row has a value, sets of rows become
 * sets of ordinals and back; few rows are gone through by a list.
 *
 * What a column needs beside its chunks (dictionary, what is known of its values) is made
 * when the first row group asks, and kept until the shard is done.
 */
#include "filter_i.h"

#include <stdlib.h>

#define EAGER_VALUES 4096	/* values of a dictionary that are all looked at, wanted or not */
#define EAGER_WORDS 65536
#define EAGER_RANGES 64
#define SET_MOST 65536		/* codes of a set: it should stay in the nearest cache */
#define PICK_SHARE 128		/* one row in so many is few */
#define FIND_SHARE 8		/* from one value in so many on, all of a chunk are searched */

/* ---- making a column ready ---- */

/* The smallest string above all that start with `prefix`; false if there is none. */
static bool
after_prefix(struct sv prefix, char *out, size_t *n)
{
	*n = prefix.n;
	memcpy(out, prefix.p, prefix.n);
	while (*n > 0 && (uint8_t)out[*n - 1] == 0xff)
		--*n;
	if (*n == 0)
		return false;
	out[*n - 1] = (char)(out[*n - 1] + 1);
	return true;
}

static int
prefix_range(struct col_state *st, struct sv prefix, struct err *e)
{
	uint32_t lo, hi = st->dict->n;
	size_t n;
	char *next;

	if (prefix.n == 0) {
		lo = 0;
	} else {
		if ((next = malloc(prefix.n)) == NULL)
			return err_nomem(e);
		(void)dict_find(st->dict, prefix, &lo);
		if (after_prefix(prefix, next, &n))
			(void)dict_find(st->dict, sv_new(next, n), &hi);
		free(next);
	}
	if (lo < hi)
		st->code_ranges.v[st->code_ranges.n++] = (struct range){ lo, hi - 1 };
	return 0;
}

static int
by_lo(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* What is between the codes of a list. There is room for one more. */
static void
other_codes(struct ranges *r, uint32_t n_codes)
{
	uint64_t from = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		struct range x = r->v[i];

		if (x.lo > from)
			r->v[n++] = (struct range){ from, x.lo - 1 };
		from = x.hi + 1;
	}
	if (from < n_codes)
		r->v[n++] = (struct range){ from, n_codes - 1 };
	r->n = n;
}

static void
list_range(struct col_state *st, const struct pred *p)
{
	struct ranges *r = &st->code_ranges;
	uint32_t code, n = 0;

	for (size_t i = 0; i < p->n_lits; i++)
		if (dict_find(st->dict, p->lits[i].text, &code))
			r->v[r->n++] = (struct range){ code, code };
	qsort(r->v, r->n, sizeof *r->v, by_lo);
	for (uint32_t i = 0; i < r->n; i++)
		if (n == 0 || r->v[n - 1].lo != r->v[i].lo)
			r->v[n++] = r->v[i];
	r->n = n;
	if (p->op == OP_NE || p->op == OP_NOTIN)
		other_codes(r, st->dict->n);
}

static bool
is_list(enum pred_op op)
{
	return op == OP_EQ || op == OP_NE || op == OP_IN || op == OP_NOTIN;
}

/* Operators that the order of the dictionary answers: ranges of codes. */
static int
dict_ranges(struct col_state *st, struct err *e)
{
	const struct pred *p = st->node->pred;

	if (st->is_rest || st->word.n != 0 || st->col->type != VAL_STRING ||
	    !(is_list(p->op) || p->op == OP_STARTS))
		return 0;
	st->code_ranges.v = calloc(p->n_lits + 2, sizeof *st->code_ranges.v);
	if (st->code_ranges.v == NULL)
		return err_nomem(e);
	st->use_ranges = true;
	if (p->op == OP_STARTS)
		return prefix_range(st, p->lits[0].text, e);
	list_range(st, p);
	return 0;
}

/* ---- values of strings ---- */

/* The value of a rare attribute inside a packed map. */
static bool
map_find(struct sv packed, struct sv key, struct value *out)
{
	struct cursor c = cursor_new(packed.p, packed.n);
	struct sv k;

	while (value_map_next(&c, &k, out))
		if (sv_eq(k, key))
			return true;
	return false;
}

static int
match_bytes(const struct col_state *st, struct sv bytes, struct err *e)
{
	const struct column *c = st->col;
	struct value v = { .type = st->is_rest ? VAL_MAP : c->type, .s = bytes };

	if (st->word.n != 0)
		return value_has_word(&v, st->word);
	if (st->is_rest && !map_find(bytes, st->node->pred->field.key, &v))
		return 0;
	return matcher_value(st->node->m, &v, e);
}

/* Is the test whether strings have a text or word in them? Then many are searched at once. */
static bool
is_search(const struct col_state *st)
{
	const struct pred *p = st->node->pred;

	if (st->is_rest || st->col->type != VAL_STRING)
		return false;
	return st->word.n != 0 || ((p->op == OP_CONTAINS || p->op == OP_NOTCONTAINS) &&
	    p->lits[0].text.n != 0);
}

/* Those of n values that satisfy such a test. */
static void
search(const struct col_state *st, const char *bytes, const uint32_t *offs, uint32_t n,
    uint64_t *words)
{
	const struct pred *p = st->node->pred;

	if (st->word.n != 0) {
		values_find_word(st->word, bytes, offs, n, words);
		return;
	}
	values_find(p->lits[0].text, bytes, offs, n, words);
	if (p->op == OP_NOTCONTAINS)
		bitmap_not(words, n);
}

static int
match_code(void *arg, uint32_t code, struct err *e)
{
	const struct col_state *st = arg;

	return match_bytes(st, dict_at(st->dict, code), e);
}

int
column_code(struct col_state *st, uint32_t code, struct err *e)
{
	if (st->use_ranges)
		return ranges_have(&st->code_ranges, code);
	return codes_one(&st->codes, code, match_code, st, e);
}

/* ---- ready ---- */

/* What is known of all codes, as a set, where ranges would be several tests a value. */
static int
make_set(struct col_state *st, struct err *e)
{
	const struct ranges *r = &st->code_ranges;
	uint32_t n = st->dict->n;

	if (n > SET_MOST || (st->use_ranges && r->n < 2 && n > CODE_SET_SMALL))
		return 0;
	if (code_set_new(n, &st->set, e) < 0)
		return ERR_NOMEM;
	if (!st->use_ranges)
		for (uint32_t i = 0; i < n; i++)
			if (st->codes.state[i] == CODE_YES)
				bitmap_set(st->set.bits, i);
	for (uint32_t i = 0; i < r->n && r->v[i].lo < n; i++)
		bitmap_set_range(st->set.bits, r->v[i].lo,
		    r->v[i].hi < n ? r->v[i].hi + 1 : n);
	return 0;
}

/* The values of a dictionary, searched as one text. */
static int
search_all(struct col_state *st, struct err *e)
{
	const struct dict *d = st->dict;
	uint64_t *words = calloc(BITMAP_WORDS(d->n), sizeof *words);

	if (words == NULL)
		return err_nomem(e);
	search(st, d->bytes, d->offs, d->n, words);
	for (uint32_t i = 0; i < d->n; i++)
		st->codes.state[i] = bitmap_get(words, i) ? CODE_YES : CODE_NO;
	free(words);
	return 0;
}

/* The codes that satisfy, all being known, as ranges if these are few. */
static int
make_ranges(struct col_state *st, struct err *e)
{
	struct ranges *r = &st->code_ranges;
	uint32_t n = st->dict->n, n_runs = 0;
	bool last = false;

	for (uint32_t i = 0; i < n; i++) {
		bool yes = st->codes.state[i] == CODE_YES;

		n_runs += yes && !last;
		last = yes;
	}
	if (n_runs > EAGER_RANGES)
		return 0;
	if ((r->v = calloc(n_runs + 1, sizeof *r->v)) == NULL)
		return err_nomem(e);
	for (uint32_t i = 0; i < n; i++) {
		if (st->codes.state[i] != CODE_YES)
			continue;
		if (r->n > 0 && r->v[r->n - 1].hi + 1 == i)
			r->v[r->n - 1].hi = i;
		else
			r->v[r->n++] = (struct range){ i, i };
	}
	st->use_ranges = true;
	return 0;
}

/*
 * Looks at all values of a small dictionary at once: if none satisfies no chunk need be read,
 * and a few ranges of codes can be held against zones. Not where a value may fail: a value
 * that no row in question has must not; nor where an index has named the few rows.
 */
static int
ask_all(struct col_state *st, struct err *e)
{
	bool found = is_search(st);
	uint32_t n = st->dict->n;
	int rc = 0;

	if (n > (st->word.n != 0 || found ? EAGER_WORDS : EAGER_VALUES) ||
	    (st->word.n == 0 && matcher_can_fail(st->node->m)) ||
	    atomic_load_explicit(&st->lazy, memory_order_relaxed))
		return 0;
	if (found)
		rc = search_all(st, e);
	for (uint32_t i = 0; i < n && !found && rc >= 0; i++)
		rc = codes_one(&st->codes, i, match_code, st, e);
	if (rc < 0 || (rc = make_ranges(st, e)) < 0)
		return rc;
	return make_set(st, e);
}

static int
make_ready(struct xshard *xs, struct col_state *st, struct err *e)
{
	int rc;

	if (st->never || st->any || st->col->kind != COLUMN_DICT)
		return 0;
	if (st->dict == NULL && (rc = dict_get(xs->s, st->col, &st->dict, e)) < 0)
		return rc;
	if (!st->use_ranges && (rc = dict_ranges(st, e)) < 0)
		return rc;
	if (st->use_ranges)
		return st->set.bits != NULL ? 0 : make_set(st, e);
	if (st->codes.state == NULL && (rc = codes_new(st->dict->n, &st->codes, e)) < 0)
		return rc;
	return ask_all(st, e);
}

int
column_ready(struct xshard *xs, struct col_state *st, struct err *e)
{
	int rc = 0;

	if (atomic_load_explicit(&st->ready, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&xs->lock);
	if (!atomic_load_explicit(&st->ready, memory_order_relaxed) &&
	    (rc = make_ready(xs, st, e)) == 0)
		atomic_store_explicit(&st->ready, true, memory_order_release);
	pthread_mutex_unlock(&xs->lock);
	return rc;
}

void
col_state_release(struct col_state *st)
{
	if (st->dict != NULL)
		dict_put(st->dict);
	free(st->code_ranges.v);
	codes_release(&st->codes);
	code_set_release(&st->set);
}

/* ---- numbers and codes ---- */

static int
test_values(const struct col_test *t, const uint64_t *v, size_t n, const uint64_t *want,
    uint64_t *words, size_t *at, struct err *e)
{
	if (t->set != NULL)
		code_set_test(t->set, v, n, words);
	else if (t->ranges != NULL)
		range_test(v, n, t->ranges, words);
	else
		return codes_test(t->codes, v, n, want, t->fn, t->arg, words, at, e);
	return 0;
}

static int
test_one(const struct col_test *t, uint64_t v, struct err *e)
{
	if (t->set != NULL)
		return bitmap_get(t->set->bits, v);
	if (t->ranges != NULL)
		return ranges_have(t->ranges, v);
	return codes_one(t->codes, (uint32_t)v, t->fn, t->arg, e);
}

#define BLOCK_WORDS (PACK_BLOCK / 64)

/* What a block's zone says: 1 all, 0 none, -1 ask the values. */
static int
ask_zone(struct scan *sc, const struct chunk *c, const struct col_test *t, uint32_t block)
{
	struct pack_block b;

	if (!sc->xs->zones || t->ranges == NULL || c->encoding != ENC_PACK)
		return -1;
	b = pack_block(&c->pack, block);
	if (!ranges_touch(t->ranges, b.base, b.max)) {
		sc->prof->blocks_pruned++;
		return 0;
	}
	return ranges_cover(t->ranges, b.base, b.max) ? 1 : -1;
}

static int
test_block(struct scan *sc, const struct chunk *c, const struct col_test *t, uint32_t block,
    const uint64_t *in, uint64_t *out, uint32_t *bad)
{
	uint32_t first = block * PACK_BLOCK, n = c->n_present - first;
	uint64_t v[PACK_BLOCK], got[BLOCK_WORDS] = { 0 };
	size_t words, at;
	int rc;

	if (n > PACK_BLOCK)
		n = PACK_BLOCK;
	words = BITMAP_WORDS(n);
	if (!bitmap_any(in, n))
		return 0;
	if ((rc = ask_zone(sc, c, t, block)) == 0)
		return 0;
	if (rc > 0) {
		bitmap_or(out, in, n);
		return 0;
	}
	chunk_u64(c, first, n, v);
	if ((rc = test_values(t, v, n, in, got, &at, sc->e)) < 0) {
		*bad = first + (uint32_t)at;
		return rc;
	}
	for (size_t i = 0; i < words; i++)
		out[i] |= got[i] & in[i];
	return 0;
}

/* The first row of `in` from `from` on; n_rows if none. */
static uint32_t
next_row(const uint64_t *in, uint32_t from, uint32_t n_rows)
{
	uint32_t w = from / 64;
	uint64_t word;

	if (from >= n_rows)
		return n_rows;
	word = in[w] & ~(uint64_t)0 << from % 64;
	while (word == 0)
		if (++w >= BITMAP_WORDS(n_rows))
			return n_rows;
		else
			word = in[w];
	return w * 64 + (uint32_t)__builtin_ctzll(word);
}

/* The bits of `in` in [from, to), into out. */
static void
copy_bits(const uint64_t *in, uint32_t from, uint32_t to, uint64_t *out)
{
	for (uint32_t w = from / 64; w * 64 < to; w++) {
		uint64_t mask = ~(uint64_t)0;

		if (w * 64 < from)
			mask <<= from % 64;
		if (to - w * 64 < 64)
			mask &= ((uint64_t)1 << to % 64) - 1;
		out[w] |= in[w] & mask;
	}
}

/* Runs of one value; those without an ordinal in question are passed over. */
static int
test_runs(struct scan *sc, const struct chunk *c, const struct col_test *t, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	uint32_t row = next_row(in, 0, c->n_present);

	for (uint32_t i = 0; i < c->n_runs && row < c->n_present; i++) {
		uint32_t end = c->run_ends[i];
		int rc;

		if (row >= end)
			continue;
		if ((rc = test_one(t, pack_at(&c->pack, i), sc->e)) < 0) {
			*bad = row;
			return rc;
		}
		if (rc > 0)
			copy_bits(in, row, end, out);
		row = next_row(in, end, c->n_present);
	}
	return 0;
}

/* in, out, *bad: ordinals. */
static int
test_ordinals(struct scan *sc, const struct chunk *c, const struct col_test *t, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	uint32_t n_blocks = (c->n_present + PACK_BLOCK - 1) / PACK_BLOCK;
	int rc;

	if (c->encoding == ENC_RLE)
		return test_runs(sc, c, t, in, out, bad);
	for (uint32_t b = 0; b < n_blocks; b++)
		if ((rc = test_block(sc, c, t, b, in + b * BLOCK_WORDS, out + b * BLOCK_WORDS,
		    bad)) < 0)
			return rc;
	return 0;
}

/* The rows of `in` with a value: rows[sel[i]] has ordinal ord[i]. */
struct picked {
	uint32_t *rows, *sel, *ord, n;
};

static int
pick(struct scan *sc, const struct chunk *c, const uint64_t *in, struct picked *p)
{
	uint32_t n;

	if ((p->rows = scan_list(sc, in, c->n_rows, &n)) == NULL)
		return ERR_NOMEM;
	p->sel = arena_alloc(&sc->mem, (n + 1) * sizeof *p->sel);
	p->ord = arena_alloc(&sc->mem, (n + 1) * sizeof *p->ord);
	if (p->sel == NULL || p->ord == NULL)
		return err_nomem(sc->e);
	p->n = chunk_select(c, p->rows, n, p->sel, p->ord);
	return 0;
}

/* Ordinals [i, j) of the list are of one block. */
static int
test_some(struct scan *sc, const struct chunk *c, const struct col_test *t,
    const struct picked *p, uint32_t i, uint32_t n, uint64_t *out, uint32_t *bad)
{
	uint64_t v[PACK_BLOCK], got[BLOCK_WORDS] = { 0 }, some[BLOCK_WORDS] = { 0 };
	int rc = ask_zone(sc, c, t, p->ord[i] / PACK_BLOCK);
	size_t at;

	if (rc == 0)
		return 0;
	if (rc > 0) {
		for (uint32_t k = i; k < i + n; k++)
			bitmap_set(out, p->rows[p->sel[k]]);
		return 0;
	}
	bitmap_set_range(some, 0, n);
	chunk_gather(c, p->ord + i, n, v);
	if ((rc = test_values(t, v, n, some, got, &at, sc->e)) < 0) {
		*bad = p->rows[p->sel[i + at]];
		return rc;
	}
	BITMAP_EACH(got, n, k)
		bitmap_set(out, p->rows[p->sel[i + k]]);
	return 0;
}

/* Few rows: one by one. */
static int
test_picked(struct scan *sc, const struct chunk *c, const struct col_test *t,
    const uint64_t *in, uint64_t *out, uint32_t *bad)
{
	struct picked p;
	int rc;

	if ((rc = pick(sc, c, in, &p)) < 0)
		return rc;
	sc->prof->values_tested += p.n;
	for (uint32_t i = 0, j; i < p.n; i = j) {
		uint32_t end = (p.ord[i] / PACK_BLOCK + 1) * PACK_BLOCK;

		for (j = i + 1; j < p.n && p.ord[j] < end; j++)
			;
		if ((rc = test_some(sc, c, t, &p, i, j - i, out, bad)) < 0)
			return rc;
	}
	return 0;
}

int
chunk_test(struct scan *sc, const struct chunk *c, const struct col_test *t, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	uint64_t *want, *got;
	int rc;

	if (!chunk_all(c) && bitmap_count(in, c->n_rows) <= c->n_rows / PICK_SHARE)
		return test_picked(sc, c, t, in, out, bad);
	sc->prof->values_tested += c->n_present;
	if (chunk_all(c))
		return test_ordinals(sc, c, t, in, out, bad);
	want = scan_bits(sc, c->n_present + 64);
	got = scan_bits(sc, c->n_present + 64);
	if (want == NULL || got == NULL)
		return ERR_NOMEM;
	chunk_ordinals(c, in, want);
	if ((rc = test_ordinals(sc, c, t, want, got, bad)) < 0) {
		*bad = chunk_row(c, *bad);
		return rc;
	}
	if (bitmap_any(got, c->n_present))
		chunk_rows(c, got, out);
	return 0;
}

/* ---- a leaf on a column ---- */

/* All strings of a chunk at once, whatever their rows. */
static int
search_chunk(struct scan *sc, const struct chunk *c, struct col_state *st, const uint64_t *in,
    uint64_t *out)
{
	uint64_t *ords = scan_bits(sc, c->n_present + 64), *rows = scan_bits(sc, c->n_rows);

	if (ords == NULL || rows == NULL)
		return ERR_NOMEM;
	sc->prof->texts_tested += c->n_present;
	search(st, c->bytes, c->offs, c->n_present, ords);
	chunk_rows(c, ords, rows);
	bitmap_and(rows, in, c->n_rows);
	bitmap_or(out, rows, c->n_rows);
	return 0;
}

static int
test_bytes(struct scan *sc, const struct chunk *c, struct col_state *st, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	struct picked p;
	int rc;

	if (is_search(st) && bitmap_count(in, c->n_rows) >= c->n_present / FIND_SHARE)
		return search_chunk(sc, c, st, in, out);
	if ((rc = pick(sc, c, in, &p)) < 0)
		return rc;
	sc->prof->texts_tested += p.n;
	for (uint32_t i = 0; i < p.n; i++) {
		uint32_t row = p.rows[p.sel[i]];

		if ((rc = match_bytes(st, chunk_bytes_at(c, p.ord[i]), sc->e)) < 0) {
			*bad = row;
			return rc;
		}
		if (rc > 0)
			bitmap_set(out, row);
	}
	return 0;
}

/* The test of numbers: attributes by their type, fixed columns by the leaf. */
const struct ranges *
column_ranges(const struct col_state *st)
{
	if (st->use_ranges)
		return &st->code_ranges;
	if (st->col->kind == COLUMN_DICT)
		return NULL;
	return st->node->cls == LEAF_ATTR ? &st->node->typed[st->col->type] :
	    &st->node->number;
}

static struct col_test
column_test(struct col_state *st)
{
	return (struct col_test){ .ranges = column_ranges(st),
		.set = st->set.bits != NULL ? &st->set : NULL, .codes = &st->codes,
		.fn = match_code, .arg = st };
}

/* Every value satisfies: the rows that have one. */
static int
test_presence(struct scan *sc, const struct chunk *c, const uint64_t *in, uint64_t *out)
{
	uint64_t *has = scan_bits(sc, c->n_rows);

	if (has == NULL)
		return ERR_NOMEM;
	chunk_presence(c, has);
	bitmap_and(has, in, c->n_rows);
	bitmap_or(out, has, c->n_rows);
	return 0;
}

static int
test_chunk(struct scan *sc, const struct chunk *c, struct col_state *st, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	struct col_test t = column_test(st);

	if (st->any)
		return test_presence(sc, c, in, out);
	if (c->encoding == ENC_BYTES)
		return test_bytes(sc, c, st, in, out, bad);
	return chunk_test(sc, c, &t, in, out, bad);
}

int
column_eval(struct scan *sc, struct col_state *st, const uint64_t *in, uint64_t *out)
{
	const struct chunk *c = NULL;
	uint32_t bad = 0;
	int rc;

	if (st->never)
		return 0;
	if ((rc = column_ready(sc->xs, st, sc->e)) < 0)
		return rc;
	if (st->use_ranges && st->code_ranges.n == 0)
		return 0;
	if ((rc = chunk_get(sc->xs->s, st->col, sc->group, &c, sc->e)) < 0 || c == NULL)
		return rc;
	rc = test_chunk(sc, c, st, in, out, &bad);
	chunk_put(c);
	if (rc == ERR_TIMEOUT && st->col->domain == DOMAIN_SPAN)
		return scan_blame(sc, bad, rc);
	return rc;
}

/* ---- few rows ---- */

/* Ordinals ord[i] of rows[sel[i]]: marks those whose number or code satisfies. */
static int
mark_numbers(struct scan *sc, const struct chunk *c, struct col_state *st,
    const struct picked *p, bool *mark, uint32_t *bad)
{
	struct col_test t = column_test(st);
	uint64_t *v = arena_alloc(&sc->mem, ((size_t)p->n + 1) * sizeof *v);
	int rc;

	if (v == NULL)
		return err_nomem(sc->e);
	sc->prof->values_tested += p->n;
	chunk_gather(c, p->ord, p->n, v);
	for (uint32_t i = 0; i < p->n; i++) {
		if (mark[p->sel[i]])
			continue;
		if ((rc = test_one(&t, v[i], sc->e)) < 0) {
			*bad = p->rows[p->sel[i]];
			return rc;
		}
		mark[p->sel[i]] = rc > 0;
	}
	return 0;
}

static int
mark_bytes(struct scan *sc, const struct chunk *c, struct col_state *st,
    const struct picked *p, bool *mark, uint32_t *bad)
{
	sc->prof->texts_tested += p->n;
	for (uint32_t i = 0; i < p->n; i++) {
		int rc;

		if (mark[p->sel[i]])
			continue;
		if ((rc = match_bytes(st, chunk_bytes_at(c, p->ord[i]), sc->e)) < 0) {
			*bad = p->rows[p->sel[i]];
			return rc;
		}
		mark[p->sel[i]] = rc > 0;
	}
	return 0;
}

static int
mark_rows(struct scan *sc, const struct chunk *c, struct col_state *st, uint32_t *rows,
    uint32_t n, bool *mark, uint32_t *bad)
{
	struct picked p = { .rows = rows };

	p.sel = arena_alloc(&sc->mem, ((size_t)n + 1) * sizeof *p.sel);
	p.ord = arena_alloc(&sc->mem, ((size_t)n + 1) * sizeof *p.ord);
	if (p.sel == NULL || p.ord == NULL)
		return err_nomem(sc->e);
	p.n = chunk_select(c, rows, n, p.sel, p.ord);
	if (st->any) {
		for (uint32_t i = 0; i < p.n; i++)
			mark[p.sel[i]] = true;
		return 0;
	}
	if (c->encoding == ENC_BYTES)
		return mark_bytes(sc, c, st, &p, mark, bad);
	return mark_numbers(sc, c, st, &p, mark, bad);
}

int
column_rows(struct scan *sc, struct col_state *st, uint32_t *rows, uint32_t n, bool *mark)
{
	const struct chunk *c = NULL;
	uint32_t bad = 0;
	int rc;

	if (st->never)
		return 0;
	if ((rc = column_ready(sc->xs, st, sc->e)) < 0)
		return rc;
	if (st->use_ranges && st->code_ranges.n == 0)
		return 0;
	if ((rc = chunk_get(sc->xs->s, st->col, sc->group, &c, sc->e)) < 0 || c == NULL)
		return rc;
	rc = mark_rows(sc, c, st, rows, n, mark, &bad);
	chunk_put(c);
	return rc == ERR_TIMEOUT ? scan_blame(sc, bad, rc) : rc;
}
