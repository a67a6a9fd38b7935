/* SPDX-License-Identifier: ISC */
/*
 * cost_params: constants of the cost model beside those of [cost_model]. The unit of cost is
 * seq_page_cost: reading, checking and decompressing one page of PAGE_BYTES in sequence, some
 * 4 us on warm data. Those of [cost_model] are in the same unit. The numbers below are from
 * timings of single functions and orders of magnitude, not fits; the benches are to refine
 * them. Only comparisons and the budgets of [mount] hang on them, never results.
 */
#ifndef OPT_COST_PARAMS_H
#define OPT_COST_PARAMS_H

#define PAGE_BYTES 8192.0
/* Putting one whole span together, in cpu_tuple_cost (40 ns): about 1.5 us. */
#define FETCH_FULL_TUPLES 40.0
/* The fixed part of it, and each intrinsic or attribute that is fetched alone. */
#define FETCH_BASE_TUPLES 4.0
#define FETCH_FIELD_TUPLES 1.0
/* Blocks are pruned by whole blocks: a zone scan looks at no less than this share. */
#define ZONE_SHARE_MIN 0.01
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

#endif
