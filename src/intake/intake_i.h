/* SPDX-License-Identifier: ISC */
/*
 * intake_i: what the intake's files share.
 *
 *   reader (the caller)  bytes -> records -> jobs                          intake.c
 *   workers              job -> spans -> those not committed yet -> memtable   intake_work.c
 *                        a full memtable -> shards -> one commit           intake_seal.c
 *
 * There are two memtables at most: `mt` takes spans while the other is sealed, so that
 * parsing, appending and sealing overlap. Workers prefer sealing to parsing.
 *
 * Duplicates. A span is compared with the committed shards before it is appended
 * (intake_dedup.c). What the shards can't tell yet is set aside in a deep copy until the
 * commit after which they can: spans whose ids are in `mt` itself go to aside_active, spans
 * whose ids are in the memtable being sealed to aside_sealing. A hash set of the ids of each
 * memtable (intake_ids.c) says so.
 *
 * Lock order: append, report, lock. Whoever waits for a sealing to end helps with it, so
 * waiting under `append` is safe.
 */
#ifndef INTAKE_INTAKE_I_H
#define INTAKE_INTAKE_I_H

#include <pthread.h>

#include "base/vec.h"
#include "intake/intake.h"
#include "catalog/catalog.h"
#include "render/span_line.h"
#include "seal/memtable.h"
#include "shard/fetch.h"

/* ---- intake_ids.c: ids as 64-bit hashes; a wrong "yes" is allowed, a wrong "no" is not ---- */

struct idhashes {
	uint64_t *v;		/* 0: free */
	size_t n, cap;		/* cap: 0 or a power of two */
};

uint64_t span_ids_hash(const struct span *);
bool idhashes_has(const struct idhashes *, uint64_t hash);
/* False: out of memory. */
bool idhashes_add(struct idhashes *, uint64_t hash);
void idhashes_clear(struct idhashes *);
void idhashes_release(struct idhashes *);

/* ---- intake_aside.c: spans that outlive the batch they came in ---- */

struct aside {
	struct span_batch batch;
	const struct resource *resource, *resource_copy;	/* the last one copied */
	const struct scope *scope, *scope_copy;
};

void aside_init(struct aside *);
void aside_release(struct aside *);
void aside_reset(struct aside *);
size_t aside_bytes(const struct aside *);
/* From here on equal pointers in spans may mean other content. */
void aside_new_batch(struct aside *);
int aside_add(struct aside *, const struct span *, struct err *) WARN_UNUSED;

/* ---- intake_dedup.c ---- */

/* Scratch of one thread. */
struct dedup;

/* force: shards that can't be read hold nothing; else one that may hold a span is an error. */
int dedup_new(bool force, struct dedup **, struct err *) WARN_UNUSED;
void dedup_free(struct dedup *);
/*
 * Removes from spans[0, *n) those of which the snapshot's shards hold an equal one, and moves
 * the others together, in order. *n_dropped is added to.
 */
int dedup_spans(struct dedup *, const struct snapshot *, struct span *spans, size_t *n,
    uint64_t *n_dropped, struct err *) WARN_UNUSED;

/* ---- intake.c ---- */

/* Records that go through a worker together. */
struct job {
	struct job *next;
	const char *input;
	VEC(struct record) recs;
	size_t bytes;
};

/* A memtable on its way to disk. */
struct sealing {
	bool active;
	struct memtable *mt;
	size_t n_parts, next, n_done;
	size_t *order;			/* parts, the largest first */
	struct shard_entry *entries;	/* as in `order` */
};

struct intake {
	struct intake_options opts;
	struct catalog *catalog;
	struct shard_options shard;
	size_t memtable_max;
	pthread_t *threads;
	unsigned n_threads;

	pthread_mutex_t append;		/* guards what follows */
	struct memtable *mt;
	struct idhashes ids_active, ids_sealing;
	struct aside aside_active, aside_sealing;
	struct dedup *dedup;

	pthread_mutex_t report;		/* callbacks to the user */

	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t work;		/* there is a job, a part to seal, or the end */
	pthread_cond_t done;		/* a job ended, a sealing ended, or all failed */
	struct job *head, **tail;
	size_t n_jobs, job_bytes;	/* queued and at work */
	struct sealing sealing;
	uint64_t n_commits;
	bool stop;
	struct err failed;		/* code 0: not */
	struct intake_counts counts;
};

/* Remembers the first failure and wakes all. Returns the code. */
int intake_fail(struct intake *, const struct err *);
bool intake_failed(struct intake *);

/* ---- intake_work.c ---- */

/* What one thread keeps from job to job. */
struct worker {
	struct intake *in;
	struct dedup *dedup;
	struct span_batch batch;
	struct ingest_result res;
	const char *input;
	struct render render;		/* what lines are measured with */
	struct buf line;
};

/* Reports a reject; arg is a worker. */
void worker_reject(void *arg, const struct reject *);
/* The thread of a worker; arg is the intake. */
void *intake_worker(void *arg);
/* Hands a job over (also on failure), waiting for room. */
int job_submit(struct intake *, struct job *, struct err *) WARN_UNUSED;
/* Under `lock`: the first job, or NULL. */
struct job *job_take(struct intake *);
void job_free(struct job *);
/* Waits until every job is done. */
int jobs_wait(struct intake *, struct err *);

/* ---- intake_seal.c ---- */

/* Seals one part if there is one to seal; commits after the last. */
bool intake_seal_one(struct intake *);
/* Waits until nothing is being sealed, helping. */
void intake_wait_sealed(struct intake *);
/* Under `append`: appends to mt what of aside_sealing is no duplicate, if the commit that it waits for is done. */
int intake_settle_aside(struct intake *, struct err *) WARN_UNUSED;
/* Under `append`: hands mt over to be sealed, waiting for the one before it. */
int intake_rotate(struct intake *, struct err *) WARN_UNUSED;
/* Under `append`: everything appended or set aside is committed. */
int intake_flush(struct intake *, struct err *) WARN_UNUSED;
/* Under `append`: adds a span whose ids the active memtable may hold. */
int intake_append(struct intake *, const struct span *, bool twin, struct err *) WARN_UNUSED;

#endif
