/* SPDX-License-Identifier: ISC */
/*
 * json_attrs: attributes of an object of plain JSON values, as a database shows a column of them:
 * numbers, texts and booleans as they are, lists as arrays, and what is nested under its keys with
 * dots between: {"http":{"route":"/"}} is http.route. A list's objects stay their text. null is no
 * attribute.
 */
#ifndef INGEST_JSON_ATTRS_H
#define INGEST_JSON_ATTRS_H

#include "base/arena.h"
#include "model/attr.h"

/* All of it in the arena. ERR_CORRUPT: no such object; ERR_TOOBIG: too many, or nested too deep. */
int attrs_of_json(struct sv text, struct arena *, struct attrs *out, struct err *) WARN_UNUSED;

#endif
