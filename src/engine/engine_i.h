/* SPDX-License-Identifier: ISC */
/*
 * engine_i: what the engine's own files share.
 *
 *   known     the services and attributes that there are                     known.c
 *   names     refuses others, and says what was meant                        names.c
 *   bindenv   what binding asks of the store                                 bindenv.c
 *   request   a file of a path, bound and planned against one snapshot       request.c,
 *             by a decision that is remembered                              request_plan.c,
 *             or as it was before, whole                                    prepared.c
 *             and with the Bloom filters of the fields it compares          filters.c
 *             which file may stand where                                   request_format.c
 *   run       a request executed and formatted into a sink                   run.c,
 *             of spans                                                       run_rows.c,
 *             of groups and of compare                                       run_groups.c
 *   size      how many bytes that will be, where lengths are kept; whether it
 *             is what the path expects                                       run_size.c
 *   result    a request being made into a blob, with those who wait for it   result.c
 *             its size told first, where lengths of lines are kept           result_size.c
 *             shared with other programs: the cache L2                       result_shared.c
 *   results   the table of those                                             results.c
 *   runner    the threads that make results, and how many at once            runner.c
 *   world     a snapshot, its statistics, `now`                              world.c
 *   engine    the store, the settings, threads                               engine.c
 *   following  the new spans of one commit after the other                  following.c
 *             its end, told to those who watch queries (watch/watch.h)       run.c
 *   second    a query run again, plain, to be compared (watch/second.h)      second_run.c
 *
 * Lock order: who holds one takes only those further down.
 *
 *   statistics.looking  by those who plan first; until what is kept beside the store was read
 *   world.making      by those who need the statistics of every shard; until they are there
 *   statistics.lock   by those who make the summary
 *   engine.lock       the newest world, the table of results, the prepared requests, the ticker
 *   result.lock       a result's state and its waits
 *   runner.lock, decisioncache's, pool's, partcache's
 *   leaves: world.lock, statistics.state, blob.lock, window.lock, slabs.lock, costs.lock, catalog's, those of the errors,
 *       the reads of marks, the slow queries, the shadow's queue and the query log (which writes its
 *       line under it)
 *
 * No lock is held over I/O, but for the first three and what the store makes once of one file
 * (a shard's footer, its statistics): these are taken by nobody but who needs that very thing.
 * Planning, running, reading and writing of spill files are done under no lock; what others may
 * ask of them meanwhile is published. Callbacks of waits are called with no lock held.
 */
#ifndef ENGINE_ENGINE_I_H
#define ENGINE_ENGINE_I_H

#include <pthread.h>

#include "agg/agg.h"
#include "base/blob.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/pool.h"
#include "base/quota.h"
#include "base/vec.h"
#include "base/window.h"
#include "cache/gdsf.h"
#include "cache/partcache.h"
#include "engine/engine.h"
#include "decisions/decisioncache.h"
#include "remote/ch_server.h"
#include "exec/exec.h"
#include "format/format.h"
#include "model/price.h"
#include "opt/cost_adapt.h"
#include "opt/opt.h"
#include "parts/part_store.h"
#include "query/query.h"
#include "redis/store_redis.h"
#include "catalog/catalog.h"
#include "catalog/marks.h"
#include "catalog/summary.h"
#include "catalog/value_filter.h"
#include "watch/cachelist.h"
#include "watch/errlog.h"
#include "watch/mark_reads.h"
#include "watch/metrics.h"
#include "watch/querylog.h"
#include "watch/shadow.h"
#include "watch/slowlog.h"

/* ---- world: what queries are planned against; refcounted ---- */

struct world {
	atomic_uint refs;
	struct engine *engine;
	uint64_t id;			/* of this program; never 0, never used again */
	const struct snapshot *snap;
	atomic_uint n_partial;		/* times that world_stats loaded a part */
	pthread_mutex_t making;		/* of what follows; held over the reading of footers */
	struct arena arena;
	_Atomic(const struct stats *) all;	/* of every shard; NULL: not made yet */
	/* Every service and attribute ever seen, once `named`: known.c. */
	_Atomic bool named;
	struct map services, fields;
	bool services_open, fields_open;	/* but there may be more: a shard does not say */
	pthread_mutex_t lock;		/* guards what follows */
	struct value_filter **filters;	/* of `all`; of each field that was asked for: filters.c */
	size_t n_filters, filter_bytes;
	/* By what a key that files show means: whether it is a rare attribute; world_rest_key. */
	_Atomic(unsigned char) rest_keys[N_INTRINSICS];
};

/* ---- statistics: the summary of all shards ---- */

struct statistics {
	pthread_mutex_t looking;	/* held by who looks for what is kept beside the store, once */
	atomic_bool looked, told;	/* told: the log has that nothing can be kept */
	atomic_ullong kept_mono_ns, kept_decided;	/* decisions: when they were kept, and which */
	pthread_mutex_t lock;		/* guards maker */
	struct summary_maker *maker;
	pthread_mutex_t state;		/* guards what follows; nothing is locked under it */
	struct summary *newest;		/* or NULL */
	uint64_t made_mono_ns;
	bool making;			/* in the background */
	bool kept;			/* engine_warm: the program stays, so it is kept up to date */
};

void statistics_init(struct statistics *);
void statistics_release(struct statistics *);
/* For the next program that opens the store, unless nothing was decided since. */
void statistics_keep_decisions(struct engine *, const struct snapshot *);
/* A file of .spanfs/stats: statistics_text.c. */
int statistics_print(struct engine *, struct sv name, struct buf *, struct err *) WARN_UNUSED;

