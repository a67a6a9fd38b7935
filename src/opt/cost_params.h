/* SPDX-License-Identifier: ISC */
/*
 * cost_params: constants of the cost model beside those of [cost_model]. The unit of cost is
 * seq_page_cost: reading, checking and decompressing one page of PAGE_BYTES of a shard in
 * sequence, 4 us where measured; those of [cost_model] are in the same unit, so one
 * cpu_operator_cost is 10 ns, one cpu_index_tuple_cost 20 ns and one cpu_tuple_cost 40 ns.
 *
 * Measured with tests/bench/bench_costs.c on 1M and 10M spans of 48 hours and 20 services, one
 * thread, least CPU time of several runs, cold and warm: COST_UNIT_NS times what a plan is
 * estimated at is within a factor of 2 or 3 of that where the rows are estimated well. A fit of
 * the cold times to the counters (5 % median error): 16 us a shard, 12 us a chunk, 0.23 ns a
 * byte decoded, 0.16 ns a row looked at, 3.5 ns a row that an index names, 143 ns a row put
 * together; warm 1 us a shard, 0.3 us a chunk, 0.19 us a row put together. Only choices and
 * the budgets of [mount] hang on these numbers, never results.
 */
#ifndef OPT_COST_PARAMS_H
#define OPT_COST_PARAMS_H

#define PAGE_BYTES 8192.0
/* A page or chunk that is in the cache, against one that is read. */
#define CACHED_SHARE 0.03

/* ---- a shard ---- */
/* Making it ready for a scan: 2 us; adding up what its footer says: 0.1 us. */
#define SHARD_OPEN 0.5
#define CATALOG_SHARD 0.025
/* Setting up a row group that has rows: 0.6 us; asking whether it has any: 0.2 us. */
#define GROUP 0.15
#define GROUP_ASKED 0.05
/* Finding one chunk of a column and beginning to read it, in random pages: 12 us, cached 0.3 us. */
#define CHUNK_PAGES 2.5
/* Rows of a group, where the shard doesn't say. */
#define GROUP_ROWS 16384.0
/* Zones stand in the footer and cost nothing that shows. Rare matches lie together, so that fewer groups have one than rows would say; and zones see more. */
#define ZONE_BLUR 4.0
/* Ranges of services: tables of a scan. */
#define SERVICE_SETUP 0.02
/* Trace index, by trace. */
#define TRACE_INDEX_BYTES 20.0

/* By how much a wider access must be cheaper than a narrower one. */
#define RISK 1.05

/* ---- a condition on a row, in cpu_operator_cost (10 ns) ---- */
/* By whole chunks: a column that all rows have; one that some have, by value; by resource or scope. */
#define DENSE_OPS 0.1
#define DENSE_OPTIONAL_OPS 0.2
#define SHARED_OPS 0.002
/* Rows picked out one by one. */
#define SPARSE_OPS 0.2
/* What is worked out row by row, by a unit of cost_leaf. */
#define COMPUTED_OPS 1.0
/* A distinct value of a dictionary. */
#define VALUE_OPS 1.0
#define VALUE_CONTAINS_OPS 4.0
#define VALUE_REGEX_OPS 20.0

/* ---- indexes, in cpu_index_tuple_cost (20 ns) ---- */
#define INDEX_KEY_TUPLES 2.0
#define INDEX_ROW_TUPLES 0.4
/* Rows that are only counted, as bitmaps; and each condition that is. */
#define COVER_ROW_TUPLES 0.05
#define COVER_LEAF 0.1

/* ---- rows ---- */
/* Putting one whole span together, in cpu_tuple_cost (40 ns): about 1.5 us. */
#define FETCH_FULL_TUPLES 40.0
/* The fixed part of it, and each intrinsic or attribute that is fetched alone. */
#define FETCH_BASE_TUPLES 4.0
#define FETCH_FIELD_TUPLES 1.0
/* Of a shard's bytes: what the order of rows needs, and each field; chunks of a row group. */
#define FETCH_SHARE_BASE 0.4
#define FETCH_SHARE_FIELD 0.03
#define FETCH_CHUNKS 15.0
/* Spans of a trace, where only some shards know. */
#define SPANS_PER_TRACE 20.0
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
