/* SPDX-License-Identifier: ISC */
/*
 * export: the spans that match a path, into a table of spans on a ClickHouse server: each once,
 * whatever happens on the way.
 *
 * The spans come in the path's order and are cut into batches. How many are there, a hash of these
 * and how far the batch at hand goes are kept in the store (export_i.h) before it is sent. Who goes
 * on after a kill passes over as many, compares the hash, and asks the server which rows of the last
 * batch it has; so does a batch of which no answer came, once the server no longer works on it. If
 * the spans are no longer those that they were, or the export had been finished, or `missing` says
 * so, the server is asked of every batch: then only what is not there is sent.
 */
#ifndef EXPORT_EXPORT_H
#define EXPORT_EXPORT_H

#include <stdatomic.h>

#include "base/file.h"
#include "conf/conf.h"
#include "engine/engine.h"

struct export_counts {
	uint64_t n_sent;	/* spans that the server acknowledged */
	uint64_t n_there;	/* spans that it had */
	uint64_t n_before;	/* spans that an earlier run had sent */
	uint64_t n_batches;
	uint64_t n_bytes;	/* of rows */
	uint64_t n_packed;	/* of these, as they were sent */
	bool of_path;		/* what failed is the path, not the server */
};

struct export_options {
	struct engine *engine;
	struct fsys *store;		/* the same */
	const struct conf *conf;
	struct sv path;			/* without a file */
	struct requester who;
	bool create;			/* the tables, if they are not there */
	bool missing;			/* ask the server of every batch */
	const atomic_bool *cancel;
	/* Now and then; and of what did not go well and is tried again. May be NULL. */
	void (*step)(void *arg, const struct export_counts *);
	void (*say)(void *arg, const char *words);
	void *arg;
	/* For tests, 0 as a rule. */
	size_t batch_rows;
	unsigned tries;
};

/* *counts is written in any case. */
int export_run(const struct export_options *, struct export_counts *counts, struct err *)
    WARN_UNUSED;

#endif
