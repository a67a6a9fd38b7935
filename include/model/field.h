/* SPDX-License-Identifier: ISC */
/*
 * field: what a path can name. Either an intrinsic (table below) or an attribute key in a
 * scope; a bare name is "this span's attribute if it has it, else its resource's", decided
 * span by span.
 */
#ifndef MODEL_FIELD_H
#define MODEL_FIELD_H

#include "base/buf.h"

/* FT_ATTR: a value of any type, as attributes have. */
enum field_type {
	FT_STRING, FT_KIND, FT_STATUS, FT_TRACE_ID, FT_SPAN_ID, FT_INT, FT_TIME, FT_DURATION, FT_ATTR
};
/* OF_TREE: of the span, but only its trace tells. */
enum field_of { OF_SPAN, OF_TRACE, OF_TREE, OF_EVENT, OF_LINK, OF_GROUP };

/*      id                name in paths     key in JSON          type         of */
#define INTRINSICS(X) \
	X(SERVICE,        "service",        "service",           FT_STRING,   OF_SPAN) \
	X(NAME,           "name",           "name",              FT_STRING,   OF_SPAN) \
	X(KIND,           "kind",           "kind",              FT_KIND,     OF_SPAN) \
	X(STATUS,         "status",         "status",            FT_STATUS,   OF_SPAN) \
	X(STATUS_MESSAGE, "status_message", "status_message",    FT_STRING,   OF_SPAN) \
	X(SCOPE,          "scope",          "scope",             FT_STRING,   OF_SPAN) \
	X(SCOPE_VERSION,  "scope_version",  "scope_version",     FT_STRING,   OF_SPAN) \
	X(TRACE_ID,       "trace_id",       "trace_id",          FT_TRACE_ID, OF_SPAN) \
	X(SPAN_ID,        "span_id",        "span_id",           FT_SPAN_ID,  OF_SPAN) \
	X(PARENT_SPAN_ID, "parent_span_id", "parent_span_id",    FT_SPAN_ID,  OF_SPAN) \
	X(TRACE_STATE,    "trace_state",    "trace_state",       FT_STRING,   OF_SPAN) \
	X(FLAGS,          "flags",          "flags",             FT_INT,      OF_SPAN) \
	X(START,          "start",          "start",             FT_TIME,     OF_SPAN) \
	X(END,            "end",            "end",               FT_TIME,     OF_SPAN) \
	X(DURATION,       "duration",       "duration_ns",       FT_DURATION, OF_SPAN) \
	X(BUCKET,         "bucket",         "bucket",            FT_TIME,     OF_GROUP) \
	X(ROOT_SERVICE,   "root_service",   "root_service",      FT_STRING,   OF_TRACE) \
	X(ROOT_NAME,      "root_name",      "root_name",         FT_STRING,   OF_TRACE) \
	X(TRACE_START,    "trace_start",    "trace_start",       FT_TIME,     OF_TRACE) \
	X(TRACE_DURATION, "trace_duration", "trace_duration_ns", FT_DURATION, OF_TRACE) \
	X(TRACE_SPANS,    "trace_spans",    "trace_spans",       FT_INT,      OF_TRACE) \
	X(TRACE_ERRORS,   "trace_errors",   "trace_errors",      FT_INT,      OF_TRACE) \
	X(CHILD_COUNT,    "child_count",    "child_count",       FT_INT,      OF_TREE) \
	X(EVENT_NAME,     "event:name",     "event:name",        FT_STRING,   OF_EVENT) \
	X(EVENT_TIME,     "event:time",     "event:time",        FT_TIME,     OF_EVENT) \
	X(LINK_TRACE_ID,  "link:trace_id",  "link:trace_id",     FT_TRACE_ID, OF_LINK) \
	X(LINK_SPAN_ID,   "link:span_id",   "link:span_id",      FT_SPAN_ID,  OF_LINK) \
	X(DEPTH,          "depth",          "depth",             FT_INT,      OF_TREE) \
	X(SELF_DURATION,  "self_duration",  "self_duration_ns",  FT_DURATION, OF_TREE) \
	X(SCORE_NAME,     "score:name",     "score:name",        FT_ATTR,     OF_EVENT) \
	X(SCORE_VALUE,    "score:value",    "score:value",       FT_ATTR,     OF_EVENT) \
	X(SCORE_LABEL,    "score:label",    "score:label",       FT_ATTR,     OF_EVENT) \
	X(TOKENS_INPUT,   "tokens:input",   "tokens:input",      FT_INT,      OF_SPAN) \
	X(TOKENS_OUTPUT,  "tokens:output",  "tokens:output",     FT_INT,      OF_SPAN) \
	X(TOKENS_TOTAL,   "tokens:total",   "tokens:total",      FT_INT,      OF_SPAN) \
	X(COST,           "cost",           "cost",              FT_ATTR,     OF_SPAN)

