/* SPDX-License-Identifier: ISC */
/*
 * request: a file of a path, bound and planned against one state of the store. Decides which
 * files there are and where they may stand. Planning is put off until somebody asks for the
 * cost or the run.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/near.h"
#include "engine_i.h"
#include "query/name.h"

static const struct {
	const char *name;
	enum file_kind kind;
} extra_files[] = {
	{ "plan", FILE_PLAN },
	{ "plan.json", FILE_PLAN_JSON },
	{ "profile.json", FILE_PROFILE },
	{ "query", FILE_QUERY },
};

bool
file_in_every_query(struct sv name, enum file_kind *kind)
{
	for (size_t i = 0; i < sizeof extra_files / sizeof *extra_files; i++)
		if (sv_is(name, extra_files[i].name)) {
			*kind = extra_files[i].kind;
			return true;
		}
	return false;
}

bool
engine_known_file(struct sv name)
{
	enum file_kind kind;

	return format_find(name) != NULL || file_in_every_query(name, &kind) ||
	    sv_is(name, "info.json") || sv_is(name, "%more");
}

/* True if the query is about one trace: trace/ID with a single id at the top. */
static bool
one_trace(const struct query *q)
{
	const struct pred *p = q->filter;
	size_t n = p->kind == PRED_AND ? p->n_kids : 1;

	for (size_t i = 0; i < n; i++) {
		const struct pred *k = p->kind == PRED_AND ? p->kids[i] : p;

		if (k->kind == PRED_LEAF && k->op == OP_EQ &&
		    k->field.scope == FIELD_INTRINSIC && k->field.intrinsic == IN_TRACE_ID)
			return true;
	}
	return false;
}

static int
check_format(struct request *r, struct sv file, struct err *e)
{
	const struct query *q = r->query;
	bool trace_rows = r->format->rows == ROW_TRACE;

	if (r->format->only_trace && !one_trace(q))
		return err_set(e, ERR_UNSUPPORTED, -1,
		    "%.*s stands under trace/ID, with one id", SV_ARG(file));
	if (q->n_select != 0 && !r->format->select_ok)
		return err_set(e, ERR_UNSUPPORTED, -1, "select can't be used with %.*s",
		    SV_ARG(file));
	for (size_t i = 0; i < q->n_select && trace_rows; i++) {
		const struct field *f = &q->select[i];

		if (f->scope != FIELD_INTRINSIC || (f->intrinsic != IN_TRACE_ID &&
		    (intrinsics[f->intrinsic].of != OF_TRACE || f->intrinsic == IN_CHILD_COUNT)))
			return err_set(e, ERR_UNSUPPORTED, -1,
			    "select of %.*s in %.*s: only fields of the trace",
			    SV_ARG(q->select_typed[i]), SV_ARG(file));
	}
	for (size_t i = 0; i < q->n_sort && trace_rows; i++) {
		const struct field *f = &q->sort[i].field;

		if (f->scope != FIELD_INTRINSIC || (f->intrinsic != IN_TRACE_ID &&
		    (intrinsics[f->intrinsic].of != OF_TRACE || f->intrinsic == IN_CHILD_COUNT)))
			return err_set(e, ERR_UNSUPPORTED, -1,
			    "sort of %.*s: only by fields of the trace", SV_ARG(file));
	}
	return 0;
}

/* The world's statistics with the summary that there is at this moment. */
static int
take_stats(struct request *r, const struct stats *st, struct err *e)
{
	struct stats *own = arena_new(&r->arena, struct stats);

	if (own == NULL)
		return err_nomem(e);
	*own = *st;
	if ((r->summary = engine_summary(r->engine, r->world)) != NULL)
		own->summary = &r->summary->stats;
	r->stats = own;
	return 0;
}

int
request_stats(struct request *r, struct err *e)
{
	const struct stats *st;
	uint64_t time = 0;
	int code;

	if (r->stats != NULL)
		return 0;
	/* Only rule `time` keeps a plan off the shards outside the range. */
	if ((code = opt_rules_parse(SV("time"), &time, e)) < 0)
		return code;
	code = (r->rules_off & time) != 0 ? world_all(r->engine, r->world, &st, e) :
	    world_stats(r->engine, r->world, r->query->range, &r->arena, &st, e);
	return code == 0 ? take_stats(r, st, e) : code;
}

