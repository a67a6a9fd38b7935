/* SPDX-License-Identifier: ISC */
/*
 * bindenv: what binding asks of the store: long values and fields behind their aliases, whether
 * a key that files show is an attribute, where a mark stands; and what tokens cost, from
 * [price MODEL]: a query keeps the list that it was bound with, since those before a reload live
 * as long as the engine.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "engine_i.h"

static int
resolve_alias(void *arg, struct arena *a, const struct field *f, uint64_t hi, uint64_t lo,
    struct sv *out, struct err *e)
{
	struct world *w = arg;
	struct values_request rq = {
		.field = *f, .range = TIME_RANGE_ALL, .max = SIZE_MAX,
	};
	struct values_result rs;
	int code;

	*out = SV_EMPTY;
	if ((code = catalog_values(w->snap, &rq, a, &rs, e)) < 0)
		return code;
	for (size_t i = 0; i < rs.n && out->n == 0; i++) {
		struct hash128 h = hash128(rs.values[i].p, rs.values[i].n);

		if (h.hi == hi && h.lo == lo)
			*out = rs.values[i];
	}
	return 0;
}

int
world_field_alias(void *arg, struct arena *a, uint64_t hi, uint64_t lo, struct sv *out,
    struct err *e)
{
	struct world *w = arg;
	struct values_result rs;
	int code;

	*out = SV_EMPTY;
	if ((code = catalog_fields(w->snap, TIME_RANGE_ALL, SIZE_MAX, a, &rs, e)) < 0)
		return code;
	for (size_t i = 0; i < rs.n && out->n == 0; i++) {
		struct sv text = field_as_typed(rs.values[i]);
		struct hash128 h = hash128(text.p, text.n);

		if (h.hi == hi && h.lo == lo)
			*out = text;
	}
	return 0;
}

static int
has_attr(void *arg, struct sv key, bool *has, struct err *e)
{
	struct world *w = arg;
	int code;

	if ((code = world_names(w, e)) < 0 ||
	    (code = world_find_key(w, FIELD_SPAN, key, has, e)) < 0 || *has ||
	    (code = world_find_key(w, FIELD_RESOURCE, key, has, e)) < 0 || *has)
		return code;
	return world_rest_key(w, key, has, e);
}

/* ---- marks ---- */

int
engine_mark(void *arg, struct sv name, struct query_mark *out, struct err *e)
{
	struct engine *en = arg;
	struct arena a;
	struct mark m;
	int code;

	if (en->source != NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "marks are of a store; a server has none");
	arena_init(&a);
	if ((code = mark_read(catalog_fsys(en->catalog), name, &a, &m, e)) == 0)
		*out = (struct query_mark){ m.generation, m.moved_ns };
	arena_release(&a);
	return code;
}

int
known_mark(void *arg, struct sv name, struct query_mark *out, struct err *e)
{
	(void)name;
	(void)e;
	*out = *(const struct query_mark *)arg;
	return 0;
}

void
engine_bind_env(struct engine *en, struct world *w, struct query_env *env)
{
	*env = (struct query_env){
		.now = engine_now(en, w),
		.max_rows = conf_u64(en->conf, CONF_QUERY_MAX_ROWS),
		.alias = resolve_alias,
		.alias_arg = w,
		.field_alias = world_field_alias,
		.has_attr = has_attr,
		.attr_arg = w,
		.mark = engine_mark,
		.mark_arg = en,
		.prices = &atomic_load(&en->prices)->prices,
	};
}

/* ---- prices ---- */

static uint64_t
hash_of(const struct prices *p)
{
	struct hash_stream h;

	hash_stream_init(&h);
	for (size_t i = 0; i < p->n; i++) {
		const double usd[] = { p->v[i].input, p->v[i].cached, p->v[i].output };

		hash_stream_add(&h, p->v[i].model.p, p->v[i].model.n);
		hash_stream_add(&h, usd, sizeof usd);
	}
	return hash_stream_end(&h).lo;
}

int
engine_load_prices(struct engine *en, const struct conf *conf, struct err *e)
{
	size_t n = conf_n_prices(conf);
	struct price_list *l = calloc(1, sizeof *l + n * sizeof *l->v);

	if (l == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		struct conf_price p = conf_price(conf, i);

		l->v[i] = (struct price){ sv_cstr(p.model), p.input, p.cached, p.output };
	}
	l->prices = (struct prices){ l->v, n };
	l->hash = hash_of(&l->prices);
	l->older = atomic_load(&en->prices);
	atomic_store(&en->prices, l);
	return 0;
}

void
engine_free_prices(struct engine *en)
{
	struct price_list *l = atomic_load(&en->prices), *older;

	for (; l != NULL; l = older) {
		older = l->older;
		free(l);
	}
}

/* ---- of a request ---- */

int
request_meet_mark(struct request *r, struct err *e)
{
	const struct query *q = r->query;
	struct world *newer;
	int code;

	if (!q->has_mark || q->after.generation <= r->world->snap->generation)
		return 0;
	if ((code = engine_world(r->engine, &newer, e)) < 0)
		return code;
	world_unref(r->world);
	r->world = newer;
	if (q->after.generation <= newer->snap->generation)
		return 1;
	return err_set(e, ERR_IO, -1, "mark '%.*s' stands at commit %llu, and the store is at %llu: "
	    "it was replaced by an older one; set the mark anew", SV_ARG(q->mark),
	    (unsigned long long)q->after.generation, (unsigned long long)newer->snap->generation);
}

void
request_take_settings(struct request *r)
{
	r->prices = atomic_load(&r->engine->prices);
	r->max_rows = conf_u64(r->engine->conf, CONF_QUERY_MAX_ROWS);
}

void
request_bind_env(const struct request *r, struct query_env *env)
{
	engine_bind_env(r->engine, r->world, env);
	env->prices = &r->prices->prices;
	env->max_rows = r->max_rows;
}
