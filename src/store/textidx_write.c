/* SPDX-License-Identifier: ISC */
/*
 * textidx_write: SECTION_TEXT of a dictionary that is large enough for a scan of its bytes to
 * be felt, and whose values are texts rather than ids (nobody looks for part of an id, and
 * their trigrams are as many as they are).
 *
 * Twice through the values: first the keys are counted, each once a value, in a hash table;
 * then each value's code goes to the lists of its keys. Keys that more than one in
 * ANY_SHARE values have are known to occur but have no list: it would rule out little.
 */
#include "seal_i.h"

#include <stdlib.h>

#include "poslist_i.h"
#include "textidx_i.h"

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
	uint32_t key, n;	/* n: values that have it; 0: free */
	uint32_t last;		/* the last value that had it: code + 1 */
	uint32_t at;		/* where its next code goes */
};

struct text_keys {
	struct text_slot *slots;
	uint32_t n, n_slots;
	uint32_t mask;		/* tokens, of so many bits of their hash; 0: trigrams */
	uint32_t *codes;	/* the lists; NULL: counting */
	uint32_t any_above;
	bool oom;
};

static struct text_slot *
slot_of(const struct text_keys *k, uint32_t key)
{
	uint32_t i = (key * 0x9e3779b1u) >> 8 & (k->n_slots - 1);

	while (k->slots[i].n != 0 && k->slots[i].key != key)
		i = (i + 1) & (k->n_slots - 1);
	return &k->slots[i];
}

static bool
grow(struct text_keys *k)
{
	struct text_keys old = *k;

	if (k->n < k->n_slots / 2)
		return true;
	k->n_slots = old.n_slots == 0 ? FIRST_SLOTS : old.n_slots * 2;
	if ((k->slots = calloc(k->n_slots, sizeof *k->slots)) == NULL) {
		*k = old;
		k->oom = true;
		return false;
	}
	for (uint32_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].n != 0)
			*slot_of(k, old.slots[i].key) = old.slots[i];
	free(old.slots);
	return true;
}

/* The value of `code` has the key. */
static void
add_key(struct text_keys *k, uint32_t key, uint32_t code)
{
	struct text_slot *x;

	if (k->codes == NULL && !grow(k))
		return;
	x = slot_of(k, key);
	if (x->last == code + 1)
		return;
	x->last = code + 1;
	if (k->codes != NULL) {
		if (x->n <= k->any_above)
			k->codes[x->at++] = code;
		return;
	}
	x->key = key;
	k->n += x->n++ == 0;
}

static void
add_value(struct text_keys *k, struct sv lower, uint32_t code)
{
	struct sv token;

	if (k->mask == 0)
		for (size_t i = 0; i + 3 <= lower.n; i++) {
			if (!text_has_digit(lower.p + i, 3))
				add_key(k, text_trigram(lower.p + i), code);
		}
	else
		while (text_next_token(&lower, &token))
			if (!text_has_digit(token.p, token.n))
				add_key(k, text_token_key(token, k->mask), code);
}

static void
add_all(struct seal *s, struct text_keys *k, const struct coldict *dict,
    const uint32_t *old_of, struct buf *lower)
{
	for (uint32_t i = 0; i < dict->n && !k->oom; i++) {
		text_lower(lower, coldict_at(dict, old_of[i]));
		add_value(k, buf_view(lower), i);
	}
	if (lower->oom)
		k->oom = true;
	(void)s;
}

/* ---- lists ---- */

static int
slot_cmp(const void *pa, const void *pb, void *arg)
{
	const struct text_slot *slots = arg;
	uint32_t a = slots[*(const uint32_t *)pa].key, b = slots[*(const uint32_t *)pb].key;

	return (a > b) - (a < b);
}

