/* SPDX-License-Identifier: ISC */
/*
 * catalog: the set of shards of a store, and who may change it. A store directory holds
 *
 *   STORE     "spanfs store 1\n": the format version; another is refused, naming both
 *   CATALOG   the list of shards: replaced as a whole by an fsynced rename, checksummed
 *   MANIFEST, manifest/NUMBER.seg
 *             what planning needs of the shards, so that their footers need not be read: may
 *             be missing, old or damaged, then they are
 *   marks/NAME.mark
 *             names for commits: catalog/marks.h
 *   cache/NAME
 *             what programs worked out of it, for the next one: catalog/kept.h
 *   IDENTITY  which store it is, and a secret of its own: catalog/identity.h; may be missing
 *   LOCK      held by the one writer
 *   shards/YYYY-MM-DD/HH/SEQ.shard, shards/outside/SEQ.shard
 *
 * Readers hold snapshots: immutable, refcounted lists. A commit becomes visible, whole, to
 * the next catalog_snapshot call of any process; readers need no permission to write. Files
 * that no catalog lists (an import was killed) are removed by the next writer when it takes
 * the lock.
 *
 * Threads: opening, locking, unlocking and committing are one thread's at a time; the rest is
 * thread-safe.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "base/pool.h"
#include "model/stats.h"
#include "shard/chunkcache.h"
#include "shard/shard.h"
#include "shard/shard_entry.h"

struct catalog;

struct catalog_options {
	bool create;		/* make the directory (0700) and an empty store if absent or empty */
	size_t cache_bytes;	/* of the chunk cache */
	struct fsys *fs;	/* for tests; NULL: file_real(dir). Not freed by the catalog */
	/*
	 * With more shards open than this a next catalog_snapshot begins anew, with none: they go
	 * with the last snapshot that has them. 0: those of all snapshots stay open.
	 */
	size_t max_open_shards;
	bool no_sync;		/* [store] sync = no: a commit may be lost, or torn, in a power cut */
};

struct snapshot {
	uint64_t generation;		/* rises with every commit */
	uint64_t commit_ns;		/* wall time of that commit */
	const struct shard_entry *shards;	/* by partition, then file */
	size_t n_shards;
	uint64_t n_rows, n_bytes;
	uint64_t min_start, max_start;	/* of all spans, PARTITION_OUTSIDE left out unless alone; max < min: empty */
};

/*
 * ERR_UNKNOWN: no store there; ERR_VERSION: of another format, both named; ERR_SYNTAX: a
 * directory that is not empty and no store; ERR_CORRUPT: STORE or CATALOG is damaged, with
 * the offset.
 */
int catalog_open(const char *dir, const struct catalog_options *, struct catalog **,
    struct err *) WARN_UNUSED;
void catalog_close(struct catalog *);	/* all snapshots given back */
struct chunkcache *catalog_cache(struct catalog *);
struct fsys *catalog_fsys(struct catalog *);

/*
 * The newest committed state, looking at the disk for other processes' commits. ERR_IO if the
 * store was renamed, removed or replaced since it was opened.
 */
int catalog_snapshot(struct catalog *, const struct snapshot **, struct err *) WARN_UNUSED;
const struct snapshot *snapshot_ref(const struct snapshot *);
void snapshot_unref(const struct snapshot *);
/*
 * Shard i, opened at first use; borrowed while the snapshot is held. ERR_CORRUPT, naming the
 * file, also if it is missing or another than the catalog lists (partition, rows, bytes, times).
 */
int snapshot_shard(const struct snapshot *, size_t i, struct shard **, struct err *) WARN_UNUSED;
/* A hash that tells its bytes from others': from the manifest, else it is opened. */
int snapshot_shard_hash(const struct snapshot *, size_t i, uint64_t *, struct err *) WARN_UNUSED;
/*
 * Which traces of shard i may have spans in other shards of the snapshot too: a bit for each
 * ordinal of its trace table (base/bitmap.h); nearly exact, and never 0 of one that has. Made
 * at first use, kept and borrowed while the snapshot is held. The shard is not empty. That takes
 * a while in a large store: `look` is asked before each shard that is gone through, and ends it by <0.
 */
struct split_look {
	int (*fn)(void *arg, struct err *);
	void *arg;
};
int snapshot_split_traces(const struct snapshot *, size_t i, const struct split_look *look,
    const uint64_t **bits, struct err *) WARN_UNUSED;

/* Becomes the writer: ERR_BUSY if another is. Cleans up after a killed one. */
int catalog_lock(struct catalog *, struct err *) WARN_UNUSED;
void catalog_unlock(struct catalog *);
/*
 * Files are about to be made in these partitions: said of all at once this costs one small file, while
 * catalog_new_file says it of each that was not. Writer only; thread-safe.
 */
int catalog_announce(struct catalog *, const uint64_t *partitions, size_t n, struct err *)
    WARN_UNUSED;
/* A fresh file name (malloced) in a partition, its directory made. Writer only; thread-safe. */
int catalog_new_file(struct catalog *, uint64_t partition, char **file, struct err *) WARN_UNUSED;
/*
 * Adds the shards (already written and synced) in one atomic, fsynced step. Writer only. After
 * a failure it is open whether they are listed (the last sync may have failed): they are not
 * acknowledged, and their files go only through catalog_clean.
 */
