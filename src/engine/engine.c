/* SPDX-License-Identifier: ISC */
/*
 * engine: opening, reloading and closing, and the ticker that ends waits by time. See
 * engine_i.h for the other parts.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "engine_i.h"

#define WORKER_NICE 5
#define ONCE_CACHE_BYTES (16u << 20)

static int
parse_rules_off(struct engine *en, const struct conf *c, struct err *e)
{
	uint64_t mask;
	int code = rules_of_conf(c, &mask, e);

	if (code == 0)
		atomic_store(&en->rules_off, mask);
	return code;
}

/* The bits of the rules that are not opt's affair alone. */
static int
learn_rules(struct engine *en, struct err *e)
{
	int code;

	if ((code = opt_rules_parse(SV("all"), &en->rules.all, e)) < 0)
		return code;
	return opt_rules_parse(SV("bloom"), &en->rules.bloom, e);
}

/* ---- the ticker: waits that end by time ---- */

#define TICK_NS 5000000

static void
tick_results(struct engine *en)
{
	uint64_t now = clock_mono_ns();
	struct result **v;
	size_t n = 0;

	pthread_mutex_lock(&en->lock);
	v = calloc(en->results.n + 1, sizeof(struct result *));
	/* Who waits for a result uses it. */
	for (struct result *r = en->results.first[LIST_USED]; r != NULL && v != NULL; r = r->next) {
		atomic_fetch_add(&r->refs, 1);
		v[n++] = r;
	}
	pthread_mutex_unlock(&en->lock);
	for (size_t i = 0; i < n; i++) {
		result_tick(v[i], now);
		result_drop(v[i]);
	}
	free(v);
}

/* Under the lock, which is given up meanwhile; a close ends it early. */
static void
sleep_a_tick(struct engine *en)
{
	uint64_t due = clock_mono_ns() + TICK_NS;
	struct timespec t = { (time_t)(due / NS_PER_S), (long)(due % NS_PER_S) };

	while (!en->stop && pthread_cond_timedwait(&en->tick, &en->lock, &t) == 0)
		;
}

/* When results that nobody uses are too old, or what is free may go back; 0: never. Under the lock. */
static uint64_t
next_tidying(const struct engine *en)
{
	const struct result *r = en->results.oldest;
	uint64_t due = r == NULL ? 0 : r->made_mono_ns +
	    conf_u64(en->conf, CONF_RESULT_CACHE_TTL) + NS_PER_S;

	return en->give_back_at_ns != 0 && (due == 0 || en->give_back_at_ns < due) ?
	    en->give_back_at_ns : due;
}

/* Little is free, and the last work not so long ago: then until when it stays; else 0. */
static uint64_t
spared_until(struct engine *en, uint64_t now)
{
	uint64_t until = en->worked_at_ns + en->spare_ns, idle;

	if (now >= until || en->spare_bytes == 0)
		return 0;
	idle = memory_idle();
	return idle <= en->spare_bytes && slabs_counted(&en->slabs).kept * WINDOW_BYTES +
	    slabs_counted(&en->copies).kept * RESULT_READ_MAX <= en->spare_bytes - idle ? until : 0;
}

/* Is it time to give back? */
static bool
take_give_back(struct engine *en, uint64_t now)
{
	if (en->give_back_at_ns == 0 || now < en->give_back_at_ns)
		return false;
	en->give_back_at_ns = spared_until(en, now);
	return en->give_back_at_ns == 0;
}

/*
 * Nobody waits: what is too old goes. What is free goes back to the system when there was no work for
 * a while: whoever asks every second or so would touch fresh pages each time. Under the lock,
 * which is given up meanwhile.
 */
