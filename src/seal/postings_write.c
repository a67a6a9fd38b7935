/* SPDX-License-Identifier: ISC */
/*
 * postings_write: SECTION_POSTINGS of the column that is being written: its values, as keys,
 * stand in row order; a counting sort by key gives each key's rows, rising. Rows of events and
 * links are brought to those of their spans, and doubles left out.
 *
 * A column's use is that of a look-up of any one of its values, on average: the rows not
 * looked at, less what the index's own answer costs: of a value that many rows have, each
 * row found costs as much as many rows passed over. A look-up of many rows is counted for less:
 * who asks for one value of a skewed column, a state or a code, asks for a rare one, so each
 * value has its own weight.
 *
 * Rows not looked at are those with a value, if the column stood alone, and all the shard's, if
 * other conditions stand beside it: between the two lies the mean that is taken. So columns
 * that few rows have, whose indexes take next to nothing, come first.
 */
#include "seal_i.h"

#include <math.h>

#include "base/bitmap.h"
#include "base/hash.h"
#include "shard/postings_form.h"
#include "shard/postings.h"

/* A row found costs as much as so many rows compared in a scan (a code each, in SIMD). */
#define FOUND_ROWS 32
/* Reading an index at all: as much as so many rows compared. */
#define LOOKUP_ROWS 64
/* Who asks for a value wants so few rows, and one in so many of the shard's beside. */
#define FEW_ROWS 12
#define FEW_SHARE 16384
/* Values of fewer rows than this are taken to be packed, not in sets. */
#define RARE_ROWS 64
/* Numbers that take more values are measures, not kinds; doubles are always. */
#define MOST_NUMBERS 512
/* Bits of a hash beyond those that number the values: one in so many look-ups finds a stranger. */
#define HASH_SPARE 8

/* ---- use ---- */

/* Of a look-up that finds so many of n rows. */
static double
saved(uint32_t n, uint64_t found)
{
	uint64_t cost = found * FOUND_ROWS + LOOKUP_ROWS;

	return n > cost ? (double)(n - cost) : 0;
}

/* Of a column whose n values in rows have n_keys different ones. */
static double
gain_of(const struct seal *s, const uint32_t *counts, uint32_t n_keys, uint32_t n)
{
	double few = FEW_ROWS + (double)s->ord.n_rows / FEW_SHARE, sum = 0;
	double rows = sqrt((double)n * s->ord.n_rows);
	uint32_t most = rows > UINT32_MAX ? UINT32_MAX : (uint32_t)rows;

	for (uint32_t i = 0; i < n_keys; i++)
		sum += saved(most, counts[i]) * (counts[i] > few ? sqrt(few / counts[i]) : 1);
	return sum / n_keys;
}

/*
 * Bytes that lists of n rows will take at least, about: a row of a rare value has the bits of
 * its number; those of frequent ones, in runs and bitmaps, may take few.
 */
static double
least_bytes(const struct seal *s, uint32_t n, uint32_t n_keys)
{
	double bits = 32 - __builtin_clz(s->ord.n_rows);

	return n / n_keys < RARE_ROWS ? n * bits / 10 : n * bits / 64;
}

static bool
is_rest(const struct column_desc *d)
{
	return d->id == COL_REST || d->id == COL_EVENT_REST || d->id == COL_LINK_REST ||
	    d->type == VAL_MAP;
}

/* ---- rows ---- */

/* Rows of spans by the events' or links' numbers in the shard. */
int
seal_owner_rows(struct seal *s, enum column_domain domain)
{
	const struct memcol *c = s->part->fixed[domain == DOMAIN_EVENT ? COL_N_EVENTS :
	    COL_N_LINKS];
	const uint32_t *rank = s->ord.domain[DOMAIN_SPAN].rank;
	uint32_t *owner, *n_of, at = 0;

	if (domain == DOMAIN_SPAN || s->owner[domain] != NULL)
		return 0;
	n_of = arena_array(&s->mem, s->ord.n_rows, uint32_t);
	owner = arena_array(&s->mem, s->ord.domain[domain].n, uint32_t);
	if (n_of == NULL || owner == NULL)
		return err_nomem(s->err);
	for (uint32_t i = 0; c != NULL && i < c->n; i++)
		n_of[rank[c->rows[i]]] = (uint32_t)c->nums[i];
	for (uint32_t row = 0; row < s->ord.n_rows; row++)
		for (uint32_t i = 0; i < n_of[row]; i++)
			owner[at++] = row;
	s->owner[domain] = owner;
	return 0;
}

/* Rows of spans, of the values in order, into out. */
static void
rows_of_values(const struct seal *s, const struct column_desc *d, uint32_t n, bool all,
    uint32_t *out)
{
	const uint32_t *owner = s->owner[d->domain];
	uint32_t k = 0;

	if (all)
		for (uint32_t i = 0; i < n; i++)
			out[i] = owner == NULL ? i : owner[i];
	else
		BITMAP_EACH(s->present, s->ord.domain[d->domain].n, row)
			out[k++] = owner == NULL ? (uint32_t)row : owner[row];
}

/* Leaves out rows that come twice in a list. */
static void
drop_doubles(uint32_t *ends, uint32_t n_keys, uint32_t *rows)
{
	uint32_t at = 0, from = 0;

	for (uint32_t k = 0; k < n_keys; k++) {
		uint32_t end = ends[k], start = at;

		for (uint32_t i = from; i < end; i++)
			if (at == start || rows[at - 1] != rows[i])
				rows[at++] = rows[i];
		from = end;
		ends[k] = at;
	}
}

