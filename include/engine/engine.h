/* SPDX-License-Identifier: ISC */
/*
 * engine: from a path to a file's bytes: the only part that knows the whole flow. It binds and
 * plans queries, runs them on its own threads, keeps results, and answers listings. It knows
 * nothing of FUSE.
 *
 * Results are asynchronous: whoever wants one asks for it, then waits by callback for its
 * size or its bytes, and may give up waiting. Nothing here blocks on query work except the
 * functions that say so.
 *
 * Threads: every call is thread-safe. The order of locks is in engine_i.h.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "model/mark.h"
#include "query/path.h"
#include "watch/watch.h"

struct engine;

/*
 * In place of a store: the server of [clickhouse] has the spans. What a store keeps beside them
 * (marks, what programs worked out) is not there.
 */
#define ENGINE_CLICKHOUSE "clickhouse"
/* Is that the name of a store, or this word? A directory of that name is ./clickhouse. */
bool engine_is_server(const char *store);

/*
 * What of the settings only the engine can tell: texts that are times, rules or addresses. ERR_SYNTAX
 * with the place of the first that is wrong. An engine that is opened looks at them, too.
 */
int engine_check_settings(const struct conf *, struct err *) WARN_UNUSED;
/* `conf` must stay until the engine is closed or reloaded. create: make an absent or empty store. */
int engine_open(const struct conf *, const char *store, bool create, struct engine **,
    struct err *) WARN_UNUSED;
/* For programs that stay: large results will have where to go ([mount] spill_dir). */
int engine_ready(struct engine *, struct err *) WARN_UNUSED;
void engine_close(struct engine *);	/* cancels what runs; no result may be held */
/* Takes over changed settings (SIGHUP); the old conf must outlive the engine too. */
void engine_reload(struct engine *, const struct conf *);

/* ---- directories: never wait for query work ---- */

enum entry_kind { ENTRY_DIR, ENTRY_LINK, ENTRY_FILE };

struct entry {
	struct sv name;		/* encoded */
	enum entry_kind kind;	/* ENTRY_LINK: to its name with path_view's `link` before it */
};

/*
 * What `ls` shows of a path: result files and keyword links at a clause boundary (the fs adds
 * README and .spanfs at the root), values, fields, operators at an argument. Names in byte order, in the
 * arena. A cut list ends with the file "~%more".
 */
int engine_list(struct engine *, const struct path *, struct arena *, struct entry **,
    size_t *n, struct err *) WARN_UNUSED;
/*
 * For a lookup of the path's last segment: ERR_UNKNOWN if it names a service or field that the
 * store has never seen ([browse] strict_names). Says so only if it is known at once; what
 * passes here may be refused when the file is asked for. err->off is within path_print's text.
 */
int engine_check_step(struct engine *, const struct path *, struct err *) WARN_UNUSED;
/* The time of the newest span under a path where known cheaply, else of the newest commit: a directory's mtime. */
uint64_t engine_dir_mtime(struct engine *, const struct path *);
/* True for any name of a file that resolves in some query directory (spans.jsonl, plan, info.json, ~%more...). */
bool engine_known_file(struct sv name);

/* ---- statistics ---- */

struct analysis {
	uint64_t n_shards, n_damaged;	/* that are in, that could not be read */
	uint64_t n_read;		/* of these, looked at now: the others were known */
	uint64_t n_spans, n_fields, n_cells;
	uint64_t duration_ns;
};
/*
 * For programs that stay: begins, in the background, to make what estimates are made from, and
 * what .spanfs/stats shows. Nothing waits for it. [statistics] refresh=0 leaves it to analyze.
 */
void engine_warm(struct engine *);
/*
 * For programs that answer one query and end: little of what is read will be asked for again,
 * so the cache of decoded sections begins small, and grows towards [store] cache only where
 * the query comes back to what it gave up.
 */
void engine_once(struct engine *);
/* Merges the statistics of all shards, now, for the estimates of all further plans. Blocks. */
int engine_analyze(struct engine *, struct analysis *, struct err *) WARN_UNUSED;

/* ---- results ---- */

struct result;		/* one virtual file's content, perhaps still being made; refcounted */

/*
 * The result of a file in a directory: the one kept if there is one for the same query and file
 * that no commit since has touched, else a new one, not yet started. ERR_UNKNOWN: no such file
 * here, or a service never seen ([browse] strict_names); ERR_SYNTAX: the file may not stand here.
 * Quick.
 */