/* ---- request ---- */

enum file_kind {
	FILE_FORMAT,		/* rows through a format */
	FILE_PLAN, FILE_PLAN_JSON, FILE_PROFILE, FILE_QUERY, FILE_INFO, FILE_MORE,
	FILE_FOLLOW,		/* of some commit's spans: following.c */
};

/*
 * Where files that are no rows stand: where a query is complete, among values, in a shard; where
 * a query is complete, but in no listing.
 */
enum file_place { PLACE_QUERY, PLACE_VALUES, PLACE_SHARD, PLACE_UNLISTED };

/* What a request and its parts have waited for a Redis: [redis] timeout is for all of it. */
struct redis_waits {
	struct engine *engine;
	uint64_t ns;
};

struct request {
	struct arena arena;
	struct engine *engine;
	struct world *world;
	enum file_kind kind;
	const struct format *format;	/* FILE_FORMAT; FILE_PROFILE: that of spans.jsonl */
	const char *file;		/* its name, in the arena */
	const struct query_mark *marked;	/* where its mark stands, whatever the store says; or NULL */
	struct path *path;
	struct path *wider;		/* the path with its format's clauses; or NULL */
	const struct query *query;	/* NULL for FILE_INFO, FILE_MORE */
	const struct query *groups;	/* rows are groups: what was asked, query is that of the spans */
	const struct query *compared;	/* alike: rows are those of compare */
	bool gathers;			/* all that groups ask is in columns of shards */
	bool as_spans;			/* its spans are looked at one by one all the same */
	uint64_t offset, limit;		/* that a format that pages applies, not the query */
	struct buf canonical;
	struct buf key;			/* what equal results share, but for snapshot and now */
	struct buf note;		/* of its run: what user.spanfs.note says, if anything */
	uint64_t now;			/* if the query depends on it; else 0 */
	bool has_selected;		/* of what follows */
	struct stats_need need;		/* what its plan needs to know of, */
	struct selection selected;	/* and the shards that this leaves */
	struct stats *stats;		/* request_stats; on demand */
	uint64_t commit;		/* only spans that came with it are selected; 0: all */
	struct value_filter **own_filters;	/* of these, while it is planned */
	size_t n_own_filters;
	struct summary *summary;	/* what stats->summary is; or NULL */
	struct plan *plan;		/* made on demand */
	uint64_t plan_ns;
	unsigned cost_version;		/* of the settings that it was planned with */
	struct decision_use decision;	/* how the plan came about */
	/* What else it was made from, and when: prepared.c. */
	const struct stats *all;	/* what the world had of all shards then */
	uint64_t summary_rows;		/* that the summary was asked for by */
	unsigned load;
	uint64_t planned_mono_ns, epoch;
	bool prepared;			/* its plan was made by an earlier one, and is not used yet */
	uint64_t deadline_mono_ns;	/* of the run, while there is one: planning does not wait beyond */
	const atomic_bool *cancel;
	struct exec_progress *progress;	/* of the run, told to others; or NULL */
	uint64_t pass_to;		/* of one that is measured: rows before that byte are left out */
	uint64_t rules_off;		/* bit mask of opt's rules: [query] rules_off */
	const struct price_list *prices;	/* those in force when it was bound, whatever comes since */
	uint64_t max_rows;		/* alike: [query] max_rows */
	bool shadow;			/* a second run for comparison: not counted as a query */
	bool exact;			/* so are its groups, whatever [query] aggregates says */
	uint64_t memory;		/* most it may take; 0: [query] memory */
	/* For tests, 0 as a rule: rows of a batch, most threads. */
	size_t batch_rows;
	unsigned threads;
	bool decide_alone;		/* uses no decision of others and leaves none */
	bool looked_at;			/* its plan is for people: what is estimated may be asked for */
	bool no_remote_groups;		/* and this is known of it (struct opt_options) */
	enum opt_force force;		/* no result of such a request is shared: run_request alone */
	uint64_t force_leaves;
	bool at_work;			/* counted among the running queries */
	bool here;			/* by a thread that answers the kernel, and waits for no server */
	struct redis_waits own_waits, *waits;	/* waits: its own, or of what it is a part of */
};

/* Binds; checks that the file may stand there. The request must be freed also on failure of what follows. */
int request_new(struct engine *, struct path *, struct sv file, struct request **, struct err *)
    WARN_UNUSED;
/* The same, its mark standing there whatever the store says of it; NULL: as the store says. */
int request_marked(struct engine *, struct path *, struct sv file, const struct query_mark *,
    struct request **, struct err *) WARN_UNUSED;
/* The same request again, at the same `now` on the same state, to be run with the plain plan. */
int request_plain(const struct request *, struct request **, struct err *) WARN_UNUSED;
/* The same for other spans, on the same state: its query is q, which outlives it. */
int request_part(const struct request *, const struct query *q, struct request **, struct err *)
    WARN_UNUSED;
void request_free(struct request *);
/* The run is over: all goes but path, canonical path, key and note. */
void request_settle(struct request *);
/* The path as typed, with the file. Not once it is settled. */
void request_print_path(const struct request *, struct buf *);
/* Bytes of memory that it takes by itself. */
size_t request_memory(const struct request *);
/* r->need and r->selected: the shards that the query leaves. */
int request_select(struct request *, struct err *) WARN_UNUSED;
/* r->stats: what the plan is made from. */
int request_stats(struct request *, struct err *) WARN_UNUSED;
/* After it: what a server in place of the store says; nothing to do where there is none. */
int request_stats_server(struct request *, struct err *) WARN_UNUSED;
/*
 * What its answer depends on beside its key and `now`, as a hash: the shards that matter to it,
 * those that its plan may look at and those of the traces that it asks about. Two requests of
 * one key, `now` and version have the same answer, whatever was committed between them.
 * NO_VERSION: nothing is known of that. Not once it is settled.
 */
