/* SPDX-License-Identifier: ISC */
/*
 * spill_i: groups and rows that memory has no room for, in a file without a name (base/spillfile.h).
 *
 *   agg_spill     groups out of a table, in partitions by the hash of their keys
 *   agg_unspill   the end of such a table: partition by partition back, merged, to rows
 *   row_runs      sorted rows out, where they are too many; and their merge
 *   row_bytes     such a row
 *
 * A partition that has no room either goes out again, by further bits. The bytes are of this run
 * of the program alone; each extent has a checksum. Tables that are alike share the file: threads
 * put into it side by side.
 */
#ifndef SPILL_I_H
#define SPILL_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/spillfile.h"
#include "base/vec.h"

#define SPILL_BITS 6			/* of the hash, for each level */
#define SPILL_PARTS (1u << SPILL_BITS)
#define SPILL_LEVELS 5
#define SPILL_MIN_GROUPS 8		/* fewer are not worth it */

/* Bytes that were put at once: n_items whole groups, or rows. */
struct spill_extent {
	uint64_t at, hash, n_bytes, n_items;
};

struct spill_extents {
	struct spill_extent *v;
	size_t n, cap;
};

struct spill_parts {
	pthread_mutex_t lock;		/* guards what follows, while several tables put */
	uint64_t n_groups;
	struct spill_extents v[SPILL_PARTS];
};

struct agg_spill {
	atomic_uint refs;
	struct spillfile file;
	struct spill_parts parts;	/* of the first level */
};

int agg_spill_new(const char *dir, uint64_t max, struct agg_spill **, struct err *) WARN_UNUSED;
struct agg_spill *agg_spill_ref(struct agg_spill *);
void agg_spill_unref(struct agg_spill *);
void spill_parts_init(struct spill_parts *);
void spill_parts_release(struct spill_parts *);
/* Puts the bytes, unless there are none, and empties the buffer. */
int spill_put(struct agg_spill *, struct buf *, uint64_t n_items, struct spill_extent *, struct err *)
    WARN_UNUSED;
/* The bytes of an extent, in place of what is in the buffer. ERR_IO if they are others. */
int spill_get(struct agg_spill *, const struct spill_extent *, struct buf *, struct err *) WARN_UNUSED;

#endif
