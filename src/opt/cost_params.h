/* SPDX-License-Identifier: ISC */
/*
 * cost_params: constants of the cost model beside those of [cost_model]. The unit of cost is
 * seq_page_cost: reading, checking and decompressing one page of PAGE_BYTES of a shard in
 * sequence, 4 us where measured; those of [cost_model] are in the same unit, so one
 * cpu_operator_cost is 10 ns, one cpu_index_tuple_cost 20 ns and one cpu_tuple_cost 40 ns.
 *
 * Measured with tests/bench/bench_costs.c on 1M and 10M spans of 48 hours and 20 services, one
 * thread, least CPU time of several runs, cold and warm: COST_UNIT_NS times what a plan is
 * estimated at is within a factor of 2 or 3 of that where the rows are estimated well.
 *
 * Counting, and what conditions read, after the ways of tests/bench/bench_regret.c: each of 384
 * queries on 1M spans in all ways that its plan weighed, 1,888 in all, cold. After fits of their
 * least CPU times to the counters, with the last weights set by hand and not fitted again, so
 * that no error can be stated for them: 0.5 us a shard, 0.45 us a row group,
 * 7 us a section read, 0.05 us one that is cached, 0.1 ns a byte read, 1.5 ns a byte that
 * these are unpacked into, 0.5 ns a value tested, 10 ns a text, 2 ns a row that an index names,
 * 1 ns a row that goes into a set only to be counted, 120 ns a row put together, 5 us a trace.
 * Only choices and the budgets of [mount] hang on these numbers, never results.
 */
#ifndef OPT_COST_PARAMS_H
#define OPT_COST_PARAMS_H

#define PAGE_BYTES 8192.0
/* A page or chunk that is in the cache, against one that is read. */
#define CACHED_SHARE 0.03

/* ---- a shard ---- */
/* Making it ready for a scan: 1 us; counting from indexes: 0.4 us; adding up its footer: 0.1 us. */
#define SHARD_OPEN 0.25
#define COVER_SHARD 0.1
#define CATALOG_SHARD 0.025
/*
 * Finding one section (chunk of a column, dictionary, index) and beginning to read it, in random
 * pages: 7 us, cached 0.2 us.
 */
#define SECTION_PAGES 1.6
/* Setting up a row group that has rows: 0.6 us; asking whether it has any: 0.2 us. */
#define GROUP 0.15
#define GROUP_ASKED 0.05
/*
 * Bytes that are compressed are unpacked to 2 to 4 times as many, at 1.5 ns each: a page of such
 * chunks and dictionaries takes as long as so many pages, 16 us; one of postings 24 us. Numbers
 * that take more than 4 bytes each, and postings of rare values, more than one a row, are stored
 * as they are.
 */
#define PACKED 4.0
#define PACKED_POSTINGS 6.0
#define PLAIN_VALUE_BYTES 4.0
#define PLAIN_ROW_BYTES 1.0
/* Rows of a group, where the shard doesn't say. */
#define GROUP_ROWS 16384.0
/* Zones stand in the footer and cost nothing that shows. Rare matches lie together, so that fewer groups have one than rows would say; and zones see more. */
#define ZONE_BLUR 4.0
/* Ranges of services: a table of them, 10 ns. */
#define SERVICE_SETUP 0.0025
/* Bytes that are stored of a trace: its id and its summary; of a row: its trace, its place there. */
#define TRACE_ID_BYTES 16.0
#define TRACE_SUMMARY_BYTES 20.0
#define TRACE_ROW_BYTES 2.0
/* The rows of all traces are unpacked and checked as a whole: 5 ns a row, which is so many bytes. */
#define TRACE_ROWS_BYTES 10.0
/*
 * Every look-up by trace asks for them, so mostly they are there already. Where rows are put
 * together then, so much of their cost counts; a count, or groups by columns, has nothing else to do.
 */
#define TRACE_ROWS_HOT 0.1
/* By how much a wider access must be cheaper than a narrower one. */
#define RISK 1.05

