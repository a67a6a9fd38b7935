/* SPDX-License-Identifier: ISC */
/*
 * json: JSON text of strings and values, as files have it. Appending to a buf never fails
 * visibly (base/buf.h).
 */
#ifndef MODEL_JSON_H
#define MODEL_JSON_H

#include "base/buf.h"
#include "model/attr.h"

/* A JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void json_string(struct buf *, struct sv);
/* A value as spans.jsonl has it. */
void json_value(struct buf *, const struct value *);
void json_attrs(struct buf *, const struct attrs *);	/* {"k":v,...} */
void json_double(struct buf *, double);
/* The bytes with U+FFFD where they are not UTF-8. */
void put_clean(struct buf *, struct sv);

#endif
