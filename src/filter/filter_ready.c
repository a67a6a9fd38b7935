/* SPDX-License-Identifier: ISC */
/*
 * filter_ready: what a column needs beside its chunks, made when the first row group asks and kept
 * until the shard is done: its dictionary, and what is known of the dictionary's values, as ranges
 * of codes, as a set of codes, or as one answer a code; and what satisfies of values that are
 * strings.
 */
#include "filter/filter_cost.h"
#include "filter_i.h"

#include <stdlib.h>

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

int
column_bytes(const struct col_state *st, struct sv bytes, struct err *e)
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
bool
column_searches(const struct col_state *st)
{
	const struct pred *p = st->node->pred;

	if (st->is_rest || st->col->type != VAL_STRING)
		return false;
	return st->word.n != 0 || ((p->op == OP_CONTAINS || p->op == OP_NOTCONTAINS) &&
	    p->lits[0].text.n != 0);
}

/* Those of n values that satisfy such a test. */
void
column_search(const struct col_state *st, const char *bytes, const uint32_t *offs, uint32_t n,
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

	return column_bytes(st, dict_at(st->dict, code), e);
}

int
column_code(struct col_state *st, uint32_t code, struct err *e)
{
	if (st->use_ranges)
		return ranges_have(&st->code_ranges, code);
	return codes_one(&st->codes, code, match_code, st, e);
}

/* ---- ready ---- */

/*
 * What is known of all codes, as a set, where ranges would be several tests a value. `yes`: those
 * that satisfy, unless that is told by ranges.
 */
static int
make_set(struct col_state *st, const uint64_t *yes, struct err *e)
{
	const struct ranges *r = &st->code_ranges;
	uint32_t n = st->dict->n;

	if (n > SET_MOST || (st->use_ranges && r->n < 2 && n > CODE_SET_SMALL))
		return 0;
	if (code_set_new(n, &st->set, e) < 0)
		return ERR_NOMEM;
	if (!st->use_ranges)
		memcpy(st->set.bits, yes, BITMAP_WORDS(n) * sizeof *yes);
	for (uint32_t i = 0; i < r->n && r->v[i].lo < n; i++)
		bitmap_set_range(st->set.bits, r->v[i].lo,
		    r->v[i].hi < n ? r->v[i].hi + 1 : n);
	return 0;
}

/* Which values of a dictionary satisfy; where texts are searched they are one text. */
static int
ask_values(struct col_state *st, uint64_t *yes, struct err *e)
{
	const struct dict *d = st->dict;
	int rc;

	if (column_searches(st)) {
		column_search(st, d->bytes, d->offs, d->n, yes);
		return 0;
	}
	for (uint32_t i = 0; i < d->n; i++) {
		if ((rc = match_code(st, i, e)) < 0)
			return rc;
		if (rc > 0)
			bitmap_set(yes, i);
	}
	return 0;
}

/* Appends the ranges of codes that satisfy to v, unless that is NULL; how many, or one too many. */
static uint32_t
list_runs(const uint64_t *yes, uint32_t n, struct range *v)
{
	uint32_t m = 0;

	for (size_t i = 0, end; i < n && m <= EAGER_RANGES; i = end) {
		end = bitmap_run(yes, i, n);
		if (!bitmap_get(yes, i))
			continue;
		if (v != NULL)
			v[m] = (struct range){ i, end - 1 };
		m++;
	}
	return m;
}

/* The codes that satisfy, all being known, as ranges if these are few. */
static int
make_ranges(struct col_state *st, const uint64_t *yes, struct err *e)
{
	struct ranges *r = &st->code_ranges;
	uint32_t n = list_runs(yes, st->dict->n, NULL);

	if (n > EAGER_RANGES)
		return 0;
	if ((r->v = calloc((size_t)n + 1, sizeof *r->v)) == NULL)
		return err_nomem(e);
	r->n = list_runs(yes, st->dict->n, r->v);
	st->use_ranges = true;
	return 0;
}

/* The same as one answer a code. */
static int
make_codes(struct col_state *st, const uint64_t *yes, struct err *e)
{
	int rc = codes_new(st->dict->n, &st->codes, e);

	for (uint32_t i = 0; rc == 0 && yes != NULL && i < st->dict->n; i++)
		st->codes.state[i] = bitmap_get(yes, i) ? CODE_YES : CODE_NO;
	return rc;
}

/*
 * Looks at all values of a small dictionary at once: if none satisfies no chunk need be read,
 * and a few ranges of codes can be held against zones. Not where a value may fail: a value
 * that no row in question has must not; nor where an index has named the few rows.
 */
static bool
asks_all(const struct col_state *st)
{
	uint32_t most = st->word.n != 0 || column_searches(st) ? EAGER_WORDS : EAGER_VALUES;

	return st->dict->n <= most &&
	    (st->word.n != 0 || !matcher_can_fail(st->node->m)) &&
	    !atomic_load_explicit(&st->lazy, memory_order_relaxed);
}

static int
ask_all(struct col_state *st, struct err *e)
{
	uint64_t *yes = calloc(BITMAP_WORDS(st->dict->n) + 1, sizeof *yes);
	int rc;

	if (yes == NULL)
		return err_nomem(e);
	if ((rc = ask_values(st, yes, e)) == 0 && (rc = make_ranges(st, yes, e)) == 0 &&
	    (st->use_ranges || (rc = make_codes(st, yes, e)) == 0))
		rc = make_set(st, yes, e);
	free(yes);
	return rc;
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
		return st->set.bits != NULL ? 0 : make_set(st, NULL, e);
	if (st->codes.state != NULL)
		return 0;
	return asks_all(st) ? ask_all(st, e) : make_codes(st, NULL, e);
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

/* ---- the test ---- */

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

struct col_test
column_test(struct col_state *st)
{
	return (struct col_test){ .ranges = column_ranges(st),
		.set = st->set.bits != NULL ? &st->set : NULL, .codes = &st->codes,
		.fn = match_code, .arg = st };
}