enum intrinsic {
#define X(id, name, json, type, of) IN_##id,
	INTRINSICS(X)
#undef X
	N_INTRINSICS
};

struct intrinsic_info {
	const char *name, *json;
	enum field_type type;
	enum field_of of;
};
extern const struct intrinsic_info intrinsics[N_INTRINSICS];

enum field_scope {
	FIELD_INTRINSIC,
	FIELD_BARE,		/* span attribute, else resource attribute */
	FIELD_RESOURCE, FIELD_SPAN, FIELD_EVENT, FIELD_LINK, FIELD_SCOPE,
	FIELD_PARENT,		/* a field of the parent span */
};

struct prices;

struct field {
	enum field_scope scope;
	enum intrinsic intrinsic;	/* if FIELD_INTRINSIC */
	struct sv key;			/* attribute key otherwise */
	/* FIELD_PARENT: the scope of the parent's field, whose intrinsic or key is above. */
	enum field_scope inner;
	/* Of cost: what tokens cost; borrowed. No part of the name. NULL: nothing has a price. */
	const struct prices *prices;
};

/* What rows are ordered by. */
struct sort_key {
	struct field field;
	bool desc;
};

/* From decoded text, in the order of product.md. `key` is borrowed from s. False if empty. */
bool field_parse(struct sv s, struct field *);
/*
 * The field that a key of spans.jsonl or traces.jsonl shows, where a path calls it otherwise:
 * "duration_ns", "spans", "errors", ... False for other texts.
 */
bool field_of_key(struct sv key, struct field *);
/* The text that parses to it: "resource.host.name"; canonical. */
void field_print(struct buf *, const struct field *);
/* Its key in JSON and CSV output: "duration_ns" for duration, else as field_print. */
void field_print_json(struct buf *, const struct field *);
bool field_eq(const struct field *, const struct field *);
int field_cmp(const struct field *, const struct field *);	/* canonical order */
/* The parent's field that a FIELD_PARENT is; and the FIELD_PARENT of a field that is none. */
struct field field_inner(const struct field *);
struct field field_of_parent(const struct field *);
/* The type of its values; FT_ATTR of attributes. */
enum field_type field_type(const struct field *);
/* What it is of; attributes of resources and scopes are the span's, too; a parent's field is OF_TREE. */
static inline enum field_of
field_owner(const struct field *f)
{
	switch (f->scope) {
	case FIELD_INTRINSIC:
		return intrinsics[f->intrinsic].of;
	case FIELD_EVENT:
		return OF_EVENT;
	case FIELD_LINK:
		return OF_LINK;
	case FIELD_PARENT:
		return OF_TREE;
	default:
		return OF_SPAN;
	}
}
/* True of fields of which a span may have many values: those of events and links. */
static inline bool
field_is_many(const struct field *f)
{
	struct field inner;
	enum field_of of;

	if (f->scope == FIELD_PARENT) {
		inner = field_inner(f);
		f = &inner;
	}
	of = field_owner(f);
	return of == OF_EVENT || of == OF_LINK;
}
/* True if a trace must be assembled to know it. */
bool field_needs_trace(const struct field *);

/* A set of intrinsics. */
typedef uint64_t intrinsic_set;
#define INTRINSIC_BIT(i) ((intrinsic_set)1 << (i))
_Static_assert(N_INTRINSICS <= 64, "intrinsic_set holds them all");

/*
 * Which parts of a span a query's answer needs; what is left out may be absent from the rows
 * that exec returns.
 */
struct projection {
	bool all;		/* everything; the rest is ignored */
	/*
	 * Of ids, times, kind, status, name, service and scope only what `intrinsics`, `fields` and
	 * the flags ask for; trace and span id in any case. Else all of these are always there.
	 */
	bool lean;
	bool attrs;		/* all span attributes */
	bool resource, scope;	/* their attributes; name, version, service are always there */
	bool events, links;
	bool rest;		/* trace_state, flags, dropped counts, status_message */
	intrinsic_set intrinsics;
	const struct field *fields;	/* single attributes beside these */
	size_t n_fields;
	/* All that is looked at, if it is known by name: what is whole above is so for who can't pick. */
	const struct field *named;
	size_t n_named;
	/* The fields of parents; of these a plan's rows carry what is in here, always lean. */
	const struct projection *parents;
};

#endif