static bool
shard_has_service(const struct shard_stats *s, struct sv name)
{
	size_t lo = 0, hi = s->n_services;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = sv_cmp(s->services[mid].service, name);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

/* In the shards that are loaded for this query. A list is known if one of its names is. */
static bool
loaded_service(const struct stats *st, const struct pred *p)
{
	for (size_t i = 0; i < st->n_shards; i++)
		for (size_t k = 0; k < p->n_lits; k++)
			if (shard_has_service(&st->shards[i], p->lits[k].text))
				return true;
	return false;
}

static bool
known_service(const struct world *w, const struct pred *p)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (map_get(&w->services, p->lits[i].text) != NULL)
			return true;
	return false;
}

static int
unknown_service(const struct world *w, struct sv name, struct err *e)
{
	const struct map_slot *s;
	struct near x;

	near_init(&x, name);
	for (size_t i = 0; (s = map_next(&w->services, &i)) != NULL;)
		near_offer(&x, sv_new(s->key, s->len));
	if (x.found.n == 0)
		return err_set(e, ERR_UNKNOWN, -1, "no service '%.*s' in the store",
		    SV_ARG(name));
	return err_set(e, ERR_UNKNOWN, -1,
	    "no service '%.*s' in the store; did you mean '%.*s'?", SV_ARG(name),
	    SV_ARG(x.found));
}

static int
check_service(struct request *r, const struct pred *p, struct err *e)
{
	const struct stats *all;
	int code;

	if (atomic_load_explicit(&r->world->all, memory_order_acquire) == NULL) {
		if ((code = request_stats(r, e)) < 0)
			return code;
		if (loaded_service(r->stats, p))
			return 0;
	}
	if ((code = world_all(r->engine, r->world, &all, e)) < 0)
		return code;
	return known_service(r->world, p) ? 0 : unknown_service(r->world, p->lits[0].text, e);
}

static int
check_services(struct request *r, struct err *e)
{
	const struct query *q = r->query;
	int code = 0;

	if (!conf_bool(r->engine->conf, CONF_BROWSE_STRICT_NAMES))
		return 0;
	for (size_t i = 0; i < q->n_services && code == 0; i++)
		code = check_service(r, q->services[i], e);
	return code;
}

static int
bind(struct request *r, struct sv file, struct err *e)
{
	struct query_env env;
	int code;

	engine_bind_env(r->engine, r->world, &env);
	if ((code = query_bind(r->path, &env, &r->arena, &r->query, e)) < 0)
		return code;
	if ((code = check_services(r, e)) < 0)
		return code;
	if (r->format != NULL && r->kind == FILE_FORMAT &&
	    (code = check_format(r, file, e)) < 0)
		return code;
	query_print(&r->canonical, r->query);
	return 0;
}

static int
classify(struct request *r, struct sv file, struct err *e)
{
	struct path_view v = path_view(r->path);

	if (sv_is(file, "%more") && v.state == PATH_ARG) {
		r->kind = FILE_MORE;
		return 0;
	}
	if (sv_is(file, "info.json") && v.in_shards && v.shard_hour.n != 0) {
		r->kind = FILE_INFO;
		return 0;
	}
	r->format = format_find(file);
	r->kind = FILE_FORMAT;
	if (r->format == NULL && !file_in_every_query(file, &r->kind))
		return err_set(e, ERR_UNKNOWN, -1, "no file '%.*s' here", SV_ARG(file));
	if (v.state == PATH_ARG)
		return err_set(e, ERR_UNKNOWN, -1, "'%s' awaits a value before a file",
		    v.keyword);
	if (!v.complete)
		return err_set(e, ERR_SYNTAX, -1,
		    "a file can't stand in an open group: close it with 'end'");
	if (r->kind == FILE_PROFILE)
		r->format = format_find(SV("spans.jsonl"));
	return 0;
}

static void
make_key(struct request *r, struct sv file)
{
	if (r->query == NULL)
		path_print(&r->key, r->path);
	else
		buf_sv(&r->key, buf_view(&r->canonical));
	buf_putc(&r->key, '\0');
	buf_sv(&r->key, file);
	buf_putc(&r->key, '\0');
	/* `now` moves in steps of the ttl: what depends on it is another result at each. */
	if (r->query != NULL && r->query->relative)
		buf_u64(&r->key, r->query->now);
	/* Rows do not depend on the rules, plans and profiles do. */
	if (r->rules_off != 0)
		buf_u64(&r->key, r->rules_off);
	/* Two spellings of a field are one query, but not one key name in the answer. */
	for (size_t i = 0; r->query != NULL && i < r->query->n_select; i++) {
		buf_putc(&r->key, '\0');
		buf_sv(&r->key, r->query->select_typed[i]);
	}
}

int
request_new(struct engine *en, struct path *path, struct sv file, struct request **out,
    struct err *e)
{
	struct request *r = calloc(1, sizeof *r);
	int code;

