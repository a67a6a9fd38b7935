/* SPDX-License-Identifier: ISC */
/*
 * costs: the costs that queries are planned with: those of [cost_model], and with `adaptive`
 * corrected by what finished queries took (opt/cost_adapt.h). Only queries of one thread teach,
 * since the time of several can't be told apart. What is learned moves the version of the
 * costs when it is taken over, so that no decision of before is used any more; `reset-costs`
 * and a change of the settings forget it.
 *
 * In the end: settings whose texts conf can't judge, since what they name is others' affair.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "catalog/kept.h"
#include "engine_i.h"

#define DECISIONS_FORMAT 1

void
costs_init(struct costs *c)
{
	pthread_mutex_init(&c->lock, NULL);
	cost_adapt_init(&c->adapt);
}

void
costs_release(struct costs *c)
{
	pthread_mutex_destroy(&c->lock);
}

unsigned
costs_now(struct engine *en, struct cost_params *p)
{
	const struct conf *conf = en->conf;
	unsigned version;

	engine_cost_params(conf, p);
	pthread_mutex_lock(&en->costs.lock);
	version = atomic_load(&en->cost_version);
	if (conf_bool(conf, CONF_COST_ADAPTIVE))
		cost_adapt_apply(&en->costs.adapt, p);
	pthread_mutex_unlock(&en->costs.lock);
	return version;
}

static size_t
n_leaves(const struct plan *p)
{
	size_t n = plan_n_leaves(p->filter.pred);

	return n == 0 ? 1 : n;
}

/* The counters in the parameters' units, as bench_costs found that they take time. */
static struct cost_work
work_of(const struct plan *plan, const struct profile *p)
{
	struct cost_work w = { .ns = (double)(p->scan_ns + p->sort_ns + p->fetch_ns) };

	w.n[COST_PAGE] = 0.5 * (double)p->shards_opened + 3 * (double)p->chunks_read +
	    0.075 * (double)p->chunks_cached + (double)p->decoded_bytes / 17000;
	w.n[COST_TUPLE] = 3.6 * (double)p->rows_fetched;
	w.n[COST_INDEX_TUPLE] = 0.175 * (double)p->index_rows;
	w.n[COST_OPERATOR] = 0.1 * (double)p->rows_scanned * (double)n_leaves(plan);
	return w;
}

void
costs_note(struct engine *en, const struct outcome *o)
{
	const struct plan *plan = o->plan;
	struct cost_params set;
	struct cost_work w;

	if (o->code != 0 || o->info->shared || plan == NULL || plan->scan.threads != 1 || !plan->filter.pushdown ||
	    o->info->profile.traces_assembled != 0 ||
	    !conf_bool(en->conf, CONF_COST_ADAPTIVE))
		return;
	engine_cost_params(en->conf, &set);
	w = work_of(plan, &o->info->profile);
	pthread_mutex_lock(&en->costs.lock);
	if (cost_adapt_note(&en->costs.adapt, &set, &w))
		atomic_fetch_add(&en->cost_version, 1);
	pthread_mutex_unlock(&en->costs.lock);
}

void
costs_reset(struct engine *en)
{
	pthread_mutex_lock(&en->costs.lock);
	cost_adapt_init(&en->costs.adapt);
	atomic_fetch_add(&en->cost_version, 1);
	pthread_mutex_unlock(&en->costs.lock);
}

void
costs_print(struct engine *en, struct buf *b)
{
	const struct cost_adapt *a = &en->costs.adapt;

	pthread_mutex_lock(&en->costs.lock);
	buf_printf(b, "# costs of version %u", atomic_load(&en->cost_version));
	if (!conf_bool(en->conf, CONF_COST_ADAPTIVE))
		BUF_LIT(b, ", as set\n");
	else {
		buf_printf(b, ", corrected by %llu queries (in force, learned):",
		    (unsigned long long)a->n);
		for (size_t k = 0; k < N_COST_KINDS; k++)
			buf_printf(b, "%s %s x%.2f x%.2f", k == 0 ? "" : ",",
			    cost_kind_name((enum cost_kind)k), a->used[k], a->factor[k]);
		BUF_LIT(b, "\n");
	}
	pthread_mutex_unlock(&en->costs.lock);
}

void
engine_cost_params(const struct conf *c, struct cost_params *p)
{
	*p = (struct cost_params){
		.seq_page_cost = conf_double(c, CONF_COST_SEQ_PAGE),
		.random_page_cost = conf_double(c, CONF_COST_RANDOM_PAGE),
		.cpu_tuple_cost = conf_double(c, CONF_COST_CPU_TUPLE),
		.cpu_index_tuple_cost = conf_double(c, CONF_COST_CPU_INDEX_TUPLE),
		.cpu_operator_cost = conf_double(c, CONF_COST_CPU_OPERATOR),
		.trace_hop_cost = conf_double(c, CONF_COST_TRACE_HOP),
		.multi_hop_penalty = conf_double(c, CONF_COST_MULTI_HOP_PENALTY),
		.effective_cache_pages = conf_u64(c, CONF_COST_CACHE_PAGES),
		.large_trace_threshold = conf_u64(c, CONF_COST_LARGE_TRACE),
		.network_byte_cost = conf_double(c, CONF_COST_NETWORK_BYTE),
		.network_round_trip_cost = conf_double(c, CONF_COST_NETWORK_ROUND_TRIP),
	};
}

