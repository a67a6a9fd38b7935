/* SPDX-License-Identifier: ISC */
/* ch_sql: what its files share beside the pieces of chsql/ch_write.h. */
#ifndef CH_SQL_I_H
#define CH_SQL_I_H

#include "agg/agg_given.h"
#include "chsql/ch_write.h"

/* ---- ch_sql_where.c ---- */
/* WHERE: all spans of the traces that have one which passes. */
void traces_write(struct writer *, const struct ch_select *q);
/* The same without the word; and without the column before " IN". */
void traces_in(struct writer *, const struct ch_select *q);
void traces_of(struct writer *, const struct ch_select *q);
/* The spans of these seconds, as the table of times has them: inclusive. */
void seconds_write(struct writer *, uint64_t first_s, uint64_t last_s);
/* Without a range and with no condition every span is one. */
bool every_span(const struct ch_select *);
/* Rows that have ids: others are no spans, and must not take the places of those that are. */
void ids_write(struct writer *);
/*
 * In brackets, the rows of the two parts of a filter that splits: `columns` is called in each, and
 * may name there what the outside has by these names.
 */
void parts_write(struct writer *, const struct ch_select *q, void (*columns)(struct writer *, void *),
    void *arg);

/* ---- ch_sql_cond.c ---- */
/* The condition; `deny`: under a NOT, where less may be said, not more. */
void cond_write(struct writer *, const struct pred *, bool deny);
/* Does it say nothing: would every row pass what can be handed over? */
bool cond_empty(const struct writer *, const struct pred *, bool deny);
/* A filter in two parts. */
bool split_can(const struct writer *, const struct pred *filter);
/*
 * May resources stay away from the spans of its own part? If no bare name is left unsaid, and one is
 * to say for each whether its resource has one.
 */
bool split_apart(const struct writer *, const struct ch_select *);
/* Has the resource one of the bare names? Has it none? (No index serves that.) */
void split_guard(struct writer *, const struct pred *filter);
void split_guard_not(struct writer *, const struct pred *filter);

/* ---- ch_sql_leaf.c ---- */
enum how {
	LEAF_EXACT,
	LEAF_DOUBT,	/* the same, but for values in doubt (ch_sql_doubt.c) */
	LEAF_WIDE,	/* more rows pass than should */
	LEAF_NOT,	/* nothing can be said */
};
enum how leaf_how(const struct writer *, const struct pred *);
void leaf_write(struct writer *, const struct pred *);

/* ---- ch_sql_words.c ---- */
/* text/WORDS: can anything be said of them? It is LEAF_WIDE then. */
bool words_can(const struct ch_schema *, const struct pred *);
void words_write(struct writer *, const struct pred *);

/* ---- ch_sql_attr.c ---- */
/* Are all literals texts that are shown as they are stored? */
bool all_plain(const struct pred *);
enum how attr_how(const struct pred *);
void attr_write(struct writer *, const struct pred *);
/* Is it there, of spans and resources? */
void attr_there(struct writer *, const struct field *);

/* One value: of a column of maps, or the map that a lambda is at. */
struct place {
	bool lambda;
	enum ch_span_column map;
	struct sv key;
	struct sv computed;	/* a column that is this value */
	struct sv items;	/* a column of "key=value" */
};
struct place place_of(const struct writer *, enum ch_span_column map, struct sv key, bool lambda);
void place_guard(struct writer *, const struct place *);	/* it is there */
void place_value(struct writer *, const struct place *);

/* The same number, a little less or more: servers read doubles off in the last digits. */
double a_little_less(double);
double a_little_more(double);
double literal_number(const struct literal *);

/* ---- ch_sql_json.c ---- */
/* Of attributes in columns of JSON: LEAF_WIDE, or nothing. */
enum how json_how(const struct ch_schema *, const struct pred *);
void json_write(struct writer *, const struct pred *);

/* ---- ch_sql_doubt.c ---- */
void doubt_leaf(struct writer *, const struct pred *, bool deny);
/* Is the row in doubt, behind "(" and what else is before; false: no row can be, and nothing. */
bool doubts_write(struct writer *, const struct pred *filter, const char *before);
/* The same in pieces: what is before is written before the first, which *any tells; the ")" is left. */
void doubts_add(struct writer *, const struct pred *filter, const char *before, bool *any);
void doubt_begin(struct writer *, const char *before, bool *any);

/* ---- ch_sql_sort.c ---- */
/* Is a sort key of the row in doubt, in brackets; false: none can be, and nothing. Defines what the order names. */
bool sort_doubts_write(struct writer *, const struct ch_select *);
/* The condition of w->rows: of all rows those whose keys are in doubt, or are not. */
void sort_rows_write(struct writer *, const struct ch_select *);
/* Are the first rows alone asked for, if the filter is exact? */
bool first_alone(const struct ch_select *);
/* ORDER BY, and LIMIT, as out->limited tells. */
void rows_order_write(struct writer *, const struct ch_select *, struct ch_sql *out);