#define NO_VERSION ((struct hash128){ 0, 0 })
static inline bool
has_version(struct hash128 v)
{
	return (v.hi | v.lo) != 0;
}
int request_version(struct request *, struct hash128 *, struct err *) WARN_UNUSED;
/*
 * The same by the bytes of the shards, and not by their numbers: also of a copy of the store that
 * others have written to. Opens shards of which the manifest does not tell.
 */
int request_version_by_bytes(struct request *, struct hash128 *, struct err *) WARN_UNUSED;
/* Before it is planned: of its spans only those of that commit. */
void request_only(struct request *, uint64_t generation);
int request_plan(struct request *, struct err *) WARN_UNUSED;
/* Queries that run at the moment, beside this one. */
unsigned request_others_at_work(const struct request *);
/* What it is known by: of its query, which must be bound. */
void request_make_key(struct request *);
/* r->stats->filters, after request_stats. */
int request_filters(struct request *, struct err *) WARN_UNUSED;
void request_filters_free(struct request *);
/* How its plan came about, for logs: "hit", "computed", "off", "none" (not planned). */
const char *request_decision(const struct request *);
/* A line of the file `plan`; a member of the object in plan.json. */
void request_explain_decision(const struct request *, struct buf *);
void request_explain_decision_json(const struct request *, struct buf *);
/* About how long it will take, ns, and how many bytes it will give; plans if need be. */
uint64_t request_cost_ns(struct request *);
uint64_t request_est_bytes(struct request *);
/* About how many bytes of memory it will want; once it is planned. */
uint64_t request_est_memory(const struct request *);
/* Its plan keeps all rows that are found until they are in order, each in about so many bytes. */
#define REF_BYTES 48
bool request_keeps_rows(const struct request *);
/* The largest prefix of a path that is a complete query, bound; NULL and 0 if it is refused. */
int bind_prefix(struct engine *, struct world *, const struct path *, struct arena *,
    const struct query **, struct err *) WARN_UNUSED;
/* Files that are no rows, by where they stand; NULL past the end. */
const char *file_at(enum file_place, size_t i);
/* ERR_UNSUPPORTED if the query (of traces: query_of_traces) can't be shown in that file. */
int check_format(const struct query *, const struct format *, struct err *) WARN_UNUSED;
/* The same of follow.jsonl. */
int check_follow(const struct query *, struct err *) WARN_UNUSED;
/* The part of that about sort. */
int check_order(const struct query *, const struct format *, struct err *) WARN_UNUSED;
/* The file whose rows a plan is of where no file is named: of events or links if they are sorted. */
const struct format *query_usual_format(const struct query *);

/* ---- known.c ---- */

/* Fills w->services and w->fields, once. */
int world_names(struct world *, struct err *) WARN_UNUSED;
/*
 * Once they are filled: an attribute of a scope; a field as paths have it. Out of memory
 * world_has_key takes the name for known.
 */
bool world_has_key(const struct world *, enum field_scope, struct sv key);
int world_find_key(const struct world *, enum field_scope, struct sv key, bool *has,
    struct err *) WARN_UNUSED;
/*
 * For a key that files show (field_of_key) and that no footer names: whether a span has it
 * among the rare attributes of a shard.
 */
int world_rest_key(struct world *, struct sv key, bool *has, struct err *) WARN_UNUSED;
bool world_has_field(const struct world *, const struct field *);
bool shard_has_service(const struct shard_stats *, struct sv name);
/* How people type a field that catalog_fields gives: of spans' attributes the bare key. */
struct sv field_as_typed(struct sv printed);

/* ---- names.c ---- */

typedef int stats_fn(void *arg, const struct stats **, struct err *);

/*
 * ERR_UNKNOWN, with what was probably meant, if [browse] strict_names and the path names a
 * service or field that the store has never seen. `loaded`, if not NULL, gives statistics of
 * some shards; those of all are read only if these have not what the path names.
 */
int names_check(struct engine *, struct world *, const struct path *, stats_fn *loaded,
    void *arg, struct err *) WARN_UNUSED;
/*
 * The same of aggregates that are named by sort or select of rows that are no groups, once the whole
 * path is there: while it is typed groups may follow.
 */
int names_check_columns(struct engine *, struct world *, const struct query *, struct err *)
    WARN_UNUSED;
/* Where names_check lets everything pass: what it would say. Appends nothing if all is known. */
void names_missing(struct engine *, struct world *, const struct path *, struct buf *);

/* ---- bindenv.c ---- */

/* query_env's `mark`: of a struct engine; of a struct query_mark, which any name means. */
int engine_mark(void *engine, struct sv name, struct query_mark *, struct err *) WARN_UNUSED;
int known_mark(void *mark, struct sv name, struct query_mark *, struct err *) WARN_UNUSED;

/* The text of a field whose listed name is an alias; empty if there is none. */
int world_field_alias(void *world, struct arena *, uint64_t hi, uint64_t lo, struct sv *,
    struct err *) WARN_UNUSED;

/* ---- listing_values.c ---- */

