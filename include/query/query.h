/* SPDX-License-Identifier: ISC */
/*
 * query: the logical query a path means: what is asked, nothing of how. Immutable, in an
 * arena. Two paths that mean the same have equal queries and one canonical path.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "model/aggregate.h"
#include "model/contrast_column.h"
#include "model/pred.h"
#include "model/when.h"
#include "query/path.h"

struct sort_item {
	struct sort_key by;
	struct sv typed;		/* the field as typed, decoded */
	struct sv raw;			/* the same, encoded: of groups it may be an aggregate */
	size_t off;			/* in its argument */
};

/* Where a mark stands, and since when (wall time). */
struct query_mark {
	uint64_t generation, moved_ns;
};

struct query {
	/*
	 * All filter clauses, ANDed, canonical (sorted, without doubles); PRED_TRUE if none. Time
	 * clauses are not in here.
	 */
	const struct pred *filter;
	struct time_range range;	/* all time clauses and the shard directory, resolved */
	bool has_since, has_until, has_on;
	struct when since, until, on;	/* as typed */
	uint64_t on_length_ns;		/* of `on` or the shard directory: a day or an hour */
	bool relative;			/* the range, or a time in the filter, depends on now */
	uint64_t now;			/* what relative times were resolved with; 0 if none is */
	/* mark/NAME: only spans of the commits after that one; set by the environment. */
	bool has_mark;
	struct sv mark;
	struct query_mark after;
	bool shard_partition;		/* under shards/DAY/HH: `on` is its hour, printed as on/ */
	/*
	 * The leaves that ask for services by plain clauses outside every group, as typed: what
	 * [browse] strict_names looks at. (In the filter a group of one clause is that clause.)
	 */
	const struct pred **services;
	size_t n_services;
	/*
	 * Leaves at the top of the filter that name a service or an attribute, and stand in groups
	 * only: strict_names lets these be, so the canonical path keeps them in a group.
	 */
	const struct pred **grouped;
	size_t n_grouped;
	const struct sort_item *sort;	/* none: the default order, newest first */
	size_t n_sort;
	bool has_limit;
	uint64_t limit, offset;		/* limit: UINT64_MAX if none */
	/* What must be there, else opening a file fails: rows in it, a span newer than that. */
	bool has_expect_rows, has_expect_fresh;
	uint64_t expect_rows, expect_fresh_ns;
	const struct field *select;	/* as typed, without doubles; none: everything */
	const struct sv *select_typed;	/* the field texts as typed, decoded: the keys' names */
	const struct sv *select_raw;	/* encoded */
	size_t n_select;
	/*
	 * What tells the spans that compare.* compares from the others; NULL: nothing is compared.
	 * It selects none. Their order: compare_sort, as many as n_sort.
	 */
	const struct pred *compare;
	const struct contrast_sort *compare_sort;
	bool by_groups;			/* rows are groups: sort and select are in here */
	struct grouping groups;
	bool has_agg, has_fill, has_having;	/* typed */
	unsigned n_groups;		/* group and distinct clauses */
	struct sv canonical;		/* query_print's text */
};

/* What binding needs to know of the world. */
struct query_env {
	uint64_t now;		/* ns, already rounded to [result_cache] ttl */
	uint64_t max_rows;	/* [query] max_rows: a larger limit is ERR_SYNTAX; 0: no bound */
	/*
	 * Resolves the alias "%~<32 hex>" of a long value of `field`: the value in the arena, or an
	 * empty sv if the catalog has none (then ERR_UNKNOWN); <0 if it can't tell. May be NULL.
	 */
	int (*alias)(void *arg, struct arena *, const struct field *, uint64_t hi, uint64_t lo,
	    struct sv *, struct err *);
	void *alias_arg;
	/* The same for the long name of a field: its text as listed. May be NULL. */
	int (*field_alias)(void *arg, struct arena *, uint64_t hi, uint64_t lo, struct sv *,
	    struct err *);
	/*
	 * Whether a span or resource of the store has an attribute of that name: then a key that
	 * files show ("spans") is that attribute; <0 if it can't tell. NULL: the store has none.
	 */
	int (*has_attr)(void *arg, struct sv key, bool *, struct err *);
	void *attr_arg;
	/* Where the mark of a name stands; ERR_UNKNOWN if there is none. NULL: there is none at all. */
	int (*mark)(void *arg, struct sv name, struct query_mark *, struct err *);
	void *mark_arg;
	/* What tokens cost, for the field `cost`: as long as the query lives. NULL: nothing. */
	const struct prices *prices;
};

/*
 * The query of a complete path. ERR_SYNTAX with err->off within path_print's text for what
 * only now can be seen: a range that can hold for no `now`, a limit above max_rows, an open
 * group, a dangling not, an argument still awaited. ERR_UNKNOWN for an alias nobody knows.
 */
int query_bind(const struct path *, const struct query_env *, struct arena *,
    const struct query **, struct err *) WARN_UNUSED;
/*
 * The query as rows of traces have it: in sort and select `start` and `duration_ns` are the
 * trace's. The same if neither stands there; NULL: out of memory.
 */
const struct query *query_of_traces(const struct query *, struct arena *);
/* The canonical path: "/service/checkout/since/1h", "/" for everything. Steps back to an equal query. */
void query_print(struct buf *, const struct query *);
/* An aggregate as agg has it: "p95:duration". */
void aggregate_name(struct buf *, const struct aggregate *);
/* The clauses of its groups alone: "/group/service/agg/count". */
void query_print_groups(struct buf *, const struct query *);
/*
 * Service names asked for by a plain service clause ANDed at the top (the first, if there
 * are several), for [browse] strict_names. 0 if there is none.
 */
size_t query_top_services(const struct query *, const struct literal **lits);

#endif