/* ---- ch_sql_span.c ---- */
struct tops;
bool is_parents(const struct field *);
/* Of parent:FIELD the FIELD, else the field. */
struct field inner_of(const struct field *);
/* An attribute in a Map that reads the same by itself. */
bool in_map(const struct ch_schema *, const struct field *);
/* The field, in the part of a split that asks for spans' own attributes their own. */
struct field narrowed(const struct writer *, const struct pred *filter, const struct field *);
void alias(struct writer *, char what, size_t i);	/* spanfs_k3 */
void start_write(struct writer *);
/* A month is of whole days, which the table adds up. */
uint64_t bucket_ns(struct bucket_step);
void bucket_write(struct writer *, const struct tops *);
void errors_write(struct writer *);	/* how many are */

/* ---- ch_sql_keys.c ---- */
/* Can the server tell all of them, and each from the others? */
bool keys_can(const struct writer *, const struct grouping *);
void key_write(struct writer *, const struct field *, size_t i);
/* As they are called in the parts, in the join with parents, and where groups are made by them. */
void key_names(struct writer *, const struct field *, size_t i);
void key_name(struct writer *, const struct field *, size_t i);	/* and a comma */
/* All of them; `split`: the parts have them. */
void keys_write(struct writer *, const struct grouping *, bool split);
/* What the join is to have of parents. */
void parents_keys(struct writer *, const struct grouping *);

/* ---- ch_sql_figures.c ---- */
bool figures_can(const struct writer *, const struct agg_given_want *);
enum whose { OF_SPANS, OF_PARENTS };
/*
 * What the parts of a split are to have for them, of spans' own; then figures_write is told `split`. Of
 * parents' what the join is to have.
 */
void figures_columns(struct writer *, const struct ch_select *, const struct agg_given_want *, enum whose);
/* Is a span's value in doubt, or a parent's; as doubts_add. */
void figures_doubts(struct writer *, const struct ch_select *, const struct agg_given_want *, enum whose,
    const char *before, bool *any);
/* named: each has a name; spanfs_count, spanfs_errors, and of a field spanfs_n a b c d q u with its number. */
struct figures_how {
	bool ranked, split, named;
	bool traces;			/* of the rows of trace_rows_write */
	bool parts;			/* of a trace's spans in a group: for sums_write */
};
void figures_write(struct writer *, const struct agg_given_want *, struct figures_how);
/* "(0.5, 0.9)(", behind the name of an aggregate: the percentiles that are wanted. */
void ranks_write(struct writer *, const struct agg_given_want *);
/* Is it told how many spans have a number there? */
bool figure_counts(const struct agg_given_field *);

/* ---- ch_sql_traces.c ---- */
/* What is a trace's own: service, name, start, duration. */
bool trace_own(const struct field *);
void trace_own_write(struct writer *, enum intrinsic);
/* In brackets a row for each trace: these, spanfs_te, how many errors it has, and spanfs_d: is it in doubt? */
void trace_rows_write(struct writer *, const struct ch_select *q);

/* ---- ch_sql_parents.c ---- */
bool parents_asked(const struct grouping *, const struct agg_given_want *);
/* Behind the spans' table: their parents, with parents_keys, figures_columns, and spanfs_p, which is 1. */
void parents_join(struct writer *, const struct ch_select *, const struct grouping *, const struct agg_given_want *);
/* As doubts_add: a parent's value; whether a row is a span. */
void parents_doubt(struct writer *, const char *before, bool *any);
void ids_doubt(struct writer *, const char *before, bool *any);
/* ", ... AS spanfs_all": how many spans there are. */
void parents_all(struct writer *, const struct ch_select *);

/* ---- ch_sql_levels.c ---- */
/* Groups by way of traces: the figures of groups of what figures_write told `parts` has of each trace. */
void sums_write(struct writer *, const struct agg_given_want *, struct figures_how);

/* ---- ch_sql_own.c ---- */
/* Have groups bare names that are asked for in both maps only for want of knowing better? */
bool own_can(const struct writer *, const struct pred *filter, const struct grouping *,
    const struct agg_given_want *);
/* As doubts_add: has a resource one of them after all? */
void own_doubt(struct writer *, const struct ch_select *, const struct grouping *,
    const struct agg_given_want *, const char *before, bool *any);

/* ---- ch_sql_tops.c ---- */
/* Groups of which some only are wanted. */
struct tops {
	const struct grouping *g;
	const struct agg_given_want *want;
	struct bucket_step step;
	uint64_t shift;
	uint64_t keep;			/* so many; 0: all */
	bool ranked;
	bool doubts;			/* spanfs_doubt tells of them */
	bool traces;
	bool some;			/* and some are left out there: figures are named */
	bool below;			/* the level below has the bucket: spanfs_i */
};
/* Might fewer come: has a group one row, and is something left out? Then figures are named. */
bool tops_can(const struct tops *);
/* Is a group in doubt by itself, in pieces; false: none can be. */
bool tops_doubts(struct writer *, const struct tops *, const char *before);
void tops_write(struct writer *, const struct tops *);
bool asks_rate(const struct grouping *);

/* ---- ch_sql_re.c ---- */
/* Does the pattern mean the same over there? */
bool re_alike(struct sv);
void w_re(struct writer *, struct sv);

#endif
