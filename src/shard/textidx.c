/* SPDX-License-Identifier: ISC */
/*
 * textidx: SECTION_TEXT from bytes to answers (layout: shard_format.h). Two parts of the same
 * form: keys (trigrams; hashes of tokens) and for each the codes of the values that have it.
 * A literal's trigrams are looked up, and the values of the rarest ones intersected: a few
 * of them leave hardly more values than all.
 */
#include "shard/textidx.h"

#include <stdlib.h>

#include "base/bitmap.h"
#include "base/hash.h"
#include "shard/poslist.h"
#include "shard_i.h"
#include "shard/textidx_form.h"

/* So many of a literal's trigrams are intersected, of the first so many. */
#define MOST_LISTS 6
#define MOST_TRIGRAMS 64

struct part {
	struct pack keys;
	struct poslist lists;
};

struct textidx {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	uint32_t n_codes, mask;
	struct part trigrams, tokens;
	_Alignas(16) uint8_t raw[];
};

/* ---- keys ---- */

void
text_lower(struct buf *out, struct sv s)
{
	out->n = 0;
	if (!buf_reserve(out, s.n))
		return;
	for (size_t i = 0; i < s.n; i++)
		out->p[i] = text_lower_byte(s.p[i]);
	out->n = s.n;
}

bool
text_next_token(struct sv *rest, struct sv *token)
{
	size_t from = 0, to;

	while (from < rest->n && !text_is_token(rest->p[from]))
		from++;
	for (to = from; to < rest->n && text_is_token(rest->p[to]);)
		to++;
	*token = sv_sub(*rest, from, to);
	*rest = sv_sub(*rest, to, rest->n);
	return to > from;
}

uint32_t
text_token_key(struct sv lower_token, uint32_t mask)
{
	return (uint32_t)hash64(lower_token.p, lower_token.n) & mask;
}

/* ---- loading ---- */

struct load {
	struct shard *s;
	const struct section *sec;
	struct textidx *t;
	struct err *e;
};

static int
bad(const struct load *l, size_t at, const char *why)
{
	return section_bad(l->s, l->sec, l->e, (int64_t)at, "%s", why);
}

static int
bad_part(const struct load *l, size_t at, const struct err *why)
{
	return bad(l, at + (why->off > 0 ? (size_t)why->off : 0), why->msg);
}

/* The part that fills the n bytes from `at` on. */
static int
open_part(const struct load *l, struct part *p, size_t at, size_t n, uint64_t limit)
{
	const uint8_t *raw = l->t->raw + at;
	struct err why = ERR_INIT;
	uint32_t head[2];

	if (n < PART_HEAD)
		return bad(l, at, "cut short");
	memcpy(head, raw, sizeof head);
	if (head[0] % 8 != 0 || head[0] > n - PART_HEAD || head[1] != 0)
		return bad(l, at, "size of the pack of keys");
	at += PART_HEAD;
	if (pack_open(&p->keys, raw + PART_HEAD, head[0], &why) != 0)
		return bad_part(l, at, &why);
	if (p->keys.n_bytes != head[0])
		return bad(l, at, "pack of another size");
	if (!pack_rising(&p->keys, true) || !pack_below(&p->keys, limit))
		return bad(l, at, "keys do not rise");
	at += head[0];
	n -= PART_HEAD + head[0];
	if (poslist_open(&p->lists, raw + PART_HEAD + head[0], n, l->t->n_codes, true, &why) != 0)
		return bad_part(l, at, &why);
	if (p->lists.n != p->keys.n || p->lists.n_bytes != n)
		return bad(l, at, "lists of another size");
	return 0;
}

static int
open_parts(const struct load *l)
{
	struct textidx *t = l->t;
	uint32_t head[2];
	size_t at;
	int rc;

	memcpy(head, t->raw, sizeof head);
	if (head[0] % 8 != 0 || head[0] > l->sec->n_raw - TEXT_HEAD || head[1] == 0 ||
	    head[1] > 32)
		return bad(l, 0, "malformed head");
	t->mask = UINT32_MAX >> (32 - head[1]);
	at = TEXT_HEAD + head[0];
	if ((rc = open_part(l, &t->trigrams, TEXT_HEAD, head[0], 1u << 24)) != 0)
		return rc;
	return open_part(l, &t->tokens, at, l->sec->n_raw - at, (uint64_t)t->mask + 1);
}

static int
make(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	struct load l = { s, sec, NULL, e };
	void *mem;
	int rc;

	(void)arg;
	if (sec->n_raw < TEXT_HEAD)
		return section_bad(s, sec, e, 0, "cut short");
	if ((rc = section_read(s, sec, offsetof(struct textidx, raw), &mem, e)) != 0)
		return rc;
	l.t = mem;
	l.t->n_codes = s->info.columns[sec->column].n_dict;
	if ((rc = open_parts(&l)) != 0) {
		cached_free(&l.t->cached);
		return rc;
	}
	l.t->shard = s;
	l.t->pin = section_slot(s, sec);
	*out = &l.t->cached;
	*bytes = sizeof *l.t + sec->n_raw + SECTION_SLACK;
	return 0;
}