struct list {
	struct arena *a;
	VEC(struct entry) v;
	uint64_t total;		/* of values */
	const char *which;	/* of them are listed if not all are; NULL: the most frequent */
	bool most;		/* the total may be too high */
	bool cut;		/* there are more than are listed */
	bool oom;
};

void list_add(struct list *, struct sv name, enum entry_kind);
/* Values as names: encoded, over-long ones by their alias. Arguments after the first are links. */
void list_add_values(struct list *, const struct sv *, size_t n, enum entry_kind);
void list_intrinsics(struct list *, enum entry_kind);
/* The values that may stand at a path's end, as the catalog knows them. */
int list_values(struct list *, struct engine *, struct world *, const struct path *,
    const struct path_view *, enum entry_kind, struct err *) WARN_UNUSED;
/* Days with spans of the query so far. */
int list_days(struct list *, struct engine *, struct world *, const struct path *, struct err *)
    WARN_UNUSED;
int list_marks(struct list *, struct engine *, struct err *) WARN_UNUSED;
/* Partitions: days, or the hours of a day; of a server those between its first and last span. */
int list_hours(struct list *, struct engine *, struct world *, const struct path_view *,
    struct err *) WARN_UNUSED;

/* ---- run ---- */

struct sink {
	/* Takes bytes; <0 stops the run. */
	int (*put)(void *arg, const void *, size_t, struct err *);
	/* Called once a batch: looks whether to go on; may wait. NULL: nothing to look at. */
	int (*step)(void *arg, const struct profile *, struct err *);
	void *arg;
	/* As put, and it may keep the buffer, which is empty afterwards. NULL: it has no use for that. */
	int (*take)(void *arg, struct buf *, struct err *);
};

/* engine_list; and in words how many of how many there are, if not all are. */
int list_with_total(struct engine *, const struct path *, struct arena *, struct entry **,
    size_t *n, struct buf *words, struct err *) WARN_UNUSED;

/* The plan of a request as text. */
void explain_request(struct buf *, const struct request *);
/* Before its plan is made: it will be looked at. */
void explain_look(struct request *);
/* What it asks a server, if that has the spans: ch_explain. */
void explain_server(struct buf *, const struct request *, bool json);

/* profile.json: estimates beside what a run that has ended counted, node by node. */
void profile_json(struct buf *, const struct request *, const struct run_info *, uint64_t format_ns,
    uint64_t total_ns, const char *level);

int run_request(struct request *, const struct sink *, uint64_t deadline_mono_ns,
    const atomic_bool *cancel, struct run_info *, struct err *) WARN_UNUSED;

/* Of the rows of spans: how many hours' of how many are there; 0: none are, or may be. */
size_t rows_parts_there(const struct request *, size_t *of);
/* The same of a count: of how many shards. */
size_t counts_parts_there(const struct request *, size_t *of);

/* ---- run_size.c ---- */

/* A file of which the bytes are counted before they are made. */
bool request_measured(const struct request *);
/*
 * How many they are, and (info) of how many rows. >0: not told. Of a request that is measured;
 * what `expect` says is looked at too.
 */
int run_size(struct request *, uint64_t deadline_mono_ns, const atomic_bool *cancel,
    struct run_info *, uint64_t *size, struct err *) WARN_UNUSED;
/*
 * The same without a plan or a look into a shard: of one that asks for whole services, where the
 * manifest knows how long their lines are. False: it is not told so, or something is amiss, as the
 * run will say.
 */
bool request_size(struct request *, const atomic_bool *cancel, uint64_t *rows, uint64_t *bytes);
void run_exec_env(const struct request *, uint64_t deadline_mono_ns, const atomic_bool *cancel,
    struct exec_env *);
/* ERR_NODATA if the store has no span as new as the path expects; if rows or the count are too few. */
int expect_fresh(const struct request *, struct err *) WARN_UNUSED;
int expect_rows(const struct request *, uint64_t n, struct err *) WARN_UNUSED;

/* ---- request_groups.c, groups.c ---- */

/* Of a request that is bound: takes r->query apart into that of groups (compare) and that of spans. */
int request_take_groups(struct request *, struct err *) WARN_UNUSED;
/* ---- bindenv.c ---- */
/* What its bytes depend on. After its world, which a reload ends last: so they are no older. */
void request_take_settings(struct request *);
void request_bind_env(const struct request *, struct query_env *);
/*
 * The mark is read after the state was taken: if it has moved past that, there is a newer one (1: it is
 * taken, and all is bound anew, since settings and `now` are of it). A mark past every state is one of a
 * store that was put in this one's place.
 */
int request_meet_mark(struct request *, struct err *) WARN_UNUSED;
/* Runs it: the groups, finished. */
int groups_collect(struct request *, const struct exec_env *, const struct sink *,
    struct agg_table **, struct profile *, struct err *) WARN_UNUSED;
/* The rows of the page. */
void groups_page(const struct query *, const struct agg_table *, size_t *from, size_t *n);
int groups_batch(struct agg_table *, const struct group_column *, size_t n_columns, size_t from,
    size_t n, struct arena *, struct batch *, struct err *) WARN_UNUSED;
/* Compare: runs it; the rows of its page are the first of the contrast, but for the offset. */
int contrast_collect(struct request *, const struct exec_env *, const struct sink *,
    struct contrast **, struct profile *, struct err *) WARN_UNUSED;
/* A line of the file `plan`, a member of the object in plan.json. */
/* A table as its groups go into; NULL: no memory, or only the spans tell its buckets. */
struct agg_table *groups_table(const struct request *);
void groups_explain(struct buf *, const struct request *);
void groups_explain_json(struct buf *, const struct request *);