/* ---- lists ---- */

static void
begin(struct seal *s, enum postings_form form, uint32_t bits)
{
	s->raw.n = 0;
	buf_putc(&s->raw, (char)form);
	buf_putc(&s->raw, (char)bits);
	buf_u16le(&s->raw, 0);
	buf_u32le(&s->raw, 0);
}

/* The size of the pack of keys, which is all that is there by now. */
static void
set_keys(struct seal *s)
{
	size_t n = s->raw.n - POSTINGS_HEAD;

	for (unsigned i = 0; i < 4 && !s->raw.oom; i++)
		s->raw.p[4 + i] = (char)(n >> 8 * i);
}

/* Keys in s->vals, their counts in s->counts; the head is in s->raw. */
static int
put_lists(struct seal *s, const struct column_desc *d, uint32_t n, bool all, uint32_t n_keys)
{
	uint32_t *at, sum = 0, *sorted, *rows;
	int rc;

	if ((rc = seal_owner_rows(s, d->domain)) != 0)
		return rc;
	if (!vec_reserve(&s->starts, n_keys) || !vec_reserve(&s->pairs, n / 2 + 1))
		return err_nomem(s->err);
	at = s->starts.v;
	for (uint32_t i = 0; i < n_keys; i++) {
		at[i] = sum;
		sum += s->counts.v[i];
	}
	rows = (uint32_t *)(void *)s->pairs.v;
	sorted = s->slot;
	rows_of_values(s, d, n, all, rows);
	for (uint32_t i = 0; i < n; i++)
		sorted[at[s->vals[i]]++] = rows[i];
	/* Each start has moved to its end. */
	if (d->domain != DOMAIN_SPAN)
		drop_doubles(at, n_keys, sorted);
	poslist_put(&s->raw, at, n_keys, sorted, s->ord.n_rows, UINT32_MAX, s->tmp);
	return buf_ok(&s->raw, s->err);
}

int
postings_codes(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    uint32_t n, bool all)
{
	double gain;
	int rc;

	if (s->opts.index_budget == 0 || n <= LOOKUP_ROWS || is_rest(d) ||
	    !index_worth(s, gain = gain_of(s, s->counts.v, dict->n, n),
	    least_bytes(s, n, dict->n)))
		return 0;
	begin(s, POSTINGS_CODES, 0);
	if ((rc = put_lists(s, d, n, all, d->n_dict)) != 0)
		return rc;
	return index_offer(s, SECTION_POSTINGS, gain);
}

int
postings_numbers(struct seal *s, const struct column_desc *d, uint32_t n, bool all)
{
	uint32_t n_keys;
	double gain;
	int rc;

	if (s->opts.index_budget == 0 || n <= LOOKUP_ROWS || s->n_num_slots == 0 ||
	    s->stats.n_distinct > MOST_NUMBERS ||
	    d->type == VAL_DOUBLE ||
	    (d->id != COL_ATTR && d->id != COL_KIND && d->id != COL_STATUS))
		return 0;
	n_keys = column_number_ranks(s, n);
	if (n_keys == 0 || !index_worth(s, gain = gain_of(s, s->counts.v, n_keys, n),
	    least_bytes(s, n, n_keys)))
		return 0;
	begin(s, POSTINGS_VALUES, 0);
	pack_encode(&s->raw, s->tmp, n_keys);
	set_keys(s);
	if ((rc = put_lists(s, d, n, all, n_keys)) != 0)
		return rc;
	return index_offer(s, SECTION_POSTINGS, gain);
}

/* ---- hashes ---- */

int
postings_hashes(struct seal *s, const struct column_desc *d, const struct coldict *dict,
    uint32_t n, bool all)
{
	uint32_t bits = 32 - (uint32_t)__builtin_clz(n) + HASH_SPARE, mask;
	struct sort_pair *v;

	if (s->opts.index_budget == 0 || d->domain != DOMAIN_SPAN || d->id != COL_ATTR ||
	    (d->type != VAL_STRING && d->type != VAL_BYTES) ||
	    !index_worth(s, saved(n, 1), least_bytes(s, n, n) + n))
		return 0;
	bits = bits > 32 ? 32 : bits;
	mask = UINT32_MAX >> (32 - bits);
	if (!vec_reserve(&s->pairs, (size_t)n * 2))
		return err_nomem(s->err);
	v = s->pairs.v;
	rows_of_values(s, d, n, all, s->slot);
	for (uint32_t i = 0; i < n; i++)
		v[i] = (struct sort_pair){ hashidx_hash(coldict_at(dict, (uint32_t)s->vals[i])) &
		    mask, s->slot[i], 0 };
	sort_pairs(v, v + n, n);
	begin(s, POSTINGS_HASHES, bits);
	for (uint32_t i = 0; i < n; i++)
		s->tmp[i] = v[i].key;
	pack_encode(&s->raw, s->tmp, n);
	set_keys(s);
	for (uint32_t i = 0; i < n; i++)
		s->tmp[i] = v[i].val;
	pack_encode(&s->raw, s->tmp, n);
	return index_offer(s, SECTION_POSTINGS, saved(n, 1));
}
