/* SPDX-License-Identifier: ISC */
/*
 * span: one OpenTelemetry span as a row, with all that OTLP says of it. Strings and arrays
 * are borrowed from whoever made it (an arena, a shard's chunks) and valid as long as that
 * maker says. Attribute lists are normal (model/attr.h).
 *
 * This is the row form: ingest produces it, the memtable takes it apart into columns, exec
 * puts it together again for rows that a query returns, formats print it.
 */
#ifndef MODEL_SPAN_H
#define MODEL_SPAN_H

#include "base/arena.h"
#include "base/hash.h"
#include "model/attr.h"
#include "model/id.h"

enum span_kind {
	KIND_UNSPECIFIED, KIND_INTERNAL, KIND_SERVER, KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER
};
enum span_status { STATUS_UNSET, STATUS_OK, STATUS_ERROR };

struct resource {
	struct attrs attrs;
	uint32_t dropped_attrs;
	struct sv schema_url;
	struct sv service;		/* its service.name if that is a string, else "" */
	struct value entity_refs;	/* ARRAY of MAPs {schema_url, type, id_keys, description_keys}, or EMPTY */
};

struct scope {
	struct sv name, version;
	struct attrs attrs;
	uint32_t dropped_attrs;
	struct sv schema_url;		/* of the ScopeSpans: applies to its spans */
};

struct event {
	uint64_t time_ns;
	struct sv name;
	struct attrs attrs;
	uint32_t dropped_attrs;
};

struct link {
	struct trace_id trace_id;
	uint64_t span_id;
	struct sv trace_state;
	struct attrs attrs;
	uint32_t dropped_attrs;
	uint32_t flags;
};

struct span {
	struct trace_id trace_id;	/* never zero */
	uint64_t span_id;		/* never zero */
	uint64_t parent_span_id;	/* 0: root */
	uint64_t start_ns, end_ns;	/* as sent; end may lie before start */
	int32_t kind, status;		/* numbers outside the enums survive */
	uint32_t flags;
	uint32_t dropped_attrs, dropped_events, dropped_links;
	struct sv name, status_message, trace_state;
	struct attrs attrs;
	const struct event *events;
	const struct link *links;
	uint32_t n_events, n_links;
	const struct resource *resource;	/* never NULL */
	const struct scope *scope;		/* never NULL */
	/* Of its line in spans.jsonl, where it was measured before it is sealed; else 0. */
	uint32_t line_bytes;
};

/* end - start, 0 if end lies before start. */
static inline uint64_t
span_duration(const struct span *s)
{
	return s->end_ns > s->start_ns ? s->end_ns - s->start_ns : 0;
}

/* When it is over: its end, unless that lies before its start. `length`: end - start, wrapping. */
static inline uint64_t
span_over(uint64_t start_ns, uint64_t length)
{
	uint64_t end_ns = start_ns + length;

	return end_ns > start_ns ? end_ns : start_ns;
}

/* An evaluation result, by the conventions; and its attributes. */
#define SCORE_EVENT "gen_ai.evaluation.result"
#define SCORE_NAME_KEY "gen_ai.evaluation.name"
#define SCORE_VALUE_KEY "gen_ai.evaluation.score.value"
#define SCORE_LABEL_KEY "gen_ai.evaluation.score.label"
#define SCORE_EXPLANATION_KEY "gen_ai.evaluation.explanation"

static inline bool
event_is_score(const struct event *e)
{
	return sv_is(e->name, SCORE_EVENT);
}

/* All of it, in the arena; false: no memory. */
bool span_copy(struct arena *, const struct span *, struct span *out);
/* A hash of everything in the span, its resource and its scope: what "duplicate" means. */
struct hash128 span_hash(const struct span *);
bool resource_eq(const struct resource *, const struct resource *);
bool scope_eq(const struct scope *, const struct scope *);

/* The words of product.md ("server", "error"), or NULL for a number outside the enum. */
const char *span_kind_name(int32_t);
const char *span_status_name(int32_t);
bool span_kind_parse(struct sv, int32_t *);
bool span_status_parse(struct sv, int32_t *);

/* What is known of a whole trace. */
struct trace_facts {
	struct trace_id trace_id;
	struct sv root_service, root_name;	/* of the root, else of the earliest span */
	uint64_t start_ns;			/* root's start, else the earliest */
	uint64_t first_ns, last_ns;		/* earliest start; when the last span is over */
	uint64_t n_spans, n_errors;
	bool has_root;
	struct sv *services;			/* distinct, in byte order */
	uint32_t n_services;
};

/* Where a span stands among those of its trace. */
struct span_place {
	uint32_t child_count;
	uint32_t depth;		/* NO_DEPTH: no ancestor is the topmost */
	uint64_t self_ns;	/* its duration less what its children cover of it */
};
#define NO_DEPTH UINT32_MAX

/* Duration of the trace: when the last of its spans is over less the earliest start. */
static inline uint64_t
trace_duration(const struct trace_facts *t)
{
	return t->last_ns > t->first_ns ? t->last_ns - t->first_ns : 0;
}

/* Spans as ingest hands them on; everything lives in the arena. */
struct span_batch {
	struct arena arena;
	struct span *spans;
	size_t n, cap;
};

void span_batch_init(struct span_batch *);
void span_batch_release(struct span_batch *);
/* Empties it, keeping memory for reuse. */
void span_batch_reset(struct span_batch *);
/* A zeroed span at the end, or NULL when out of memory. Earlier spans may move. */
struct span *span_batch_add(struct span_batch *);

#endif
