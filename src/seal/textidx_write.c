/* SPDX-License-Identifier: ISC */
/*
 * textidx_write: SECTION_TEXT of a dictionary that is large enough for a scan of its bytes to
 * be felt, and whose values are texts rather than ids (nobody looks for part of an id, and
 * their trigrams are as many as they are).
 *
 * The keys of each value, each once, are numbered by a hash table and noted; when it is known
 * how often each occurs, each value's code goes to the lists of its keys. Keys that more
 * than one in ANY_SHARE values have are known to occur but have no list: it would rule out
 * little.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "shard/poslist.h"
#include "shard/textidx_form.h"

#define LEAST_VALUES 512
#define LEAST_BYTES (64u << 10)
#define MOST_BYTES (8u << 20)	/* bounds the memory: at most 16 times as much */
#define ANY_SHARE 4
#define HASH_SPARE 8		/* bits of a token's hash beyond those that number the tokens */
#define SAMPLE 256		/* values that are looked at for their kind */
#define FIRST_SLOTS 4096

/* ---- what a value is ---- */

/* Hexadecimal digits and marks only, or much of it digits, and in one piece. */
static bool
is_id(struct sv s)
{
	size_t digits = 0, hex = 0, marks = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == ' ' || c == '/')
			return false;
		digits += c >= '0' && c <= '9';
		hex += (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
		marks += c == '-' || c == '.' || c == ':' || c == '_';
	}
	return digits + hex + marks == s.n || digits * 6 >= s.n;
}

static bool
mostly_ids(const struct coldict *dict)
{
	uint32_t step = dict->n / SAMPLE + 1, n = 0, ids = 0;

	for (uint32_t i = 0; i < dict->n; i += step, n++)
		ids += is_id(coldict_at(dict, i));
	return ids * 2 > n;
}

/* ---- keys ---- */

struct text_slot {
	uint32_t key, id1;	/* id + 1; 0: free */
};

struct text_key {
	uint32_t key, n;	/* n: values that have it */
	uint32_t last;		/* the last value that had it: code + 1 */
	uint32_t at;		/* where its next code goes */
};

struct text_keys {
	uint32_t mask;		/* tokens, of so many bits of their hash; 0: trigrams */
	uint32_t any_above;
	struct text_slot *slots;
	uint32_t n_slots;
	VEC(struct text_key) keys;	/* by id: in order of arrival */
	VEC(uint32_t) had;	/* ids, value by value */
	uint32_t *ends;		/* of each value's in had */
	bool oom;
};

static struct text_slot *
slot_of(const struct text_keys *k, uint32_t key)
{
	uint32_t i = (key * 0x9e3779b1u) >> 8 & (k->n_slots - 1);

	while (k->slots[i].id1 != 0 && k->slots[i].key != key)
		i = (i + 1) & (k->n_slots - 1);
	return &k->slots[i];
}

static bool
grow(struct text_keys *k)
{
	struct text_slot *old = k->slots;
	uint32_t n = k->n_slots == 0 ? FIRST_SLOTS : k->n_slots * 2;

	if ((k->slots = calloc(n, sizeof *k->slots)) == NULL) {
		k->slots = old;
		return false;
	}
	k->n_slots = n;
	for (uint32_t i = 0; i < k->keys.n; i++)
		*slot_of(k, k->keys.v[i].key) = (struct text_slot){ k->keys.v[i].key, i + 1 };
	free(old);
	return true;
}

/* The value of `code` has the key. */
static void
add_key(struct text_keys *k, uint32_t key, uint32_t code)
{
	struct text_slot *x;
	struct text_key *t;

	if (k->keys.n >= k->n_slots / 2 && !grow(k)) {
		k->oom = true;
		return;
	}
	x = slot_of(k, key);
	if (x->id1 == 0) {
		if (!vec_push(&k->keys, ((struct text_key){ .key = key }))) {
			k->oom = true;
			return;
		}
		*x = (struct text_slot){ key, (uint32_t)k->keys.n };
	}
	t = &k->keys.v[x->id1 - 1];
	if (t->last == code + 1)
		return;
	t->last = code + 1;
	t->n++;
	if (!vec_push(&k->had, x->id1 - 1))
		k->oom = true;
}

static void
add_value(struct text_keys *k, struct sv lower, uint32_t code)
{
	struct sv token;

	if (k->mask == 0)
		for (size_t i = 0; i + 3 <= lower.n && !k->oom; i++) {
			if (!text_has_digit(lower.p + i, 3))
				add_key(k, text_trigram(lower.p + i), code);
		}
	else
		while (!k->oom && text_next_token(&lower, &token))
			if (!text_has_digit(token.p, token.n))
				add_key(k, text_token_key(token, k->mask), code);
}

static void
add_all(struct text_keys *k, const struct coldict *dict, const uint32_t *old_of,
    struct buf *lower)
{
	for (uint32_t i = 0; i < dict->n && !k->oom; i++) {
		text_lower(lower, coldict_at(dict, old_of[i]));
		add_value(k, buf_view(lower), i);
		k->ends[i] = (uint32_t)k->had.n;
		k->oom |= lower->oom;
	}
}

