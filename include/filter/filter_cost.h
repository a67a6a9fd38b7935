/* SPDX-License-Identifier: ISC */
/*
 * filter_cost: where two ways of testing rows cross. The plan says which indexes are asked and in
 * which shards; these decide within a shard or row group, by what is known only there. A value may
 * be set from outside, to measure another one, and for nothing else: on a quiet machine
 * `python3 tests/bench/thresholds.py BUILD STORE [NAME]` does so on both sides of each, and prints
 * where the ways cross.
 */
#ifndef FILTER_FILTER_COST_H
#define FILTER_FILTER_COST_H

/* ---- one chunk: filter_chunk.c, filter_column.c ---- */

/* Rows of a chunk for each one asked about, from which these are gone through singly. */
#ifndef PICK_SHARE
#define PICK_SHARE 128
#endif

/* Texts in place: values of a chunk for each row asked about, up to which all are searched at once. */
#ifndef FIND_SHARE
#define FIND_SHARE 8
#endif

/* ---- a dictionary: filter_ready.c, filter_text.c ---- */

/* Values of a dictionary that are all looked at when a column is made ready, wanted or not. */
#ifndef EAGER_VALUES
#define EAGER_VALUES 4096
#endif

/* The same where they are searched as one text, or by words. */
#ifndef EAGER_WORDS
#define EAGER_WORDS 65536
#endif

/* Ranges of codes that satisfy, of which more are no longer held against zones. */
#ifndef EAGER_RANGES
#define EAGER_RANGES 64
#endif

/* Codes of a dictionary whose answers are kept as a set of bits. */
#ifndef SET_MOST
#define SET_MOST 65536
#endif

/* Without a text index, values that are looked at to ask the postings of those that satisfy; */
#ifndef FEW_VALUES
#define FEW_VALUES 4096
#endif

/* and rows with a value, for each value, where there are more of them. */
#ifndef VALUE_ROWS
#define VALUE_ROWS 4
#endif

/* ---- rows that indexes name: filter_index.c, filter_postings.c ---- */

/* Codes or numbers of one range of a leaf whose postings are put together. */
#ifndef MOST_CODES
#define MOST_CODES 4096
#endif

/* A leaf may name one row of the shard in so many, */
#ifndef LEAST_SHARE
#define LEAST_SHARE 2
#endif

/* and so many rows more. */
#ifndef ALWAYS_ROWS
#define ALWAYS_ROWS 256
#endif

/* Rows for each value, from which a column without an index is gone through for an OR's sake. */
#ifndef FEW_SHARE
#define FEW_SHARE 8
#endif

/* Rows of a list up to which it is sorted by insertion; longer ones by a bitmap of the shard. */
#ifndef SORT_ROWS
#define SORT_ROWS 64
#endif

/* ---- a scan: op_scan.c ---- */

/* A list of at most one row in so many of the shard, */
#ifndef LIST_SHARE
#define LIST_SHARE 256
#endif

/* or of so many rows, is gone through as such, and not group by group as bits. */
#ifndef LIST_ROWS
#define LIST_ROWS 256
#endif

/* Rows to look at that are worth a second thread. */
#ifndef WAKE_ROWS
#define WAKE_ROWS 32768
#endif

/* Rows that one of a list counts as there: its columns are far apart. */
#ifndef LIST_WEIGHT
#define LIST_WEIGHT 512
#endif

/* Rows that one counts as whose texts are searched, or facts of whose trace are asked for. */
#ifndef TEXT_WEIGHT
#define TEXT_WEIGHT 16
#endif

#endif
