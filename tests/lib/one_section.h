/* SPDX-License-Identifier: ISC */
/*
 * one_section: a shard that is nothing but one column and one section of any bytes, below a
 * true checksum: what fuzzers of indexes open. The first 8 bytes of the input say what the
 * column is: its kind, its domain, u16 rows less 1, u32 values; the rest is the section.
 * Aborts where it has no memory.
 */
#ifndef TESTS_ONE_SECTION_H
#define TESTS_ONE_SECTION_H

#include "fsys_bytes.h"
#include "shard/shard_i.h"

#define ONE_HEAD 8

struct one_section {
	struct shard shard;
	struct section section;
	struct cache_slot slot;
	struct column column;
	struct fsys_bytes fs;
	uint32_t first;		/* 0: the column's section */
	char *copy;		/* exactly the section's bytes */
};

/* False if the input has no section. */
bool one_section_init(struct one_section *, unsigned kind, const uint8_t *data, size_t n);
void one_section_release(struct one_section *);

#endif
