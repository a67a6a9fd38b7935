/* SPDX-License-Identifier: ISC */
/* control: what stands under .spanfs: settings in force, metrics, errors, running queries, and the commands written to `control`. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/visible.h"
#include "result_i.h"

static const char *
state_name(const struct result *r)
{
	if (r->state == RESULT_QUEUED)
		return "queued";
	if (r->state == RESULT_PLANNING)
		return "planning";
	return r->streaming || r->sized ? "streaming" : "running";
}

/* Percent of the rows to be scanned, and the time for the others if they take as long: "-" unknown. */
static void
put_progress(struct buf *out, const struct result *r, uint64_t now)
{
	uint64_t all = atomic_load(&r->progress.rows_all), done = atomic_load(&r->progress.rows_done);
	double share = done < all ? (double)done / (double)all : 1;
	double run_ms = now > r->started_ns ? (double)(now - r->started_ns) / 1e6 : 0;

	if (r->state != RESULT_RUNNING || all == 0 || done == 0) {
		BUF_LIT(out, "-\t-\t");
		return;
	}
	buf_printf(out, "%.0f%%\t%.0f\t", share * 100, run_ms / share - run_ms);
}

/* A line, if the result is being made. The path does not change, so it is printed before. */
static void
print_query(struct result *r, uint64_t now, struct sv path, struct buf *out)
{
	pthread_mutex_lock(&r->lock);
	if (result_at_work(r)) {
		buf_printf(out, "%llu\t%u\t%u\t%s\t%llu\t%llu\t%llu\t",
		    (unsigned long long)r->id, r->who.uid, r->who.pid, state_name(r),
		    (unsigned long long)(now > r->queued_ns ? (now - r->queued_ns) / 1000000 : 0),
		    (unsigned long long)r->info.profile.rows_returned,
		    (unsigned long long)blob_size(&r->blob));
		put_progress(out, r, now);
		visible_text(out, path, 0);
		BUF_LIT(out, "\n");
	}
	pthread_mutex_unlock(&r->lock);
}

/* Those that somebody uses, or that are made for their size and then kept. */
static struct result **
hold_unfinished(struct engine *en, size_t *n)
{
	struct result **v;

	*n = 0;
	pthread_mutex_lock(&en->lock);
	v = malloc((en->results.n + 1) * sizeof(struct result *));
	for (struct result *r = results_first(&en->results); r != NULL && v != NULL;
	    r = results_after(&en->results, r)) {
		bool at_work;

		pthread_mutex_lock(&r->lock);
		at_work = result_at_work(r);
		pthread_mutex_unlock(&r->lock);
		if (at_work) {
			atomic_fetch_add(&r->refs, 1);
			v[(*n)++] = r;
		}
	}
	pthread_mutex_unlock(&en->lock);
	return v;
}

static void
print_queries(struct engine *en, struct requester asks, struct buf *out)
{
	uint64_t now;
	struct buf path = BUF_INIT;
	struct result **v;
	size_t n;

	BUF_LIT(out, "id\tuid\tpid\tstate\tage_ms\trows\tbytes\tdone\tleft_ms\tpath\n");
	v = hold_unfinished(en, &n);
	now = clock_mono_ns();
	out->oom |= v == NULL;
	for (size_t i = 0; i < n; i++) {
		path.n = 0;
		path_print(&path, v[i]->request->path);
		if (may_see(asks, v[i]->who))
			print_query(v[i], now, buf_view(&path), out);
		result_drop(v[i]);
	}
	out->oom |= path.oom;
	free(v);
	buf_release(&path);
	followings_print(en, asks, out);
}

static void
print_metrics(struct engine *en, struct requester asks, struct buf *out)
{
	struct metrics m = {
		.counters = &en->counters, .querylog = &en->querylog, .shadow = &en->shadow,
		.chunk_cache = chunkcache_stats(catalog_cache(en->catalog)),
		.results_bytes = atomic_load(&en->results_bytes),
		.cost_version = atomic_load(&en->cost_version),
	};
	struct partcache_stats parts = partcache_stats(en->parts);
	struct world *w;

	(void)asks;
	m.n_parts = parts.n;
	m.parts_bytes = parts.bytes;
	m.parts_hits = parts.hits;
	m.parts_misses = parts.misses;
	pthread_mutex_lock(&en->lock);
	m.n_results = en->results.n;
	m.kept_bytes = en->results.worth.bytes;
	pthread_mutex_unlock(&en->lock);
	if (engine_world(en, &w, NULL) == 0) {
		m.has_store = true;
		m.store_spans = w->snap->n_rows;
		m.store_bytes = w->snap->n_bytes;
		m.store_shards = w->snap->n_shards;
		m.store_generation = w->snap->generation;
		world_unref(w);
	}
	metrics_print(out, &m);
}

static void
print_config(struct engine *en, struct requester asks, struct buf *out)
{
	(void)asks;
	conf_print(out, en->conf);
}

static void
print_errors(struct engine *en, struct requester asks, struct buf *out)
{
	errlog_print(&en->errlog, asks, out);
}

static void
print_shadow(struct engine *en, struct requester asks, struct buf *out)
{
	(void)asks;
	shadow_print(&en->shadow, out);
}

static void
print_slow(struct engine *en, struct requester asks, struct buf *out)
{
	slowlog_print(&en->slowlog, asks, out);
}

