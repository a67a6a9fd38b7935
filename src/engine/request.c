/* SPDX-License-Identifier: ISC */
/*
 * request: a file of a path, bound and planned against one state of the store. Decides which
 * files there are and where they may stand. Planning is put off until somebody asks for the
 * cost or the run.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "engine_i.h"
#include "query/path_names.h"

/*
 * Files that are no rows, each a row of this table; files of rows are rows of format.c's. What is
 * made of a kind: run.c.
 */
static const struct {
	const char *name;
	enum file_kind kind;
	enum file_place place;
} own_files[] = {
	{ "plan", FILE_PLAN, PLACE_QUERY },
	{ "plan.json", FILE_PLAN_JSON, PLACE_QUERY },
	{ "profile.json", FILE_PROFILE, PLACE_QUERY },
	{ "query", FILE_QUERY, PLACE_QUERY },
	{ "info.json", FILE_INFO, PLACE_SHARD },
	{ "~%more", FILE_MORE, PLACE_VALUES },
	{ "follow.jsonl", FILE_FOLLOW, PLACE_UNLISTED },
};
#define N_OWN_FILES (sizeof own_files / sizeof *own_files)

const char *
file_at(enum file_place place, size_t i)
{
	for (size_t k = 0; k < N_OWN_FILES; k++)
		if (own_files[k].place == place && i-- == 0)
			return own_files[k].name;
	return NULL;
}

/* The kind of the file of that name where it stands; FILE_FORMAT: there is none. */
static enum file_kind
own_file(enum file_place place, struct sv name)
{
	for (size_t k = 0; k < N_OWN_FILES; k++)
		if (own_files[k].place == place && sv_is(name, own_files[k].name))
			return own_files[k].kind;
	return FILE_FORMAT;
}

bool
engine_known_file(struct sv name)
{
	for (size_t k = 0; k < N_OWN_FILES; k++)
		if (sv_is(name, own_files[k].name))
			return true;
	return format_find(name) != NULL;
}

static bool
no_file(struct sv s)
{
	(void)s;
	return false;
}

/* The path with the clauses that its format adds. */
static int
widen(struct request *r, struct err *e)
{
	struct buf text = BUF_INIT;
	struct sv file;
	int code;

	path_print(&text, r->path);
	buf_putc(&text, '/');
	buf_str(&text, r->format->clauses);
	if ((code = buf_ok(&text, e)) == 0)
		code = path_parse(buf_view(&text), no_file, &r->wider, &file, e);
	buf_release(&text);
	return code;
}

/* Who pages is given every row, and is told offset and limit. */
static int
take_page(struct request *r, struct err *e)
{
	struct query *all = arena_new(&r->arena, struct query);

	if (all == NULL)
		return err_nomem(e);
	r->offset = r->query->offset;
	r->limit = r->query->limit;
	*all = *r->query;
	all->offset = 0;
	all->limit = UINT64_MAX;
	all->has_limit = false;
	r->query = all;
	return 0;
}

/* r->query and r->canonical. */
static int
bind_query(struct request *r, const struct query_env *env, struct err *e)
{
	bool format = r->format != NULL && r->kind == FILE_FORMAT;
	int code;

	if (format && r->format->clauses != NULL && (code = widen(r, e)) < 0)
		return code;
	if ((code = query_bind(r->wider != NULL ? r->wider : r->path, env, &r->arena, &r->query,
	    e)) < 0)
		return code;
	if (r->format != NULL && r->format->rows == ROW_TRACE &&
	    (r->query = query_of_traces(r->query, &r->arena)) == NULL)
		return err_nomem(e);
	buf_sv(&r->canonical, r->query->canonical);
	return format && r->format->pages ? take_page(r, e) : 0;
}

/* Of the request's range: enough if they have what its path names. */
static int
loaded_stats(void *arg, const struct stats **out, struct err *e)
{
	struct request *r = arg;
	int code = request_stats(r, e);

	*out = r->stats;
	return code;
}

/* With what is of its world; 1: that is another now. */
static int
bind_to_world(struct request *r, struct err *e)
{
	struct query_env env;
	int code;

	request_take_settings(r);
	request_bind_env(r, &env);
	if (r->marked != NULL) {
		env.mark = known_mark;
		env.mark_arg = (void *)(uintptr_t)r->marked;
	}
	if ((code = bind_query(r, &env, e)) < 0 || (code = request_meet_mark(r, e)) <= 0)
		return code;
	path_unref(r->wider);
	r->wider = NULL;
	r->canonical.n = 0;
	return 1;
}

