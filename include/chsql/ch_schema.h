/* SPDX-License-Identifier: ISC */
/*
 * ch_schema: where in a table of spans each field is. Told by the server, never assumed: the
 * Collector's exporter has written several shapes, and people add columns of their own.
 *
 * What is understood: attributes as Map(String, String) or JSON; Duration as UInt64 or Int64 of ns;
 * Timestamp as DateTime64 of any scale; columns that are computed of one attribute
 * (`SpanAttributes['k']`, MATERIALIZED, DEFAULT or ALIAS); *AttributeItems, arrays of "key=value";
 * the table from trace id to time range; Distributed tables. Columns that an older exporter does
 * not have are absent (name.n == 0). A table without one that is needed, or where one has a type
 * that is not understood, is refused with the names of all that are missing or strange.
 */
#ifndef CHSQL_CH_SCHEMA_H
#define CHSQL_CH_SCHEMA_H

#include "base/hash.h"
#include "rowbinary/ch_type.h"
#include "wire/ch_client.h"

/*      id             name                   needed */
#define CH_COLUMNS_OF_SPANS(X) \
	X(TIMESTAMP,      "Timestamp",           true) \
	X(TRACE_ID,       "TraceId",             true) \
	X(SPAN_ID,        "SpanId",              true) \
	X(PARENT_SPAN_ID, "ParentSpanId",        true) \
	X(TRACE_STATE,    "TraceState",          false) \
	X(NAME,           "SpanName",            true) \
	X(KIND,           "SpanKind",            true) \
	X(SERVICE,        "ServiceName",         true) \
	X(RESOURCE,       "ResourceAttributes",  true) \
	X(SCOPE,          "ScopeName",           false) \
	X(SCOPE_VERSION,  "ScopeVersion",        false) \
	X(ATTRS,          "SpanAttributes",      true) \
	X(DURATION,       "Duration",            true) \
	X(STATUS,         "StatusCode",          true) \
	X(MESSAGE,        "StatusMessage",       false) \
	X(EVENT_TIME,     "Events.Timestamp",    false) \
	X(EVENT_NAME,     "Events.Name",         false) \
	X(EVENT_ATTRS,    "Events.Attributes",   false) \
	X(LINK_TRACE_ID,  "Links.TraceId",       false) \
	X(LINK_SPAN_ID,   "Links.SpanId",        false) \
	X(LINK_STATE,     "Links.TraceState",    false) \
	X(LINK_ATTRS,     "Links.Attributes",    false)

enum ch_span_column {
#define X(id, name, needed) CHC_##id,
	CH_COLUMNS_OF_SPANS(X)
#undef X
	N_CHC
};

struct ch_source_column {
	struct sv name;			/* "": the table does not have it */
	const struct ch_type *type;
};

/* A column that is one attribute. */
struct ch_computed {
	struct sv name;
	enum ch_span_column of;		/* CHC_ATTRS or CHC_RESOURCE */
	struct sv key;
};

/* A table on the server; database "" is the user's own. */
struct ch_table {
	struct sv database, name;
};

struct ch_schema {
	struct arena a;
	struct ch_table table;
	struct ch_source_column columns[N_CHC];
	bool json;			/* attributes are JSON, not Map */
	bool json_typed;		/* and some paths of it are said to have a type, or may */
	bool signed_duration;
	struct sv attr_items, resource_items;	/* columns of "key=value"; "" if absent */
	const struct ch_computed *computed;
	size_t n_computed;
	struct sv engine;		/* "MergeTree", "Distributed", ... */
	bool prewhere;			/* the engine has PREWHERE */
	bool distributed;
	struct sv cluster;		/* of Distributed */
	struct ch_table local;		/* of Distributed: the table on each server; else the same table */
	struct ch_table trace_ts;	/* TraceId, Start, End; name "": there is none */
	/* Rows lie by these, in this order, as far as it is understood. */
	enum ch_span_column key[4];
	size_t n_key;
	/* Of all that was read: another one, and what was asked by the old may be wrong. */
	uint64_t fingerprint;
};

const char *ch_span_column_name(enum ch_span_column);

void ch_schema_free(struct ch_schema *);
/* One line a fact, for people: columns, forms, keys. */
void ch_schema_print(struct buf *, const struct ch_schema *);

/* ---- a schema from what the server says of the table ---- */

/* What system.columns says of a column. */
struct column_row {
	struct sv name, type, expression;
};

/* What system.tables says of the table. */
struct table_row {
	struct sv engine, engine_full, sorting_key;
};

/*
 * Finds the fields among the columns; the texts are kept in s->a. ERR_UNSUPPORTED: the table is not one of
 * spans; the columns are named.
 */
int schema_columns(struct ch_schema *s, const struct column_row *, size_t n, struct err *)
    WARN_UNUSED;
/* Engine, the local table, and the key as columns of spans. */
int schema_engine(struct ch_schema *s, const struct table_row *, struct err *) WARN_UNUSED;
/* The key of the local table, if the table is Distributed. */
void schema_key(struct ch_schema *s, struct sv sorting_key);

#endif