/* ---- result ---- */

/* SIZED: nobody makes it now; its size is told, and bytes are made when somebody reads. */
enum result_state { RESULT_IDLE, RESULT_QUEUED, RESULT_PLANNING, RESULT_RUNNING, RESULT_SIZED,
	RESULT_DONE };
/*
 * Where the table has one: somebody uses it; nobody does, and it goes when it is too old; or when
 * there is too much.
 */
enum result_list { LIST_USED, LIST_AGING, LIST_LASTING, N_RESULT_LISTS };
enum wait_kind { WAIT_STAT, WAIT_SIZE, WAIT_OPEN, WAIT_READ };

struct wait {
	struct wait *next;
	uint64_t id;
	enum wait_kind kind;
	int code;		/* to answer with: set when it is taken */
	uint64_t off, due_mono_ns;	/* due: 0 none */
	size_t n;
	result_fn fn;
	void *arg;
};

struct result {
	atomic_uint refs;	/* of the users, the engine's table and the runner */
	unsigned users;		/* under engine.lock: those who hold it from outside */
	struct engine *engine;
	struct request *request;	/* whose it is while it is made: result.c */
	struct requester who;
	uint64_t id, mtime_ns, generation, world_id, now;	/* now: the request's */
	char mark[MARK_NAME_MAX + 1];	/* of rows under one: its name; else empty */
	uint64_t mark_from;	/* where it stood */
	char file[32];		/* its name, for .spanfs/cache */
	struct read_cover given;	/* to readers, of one with a mark; under result.lock */
	atomic_ullong made_mono_ns;	/* when it was asked for first; once done, then */
	_Atomic uint64_t started_ns;
	uint64_t waited_ns;	/* of who makes it; waited: for readers, while it ran */
	atomic_ullong took_ns;	/* its making, the waits left out */
	uint64_t before_ns;	/* alike: what its size took, and runs that ended for a rest */
	bool here;		/* alike: by the thread that asks, which waits for no reader */
	atomic_bool by_stat;	/* started for its size: stays for the ttl whatever is committed */
	bool listed;		/* in the engine's table */
	atomic_bool cancel;
	atomic_uint opens;	/* by readers: the first is the one that it was made for */

	pthread_mutex_t lock;	/* guards what follows */
	pthread_cond_t moved;	/* a reader went on, or cancel */
	enum result_state state;
	bool streaming;
	bool wanted;		/* by more than a listing: it is made whatever it costs */
	bool planned;
	bool sized;		/* `size` was told before the bytes were made: result_size.c */
	bool left;		/* cancelled because nobody reads it any more, and sized: made again on demand */
	uint64_t size;
	bool settled;		/* of the request only what stays is there, and nobody owns it */
	uint64_t cost_ns, est_bytes, est_memory;	/* once it is planned */
	struct blob blob;	/* has a lock of its own */
	/* Of one that is sized, and too large to be kept: result_size.c. */
	bool windowed;
	bool whole;		/* its bytes have been made to the end, and counted as a query */
	struct window window;	/* has a lock of its own */
	uint64_t begun_at;	/* the byte that the run is to begin with */
	unsigned n_answering;	/* reads that are about to be copied out of it, */
	uint64_t answering_from;	/* none of an earlier byte */
	uint64_t going;		/* bytes before that are about to be written over */
	struct exec_progress progress;
	uint64_t read_up_to;	/* furthest byte asked for */
	uint64_t queued_ns;
	struct wait *waits;
	struct err err;
	struct run_info info;
	struct buf shared_key;	/* under which it stands in L2, once it does; empty: it doesn't */
	struct buf missing;	/* done, no rows: what its path names that the store has not, in words */
	uint64_t newest_ns;	/* done, no rows, a range back from now: the newest span's start; else 0 */
	/* Under engine.lock. */
	struct hash128 version;	/* of its answer, once it is there: request_version */
	bool done;		/* nothing of it is made any more */
	struct gdsf_item worth;	/* of those that nobody uses: what it takes, and saves */
	bool lasting;		/* done, and right for as long as its version is */
	enum result_list list;
	struct result *next, *prev;	/* in that list */
	struct result *same;	/* in the table's bucket */
};

/* ---- results.c: the table of results; all under engine.lock ---- */

#define RESULTS_BUCKETS 4096
#define RESULTS_AGAIN 256

/* A path and file, and the result that they were bound to in a world. */
struct asked_again {
	struct path *path;	/* a reference; NULL: none */
	char file[32];
	uint64_t world_id, hash, id;	/* of the result's key, of the result */
};

struct results {
	struct result *first[N_RESULT_LISTS];	/* latest first */
	struct result *oldest;			/* of LIST_AGING: the last */
	size_t n;
	struct gdsf worth;			/* of those that nobody uses */
	struct result *bucket[RESULTS_BUCKETS];
	struct asked_again again[RESULTS_AGAIN];
};

/*
 * So that who asks for the same path once more need not bind it. Only where its binding depends on
 * nothing but the world.
 */
void results_bound(struct results *, const struct request *, struct path *, const struct result *);
/* Is anything known of them? Then the result in that world, if it may be given again. */
bool results_may_know(const struct results *, const struct path *, struct sv file);
struct result *results_again(struct results *, const struct path *, struct sv file,
    uint64_t world_id, uint64_t rules_off, uint64_t made_after);
