/* SPDX-License-Identifier: ISC */
/*
 * frozen_span: the spans of tests/data/shard-v1.shard. That file was written once by version 1
 * of the format and must stay readable for ever: never change what these functions make, and
 * never write the file again; a new format version gets a file of its own.
 */
#ifndef TESTS_FROZEN_SPAN_H
#define TESTS_FROZEN_SPAN_H

#include "model/span.h"

#define FROZEN_FILE "tests/data/shard-v1.shard"
#define FROZEN_SPANS 900
#define FROZEN_GROUP_ROWS 700
#define FROZEN_REST_KEYS 1100	/* more keys than a shard has columns for */
#define FROZEN_HOUR UINT64_C(1795183200000000000)

/* Adds all of them to the batch. False: out of memory. */
bool frozen_spans(struct span_batch *);

#endif
