/* SPDX-License-Identifier: ISC */
/*
 * value_filter: see catalog/value_filter.h. First every shard is asked what it has of the field,
 * which takes no reading; then the filters that fit the budget are fetched side by side.
 *
 * Where it must not conclude: a shard with a rest column may hold any key (all_keys is
 * false); a bare field may be a resource's; of several columns, one for each type of value,
 * none holds all values.
 */
#include "catalog/value_filter.h"

#include <stdlib.h>

#include "stats_i.h"
#include "shard/colbloom.h"

struct value_filter {
	struct stats_filter stats;
	const struct snapshot *snap;
	const struct stats *st;		/* while it is made */
	struct shard_filter *shards;
	const struct colbloom **blooms;	/* by shard: pinned */
	const struct column **columns;	/* by shard: whose filter is wanted, or NULL */
	char *key;
	size_t n, bytes;
	_Atomic bool no_memory;
};

static enum attr_scope
scope_of(const struct field *f)
{
	return f->scope == FIELD_EVENT ? ATTR_EVENT : f->scope == FIELD_LINK ? ATTR_LINK :
	    ATTR_SPAN;
}

/* The shard's own column that the statistics are of. */
static const struct column *
column_of(const struct shard *s, const struct field *f, enum value_type type)
{
	const struct column *c;
	size_t n = shard_attr(s, scope_of(f), f->key, &c);

	for (size_t i = 0; i < n; i++)
		if (c[i].type == type)
			return &c[i];
	return NULL;
}

static int
resolve(struct value_filter *v, const struct stats *st, size_t i, struct err *e)
{
	const struct shard_stats *s = &st->shards[i];
	struct field f = v->stats.field;
	struct shard *shard;
	size_t n;
	int rc;

	if (s->damaged || s->n_columns == 0 || !s->all_keys)
		return 0;
	if ((rc = snapshot_shard(v->snap, stats_shard_no(st, i), &shard, e)) != 0)
		return passed_over(rc) ? 0 : rc;
	if (f.scope == FIELD_BARE) {
		if ((rc = shard_resource_key(shard, f.key, e)) != 0)
			return rc == ERR_NOMEM ? rc : 0;
		f.scope = FIELD_SPAN;
	}
	v->shards[i].column = stats_columns(s, &f, &n);
	if (n > 1)
		return 0;
	v->shards[i].kind = n == 0 ? FILTER_ABSENT : FILTER_COLUMN;
	if (n == 1)
		v->columns[i] = column_of(shard, &f, v->shards[i].column->type);
	return 0;
}

/* Newest first: partitions rise. */
static void
keep_to_budget(struct value_filter *v, size_t max_bytes)
{
	for (size_t i = v->n; i-- > 0;) {
		const struct column *c = v->columns[i];

		if (c == NULL)
			continue;
		if (c->bloom_bytes == 0 || c->bloom_bytes > max_bytes - v->bytes)
			v->columns[i] = NULL;
		else
			v->bytes += c->bloom_bytes;
	}
}

static void
fetch_one(void *arg, size_t i)
{
	struct value_filter *v = arg;
	struct shard_filter *f = &v->shards[i];
	struct shard *shard;
	int rc;

	if (v->columns[i] == NULL)
		return;
	if ((rc = snapshot_shard(v->snap, stats_shard_no(v->st, i), &shard, NULL)) == 0)
		rc = colbloom_get(shard, v->columns[i], &v->blooms[i], NULL);
	if (rc == ERR_NOMEM)
		v->no_memory = true;
	if (rc == 0 && v->blooms[i] != NULL)
		f->bloom = colbloom_bits(v->blooms[i], &f->bloom_bytes);
}

static int
fill(struct value_filter *v, const struct stats *st, const struct field *f, size_t max_bytes,
    struct pool *pool, struct err *e)
{
	int rc = 0;

	v->shards = calloc(v->n + 1, sizeof *v->shards);
	v->blooms = calloc(v->n + 1, sizeof *v->blooms);
	v->columns = calloc(v->n + 1, sizeof *v->columns);
	v->key = malloc(f->key.n + 1);
	if (v->shards == NULL || v->blooms == NULL || v->columns == NULL || v->key == NULL)
		return err_nomem(e);
	if (f->key.n != 0)
		memcpy(v->key, f->key.p, f->key.n);
	v->stats = (struct stats_filter){ .field = *f, .shards = v->shards };
	v->stats.field.key.p = v->key;
	for (size_t i = 0; i < v->n && rc == 0; i++)
		rc = resolve(v, st, i, e);
	if (rc != 0)
		return rc;
	keep_to_budget(v, max_bytes);
	if (v->bytes != 0)
		pool_each(pool, pool == NULL ? 1 : pool_threads(pool) + 1, v->n, fetch_one, v);
	return v->no_memory ? err_nomem(e) : 0;
}

int
value_filter_load(const struct snapshot *s, const struct stats *st, const struct field *f,
    size_t max_bytes, struct pool *pool, struct value_filter **out, struct err *e)
{
	struct value_filter *v = calloc(1, sizeof *v);
	int rc;

	if (v == NULL)
		return err_nomem(e);
	v->snap = s;
	v->st = st;
	v->n = st->n_shards;
	if ((rc = fill(v, st, f, max_bytes, pool, e)) != 0)
		value_filter_free(v);
	else
		*out = v;
	return rc;
}

void
value_filter_free(struct value_filter *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; v->blooms != NULL && i < v->n; i++)
		colbloom_put(v->blooms[i]);
	free(v->shards);
	free(v->blooms);
	free(v->columns);
	free(v->key);
	free(v);
}

const struct stats_filter *
value_filter_stats(const struct value_filter *v)
{
	return &v->stats;
}

size_t
value_filter_bytes(const struct value_filter *v)
{
	return v->bytes;
}