	if (r == NULL)
		return err_nomem(e);
	arena_init(&r->arena);
	r->engine = en;
	r->path = path_ref(path);
	if ((r->file = arena_printf(&r->arena, "%.*s", SV_ARG(file))) == NULL) {
		code = err_nomem(e);
		goto fail;
	}
	r->rules_off = atomic_load(&en->rules_off);
	if ((code = classify(r, file, e)) < 0 ||
	    (code = engine_world(en, &r->world, e)) < 0)
		goto fail;
	if (r->kind != FILE_INFO && r->kind != FILE_MORE && (code = bind(r, file, e)) < 0)
		goto fail;
	make_key(r, file);
	if ((code = buf_ok(&r->key, e)) < 0 || (code = buf_ok(&r->canonical, e)) < 0)
		goto fail;
	*out = r;
	return 0;
fail:
	request_free(r);
	return code;
}

int
request_plain(const struct request *r, struct request **out, struct err *e)
{
	struct request *n = calloc(1, sizeof *n);
	struct query_env env;
	int code;

	if (n == NULL)
		return err_nomem(e);
	arena_init(&n->arena);
	n->engine = r->engine;
	n->path = path_ref(r->path);
	n->world = world_ref(r->world);
	n->kind = r->kind;
	n->format = r->format;
	n->shadow = true;
	n->threads = 1;
	engine_bind_env(n->engine, n->world, &env);
	if (r->query->relative)
		env.now = r->query->now;
	if ((n->file = arena_printf(&n->arena, "%s", r->file)) == NULL)
		code = err_nomem(e);
	else if ((code = opt_rules_parse(SV("all"), &n->rules_off, e)) == 0)
		code = query_bind(n->path, &env, &n->arena, &n->query, e);
	if (code == 0) {
		query_print(&n->canonical, n->query);
		code = buf_ok(&n->canonical, e);
	}
	if (code < 0) {
		request_free(n);
		return code;
	}
	*out = n;
	return 0;
}

void
request_settle(struct request *r)
{
	plan_free(r->plan);
	request_filters_free(r);
	summary_unref(r->summary);
	world_unref(r->world);
	arena_release(&r->arena);
	r->plan = NULL;
	r->summary = NULL;
	r->world = NULL;
	r->stats = NULL;
	r->query = NULL;
	r->file = NULL;
	r->own_filters = NULL;
}

size_t
request_memory(const struct request *r)
{
	size_t n = sizeof *r + r->canonical.cap + r->key.cap + arena_footprint(&r->arena);

	return r->plan == NULL ? n : n + arena_footprint(&r->plan->arena);
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	request_settle(r);
	buf_release(&r->canonical);
	buf_release(&r->key);
	path_unref(r->path);
	free(r);
}

uint64_t
request_cost_ns(struct request *r)
{
	double ns;

	if (r->kind != FILE_FORMAT && r->kind != FILE_PROFILE)
		return 0;
	if (request_plan(r, NULL) < 0)
		return 0;
	ns = r->plan->est_cost * COST_UNIT_NS;
	return ns < 1e18 ? (uint64_t)ns : (uint64_t)1e18;
}

uint64_t
request_est_bytes(struct request *r)
{
	if (r->kind != FILE_FORMAT || request_plan(r, NULL) < 0)
		return 0;
	return r->plan->est_bytes < 1e18 ? (uint64_t)r->plan->est_bytes : (uint64_t)1e18;
}

/* The text of a path with its last n segments cut off. */
static struct sv
cut_segments(struct sv text, size_t n)
{
	while (n-- > 0) {
		while (text.n > 0 && text.p[text.n - 1] != '/')
			text.n--;
		if (text.n > 0)
			text.n--;
	}
	return text;
}

static bool
no_file(struct sv s)
{
	(void)s;
	return false;
}

const struct query *
bind_prefix(struct engine *en, struct world *w, const struct path *path, struct arena *a)
{
	struct path_view v = path_view(path);
	size_t cut = v.state == PATH_ARG ? (size_t)v.arg + 1 : 0;
	const struct query *q = NULL;
	struct buf text = BUF_INIT;
	struct path *prefix = NULL;
	struct query_env env;
	struct sv file;

	path_print(&text, path);
	if (!text.oom && path_parse(cut_segments(buf_view(&text), cut), no_file, &prefix,
	    &file, NULL) == 0 && path_view(prefix).complete) {
		engine_bind_env(en, w, &env);
		if (query_bind(prefix, &env, a, &q, NULL) < 0)
			q = NULL;
	}
	path_unref(prefix);
	buf_release(&text);
	return q;
}
