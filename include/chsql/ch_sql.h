/* SPDX-License-Identifier: ISC */
/*
 * ch_sql: a question about spans as SQL. A statement is put together from three kinds of pieces:
 * texts of this program, names of columns that the schema read, quoted, and parameters {p0:String},
 * whose values travel beside it. No value is ever part of the text, but for keys in columns of JSON: they
 * are paths, quoted, of letters, digits, _, - and single dots (ch_sql_json.c).
 *
 * Conditions go over leaf by leaf where they can. What comes is never less than what the filter
 * lets through; `exact` says that it is no more either, for spans as ch_span makes them of rows.
 * Otherwise the filter is to be tested on what comes, and a limit or count was not handed over.
 *
 *   texts        eq ne in notin, and of names and the like contains notcontains starts ends: exact
 *   attributes   text: eq ne in notin exact; a literal that reads as a number matches texts that are
 *                that number in any spelling, so these and orders of numbers come with some more;
 *                contains starts ends likewise; orders of texts are left; text/WORDS: ch_sql_words.c
 *   in JSON      as much of eq in, contains starts ends and orders of numbers as types tell (ch_sql_json.c)
 *   patterns     re nre of texts and attributes, where PCRE2 and RE2 mean the same (ch_sql_re.c)
 *   kind status  eq ne in notin, in both spellings
 *   ids          eq ne in notin;  durations and times: all orders, a negative duration being 0
 *   events links attributes and names alike, by arrayExists
 *   scope. flags are never there;  of whole traces, parents, scores, tokens: left
 * Each test of an attribute asks for its key, too (a missing one reads as ''), and both serve the
 * bloom filters; columns of one attribute and arrays of "key=value" are used where they are.
 * Where rows are counted only, orders of integers, patterns and the like are exact as well, unless a row
 * has a value in doubt (ch_sql_doubt.c), which the answer tells.
 * A text that is not UTF-8, or has U+FFFD, is left: what is shown of such a row is repaired. So is
 * the empty key, which servers don't find in a Map.
 */
#ifndef CLICKHOUSE_CH_SQL_H
#define CLICKHOUSE_CH_SQL_H

#include "chsql/ch_schema.h"
#include "model/pred.h"
#include "model/when.h"

/*
 * How the first rows are asked for. All but CH_TIES asks for one row more than are wanted: a server
 * then reads of a wide table what it sorts by, and the rest of the rows that come alone. If the last
 * two differ in what they are ordered by, and no row is in doubt, the others are the first.
 */
enum ch_first {
	CH_TIES,	/* the whole order, with all rows equal in it, and all that are in doubt */
	CH_BY_KEY,	/* by the first sort key, a start or duration, as its column stands there */
	CH_BY_TIME,	/* by all sort keys, then newest first */
	CH_BY_IDS,	/* the whole order */
};

struct ch_select {
	const struct ch_schema *schema;
	const struct pred *filter;
	struct time_range range;	/* of starts */
	uint64_t columns;		/* bit i: enum ch_span_column, those that the table has */
	/*
	 * Of these what is needed of spans whose resources have none of the filter's bare names; if it is
	 * not tested on what comes (`told`), of those that pass it by their own attributes.
	 */
	uint64_t own_columns;
	bool told;
	/* Of attributes in a Map, spans' own and of resources, these keys alone; none: all. */
	const struct sv *keys, *resource_keys;
	size_t n_keys, n_resource_keys;
	/*
	 * All spans, of any time, of the traces that have one which the filter lets through, by trace
	 * id; no limit then.
	 */
	bool whole_traces;
	const struct sort_key *sort;	/* ch_sql_sorts of each */
	size_t n_sort;
	bool newest;			/* in that order, then the default one: newest first, then ids */
	/*
	 * With newest: so many rows at least, and those that are equal in all of that to the last, so
	 * that what else orders them is for who reads them; UINT64_MAX: no limit. Servers that are
	 * asked with `hex` are not told of it.
	 */
	uint64_t limit;
	enum ch_first first;		/* with a limit */
	bool there;			/* of rows that have the first sort key, an attribute, which others come behind */
	uint64_t pieces;		/* of groups: in how many all durations of one come, about; 0: one */
	bool all_groups;		/* also those that the table would leave out at its end */
	bool ranked;			/* of groups: the server finds percentiles, instead of sending all */
	bool by_trace;			/* of groups: two levels, what each trace has of one, and that put together */
	bool own;			/* of groups: no resource has their bare names, it was said (ch_others) */
	uint64_t shift;			/* of groups: their buckets are so much later than their spans */
	bool ids;			/* rows that have none are no spans, and are left out */
	bool count;			/* how many, not which; ERR_UNSUPPORTED if not exact */
	/* What the table of times says of the traces that are asked for (ch_sql_trace_times). */
	bool has_times;
	uint64_t first_s, last_s;	/* seconds, inclusive */
	/* Of groups: when all the traces of the spans were, for their parents (ch_parents_times). */
	bool has_parents_times;
	uint64_t parents_first_s, parents_last_s;
	bool hex;			/* values as unhex('...'): for servers before 19.14 */
};

struct ch_sql {
	struct sv text;
	const struct ch_param *params;
	size_t n_params;
	bool exact;
	bool limited;			/* the limit is in it */
	bool told_doubts;		/* before CH_END each row tells whether a sort key of it is in doubt */
	unsigned levels;		/* of groups: 2 of whole traces, and by way of traces */
	bool some;			/* of groups those that the table may show, and in doubt others */
	bool parents;			/* of groups: of spans beside their parents, and how many spans there are comes, too */
	/* Of a count and of groups: exact if of no row that passes it is in doubt; how many are comes, too. */
	bool doubts;
	/* What comes, in order; then CH_END. Of a count: one UInt64, and the doubts. */
	enum ch_span_column columns[N_CHC];
	size_t n_columns;
};

/* In the arena. */
int ch_sql_select(const struct ch_select *, struct arena *, struct ch_sql *, struct err *)
    WARN_UNUSED;
/*
 * Can rows be sorted by it there as they are here? But for those where its value is in doubt
 * (ch_sql_sort.c), which then come before all that have another.
 */
bool ch_sql_sorts(const struct ch_schema *, const struct field *);
/* Does the filter ask for certain traces, at its top? Then the first second, the last, and of how many traces. */
bool ch_sql_names_traces(const struct pred *filter);
/* Has every span that passes, or its resource, the bare name? */
bool ch_filter_asks_for(const struct pred *filter, struct sv key);
const struct pred *ch_sql_trace_leaf(const struct pred *filter);	/* where it does, or NULL */
int ch_sql_trace_times(const struct ch_schema *, const struct pred *filter, bool hex,
    struct arena *, struct ch_sql *, struct err *) WARN_UNUSED;

#endif