static int
bind(struct request *r, struct err *e)
{
	int code;

	while ((code = bind_to_world(r, e)) == 1)
		;
	if (code < 0 ||
	    (code = names_check(r->engine, r->world, r->path, loaded_stats, r, e)) < 0 ||
	    (code = names_check_columns(r->engine, r->world, r->query, e)) < 0)
		return code;
	if (r->format != NULL && r->kind == FILE_FORMAT &&
	    (code = check_format(r->query, r->format, e)) < 0)
		return code;
	if (r->kind == FILE_FOLLOW && (code = check_follow(r->query, e)) < 0)
		return code;
	/* Plans are of the file with whole rows. */
	if (r->kind == FILE_PLAN || r->kind == FILE_PLAN_JSON || r->kind == FILE_PROFILE) {
		r->format = query_usual_format(r->query);
		if ((code = check_order(r->query, r->format, e)) < 0)
			return code;
	}
	return request_take_groups(r, e);
}

static int
classify(struct request *r, struct sv file, struct err *e)
{
	struct path_view v = path_view(r->path);

	if (v.state == PATH_ARG && (r->kind = own_file(PLACE_VALUES, file)) != FILE_FORMAT)
		return 0;
	if (v.in_shards && v.shard_hour.n != 0 &&
	    (r->kind = own_file(PLACE_SHARD, file)) != FILE_FORMAT)
		return 0;
	r->format = format_find(file);
	if ((r->kind = own_file(PLACE_QUERY, file)) == FILE_FORMAT)
		r->kind = own_file(PLACE_UNLISTED, file);
	if (r->kind == FILE_FOLLOW)
		r->format = format_find(SV("spans.jsonl"));
	if (r->format == NULL && r->kind == FILE_FORMAT)
		return err_set(e, ERR_UNKNOWN, -1, "no file '%.*s' here", SV_ARG(file));
	if (v.state == PATH_ARG)
		return err_set(e, ERR_UNKNOWN, -1, "'%s' awaits a value before a file",
		    v.keyword);
	if (!v.complete)
		return err_set(e, ERR_SYNTAX, -1,
		    "a file can't stand in an open group: close it with 'end'");
	return 0;
}

void
request_make_key(struct request *r)
{
	if (r->query == NULL)
		path_print(&r->key, r->path);
	else
		buf_sv(&r->key, buf_view(&r->canonical));
	buf_putc(&r->key, '\0');
	buf_str(&r->key, r->file);
	buf_putc(&r->key, '\0');
	/* `now` moves in steps of the ttl: what depends on it is another result at each. */
	if (r->query != NULL && r->query->relative)
		r->now = r->query->now;
	/* Rows do not depend on the rules, plans and profiles do. */
	if (r->rules_off != 0)
		buf_u64(&r->key, r->rules_off);
	/* The mark moves under the same path. */
	if (r->query != NULL && r->query->has_mark) {
		BUF_LIT(&r->key, "\0mark");
		buf_u64(&r->key, r->query->after.generation);
	}
	/* Two spellings of a field are one query, but not one key name in the answer. */
	for (size_t i = 0; r->query != NULL && i < r->query->n_select; i++) {
		buf_putc(&r->key, '\0');
		buf_sv(&r->key, r->query->select_typed[i]);
	}
}

static void
waits_begin(struct request *r)
{
	r->own_waits.engine = r->engine;
	r->waits = &r->own_waits;
}

int
request_new(struct engine *en, struct path *path, struct sv file, struct request **out,
    struct err *e)
{
	return request_marked(en, path, file, NULL, out, e);
}

int
request_marked(struct engine *en, struct path *path, struct sv file,
    const struct query_mark *mark, struct request **out, struct err *e)
{
	struct request *r = calloc(1, sizeof *r);
	int code;

	if (r == NULL)
		return err_nomem(e);
	arena_init(&r->arena);
	r->engine = en;
	waits_begin(r);
	r->marked = mark;
	r->path = path_ref(path);
	if ((r->file = arena_printf(&r->arena, "%.*s", SV_ARG(file))) == NULL) {
		code = err_nomem(e);
		goto fail;
	}
	r->rules_off = atomic_load(&en->rules_off);
	if ((code = classify(r, file, e)) < 0 ||
	    (code = engine_world(en, &r->world, e)) < 0)
		goto fail;
	if (r->kind == FILE_INFO || r->kind == FILE_MORE)
		request_take_settings(r);
	else if ((code = bind(r, e)) < 0)
		goto fail;
	request_make_key(r);
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
	waits_begin(n);
	n->path = path_ref(r->path);
	n->world = world_ref(r->world);
	n->kind = r->kind;
	n->format = r->format;
	n->shadow = true;
	n->exact = true;	/* what is approximate depends on the order of the rows */
	n->threads = 1;
	n->rules_off = r->engine->rules.all;
	n->prices = r->prices;
	n->max_rows = r->max_rows;
	request_bind_env(n, &env);
	if (r->query->relative)
		env.now = r->query->now;
	if (r->query->has_mark) {
		env.mark = known_mark;
		env.mark_arg = (void *)(uintptr_t)&r->query->after;
	}
	if ((n->file = arena_printf(&n->arena, "%s", r->file)) == NULL)
		code = err_nomem(e);
	else if ((code = bind_query(n, &env, e)) == 0)
		code = request_take_groups(n, e);
	if (code == 0)
		code = buf_ok(&n->canonical, e);
	if (code < 0) {
		request_free(n);
		return code;
	}
	*out = n;
	return 0;
}

