/* SPDX-License-Identifier: ISC */
/*
 * ch_type: ClickHouse's types, from the text that stands in system.columns and in answers, as far
 * as tables of spans have them; others are refused by name. What has no bytes of its own is left
 * out: LowCardinality(T) is T, SimpleAggregateFunction(f, T) is T, Nested(...) an array of tuples.
 * JSON is text, since answers are asked for so.
 *
 * In RowBinary:
 *   STRING, JSON     varint length, bytes        FIXED    `bytes` bytes
 *   UINT, INT, FLOAT `bytes` bytes LE            BOOL     a byte, 0 or 1
 *   DATETIME         4 bytes LE, seconds         DATETIME64   8 bytes LE, signed, 10^-scale seconds
 *   ENUM             1 or 2 bytes LE, signed     UUID     16 bytes: two halves, each LE
 *   NULLABLE         a byte, 1: no value; else the value
 *   ARRAY            varint count, elements      MAP      varint count, keys and values in turn
 *   TUPLE            its elements
 */
#ifndef ROWBINARY_CH_TYPE_H
#define ROWBINARY_CH_TYPE_H

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"

#define CH_TYPE_DEPTH 32
#define CH_TYPE_TEXT (64u << 10)

enum ch_kind {
	CH_STRING, CH_JSON, CH_FIXED, CH_UINT, CH_INT, CH_FLOAT, CH_BOOL, CH_DATETIME, CH_DATETIME64,
	CH_ENUM, CH_UUID, CH_NULLABLE, CH_ARRAY, CH_MAP, CH_TUPLE, CH_NOTHING,
};

struct ch_label {
	int16_t number;
	struct sv name;		/* unescaped */
};

struct ch_type {
	enum ch_kind kind;
	uint32_t bytes;		/* FIXED UINT INT FLOAT ENUM */
	uint32_t scale;		/* DATETIME64: 0 to 9 */
	/* NULLABLE, ARRAY: one; MAP: key and value; TUPLE: all, at least one. */
	const struct ch_type *const *kids;
	const struct sv *names;	/* TUPLE: "" where it has none */
	size_t n_kids;
	const struct ch_label *labels;	/* ENUM */
	size_t n_labels;
};

/* ERR_UNSUPPORTED names a type that is not known, ERR_CORRUPT has the place in a malformed text. */
int ch_type_parse(struct sv text, struct arena *, const struct ch_type **, struct err *)
    WARN_UNUSED;
/* The text of it without what has no bytes of its own. */
void ch_type_print(struct buf *, const struct ch_type *);
bool ch_type_is(const struct ch_type *, enum ch_kind, uint32_t bytes);

/*
 * Steps over one value: 0; >0: the bytes end within it; ERR_CORRUPT: it is none. Every value has a
 * byte at least, so no count is over the bytes there are.
 */
int ch_value_skip(const struct ch_type *, struct cursor *, struct err *) WARN_UNUSED;

#endif