/* ---- lists ---- */

static int
key_cmp(const void *pa, const void *pb, void *arg)
{
	const struct text_key *keys = arg;
	uint32_t a = keys[*(const uint32_t *)pa].key, b = keys[*(const uint32_t *)pb].key;

	return (a > b) - (a < b);
}

/* Ids in order of keys into list, and where each key's list begins; returns their sum. */
static uint32_t
order_keys(struct text_keys *k, uint32_t *list)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < k->keys.n; i++)
		list[i] = i;
	qsort_r(list, k->keys.n, sizeof *list, key_cmp, k->keys.v);
	for (uint32_t i = 0; i < k->keys.n; i++) {
		struct text_key *t = &k->keys.v[list[i]];

		t->at = at;
		at += t->n <= k->any_above ? t->n : 0;
	}
	return at;
}

/* Each code to the lists of its keys: codes rise in each. */
static void
fill_lists(struct text_keys *k, uint32_t n_values, uint32_t *codes)
{
	for (uint32_t code = 0, i = 0; code < n_values; code++)
		for (; i < k->ends[code]; i++) {
			struct text_key *t = &k->keys.v[k->had.v[i]];

			if (t->n <= k->any_above)
				codes[t->at++] = code;
		}
}

static void
set_u32(struct buf *b, size_t at, size_t v)
{
	for (unsigned i = 0; i < 4 && !b->oom; i++)
		b->p[at + i] = (char)(v >> 8 * i);
}

/* The part of one sort of keys, appended to s->raw. */
static int
put_part(struct seal *s, struct text_keys *k, uint32_t n_values)
{
	uint32_t n = (uint32_t)k->keys.n, *list = malloc(n * sizeof *list), *codes = NULL, n_codes;
	size_t head = s->raw.n;
	uint64_t *tmp = NULL;
	int rc = 0;

	if (list == NULL)
		return err_nomem(s->err);
	n_codes = order_keys(k, list);
	codes = malloc(((size_t)n_codes + 1) * sizeof *codes);
	tmp = malloc((n_codes > n ? n_codes : n) * sizeof *tmp);
	if (codes == NULL || tmp == NULL) {
		rc = err_nomem(s->err);
		goto out;
	}
	fill_lists(k, n_values, codes);
	for (uint32_t i = 0; i < n; i++) {
		tmp[i] = k->keys.v[list[i]].key;
		list[i] = k->keys.v[list[i]].at;
	}
	buf_u64le(&s->raw, 0);
	pack_encode(&s->raw, tmp, n);
	set_u32(&s->raw, head, s->raw.n - head - PART_HEAD);
	/* Lists that are left out are empty by now. */
	poslist_put(&s->raw, list, n, codes, n_values, UINT32_MAX, tmp);
out:
	free(codes);
	free(tmp);
	free(list);
	return rc;
}

static uint32_t
token_bits(size_t bytes)
{
	/* A token takes some 8 bytes, and most occur in several values. */
	uint32_t bits = 32 - (uint32_t)__builtin_clz((uint32_t)(bytes / 16)) + HASH_SPARE;

	return bits > 32 ? 32 : bits;
}

static int
make_part(struct seal *s, uint32_t mask, const struct coldict *dict, const uint32_t *old_of,
    struct buf *lower, bool *some)
{
	struct text_keys k = { .mask = mask, .any_above = dict->n / ANY_SHARE };
	int rc = 0;

	if ((k.ends = malloc(dict->n * sizeof *k.ends)) == NULL)
		return err_nomem(s->err);
	add_all(&k, dict, old_of, lower);
	if (k.oom)
		rc = err_nomem(s->err);
	else if (k.keys.n != 0)
		rc = put_part(s, &k, dict->n);
	*some = k.keys.n != 0;
	vec_release(&k.keys);
	vec_release(&k.had);
	free(k.slots);
	free(k.ends);
	return rc;
}

int
textidx_make(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of)
{
	struct buf lower = BUF_INIT;
	size_t bytes = coldict_bytes(dict);
	bool trigrams = false, tokens = false;
	uint32_t bits;
	int rc;

	if (s->opts.index_budget == 0 || !s->opts.text_index || d->type != VAL_STRING ||
	    dict->n < LEAST_VALUES || bytes < LEAST_BYTES || bytes > MOST_BYTES ||
	    mostly_ids(dict))
		return 0;
	bits = token_bits(bytes);
	s->raw.n = 0;
	buf_u32le(&s->raw, 0);
	buf_u32le(&s->raw, bits);
	if ((rc = make_part(s, 0, dict, old_of, &lower, &trigrams)) == 0) {
		set_u32(&s->raw, 0, s->raw.n - TEXT_HEAD);
		rc = make_part(s, UINT32_MAX >> (32 - bits), dict, old_of, &lower, &tokens);
	}
	buf_release(&lower);
	/* Values without a single trigram or token are no texts. */
	if (rc != 0 || !trigrams || !tokens)
		return rc;
	return index_offer(s, SECTION_TEXT, (double)bytes);
}
