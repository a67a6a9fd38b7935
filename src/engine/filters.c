/* SPDX-License-Identifier: ISC */
/*
 * filters: the Bloom filters that a request's plan is made with: of the fields that its filter
 * compares for equality. Those of a state of the store with all its statistics are kept with
 * it, of the first KEPT_FIELDS fields and up to a part of the store's cache, since what is
 * pinned there has no other use. Before that, and for further fields, each request has its own.
 */
#include <stdlib.h>

#include "engine_i.h"

#define FILTER_BYTES ((size_t)64 << 20)
#define KEPT_FIELDS 64		/* anybody may ask for fields of any name */
#define MOST_FIELDS 8		/* of a request; the first ones */

/* A quarter of the cache, so that pinned filters leave it room for what queries read. */
static size_t
most_bytes(const struct engine *en)
{
	uint64_t quarter = conf_u64(en->conf, CONF_STORE_CACHE) / 4;

	return quarter < FILTER_BYTES ? (size_t)quarter : FILTER_BYTES;
}

static int
add(struct world *w, struct value_filter *v, struct err *e)
{
	struct value_filter **more = realloc(w->filters, (w->n_filters + 1) * sizeof *more);

	if (more == NULL) {
		value_filter_free(v);
		return err_nomem(e);
	}
	w->filters = more;
	w->filters[w->n_filters++] = v;
	w->filter_bytes += value_filter_bytes(v);
	return 0;
}

/* The world's, made if need be; *out stays NULL if it keeps no more. */
static int
of_world(struct engine *en, struct world *w, const struct stats *all, const struct field *f,
    const struct stats_filter **out, struct err *e)
{
	size_t most = most_bytes(en);
	struct value_filter *v = NULL;
	int code = 0;

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->n_filters && v == NULL; i++)
		if (field_eq(&value_filter_stats(w->filters[i])->field, f))
			v = w->filters[i];
	if (v == NULL && w->n_filters < KEPT_FIELDS &&
	    (code = value_filter_load(w->snap, all, f,
	    most > w->filter_bytes ? most - w->filter_bytes : 0, en->workers, &v, e)) == 0)
		code = add(w, v, e);
	pthread_mutex_unlock(&w->lock);
	if (code == 0 && v != NULL)
		*out = value_filter_stats(v);
	return code;
}

static int
of_request(struct request *r, const struct field *f, const struct stats_filter **out,
    struct err *e)
{
	struct value_filter *v;
	int code;

	if ((code = value_filter_load(r->world->snap, r->stats, f, most_bytes(r->engine),
	    r->engine->workers, &v, e)) < 0)
		return code;
	r->own_filters[r->n_own_filters++] = v;
	*out = value_filter_stats(v);
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
	while (r->n_own_filters > 0)
		value_filter_free(r->own_filters[--r->n_own_filters]);
}

int
request_filters(struct request *r, struct err *e)
{
	const struct stats *all = atomic_load_explicit(&r->world->all, memory_order_acquire);
	const struct field *fields[MOST_FIELDS];
	size_t n = collect(r->query->filter, fields, 0);
	const struct stats_filter **v;
	uint64_t bloom = 0;
	int code;

	if ((code = opt_rules_parse(SV("bloom"), &bloom, e)) < 0)
		return code;
	if (n == 0 || (r->rules_off & bloom) != 0 || r->stats->filters != NULL)
		return 0;
	if ((v = arena_array(&r->arena, n, const struct stats_filter *)) == NULL ||
	    (r->own_filters = arena_array(&r->arena, n, struct value_filter *)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n && code == 0; i++) {
		v[i] = NULL;
		if (all != NULL)
			code = of_world(r->engine, r->world, all, fields[i], &v[i], e);
		if (code == 0 && v[i] == NULL)
			code = of_request(r, fields[i], &v[i], e);
	}
	if (code < 0) {
		request_filters_free(r);
		return code;
	}
	r->stats->filters = v;
	r->stats->n_filters = n;
	return 0;
}
