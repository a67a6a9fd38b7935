/* SPDX-License-Identifier: ISC */
/*
 * otlp_json_i: what the two halves of the OTLP JSON parser share: otlp_json.c knows the
 * messages, otlp_json_value.c the fields they are made of (numbers, text, enums, attributes
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

struct json_word {
	struct sv word;
	int32_t value;
};

/* Enters an object or list: 1; 0 if null or something else was skipped; <0 broken. */
int otlp_json_open(struct otlp_json *, char open, const char *what);
bool otlp_json_text(struct otlp_json *, const char *what, struct sv *out);
bool otlp_json_u64(struct otlp_json *, const char *what, uint64_t *out);
bool otlp_json_u32(struct otlp_json *, const char *what, uint32_t *out);
/* A number, or one of `words` (ended by an empty one). */
bool otlp_json_enum(struct otlp_json *, const char *what, const struct json_word *words,
    int32_t *out);
/* A list of KeyValue, normalized, in the arena. */
bool otlp_json_attrs(struct otlp_json *, struct attrs *out);

#endif
