/* SPDX-License-Identifier: ISC */
/* jaeger_i: what jaeger_json.c asks of jaeger_process.c. */
#ifndef INGEST_JAEGER_I_H
#define INGEST_JAEGER_I_H

#include "base/map.h"
#include "json_form_i.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))

struct jaeger {
	struct otlp_json *o;
	bool document;			/* from Elasticsearch */
	struct trace_id trace_id;	/* of the trace around the span */
	struct map processes;		/* by id: struct resource * */
	struct attr *ref_types;		/* child_of, follows_from: what links share; or NULL */
};

/* A list of tags into the attributes that began at mark. */
bool jaeger_tags(struct jaeger *, const char *what, size_t mark);
/* One process, as a resource; *out stays if there is none. */
bool jaeger_process(struct jaeger *, struct resource **out);
/* Those of a trace, by their ids; and the one with an id, or NULL. */
bool jaeger_processes(struct jaeger *);
struct resource *jaeger_find_process(const struct jaeger *, struct sv id);

#endif
