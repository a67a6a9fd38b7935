/* SPDX-License-Identifier: ISC */
/*
 * catalog_i: what the files of the catalog share.
 *
 *   catalog        open, lock, new file                      catalog.c
 *   catalog_commit new shards into the list                  catalog_commit.c
 *   catalog_make   tells a store from other directories      catalog_make.c
 *   catalog_file   the bytes of CATALOG                      catalog_file.c
 *   catalog_walk   files that no catalog lists               catalog_walk.c
 *   catalog_begun  partitions that may have such             catalog_begun.c
 *   snapshot       a list in memory, and its opened shards   snapshot.c
 *   manifest_*     what planning needs of its shards         manifest_i.h
 *   marks_*        names for commits                         catalog/marks.h
 *   kept           what programs keep beside the store       catalog/kept.h
 *   identity       which store it is                         catalog/identity.h
 */
#ifndef CATALOG_CATALOG_I_H
#define CATALOG_CATALOG_I_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "base/vec.h"
#include "catalog/catalog.h"

#define CATALOG_FILE "CATALOG"
#define STORE_FILE "STORE"
#define LOCK_FILE "LOCK"
#define WRITING_FILE "WRITING"
#define IDENTITY_FILE "IDENTITY"
#define SHARDS_DIR "shards"
#define STORE_VERSION 1
#define STORE_FILE_MAX 4096

/* ---- catalog_file.c ---- */

/* What CATALOG says. */
struct catalog_list {
	uint32_t version;		/* of one that was read */
	uint64_t generation, commit_ns;
	uint64_t next_seq;		/* number of the next shard file */
	bool swept;			/* what no list has lies in partitions that WRITING names */
	struct shard_entry *shards;	/* by partition, then file; each file once */
	uint64_t *numbers;		/* shard_number of each; of a list that was read */
	size_t n;
};

#define CATALOG_DIR_BYTES 32
/* "shards/2026-11-20/14" or "shards/outside"; a partition of a whole hour. */
void catalog_dir(uint64_t partition, char out[CATALOG_DIR_BYTES]);
/* True if the partition is a whole hour or PARTITION_OUTSIDE, and the file lies right in its directory. */
bool catalog_entry_ok(const struct shard_entry *);
int shard_entry_cmp(const struct shard_entry *, const struct shard_entry *);
void catalog_encode(struct buf *, const struct catalog_list *);
/* Everything is copied into the arena. ERR_CORRUPT with the offset; `name` is for messages. */
int catalog_decode(struct sv, const char *name, struct arena *, struct catalog_list *,
    struct err *) WARN_UNUSED;

/* ---- catalog_make.c ---- */

/* Looks for a store in the directory; makes one if `create` and it is empty. */
int catalog_find_store(struct fsys *, bool create, struct err *) WARN_UNUSED;

/* The bytes of STORE, in the arena; SV_EMPTY: out of memory. */
struct sv catalog_store_text(struct arena *);

/* ---- catalog_walk.c ---- */

/*
 * Calls unlisted() for each shard or temporary file below shards/ that the map (of paths)
 * doesn't hold, and dir(), if not NULL, for each directory that has no listed file, after what
 * is in it. A callback's failure ends the walk.
 */
struct catalog_walk {
	int (*unlisted)(void *arg, const char *path, struct err *);
	int (*dir)(void *arg, const char *path, struct err *);
	void *arg;
};
int catalog_walk(struct fsys *, const struct map *listed, const struct catalog_walk *,
    struct err *) WARN_UNUSED;
/* The same in these partitions alone. */
int catalog_walk_in(struct fsys *, const struct map *listed, const uint64_t *partitions, size_t n,
    const struct catalog_walk *, struct err *) WARN_UNUSED;

/* ---- catalog_begun.c ---- */

/* Partitions, rising, each once. */
struct begun {
	uint64_t *v;
	size_t n;
};

/* What WRITING says; *told false: it is damaged. ERR_NOMEM. */
int begun_read(struct fsys *, struct begun *, bool *told, struct err *) WARN_UNUSED;
void begun_release(struct begun *);
/* A file is about to be made in the partition; n files were committed. Of the writer. */
int begun_file(struct catalog *, uint64_t partition, struct err *) WARN_UNUSED;
void begun_committed(struct catalog *, size_t n);
/* No file is left that no list has; takes what WRITING says. */
void begun_swept(struct catalog *, struct begun *);