static void
tidy(struct engine *en)
{
	uint64_t now = clock_mono_ns(), ttl = conf_u64(en->conf, CONF_RESULT_CACHE_TTL);
	struct result *gone = results_expire(&en->results, now > ttl ? now - ttl : 0,
	    engine_results_max(en));
	unsigned long long asked = atomic_load(&en->counters.cache_misses) +
	    atomic_load(&en->counters.cache_hits);
	bool worked = gone != NULL || asked != en->tidied_at, give_back;
	bool old = en->world != NULL && en->prepared.bytes != 0 && en->prepared.world_id != en->world->id;

	if (worked) {
		en->worked_at_ns = now;
		en->give_back_at_ns = now + en->idle_ns;
	}
	give_back = take_give_back(en, now);
	en->tidied_at = asked;
	if (gone == NULL && !give_back && !old)
		return;
	pthread_mutex_unlock(&en->lock);
	results_drop(gone);
	if (give_back || old)
		prepared_drop(en);
	if (give_back) {
		slabs_give_back(&en->slabs);
		slabs_give_back(&en->copies);
		memory_give_back();
		atomic_fetch_add(&en->n_given_back, 1);
	}
	pthread_mutex_lock(&en->lock);
}

/* Until there is a wait, or something to tidy. Under the lock, which is given up meanwhile. */
static void
sleep_idle(struct engine *en)
{
	uint64_t due = next_tidying(en);
	struct timespec t = { (time_t)(due / NS_PER_S), (long)(due % NS_PER_S) };

	en->idle = true;
	if (due == 0)
		pthread_cond_wait(&en->tick, &en->lock);
	else
		(void)pthread_cond_timedwait(&en->tick, &en->lock, &t);
	en->idle = false;
}

/*
 * Goes on for a second after the last wait: the next one comes soon, and a wake-up costs.
 * Until the first one it sleeps, but for what becomes too old meanwhile.
 */
static void *
ticker_main(void *arg)
{
	struct engine *en = arg;
	unsigned quiet = NS_PER_S / TICK_NS;

	pthread_mutex_lock(&en->lock);
	while (!en->stop) {
		quiet = en->timed == 0 ? quiet + 1 : 0;
		if (quiet > NS_PER_S / TICK_NS) {
			tidy(en);
			if (!en->stop && en->timed == 0)
				sleep_idle(en);
			continue;
		}
		sleep_a_tick(en);
		if (quiet != 0)
			continue;
		pthread_mutex_unlock(&en->lock);
		tick_results(en);
		pthread_mutex_lock(&en->lock);
	}
	pthread_mutex_unlock(&en->lock);
	return NULL;
}

/* ---- life ---- */

static unsigned
thread_count(const struct conf *c)
{
	uint64_t n = conf_u64(c, CONF_QUERY_THREADS);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return n != 0 ? (unsigned)n : cpus > 0 ? (unsigned)cpus : 1;
}

static void
tick_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

/* Parts take half of what results may, at most. */
static uint64_t
parts_max(const struct conf *conf)
{
	return conf_u64(conf, CONF_RESULT_CACHE_MAX_BYTES) / 2;
}

static struct decisioncache_limits
decision_limits(const struct conf *c)
{
	return (struct decisioncache_limits){
		.max_entries = (size_t)conf_u64(c, CONF_DECISION_CACHE_MAX_ENTRIES),
		.max_bytes = (size_t)conf_u64(c, CONF_DECISION_CACHE_MAX_BYTES),
		.ttl_ns = conf_u64(c, CONF_DECISION_CACHE_TTL),
	};
}

static struct runner_limits
runner_limits(const struct conf *c)
{
	return (struct runner_limits){
		.max_active = (unsigned)conf_u64(c, CONF_QUERY_MAX_CONCURRENT),
		.wait_ns = conf_u64(c, CONF_QUERY_TIMEOUT),
	};
}

#define MIB ((uint64_t)1 << 20)
#define LEAST_LEFT (64 * MIB)	/* to queries and results, of [query] total_memory */

/*
 * What [query] total_memory leaves to queries and results beside the caches that fill up by
 * themselves.
 */
static int
take_total(struct engine *en, const struct conf *c, struct err *e)
{
	uint64_t total = conf_u64(c, CONF_QUERY_TOTAL_MEMORY);
	uint64_t caches = conf_u64(c, CONF_STORE_CACHE) + conf_u64(c, CONF_DECISION_CACHE_MAX_BYTES);

	if (total != 0 && total < caches + LEAST_LEFT)
		return err_set(e, ERR_SYNTAX, -1, "[query] total_memory: with [store] cache and "
		    "[decision_cache] max_bytes it must be %lluMiB at least, or 0",
		    (unsigned long long)((caches + LEAST_LEFT + MIB - 1) / MIB));
	atomic_store(&en->quota.max, total == 0 ? 0 : total - caches);
	return 0;
}

