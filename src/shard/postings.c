/* SPDX-License-Identifier: ISC */
/*
 * postings: SECTION_POSTINGS from bytes to answers (layout: shard_format.h). The form in its
 * first byte goes with the kind of the column. Everything is used in place: the packs and sets
 * are validated when the section enters the cache, so a look-up decodes no more than the
 * blocks that it meets.
 */
#include "shard/postings.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/limits.h"
#include "shard/postings_form.h"
#include "shard_i.h"

struct postings {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	struct pack keys;		/* numbers or hashes; none of codes */
	struct poslist lists;
	_Alignas(16) uint8_t raw[];
};

/* The same object, of the other form. */
struct hashidx {
	struct cached cached;
	struct shard *shard;
	struct cache_slot *pin;
	struct pack hashes, rows;
	uint32_t mask;
	_Alignas(16) uint8_t raw[];
};

struct load {
	struct shard *s;
	const struct section *sec;
	const struct column *col;
	const uint8_t *raw;
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
	if (why->code != ERR_CORRUPT)
		return err_set(l->e, why->code, -1, "%s", why->msg);
	return bad(l, at + (why->off > 0 ? (size_t)why->off : 0), why->msg);
}

/* A pack that takes exactly n bytes from `at` on. */
static int
open_pack(const struct load *l, struct pack *out, size_t at, size_t n_bytes)
{
	struct err why = ERR_INIT;

	if (pack_open(out, l->raw + at, n_bytes, &why) != 0)
		return bad_part(l, at, &why);
	return out->n_bytes == n_bytes ? 0 : bad(l, at, "pack of another size");
}

/* The head; *n_keys: bytes of the pack of keys behind it. */
static int
open_head(const struct load *l, enum postings_form form, uint32_t *n_keys)
{
	memcpy(n_keys, l->raw + 4, 4);
	if (l->raw[0] != form || l->raw[2] != 0 || l->raw[3] != 0 ||
	    l->raw[1] > 32 || (l->raw[1] != 0) != (form == POSTINGS_HASHES))
		return bad(l, 0, "malformed head");
	if (*n_keys % 8 != 0 || *n_keys > l->sec->n_raw - POSTINGS_HEAD ||
	    (*n_keys != 0) != (form != POSTINGS_CODES))
		return bad(l, 4, "size of the pack of keys");
	return 0;
}

/* How many rows all lists name: each present row once, where rows are spans. */
static int
check_total(const struct load *l, const struct poslist *p)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < p->n; i++)
		n += poslist_count(p, i);
	if (l->col->domain == DOMAIN_SPAN ? n != l->col->n_present : n > l->col->n_present)
		return bad(l, POSTINGS_HEAD, "rows do not add up to the column's");
	return 0;
}

static int
open_postings(const struct load *l, struct postings *p)
{
	bool codes = l->col->kind == COLUMN_DICT;
	struct err why = ERR_INIT;
	uint32_t n_keys;
	size_t at;
	int rc;

	if ((rc = open_head(l, codes ? POSTINGS_CODES : POSTINGS_VALUES, &n_keys)) != 0)
		return rc;
	at = POSTINGS_HEAD + n_keys;
	if (!codes && (rc = open_pack(l, &p->keys, POSTINGS_HEAD, n_keys)) != 0)
		return rc;
	if (!codes && !pack_rising(&p->keys, true))
		return bad(l, POSTINGS_HEAD, "values do not rise");
	if (poslist_open(&p->lists, l->raw + at, l->sec->n_raw - at,
	    (uint32_t)l->s->info.n_rows, false, &why) != 0)
		return bad_part(l, at, &why);
	if (p->lists.n_bytes != l->sec->n_raw - at)
		return bad(l, at, "lists of another size");
	if (p->lists.n != (codes ? l->col->n_dict : p->keys.n))
		return bad(l, at, "number of values");
	return check_total(l, &p->lists);
}

static bool
rows_rise(const struct hashidx *h)
{
	uint64_t hash[PACK_BLOCK], row[PACK_BLOCK], last_hash = 0, last_row = 0;

	for (uint32_t b = 0; b < h->rows.n_blocks; b++) {
		size_t n = pack_decode_block(&h->rows, b, row);

		(void)pack_decode_block(&h->hashes, b, hash);
		for (size_t i = 0; i < n; i++) {
			if ((b != 0 || i != 0) && hash[i] == last_hash && row[i] <= last_row)
				return false;
			last_hash = hash[i];
			last_row = row[i];
		}
	}
	return true;
}