int engine_result(struct engine *, const struct path *, struct sv file, struct requester,
    struct result **, struct err *) WARN_UNUSED;
void result_ref(struct result *);	/* also under a lock of the caller's */
/* The last reference of an unfinished result stops its query. */
void result_unref(struct result *);

struct result_info {
	bool done;		/* complete, or `code` says why it failed */
	/*
	 * size is exact: it is complete, or its bytes follow as they are read, lines of which the last
	 * byte is a newline. A failure after that is told by the reads of what is missing, and by `code`.
	 */
	bool known;
	bool streaming;		/* being read while it is made; size is 0 for stat ([mount] sizes=lazy) */
	bool cheap;		/* its estimated cost is within [mount] stat_budget, or not known yet */
	bool aged;		/* done before [result_cache] ttl: nobody is given it any more */
	int code;		/* 0 or the error it ended with */
	uint64_t size;		/* bytes, if known */
	uint64_t available;	/* bytes produced so far */
	uint64_t mtime_ns;
	uint64_t id;		/* the same result has the same id; never reused */
};
struct result_info result_info(struct result *);
/* The message of a failed result. */
void result_error(struct result *, struct err *);

/*
 * A hash of all its bytes, of this process, if it is done and has them in memory, at most `max`;
 * never 0. Else 0: nothing is said.
 */
uint64_t result_digest(struct result *, uint64_t max);

/* A reader opened it: the first is the one that it was made for, others had it from the cache. */
void result_note_open(struct result *);
/*
 * These bytes were given to a reader, none of one that is empty. Once all were, in any order, a
 * mark in its path may be moved to where it ended ("mark commit NAME").
 */
void result_note_read(struct result *, uint64_t off, uint64_t n);

struct result_wait;
/* Called once, from any thread, possibly before the function that took it returns. */
typedef void (*result_fn)(void *arg, int code, const void *data, size_t n);

/*
 * Starts the result if it is not running and waits until its size is known or it need not be:
 *   result_stat  done, or over [mount] stat_budget (dear ones once that is known, unstarted)
 *   result_size  known or failed, whatever it costs; or streaming begins
 *   result_open  known, failed (code < 0), or streaming begins
 * Nothing streams but with [mount] sizes=lazy.
 *   result_read  bytes at `off` are there: fn gets up to n of them (0 at the end), or the error;
 *                before it is done but known, all n (1 MiB at most) that are before the end
 * *wait (may be NULL) is valid until fn is called.
 */
int result_stat(struct result *, result_fn, void *arg, struct result_wait **wait, struct err *) WARN_UNUSED;
int result_size(struct result *, result_fn, void *arg, struct result_wait **wait, struct err *) WARN_UNUSED;
int result_open(struct result *, result_fn, void *arg, struct result_wait **wait, struct err *) WARN_UNUSED;
int result_read(struct result *, uint64_t off, size_t n, result_fn, void *arg,
    struct result_wait **wait, struct err *) WARN_UNUSED;
/*
 * Gives up: true if fn has not been and will not be called. Safe against a racing call:
 * false means fn was or is about to be called. The result's query is stopped when nobody waits for it and no
 * reference but this one is left.
 */
bool result_wait_cancel(struct result *, struct result_wait *);

/* user.spanfs.*: name without the prefix ("query", "rows", "exact"...); ERR_UNKNOWN for others or not known yet. */
int result_xattr(struct result *, struct sv name, struct buf *, struct err *) WARN_UNUSED;

/* ---- follow.jsonl: the matching spans of the commits to come ---- */

struct following;	/* one reader's place in the store's commits: one thread's at a time */
struct commit_watch;

/* True for the name of the file that is followed, and no result. */
bool engine_is_followed(struct sv file);

/* Called when the follower is cancelled by `cancel ID`; under a lock of the engine's. May be NULL. */
struct follow_hook {
	void (*stir)(void *arg);
	void *arg;
};
/*
 * Begins after the newest commit. Fails as engine_result does, and where the path has clauses of
 * which a stream can't make sense. Until it is closed it is shown among the running queries; it
 * takes nobody's turn and nothing is kept for it.
 */
int following_open(struct engine *, const struct path *, struct requester, const struct follow_hook *,
    struct following **, struct err *) WARN_UNUSED;

