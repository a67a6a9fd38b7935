/* SPDX-License-Identifier: ISC */
/*
 * store_spans: the spans of a store, or of OTLP text, as a set that can be compared: the
 * content hash of each and how often it is there; and stores made of OTLP text without the
 * engine. Never fails the test by itself.
 */
#ifndef TESTS_STORE_SPANS_H
#define TESTS_STORE_SPANS_H

#include "base/map.h"
#include "catalog/catalog.h"

/* Adds to the map: key is the 16-byte content hash, value how often. */
int spans_of_snapshot(const struct snapshot *, struct map *, struct err *) WARN_UNUSED;
/* Opens the store on that fsys, reads every row. */
int spans_of_store(struct fsys *, struct map *, struct err *) WARN_UNUSED;
/* Of OTLP JSON lines; every span must be taken. */
int spans_of_lines(struct sv, struct map *, struct err *) WARN_UNUSED;
/* Puts the spans of OTLP JSON lines into the store, one commit, without looking for duplicates. */
int store_add_lines(struct fsys *, struct sv, struct err *) WARN_UNUSED;
/* The same spans, each as often. */
bool spans_equal(const struct map *a, const struct map *b);
/* Every span of a is in b, however often. */
bool spans_within(const struct map *a, const struct map *b);
uint64_t spans_count(const struct map *);

#endif
