/* SPDX-License-Identifier: ISC */
/* shard_entry: what is known of a shard without opening it: who seals it says so, the catalog keeps it. */
#ifndef SHARD_SHARD_ENTRY_H
#define SHARD_SHARD_ENTRY_H

#include <stdint.h>

#include "base/buf.h"

struct shard_entry {
	char *file;		/* path inside the store */
	uint64_t partition, n_rows, n_bytes, min_start, max_start;
	uint64_t generation;	/* of the commit that it came with: the catalog's to say */
};

/* Appends what tells it from any other shard of its store, for good. */
static inline void
shard_entry_put(struct buf *b, const struct shard_entry *s)
{
	const uint64_t facts[] = { s->generation, s->n_rows, s->n_bytes, s->min_start,
		s->max_start };

	buf_str(b, s->file);
	buf_putc(b, '\0');
	buf_put(b, facts, sizeof facts);
}

#endif
