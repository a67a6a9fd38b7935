/* SPDX-License-Identifier: ISC */
/*
 * shard_check_columns: what the footer says of each column and chunk (range, zone, dictionary,
 * most frequent values), against the values. Queries skip chunks and answer listings by these
 * numbers, so a false one is a wrong answer, though never an unsafe read.
 */
#include "shard_check_i.h"

#include <endian.h>
#include <stdlib.h>

#define PIECE 4096		/* values decoded at a time */

struct top_count {
	uint64_t image;		/* numbers */
	struct sv text;
	const struct top_value *top;
	uint64_t n;
};

struct tally {
	struct check *k;
	const struct column *col;
	const struct dict *dict;
	uint32_t *codes;	/* how often each code occurs */
	struct top_count *tops;	/* by image or text; values cut short are left out */
	size_t n_tops;
	uint64_t min, max;
	bool whole;		/* every chunk was seen */
	uint64_t *v;
};

static void
report(struct tally *t, const char *what)
{
	char name[128];

	column_name(t->col, name, sizeof name);
	check_report(t->k, (int64_t)t->k->s->footer_off, "footer: %s of column %s", what, name);
}

/* ---- top values ---- */

static int
number_cmp(const void *pa, const void *pb)
{
	const struct top_count *a = pa, *b = pb;

	return (a->image > b->image) - (a->image < b->image);
}

static int
text_cmp(const void *pa, const void *pb)
{
	return sv_cmp(((const struct top_count *)pa)->text, ((const struct top_count *)pb)->text);
}

static int
tops_init(struct tally *t)
{
	const struct column *c = t->col;
	bool text = c->kind != COLUMN_INT;

	if ((t->tops = calloc(c->n_top + 1, sizeof *t->tops)) == NULL)
		return err_nomem(t->k->e);
	for (size_t i = 0; i < c->n_top; i++) {
		const struct top_value *top = &c->top[i];
		struct top_count *x = &t->tops[t->n_tops];

		if (top->val.type != c->type || (top->cut && !text)) {
			report(t, "type of a top value");
			continue;
		}
		if (i > 0 && top->n_rows > c->top[i - 1].n_rows)
			report(t, "order of the top values");
		if (top->cut)
			continue;
		x->top = top;
		if (text)
			x->text = top->val.s;
		else
			x->image = column_image(c, &top->val);
		t->n_tops++;
	}
	qsort(t->tops, t->n_tops, sizeof *t->tops, text ? text_cmp : number_cmp);
	return 0;
}

static void
count_number(struct tally *t, uint64_t v)
{
	const struct top_count key = { .image = v };
	struct top_count *x;

	x = bsearch(&key, t->tops, t->n_tops, sizeof *t->tops, number_cmp);
	if (x != NULL)
		x->n++;
}

static void
count_text(struct tally *t, struct sv v, uint64_t n)
{
	const struct top_count key = { .text = v };
	struct top_count *x;

	x = bsearch(&key, t->tops, t->n_tops, sizeof *t->tops, text_cmp);
	if (x != NULL)
		x->n += n;
}

static void
check_tops(struct tally *t)
{
	for (size_t i = 0; i < t->n_tops; i++)
		if (t->tops[i].n != t->tops[i].top->n_rows) {
			report(t, "rows of a top value");
			return;
		}
}

/* ---- chunks ---- */

static uint64_t
prefix_of(struct sv s)
{
	uint64_t v = 0;

	if (s.n != 0)
		memcpy(&v, s.p, s.n < 8 ? s.n : 8);
	return be64toh(v);
}

static void
count_values(struct tally *t, const uint64_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (t->codes != NULL)
			t->codes[v[i]]++;
		else if (t->n_tops != 0)
			count_number(t, v[i]);
}