/* Slots in order of keys into list; where each list begins into its slot; returns their sum. */
static uint32_t
order_keys(struct text_keys *k, uint32_t *list)
{
	uint32_t n = 0, at = 0;

	for (uint32_t i = 0; i < k->n_slots; i++)
		if (k->slots[i].n != 0)
			list[n++] = i;
	qsort_r(list, n, sizeof *list, slot_cmp, k->slots);
	for (uint32_t i = 0; i < n; i++) {
		struct text_slot *x = &k->slots[list[i]];

		x->at = at;
		x->last = 0;
		at += x->n <= k->any_above ? x->n : 0;
	}
	return at;
}

static void
set_u32(struct buf *b, size_t at, size_t v)
{
	for (unsigned i = 0; i < 4 && !b->oom; i++)
		b->p[at + i] = (char)(v >> 8 * i);
}

/* The part of one sort of keys, appended to s->raw. */
static int
put_part(struct seal *s, struct text_keys *k, const struct coldict *dict,
    const uint32_t *old_of, struct buf *lower)
{
	uint32_t *list = malloc(((size_t)k->n + 1) * sizeof *list), n_codes;
	size_t head = s->raw.n, most;
	uint64_t *tmp = NULL;
	int rc = 0;

	if (list == NULL)
		return err_nomem(s->err);
	n_codes = order_keys(k, list);
	most = (n_codes > k->n ? n_codes : k->n) + (size_t)1;
	k->codes = malloc(((size_t)n_codes + 1) * sizeof *k->codes);
	if (k->codes == NULL || (tmp = malloc(most * sizeof *tmp)) == NULL) {
		rc = err_nomem(s->err);
		goto out;
	}
	add_all(s, k, dict, old_of, lower);
	for (uint32_t i = 0; i < k->n; i++) {
		tmp[i] = k->slots[list[i]].key;
		list[i] = k->slots[list[i]].at;
	}
	buf_u64le(&s->raw, 0);
	pack_encode(&s->raw, tmp, k->n);
	set_u32(&s->raw, head, s->raw.n - head - PART_HEAD);
	/* Lists that are left out are empty by now. */
	poslist_put(&s->raw, list, k->n, k->codes, dict->n, UINT32_MAX, tmp);
out:
	free(k->codes);
	k->codes = NULL;
	free(tmp);
	free(list);
	return rc != 0 ? rc : k->oom ? err_nomem(s->err) : 0;
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
    struct buf *lower, uint32_t *n_keys)
{
	struct text_keys k = { .mask = mask, .any_above = dict->n / ANY_SHARE };
	int rc = 0;

	add_all(s, &k, dict, old_of, lower);
	if (k.oom)
		rc = err_nomem(s->err);
	else if (k.n != 0)
		rc = put_part(s, &k, dict, old_of, lower);
	*n_keys = k.n;
	free(k.slots);
	return rc;
}

int
textidx_make(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    const uint32_t *old_of)
{
	struct buf lower = BUF_INIT;
	uint32_t bits, n_trigrams = 0, n_tokens = 0;
	size_t bytes = coldict_bytes(dict);
	int rc;

	if (s->opts.index_budget == 0 || !s->opts.text_index || d->type != VAL_STRING ||
	    dict->n < LEAST_VALUES || bytes < LEAST_BYTES || bytes > MOST_BYTES ||
	    mostly_ids(dict))
		return 0;
	bits = token_bits(bytes);
	s->raw.n = 0;
	buf_u32le(&s->raw, 0);
	buf_u32le(&s->raw, bits);
	if ((rc = make_part(s, 0, dict, old_of, &lower, &n_trigrams)) == 0) {
		set_u32(&s->raw, 0, s->raw.n - TEXT_HEAD);
		rc = make_part(s, UINT32_MAX >> (32 - bits), dict, old_of, &lower, &n_tokens);
	}
	buf_release(&lower);
	/* Values without a single trigram or token are no texts. */
	if (rc != 0 || n_trigrams == 0 || n_tokens == 0)
		return rc;
	return index_offer(s, SECTION_TEXT, (double)bytes);
}
