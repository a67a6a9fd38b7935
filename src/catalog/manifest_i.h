/* SPDX-License-Identifier: ISC */
/*
 * manifest_i: what planning needs of all shards, kept beside the catalog so that their footers
 * need not be read: MANIFEST names segments, files below manifest/, and each holds a row for
 * every shard of some commits. Nothing is in it that the shards don't say, so what is missing,
 * damaged or of other shards is passed over, and footers are read instead.
 *
 *   manifest_file    the bytes of MANIFEST and of a segment
 *   manifest_read    segments in memory, traces looked up
 *   manifest_map     which row tells of which shard of a snapshot
 *   manifest_build   rows of shards and of older segments put together
 *   manifest_write   what a commit writes
 *
 * A row is believed only for a shard whose partition, number, spans, bytes and times are the
 * catalog's; once the shard is opened its footer's hash has to be the row's too.
 */
#ifndef CATALOG_MANIFEST_I_H
#define CATALOG_MANIFEST_I_H

#include "base/buf.h"
#include "catalog_i.h"
#include "shard/shard.h"

#define MANIFEST_FILE "MANIFEST"
#define MANIFEST_DIR "manifest"
#define MANIFEST_PATH_BYTES 48
#define MANIFEST_MAX_BYTES ((size_t)1 << 20)
#define MANIFEST_SEGMENTS_MAX 4096
#define SEGMENT_HEADER_BYTES 64
#define SEGMENT_BLOCK_TRACES 512
#define SEGMENT_BLOCKS_KEPT 2048	/* 8 MiB */
/* Segments above this are left as they are; it bounds what a commit keeps in memory. */
#define SEGMENT_MAX_BYTES ((uint64_t)64 << 20)

/* ---- the bytes; all little-endian, as they lie in the file ---- */

enum { MROW_SUMMARIES = 1, MROW_ALL_KEYS = 2 };
#define MROW_KINDS_SHIFT 8		/* of flags: bits of enum stat_index */
#define MROW_LINES_SHIFT 16		/* alike, 8 bits: which version its services' line_bytes are of */
#define MROW_LINES (0xffu << MROW_LINES_SHIFT)	/* 0: they are not told */

struct mrow {
	uint64_t partition, number;	/* sorted by these; number of the file's name */
	uint64_t n_rows, n_bytes, min_start, max_start;
	uint64_t footer_hash;
	uint32_t n_traces, n_row_groups;
	uint32_t service_from;		/* its services end where the next row's begin */
	uint32_t flags;
};

struct mservice {			/* of a row, in byte order of the names */
	uint32_t name, n_rows, n_errors, zero;
	uint64_t min_start, max_start;
	uint64_t line_bytes;		/* of its lines in spans.jsonl; 0: not told */
};

struct mblock {				/* of the list of traces */
	uint32_t first, zero;		/* print of its first entry */
	uint64_t hash;			/* XXH3-64 of its bytes */
};

/* A trace of a shard: the upper half of trace_id_hash() << 32, and the row. Sorted. */
typedef uint64_t mtrace;

struct mseg {
	const struct mrow *rows;
	const struct mservice *services;
	const struct mblock *blocks;
	size_t n_rows, n_services, n_blocks;
	uint64_t n_traces;
	struct sv *names, *fields;	/* of services; of attributes: enum field_scope, then the key */
	size_t n_names, n_fields;
};

/* What MANIFEST says of a segment. */
struct mref {
	uint64_t number, core_bytes, n_bytes, hash;	/* of the core: all but the list of traces */
};

struct mhead {
	uint64_t generation;		/* of the commit that it was written for */
	struct mref *refs;		/* oldest first */
	size_t n;
};

void manifest_path(uint64_t number, char out[MANIFEST_PATH_BYTES]);
void manifest_encode(struct buf *, const struct mhead *);
int manifest_decode(struct sv, const char *name, struct arena *, struct mhead *, struct err *)
    WARN_UNUSED;
/*
 * A segment of rows sorted by partition and number and traces sorted; names and fields by
 * bytes. The list of traces begins at *core_bytes.
 */
void segment_encode(struct buf *, const struct mseg *, const mtrace *, size_t *core_bytes);
/*
 * The core, n bytes at a multiple of 8, which `out` borrows; tables of names are made in the
 * arena. All that it says is checked, but the blocks' hashes. n_bytes: of the whole file.
 */
int segment_decode(const void *core, size_t n, uint64_t n_bytes, const char *name,
    struct arena *, struct mseg *out, struct err *) WARN_UNUSED;
/* Block b of the list, its hash and order checked: how many entries, 0 if it is damaged. */
size_t segment_block_n(const struct mseg *, size_t b);
bool segment_block_ok(const struct mseg *, size_t b, const mtrace *);

