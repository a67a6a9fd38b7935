/* SPDX-License-Identifier: ISC */
/*
 * field_value: what a field yields of a span. The one place that knows: filters, sort keys and
 * cells of files ask here, so that a value is missing, or there, for all of them alike.
 *
 * Missing are attributes that a span does not have, and of the intrinsics those that files leave
 * out when empty: status_message, scope, scope_version, parent_span_id, trace_state and flags;
 * and what needs the trace, where that is not known. The others are always there: an event has
 * its name, a link its ids, however empty. An attribute with an empty value (null) is there, and is such a value.
 */
#ifndef MATCH_FIELD_VALUE_H
#define MATCH_FIELD_VALUE_H

#include "model/batch.h"
#include "model/field.h"
#include "model/span.h"

enum field_value_kind {
	FIELD_VALUE_TEXT,	/* s: of intrinsics */
	FIELD_VALUE_ENUM,	/* number: kind or status */
	FIELD_VALUE_NUMBER,	/* u */
	FIELD_VALUE_TIME,	/* u */
	FIELD_VALUE_DURATION,	/* u */
	FIELD_VALUE_TRACE_ID,	/* trace_id */
	FIELD_VALUE_SPAN_ID,	/* u */
	FIELD_VALUE_ATTR,	/* attr: of an attribute */
	FIELD_VALUE_DOUBLE,	/* d: worked out */
};

struct field_value {
	enum field_value_kind kind;
	union {
		struct sv s;
		int32_t number;
		uint64_t u;
		struct trace_id trace_id;
		const struct value *attr;
		double d;
	};
};

/* What is asked. Values are borrowed from it. */
struct field_row {
	/*
	 * Of a part of a span (a resource, a scope) it is enough that what the field is of is set.
	 * NULL: only facts of the trace are there.
	 */
	const struct span *span;
	const struct trace_facts *trace;	/* NULL: not known */
	struct span_place place;		/* of the span, where the trace is known */
	const struct parent_row *parents;	/* where a parent's field is asked for */
	uint32_t n_parents;
	/* Its event (link) fields are this one's; NULL: any of the span's, in turn. */
	const struct event *event;
	const struct link *link;
};

/* Where field_value_next is: zeroed at first. */
struct field_at {
	uint32_t at;
	uint32_t parent;
};

/* The row of a span in a batch. */
static inline struct field_row
field_row_of(const struct span_row *r)
{
	return (struct field_row){ .span = r->span, .trace = r->trace, .place = r->place,
		.parents = r->parents, .n_parents = r->n_parents };
}

/*
 * The values of a field in turn: one or none for most, for a field of events (links) one for
 * each that has it, for a parent's field those of each span with the parent's id. False: no more.
 */
bool field_value_next(const struct field *, const struct field_row *, struct field_at *,
    struct field_value *);
/* The first of them; false if the field is missing. */
bool field_value_first(const struct field *, const struct field_row *, struct field_value *);
/* The same from statistics: what a value that is listed for a field (as stored) is of it. */
struct field_value field_value_listed(const struct field *, const struct value *);

#endif