int catalog_commit(struct catalog *, const struct shard_entry *add, size_t n, struct err *)
    WARN_UNUSED;

/* Removes shard and temporary files that CATALOG, read anew, does not list. Writer only. */
int catalog_clean(struct catalog *, struct err *) WARN_UNUSED;

/*
 * Statistics of every shard that touches `range` (the others keep their place with n_rows,
 * times and file only), in the arena; valid while both live. A shard whose footer is damaged
 * is marked, not fatal. Shards that were not looked at before are opened by all threads of the
 * pool (may be NULL) and the caller's.
 */
int stats_load(const struct snapshot *, struct time_range range, struct pool *, struct arena *,
    const struct stats **, struct err *) WARN_UNUSED;
/* How many shards have a span that may start in the range. */
size_t snapshot_touched(const struct snapshot *, struct time_range);

/*
 * The shards that a query needs to know of, found by partitions and the manifest: what that
 * takes depends on how many these are, and not on how many there are. In the arena.
 */
struct selection {
	uint32_t *shards;		/* rising */
	size_t n;
	struct stats_left *left;	/* of the others */
	size_t n_left;
	uint64_t summed;	/* spans asked for in shards that were left out since their sum is enough */
};
int stats_select(const struct snapshot *, const struct stats_need *, struct arena *,
    struct selection *, struct err *) WARN_UNUSED;
/*
 * Statistics of the selected shards only, as stats_load has them; where `need` says that
 * counts are enough, and they are, without reading a footer (struct shard_stats is brief).
 */
int stats_of(const struct snapshot *, const struct stats_need *, const struct selection *,
    struct pool *, struct arena *, const struct stats **, struct err *) WARN_UNUSED;
/* Of a selection, how many footers stats_of would look at. */
size_t selection_footers(const struct snapshot *, const struct stats_need *,
    const struct selection *);
/* Shards that may have a trace, by trace_id_hash: rising, malloced. */
int snapshot_trace_shards(const struct snapshot *, uint64_t hash, uint32_t **, size_t *n,
    struct err *) WARN_UNUSED;
/*
 * How many spans of these services shard i has in the range, without opening it: 1, or 0 if
 * that is not known.
 */
int snapshot_service_rows(const struct snapshot *, size_t i, struct time_range,
    const struct sv *services, size_t n, uint64_t *rows);
/*
 * The services of shard i with the bytes of their lines in spans.jsonl, of that version
 * (render/span_line.h), without opening it: how many there are, 0 if that is not known; then each, by
 * its place.
 */
struct service_lines {
	struct sv service;
	uint64_t n_rows, min_start, max_start;
	uint64_t bytes;		/* 0: not told */
};
size_t snapshot_lines(const struct snapshot *, size_t i, unsigned version);
struct service_lines snapshot_lines_at(const struct snapshot *, size_t i, size_t k);
/*
 * Is the file of shard i there, and as long as it is listed? It is not opened. ERR_CORRUPT, naming it.
 */
int snapshot_shard_there(const struct snapshot *, size_t i, struct err *) WARN_UNUSED;
/* Has it a span of the service, by the manifest alone? False: it may have all the same. */
bool snapshot_has_service(const struct snapshot *, struct sv service);
/* How many of its shards are known without opening them. */
size_t snapshot_n_listed(const struct snapshot *);
/*
 * The names of all services and attributes; of shards that the manifest doesn't know, from
 * their footers. *services_open, *fields_open: a shard may have others, too.
 */
struct names_sink {
	int (*service)(void *, struct sv, struct err *);
	int (*field)(void *, const struct field *, struct err *);
	void *arg;
	bool services_open, fields_open;
};
int catalog_names(const struct snapshot *, struct names_sink *, struct err *) WARN_UNUSED;

/* What a keyword's directory lists. */
struct values_request {
	struct field field;
	struct time_range range;
	const struct sv *services;	/* only values that occur in these services, where known */
	size_t n_services;
	size_t max;			/* at most this many, the most frequent */
};

struct values_result {
	struct sv *values;	/* in byte order, in the arena */
	size_t n;
	uint64_t n_total;	/* > n: the list is cut */
};

/*
 * Values of a field, from footers, dictionaries and top values, never by reading rows; numbers
 * and booleans as text. Damaged shards are passed over. Fields without a bounded answer
 * (span ids, times) give none. trace_id: the newest `max`.
 */
int catalog_values(const struct snapshot *, const struct values_request *, struct arena *,
    struct values_result *, struct err *) WARN_UNUSED;
/*
 * Whether a span has the key, which files show (field_of_key), among the attributes of a shard
 * that share its rest column. Shards made since such keys have columns of their own are not
 * read; one that can't be opened is passed over, one that can't be read on is an error. The statistics are of every shard.
 */
int catalog_rest_key(const struct snapshot *, const struct stats *, struct sv key, bool *has,
    struct err *) WARN_UNUSED;
/* Attribute fields that occur ("span.http.route", "resource.host.name", "event.k", "link.k", "scope.k"), most frequent first then cut to max, then byte order. */
int catalog_fields(const struct snapshot *, struct time_range, size_t max, struct arena *,
    struct values_result *, struct err *) WARN_UNUSED;

#endif
