/* SPDX-License-Identifier: ISC */
/*
 * ch_server: a ClickHouse server with a table of spans, as one thing to be asked: the client, and
 * what the table looks like, which is read when it is opened, and again when a question says that
 * it changed.
 */
#ifndef CLICKHOUSE_CH_SERVER_H
#define CLICKHOUSE_CH_SERVER_H

#include "chsql/ch_schema.h"
#include "clickhouse/ch_known.h"
#include "conf/conf.h"
#include "exec/source.h"
#include "model/stats.h"

struct ch_server;

/* A schema that is in use. */
struct ch_layout {
	atomic_uint refs;
	struct ch_schema *schema;
};

/* As the settings of [clickhouse] say; errors of ch_open_conf and ch_schema_read. */
int ch_server_open(const struct conf *, struct ch_server **, struct err *) WARN_UNUSED;
/* Nothing may be at work in it. NULL is allowed. */
void ch_server_close(struct ch_server *);
struct ch_client *ch_server_client(struct ch_server *);

/* The newest that was read. */
struct ch_layout *ch_server_layout(struct ch_server *);
void ch_layout_put(struct ch_layout *);
/*
 * A question by `old` failed in a way that may come from another shape of the table. 0: it has
 * one, ask again; >0: it is as it was; <0: it can't be read, or is no table of spans any more.
 */
int ch_server_changed(struct ch_server *, const struct ch_layout *old, struct err *) WARN_UNUSED;

/*
 * From when to when it has spans, as it was at most max_age_ns ago; if it does not say, as it was known
 * last, which is an error only if that was never.
 */
struct ch_span_times {
	bool any;
	uint64_t first_ns, last_ns, rows;
};
int ch_server_times(struct ch_server *, uint64_t max_age_ns, const atomic_bool *cancel,
    uint64_t deadline_ns, struct ch_span_times *, struct err *) WARN_UNUSED;

/* ---- ch_listing.c ---- */

/* In byte order, in the arena; all: no others are there. */
struct ch_names {
	struct sv *v;
	size_t n;
	bool all;
};

/*
 * Values of a field, as want->topic CH_VALUES says; attribute keys of spans, resources, events and
 * links as fields are printed ("span.http.route"). Not older than max_age_ns if the server says so
 * within some seconds; else what was known. ERR_UNSUPPORTED: a field without values.
 */
int ch_server_values(struct ch_server *, const struct ch_want *, uint64_t max_age_ns,
    struct arena *, struct ch_names *, struct err *) WARN_UNUSED;
int ch_server_fields(struct ch_server *, const struct ch_want *, uint64_t max_age_ns,
    struct arena *, struct ch_names *, struct err *) WARN_UNUSED;

/*
 * Its partitions, the newest first; *all: no others are there. Not older than max_age_ns if it says so
 * within some seconds, else as they were known; without a right to system.parts one that has all
 * spans, or those that the rows themselves tell, without bytes.
 */
int ch_server_partitions(struct ch_server *, uint64_t max_age_ns, struct arena *,
    const struct ch_partition **, size_t *n, bool *all, struct err *) WARN_UNUSED;

/* ---- ch_estimate.c ---- */

struct ch_estimating {
	const struct pred *filter;
	struct time_range range;
	const struct field *keys;	/* of groups */
	size_t n_keys, values_max;
	uint64_t max_age_ns;
	bool ask;			/* what is not known, or older; else the server is not asked */
	uint64_t deadline_ns;
	const atomic_bool *cancel;
};
/* What is not known is left out: no failure of the server is one of this. In the arena. */
int ch_server_estimate(struct ch_server *, const struct ch_estimating *, struct arena *,
    const struct stats_server **, struct err *) WARN_UNUSED;

/* ---- ch_explain.c ---- */

/*
 * How a plan is asked of the server, for people, a line a fact; or as a member of an object of JSON,
 * with the comma before it. `groups` if its output is that, else NULL. The server is not asked.
 */
int ch_explain(struct ch_server *, const struct plan *, struct agg_table *groups, bool json,
    struct buf *, struct err *) WARN_UNUSED;

/* Can it make the groups of these spans, or of traces, or, `groups` NULL, count the spans? */
bool ch_can_group(struct ch_server *, const struct pred *filter, struct time_range,
    struct agg_table *groups);
/* The same of the counts of a comparison. */
bool ch_can_contrast(struct ch_server *, const struct pred *filter, struct time_range,
    const struct pred *selection);

/* ---- ch_source.c ---- */

/* exec_env.source_arg is the server. */
extern const struct source_ops source_clickhouse;

#endif
