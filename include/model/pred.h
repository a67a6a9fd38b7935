/* SPDX-License-Identifier: ISC */
/*
 * pred: a predicate over spans, as a tree. Data only: src/query builds it, src/opt rewrites
 * it, src/match says what it means, src/exec evaluates it. Walks through it: pred_walk.h. Trees are immutable once
 * built and live in an arena; a rewrite makes new nodes.
 *
 * Meaning of a leaf on a span (product.md, "Fields" and "Values"): the field yields zero or
 * more values (an array attribute its elements, event.K one for each event...). Positive
 * operators hold if any of them matches; the negative ones (NE, NOTIN, NOTCONTAINS, NRE) hold
 * where there is a value, of whatever type, and their positive does not hold (of an array: no
 * element matches); per event or link: any event or link for which that is so. No value, and
 * an empty one: no leaf but HAS holds, so NOT a = 1 is not a != 1.
 */
#ifndef MODEL_PRED_H
#define MODEL_PRED_H

#include "base/arena.h"
#include "model/field.h"
#include "model/id.h"

enum pred_op {
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOTIN, OP_CONTAINS, OP_NOTCONTAINS,
	OP_STARTS, OP_ENDS, OP_RE, OP_NRE, OP_BETWEEN,
	OP_HAS,		/* the field is present: no literal */
	OP_TEXT,	/* text/WORDS: lits are the words, lower-case ASCII; no field */
};
#define N_PRED_OPS 17

const char *pred_op_name(enum pred_op);		/* "eq", ...; HAS and TEXT: "has", "text" */
bool pred_op_parse(struct sv, enum pred_op *);	/* the 15 that stand in paths */
/* NE, NOTIN, NOTCONTAINS and NRE deny the positive one beside them; others are their own. */
bool pred_op_negative(enum pred_op);
enum pred_op pred_op_positive(enum pred_op);
/* A < B in some order: LT LE GT GE BETWEEN. */
bool pred_op_order(enum pred_op);

/* A value typed in a path, with all its readings. */
struct literal {
	struct sv text;		/* decoded */
	bool is_int, is_double, is_bool;
	int64_t i;		/* if is_int: exact */
	double d;		/* if is_int or is_double */
	bool b;
	/*
	 * For intrinsics of type time, duration, kind, status, int: the number (kind and status:
	 * enum value; unknown enum numbers are typed as digits). Ids: hi and lo (span ids: lo).
	 */
	uint64_t u, hi, lo;
};

enum pred_kind { PRED_TRUE, PRED_FALSE, PRED_LEAF, PRED_AND, PRED_OR, PRED_NOT };

struct pred {
	enum pred_kind kind;
	/* PRED_LEAF */
	enum pred_op op;
	struct field field;
	const struct literal *lits;	/* IN, NOTIN, TEXT: n; BETWEEN: 2; HAS: 0; else 1 */
	size_t n_lits;
	/* AND, OR: n_kids >= 1; NOT: 1 */
	const struct pred *const *kids;
	size_t n_kids;
};

/*
 * The bytes words are made of, in text/WORDS and in the texts it looks at: ASCII letters,
 * digits, '_' and every byte of a non-ASCII character. All others separate.
 */
static inline bool
text_word_byte(char c)
{
	uint8_t u = (uint8_t)c;

	return u >= 0x80 || u == '_' || (u >= '0' && u <= '9') ||
	    (u >= 'A' && u <= 'Z') || (u >= 'a' && u <= 'z');
}

/* Readings of plain text as a value (the fields text, is_*, i, d, b). */
struct literal literal_of(struct sv text);

const struct pred *pred_leaf(struct arena *, enum pred_op, struct field,
    const struct literal *lits, size_t n);
/* Flattens nested ANDs (ORs), gives TRUE (FALSE) for none and the kid for one. NULL: out of memory. */
const struct pred *pred_and(struct arena *, const struct pred *const *kids, size_t n);
const struct pred *pred_or(struct arena *, const struct pred *const *kids, size_t n);
const struct pred *pred_not(struct arena *, const struct pred *);
/* Structural equality and a total order. */
bool pred_eq(const struct pred *, const struct pred *);
int pred_cmp(const struct pred *, const struct pred *);
/* Appends bytes that tell predicates apart as pred_eq does. */
void pred_put(struct buf *, const struct pred *);
/* For people and plans: "service = checkout AND (a.b > 3 OR NOT has x)". Control characters escaped. */
void pred_print(struct buf *, const struct pred *);
/* Deep copy into another arena. */
const struct pred *pred_copy(struct arena *, const struct pred *);

#endif
