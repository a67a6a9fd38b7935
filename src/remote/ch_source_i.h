/* SPDX-License-Identifier: ISC */
/* ch_source_i: what running a plan on a server, and showing how, have in common. */
#ifndef CH_SOURCE_I_H
#define CH_SOURCE_I_H

#include "chsql/ch_sql.h"
#include "clickhouse/ch_scan.h"
#include "remote/ch_server.h"

/*
 * Rows that are held till it is known whether they are the first; servers know of so few before they read
 * the wide columns (query_plan_max_limit_for_lazy_materialization).
 */
#define CH_SPARE_MOST 9999
#define CH_SPARE_BYTES ((size_t)32 << 20)
#define TIMES_AGE_NS 10000000000ull	/* how old what is known of the times of all spans may be */

#define CH_KEYS 32			/* of a map; where more are asked for it comes whole */
struct ch_need {
	uint64_t columns;		/* bit i: enum ch_span_column */
	/* Of attributes, the spans' own and their resources'; borrowed. */
	struct ch_need_keys {
		struct sv v[CH_KEYS];
		size_t n;
		bool all;
	} own, resource;
};

enum ch_mode { MODE_ALL, MODE_FIRST, MODE_WINDOWS, MODE_TRACES };

struct ch_state {
	struct ch_server *server;
	struct ch_layout *layout;
	enum ch_mode mode;
	struct ch_select q;
	struct ch_need need;		/* what q has of it */
	bool told;			/* all of the filter, exactly: it is not tested here */
	bool timed;			/* the times of traces were looked for */
	bool counted;			/* the scans that follow have nothing to do */
	bool scanned;			/* all but MODE_WINDOWS: once */
	struct span_batch batch;
	/* MODE_WINDOWS */
	bool begun;
	struct slice rest;		/* what is still to come */
	uint64_t length, first_ns;	/* of the next window; nothing is known to be before */
	uint64_t ahead;			/* of the first window, beside its length: behind the last span */
	uint64_t window_rows, window_bytes;	/* that came of the last one; what they took in memory */
};

static inline struct ch_server *
server_of(const struct source *s)
{
	return (struct ch_server *)(uintptr_t)s->env->source_arg;
}

/* ---- ch_columns.c ---- */
/*
 * What of the rows is needed, beside the filter, if that is tested on what comes; own: of spans whose
 * resources have none of its bare names, or that pass by themselves.
 */
void ch_need_of(const struct source *, bool tested, bool own, struct ch_need *);

/* ---- ch_first.c ---- */
/*
 * The rows of a question with one to spare, into the batch: >0 if they are the first; 0 if that can't
 * be told, and then q.first says how to ask next.
 */
int ch_first_read(struct ch_state *, struct ch_scan *, struct err *) WARN_UNUSED;

/* ---- ch_mode.c ---- */
/* Does the plan want counts and groups of the server, where it can make them? */
bool ch_may_group(const struct source *);
/* Where the server can be told all of the filter, its fields need not come. Of the schema that q has now. */
int ch_state_tell(const struct source *, struct ch_state *, struct err *) WARN_UNUSED;
/* The question, and how it is asked: of a layout that outlives the state. */
int ch_state_begin(const struct source *, struct ch_state *, struct ch_layout *, struct err *)
    WARN_UNUSED;

/* ---- ch_windows.c ---- */
/* The next window, of all of `out` to begin with; the last one sets `scanned`. */
int ch_window_next(struct source *, struct slice *out, struct err *) WARN_UNUSED;

#endif
