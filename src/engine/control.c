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
		    (unsigned long long)result_made(r));
		put_progress(out, r, now);
		visible_text(out, path, 0);
		BUF_LIT(out, "\n");
	}
	pthread_mutex_unlock(&r->lock);
}

static void
print_queries(struct engine *en, struct requester asks, struct buf *out)
{
	uint64_t now;
	struct buf path = BUF_INIT;
	struct result **v;
	size_t n;

	BUF_LIT(out, "id\tuid\tpid\tstate\tage_ms\trows\tbytes\tdone\tleft_ms\tpath\n");
	v = results_hold(en, false, &n);
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

/* ---- caches ---- */

#define MAX_LEVELS 5

static size_t
cache_levels(struct engine *en, struct cache_level v[MAX_LEVELS])
{
	const struct decisioncache_stats d = decisioncache_stats(en->decisions);
	struct chunkcache *chunks = catalog_cache(en->catalog);
	const struct lru_stats c = chunkcache_stats(chunks);
	const struct partcache_stats p = partcache_stats(en->parts);
	struct redis_counts shared;
	size_t n = 0;

	v[n] = (struct cache_level){ .name = "l1", .what = "results",
		.max_bytes = engine_results_max(en),
		.hits = atomic_load(&en->counters.cache_hits),
		.misses = atomic_load(&en->counters.cache_misses) };
	pthread_mutex_lock(&en->lock);
	v[n].n = en->results.n;
	v[n++].bytes = en->results.worth.bytes;
	pthread_mutex_unlock(&en->lock);
	v[n++] = (struct cache_level){ "part", "groups, counts and comparisons of shards, rows of hours", p.n, p.bytes, p.max_bytes, p.hits,
		p.misses };
	v[n++] = (struct cache_level){ "decisions", "decisions", d.n_entries, d.n_bytes,
		conf_u64(en->conf, CONF_DECISION_CACHE_MAX_BYTES), d.hits, d.computed };
	v[n++] = (struct cache_level){ "chunks", "decoded parts of shards", c.n_entries, c.n_bytes,
		chunkcache_max_bytes(chunks), c.hits, c.misses };
	if (conf_str(en->conf, CONF_REDIS_URL)[0] != '\0') {
		redis_counts(en->redis, &shared);
		v[n++] = (struct cache_level){ .name = "l2", .what = "results and parts in Redis",
			.hits = shared.hits, .misses = shared.gets - shared.hits };
	}
	return n;
}

/* In canonical form, with the file. */
static void
put_path(struct buf *b, const struct result *r)
{
	struct sv canonical = buf_view(&r->request->canonical);

	if (canonical.n == 0)
		path_print(b, r->request->path);
	buf_sv(b, canonical);
	if (b->n != 0 && b->p[b->n - 1] != '/')
		buf_putc(b, '/');
	buf_str(b, r->file);
}

static void
add_line(struct engine *en, struct result *r, uint64_t now, struct buf *path,
    struct cachelist *list)
{
	uint64_t made = atomic_load(&r->made_mono_ns);
	unsigned opens = atomic_load(&r->opens);
	struct cache_line x = { .level = "l1", .hits = opens > 1 ? opens - 1 : 0,
		.age_ns = now > made ? now - made : 0 };

	path->n = 0;
	put_path(path, r);
	pthread_mutex_lock(&en->lock);
	x.asked = freq_of(&en->results.worth.freq, r->worth.hash);
	x.cost_ns = r->worth.cost_ns;
	x.version = r->version;
	pthread_mutex_unlock(&en->lock);
	x.bytes = blob_size(&r->blob);
	cachelist_add(list, &x, buf_view(path));
}

/* What is kept of results; of those of others who asks is root. */
static void
print_cache(struct engine *en, struct requester asks, struct buf *out)
{
	struct cache_level levels[MAX_LEVELS];
	size_t n = cache_levels(en, levels), n_results;
	struct cachelist list = { 0 };
	struct buf path = BUF_INIT;
	uint64_t now;
	struct result **v = results_hold(en, true, &n_results);

	now = clock_mono_ns();
	for (size_t i = 0; i < n; i++)
		cache_level_print(out, &levels[i]);
	if (conf_str(en->conf, CONF_REDIS_URL)[0] != '\0')
		redis_print(en->redis, out);
	out->oom |= v == NULL;
	for (size_t i = 0; i < n_results; i++) {
		if (may_see(asks, v[i]->who))
			add_line(en, v[i], now, &path, &list);
		result_drop(v[i]);
	}
	free(v);
	cachelist_print(&list, out);
	cachelist_release(&list);
	out->oom |= path.oom;
	buf_release(&path);
}

static void
print_metrics(struct engine *en, struct requester asks, struct buf *out)
{
	struct cache_level levels[MAX_LEVELS];
	struct metrics m = {
		.levels = levels, .counters = &en->counters, .querylog = &en->querylog, .shadow = &en->shadow,
		.chunk_cache = chunkcache_stats(catalog_cache(en->catalog)),
		.chunk_kept_bytes = chunkcache_kept_bytes(catalog_cache(en->catalog)),
		.results_bytes = atomic_load(&en->results_bytes),
		.cost_version = atomic_load(&en->cost_version),
	};
	struct partcache_stats parts = partcache_stats(en->parts);
	struct world *w;

	(void)asks;
	m.n_levels = cache_levels(en, levels);
	m.n_parts = parts.n;
	m.parts_bytes = parts.bytes;
	m.parts_hits = parts.hits;
	m.parts_misses = parts.misses;
	result_shared_metrics(en, &m);
	pthread_mutex_lock(&en->lock);
	m.n_results = en->results.n;
	m.kept_bytes = en->results.worth.bytes;
	pthread_mutex_unlock(&en->lock);
	if (en->server != NULL) {
		engine_server_metrics(en, &m);
	} else if (en->source == NULL && engine_world(en, &w, NULL) == 0) {
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
	{ "cache", print_cache },
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
drop_results(struct engine *en)
{
	struct result *gone;

	pthread_mutex_lock(&en->lock);
	gone = results_expire(&en->results, UINT64_MAX, 0);
	pthread_mutex_unlock(&en->lock);
	results_drop(gone);
}

static void
drop_parts(struct engine *en)
{
	partcache_drop(en->parts);
}

static void
drop_decisions(struct engine *en)
{
	decisioncache_drop(en->decisions);
	prepared_drop(en);
}

static void
drop_chunks(struct engine *en)
{
	chunkcache_drop(catalog_cache(en->catalog));
}

/* What a word after drop-caches forgets; without one all of them are, but for what others have, too. */
static const struct {
	const char *name;
	void (*drop)(struct engine *);
} levels[] = {
	{ "l1", drop_results },
	{ "part", drop_parts },
	{ "decisions", drop_decisions },
	{ "chunks", drop_chunks },
};
#define N_LEVELS (sizeof levels / sizeof *levels)

/* True if the path begins with those segments. */
static bool
is_below(struct sv path, struct sv prefix)
{
	return sv_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

/* Its path begins so: as typed, or in canonical form. */
static bool
result_below(const struct result *r, struct sv prefix, struct buf *path)
{
	bool below;

	path->n = 0;
	put_path(path, r);
	below = is_below(buf_view(path), prefix);
	path->n = 0;
	path_print(path, r->request->path);
	return below || is_below(buf_view(path), prefix);
}

/* Of a result that is done: where it stands in L2, as long as the result is held. */
static struct sv
shared_key_of(struct result *r)
{
	struct sv key;

	pthread_mutex_lock(&r->lock);
	key = buf_view(&r->shared_key);
	pthread_mutex_unlock(&r->lock);
	return key;
}

/* Finished results, whoever uses them, here and in L2. */
static int
drop_paths(struct engine *en, struct sv prefix, struct requester who, struct err *e)
{
	struct buf path = BUF_INIT;
	size_t n, n_keys = 0;
	struct result **v = results_hold(en, true, &n);
	struct sv *keys = calloc(n + 1, sizeof *keys);
	int code = 0;

	while (prefix.n > 0 && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	for (size_t i = 0; i < n; i++) {
		if (!result_below(v[i], prefix, &path) || !may_see(who, v[i]->who))
			continue;
		result_forget(v[i], false);
		if (keys != NULL && (keys[n_keys] = shared_key_of(v[i])).n != 0)
			n_keys++;
	}
	if (n_keys != 0)
		code = redis_forget(en->redis, keys, n_keys, e);
	for (size_t i = 0; i < n; i++)
		result_drop(v[i]);
	if (v == NULL || keys == NULL)
		code = err_nomem(e);
	free(keys);
	free(v);
	if (code == 0)
		code = buf_ok(&path, e);
	buf_release(&path);
	return code;
}

static int
drop_caches(struct engine *en, struct sv what, struct requester who, struct err *e)
{
	bool found = false;

	if (what.n > 0 && what.p[0] == '/')
		return drop_paths(en, what, who, e);
	if (sv_is(what, "l2"))
		return redis_drop(en->redis, e);
	for (size_t i = 0; i < N_LEVELS; i++)
		if (what.n == 0 || sv_is(what, levels[i].name)) {
			levels[i].drop(en);
			found = true;
		}
	return found ? 0 : err_set(e, ERR_SYNTAX, -1, "drop-caches: expected l1, l2, part, decisions, "
	    "chunks, or a path that begins with '/', got '%.*s'", SV_ARG(what));
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
		drop_results(en);
		drop_parts(en);
		return 0;
	}
	if (sv_is(word, "drop-caches"))
		return drop_caches(en, line, who, e);
	if (sv_is(word, "analyze") && line.n == 0)
		return engine_analyze(en, &analysis, e);
	if (sv_is(word, "reset-costs") && line.n == 0) {
		costs_reset(en);
		return 0;
	}
	if (sv_is(word, "mark") && sv_cut(&line, ' ', &word) && sv_is(word, "commit"))
		return commit_mark(en, line, who, e);
	return err_set(e, ERR_SYNTAX, -1, "control: expected 'analyze', 'cancel ID', "
	    "'flush', 'drop-caches [LEVEL|PATH]', 'mark commit NAME' or 'reset-costs', got '%.*s'",
	    SV_ARG(word));
}

void
engine_note_error(struct engine *en, struct sv path, struct requester who,
    const struct err *err)
{
	errlog_add(&en->errlog, path, who, err);
}
