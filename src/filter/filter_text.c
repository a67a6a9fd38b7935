/* SPDX-License-Identifier: ISC */
/*
 * filter_text: the dictionary codes whose values satisfy a condition that no range of codes
 * tells: parts of texts, patterns, words. A text index names candidates, and only these values
 * are looked at; if it names none, not even the dictionary is read. Without one every value
 * is looked at once, where the values are few against the rows that have them.
 *
 * A value on which a pattern runs into its limit makes the whole answer "can't tell": whether
 * that is an error depends on rows, and they are the scan's.
 */
#include "filter/filter_cost.h"
#include "filter_i.h"

#include <stdlib.h>

#include "shard/textidx.h"

#define CHECK_VALUES 1024	/* between looks at the deadline */

/* What the index knows of one leaf or word: false if that is nothing. */
static bool
ask_index(const struct textidx *t, const struct col_state *st, uint64_t *codes, uint64_t *tmp)
{
	const struct sv *must;
	size_t n_must;
	bool told = false;

	if (st->word.n != 0)
		return textidx_token(t, st->word, codes);
	n_must = matcher_must(st->node->m, &must);
	for (size_t i = 0; i < n_must; i++) {
		if (!textidx_candidates(t, must[i], told ? tmp : codes))
			continue;
		if (told)
			bitmap_and(codes, tmp, st->col->n_dict);
		told = true;
	}
	return told;
}

static int
candidates(struct xshard *xs, const struct col_state *st, uint64_t *codes, struct err *e)
{
	size_t words = BITMAP_WORDS(st->col->n_dict) + 1;
	const struct textidx *t = NULL;
	const struct sv *must;
	uint64_t *tmp;
	int rc;

	if (st->word.n == 0 && matcher_must(st->node->m, &must) == 0)
		return 1;
	if ((rc = textidx_get(xs->s, st->col, &t, e)) < 0 || t == NULL)
		return rc < 0 ? rc : 1;
	if ((tmp = calloc(words, sizeof *tmp)) == NULL)
		rc = err_nomem(e);
	else
		rc = ask_index(t, st, codes, tmp) ? 0 : 1;
	free(tmp);
	textidx_put(t);
	return rc;
}

/* Leaves in codes those whose values satisfy. */
static int
look_at(const struct filter *f, struct col_state *st, uint64_t *codes, struct err *e)
{
	size_t n_seen = 0;
	int rc;

	BITMAP_EACH(codes, st->col->n_dict, code) {
		if (++n_seen % CHECK_VALUES == 0 && (rc = filter_check(f, e)) < 0)
			return rc;
		if ((rc = column_code(st, (uint32_t)code, NULL)) == ERR_NOMEM)
			return err_nomem(e);
		if (rc < 0)
			return 1;
		if (rc == 0)
			bitmap_clear(codes, code);
	}
	return 0;
}

static bool
few_values(const struct column *c)
{
	return c->n_dict <= FEW_VALUES || c->n_dict <= c->n_present / VALUE_ROWS;
}

int
text_codes(struct xshard *xs, struct col_state *st, uint64_t *codes, bool *by_index,
    struct err *e)
{
	size_t n = st->col->n_dict;
	int rc = 1;

	*by_index = false;
	if (st->col->text_bytes != 0 && (rc = candidates(xs, st, codes, e)) < 0)
		return rc;
	if (rc == 0) {
		*by_index = true;
		atomic_store_explicit(&st->lazy, true, memory_order_relaxed);
		if (!bitmap_any(codes, n))
			return 0;
	} else if (!few_values(st->col))
		return 1;
	if ((rc = column_ready(xs, st, e)) < 0)
		return rc;
	if (!*by_index)
		bitmap_set_range(codes, 0, n);
	if (!st->use_ranges)
		return look_at(xs->filter, st, codes, e);
	BITMAP_EACH(codes, n, code)
		if (!ranges_have(&st->code_ranges, code))
			bitmap_clear(codes, code);
	return 0;
}