/* Zones of the blocks of a pack: readers skip blocks by them. */
static bool
blocks_true(const struct pack *p)
{
	uint64_t v[PACK_BLOCK];

	for (size_t b = 0; b < p->n_blocks; b++) {
		struct pack_block blk = pack_block(p, b);
		size_t n = pack_decode_block(p, b, v);
		uint64_t min = v[0], max = v[0];

		for (size_t i = 1; i < n; i++) {
			min = v[i] < min ? v[i] : min;
			max = v[i] > max ? v[i] : max;
		}
		if (min != blk.base || max != blk.max)
			return false;
	}
	return true;
}

static void
check_values(struct tally *t, const struct chunk *c, const struct section *sec)
{
	uint64_t min = UINT64_MAX, max = 0;

	for (uint32_t at = 0; at < c->n_present; at += PIECE) {
		uint32_t left = c->n_present - at, n = left < PIECE ? left : PIECE;

		if (c->encoding == ENC_BYTES)
			for (uint32_t i = 0; i < n; i++) {
				struct sv s = chunk_bytes_at(c, at + i);

				t->v[i] = prefix_of(s);
				count_text(t, s, 1);
			}
		else {
			chunk_u64(c, at, n, t->v);
			count_values(t, t->v, n);
		}
		for (uint32_t i = 0; i < n; i++) {
			min = t->v[i] < min ? t->v[i] : min;
			max = t->v[i] > max ? t->v[i] : max;
		}
	}
	if (min != sec->zone.min || max != sec->zone.max)
		section_report(t->k, sec, "its zone in the footer is not true");
	if ((c->encoding == ENC_PACK || c->encoding == ENC_RLE) && !blocks_true(&c->pack))
		section_report(t->k, sec, "the zone of a block is not true");
	t->min = min < t->min ? min : t->min;
	t->max = max > t->max ? max : t->max;
}

/* ---- columns ---- */

static void
check_dictionary(struct tally *t)
{
	for (uint32_t i = 0; i < t->dict->n; i++) {
		if (t->codes[i] == 0) {
			report(t, "a value that never occurs, in the dictionary");
			return;
		}
		if (t->n_tops != 0)
			count_text(t, dict_at(t->dict, i), t->codes[i]);
	}
	if (t->col->n_distinct != t->dict->n)
		report(t, "number of distinct values");
}

static int
check_column(struct tally *t)
{
	struct shard *s = t->k->s;
	const struct chunk *c;
	int rc;

	if (t->col->kind == COLUMN_DICT) {
		if ((rc = check_dict(t->k, t->col, &t->dict)) != 0)
			return rc;
		if ((t->codes = calloc(t->col->n_dict, sizeof *t->codes)) == NULL)
			return err_nomem(t->k->e);
		t->whole = t->dict != NULL;
	}
	if ((rc = tops_init(t)) != 0)
		return rc;
	for (uint32_t g = 0; g < s->info.n_row_groups; g++) {
		const struct section *sec = shard_chunk_section(s, t->col->index, g);

		if ((rc = check_chunk(t->k, t->col, g, &c)) != 0)
			return rc;
		if (c == NULL) {
			t->whole &= sec == NULL;
			continue;
		}
		check_values(t, c, sec);
		chunk_put(c);
	}
	if (!t->whole)
		return 0;
	if (t->dict != NULL)
		check_dictionary(t);
	check_tops(t);
	if (t->col->has_range && (t->min != t->col->min || t->max != t->col->max))
		report(t, "range");
	return 0;
}

int
check_columns(struct check *k)
{
	uint64_t *v = malloc(PIECE * sizeof *v);
	int rc = v == NULL ? err_nomem(k->e) : 0;

	for (uint32_t i = 0; i < k->s->info.n_columns && rc == 0; i++) {
		struct tally t = {
			.k = k, .col = &k->s->info.columns[i], .min = UINT64_MAX,
			.whole = true, .v = v,
		};

		rc = check_column(&t);
		dict_put(t.dict);
		free(t.codes);
		free(t.tops);
	}
	free(v);
	return rc;
}