/* ---- snapshot.c ---- */

/* Opens the shard of an entry and compares it with that; fails as snapshot_shard does. */
int snapshot_open_listed(struct fsys *, struct chunkcache *, const struct shard_entry *,
    struct shard **, struct err *) WARN_UNUSED;

/* A shard of one file, opened once for all snapshots that list it. */
struct shard_facts;

struct shard_slot {
	atomic_uint refs;
	pthread_mutex_t lock;		/* of the one that makes what follows */
	_Atomic(struct shard *) shard;	/* NULL: not opened yet */
	_Atomic(struct shard_facts *) facts;	/* its statistics (stats_i.h), NULL: not asked for yet */
};

struct segment;

#define NO_SEGMENT UINT32_MAX
#define NO_SHARD UINT32_MAX

struct mplace {
	uint32_t segment, row;
};

/* What is known of the shards without opening them: manifest_map.c. */
struct manifest {
	struct segment **segments;
	size_t n;
	uint32_t **shard_of;		/* by segment and row: place in the snapshot, or NO_SHARD */
	size_t *n_used;			/* by segment: rows that tell of a shard */
	struct mplace *places;		/* by shard of the snapshot */
	uint32_t *bare;			/* shards without a row, rising */
	size_t n_bare, n_shards;
	uint64_t next_number;		/* above that of every segment that MANIFEST names */
	bool damaged;			/* MANIFEST or a segment that it names can't be read */
};

struct snap {
	struct snapshot pub;
	atomic_uint refs;
	struct fsys *fs;
	struct chunkcache *cache;
	struct arena arena;		/* the list and its names */
	struct catalog_list list;
	struct manifest manifest;
	/* Whether each shard lies wholly in its partition's hour, those outside of time left out. */
	bool in_hours;
	uint64_t *rows_before;		/* by shard, and one more: spans of those before it */
	_Atomic(struct shard_slot *) *slots;	/* NULL: never asked for */
	atomic_size_t n_open;		/* slots with an opened shard */
	_Atomic(uint64_t *) *split;	/* split_traces.c; by shard, NULL until asked for */
	atomic_uint n_split;		/* how often one was made */
};

/* The slot of a shard, made if need be; NULL: out of memory. */
struct shard_slot *snap_slot(const struct snapshot *, size_t i);

/*
 * A snapshot of the bytes of CATALOG, taking over opened shards from `prev` (may be NULL).
 * One reference.
 */
int snapshot_make(struct fsys *, struct chunkcache *, struct sv bytes, const struct snap *prev,
    struct snap **, struct err *) WARN_UNUSED;

static inline const struct snap *
snap_of(const struct snapshot *s)
{
	return (const struct snap *)s;
}

/* ---- catalog.c ---- */

struct catalog {
	struct fsys *fs;
	bool own_fs, no_sync;
	struct chunkcache *cache;
	size_t max_open;		/* shards; 0: any number */
	struct file *lock;		/* the writer's; NULL: not the writer */
	atomic_ullong next_seq;		/* the writer's */
	atomic_ullong n_looks;		/* at CATALOG */
	pthread_mutex_t begun_lock;	/* the writer's threads; nothing is locked under it */
	struct begun begun;		/* what WRITING says */
	size_t n_made;			/* files that are not committed */
	bool swept;			/* catalog_list.swept of the commits to come */
	pthread_mutex_t mutex;		/* guards what follows */
	struct snap *cur;
	struct file_id id;		/* CATALOG as `cur` was read from it, or older */
	uint64_t cur_look;		/* when it was looked for */
};

/* Puts the paths of all shards into the map. */
int catalog_listed(const struct snapshot *, struct map *, struct err *) WARN_UNUSED;
/* Like catalog_snapshot, but reads the file again even if it looks the same. */
int catalog_reread(struct catalog *, const struct snapshot **, struct err *) WARN_UNUSED;

#endif
