/* SPDX-License-Identifier: ISC */
/*
 * json_read: a JSON reader for OTLP bodies: one pass over the bytes, no tree. The caller
 * says what it expects next (an object's member, a list's element, a scalar) and the reader
 * moves on; members that the caller does not know are skipped. Strings without escapes are
 * borrowed from the body, others are decoded into the arena.
 *
 * It is lenient where that loses nothing (control characters in strings are kept, unknown
 * escapes are kept as they stand) and strict about structure. Strings come out as UTF-8: what
 * is none (raw bytes, half a surrogate pair) is U+FFFD, and counted. The first breach of structure sets `why` and leaves `p` where it was; every call then returns false
 * or JSON_BROKEN and the caller unwinds.
 */
#ifndef INGEST_JSON_READ_I_H
#define INGEST_JSON_READ_I_H

#include "base/arena.h"

struct json {
	const char *p, *end, *body;
	struct arena *arena;
	const char *why;	/* what broke the text; NULL: all is well */
	bool nomem;		/* `why` is want of memory */
	bool repaired;		/* a string was mended, or has an unknown escape */
	bool raw;		/* the body is not UTF-8: each string is looked at */
	uint64_t n_mended;	/* strings that were not UTF-8 */
};

/* The name of a member: as a writer of compact JSON puts it, and its two bare spellings. */
struct json_name {
	char lit[32];		/* "\"traceId\":", padded for comparing 16 bytes at a time */
	uint8_t lit_n;
	struct sv camel, snake;
};

#define JSON_NAME(camel_, snake_) \
	{ "\"" camel_ "\":", sizeof(camel_) + 2, { camel_, sizeof(camel_) - 1 }, \
	    { snake_, sizeof(snake_) - 1 } }

struct json_object {
	bool begun;		/* a member has been read */
	unsigned next;		/* the name that is most likely next */
};

#define JSON_END (-1)
#define JSON_BROKEN (-2)

enum json_type {
	JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING,
	JSON_COMPOUND		/* a list or object, skipped */
};

struct json_scalar {
	enum json_type type;
	struct sv s;		/* NUMBER: its text; STRING: decoded */
};

void json_init(struct json *, struct sv body, struct arena *);
/* Sets `why` if it is the first and returns false. */
bool json_broken(struct json *, const char *why);
/* The next byte that is not white space, not consumed; 0 at the end. */
char json_peek(struct json *);
/* Consumes `open`, which must come next. */
bool json_enter(struct json *, char open);
/*
 * The next member of an object whose names are `names`: its index, with its value next, or
 * JSON_END after the closing brace. Unknown members are skipped.
 */
int json_member(struct json *, struct json_object *, const struct json_name *names, unsigned n);
/* The next member whatever its name: 1 with its value next, 0 after the closing brace, <0. */
int json_any_member(struct json *, bool *begun, struct sv *name);
/* Whether a list has another element (1), has ended (0, closed) or is broken (<0). */
int json_element(struct json *, bool *begun);
bool json_scalar(struct json *, struct json_scalar *);
/* Skips one value, at most LIMIT_JSON_DEPTH deep. */
bool json_skip(struct json *);
/* The first '"' or '\\' in [p, end), or end. */
const char *json_scan(const char *p, const char *end);

#endif
