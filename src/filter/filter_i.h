/* SPDX-License-Identifier: ISC */
/* filter_i: what the files of this folder ask of each other. */
#ifndef FILTER_FILTER_I_H
#define FILTER_FILTER_I_H

#include "base/bitmap.h"
#include "base/vec.h"
#include "filter/filter.h"
#include "match/words.h"

/* How the values of a column are tested. */
struct col_test {
	const struct ranges *ranges;	/* on numbers or codes; NULL: by codes */
	const struct code_set *set;	/* all codes that satisfy, or NULL */
	struct codes *codes;
	code_fn *fn;			/* what fills codes */
	void *arg;
};

static inline int
col_test_one(const struct col_test *t, uint64_t v, struct err *e)
{
	if (t->set != NULL)
		return bitmap_get(t->set->bits, v);
	if (t->ranges != NULL)
		return ranges_have(t->ranges, v);
	return codes_one(t->codes, (uint32_t)v, t->fn, t->arg, e);
}

/* ---- filter_leaf.c, filter_attr.c, filter_words.c, filter_span.c ---- */

int leaf_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int leaf_prepare(struct xshard *, const struct fnode *, struct leaf_state *, struct err *)
    WARN_UNUSED;
int attr_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int attr_prepare(struct xshard *, const struct fnode *, struct leaf_state *, struct err *)
    WARN_UNUSED;
int words_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int span_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int words_prepare(struct xshard *, const struct fnode *, struct leaf_state *, struct err *)
    WARN_UNUSED;
/* 1 if a resource or scope of the shard has word w of the leaf; 0, <0. */
int words_of_owners(struct xshard *, struct leaf_state *, uint32_t w, struct sv word,
    struct err *) WARN_UNUSED;
void leaf_state_release(struct leaf_state *);
/* ---- filter_table.c, filter_duration.c, filter_values.c: as leaf_eval, of some classes ---- */

int table_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int service_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out)
    WARN_UNUSED;
int trace_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
int duration_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out)
    WARN_UNUSED;
int values_eval(struct scan *, const struct fnode *, const uint64_t *in, uint64_t *out) WARN_UNUSED;

/* ---- filter_attr.c ---- */

/* Sets the rows of `in` with a child in `bits`. */
int children_rows(struct scan *, const struct chunk *counts, const uint64_t *in,
    const uint64_t *bits, uint64_t *out) WARN_UNUSED;
uint32_t scan_domain_rows(const struct scan *, enum column_domain);

/* ---- filter_owners.c ---- */

/* Rows by resource or scope. */
int owners_eval(struct scan *, enum column_id, struct codes *, code_fn *, void *arg,
    const uint64_t *in, uint64_t *out) WARN_UNUSED;

/* ---- filter_ready.c ---- */

/* How the column's numbers or codes are tested. The column is ready. */
struct col_test column_test(struct col_state *);
/* Does a string satisfy, be it a value, or a map of rare attributes? 1, 0, <0. */
int column_bytes(const struct col_state *, struct sv, struct err *) WARN_UNUSED;
/* Is the test whether strings have a text or word in them? Then many are searched at once: */
bool column_searches(const struct col_state *);
/* sets those of n values that satisfy such a test. */
void column_search(const struct col_state *, const char *bytes, const uint32_t *offs, uint32_t n,
    uint64_t *words);
void col_state_release(struct col_state *);

/* ---- filter_chunk.c ---- */

/* The rows of a list with a value: rows[sel[i]] has ordinal ord[i]. */
struct picked {
	uint32_t *rows, *sel, *ord, n;
};

/* Those of the bits of `in`, in the scan's memory. */
int chunk_pick(struct scan *, const struct chunk *, const uint64_t *in, struct picked *) WARN_UNUSED;
/*
 * Tests the chunk's values on the rows (of its domain) in `in`; sets those that satisfy.
 * *bad is the row of a failure.
 */
int chunk_test(struct scan *, const struct chunk *, const struct col_test *, const uint64_t *in,
    uint64_t *out, uint32_t *bad) WARN_UNUSED;

/* ---- filter_column.c ---- */

/* A leaf on a column: finds the chunk and the test, which it makes ready. */
int column_eval(struct scan *, struct col_state *, const uint64_t *in, uint64_t *out) WARN_UNUSED;
/* The same of few rows: sets mark[i] where rows[i] satisfies; marked ones are not asked. */
int column_rows(struct scan *, struct col_state *, uint32_t *rows, uint32_t n, bool *mark)
    WARN_UNUSED;

/* ---- filter_postings.c ---- */

/* Rows that indexes name. */
struct index_rows {
	VEC(uint32_t) v;
	size_t most;			/* of one leaf */
	bool by_text;			/* a text index was asked */
	bool loose;			/* of some that are named the values have to be looked at */
};

/* 0: all rows of the column that may match were added; 1: no index tells. */
int index_column(struct index_rows *, struct xshard *, struct col_state *, struct err *) WARN_UNUSED;

/* ---- filter_text.c ---- */

/*
 * Sets the codes of a dictionary's values that satisfy a leaf or word, in codes[n_dict + 64
 * bits], zeroed. 1: can't tell. *by_index: a text index was asked.
 */
int text_codes(struct xshard *, struct col_state *, uint64_t *codes, bool *by_index,
    struct err *) WARN_UNUSED;

#endif
