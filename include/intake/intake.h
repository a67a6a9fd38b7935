/* SPDX-License-Identifier: ISC */
/*
 * intake: bytes to ingest to store. One intake is one writer's session on a store: it takes
 * the catalog's lock, parses inputs on several threads, drops duplicates, seals shards and
 * commits them in batches. What on_commit reported is on disk.
 */
#ifndef INTAKE_INTAKE_H
#define INTAKE_INTAKE_H

#include <stdatomic.h>

#include "base/err.h"
#include "conf/conf.h"
#include "ingest/ingest.h"

struct fsys;
struct intake;

struct intake_counts {
	uint64_t n_spans;	/* committed */
	uint64_t n_pending;	/* read, not yet committed */
	uint64_t n_duplicates, n_rejected, n_foreign, n_repaired;
	uint64_t n_oversize;	/* records over [ingest] max_request */
	uint64_t n_mended;	/* texts that were not UTF-8 */
	uint64_t n_bytes;	/* of input, as stored (compressed) */
	uint64_t n_shards, shard_bytes;
};

struct intake_options {
	const struct conf *conf;
	const char *store;
	/* May be NULL. Never called at once, from whatever thread. */
	void (*reject)(void *arg, const char *input, const struct reject *);
	void (*on_commit)(void *arg, const struct intake_counts *);
	void *arg;
	const atomic_bool *cancel;	/* stop: what is pending is committed, then ERR_CANCELLED. May be NULL */
	/*
	 * A shard that can't be read is passed over, and its spans are added again if they come.
	 * Else it ends the import (ERR_IO, naming it) as soon as it may hold one that comes.
	 */
	bool force;
	/* For tests; 0: as usual. */
	struct fsys *fs;		/* in place of the directory `store` */
	size_t memtable_bytes;		/* commit when this much is held */
	unsigned threads;
};

/* How long to wait for another writer, as a person writes it: "30s", "5m"; "0": not at all. */
bool intake_wait_parse(struct sv, uint64_t *ns);
/* ERR_BUSY: another writer. Makes the store if absent or empty. */
int intake_open(const struct intake_options *, struct intake **, struct err *) WARN_UNUSED;
/*
 * Reads one input to its end; `name` is for messages. An unreadable input fails, what came
 * before it stays. A failed commit, or want of memory for spans, ends the session: this and
 * every later call returns it. Call from one thread at a time.
 */
int intake_read(struct intake *, const char *name, const struct source_bytes *, struct err *)
    WARN_UNUSED;
/* Safe from any thread. */
struct intake_counts intake_counts(struct intake *);
/* Commits what is pending: after it, all that was read is on disk. */
int intake_commit(struct intake *, struct err *) WARN_UNUSED;
/* Commits what is pending and ends the session. The intake is freed, also on failure. */
int intake_close(struct intake *, struct intake_counts *, struct err *) WARN_UNUSED;

#endif
