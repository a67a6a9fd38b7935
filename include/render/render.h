/* SPDX-License-Identifier: ISC */
/*
 * render: the pieces that spans' text is put together from, whatever the file: times, ids, nested
 * JSON, and texts that many spans share. Appending to a buf never fails visibly (base/buf.h).
 * One thread at a time.
 */
#ifndef RENDER_RENDER_H
#define RENDER_RENDER_H

#include "base/buf.h"
#include "model/span.h"

/* The text of the day that was printed last: most rows of a result share it. */
struct day_cache {
	uint64_t day;
	char text[11];		/* "2026-11-20T" */
	bool valid;
};

/*
 * JSON text of things that many rows of a batch point at: resources and scopes. Keyed by
 * pointer, so it is emptied at every batch; direct-mapped, so a collision only costs time.
 */
struct render_cache {
	struct render_slot *slots;	/* made by the first text: most results show none */
	struct buf text;
	bool used;			/* since it was emptied */
};

/* What is kept from span to span. Begins zeroed. */
struct render {
	struct day_cache day;
	struct render_cache resources, scopes;
};

/* Resources and scopes may be others from here on, though they stand where earlier ones stood. */
void render_batch(struct render *);
void render_release(struct render *);
/* 0, or ERR_NOMEM if a shared text could not be made. */
int render_ok(const struct render *, struct err *) WARN_UNUSED;
/*
 * The text of `key`, made by `render` if it isn't there. Valid until the next call; rendered
 * text that is large isn't kept.
 */
struct sv render_cached(struct render_cache *, const void *key,
    void (*render)(struct buf *, const void *key));

/* stamp.c */
/* 30 characters as when_print, without quotes. */
void put_time(struct buf *, struct day_cache *, uint64_t ns);
void put_trace_id(struct buf *, struct trace_id);
void put_span_id(struct buf *, uint64_t);
/* {"trace_id":"...","span_id":"...": what rows of spans, events and links begin with. */
void put_ids(struct buf *, const struct span *);

/* span_json.c: the nested objects of a span, each a whole JSON value */
void span_json_scope(struct buf *, const struct scope *);
bool span_json_scope_empty(const struct scope *);
void span_json_events(struct day_cache *, struct buf *, const struct span *);
void span_json_links(struct buf *, const struct span *);
void span_json_dropped(struct buf *, const struct span *);
bool span_json_dropped_empty(const struct span *);

#endif
