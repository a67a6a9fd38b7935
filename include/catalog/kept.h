/* SPDX-License-Identifier: ISC */
/*
 * kept: what programs worked out of a store and leave beside it for the next one: cache/NAME,
 * checksummed, replaced as a whole by a rename. Nothing depends on it: one that is missing,
 * torn, of another program or of another store is thrown away, and what cannot be written is
 * not kept. So nothing is fsynced: what a power cut tears the checksum tells.
 *
 * A file says which shards it was made from, by the generation and a hash of all that came
 * with commits up to it: it is of this store as long as these are still there. Several
 * programs may write one: who does holds cache/.lock, and the last one's stays.
 */
#ifndef CATALOG_KEPT_H
#define CATALOG_KEPT_H

#include "base/buf.h"
#include "base/file.h"

struct snapshot;

enum kept_kind { KEPT_SUMMARY = 1, KEPT_DECISIONS = 2 };	/* on disk */
#define N_KEPT_KINDS 2

struct kept {
	uint64_t generation;		/* of the state that it was made from */
	uint64_t written_ns;		/* wall time */
	struct sv content;
};

const char *kept_file(enum kept_kind);	/* "cache/summary" */

/*
 * `program`: whatever must be the same for who reads it: formats, versions, settings. ERR_BUSY:
 * another program is writing, too.
 */
int kept_write(struct fsys *, enum kept_kind, const struct snapshot *made_from, uint64_t program,
    struct sv content, struct err *) WARN_UNUSED;
/*
 * Into the arena. ERR_UNKNOWN: there is none; ERR_CORRUPT: it is damaged; ERR_VERSION: of
 * another program, of another store, or of a state that this one has not come to.
 */
int kept_read(struct fsys *, enum kept_kind, const struct snapshot *, uint64_t program,
    struct arena *, struct kept *, struct err *) WARN_UNUSED;
/* Of the whole file its bytes alone: ERR_UNKNOWN, ERR_CORRUPT, ERR_VERSION: of another format. */
int kept_check(struct fsys *, enum kept_kind, struct err *) WARN_UNUSED;
/* Calls found() for each file that a writing left which was cut short; none if one is at work. */
int kept_left_overs(struct fsys *, int (*found)(void *, const char *, struct err *), void *arg,
    struct err *) WARN_UNUSED;

/* The bytes of such a file, and what is in them: for tests. */
struct kept_head {
	enum kept_kind kind;
	uint64_t generation, shards, program, written_ns;
};
void kept_encode(struct buf *, const struct kept_head *, struct sv content);
int kept_decode(struct sv, const char *name, struct kept_head *, struct sv *content,
    struct err *) WARN_UNUSED;

#endif