int
request_part(const struct request *r, const struct query *q, struct request **out, struct err *e)
{
	struct request *n = calloc(1, sizeof *n);

	if (n == NULL)
		return err_nomem(e);
	arena_init(&n->arena);
	n->engine = r->engine;
	n->waits = r->waits;
	n->path = path_ref(r->path);
	n->world = world_ref(r->world);
	n->kind = r->kind;
	n->format = r->format;
	n->file = r->file;
	n->query = q;
	n->groups = r->groups;
	n->gathers = r->gathers;
	n->compared = r->compared;
	n->rules_off = r->rules_off;
	n->prices = r->prices;
	n->max_rows = r->max_rows;
	n->shadow = true;	/* its plan is part of another's */
	n->exact = r->exact;
	n->memory = r->memory;
	n->batch_rows = r->batch_rows;
	n->threads = r->threads;
	n->force = r->force;
	n->force_leaves = r->force_leaves;
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
	r->query = r->groups = r->compared = NULL;
	r->file = NULL;
	r->own_filters = NULL;
}

size_t
request_memory(const struct request *r)
{
	size_t n = sizeof *r + r->canonical.cap + r->key.cap + r->note.cap + arena_footprint(&r->arena);

	return r->plan == NULL ? n : n + arena_footprint(&r->plan->arena);
}

void
request_print_path(const struct request *r, struct buf *b)
{
	size_t from = b->n;

	path_print(b, r->path);
	if (b->n - from > 1)
		buf_putc(b, '/');
	buf_str(b, r->file);
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	request_settle(r);
	buf_release(&r->canonical);
	buf_release(&r->key);
	buf_release(&r->note);
	path_unref(r->path);
	path_unref(r->wider);
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
	/* Groups are few beside their spans, and are made whole. */
	if (r->kind != FILE_FORMAT || r->groups != NULL || r->compared != NULL ||
	    request_plan(r, NULL) < 0)
		return 0;
	return r->plan->est_bytes < 1e18 ? (uint64_t)r->plan->est_bytes : (uint64_t)1e18;
}

/* Of what it gives so much as is kept in memory, and of a full sort what it sorts. */
#define LEAST_MEMORY (UINT64_C(8) << 20)

/* All that are found, until they are in order; counts, groups and comparisons keep none. */
bool
request_keeps_rows(const struct request *r)
{
	const struct plan *p = r->plan;

	return p->output != ROW_COUNT && p->output != ROW_GROUP && p->output != ROW_CONTRAST &&
	    !p->order.topn && !p->scan.early_stop;
}

uint64_t
request_est_memory(const struct request *r)
{
	const struct conf *c = r->engine->conf;
	uint64_t most = conf_u64(c, CONF_QUERY_MEMORY);
	double kept = (double)conf_u64(c, CONF_RESULT_CACHE_ENTRY_MAX_BYTES), bytes;

	if (r->plan == NULL)
		return LEAST_MEMORY;
	bytes = r->plan->est_bytes < kept ? r->plan->est_bytes : kept;
	if (request_keeps_rows(r))
		bytes += r->plan->filter.node.est_rows * REF_BYTES;
	return bytes < (double)most ? LEAST_MEMORY + (uint64_t)bytes : LEAST_MEMORY + most;
}

/* An error of the path itself, which who lists a directory may pass over. */
static bool
of_the_path(int code)
{
	return code == ERR_SYNTAX || code == ERR_UNKNOWN || code == ERR_UNSUPPORTED ||
	    code == ERR_TOOBIG || code == ERR_NAMETOOLONG;
}

int
bind_prefix(struct engine *en, struct world *w, const struct path *path, struct arena *a,
    const struct query **out, struct err *e)
{
	struct err err = ERR_INIT;
	struct query_env env;
	int code;

	while (!path_view(path).complete)
		path = path_parent(path);
	engine_bind_env(en, w, &env);
	*out = NULL;
	if ((code = query_bind(path, &env, a, out, &err)) == 0)
		return 0;
	*out = NULL;
	if (of_the_path(code))
		return 0;
	if (e != NULL)
		*e = err;
	return code;
}