int
textidx_get(struct shard *s, const struct column *col, const struct textidx **out,
    struct err *e)
{
	uint32_t i = s->text_section[col->index];
	struct cached *v = NULL;
	int rc = i == NO_SECTION ? 0 :
	    section_get(s, &s->sections[i], make, NULL, &v, e);

	if (rc == 0)
		*out = (const struct textidx *)(void *)v;
	return rc;
}

void
textidx_put(const struct textidx *t)
{
	if (t != NULL)
		cache_unpin(t->shard->cache, t->pin);
}

/* ---- looking up ---- */

static bool
find_key(const struct part *p, uint32_t key, uint32_t *place)
{
	*place = pack_lower(&p->keys, key);
	return *place < p->keys.n && pack_at(&p->keys, *place) == key;
}

struct found {
	uint32_t place, n;
};

/* Keeps the MOST_LISTS rarest, rarest first. */
static uint32_t
keep_rare(struct found *v, uint32_t n, struct found f)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (v[i].place == f.place)
			return n;
	if (n == MOST_LISTS && v[n - 1].n <= f.n)
		return n;
	if (n < MOST_LISTS)
		n++;
	for (i = n - 1; i > 0 && v[i - 1].n > f.n; i--)
		v[i] = v[i - 1];
	v[i] = f;
	return n;
}

/* Leaves in the bitmap only what the list has too; room: for as many as the list has. */
static void
intersect(const struct textidx *t, const struct found *f, uint64_t *codes, uint64_t *other)
{
	bitmap_zero(other, t->n_codes);
	poslist_or(&t->trigrams.lists, f->place, 0, t->n_codes, other);
	bitmap_and(codes, other, t->n_codes);
}

bool
textidx_candidates(const struct textidx *t, struct sv literal, uint64_t *codes)
{
	struct found rare[MOST_LISTS];
	uint32_t n = 0, place;
	uint64_t *other;

	for (size_t i = 0; i + 3 <= literal.n && i < MOST_TRIGRAMS; i++) {
		char low[3] = { text_lower_byte(literal.p[i]), text_lower_byte(literal.p[i + 1]),
		    text_lower_byte(literal.p[i + 2]) };

		if (text_has_digit(low, 3))
			continue;
		if (!find_key(&t->trigrams, text_trigram(low), &place)) {
			bitmap_zero(codes, t->n_codes);
			return true;
		}
		if (poslist_count(&t->trigrams.lists, place) != 0)
			n = keep_rare(rare, n, (struct found){ place,
			    poslist_count(&t->trigrams.lists, place) });
	}
	if (n == 0)
		return false;
	bitmap_zero(codes, t->n_codes);
	poslist_or(&t->trigrams.lists, rare[0].place, 0, t->n_codes, codes);
	if (n == 1 || (other = malloc(BITMAP_WORDS(t->n_codes) * sizeof *other)) == NULL)
		return true;	/* without memory: a superset still */
	for (uint32_t i = 1; i < n; i++)
		intersect(t, &rare[i], codes, other);
	free(other);
	return true;
}

bool
textidx_token(const struct textidx *t, struct sv lower_token, uint64_t *codes)
{
	uint32_t place;

	if (lower_token.n == 0 || text_has_digit(lower_token.p, lower_token.n))
		return false;
	if (!find_key(&t->tokens, text_token_key(lower_token, t->mask), &place)) {
		bitmap_zero(codes, t->n_codes);
		return true;
	}
	if (poslist_count(&t->tokens.lists, place) == 0)
		return false;
	bitmap_zero(codes, t->n_codes);
	poslist_or(&t->tokens.lists, place, 0, t->n_codes, codes);
	return true;
}

static bool
has(const struct part *p, uint32_t key, uint32_t code)
{
	uint64_t bit = 0;
	uint32_t place;

	if (!find_key(p, key, &place))
		return false;
	if (poslist_count(&p->lists, place) == 0)
		return true;
	poslist_or(&p->lists, place, code, code + 1, &bit);
	return bit != 0;
}

bool
textidx_covers(const struct textidx *t, struct sv lower_value, uint32_t code)
{
	struct sv token;

	for (size_t i = 0; i + 3 <= lower_value.n; i++)
		if (!text_has_digit(lower_value.p + i, 3) &&
		    !has(&t->trigrams, text_trigram(lower_value.p + i), code))
			return false;
	while (text_next_token(&lower_value, &token))
		if (!text_has_digit(token.p, token.n) &&
		    !has(&t->tokens, text_token_key(token, t->mask), code))
			return false;
	return true;
}
