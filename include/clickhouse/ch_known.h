/* SPDX-License-Identifier: ISC */
/*
 * ch_known: answers of ch_catalog, kept, with their age. A look-up never asks and never waits: it
 * gives what is known, stale or not, or nothing, and remembers that it was wanted. A refresh asks,
 * on the thread that calls it. So listings look, and a thread of its own calls
 * ch_known_refresh_due now and then.
 *
 * Bounded by bytes: what was not looked at for the longest time goes first. An answer that somebody
 * holds lives on. A failed refresh leaves the older answer, and its words are told with it. What
 * was asked of a table with another fingerprint is another question. A refresh that was cancelled
 * leaves all as it was. Thread-safe.
 */
#ifndef CLICKHOUSE_CH_KNOWN_H
#define CLICKHOUSE_CH_KNOWN_H

#include "clickhouse/ch_catalog.h"

struct ch_known;

struct ch_seen {
	const struct ch_answer *answer;	/* NULL: nothing is known; good until ch_seen_release */
	uint64_t age_ns;		/* since it was asked */
	bool fresh;			/* younger than max_age_ns */
	char why[sizeof ((struct err *)NULL)->msg];	/* the last refresh failed: its words; else "" */
	struct ch_kept *kept;
};

int ch_known_new(size_t max_bytes, struct ch_known **, struct err *) WARN_UNUSED;
/* Nothing may be at work in it, nor held. NULL is allowed. */
void ch_known_free(struct ch_known *);

/* Without memory nothing is known. */
void ch_known_look(struct ch_known *, const struct ch_schema *, const struct ch_want *,
    uint64_t max_age_ns, struct ch_seen *);
void ch_seen_release(struct ch_seen *);

/* Asks, and keeps the answer; >0: another thread asks just that. *outcome as of ch_catalog_ask. */
int ch_known_refresh(struct ch_known *, const struct ch_asking *, const struct ch_want *,
    struct ch_outcome *, struct err *) WARN_UNUSED;
/*
 * The same of one that was looked at since it was asked last, and is not fresh, by what
 * was looked at first; >0: there is none. One that failed is due again after max_age_ns.
 */
int ch_known_refresh_due(struct ch_known *, const struct ch_asking *, uint64_t max_age_ns,
    struct ch_outcome *, struct err *) WARN_UNUSED;
/* Forgets everything. */
void ch_known_forget(struct ch_known *);

#endif
