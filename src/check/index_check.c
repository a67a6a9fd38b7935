/* SPDX-License-Identifier: ISC */
/*
 * index_check: what indexes say, against the values: postings and hashes name each row of a
 * value and no other, a text index and a Bloom filter leave out no value. Queries believe
 * them, so a false one is a wrong answer, though never an unsafe read. Sections of unknown
 * kinds: their checksum.
 */
#include "shard_check_i.h"

#include <stdlib.h>

#include "base/bloom.h"
#include "base/buf.h"
#include "base/hash.h"
#include "shard/colbloom.h"
#include "shard/postings.h"
#include "shard/textidx.h"
#include "shard/textidx_form.h"

#define PIECE 1024		/* values looked at together */
#define OTHER "it is not what the column's values say"

/* One index against one column. */
struct compare {
	struct check *k;
	const struct column *col;
	const struct postings *p;
	const struct hashidx *h;
	const uint8_t *bloom;
	size_t bloom_bytes;
	uint64_t *said;		/* key << 32 | row, as the index has it */
	uint64_t *seen;		/* the same, of the values */
	size_t n_said, n_seen;
	uint32_t *rows;
	bool whole, wrong;	/* whole: every chunk could be read */
};

static int
u64_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* ---- the span's row of each value of a chunk ---- */

/* owner[i]: the row of the i-th event or link of the row group. */
static int
child_owners(struct check *k, const struct column *col, uint32_t group, uint32_t **owner)
{
	const struct row_group *g = &k->s->info.row_groups[group];
	const struct column *counts = shard_column(k->s, col->domain == DOMAIN_EVENT ?
	    COL_N_EVENTS : COL_N_LINKS);
	const struct chunk *c = NULL;
	int rc;

	*owner = NULL;
	if ((rc = counts == NULL ? 0 : check_chunk(k, counts, group, &c)) != 0 || c == NULL)
		return rc;
	if ((*owner = malloc(((size_t)c->sums[c->n_present] + 1) * sizeof **owner)) == NULL)
		rc = err_nomem(k->e);
	for (uint32_t i = 0; rc == 0 && i < c->n_present; i++)
		for (uint32_t j = c->sums[i]; j < c->sums[i + 1]; j++)
			(*owner)[j] = g->row_from + chunk_row(c, i);
	chunk_put(c);
	return rc;
}

/* ---- values ---- */

static void
saw(struct compare *m, uint64_t value, uint32_t row)
{
	uint64_t key = value;

	if (m->col->kind == COLUMN_INT) {
		key = postings_lower(m->p, value);
		if (key == postings_n(m->p) || postings_value(m->p, (uint32_t)key) != value) {
			m->wrong = true;
			return;
		}
	}
	m->seen[m->n_seen++] = key << 32 | row;
}

static void
saw_text(struct compare *m, struct sv value, uint32_t row)
{
	uint32_t n = hashidx_find(m->h, hashidx_hash(value), m->rows,
	    (uint32_t)m->col->n_present);

	for (uint32_t i = 0; i < n; i++)
		if (m->rows[i] == row)
			return;
	m->wrong = true;
}

static void
saw_hash(struct compare *m, struct sv value)
{
	m->wrong |= !bloom_may_have(m->bloom, m->bloom_bytes, hash64(value.p, value.n));
}

static void
see_chunk(struct compare *m, const struct chunk *c, const uint32_t *owner, uint32_t row_from)
{
	uint64_t v[PIECE];

	for (uint32_t at = 0; at < c->n_present && !m->wrong; at += PIECE) {
		uint32_t left = c->n_present - at, n = left < PIECE ? left : PIECE;

		if (c->encoding != ENC_BYTES)
			chunk_u64(c, at, n, v);
		for (uint32_t i = 0; i < n && !m->wrong; i++) {
			uint32_t row = chunk_row(c, at + i);

			row = owner != NULL ? owner[row] : row_from + row;
			if (m->bloom != NULL)
				saw_hash(m, chunk_bytes_at(c, at + i));
			else if (c->encoding == ENC_BYTES)
				saw_text(m, chunk_bytes_at(c, at + i), row);
			else
				saw(m, v[i], row);
		}
	}
}

static int
see_all(struct compare *m)
{
	struct shard *s = m->k->s;
	int rc = 0;

	m->whole = true;
	for (uint32_t g = 0; g < s->info.n_row_groups && rc == 0; g++) {
		const struct chunk *c;
		uint32_t *owner = NULL;

		if ((rc = check_chunk(m->k, m->col, g, &c)) != 0)
			break;
		if (c == NULL) {
			m->whole &= shard_chunk_section(s, m->col->index, g) == NULL;
			continue;
		}
		if (m->col->domain != DOMAIN_SPAN)
			rc = child_owners(m->k, m->col, g, &owner);
		if (rc == 0 && m->col->domain != DOMAIN_SPAN && owner == NULL)
			m->whole = false;
		else if (rc == 0)
			see_chunk(m, c, owner, s->info.row_groups[g].row_from);
		free(owner);
		chunk_put(c);
	}
	return rc;
}

