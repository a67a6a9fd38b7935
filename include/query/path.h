/* SPDX-License-Identifier: ISC */
/*
 * path: a prefix of a query path, parsed as far as it goes. Immutable and refcounted; a step
 * makes a longer one that shares its parent, so that a directory's inode holds one and a
 * lookup costs one segment. A path holds text and grammar only; values are checked as far
 * as they can be without a store or a clock (that is nearly all). query_bind turns a path
 * that stands at a clause boundary into a struct query.
 *
 * States: at PATH_CLAUSE a keyword or a file may follow; at PATH_ARG the argument `arg` of
 * `keyword` is awaited. Keywords may be spelled K or .K. "shards", "shards/DAY" are PATH_ARG
 * states of the pseudo keyword "shards" (only at the root); "shards/DAY/HH" is a PATH_CLAUSE.
 * The fs adds what isn't the query language: README, .spanfs.
 *
 * A leading dot: of keywords and operators it is the spelling of a link's target and taken
 * off; of values it is data (".env", ".5s"), but for later arguments ".=V" is V, the target of
 * the link V. "." and ".." are refused.
 */
#ifndef QUERY_PATH_H
#define QUERY_PATH_H

#include "base/buf.h"
#include "base/err.h"
#include "model/field.h"

struct path;

enum path_state { PATH_CLAUSE, PATH_ARG };

/* What an argument is: what a listing of it shows. */
enum arg_kind {
	ARG_VALUES,	/* values of `field` from the catalog: service, name, scope, where's V, ... */
	ARG_KINDS, ARG_STATUSES,	/* the fixed words */
	ARG_FIELDS,	/* field names: where, has, select, sort, group */
	ARG_AGGS,	/* aggregates: agg; of having those that agg names, else all */
	ARG_STEPS, ARG_FILLS, ARG_PER, ARG_PERIODS,	/* fixed words, or a few examples */
	ARG_OPS,	/* operators of where/FIELD */
	ARG_DURATION_OPS,	/* ne lt le ...: duration, trace-duration, where on a number or time */
	ARG_DURATIONS, ARG_TIMES, ARG_DAYS, ARG_NUMBERS,	/* free; a few examples are listed */
	ARG_EXPECTS,	/* what expect looks at: rows, fresh */
	ARG_MARKS,	/* of the store */
	ARG_WORDS,	/* text: free, lists nothing */
	ARG_SHARD_DAYS, ARG_SHARD_HOURS,	/* partitions of the store */
};

struct path_view {
	enum path_state state;
	const char *keyword;	/* PATH_ARG: its name, without dot */
	unsigned arg;		/* PATH_ARG: which argument is awaited, from 0 */
	enum arg_kind arg_kind;	/* PATH_ARG */
	struct field field;	/* ARG_VALUES: whose values; ARG_OPS and where's V: the field typed */
	bool has_field;
	unsigned depth;		/* open groups */
	unsigned n_clauses;
	bool complete;		/* PATH_CLAUSE, no open group, no dangling not: files may stand here */
	/* Rows are no spans: group, bucket, agg, distinct or compare stands here. */
	bool grouped;
	bool is_root;		/* no segment at all */
	bool in_shards;		/* shards, shards/DAY, or right at shards/DAY/HH: lists info.json */
	struct sv shard_day, shard_hour;	/* as typed, if any */
	/*
	 * What stands before a name here in the target of the link that it is: "." of keywords
	 * and operators, ".=" of values. NULL: names are directories.
	 */
	const char *link;
};

struct path *path_root(void);			/* a new reference, or NULL: out of memory */
struct path *path_ref(struct path *);
void path_unref(struct path *);
/*
 * One segment more, as typed (encoded). ERR_UNKNOWN for a word that is no keyword here,
 * ERR_SYNTAX for a malformed argument, a doubled once-clause or a clause out of place,
 * ERR_UNSUPPORTED, ERR_TOOBIG, ERR_NAMETOOLONG (also when the canonical form of the segment
 * or path would be too long). err->off is the offset within `segment`; the message says
 * what was expected. *out is a new reference.
 */
int path_step(struct path *, struct sv segment, struct path **out, struct err *) WARN_UNUSED;
/*
 * A whole path, '/'-separated, a leading '/' allowed, doubled '/' are one. If the last segment
 * names a file (known_file says so) it is returned in *file and not stepped; else *file is
 * empty. Where an argument is awaited only ~%more and, in shards/, files of any name are
 * files: service/count is a service. err->off is the offset within `text`.
 */
int path_parse(struct sv text, bool (*known_file)(struct sv), struct path **out,
    struct sv *file, struct err *) WARN_UNUSED;
struct path_view path_view(const struct path *);
/* The path as typed (dots of .K and .=V taken off), "/" for the root. */
void path_print(struct buf *, const struct path *);

/*
 * Where a place of path_print's text is in the text that the path was parsed from, which may have
 * dots of links and other slashes.
 */
int64_t path_typed_offset(const struct path *, struct sv typed, int64_t off);

/*
 * Calls fn for every keyword that may follow (never the dotted form, nor shards, nor one
 * that a limit forbids), in the order of product.md's table. For PATH_CLAUSE only.
 */
void path_keywords(const struct path *, void (*fn)(void *, const char *keyword), void *arg);
/*
 * Example arguments of a free argument (durations, times, numbers, ops, kinds...): fixed
 * words in byte order; none for ARG_VALUES, ARG_FIELDS, ARG_MARKS, ARG_WORDS, ARG_SHARD_*.
 */
size_t path_examples(const struct path *, const char *const **words);

#endif
