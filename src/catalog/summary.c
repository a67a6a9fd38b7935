/* SPDX-License-Identifier: ISC */
/*
 * summary: which shards are merged, and one shard at a time. A failure for want of memory
 * leaves a shard half in: the maker then begins anew the next time.
 */
#include "summary_i.h"

#include <stdlib.h>

#include "stats_i.h"

/* With more shards than these their footers, some 26 KB each, would take too much memory. */
#define STAY_OPEN 2048

static void
forget(struct summary_maker *m)
{
	for (size_t i = 0; i < m->fields.n; i++)
		field_acc_free(m->fields.v[i]);
	for (size_t i = 0; i < m->cells.n; i++)
		cell_acc_free(m->cells.v[i]);
	for (size_t i = 0; i < m->entries.n; i++)
		cell_field_acc_free(m->entries.v[i]);
	vec_release(&m->fields);
	vec_release(&m->cells);
	vec_release(&m->entries);
	map_release(&m->shards);
	map_release(&m->field_at);
	map_release(&m->cell_at);
	map_release(&m->entry_at);
	arena_release(&m->arena);
}

static void
begin(struct summary_maker *m)
{
	arena_init(&m->arena);
	map_init(&m->shards);
	map_init(&m->field_at);
	map_init(&m->cell_at);
	map_init(&m->entry_at);
	m->n_rows = m->cell_rows = 0;
	m->n_shards = 0;
}

int
summary_maker_new(const struct summary_options *o, struct summary_maker **out, struct err *e)
{
	struct summary_maker *m = calloc(1, sizeof *m);

	if (m == NULL)
		return err_nomem(e);
	m->opts = *o;
	if (m->opts.top_values == 0)
		m->opts.top_values = 1;
	if (m->opts.buckets < 2)
		m->opts.buckets = 2;
	begin(m);
	*out = m;
	return 0;
}

void
summary_maker_free(struct summary_maker *m)
{
	if (m != NULL)
		forget(m);
	free(m);
}

/* ---- one shard ---- */

/* The place in s->columns of a field and type, or n_columns. */
static size_t
place_of(const struct shard_stats *s, const struct field *f, enum value_type type)
{
	size_t n;
	const struct column_stats *c = stats_columns(s, f, &n);

	for (; n > 0; c++, n--)
		if (c->type == type)
			return (size_t)(c - s->columns);
	return s->n_columns;
}

static bool
field_of_column(const struct column *c, struct field *f)
{
	bool range, loose;

	if (c->id != COL_PARENT)
		return stats_column_field(c, f, &range, &loose);
	*f = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = IN_PARENT_SPAN_ID };
	return true;
}

/* Fields: what the shard's columns hold, and what is known of each beyond the footer. */
static int
add_fields(struct summary_maker *m, const struct shard_stats *st, const struct shard_info *info,
    const struct shard_more *more, uint32_t *field_of, struct err *e)
{
	const struct column_more **of = calloc(st->n_columns + 1, sizeof *of);
	uint32_t *id = calloc(st->n_columns + 1, sizeof *id);
	int rc = of == NULL || id == NULL ? err_nomem(e) : 0;
	struct field f;

	for (size_t i = 0; i < info->n_columns && rc == 0 && more != NULL; i++)
		if (info->columns[i].id != COL_PARENT && field_of_column(&info->columns[i], &f))
			of[place_of(st, &f, info->columns[i].type)] = &more->columns[i];
	for (size_t i = 0; i < st->n_columns && rc == 0; i++) {
		const struct column_stats *c = &st->columns[i];

		if ((rc = field_acc_find(m, &c->field, c->type, &id[i], e)) == 0 &&
		    id[i] != UINT32_MAX)
			rc = field_acc_add(m, m->fields.v[id[i]], c,
			    of[i], e);
	}
	for (size_t i = 0; i < info->n_columns && rc == 0; i++) {
		size_t at = field_of_column(&info->columns[i], &f) ?
		    place_of(st, &f, info->columns[i].type) : st->n_columns;

		field_of[i] = at == st->n_columns ? UINT32_MAX : id[at];
	}
	free(of);
	free(id);
	return rc;
}

static int
add_loaded(struct summary_maker *m, struct shard *shard, const struct shard_stats *st,
    struct err *e)
{
	const struct shard_info *info = shard_info(shard);
	uint32_t *field_of = calloc(info->n_columns + 1, sizeof *field_of);
	const struct shard_more *more = NULL;
	struct err why = ERR_INIT;
	struct arena a;
	int rc;

	arena_init(&a);
	if (field_of == NULL)
		rc = err_nomem(e);
	else if ((rc = shard_more_read(shard, &a, &more, &why)) != 0 && !passed_over(rc))
		rc = err_nomem(e);
	else if ((rc = add_fields(m, st, info, more, field_of, e)) == 0 && more != NULL)
		rc = cells_add(m, info, more, field_of, e);
	if (rc == 0) {
		m->n_rows += (double)st->n_rows;
		m->n_shards++;
	}
	arena_release(&a);
	free(field_of);
	return rc;
}