/* Lets go of all paths. */
void results_forget_paths(struct results *);
/* All of them, those in use first. */
struct result *results_first(const struct results *);
struct result *results_after(const struct results *, const struct result *);
/* Lists it, with a reference of the caller's. False: out of memory. */
bool results_add(struct results *, struct result *) WARN_UNUSED;
/* Takes it out: the table's reference is the caller's to drop. */
void results_remove(struct results *, struct result *);
/* One user more; one less, true if that was the last: then it takes `bytes` of the cache. */
void results_join(struct results *, struct result *);
bool results_leave(struct results *, struct result *, uint64_t bytes);
/* It takes that much now, and took so long; lasting: it grows no older while its version holds. */
void results_recount(struct results *, struct result *, uint64_t bytes, uint64_t cost_ns,
    bool lasting);
/*
 * One of the key that may answer: of this very world (0: none will do) and `now`, or made for its
 * size after that instant. One that ages was made after it in any case.
 */
struct result *results_find(struct results *, struct sv key, uint64_t made_after,
    uint64_t world_id, uint64_t now);
/* One of the key and `now` that answers for whatever world its version holds in; or NULL. */
struct result *results_find_version(struct results *, struct sv key, uint64_t made_after,
    uint64_t now);
/*
 * Takes out those that nobody uses: those that age and were not made after the instant, and those
 * of least worth beyond max_bytes. Chained by `next`, to be dropped outside the lock.
 */
struct result *results_expire(struct results *, uint64_t made_after, uint64_t max_bytes);
/*
 * References to those that are being made; or to those that are done, and kept to answer again: to be
 * freed. NULL: out of memory. Takes engine.lock.
 */
struct result **results_hold(struct engine *, bool done, size_t *n);

/* Calls the waits that are due by time. */
void result_tick(struct result *, uint64_t now_mono_ns);
void result_drop(struct result *);	/* one reference less */
/* Drops what results_expire took out: under no lock. */
void results_drop(struct result *);

/* ---- prepared.c: requests that were run, to be run again; all under engine.lock ---- */

#define PREPARED_SLOTS 64

struct prepared {
	struct request *slot[PREPARED_SLOTS];
	size_t bytes;
	uint64_t world_id;		/* all are of that world */
};

/*
 * The request of that path and file, bound and planned, if one was kept and all that it was made
 * from is as it was: the world and its statistics, the settings, the costs. NULL: it is to be made.
 */
struct request *prepared_take(struct engine *, const struct path *, struct sv file);
/*
 * request_settle; and if it ended well, is small and depends on nothing that moves, what goes is
 * kept for the next. Those of a world that is over are let go.
 */
void prepared_settle(struct request *, bool well);
void prepared_drop(struct engine *);

/* ---- runner ---- */

struct runner;

struct runner_limits {
	unsigned max_active;		/* jobs that run at once */
	uint64_t wait_ns;		/* longest that a job waits: then it is run, to say so */
	uint64_t keep_ns;		/* longest that a thread is kept without one; 0: as a rule */
	uint64_t keep_one_ns;		/* the same of the only one that waits; 0: as keep_ns, or as a rule */
};

/* What a job's turn goes by. */
struct turn {
	uint32_t uid;
	uint64_t cost_ns;		/* estimated; 0: of no account, or not known yet */
	uint64_t memory;		/* bytes that it will want, estimated */
	uint64_t since_ns;		/* waits from then on; 0: from now */
	const atomic_bool *cancel;	/* set (then runner_look): it runs at once, to end; or NULL */
};

/* Jobs start while what those that run will want is within the quota (may be NULL). */
int runner_new(const struct runner_limits *, struct quota *, struct runner **, struct err *)
    WARN_UNUSED;
void runner_free(struct runner *);	/* waits for all */
void runner_resize(struct runner *, const struct runner_limits *);
/* fn(arg) on a runner's thread, in its turn. */
int runner_submit(struct runner *, void (*fn)(void *), void *arg, const struct turn *, struct err *)
    WARN_UNUSED;
/* Long, or wants much memory: not to be run in the place of what is short. */
bool turn_matters(uint64_t cost_ns, uint64_t memory);
/* A job that waits was cancelled. */
void runner_look(struct runner *);
/* A running result that waits for its reader gives its place to others meanwhile. */
void runner_pause(struct runner *);
void runner_resume(struct runner *);

/* ---- those who follow: following.c ---- */

struct following {
	struct engine *engine;
	struct following *next, *prev;	/* under engine.lock */
	struct path *path;
	struct requester who;
	struct follow_hook hook;
	uint64_t id, since_ns;
	atomic_ullong rows, bytes;	/* given so far */
	atomic_bool cancel;
	const atomic_bool *stop;	/* that, or the caller's */
	/* Of its thread. */
	uint64_t generation;		/* the commit that it has come to */
	uint64_t left;			/* rows of the path's limit that may yet come */
};

/* Lines of .spanfs/queries. */
void followings_print(struct engine *, struct requester asks, struct buf *);
/* False: none has that id. Else *code is 0, or ERR_ACCESS. Under engine.lock. */
bool followings_cancel(struct engine *, uint64_t id, struct requester, int *code);
/* engine_query of follow.jsonl: until the limit, a failure or *cancel. */
int engine_follow(struct engine *, const struct path *, struct requester, const struct follow_out *,
    const atomic_bool *cancel, struct err *) WARN_UNUSED;

/* ---- a query that has ended: run.c ---- */

/*
 * Fills in what the request says of itself (its path's text goes into `path`, which stays until
 * `o` is used no more) and counts it: before the reader is answered.
 */
void ended_count(const struct request *, struct buf *path, struct outcome *);
/* Logs it, after. Files that run no query (plan, query...) are passed over. */
void ended_note(struct engine *, const struct outcome *);

