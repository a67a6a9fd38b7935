/* SPDX-License-Identifier: ISC */
/*
 * json_form: what a JSON object of an input is, by the names of its members: one table of the
 * forms that are read, and of those that are known and not read, with what to do about it. A
 * new form is a row there and a function that reads one object of it.
 */
#ifndef INGEST_JSON_FORM_I_H
#define INGEST_JSON_FORM_I_H

#include "otlp_json_i.h"

struct json_form {
	const char *name;	/* "Jaeger JSON" */
	/*
	 * Reads the object at hand. False: the JSON is broken, or no memory. NULL: the form is
	 * known and not taken; `advice` says what it is and what to do.
	 */
	bool (*read)(struct otlp_json *);
	const char *advice;
};

/* The form of the object at the start of s, which may be cut short; NULL if it is unknown. */
const struct json_form *json_form_of(struct sv s);

/* jaeger_json.c: an answer of the API, a trace, a span as Elasticsearch has it, a hit, hits. */
bool jaeger_json_answer(struct otlp_json *);
bool jaeger_json_trace(struct otlp_json *);
bool jaeger_json_document(struct otlp_json *);
bool jaeger_json_hit(struct otlp_json *);
bool jaeger_json_hits(struct otlp_json *);
/* zipkin_json.c */
bool zipkin_json_span(struct otlp_json *);
/* python_console.c */
bool python_console_span(struct otlp_json *);

#endif