static int
start_threads(struct engine *en, struct err *e)
{
	struct runner_limits lim;
	int code;

	en->threads = thread_count(en->conf);
	if (en->threads > 1 &&
	    (code = pool_new(en->threads - 1, WORKER_NICE, &en->workers, e)) < 0)
		return code;
	lim = runner_limits(en->conf);
	if ((code = runner_new(&lim, &en->quota, &en->runner, e)) < 0)
		return code;
	if (pthread_create(&en->ticker, NULL, ticker_main, en) != 0)
		return err_set(e, ERR_NOMEM, -1, "no thread for the engine");
	en->ticking = true;
	return 0;
}

bool
engine_is_server(const char *store)
{
	return strcmp(store, ENGINE_CLICKHOUSE) == 0;
}

/* The place of a store, where a server has the spans. */
static int
open_server(struct engine *en, struct catalog_options *co, struct err *e)
{
	int code;

	if (co->fs != NULL || !engine_is_server(en->store))
		return 0;
	if ((code = ch_server_open(en->conf, &en->server, e)) < 0 ||
	    (code = file_memory(ENGINE_CLICKHOUSE, &en->no_disk, e)) < 0)
		return code;
	en->source = &source_clickhouse;
	en->source_arg = en->server;
	co->fs = en->no_disk;
	co->create = true;
	return 0;
}

int
engine_open(const struct conf *conf, const char *store, bool create, struct engine **out,
    struct err *e)
{
	return engine_open_on(conf, store, NULL, create, out, e);
}

int
engine_open_on(const struct conf *conf, const char *store, struct fsys *fs, bool create,
    struct engine **out, struct err *e)
{
	struct catalog_options co = {
		.create = create,
		.fs = fs,
		.cache_bytes = conf_u64(conf, CONF_STORE_CACHE),
	};
	struct decisioncache_limits limits = decision_limits(conf);
	struct engine *en = calloc(1, sizeof *en);
	int code;

	if (en == NULL)
		return err_nomem(e);
	pthread_mutex_init(&en->lock, NULL);
	tick_cond_init(&en->tick);
	counters_init(&en->counters, opt_rule_name);
	errlog_init(&en->errlog);
	mark_reads_init(&en->mark_reads);
	querylog_init(&en->querylog);
	slowlog_init(&en->slowlog);
	shadow_init(&en->shadow, &en->conf, &en->counters);
	costs_init(&en->costs);
	statistics_init(&en->statistics);
	slabs_init(&en->slabs, WINDOW_BYTES, &en->quota);
	slabs_init(&en->copies, RESULT_READ_MAX, NULL);
	en->conf = conf;
	en->next_id = 1;
	en->size_ahead = SIZE_AHEAD;
	en->stream_ahead = STREAM_AHEAD;
	en->rest_ns = REST_NS;
	en->idle_ns = IDLE_NS;
	en->spare_bytes = SPARE_BYTES;
	en->spare_ns = SPARE_NS;
	en->parts_least_cost = PARTS_LEAST_COST;
	en->once_rows = ONCE_ROWS;
	en->slice_spans = SLICE_SPANS;
	if ((en->store = strdup(store)) == NULL) {
		code = err_nomem(e);
		goto fail;
	}
	if ((code = engine_set_now(en, e)) < 0 || (code = learn_rules(en, e)) < 0 ||
	    (code = parse_rules_off(en, conf, e)) < 0 || (code = take_total(en, conf, e)) < 0 ||
	    (code = engine_load_prices(en, conf, e)) < 0 ||
	    (code = decisioncache_new(&limits, &en->decisions, e)) < 0 ||
	    (code = partcache_new(parts_max(conf), &en->parts, e)) < 0 ||
	    (code = open_server(en, &co, e)) < 0 ||
	    (code = catalog_open(store, &co, &en->catalog, e)) < 0 ||
	    (code = store_redis_new(conf, catalog_fsys(en->catalog), &en->redis, e)) < 0 ||
	    (code = start_threads(en, e)) < 0)
		goto fail;
	querylog_open(&en->querylog, conf_str(conf, CONF_LOG_QUERY_LOG));
	*out = en;
	return 0;
fail:
	engine_close(en);
	return code;
}