/* ---- second runs: second_run.c ---- */

struct shadow_tap;

/* Shall this query be run again? Then its bytes are to go through the tap to `next`. NULL: no. */
struct shadow_tap *shadow_tap(struct engine *, const struct request *, const struct sink *next);
/* What to run with: stays until the tap is handed over. */
const struct sink *shadow_tap_sink(struct shadow_tap *);
/* The query has ended: queues its second run, or drops it. Takes over the tap (NULL: nothing to do). */
void shadow_offer(struct shadow_tap *, const struct request *, struct requester, int code);
/* Runs a request into the sink, then plain, and compares: engine_verify. Cancelled: v stays. */
int request_verify(struct request *, const struct sink *, uint64_t deadline_mono_ns,
    const atomic_bool *cancel, struct run_info *, struct verification *, struct err *) WARN_UNUSED;

/* ---- costs ---- */

struct costs {
	pthread_mutex_t lock;	/* a leaf; guards what follows */
	struct cost_adapt adapt;
};
void costs_init(struct costs *);
void costs_release(struct costs *);
/* What to plan with now, and its version. */
unsigned costs_now(struct engine *, struct cost_params *);
/* Learns from a query that has ended. */
void costs_note(struct engine *, const struct outcome *);
void costs_reset(struct engine *);
/* The decisions and what was learned of the costs that they were made under, beside the store. */
int costs_keep(struct engine *, const struct snapshot *, struct err *) WARN_UNUSED;
void costs_take_kept(struct engine *, const struct snapshot *);
/* A line of .spanfs/decisions. */
void costs_print(struct engine *, struct buf *);

/* ---- engine ---- */

/* Estimated bytes of a result from which its size is told ahead (result_size.c). */
#define SIZE_AHEAD (4u << 20)
/* Bytes of a result that is not kept, which are there around its readers: result_size.c. */
#define WINDOW_BYTES (8u << 20)
/* A read gets so many bytes at most. */
#define RESULT_READ_MAX (1u << 20)
/* Bytes that the producer of what is read as it comes may be before its readers. */
#define STREAM_AHEAD (64u << 20)
/* Least estimated cost of a shard, in seq_page_cost (some 40 us), of which groups are kept. */
#define PARTS_LEAST_COST 10.0
/* Spans of a slice of time, about, where a range cuts a shard: what is kept one by one. */
#define SLICE_SPANS 4096
/* After so long without work what is free goes back to the system. */
#define IDLE_NS UINT64_C(5000000000)
/*
 * As long as it is no more than this it stays longer, for a reader that pauses: Q14 at 10M (75 MB) uses
 * up to 50 MiB again and again, in the heaps of several threads; fresh pages for them are 4,000 faults.
 */
#define SPARE_BYTES (64u << 20)
#define SPARE_NS UINT64_C(300000000000)
/* After so long without a read that needs more, the producer gives its thread back. */
#define REST_NS UINT64_C(30000000000)

/* Rows that a query may look at from which on reading a summary, some 5 ms, is a trifle beside it. */
#define ONCE_ROWS 2000000

#define NOW_CLOCK 0
#define NOW_LATEST UINT64_MAX

/* bindenv.c */
struct price_list {
	struct prices prices;
	uint64_t hash;		/* of what they say */
	struct price_list *older;
	struct price v[];
};

struct engine {
	atomic_uint_fast64_t n_plans_traced;
	const struct conf *_Atomic conf;	/* replaced by a reload; old ones outlive the engine */
	char *store;
	struct catalog *catalog;	/* of another source: one in memory, with no shards */
	struct fsys *no_disk;		/* that catalog's; or NULL */
	/* Has the spans in place of the store, and what it opens; or NULL. */
	const struct source_ops *source;
	const void *source_arg;
	struct ch_server *server;	/* that source, if it is one; or NULL */
	struct pool *workers;		/* helpers of the queries that run */
	struct runner *runner;
	struct quota quota;		/* what queries and results may take: [query] total_memory */
	struct counters counters;
	struct errlog errlog;
	struct mark_reads mark_reads;	/* through this program */
	struct statistics statistics;
	struct querylog querylog;
	struct slowlog slowlog;
	struct shadow shadow;
	struct decisioncache *decisions;
	struct partcache *parts;	/* what shards gave to groups */
	struct redis *redis;		/* the cache L2; off as a rule */
	atomic_ullong redis_at;		/* the commit at which the store's identity was looked for */
	atomic_uint cost_version;	/* moves when [cost_model] or what is learned of it changes */
	struct costs costs;
	atomic_ullong now;		/* [mount] now: NOW_CLOCK, NOW_LATEST, or that time */
	atomic_bool store_lost;		/* the log has it */
	atomic_bool once;		/* the program ends after one query */
	struct price_list *_Atomic prices;
	unsigned threads;
	atomic_ullong rules_off;	/* of opt's rules: [query] rules_off */
	struct {			/* bits of rules that requests ask about */
		uint64_t all, bloom;
	} rules;

	pthread_mutex_t lock;		/* guards what follows */
	struct world *world;		/* the newest */
	struct results results;
	struct prepared prepared;
	atomic_ullong prepared_epoch;	/* times that all were dropped */
	struct following *followings;
	uint64_t next_id;