static void
list_said(struct compare *m)
{
	for (uint32_t key = 0; key < postings_n(m->p); key++) {
		uint32_t n = postings_rows(m->p, key, m->rows);

		for (uint32_t i = 0; i < n; i++)
			m->said[m->n_said++] = (uint64_t)key << 32 | m->rows[i];
	}
}

/* Each pair once, in order. */
static void
sort_seen(struct compare *m)
{
	size_t k = 0;

	qsort(m->seen, m->n_seen, sizeof *m->seen, u64_cmp);
	for (size_t i = 0; i < m->n_seen; i++)
		if (i == 0 || m->seen[i] != m->seen[i - 1])
			m->seen[k++] = m->seen[i];
	m->n_seen = k;
}

static int
compare(struct compare *m, const struct section *sec)
{
	size_t n = (size_t)m->col->n_present + 1;
	int rc;

	m->rows = malloc(n * sizeof *m->rows);
	m->said = malloc(n * sizeof *m->said);
	m->seen = malloc(n * sizeof *m->seen);
	if (m->rows == NULL || m->said == NULL || m->seen == NULL)
		return err_nomem(m->k->e);
	if ((rc = see_all(m)) != 0)
		return rc;
	if (m->p != NULL && m->whole && !m->wrong) {
		list_said(m);
		sort_seen(m);
		m->wrong = m->n_said != m->n_seen ||
		    memcmp(m->said, m->seen, m->n_said * sizeof *m->said) != 0;
	}
	if (m->wrong)
		section_report(m->k, sec, OTHER);
	return 0;
}

static int
check_postings(struct check *k, const struct section *sec)
{
	struct compare m = { .k = k, .col = &k->s->info.columns[sec->column] };
	struct err why = ERR_INIT;
	int rc = m.col->kind == COLUMN_BYTES ? hashidx_get(k->s, m.col, &m.h, &why) :
	    postings_get(k->s, m.col, &m.p, &why);

	if (rc != 0)
		return check_finding(k, sec, rc, &why);
	rc = compare(&m, sec);
	free(m.rows);
	free(m.said);
	free(m.seen);
	postings_put(m.p);
	hashidx_put(m.h);
	return rc;
}

/* ---- Bloom filters ---- */

static int
check_colbloom(struct check *k, const struct section *sec)
{
	struct compare m = { .k = k, .col = &k->s->info.columns[sec->column] };
	const struct colbloom *b;
	struct err why = ERR_INIT;
	const struct dict *d;
	int rc;

	if ((rc = colbloom_get(k->s, m.col, &b, &why)) != 0)
		return check_finding(k, sec, rc, &why);
	m.bloom = colbloom_bits(b, &m.bloom_bytes);
	if (m.col->kind != COLUMN_DICT)
		rc = see_all(&m);
	else if ((rc = check_dict(k, m.col, &d)) == 0 && d != NULL) {
		for (uint32_t i = 0; i < d->n; i++)
			saw_hash(&m, dict_at(d, i));
		dict_put(d);
	}
	if (rc == 0 && m.wrong)
		section_report(k, sec, OTHER);
	colbloom_put(b);
	return rc;
}

/* ---- texts ---- */

static int
check_text(struct check *k, const struct section *sec)
{
	const struct column *col = &k->s->info.columns[sec->column];
	const struct textidx *t = NULL;
	struct buf lower = BUF_INIT;
	struct err why = ERR_INIT;
	const struct dict *d;
	int rc;

	if ((rc = textidx_get(k->s, col, &t, &why)) != 0)
		return check_finding(k, sec, rc, &why);
	rc = check_dict(k, col, &d);
	for (uint32_t i = 0; rc == 0 && d != NULL && i < d->n; i++) {
		text_lower(&lower, dict_at(d, i));
		rc = buf_ok(&lower, k->e);
		if (rc == 0 && !textidx_covers(t, buf_view(&lower), i)) {
			section_report(k, sec, OTHER);
			break;
		}
	}
	if (rc == 0)
		dict_put(d);
	textidx_put(t);
	buf_release(&lower);
	return rc;
}

static int
check_unknown(struct check *k, const struct section *sec)
{
	struct section stored = *sec;
	struct err why = ERR_INIT;
	void *p;
	int rc;

	/* Whatever its codec is: the bytes as they are. */
	stored.codec = CODEC_NONE;
	stored.n_raw = stored.n_stored;
	if ((rc = section_read(k->s, &stored, 0, &p, &why)) != 0)
		return check_finding(k, sec, rc, &why);
	free(p);
	return 0;
}

int
check_indexes(struct check *k)
{
	int rc = 0;

	for (uint32_t i = 0; i < k->s->n_sections && rc == 0; i++) {
		const struct section *sec = &k->s->sections[i];

		if (sec->kind == SECTION_POSTINGS)
			rc = check_postings(k, sec);
		else if (sec->kind == SECTION_TEXT)
			rc = check_text(k, sec);
		else if (sec->kind == SECTION_COLUMN_BLOOM)
			rc = check_colbloom(k, sec);
		else if (sec->kind > SECTION_LAST)
			rc = check_unknown(k, sec);
	}
	return rc;
}