struct follow_out {
	/* Takes whole lines, perhaps many; may wait for who reads; <0 ends. */
	int (*put)(void *arg, const void *, size_t, struct err *);
	int (*step)(void *arg, struct err *);	/* may wait for who reads; NULL: nothing to do */
	void *arg;
};
enum { FOLLOW_WAIT = 1, FOLLOW_END = 2 };
/*
 * Gives the matching spans of the next commit, as lines of spans.jsonl in its order. 0: that
 * commit is done with; FOLLOW_WAIT: there is none yet; FOLLOW_END: the path's limit is reached.
 * After a failure it is at its end: part of the commit may have been given. Blocks.
 */
int following_next(struct following *, const struct follow_out *, struct err *) WARN_UNUSED;
void following_cancel(struct following *);	/* from any thread: what it does fails */
void following_close(struct following *);

/* Commits by whatever process; what came since it was opened ends the first wait. */
int commit_watch_open(struct engine *, struct commit_watch **, struct err *) WARN_UNUSED;
/* Until there was one, perhaps; or `wake` (-1: none) can be read; or a signal; or about a second. */
void commit_watch_wait(struct commit_watch *, int wake);
void commit_watch_close(struct commit_watch *);

/* ---- the whole thing in one call, for spanctl: blocks ---- */

/*
 * Runs `path` (with its file name) and hands the bytes to write() as they come; write returns <0
 * to stop (ERR_CANCELLED). The bytes are those of the mounted file; follow.jsonl ends by its
 * limit, a failure or *cancel.
 */
int engine_query(struct engine *, struct sv path, struct requester,
    int (*write)(void *arg, const void *, size_t, struct err *), void *arg,
    const atomic_bool *cancel, struct err *) WARN_UNUSED;

/* What came of a complete answer. */
struct answer {
	uint64_t n_rows;		/* in it; in `count`: the number */
	uint64_t generation;		/* of the commit that it is of */
	bool of_rows;			/* not a plan, a query... */
	bool has_mark;			/* its path is of a mark, */
	char mark[MARK_NAME_MAX + 1];	/* of that name, */
	uint64_t mark_from;		/* which stood there */
};
/* engine_query, and what came of it (of follow.jsonl: nothing); *answer is written on success only. */
int engine_answer(struct engine *, struct sv path, struct requester,
    int (*write)(void *arg, const void *, size_t, struct err *), void *arg,
    const atomic_bool *cancel, struct answer *, struct err *) WARN_UNUSED;

struct verification {
	enum verdict verdict;
	struct buf words;	/* a line; of a difference more: its first row and both plans */
};
/*
 * engine_query, and then the query runs again with the plain plan, which prunes nothing and
 * uses no index, and the two are compared. The return value is that of the query; *v (its
 * words initialised) is written unless it was cancelled or refused. Files without rows (plan,
 * query...) are ERR_UNSUPPORTED. The plain run has no limit of time.
 */
int engine_verify(struct engine *, struct sv path, struct requester,
    int (*write)(void *arg, const void *, size_t, struct err *), void *arg,
    const atomic_bool *cancel, struct verification *v, struct err *) WARN_UNUSED;

/* EXPLAIN of a path, also of one that does not parse (caret). Exit code 0 or an error code. */
int engine_explain(struct engine *, struct sv path, struct buf *, struct err *);

/*
 * The plans of two paths, or of one under the settings of two engines on one store, as one
 * text: "- " before lines of the first, "+ " of the second. If one is refused, why.
 */
int engine_explain_compare(struct engine *, struct sv path, struct engine *other, struct sv other_path,
    struct buf *, struct err *);

/* A summary of the store in words. */
int engine_info(struct engine *, struct buf *, struct err *) WARN_UNUSED;

/* ---- .spanfs ---- */

/*
 * Contents of .spanfs/NAME, made anew for who asks: cache config errors metrics queries shadow slow.
 * Of cache, errors, queries and slow everybody is shown what was their own, root all.
 */
int engine_control_file(struct engine *, struct sv name, struct requester, struct buf *,
    struct err *) WARN_UNUSED;
/* Names in .spanfs; NULL past the end. */
const char *engine_control_name(size_t i);
/* The names of the files of .spanfs/stats, alike; their content: engine_control_file "stats/NAME". */
const char *engine_stats_name(size_t i);
/* A line for .spanfs/control: "cancel 12", "flush", "drop-caches", "drop-caches l1", "analyze", "reset-costs", "mark commit NAME". */
int engine_control(struct engine *, struct sv line, struct requester, struct err *) WARN_UNUSED;
/* Remembers an error for .spanfs/errors; path as typed, err->off into it (-1: none). */
void engine_note_error(struct engine *, struct sv path, struct requester, const struct err *);

#endif
