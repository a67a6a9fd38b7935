/* SPDX-License-Identifier: ISC */
/*
 * many_shards: a store of very many small shards, each an hour of a few spans, written by the
 * seal writer without a sync: some thousand a second. Failures end the test.
 *
 * Hour i is at MANY_START + i hours. Its spans have the trace id (1, i + 1), span ids from 1,
 * the service "s<i % 7>" and the name "n<i % 5>".
 */
#ifndef TESTS_MANY_SHARDS_H
#define TESTS_MANY_SHARDS_H

#include "base/buf.h"
#include "base/file.h"

#define MANY_START UINT64_C(1100001600000000000)	/* 2004-11-09T12:00:00Z */
#define MANY_HOUR UINT64_C(3600000000000)

/* n shards of `per_shard` spans, in commits of 1,000 shards, into a store that is made there. */
void many_shards(const char *dir, size_t n, unsigned per_shard);
/* The same spans as OTLP JSON, a request an hour. */
void many_shards_otlp(struct buf *, size_t from, size_t to, unsigned per_shard);

#endif