/* ---- manifest_read.c ---- */

/* Of a name all spans that rows of the segment tell of. */
struct msum {
	uint64_t n_rows, min_start, max_start;
};

struct segment {
	atomic_uint refs;
	struct mref ref;
	struct mseg m;
	void *core;
	struct arena arena;
	struct file *file;
	/* Blocks of traces that were read, up to a number of them; never given up. */
	_Atomic(mtrace *) *blocks;
	atomic_size_t n_kept;
	_Atomic(struct msum *) sums;	/* by name; NULL: not made yet */
	_Atomic bool traces_lost;	/* a block could not be read: nothing is known of any trace */
};

int segment_open(struct fsys *, const struct mref *, struct segment **, struct err *) WARN_UNUSED;
struct segment *segment_ref(struct segment *);
void segment_unref(struct segment *);
/* Reads a block, and checks it. */
int segment_block(struct segment *, size_t b, mtrace out[SEGMENT_BLOCK_TRACES], size_t *n,
    struct err *) WARN_UNUSED;
typedef VEC(uint32_t) row_vec;
/*
 * Rows of shards that may have the trace, each once, are added. ERR_NOMEM; any other error:
 * nothing is known, now and later.
 */
int segment_find_trace(struct segment *, uint64_t trace_hash, row_vec *, struct err *)
    WARN_UNUSED;
/* By name, and of all (n_rows alone), made once; NULL: no memory. */
const struct msum *segment_sums(struct segment *);
/* The place of a name, or -1. */
long segment_name(const struct mseg *, struct sv name);
/* Of a row: its services [*from, *to). */
void segment_services(const struct mseg *, uint32_t row, uint32_t *from, uint32_t *to);

/* ---- manifest_map.c ---- */

/* Reads MANIFEST for a list; what is not there or damaged is as if it knew nothing. ERR_NOMEM. */
int manifest_load(struct fsys *, const struct catalog_list *, const struct manifest *prev,
    struct manifest *, struct err *) WARN_UNUSED;
void manifest_release(struct manifest *);
/* The row of a shard, or NULL; *seg, if not NULL, is its segment. */
const struct mrow *manifest_row(const struct manifest *, size_t shard, const struct mseg **seg);
/* The number in the name of a shard's file: UINT64_MAX for other names. */
uint64_t shard_number(const char *file);
uint64_t name_number(struct sv name);	/* the same of the name alone */

/* ---- manifest_build.c ---- */

struct mbuild {
	VEC(struct mrow) rows;		/* service_from: in `services`, in any order */
	VEC(struct mservice) services;	/* name: in the order of the names' coming */
	VEC(mtrace) traces;
	struct map names, fields;
};

void mbuild_init(struct mbuild *);
void mbuild_release(struct mbuild *);
/* All of an opened shard. Fails as reading it does; then nothing was added. */
int mbuild_shard(struct mbuild *, struct shard *, uint64_t number, struct err *) WARN_UNUSED;
/* The rows of a segment that tell of a shard; alike. */
int mbuild_segment(struct mbuild *, struct segment *, const uint32_t *shard_of, struct err *)
    WARN_UNUSED;
size_t mbuild_bytes(const struct mbuild *);	/* about what the segment will have */
/* Encodes; what was added is used up. */
int mbuild_end(struct mbuild *, struct buf *, struct mref *, struct err *) WARN_UNUSED;

/* ---- manifest_write.c ---- */

/* What a commit has written, and what of the old is not named any more. */
struct mchange {
	uint64_t *dropped;		/* numbers of segments */
	size_t n_dropped;
};

/*
 * For the commit that is about to follow `old` with n more shards: writes a segment and
 * MANIFEST. Shards of older commits without a row get one, up to `backfill` of them. Shards
 * that can't be read get none.
 */
int manifest_write(struct catalog *, const struct snapshot *old, const struct shard_entry *add,
    size_t n, size_t backfill, struct mchange *, struct err *) WARN_UNUSED;
/* A file of the root, replaced as a whole, itself synced unless [store] sync = no; its name is not. */
int catalog_replace(struct catalog *, const char *path, struct sv, struct err *) WARN_UNUSED;
void manifest_drop(struct catalog *, struct mchange *);
/* Removes segments that MANIFEST does not name. */
int manifest_clean(struct catalog *, struct err *) WARN_UNUSED;
/* Calls back with the path of each file below manifest/ that MANIFEST does not name. */
int manifest_walk(struct fsys *, int (*unlisted)(void *, const char *, struct err *), void *,
    struct err *) WARN_UNUSED;

#endif
