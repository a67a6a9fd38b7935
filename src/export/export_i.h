/* SPDX-License-Identifier: ISC */
/*
 * export: what its files share.
 *
 * The record, export/HASH.export in the store, one of each path, server and table. Lines:
 *	spanfs export 1
 *	path TEXT, url TEXT, table DATABASE NAME	for people
 *	job HEX			16 random bytes, of this job: ids of queries and tokens are made of it
 *	sent N HASH		spans that are there, and the chain over them
 *	pending N HASH		spans of the batch that was sent behind them, and the chain up to its end
 *	checks 0|1		is the server asked of every batch?
 *	done 0|1
 *	sum HEX			hash64 of all before
 */
#ifndef EXPORT_I_H
#define EXPORT_I_H

#include "base/hash.h"
#include "base/vec.h"
#include "clickhouse/ch_insert.h"
#include "export/export.h"
#include "ingest/ingest.h"

/* ---- export_record.c ---- */

struct record_key {
	struct sv path, url;
	struct ch_table table;
};

struct export_record {
	unsigned char job[16];
	uint64_t sent, pending;
	struct hash128 sent_chain, pending_chain;
	bool checks, done;
};

struct record_place;	/* where it is kept, locked */

/* ERR_BUSY: another export of that path is at work. */
int record_open(struct fsys *, const struct record_key *, struct record_place **, struct err *)
    WARN_UNUSED;
void record_close(struct record_place *);
/* >0: there is none. ERR_CORRUPT: it is damaged. */
int record_read(struct record_place *, struct export_record *, struct err *) WARN_UNUSED;
int record_write(struct record_place *, const struct export_record *, struct err *) WARN_UNUSED;
/* A job of its own. */
int record_new(struct export_record *, struct err *) WARN_UNUSED;

/* ---- export_spans.c: lines of otlp.jsonl to spans ---- */

struct span_lines {
	struct buf rest;		/* of a line that is not complete */
	struct span_batch batch;
	uint64_t line;
	int (*span)(void *arg, const struct span *, struct err *);
	void *arg;
};
void span_lines_init(struct span_lines *, int (*)(void *, const struct span *, struct err *), void *);
void span_lines_release(struct span_lines *);
int span_lines_put(struct span_lines *, struct sv bytes, struct err *) WARN_UNUSED;
/* ERR_CORRUPT: something is left. */
int span_lines_end(struct span_lines *, struct err *) WARN_UNUSED;

/* ---- export_batch.c: rows that are sent together ---- */

struct batch_row {
	size_t end;			/* in `rows` */
	struct hash128 hash;		/* of what can be compared of it */
	struct trace_id trace_id;
	uint64_t span_id, start_ns;
};

#define BATCH_DAYS 90			/* partitions of one INSERT; servers refuse more than 100 */

struct export_batch {
	struct buf rows;
	VEC(struct batch_row) refs;
	uint64_t days[BATCH_DAYS];
	size_t n_days;
	struct hash128 chain;		/* over all spans up to its last */
};

void export_batch_clear(struct export_batch *);
void export_batch_release(struct export_batch *);
/* Is it to be sent before this row, of so many bytes, is added? most_rows 0: the usual number. */
bool export_batch_full(const struct export_batch *, const struct batch_row *, size_t most_rows);
int export_batch_add(struct export_batch *, struct sv row, const struct batch_row *, struct err *)
    WARN_UNUSED;
/* The chain over the spans up to this one. */
struct hash128 chain_next(struct hash128 chain, struct hash128 row);

/* ---- export_send.c: a batch gets there ---- */

struct sender {
	struct ch_client *client;
	struct ch_writer *writer, *compared;
	enum ch_packing packing;
	const struct export_options *o;
	struct export_counts *counts;
	const unsigned char *job;	/* 16 bytes */
	uint64_t n_queries;
	struct buf rest;		/* rows of a batch that are not there */
};

/* `uncertain`: some of it may be there. */
int send_batch(struct sender *, const struct export_batch *, bool uncertain, struct err *)
    WARN_UNUSED;

#endif