static void
print_decisions(struct engine *en, struct requester asks, struct buf *out)
{
	(void)asks;
	costs_print(en, out);
	decisioncache_print(en->decisions, out);
}

/* Files of .spanfs, each a row. */
static const struct {
	const char *name;
	void (*print)(struct engine *, struct requester, struct buf *);
} files[] = {
	{ "config", print_config },
	{ "decisions", print_decisions },
	{ "errors", print_errors },
	{ "metrics", print_metrics },
	{ "queries", print_queries },
	{ "shadow", print_shadow },
	{ "slow", print_slow },
};
#define N_FILES (sizeof files / sizeof *files)

const char *
engine_control_name(size_t i)
{
	return i < N_FILES ? files[i].name : NULL;
}

int
engine_control_file(struct engine *en, struct sv name, struct requester asks, struct buf *out,
    struct err *e)
{
	if (sv_starts(name, SV("stats/")))
		return statistics_print(en, sv_sub(name, strlen("stats/"), name.n), out, e);
	for (size_t i = 0; i < N_FILES; i++)
		if (sv_is(name, files[i].name)) {
			files[i].print(en, asks, out);
			return buf_ok(out, e);
		}
	return err_set(e, ERR_UNKNOWN, -1, "no file '%.*s' in .spanfs", SV_ARG(name));
}

static int
cancel_query(struct engine *en, struct sv arg, struct requester who, struct err *e)
{
	uint64_t id;
	int code = ERR_UNKNOWN;

	if (!sv_u64(arg, &id))
		return err_set(e, ERR_SYNTAX, -1, "cancel: expected the id of a query");
	pthread_mutex_lock(&en->lock);
	for (struct result *r = results_first(&en->results); r != NULL;
	    r = results_after(&en->results, r)) {
		if (r->id != id)
			continue;
		code = who.uid != 0 && who.uid != r->who.uid ? ERR_ACCESS : 0;
		if (code == 0) {
			pthread_mutex_lock(&r->lock);
			/* One that is made later is not to find itself cancelled. */
			if (result_at_work(r))
				atomic_store(&r->cancel, true);
			pthread_cond_broadcast(&r->moved);
			pthread_mutex_unlock(&r->lock);
		}
		break;
	}
	if (code == ERR_UNKNOWN)
		(void)followings_cancel(en, id, who, &code);
	pthread_mutex_unlock(&en->lock);
	runner_look(en->runner);
	if (code == ERR_UNKNOWN)
		return err_set(e, ERR_SYNTAX, -1, "cancel: no query %llu",
		    (unsigned long long)id);
	return code == 0 ? 0 : err_set(e, code, -1, "cancel: not your query");
}

/* Forgets every finished result. */
static void
flush_results(struct engine *en)
{
	struct result *gone;

	pthread_mutex_lock(&en->lock);
	gone = results_expire(&en->results, UINT64_MAX, 0);
	pthread_mutex_unlock(&en->lock);
	results_drop(gone);
	partcache_drop(en->parts);
}

/* Marks are the store's, so of those who may ask only its owner moves them, and root. */
static int
commit_mark(struct engine *en, struct sv name, struct requester who, struct err *e)
{
	struct mark_span span;

	if (who.uid != 0 && who.uid != (uint32_t)getuid())
		return err_set(e, ERR_ACCESS, -1, "mark: only who mounted the store moves its marks");
	if (!mark_name_ok(name))
		return err_set(e, ERR_SYNTAX, -1, "mark commit: expected the name of a mark");
	if (!mark_reads_find(&en->mark_reads, name, &span))
		return err_set(e, ERR_NODATA, -1, "mark '%.*s': nothing was read to its end through "
		    "this mount", SV_ARG(name));
	return mark_move(catalog_fsys(en->catalog), name, span.from, span.to, e);
}

int
engine_control(struct engine *en, struct sv line, struct requester who, struct err *e)
{
	struct analysis analysis;
	struct sv word;

	while (line.n > 0 && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == ' '))
		line.n--;
	if (line.n == 0)
		return 0;
	(void)sv_cut(&line, ' ', &word);
	if (sv_is(word, "cancel"))
		return cancel_query(en, line, who, e);
	if (sv_is(word, "flush") && line.n == 0) {
		flush_results(en);
		return 0;
	}
	if (sv_is(word, "drop-caches") && line.n == 0) {
		flush_results(en);
		decisioncache_drop(en->decisions);
		chunkcache_drop(catalog_cache(en->catalog));
		return 0;
	}
	if (sv_is(word, "analyze") && line.n == 0)
		return engine_analyze(en, &analysis, e);
	if (sv_is(word, "reset-costs") && line.n == 0) {
		costs_reset(en);
		return 0;
	}
	if (sv_is(word, "mark") && sv_cut(&line, ' ', &word) && sv_is(word, "commit"))
		return commit_mark(en, line, who, e);
	return err_set(e, ERR_SYNTAX, -1, "control: expected 'analyze', 'cancel ID', "
	    "'flush', 'drop-caches', 'mark commit NAME' or 'reset-costs', got '%.*s'",
	    SV_ARG(word));
}

void
engine_note_error(struct engine *en, struct sv path, struct requester who,
    const struct err *err)
{
	errlog_add(&en->errlog, path, who, err);
}
