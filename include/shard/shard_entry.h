/* SPDX-License-Identifier: ISC */
/* shard_entry: what is known of a shard without opening it: who seals it says so, the catalog keeps it. */
#ifndef SHARD_SHARD_ENTRY_H
#define SHARD_SHARD_ENTRY_H

#include <stdint.h>

struct shard_entry {
	char *file;		/* path inside the store */
	uint64_t partition, n_rows, n_bytes, min_start, max_start;
	uint64_t generation;	/* of the commit that it came with: the catalog's to say */
};

#endif
