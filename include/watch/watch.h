/* SPDX-License-Identifier: ISC */
/*
 * watch: what watches queries and never stands in their way. A query that ends is handed to
 * them as an outcome:
 *
 *   counters   sums, and the text that shows them                   counters.h, metrics.h
 *   errlog     the last errors in words                             errlog.h
 *   querylog   a line of JSON a query, [log] query_log              querylog.h
 *   slowlog    the last slow ones                                   slowlog.h
 *   shadow     some are run again, plain, and compared              shadow.h, second.h, digest.h
 *
 * None of them fails a query, and none knows how one is run. Each has a leaf lock of its own:
 * nothing else is locked under it. This header has the words that the engine hands out too.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <stdbool.h>
#include <stdint.h>

/* Who asks: for .spanfs/queries and errors. */
struct requester {
	uint32_t uid, pid;
};

/* Paths have names of users and orders in them: they are shown to who typed them, and to root. */
static inline bool
may_see(struct requester asks, struct requester whose)
{
	return asks.uid == 0 || asks.uid == whose.uid;
}

/* What the plain plan says of a result. */
enum verdict { VERDICT_SAME, VERDICT_DIFFERENT, VERDICT_UNDECIDED };

#endif
