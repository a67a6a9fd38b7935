/* SPDX-License-Identifier: ISC */
/*
 * ch_catalog: what a ClickHouse server knows of its table of spans: from when to when, how much,
 * in which partitions, which values and attribute keys occur, how much a question would read.
 * For listings and for the optimizer: never an answer to a path.
 *
 * Each is one question, or a few, within bounds. What a bound cut off is never silent: the answer
 * is not `complete`, and its note says why, in words for people.
 *
 *   rows   The server refuses to read more (read_overflow_mode = throw); then the newest 7 days, day
 *          and hour are tried instead, and at last what it reads of these until the bound is reached
 *          (break). MergeTree heeds it, and what reads of it; some engines, as Memory, never do.
 *   time   The server stops after so long, in whole seconds, with what it has. An answer that took
 *          less than that to come is whole; of a slower one that isn't known, and so said.
 *
 * A user who may not set limits (readonly = 1) gets a limit of rows that pass the filter instead.
 * The deadline and *cancel are another matter: past them there is no answer, but an error.
 *
 * system.parts may be closed to a user, empty for an engine without parts, and, for a Distributed
 * table, have only what lies on the server that is asked. It is not believed then: figures come
 * from the rows themselves as far as they can, and the note says what is missing.
 *
 * Texts are repaired as ch_span repairs them; values that are equal then are one. A text in a
 * Map is listed as it is, "" too; a field that is missing where it is empty (scope, status_message,
 * trace_state) does not list "". Texts over CH_VALUE_BYTES are not listed, and not `all` then.
 */
#ifndef CLICKHOUSE_CH_CATALOG_H
#define CLICKHOUSE_CH_CATALOG_H

#include "chsql/ch_sql.h"
#include "wire/ch_client.h"

#define CH_VALUE_BYTES 4096u

enum ch_topic { CH_EXTENT, CH_PARTITIONS, CH_VALUES, CH_KEYS, CH_ESTIMATE };

/* Which values come first, and so which are left out. Equally frequent or new: by their bytes. */
enum ch_order { CH_FREQUENT, CH_TEXT, CH_NEWEST };

struct ch_want {
	enum ch_topic topic;
	/*
	 * CH_VALUES: any text or id of spans, events and links, kind and status (their words, numbers
	 * for none), attributes. CH_KEYS: its scope only: RESOURCE, SPAN, EVENT, LINK.
	 */
	struct field field;
	enum ch_order order;		/* CH_VALUES, CH_KEYS */
	size_t max;			/* at most so many values, keys or partitions; > 0 */
	/* VALUES, KEYS, ESTIMATE: of spans that satisfy it, as far as that can be handed over. NULL: of all. */
	const struct pred *filter;
	struct time_range range;	/* of starts; VALUES, KEYS, ESTIMATE */
};

/* How it is asked. Everything is borrowed until the call returns. */
struct ch_asking {
	struct ch_client *client;
	const struct ch_schema *schema;
	uint64_t rows;			/* to be read at most, by the server and question; 0: no bound */
	uint64_t time_ns;		/* for the server and question; 0: no bound but the deadline */
	uint64_t deadline_ns;		/* of all; 0: each has the client's timeout */
	const atomic_bool *cancel;
	struct sv comment;
	bool hex;			/* as in struct ch_select */
};

struct ch_extent {
	bool has_times, has_rows, has_bytes;	/* what is known */
	bool whole_seconds;		/* the times are cut down, and filled up, to these */
	uint64_t first_ns, last_ns;	/* of starts, inclusive; not there if there are no rows */
	uint64_t rows, bytes;		/* bytes on disk */
};

struct ch_partition {
	struct sv name;			/* as the server shows it: "2026-11-21"; "all": it has none */
	struct ch_extent extent;
	uint64_t n_parts;		/* active ones; 0: not known */
};

struct ch_value {
	struct sv text;
	uint64_t rows;			/* spans with it, among those looked at */
};

struct ch_estimate {
	bool known;			/* else the engine has none */
	uint64_t rows, marks, parts;	/* that would be read */
};

struct ch_answer {
	bool complete;			/* everything was looked at that the question is about */
	bool exact;			/* the filter was handed over whole: no value is of other spans */
	struct sv note;			/* why not, and what is missing; may be empty */
	struct ch_extent extent;	/* EXTENT */
	const struct ch_partition *partitions;	/* newest first */
	size_t n_partitions;
	const struct ch_value *values;	/* VALUES, KEYS: in the order asked for */
	size_t n_values;
	bool all;			/* no others, nor partitions, are there among what was looked at */
	struct ch_estimate estimate;
};

/*
 * In the arena. ERR_UNSUPPORTED: a field without values here, or a key that no table can be
 * asked for (empty, not UTF-8, with U+FFFD). ERR_CORRUPT: an answer that is none. Errors of the
 * client, whose *outcome is that of the last question (may be NULL).
 */
int ch_catalog_ask(const struct ch_asking *, const struct ch_want *, struct arena *,
    struct ch_answer *, struct ch_outcome *, struct err *) WARN_UNUSED;
/* What reading *q would read; of q its schema counts. The bounds don't. */
int ch_catalog_estimate(const struct ch_asking *, const struct ch_select *q, struct ch_estimate *,
    struct ch_outcome *, struct err *) WARN_UNUSED;

#endif