/* ---- a condition on a row, in cpu_operator_cost (10 ns) ---- */
/* By whole chunks: a column that all rows have; one that some have, by value; by resource or scope. */
#define DENSE_OPS 0.05
#define DENSE_OPTIONAL_OPS 0.1
#define SHARED_OPS 0.002
/* Rows picked out one by one. */
#define SPARSE_OPS 0.2
/* What is worked out row by row (ends, parents): 20 ns. */
#define COMPUTED_OPS 2.0
/*
 * A fact of a trace: from the shard's summary 60 ns, put together of several shards' spans 3.5 us,
 * which about one in 13 is (48 hours in 50 shards). Places in a trace are never in a summary.
 */
#define FACT_OPS 6.0
#define ASSEMBLE_OPS 350.0
#define SPLIT_TRACES 0.075
/* A distinct value of a dictionary. */
#define VALUE_OPS 1.0
#define VALUE_CONTAINS_OPS 4.0
#define VALUE_REGEX_OPS 20.0

/* ---- indexes, in cpu_index_tuple_cost (20 ns) ---- */
#define INDEX_KEY_TUPLES 2.0
#define INDEX_ROW_TUPLES 0.15
/*
 * Rows that are only counted: 1 ns into a set, but of a frequent value no more than one in 16 of the
 * shard's rows, since such lists are sets and runs themselves; key by key a number that the list
 * has. The set of a condition: cleared and put together with the others, 0.01 ns a row of the shard.
 */
#define COVER_ROW_TUPLES 0.05
#define COVER_DENSE_ROWS 16.0
#define COVER_KEY_TUPLES 0.5
#define COVER_SET_OPS 0.001
/*
 * A condition that the footer tells, of one of its values: 20 ns; and how many services have
 * each of a shard's names.
 */
#define FOOTER_VALUE_OPS 2.0
#define FOOTER_CELLS 1.5

/* ---- rows ---- */
/* Putting one whole span together, in cpu_tuple_cost (40 ns): about 1.5 us. */
#define FETCH_FULL_TUPLES 40.0
/* The fixed part of it, and each intrinsic or attribute that is fetched alone. */
#define FETCH_BASE_TUPLES 4.0
#define FETCH_FIELD_TUPLES 1.0
/* compare on columns: its values are counted, and no span is put together. */
#define CONTRAST_TUPLES 8.0
/* Of a shard's bytes: what the order of rows needs, and each field; chunks of a row group. */
#define FETCH_SHARE_BASE 0.4
#define FETCH_SHARE_FIELD 0.03
#define FETCH_CHUNKS 15.0
/* Spans of a trace, where only some shards know. */
#define SPANS_PER_TRACE 20.0
/*
 * Traces by columns: what a row takes to find its trace and parent, 10 ns; what is made once of a
 * shard: the part of each trace, 60 ns, and the tree of its spans, 100 ns a row. Exec makes it of
 * shards of which one row in so many is asked for, at least.
 */
#define GATHER_ROW_OPS 1.0
#define GATHER_TRACE_OPS 6.0
#define GATHER_TREE_OPS 10.0
#define GATHER_ROWS_A_LOOK 16.0
/* Of a server: spans that come with one question, at most about; columns that one is about. */
#define SERVER_WINDOW_ROWS 20000.0
#define SERVER_COLUMNS_SHARE 0.5
/* Groups are made there at up to so many times the cost of rows, and so much more. */
#define SERVER_GROUPS_RISK 2.0
#define SERVER_GROUPS_SMALL 1.0
/* Of a comparison: values of a span that are counted. */
#define CONTRAST_CELLS 20.0
/* Bytes of one output row, full and by part (measured on spans as SDKs send them). */
#define BYTES_SPAN_FULL 1000.0
#define BYTES_SPAN_BASE 20.0
#define BYTES_FIELD 40.0
#define BYTES_ATTRS 350.0
#define BYTES_RESOURCE 450.0
#define BYTES_EVENTS 150.0
#define BYTES_TRACE 250.0
#define BYTES_PART 350.0
#define BYTES_COUNT 8.0

/* ---- order, in cpu_operator_cost: a row, by log2 of those that are kept ---- */
#define ORDER_OPS 0.3

/* ---- threads ---- */
/* Another thread is woken for so much work: 1 ms. */
#define THREAD_WORK 250.0

#endif