/* ---- kept beside the store: cache/decisions ----
 *
 *   u32 version of the costs; what was learned of them (cost_adapt_put); the decisions
 *   (decisioncache_encode)
 */

/*
 * What must be the same for who reads it: the program, its rules, the costs as set. Whoever adds
 * to the optimizer what changes decisions raises DECISIONS_FORMAT.
 */
static uint64_t
program_of(struct engine *en, struct err *e)
{
	struct cost_params set;
	struct buf b = BUF_INIT;
	uint64_t h = 0;

	engine_cost_params(en->conf, &set);
	buf_printf(&b, "spanfs %s decisions %d classes %d adaptive %d rules", PACKAGE_VERSION,
	    DECISIONS_FORMAT, DECISION_CLASSES_MAX, conf_bool(en->conf, CONF_COST_ADAPTIVE));
	for (size_t i = 0; opt_rule_name(i) != NULL; i++)
		buf_printf(&b, " %s", opt_rule_name(i));
	buf_put(&b, &set, sizeof set);
	if (buf_ok(&b, e) == 0)
		h = hash64(b.p, b.n);
	buf_release(&b);
	return h;
}

int
costs_keep(struct engine *en, const struct snapshot *snap, struct err *e)
{
	uint64_t program = program_of(en, e);
	struct buf b = BUF_INIT;
	unsigned version;
	int code;

	if (program == 0)
		return ERR_NOMEM;
	if (!conf_bool(en->conf, CONF_DECISION_CACHE_ENABLED))
		return 0;
	pthread_mutex_lock(&en->costs.lock);
	version = atomic_load(&en->cost_version);
	buf_le(&b, version, 4);
	cost_adapt_put(&b, &en->costs.adapt);
	pthread_mutex_unlock(&en->costs.lock);
	decisioncache_encode(en->decisions, version, &b);
	if ((code = buf_ok(&b, e)) == 0)
		code = kept_write(catalog_fsys(en->catalog), KEPT_DECISIONS, snap, program,
		    buf_view(&b), e);
	buf_release(&b);
	return code;
}

/* False if something was learned, or set, meanwhile. */
static bool
take_costs(struct engine *en, unsigned version, const struct cost_adapt *learned)
{
	bool first;

	pthread_mutex_lock(&en->costs.lock);
	first = en->costs.adapt.n == 0 && atomic_load(&en->cost_version) == 0;
	if (first) {
		en->costs.adapt = *learned;
		atomic_store(&en->cost_version, version);
	}
	pthread_mutex_unlock(&en->costs.lock);
	return first;
}

static int
take_content(struct engine *en, const struct kept *k, struct err *e)
{
	struct cursor c = cursor_new(k->content.p, k->content.n);
	uint64_t now = clock_wall_ns(), older = now > k->written_ns ? now - k->written_ns : 0;
	unsigned version = cursor_u32(&c);
	struct cost_adapt learned;

	if (!cost_adapt_get(&c, &learned))
		return err_set(e, ERR_CORRUPT, (int64_t)cursor_off(&c), "impossible factors");
	if (!take_costs(en, version, &learned))
		return 0;
	return decisioncache_decode(en->decisions, sv_sub(k->content, cursor_off(&c),
	    k->content.n), version, older, e);
}

/* Whatever is wrong with it, it is only not used. */
void
costs_take_kept(struct engine *en, const struct snapshot *snap)
{
	uint64_t program = program_of(en, NULL);
	struct kept k;
	struct arena a;

	if (program == 0 || !conf_bool(en->conf, CONF_DECISION_CACHE_ENABLED))
		return;
	arena_init(&a);
	if (kept_read(catalog_fsys(en->catalog), KEPT_DECISIONS, snap, program, &a, &k, NULL) == 0)
		(void)take_content(en, &k, NULL);
	arena_release(&a);
}

/* ---- settings that name something ---- */

/* The names are opt's, which conf may not see. */
int
rules_of_conf(const struct conf *c, uint64_t *mask, struct err *e)
{
	struct buf names = BUF_INIT;
	struct err why = ERR_INIT;
	int code = opt_rules_parse(sv_cstr(conf_str(c, CONF_QUERY_RULES_OFF)), mask, &why);

	if (code == 0)
		return 0;
	for (size_t i = 0; opt_rule_name(i) != NULL; i++)
		buf_printf(&names, " %s", opt_rule_name(i));
	code = err_set(e, code, -1, "%s: [query] rules_off: %s; expected all or some of%s, with "
	    "commas between", conf_where(c, CONF_QUERY_RULES_OFF), why.msg,
	    buf_cstr(&names) != NULL ? buf_cstr(&names) : "");
	buf_release(&names);
	return code;
}

static int
check_redis(const struct conf *c, struct err *e)
{
	const struct redis_options o = { .url = sv_cstr(conf_str(c, CONF_REDIS_URL)) };
	struct redis *r;
	int code = o.url.n == 0 ? 1 : redis_new(&o, &r, e);

	if (code == 0)
		redis_free(r);
	return code == ERR_SYNTAX ? err_ctx(e, code, "%s: [redis] url",
	    conf_where(c, CONF_REDIS_URL)) : code < 0 ? code : 0;
}

int
engine_check_settings(const struct conf *c, struct err *e)
{
	uint64_t x;
	int code;

	if ((code = now_of_conf(c, &x, e)) < 0 || (code = rules_of_conf(c, &x, e)) < 0)
		return code;
	return check_redis(c, e);
}