/* A shard that does not stay open. */
static int
add_passing(struct summary_maker *m, const struct snapshot *s, size_t i, struct err *e)
{
	const struct snap *own = snap_of(s);
	struct shard_facts *f = calloc(1, sizeof *f);
	struct err why = ERR_INIT;
	struct shard *shard;
	int rc;

	if (f == NULL)
		return err_nomem(e);
	arena_init(&f->arena);
	if ((rc = snapshot_open_listed(own->fs, own->cache, &s->shards[i], &shard, &why)) == 0) {
		rc = shard_facts_fill(shard, f, &why);
		if (rc == 0 && (rc = add_loaded(m, shard, &f->stats, e)) != 0)
			(void)err_set(&why, rc, -1, "%s", e == NULL ? "" : e->msg);
		/* The facts borrow from the shard. */
		shard_facts_free(f);
		shard_unref(shard);
	} else
		shard_facts_free(f);
	return rc == 0 || passed_over(rc) ? 0 : err_set(e, rc, why.off, "%s", why.msg);
}

static int
add_shard(struct summary_maker *m, const struct snapshot *s, size_t i, struct err *e)
{
	const struct shard_stats *st;
	struct err why = ERR_INIT;
	struct shard *shard;
	int rc;

	if (s->n_shards > STAY_OPEN)
		return add_passing(m, s, i, e);
	if ((rc = snapshot_facts(s, i, &st, &why)) == 0 &&
	    (rc = snapshot_shard(s, i, &shard, &why)) == 0)
		return add_loaded(m, shard, st, e);
	return passed_over(rc) ? 0 : err_set(e, rc, why.off, "%s", why.msg);
}

/* ---- all of them ---- */

static bool
any_gone(const struct summary_maker *m, const struct snapshot *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_shards; i++)
		n += map_get(&m->shards, sv_cstr(s->shards[i].file)) != NULL;
	return n != m->shards.n;
}

static int
add_new(struct summary_maker *m, const struct snapshot *s, size_t *n_read, struct err *e)
{
	int rc;

	for (size_t i = 0; i < s->n_shards; i++) {
		struct sv file = sv_cstr(s->shards[i].file);

		if (map_get(&m->shards, file) != NULL)
			continue;
		if ((rc = add_shard(m, s, i, e)) != 0)
			return rc;
		if (map_put(&m->shards, file, NULL) == NULL)
			return err_nomem(e);
		++*n_read;
	}
	return 0;
}

static int
by_field(const void *a, const void *b, void *arg)
{
	struct field_acc *const *v = arg;
	const struct field_acc *x = v[*(const uint32_t *)a], *y = v[*(const uint32_t *)b];
	int c = field_cmp(&x->field, &y->field);

	return c != 0 ? c : (int)x->type - (int)y->type;
}

static int
publish(struct summary_maker *m, struct summary *s, struct err *e)
{
	uint32_t n = (uint32_t)m->fields.n;
	struct stats_field *v = arena_array(&s->arena, n + 1, struct stats_field);
	uint32_t *order = calloc(n + 1, sizeof *order), *new_of = calloc(n + 1, sizeof *new_of);
	int rc = v == NULL || order == NULL || new_of == NULL ? err_nomem(e) : 0;

	for (uint32_t i = 0; i < n && rc == 0; i++)
		order[i] = i;
	if (rc == 0)
		qsort_r(order, n, sizeof *order, by_field, m->fields.v);
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		new_of[order[i]] = i;
		rc = field_acc_publish(m->fields.v[order[i]], &s->arena, &v[i], m->opts.buckets,
		    e);
	}
	s->stats.fields = v;
	s->stats.n_fields = n;
	s->stats.n_rows = m->n_rows;
	s->stats.n_shards = m->n_shards;
	if (rc == 0)
		rc = cells_publish(m, new_of, &s->stats, &s->arena, e);
	free(order);
	free(new_of);
	return rc;
}

int
summary_make(struct summary_maker *m, const struct snapshot *snap, uint64_t now_ns,
    struct summary **out, size_t *n_read, struct err *e)
{
	struct summary *s = calloc(1, sizeof *s);
	int rc;

	*n_read = 0;
	if (s == NULL)
		return err_nomem(e);
	atomic_init(&s->refs, 1);
	arena_init(&s->arena);
	if (any_gone(m, snap)) {
		forget(m);
		begin(m);
	}
	if ((rc = add_new(m, snap, n_read, e)) == 0 && (rc = publish(m, s, e)) == 0) {
		s->stats.version = ++m->version;
		s->stats.generation = snap->generation;
		s->stats.made_ns = now_ns;
		*out = s;
		return 0;
	}
	forget(m);
	begin(m);
	summary_unref(s);
	return rc;
}

struct summary *
summary_ref(struct summary *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void
summary_unref(struct summary *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	arena_release(&s->arena);
	free(s);
}