static int
open_hashes(const struct load *l, struct hashidx *h)
{
	size_t n_raw = l->sec->n_raw;
	uint32_t n_keys;
	int rc;

	if ((rc = open_head(l, POSTINGS_HASHES, &n_keys)) != 0 ||
	    (rc = open_pack(l, &h->hashes, POSTINGS_HEAD, n_keys)) != 0 ||
	    (rc = open_pack(l, &h->rows, POSTINGS_HEAD + n_keys,
	    n_raw - POSTINGS_HEAD - n_keys)) != 0)
		return rc;
	h->mask = UINT32_MAX >> (32 - l->raw[1]);
	if (h->hashes.n != l->col->n_present || h->rows.n != h->hashes.n)
		return bad(l, POSTINGS_HEAD, "number of values");
	if (!pack_rising(&h->hashes, false) || !pack_below(&h->hashes, (uint64_t)h->mask + 1))
		return bad(l, POSTINGS_HEAD, "hashes do not rise");
	if (!pack_below(&h->rows, l->s->info.n_rows) || !rows_rise(h))
		return bad(l, POSTINGS_HEAD + n_keys, "rows of a hash do not rise");
	return 0;
}

static int
make(struct shard *s, const struct section *sec, void *arg, struct cached **out,
    size_t *bytes, struct err *e)
{
	const struct column *col = &s->info.columns[sec->column];
	struct load l = { s, sec, col, NULL, e };
	struct postings *p;
	struct hashidx *h;
	void *mem;
	int rc;

	(void)arg;
	static_assert(offsetof(struct postings, shard) == offsetof(struct hashidx, shard), "");
	if (sec->n_raw < POSTINGS_HEAD)
		return section_bad(s, sec, e, 0, "cut short");
	if (col->kind == COLUMN_BYTES) {
		if ((rc = section_read(s, sec, offsetof(struct hashidx, raw), &mem, e)) != 0)
			return rc;
		h = mem;
		l.raw = h->raw;
		rc = open_hashes(&l, h);
		*bytes = sizeof *h;
	} else {
		if ((rc = section_read(s, sec, offsetof(struct postings, raw), &mem, e)) != 0)
			return rc;
		p = mem;
		l.raw = p->raw;
		rc = open_postings(&l, p);
		*bytes = sizeof *p;
	}
	p = mem;
	if (rc != 0) {
		cached_free(&p->cached);
		return rc;
	}
	p->shard = s;
	p->pin = section_slot(s, sec);
	*out = &p->cached;
	*bytes += sec->n_raw + SECTION_SLACK;
	return 0;
}

static int
get(struct shard *s, const struct column *col, struct cached **out, struct err *e)
{
	uint32_t i = s->postings_section[col->index];

	*out = NULL;
	return i == NO_SECTION ? 0 : section_get(s, &s->sections[i], make, NULL, out, e);
}

int
postings_get(struct shard *s, const struct column *col, const struct postings **out,
    struct err *e)
{
	struct cached *v = NULL;
	int rc = col->kind == COLUMN_BYTES ? 0 : get(s, col, &v, e);

	if (rc == 0)
		*out = (const struct postings *)(void *)v;
	return rc;
}

void
postings_put(const struct postings *p)
{
	if (p != NULL)
		cache_unpin(p->shard->cache, p->pin);
}

uint32_t
postings_n(const struct postings *p)
{
	return p->lists.n;
}

uint64_t
postings_value(const struct postings *p, uint32_t key)
{
	return pack_at(&p->keys, key);
}

uint32_t
postings_lower(const struct postings *p, uint64_t image)
{
	return pack_lower(&p->keys, image);
}

uint32_t
postings_count(const struct postings *p, uint32_t key)
{
	return poslist_count(&p->lists, key);
}

void
postings_or(const struct postings *p, uint32_t key, uint32_t row_from, uint32_t row_to,
    uint64_t *bitmap)
{
	poslist_or(&p->lists, key, row_from, row_to, bitmap);
}

uint32_t
postings_rows(const struct postings *p, uint32_t key, uint32_t *out)
{
	return poslist_list(&p->lists, key, out);
}

int
hashidx_get(struct shard *s, const struct column *col, const struct hashidx **out,
    struct err *e)
{
	struct cached *v = NULL;
	int rc = col->kind == COLUMN_BYTES ? get(s, col, &v, e) : 0;

	if (rc == 0)
		*out = (const struct hashidx *)(void *)v;
	return rc;
}

void
hashidx_put(const struct hashidx *h)
{
	if (h != NULL)
		cache_unpin(h->shard->cache, h->pin);
}

uint32_t
hashidx_hash(struct sv value)
{
	return (uint32_t)hash64(value.p, value.n);
}

uint32_t
hashidx_find(const struct hashidx *h, uint32_t hash, uint32_t *rows, uint32_t max)
{
	uint32_t want = hash & h->mask, at = pack_lower(&h->hashes, want), n = 0;

	for (; at + n < h->hashes.n && pack_at(&h->hashes, at + n) == want; n++)
		if (n < max)
			rows[n] = (uint32_t)pack_at(&h->rows, at + n);
	return n;
}
