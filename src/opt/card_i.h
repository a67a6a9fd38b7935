/* SPDX-License-Identifier: ISC */
/*
 * card_i: what the files that estimate rows share.
 *
 *   card          of one shard, from its footer: independent conditions
 *   card_value    does a known value satisfy a condition
 *   card_leaf     one condition over the whole store, and in cells
 *   card_field    the share of one field's values, in the whole store
 *   card_cell     the same in one cell
 *   card_words    the share of rows with a word
 *   card_shard    one condition in a shard
 *   card_store    conditions together: what cells say of their going together
 */
#ifndef OPT_CARD_I_H
#define OPT_CARD_I_H

#include "match/compare.h"
#include "match/matcher.h"
#include "opt_i.h"

/* Without statistics; of the rows that have the field. */
#define SEL_EQ 0.01
#define SEL_ORDER 0.33
#define SEL_BETWEEN 0.2
#define SEL_CONTAINS 0.05
#define SEL_STARTS 0.05
#define SEL_RE 0.05
#define SEL_TEXT 0.01
#define SEL_PRESENT 0.3
#define SEL_MIN 1e-9

static inline double
clamp_share(double s)
{
	return !(s > SEL_MIN) ? SEL_MIN : s < 1 ? s : 1;
}

/* Share of a leaf about which nothing is known. */
double card_guess(const struct pred *);
/* Buckets of a range, which has both ends; 1: groups have none. */
double card_buckets(const struct grouping *, struct time_range);
/* Where x lies between lo and hi, 0 to 1. */
double card_position(double x, double lo, double hi, bool logs);

/* ---- card_leaf.c ---- */

#define LEAF_TYPES 16

/* One field and type that a leaf looks at. */
struct leaf_field {
	const struct stats_field *f;
	uint32_t place;			/* in the summary */
	double share;			/* of its rows that satisfy the leaf, in the whole store */
	double rest;			/* the same of rows whose value is not known */
	bool in_cells;
};

struct card_leaf {
	const struct pred *leaf;	/* of the filter */
	const struct pred *p;		/* what stands for it, see card_stand_in */
	struct matcher *m;		/* of its positive; NULL: of words */
	struct leaf_field fields[LEAF_TYPES];
	unsigned n_fields;
	const struct stats_filter *filter;	/* of its field, or NULL */
	double share;			/* of all rows of the store */
	bool known;			/* share comes from statistics */
};

/*
 * Of what is worked out of attributes, scores and tokens, statistics know the attributes: *f
 * becomes the one that says most of it. False if the field is no such one. Costs: only whether
 * there is one.
 */
bool card_stand_in(struct field *f);
int card_leaf_make(struct card_leaf *, const struct stats *, const struct pred *,
    struct arena *, struct err *) WARN_UNUSED;
void card_leaf_release(struct card_leaf *);
/* Spans of the trace of a span of the cell, on average. */
double card_trace_spans(const struct stats_cell *);
/* Share of the cell's rows; <0: the cell does not say. */
double card_leaf_in_cell(const struct card_leaf *, const struct stats_summary *,
    const struct stats_cell *);
/* Share of the rows of a shard, one of those of the statistics. */
double card_leaf_in_shard(const struct card_leaf *, const struct stats *,
    const struct shard_stats *);

/* ---- card_field.c ---- */

/* Share of the field's rows that satisfies the leaf, of which the predicate is the positive form. */
double card_field_share(const struct stats_field *, const struct pred *, const struct card_leaf *);
bool card_is_number(enum value_type);
/* Is it an order on numbers of which there is a histogram? */
bool card_numeric_order(const struct stats_field *, const struct pred *);
/* An image as a number. */
double card_number(enum value_type, uint64_t image);
/* The numbers that an order leaf lets through, [lo, hi). */
void card_order_range(enum value_type, const struct pred *, double *lo, double *hi);
/* Of values known to lie in [min, max] the share that lies in [lo, hi). */
double card_share_between(const struct stats_field *, double min, double max, double lo,
    double hi);
uint64_t card_literal_hash(enum value_type, const struct literal *);
/* Literal i; kind, status and flags are typed as numbers of their own. */
struct literal card_literal(const struct pred *, size_t i);
/* The leaf with the operator that its own denies. */
struct pred card_positive(const struct pred *);

/* ---- card_cell.c ---- */

/* What the cell has of the field in that place of the summary, or NULL. */
const struct stats_cell_field *card_cell_field(const struct stats_cell *, uint32_t place);
/* Makes `rest`, so that what cells say adds up to the field's share; and the share of one cell. */
void card_calibrate(struct leaf_field *, const struct stats_summary *, const struct pred *,
    const struct card_leaf *);
double card_entry_share(const struct card_leaf *, const struct leaf_field *,
    const struct stats_cell_field *);
/* Can a value of the field's type satisfy a negative leaf? */
bool card_fits_negative(const struct stats_field *);

/* ---- card_words.c ---- */

double card_word_in_cell(const struct stats_summary *, const struct stats_cell *, struct sv word);
/* In the whole store; in_cells: what cells say of it. */
double card_word_share(const struct stats_summary *, struct sv word, double in_cells);

/* ---- card_value.c ---- */

/* Of a listed value, the leaf's positive operator: 1 yes, 0 no, -1 it can't be told. */
int value_holds(const struct card_leaf *, const struct value *);
/* The leaf itself. */
int value_satisfies(const struct card_leaf *, const struct value *);

#endif
