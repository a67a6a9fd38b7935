/* SPDX-License-Identifier: ISC */
/*
 * maker: where both OTLP parsers put what they read. It holds the span being made and the
 * lists being gathered (in scratch memory that is reused from span to span), packs nested
 * values, and at the end of a span decides: into the batch, or out, with the reason.
 *
 * Gathering: attribute lists and maps use one stack of attributes. Whoever starts a list
 * remembers its mark (how many lay there before), adds, and ends the list from the mark on;
 * a nested list is ended before the outer one goes on. Nested values are built in `pack`:
 * a value of type ARRAY or MAP that is under construction has its content from some start to
 * the end of `pack`, and gets the header of the packed form when it becomes an element.
 *
 * Memory: when it runs out `nomem` is set, functions return false and the parser unwinds.
 */
#ifndef INGEST_MAKER_I_H
#define INGEST_MAKER_I_H

#include "base/vec.h"
#include "ingest/ingest.h"

struct maker {
	struct span_batch *batch;
	struct ingest_result *result;
	uint64_t line;
	struct span *span;		/* being made; NULL between spans */
	struct resource *resource;	/* of the spans to come */
	struct scope *scope;
	bool resource_used, scope_used;	/* by a span that was kept */
	bool repaired;			/* the span at hand */
	bool nomem;
	uint64_t n_seen;		/* spans begun */
	uint64_t n_complaints;
	size_t room;			/* for events and links of the record's spans */
	char bad[128];			/* why the span is not taken; "": it is */
	VEC(struct attr) attrs;
	VEC(struct event) events;
	VEC(struct link) links;
	struct buf pack, spare;
};

/* n_bytes: of the record, whose events and links may take so many times as much. */
void maker_init(struct maker *, struct span_batch *, struct ingest_result *, uint64_t line,
    size_t n_bytes);
/* Frees the scratch memory. */
void maker_release(struct maker *);
bool maker_nomem(struct maker *);	/* notes it and returns false */

/*
 * Inside a span: the span is bad, for this reason (the first counts). Outside: reported at
 * once, costing no span.
 */
void maker_complain(struct maker *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Reports that the record, or the rest of it, is lost. */
void maker_broken(struct maker *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The resource and scope of the spans to come, zeroed. */
bool maker_resource(struct maker *);
bool maker_scope(struct maker *);
/* Fills in what follows from the attributes. */
void maker_resource_end(struct maker *);

bool maker_span(struct maker *);
/* Takes the span or rejects it. */
bool maker_span_end(struct maker *);
/* Forgets the span, which was cut short. */
void maker_span_drop(struct maker *);

/* A text as it is, or with its repairs in the arena if it is not UTF-8. */
bool maker_text(struct maker *, struct sv, struct sv *out);
/* Adds to the list that began at mark; an empty key is dropped. */
bool maker_attr(struct maker *, size_t mark, struct sv key, const struct value *);
/* Normalizes the list and moves it into the arena. */
bool maker_attrs_end(struct maker *, size_t mark, struct attrs *out);
bool maker_event(struct maker *, const struct event *);
bool maker_link(struct maker *, const struct link *);

/* Makes an element of the value v; compound content lies in pack from start on. */
bool maker_pack(struct maker *, size_t start, const struct value *v);
/* The same for an entry of the map that began at mark. */
bool maker_pack_entry(struct maker *, size_t mark, size_t start, struct sv key,
    const struct value *v);
/* Puts the map's entries, packed from start on, in order. */
bool maker_map_end(struct maker *, size_t mark, size_t start);
/* Moves compound content out of pack into the arena, as v's. */
bool maker_take(struct maker *, size_t start, struct value *v);
/*
 * Packs one entity reference. Its keys lie on the attribute stack from mark on: key, and as
 * value an INT, ENTITY_ID_KEY or ENTITY_DESCRIPTION_KEY. They are popped.
 */
#define ENTITY_ID_KEY 3
#define ENTITY_DESCRIPTION_KEY 4
bool maker_pack_entity(struct maker *, size_t mark, struct sv schema_url, struct sv type);
bool maker_entity_key(struct maker *, size_t mark, struct sv key, int64_t which);

#endif
