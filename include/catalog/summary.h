/* SPDX-License-Identifier: ISC */
/*
 * summary: the statistics of all shards merged into one (struct stats_summary). A maker keeps
 * what it has merged: new shards are added, and only if one has gone it begins anew. Memory is
 * bounded whatever the store holds: fields, values of a field and cells beyond the limits are
 * left out, and counted with the rest. Shards without SECTION_STATS give what their footers
 * say; damaged ones nothing.
 *
 * Threads: one at a time may use a maker; summaries are immutable and refcounted.
 */
#ifndef CATALOG_SUMMARY_H
#define CATALOG_SUMMARY_H

#include <stdatomic.h>

#include "catalog/catalog.h"

#define SUMMARY_FIELDS 2048
#define SUMMARY_CELLS 4096
#define SUMMARY_ENTRIES 65536		/* fields of cells */
#define SUMMARY_SAMPLES 128

struct summary_maker;

struct summary {
	atomic_uint refs;
	struct arena arena;
	struct stats_summary stats;
};

struct summary_options {
	uint32_t top_values;		/* [statistics] top_values; of a field four times as many are kept */
	uint32_t buckets;		/* of merged histograms */
};

int summary_maker_new(const struct summary_options *, struct summary_maker **, struct err *)
    WARN_UNUSED;
void summary_maker_free(struct summary_maker *);
/* A new summary of the snapshot. *n_read: shards that were looked at for it. */
int summary_make(struct summary_maker *, const struct snapshot *, uint64_t now_ns,
    struct summary **, size_t *n_read, struct err *) WARN_UNUSED;
struct summary *summary_ref(struct summary *);
void summary_unref(struct summary *);

#endif
