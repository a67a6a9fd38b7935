/* SPDX-License-Identifier: ISC */
/*
 * otlp_json_i: what the parts of the OTLP JSON parser share: otlp_json.c knows the
 * messages, otlp_json_resource.c those that spans share, otlp_json_value.c the fields they are made of (numbers, text, enums, attributes
 * and nested values).
 *
 * Every reader of a field returns false only if the JSON is broken or memory ran out; a
 * value of the wrong kind is skipped and complained of. null means absent: *out stays.
 */
#ifndef INGEST_OTLP_JSON_I_H
#define INGEST_OTLP_JSON_I_H

#include "json_read_i.h"
#include "maker_i.h"

struct otlp_json {
	struct json j;
	struct maker m;
};

/* Enters an object or list: 1; 0 if null or something else was skipped; <0 broken. */
int otlp_json_open(struct otlp_json *, char open, const char *what);
bool otlp_json_text(struct otlp_json *, const char *what, struct sv *out);
bool otlp_json_u64(struct otlp_json *, const char *what, uint64_t *out);
bool otlp_json_u32(struct otlp_json *, const char *what, uint32_t *out);
/* A number, or a word that `word` knows. */
bool otlp_json_enum(struct otlp_json *, const char *what, bool (*word)(struct sv, int32_t *),
    int32_t *out);
/* A list of KeyValue, normalized, in the arena. */
bool otlp_json_attrs(struct otlp_json *, struct attrs *out);
/* otlp_json_resource.c */
bool otlp_json_resource(struct otlp_json *, struct resource *);
bool otlp_json_scope(struct otlp_json *, struct scope *);
/* One top-level object. False: broken, which is reported, or no memory. */
bool otlp_json_object(struct otlp_json *);
/* A finite number or the words for those that are not. */
bool json_read_double(struct sv, double *out);
/* A whole number of magnitude *mag; also "1e3" and "5.0". */
bool json_whole(struct sv, bool *neg, uint64_t *mag);

/* ---- json_id.c ---- */

/* padded: short ones are left-padded with zeros, as Jaeger and Zipkin have them. */
bool json_trace_id(struct otlp_json *, const char *what, bool padded, struct trace_id *out);
bool json_span_id(struct otlp_json *, const char *what, bool padded, uint64_t *out);
/* The same of a text, padded, into the one of trace and span that is not NULL. */
bool json_id_text(struct sv, struct trace_id *trace, uint64_t *span);
/* "SPAN_KIND_SERVER", "SpanKind.SERVER", "server"; "STATUS_CODE_OK", "StatusCode.OK", "ok". */
bool json_kind_word(struct sv, int32_t *out);
bool json_status_word(struct sv, int32_t *out);

/* ---- json_plain.c ---- */

/* An integer if it is one, else a double; what is neither stays a text. */
struct value json_plain_number(struct sv);
/* A value as it stands, in the arena. */
bool json_plain_value(struct otlp_json *, struct value *out);
/* Adds an object's members to the list that began at mark; `dot` stands for '.' in names. */
bool json_plain_members(struct otlp_json *, const char *what, size_t mark, char dot);
/* An object's members as a list of attributes, normalized, in the arena. */
bool json_plain_attrs(struct otlp_json *, const char *what, struct attrs *out);

#endif