int
engine_ready(struct engine *en, struct err *e)
{
	struct blob_limits lim = engine_blob_limits(en);
	int code = blob_try_spill(&lim, e);

	/* A disk that is full now needn't be when a result is large. */
	if (code != ERR_NOSPC)
		return code;
	log_warn("[mount] spill_dir %s: the disk is full", lim.spill_dir);
	return 0;
}

void
engine_once(struct engine *en)
{
	atomic_store(&en->once, true);
	chunkcache_begin_small(catalog_cache(en->catalog), ONCE_CACHE_BYTES);
}

static void
cancel_results(struct engine *en)
{
	struct result *r, *list = NULL;

	pthread_mutex_lock(&en->lock);
	while ((r = results_first(&en->results)) != NULL) {
		results_remove(&en->results, r);
		r->next = list;
		list = r;
	}
	en->stop = true;
	pthread_cond_signal(&en->tick);
	pthread_mutex_unlock(&en->lock);
	while ((r = list) != NULL) {
		list = r->next;
		pthread_mutex_lock(&r->lock);
		atomic_store(&r->cancel, true);
		pthread_cond_broadcast(&r->moved);
		pthread_mutex_unlock(&r->lock);
		result_drop(r);
	}
}

void
engine_close(struct engine *en)
{
	if (en == NULL)
		return;
	cancel_results(en);
	if (en->ticking)
		pthread_join(en->ticker, NULL);
	shadow_stop(&en->shadow);
	runner_free(en->runner);
	pool_free(en->workers);
	if (en->statistics.kept && en->world != NULL)
		statistics_keep_decisions(en, en->world->snap);
	redis_free(en->redis);
	prepared_drop(en);
	world_unref(en->world);
	catalog_close(en->catalog);
	if (en->no_disk != NULL)
		fsys_free(en->no_disk);
	ch_server_close(en->server);
	errlog_release(&en->errlog);
	mark_reads_release(&en->mark_reads);
	querylog_release(&en->querylog);
	slowlog_release(&en->slowlog);
	shadow_release(&en->shadow);
	statistics_release(&en->statistics);
	results_forget_paths(&en->results);
	slabs_release(&en->slabs);
	slabs_release(&en->copies);
	gdsf_release(&en->results.worth);
	decisioncache_free(en->decisions);
	partcache_free(en->parts);
	costs_release(&en->costs);
	pthread_cond_destroy(&en->tick);
	pthread_mutex_destroy(&en->lock);
	engine_free_prices(en);
	free(en->store);
	free(en);
}

/* Decisions made under other costs are not to be used any more: their version moves. */
static void
renew_costs(struct engine *en, const struct conf *conf)
{
	struct cost_params was, is;

	engine_cost_params(en->conf, &was);
	engine_cost_params(conf, &is);
	if (memcmp(&was, &is, sizeof is) != 0)
		costs_reset(en);
}

void
engine_reload(struct engine *en, const struct conf *conf)
{
	struct decisioncache_limits limits = decision_limits(conf);
	struct runner_limits lim;
	struct err err = ERR_INIT;
	struct world *old;

	pthread_mutex_lock(&en->lock);
	renew_costs(en, conf);
	en->conf = conf;
	if (engine_set_now(en, &err) < 0)
		log_warn("%s", err.msg);
	if (engine_load_prices(en, conf, &err) < 0)
		log_warn("%s", err.msg);
	if (parse_rules_off(en, conf, &err) < 0)
		log_warn("%s", err.msg);
	/* Results of before are looked at as after a commit: their version knows of the settings. */
	old = en->world;
	en->world = NULL;
	pthread_mutex_unlock(&en->lock);
	prepared_drop(en);
	world_unref(old);
	if (take_total(en, conf, &err) < 0 || engine_ready(en, &err) < 0)
		log_warn("%s", err.msg);
	if (store_redis_set(en->redis, conf, catalog_fsys(en->catalog), &err) < 0)
		log_warn("%s; the former [redis] stays in force", err.msg);
	lim = runner_limits(conf);
	runner_resize(en->runner, &lim);
	decisioncache_limit(en->decisions, &limits);
	partcache_limit(en->parts, parts_max(conf));
	querylog_open(&en->querylog, conf_str(conf, CONF_LOG_QUERY_LOG));
}
