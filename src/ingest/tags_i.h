/* SPDX-License-Identifier: ISC */
/*
 * tags: what some tags of Jaeger's and Zipkin's spans mean. Those formats have no place for a
 * kind, a status, a scope or a trace state, and writers put them into tags of known names.
 */
#ifndef INGEST_TAGS_I_H
#define INGEST_TAGS_I_H

#include "otlp_json_i.h"

/* Takes the value of a key out of a normal list; false if it is not there. */
bool tags_take(struct attrs *, struct sv key, struct value *out);
/*
 * Moves what tags of the span at hand say into its kind, status, trace state and scope, and
 * takes these tags away. The span's attributes are final but for that.
 */
bool tags_apply(struct otlp_json *);
/* The span at hand is of this service; "" is none. A resource that is the same is used again. */
bool tags_service(struct otlp_json *, struct sv name);
/* Microseconds into nanoseconds; what is too large costs the span. */
uint64_t tags_micros(struct otlp_json *, const char *what, uint64_t us);

#endif
