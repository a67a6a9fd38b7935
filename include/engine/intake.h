/* SPDX-License-Identifier: ISC */
/*
 * intake: bytes to ingest to store. One intake is one writer's session on a store: it takes
 * the catalog's lock, parses inputs on several threads, drops duplicates, seals shards and
 * commits them in batches. What on_commit reported is on disk.
 */
#ifndef ENGINE_INTAKE_H
#define ENGINE_INTAKE_H

#include <stdatomic.h>

#include "base/err.h"
#include "conf/conf.h"
#include "ingest/ingest.h"

struct intake;

struct intake_counts {
	uint64_t n_spans;	/* committed */
	uint64_t n_pending;	/* read, not yet committed */
	uint64_t n_duplicates, n_rejected, n_foreign, n_repaired;
	uint64_t n_bytes;	/* of input, as stored (compressed) */
	uint64_t n_shards, shard_bytes;
};

struct intake_options {
	const struct conf *conf;
	const char *store;
	void (*reject)(void *arg, const char *input, const struct reject *);	/* serialized */
	void (*on_commit)(void *arg, const struct intake_counts *);		/* serialized */
	void *arg;
	const atomic_bool *cancel;	/* stop: what is pending is committed, then ERR_CANCELLED */
};

/* ERR_BUSY: another writer. Makes the store if absent or empty. */
int intake_open(const struct intake_options *, struct intake **, struct err *) WARN_UNUSED;
/* Reads one input to its end; `name` is for messages. An unreadable input fails, what came before it stays. */
int intake_read(struct intake *, const char *name, const struct source_bytes *, struct err *)
    WARN_UNUSED;
struct intake_counts intake_counts(struct intake *);
/* Commits what is pending and ends the session. The intake is freed, also on failure. */
int intake_close(struct intake *, struct intake_counts *, struct err *) WARN_UNUSED;

#endif
