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

/* ---- kept beside the store (catalog/kept.h): what a reader need not gather anew ---- */

/* `made_from`: the state that it is of. */
int summary_keep(struct fsys *, const struct snapshot *made_from, const struct summary_options *,
    const struct stats_summary *, struct err *) WARN_UNUSED;
/*
 * The one that is kept, if it was made with these options, and of this store as it is or was;
 * its `version` is 0. Fails as kept_read does.
 */
int summary_kept(struct fsys *, const struct snapshot *, const struct summary_options *,
    struct summary **, struct err *) WARN_UNUSED;
/* Its bytes, but for generation and version; of others they borrow what they can. ERR_CORRUPT. */
void summary_encode(struct buf *, const struct stats_summary *);
int summary_decode(struct sv, struct arena *, struct stats_summary *, struct err *) WARN_UNUSED;

#endif
