/* SPDX-License-Identifier: ISC */
/*
 * filters: the Bloom filters that a request's plan is made with: of the fields that its filter
 * compares for equality. Those of a state of the store with all its statistics are kept with
 * it, up to a part of the store's cache, since what is pinned there has no other use. Before
 * that, and for what is not kept, each request has its own while it is planned.
 */
#include <stdlib.h>

#include "engine_i.h"

#define FILTER_BYTES ((size_t)64 << 20)
/* Of fields with filters, and of others: anybody may ask for fields of any name. */
#define KEPT_FIELDS 64
#define MOST_FIELDS 8		/* of a request; the first ones */

/* A quarter of the cache, so that pinned filters leave it room for what queries read. */
static size_t
most_bytes(const struct engine *en)
{
	size_t quarter = chunkcache_max_bytes(catalog_cache(en->catalog)) / 4;

	return quarter < FILTER_BYTES ? quarter : FILTER_BYTES;
}

/* ---- kept ones ---- */

/* Under the lock. */
static struct value_filter *
find(const struct world *w, const struct field *f)
{
	for (size_t i = 0; i < w->n_filters; i++)
		if (field_eq(&value_filter_stats(w->filters[i])->field, f))
			return w->filters[i];
	return NULL;
}

/* Under the lock: true if the world has taken it. */
static bool
keep(struct world *w, struct value_filter *v, size_t most)
{
	size_t bytes = value_filter_bytes(v), alike = 0;
	struct value_filter **more;

	for (size_t i = 0; i < w->n_filters; i++)
		alike += (value_filter_bytes(w->filters[i]) != 0) == (bytes != 0);
	if (alike >= KEPT_FIELDS || w->filter_bytes + bytes > most ||
	    (more = realloc(w->filters, (w->n_filters + 1) * sizeof *more)) == NULL)
		return false;
	w->filters = more;
	w->filters[w->n_filters++] = v;
	w->filter_bytes += bytes;
	return true;
}

/* ---- of a request ---- */

static size_t
own_bytes(const struct request *r)
{
	size_t sum = 0;

	for (size_t i = 0; i < r->n_own_filters; i++)
		sum += value_filter_bytes(r->own_filters[i]);
	return sum;
}

/*
 * One that the world has, or a new one, which the world keeps if it may. It is read outside the
 * lock: two requests may both do so, which is only work done twice.
 */
static int
get(struct request *r, bool all, const struct field *f, const struct stats_filter **out,
    struct err *e)
{
	size_t most = most_bytes(r->engine), own = own_bytes(r);
	struct world *w = r->world;
	struct value_filter *v = NULL, *old;
	bool kept;
	int code;

	pthread_mutex_lock(&w->lock);
	old = all ? find(w, f) : NULL;
	pthread_mutex_unlock(&w->lock);
	if (old == NULL) {
		if ((code = value_filter_load(w->snap, r->stats, f, most > own ? most - own : 0,
		    r->engine->workers, &v, e)) < 0)
			return code;
		pthread_mutex_lock(&w->lock);
		old = all ? find(w, f) : NULL;
		kept = all && old == NULL && keep(w, v, most);
		pthread_mutex_unlock(&w->lock);
		if (old != NULL)
			value_filter_free(v);
		else if (!kept)
			r->own_filters[r->n_own_filters++] = v;
	}
	*out = value_filter_stats(old != NULL ? old : v);
	return 0;
}

static bool
has_columns(enum field_scope s)
{
	return s == FIELD_BARE || s == FIELD_SPAN || s == FIELD_EVENT || s == FIELD_LINK;
}

/* Fields of equalities that rows may be chosen by, each once; what stands under NOT is not. */
static size_t
collect(const struct pred *p, const struct field **v, size_t n)
{
	if (p->kind == PRED_NOT || n == MOST_FIELDS)
		return n;
	if (p->kind != PRED_LEAF) {
		for (size_t i = 0; i < p->n_kids; i++)
			n = collect(p->kids[i], v, n);
		return n;
	}
	if ((p->op != OP_EQ && p->op != OP_IN) || !has_columns(p->field.scope))
		return n;
	for (size_t i = 0; i < n; i++)
		if (field_eq(v[i], &p->field))
			return n;
	v[n] = &p->field;
	return n + 1;
}

void
request_filters_free(struct request *r)
{
	if (r->stats != NULL)
		r->stats->n_filters = 0;
	while (r->n_own_filters > 0)
		value_filter_free(r->own_filters[--r->n_own_filters]);
}

int
request_filters(struct request *r, struct err *e)
{
	const struct stats *all = atomic_load_explicit(&r->world->all, memory_order_acquire);
	bool is_all = all != NULL && all->shards == r->stats->shards;
	const struct field *fields[MOST_FIELDS];
	size_t n = collect(r->query->filter, fields, 0);
	const struct stats_filter **v;
	int code = 0;

	if (n == 0 || (r->rules_off & r->engine->rules.bloom) != 0)
		return 0;
	if ((v = arena_array(&r->arena, n, const struct stats_filter *)) == NULL ||
	    (r->own_filters = arena_array(&r->arena, n, struct value_filter *)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n && code == 0; i++)
		code = get(r, is_all, fields[i], &v[i], e);
	if (code < 0) {
		request_filters_free(r);
		return code;
	}
	r->stats->filters = v;
	r->stats->n_filters = n;
	return 0;
}
