/* SPDX-License-Identifier: ISC */
/*
 * clause_i: one clause, a keyword with its arguments as typed, and its meaning. The same
 * build function serves path_step, which checks the arguments one by one as they come
 * (`env` is NULL then: no clock, no catalog), and query_bind, which has all of them. So what
 * a directory accepts is what a query can mean.
 */
#ifndef QUERY_CLAUSE_I_H
#define QUERY_CLAUSE_I_H

#include "keyword_i.h"
#include "query/query.h"

struct clause {
	struct arena *arena;
	const struct query_env *env;	/* NULL: check only */
	const struct keyword *kw;
	struct sv args[KEYWORD_ARGS];	/* encoded, link dots taken off */
	unsigned n_args;		/* given so far */
	/* The meaning, when all arguments are given: of a filter `pred`, else a part of `query`. */
	const struct pred *pred;
	struct query *query;
	/* The argument that an error is in: the last, unless the build says otherwise. */
	unsigned at;
	bool relative;			/* a value depends on `now` */
	bool plain_ns;			/* the field's durations may be numbers of ns */
};

/* Runs kw->build. Errors name the keyword; err->off is within the argument `at`. */
int clause_build(struct clause *, struct err *) WARN_UNUSED;

/* Rows of the table. */
int build_list(struct clause *, struct err *);
int build_duration(struct clause *, struct err *);
int build_where(struct clause *, struct err *);
int build_has(struct clause *, struct err *);
int build_text(struct clause *, struct err *);
int build_root(struct clause *, struct err *);
int build_since(struct clause *, struct err *);
int build_until(struct clause *, struct err *);
int build_on(struct clause *, struct err *);
int build_mark(struct clause *, struct err *);
int build_shards(struct clause *, struct err *);
int build_group(struct clause *, struct err *);
int build_bucket(struct clause *, struct err *);
int build_agg(struct clause *, struct err *);
int build_fill(struct clause *, struct err *);
int build_having(struct clause *, struct err *);
int build_per(struct clause *, struct err *);
int build_versus(struct clause *, struct err *);
int build_distinct(struct clause *, struct err *);
int build_sort(struct clause *, struct err *);
int build_limit(struct clause *, struct err *);
int build_offset(struct clause *, struct err *);
int build_select(struct clause *, struct err *);
int build_expect(struct clause *, struct err *);

/*
 * A field from its encoded text; ERR_UNSUPPORTED for fields of groups. A key that files show
 * is an attribute until an environment says that it isn't. *typed (may be NULL): the text.
 */
int clause_field(struct clause *, struct sv text, struct field *, struct sv *typed,
    struct err *) WARN_UNUSED;
/* The same of sort and select, where the start of a bucket may stand too. */
int clause_column(struct clause *, struct sv text, struct field *, struct sv *typed,
    struct err *) WARN_UNUSED;
/* An aggregate as agg writes it, from its encoded text. */
int clause_aggregate(struct clause *, struct sv text, struct aggregate *, struct err *) WARN_UNUSED;
/* The encoded text names an aggregate by its form: count, or NAME:FIELD. */
bool aggregate_named(struct sv text);
/*
 * An operator that orders or equates, and its values on the field: args[1] and args[2] as far as
 * they are given. *out: a leaf, when they are.
 */
int clause_condition(struct clause *, const struct field *, const struct pred **out,
    struct err *) WARN_UNUSED;
/* True if the operator means something on the field. */
bool op_suits(enum pred_op, const struct field *);
/* True for the operators that look at the characters of a text. */
bool op_on_text(enum pred_op);

/*
 * One value of a field, from its encoded text (also an alias "%~..."), with its canonical
 * text. err->off is within `text`.
 */
int literal_parse(struct clause *, const struct field *, enum pred_op, struct sv text,
    struct literal *, struct err *) WARN_UNUSED;
/* A copy of the text with its ASCII letters in lower case. */
int lower_text(struct arena *, struct sv *text, struct err *) WARN_UNUSED;
/* ERR_SYNTAX if no value can lie between the two. */
int literal_check_between(const struct field *, const struct literal *lits,
    struct err *) WARN_UNUSED;

#endif
