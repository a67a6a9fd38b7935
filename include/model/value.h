/* SPDX-License-Identifier: ISC */
/*
 * value: a typed attribute value, OTLP's AnyValue. Arrays and maps are held packed, as one
 * run of bytes, so that a value is always a small struct and can be stored, hashed and
 * compared as bytes:
 *
 *   packed value  = type byte (enum value_type), then
 *     EMPTY  nothing            BOOL  one byte 0 or 1
 *     INT    8 bytes LE         DOUBLE 8 bytes LE (IEEE bits)
 *     STRING, BYTES  varint length, bytes
 *     ARRAY  varint length in bytes of what follows, packed values
 *     MAP    varint length in bytes of what follows, then per entry: varint key length, key, packed value
 *
 * Of a struct value of type ARRAY or MAP, `s` holds "what follows": the elements without the
 * type byte and length. Map entries are in byte order of their keys, keys are unique (the
 * last of doubles wins). Depth is at most LIMIT_VALUE_DEPTH; readers check everything.
 */
#ifndef MODEL_VALUE_H
#define MODEL_VALUE_H

#include "base/cursor.h"
#include "base/err.h"

enum value_type {	/* on disk: do not renumber */
	VAL_EMPTY = 0,
	VAL_STRING = 1,
	VAL_BOOL = 2,
	VAL_INT = 3,
	VAL_DOUBLE = 4,
	VAL_BYTES = 5,
	VAL_ARRAY = 6,
	VAL_MAP = 7,
};
#define VAL_TYPES 8

struct value {
	enum value_type type;
	union {
		bool b;
		int64_t i;
		double d;
		struct sv s;	/* STRING, BYTES, ARRAY, MAP: borrowed */
	};
};

const char *value_type_name(enum value_type);	/* "string", "bool", ... */
/* Appends the packed form. */
void value_pack(struct buf *, const struct value *);
/* Reads one packed value (borrowing from c's bytes); false, with c->bad set, if malformed. */
bool value_unpack(struct cursor *c, struct value *out);
/* Array elements and map entries in turn; false at the end or when malformed (c->bad). */
bool value_array_next(struct cursor *c, struct value *out);
bool value_map_next(struct cursor *c, struct sv *key, struct value *out);
/* True if the packed bytes of an ARRAY or MAP (what `s` holds) are well-formed all the way down. */
bool value_check(enum value_type, struct sv packed);
/* Equality of type and content (doubles by bits). */
bool value_eq(const struct value *, const struct value *);

/*
 * Order-preserving images: a < b as numbers iff image(a) < image(b) as unsigned. Doubles:
 * -NaN < -Inf < ... < -0.0 < 0.0 < ... < Inf < NaN.
 */
static inline uint64_t
value_image_i64(int64_t v)
{
	return (uint64_t)v ^ (uint64_t)1 << 63;
}

static inline int64_t
value_i64_of(uint64_t image)
{
	return (int64_t)(image ^ (uint64_t)1 << 63);
}

static inline uint64_t
value_image_double(double d)
{
	uint64_t u;

	memcpy(&u, &d, 8);
	return u >> 63 ? ~u : u | (uint64_t)1 << 63;
}

static inline double
value_double_of(uint64_t image)
{
	uint64_t u = image >> 63 ? image & ~((uint64_t)1 << 63) : ~image;
	double d;

	memcpy(&d, &u, 8);
	return d;
}

#endif