	pthread_t ticker;
	pthread_cond_t tick;
	bool stop, ticking, idle;	/* idle: the ticker waits for a signal, or for results to be too old */
	unsigned timed;			/* waits with a due time */
	unsigned long long tidied_at;	/* results asked for when the ticker tidied up last */
	uint64_t worked_at_ns;		/* when the ticker saw last that there was work */
	uint64_t give_back_at_ns;	/* what is free goes back to the system then; 0: it has */
	/* SIZE_AHEAD and so on; for tests to change. */
	uint64_t size_ahead, stream_ahead, rest_ns, idle_ns, once_rows, slice_spans;
	uint64_t spare_bytes, spare_ns;
	double parts_least_cost;
	atomic_uint n_inline;		/* results being made by the threads that asked for them */
	atomic_ullong results_bytes;	/* of all results that there are */
	atomic_uint n_given_back;	/* times that it has */
	struct slabs slabs;		/* that large results are read through */
	struct slabs copies;		/* of RESULT_READ_MAX bytes: what reads are answered with */
	/* engine_dir_mtime's last answer, and when: 0, never. */
	atomic_ullong dir_mtime_ns, dir_mtime_at_ns;
};

/* engine_open on a file system of the caller's, which outlives the engine (NULL: the real one): for tests. */
int engine_open_on(const struct conf *, const char *store, struct fsys *, bool create,
    struct engine **, struct err *) WARN_UNUSED;
/* The newest committed state; a reference. */
int engine_world(struct engine *, struct world **, struct err *) WARN_UNUSED;
struct world *world_ref(struct world *);
void world_unref(struct world *);
/* From when to when it has spans; of a server as it was at most [result_cache] ttl, or a second, ago. */
int world_times(const struct world *, struct ch_span_times *, struct err *) WARN_UNUSED;
/* Statistics of every shard, made at first use; they live as long as the world. */
int world_all(struct engine *, struct world *, const struct stats **, struct err *) WARN_UNUSED;
/* Statistics for a query in this range; of shards outside it they may say no more than the
 * catalog does. Made in the arena if need be: valid while it and the world live. */
int world_stats(struct engine *, struct world *, struct time_range, struct arena *,
    const struct stats **, struct err *) WARN_UNUSED;
/* What is known of all shards' services, without reading more than must be. */
int world_counts(struct engine *, struct world *, struct arena *, const struct stats **,
    struct err *) WARN_UNUSED;
/*
 * The summary there is, or NULL, for a query that may look at so many rows; a reference. Sees to
 * it that a newer one is made if it is due.
 */
struct summary *engine_summary(struct engine *, const struct world *, uint64_t n_rows);
/* en->now, by the settings. */
int engine_set_now(struct engine *, struct err *) WARN_UNUSED;
int now_of_conf(const struct conf *, uint64_t *now, struct err *) WARN_UNUSED;
/* ---- costs.c ---- */
/* The rules of [query] rules_off, as bits. */
int rules_of_conf(const struct conf *, uint64_t *mask, struct err *) WARN_UNUSED;
/* `now` for a query against this state. */
uint64_t engine_now(struct engine *, const struct world *);
/* Of an engine with a server: what that was asked. */
void engine_server_metrics(struct engine *, struct metrics *);
/* info.json of an hour: the server's partitions that reach into it, as a whole. */
int engine_server_info(struct engine *, struct sv day, struct sv hour, struct buf *, struct err *) WARN_UNUSED;
int engine_load_prices(struct engine *, const struct conf *, struct err *) WARN_UNUSED;
void engine_free_prices(struct engine *);
void engine_bind_env(struct engine *, struct world *, struct query_env *);
/* Are groups of shards kept, for others to come? */
static inline bool
engine_keeps_parts(const struct engine *en)
{
	return en->source == NULL && (!atomic_load(&en->once) || redis_usable(en->redis)) &&
	    conf_bool(en->conf, CONF_RESULT_CACHE_ENABLED) &&
	    conf_u64(en->conf, CONF_RESULT_CACHE_MAX_BYTES) != 0;
}
/* Bytes of [result_cache] max_bytes that whole results may take: what parts leave. */
static inline uint64_t
engine_results_max(const struct engine *en)
{
	uint64_t max = conf_u64(en->conf, CONF_RESULT_CACHE_MAX_BYTES);
	uint64_t parts = partcache_stats(en->parts).bytes;

	return max > parts ? max - parts : 0;
}
/* The ticker is told that a wait with a due time was added. */
void engine_timed(struct engine *, int delta);
struct blob_limits engine_blob_limits(struct engine *);
void engine_cost_params(const struct conf *, struct cost_params *);

/* Groups or rows that shards gave before may be used, and those that they give now kept. */
static inline bool
request_uses_parts(const struct request *r)
{
	return r->rules_off == 0 && r->force == OPT_FORCE_NONE && !r->shadow && r->commit == 0 &&
	    engine_keeps_parts(r->engine);
}

/* ---- the cache L2: result_shared.c ---- */

/*
 * True: the request's bytes were there, and are given to the sink; *code says whether that, and what
 * the path expects, is well.
 */
bool request_shared_get(struct request *, const struct sink *, struct run_info *, int *code,
    struct err *);
/* Its bytes, to be put there. */
void request_shared_put(struct request *, const struct run_info *, struct sv bytes);
/* Of a profile: in which level the answer that it is of stands now, "l1" or "l2"; NULL: in none. */
const char *request_kept_at(const struct request *);
/* What the request's parts are kept in. */
struct part_store request_part_store(const struct request *);

static inline void
profile_parts(struct profile *p, const struct parts_told *told)
{
	p->shards_kept += told->shards;
	p->parts_kept += told->parts;
	p->parts_shared += told->shared;
}

#endif
