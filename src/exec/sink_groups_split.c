/* SPDX-License-Identifier: ISC */
/*
 * sink_groups_split: a join over shards, for groups by columns: the spans of all traces that have
 * some in several shards, with their parents, places and what is known of their traces. Each shard's
 * are read by columns; traces get numbers by a hash of their ids; then each trace is worked out by
 * itself, by all threads. A trace in which two spans bear one id has no parents here, nor places.
 */
#include <stdlib.h>

#include "base/bitmap.h"
#include "base/search.h"
#include "sink_groups_split.h"

#define TRACES_A_TASK 512

/* ---- numbers and facts of traces ---- */

static int
text_code(struct split_traces *x, struct sv text, uint32_t *out, struct err *e)
{
	uint64_t *code;
	struct sv copy;
	bool fresh;

	if ((code = map_put(&x->codes, text, &fresh)) == NULL)
		return err_nomem(e);
	if (fresh) {
		*code = x->texts.n;
		copy = arena_sv(&x->codes.keys, text);
		if ((text.n != 0 && copy.p == NULL) || !vec_push(&x->texts, copy))
			return err_nomem(e);
	}
	*out = (uint32_t)*code;
	return 0;
}

/* Does `a` lead rather than `b`? The root, the earliest, the lower id, the lesser name and service. */
static bool
leads(const struct split_traces *x, const struct summed *a, const struct summed *b)
{
	int c;

	if (a->has_root != b->has_root)
		return a->has_root;
	if (a->f.start_ns != b->f.start_ns)
		return a->f.start_ns < b->f.start_ns;
	if (a->id != b->id)
		return a->id < b->id;
	if ((c = sv_cmp(x->texts.v[a->f.root_name], x->texts.v[b->f.root_name])) != 0)
		return c < 0;
	return sv_cmp(x->texts.v[a->f.root_service], x->texts.v[b->f.root_service]) < 0;
}

static void
add_sum(const struct split_traces *x, struct summed *t, const struct summed *part)
{
	struct summed was = *t;

	if (was.f.n_spans == 0) {
		*t = *part;
		return;
	}
	if (leads(x, part, t))
		*t = *part;
	t->first = was.first < part->first ? was.first : part->first;
	t->last = was.last > part->last ? was.last : part->last;
	t->f.n_spans = was.f.n_spans + part->f.n_spans;
	t->f.n_errors = was.f.n_errors + part->f.n_errors;
}

/* One shard's part of the k-th of its traces. */
static int
take_part(struct split_traces *x, struct split_shard *o, struct shard *s, const struct dict *names,
    struct trace_id id, uint32_t k, struct err *e)
{
	const struct shard_info *info = shard_info(s);
	const struct trace_part *p = &o->parts[k];
	struct summed sum = { .f = { .start_ns = p->lead_ns, .n_spans = p->n_spans,
		.n_errors = p->n_errors }, .first = p->first_ns, .last = p->last_ns,
		.id = o->id[split_place(o, p->lead_row)], .has_root = p->has_root };
	uint64_t *no;
	bool fresh;
	int rc;

	if ((rc = text_code(x, info->services[service_of_row(info, p->lead_row)].service,
	    &sum.f.root_service, e)) < 0 || (rc = text_code(x, names == NULL ? SV_EMPTY :
	    dict_at(names, p->lead_name), &sum.f.root_name, e)) < 0)
		return rc;
	if ((no = map_put(&x->numbers, sv_new(&id, sizeof id), &fresh)) == NULL)
		return err_nomem(e);
	if (fresh) {
		*no = x->sums.n;
		if (!vec_push(&x->sums, ((struct summed){ .first = 0 })))
			return err_nomem(e);
	}
	o->no[k] = (uint32_t)*no;
	add_sum(x, &x->sums.v[*no], &sum);
	return 0;
}

static int
number_shard(struct split_traces *x, uint32_t i, struct err *e)
{
	struct split_shard *o = &x->shards[i];
	const struct traceids *ids = NULL;
	const struct dict *names = NULL;
	const struct column *col;
	struct shard *s;
	int rc;

	if (o->n == 0)
		return 0;
	if ((rc = exec_check(x->ex, e)) < 0 || (rc = source_shard(x->ex, i, &s, e)) < 0)
		return rc;
	col = shard_column(s, COL_NAME);
	if (col != NULL && col->kind == COLUMN_DICT)
		rc = dict_get(s, col, &names, e);
	if (rc == 0)
		rc = traceids_get(s, &ids, e);
	for (uint32_t k = 0; k < o->n_ordinals && rc == 0; k++)
		rc = take_part(x, o, s, names, traceids_at(ids, o->ordinals[k]), k, e);
	traceids_put(ids);
	dict_put(names);
	return rc;
}

/* Where the nodes of each trace begin. */
static int
make_room(struct split_traces *x, struct err *e)
{
	x->n_traces = (uint32_t)x->sums.n;
	x->facts = calloc(x->n_traces + 1u, sizeof *x->facts);
	x->first = calloc(x->n_traces + 2u, sizeof *x->first);
	x->twins = calloc(x->n_traces + 1u, 1);
	if (x->facts == NULL || x->first == NULL || x->twins == NULL)
		return err_nomem(e);
	for (uint32_t t = 0; t < x->n_traces; t++) {
		const struct summed *s = &x->sums.v[t];

		x->facts[t] = s->f;
		x->facts[t].duration_ns = s->last > s->first ? s->last - s->first : 0;
	}
	for (size_t i = 0; i < x->n_shards; i++)
		for (uint32_t k = 0; k < x->shards[i].n; k++)
			x->first[x->shards[i].no[x->shards[i].trace[k]] + 1]++;
	for (uint32_t t = 0; t < x->n_traces; t++)
		x->first[t + 1] += x->first[t];
	x->n_nodes = x->first[x->n_traces];
	x->nodes = malloc((x->n_nodes + 1u) * sizeof *x->nodes);
	x->place = x->places ? malloc((x->n_nodes + 1u) * sizeof *x->place) : NULL;
	return x->nodes == NULL || (x->places && x->place == NULL) ? err_nomem(e) : 0;
}

static int
place_nodes(struct split_traces *x, struct err *e)
{
	uint32_t *next = malloc((x->n_traces + 1u) * sizeof *next);

	if (next == NULL)
		return err_nomem(e);
	memcpy(next, x->first, (x->n_traces + 1u) * sizeof *next);
	for (uint32_t i = 0; i < x->n_shards; i++) {
		struct split_shard *o = &x->shards[i];

		for (uint32_t k = 0; k < o->n; k++) {
			uint32_t t = o->no[o->trace[k]];

			o->node[k] = next[t]++;
			x->nodes[o->node[k]] = (struct split_node){ .id = o->id[k],
				.parent_id = o->how[k] == 0 ? 0 : o->parent_id[k],
				.start = o->start[k], .over = span_over(o->start[k],
				(uint64_t)value_i64_of(o->duration[k])), .trace = t, .shard = i,
				.row = o->rows[k] };
		}
	}
	free(next);
	return 0;
}

/* ---- each trace by itself ---- */

struct known_id {
	uint64_t id;
	uint32_t node;
};

static int
id_cmp(const void *pa, const void *pb)
{
	const struct known_id *a = pa, *b = pb;

	return (a->id > b->id) - (a->id < b->id);
}

/* False: two bear one id. */
static bool
find_parents(struct split_node *v, uint32_t n, uint32_t base, struct known_id *ids)
{
	for (uint32_t i = 0; i < n; i++)
		ids[i] = (struct known_id){ v[i].id, i };
	qsort(ids, n, sizeof *ids, id_cmp);
	for (uint32_t i = 1; i < n; i++)
		if (ids[i].id == ids[i - 1].id)
			return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = 0;

		v[i].parent = GATHER_NOBODY;
		if (v[i].parent_id == 0)
			continue;
		LOWER_BOUND(at, n, k, ids[k].id < v[i].parent_id);
		if (at < n && ids[at].id == v[i].parent_id)
			v[i].parent = base + ids[at].node;
	}
	return true;
}

static void
find_places(struct split_traces *x, uint32_t from, uint32_t n, struct tree_span *tree,
    uint32_t *order)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct split_node *s = &x->nodes[from + i];

		tree[i] = (struct tree_span){ .start = s->start, .over = s->over,
			.parent = s->parent == GATHER_NOBODY ? TREE_NOBODY : s->parent - from };
	}
	tree_places(tree, order, n);
	for (uint32_t i = 0; i < n; i++)
		x->place[from + i] = (struct gather_place){ tree[i].depth, tree[i].n_children,
			tree[i].self_ns };
}

struct relating {
	struct split_traces *x;
	atomic_bool failed;		/* no memory */
};

static void
relate_task(void *arg, size_t task)
{
	struct relating *r = arg;
	struct split_traces *x = r->x;
	uint32_t from = (uint32_t)task * TRACES_A_TASK, to = from + TRACES_A_TASK, most = 0;
	struct known_id *ids;
	struct tree_span *tree;
	uint32_t *order;

	to = to < x->n_traces ? to : x->n_traces;
	for (uint32_t t = from; t < to; t++)
		if (x->first[t + 1] - x->first[t] > most)
			most = x->first[t + 1] - x->first[t];
	ids = malloc((most + 1u) * sizeof *ids);
	tree = malloc((most + 1u) * sizeof *tree);
	order = malloc((most + 1u) * sizeof *order);
	if (ids == NULL || tree == NULL || order == NULL)
		atomic_store(&r->failed, true);
	else
		for (uint32_t t = from; t < to; t++) {
			uint32_t base = x->first[t], n = x->first[t + 1] - base;

			x->twins[t] = !find_parents(x->nodes + base, n, base, ids);
			if (x->places && x->twins[t] == 0)
				find_places(x, base, n, tree, order);
		}
	free(ids);
	free(tree);
	free(order);
}

static int
relate(struct split_traces *x, struct err *e)
{
	struct relating r = { .x = x };

	pool_each(x->ex->env.pool, x->ex->threads,
	    (x->n_traces + TRACES_A_TASK - 1) / TRACES_A_TASK, relate_task, &r);
	return atomic_load(&r.failed) ? err_nomem(e) : exec_check(x->ex, e);
}

/* ---- all ---- */

static void
shard_done(struct split_shard *o)
{
	free(o->parts);
	free(o->trace);
	free(o->id);
	free(o->how);
	free(o->parent_id);
	free(o->start);
	free(o->duration);
	free(o->ordinals);
	free(o->no);
	o->parts = NULL;
	o->id = o->how = o->parent_id = o->start = o->duration = NULL;
	o->trace = o->ordinals = o->no = NULL;
}

static int
make(struct split_traces *x, struct err *e)
{
	const uint64_t *split;
	int rc = 0;

	/* All shards' at once, if there are many: not by each thread. */
	for (size_t i = 0; i < x->n_shards && rc == 0; i++)
		if (x->ex->env.snapshot->shards[i].n_rows != 0)
			rc = trace_splits(x->ex, (uint32_t)i, &split, e);
	if (rc < 0)
		return rc;
	pool_each(x->ex->env.pool, x->ex->threads, x->n_shards, split_read, x);
	for (size_t i = 0; i < x->n_shards; i++) {
		profile_add(&x->ex->prof, &x->shards[i].prof);
		if (rc == 0 && (rc = x->shards[i].code) < 0 && e != NULL)
			*e = x->shards[i].err;
	}
	for (uint32_t i = 0; i < x->n_shards && rc == 0 && !x->poor; i++)
		rc = number_shard(x, i, e);
	if (rc < 0 || x->poor)
		return rc;
	if ((rc = make_room(x, e)) < 0 || (rc = place_nodes(x, e)) < 0)
		return rc;
	for (size_t i = 0; i < x->n_shards; i++)
		shard_done(&x->shards[i]);
	return relate(x, e);
}

void
split_traces_free(struct exec *ex, struct split_traces *x)
{
	if (x == NULL)
		return;
	for (size_t i = 0; x->shards != NULL && i < x->n_shards; i++) {
		shard_done(&x->shards[i]);
		free(x->shards[i].rows);
		free(x->shards[i].node);
	}
	free(x->shards);
	free(x->nodes);
	free(x->place);
	free(x->first);
	free(x->twins);
	free(x->facts);
	vec_release(&x->texts);
	vec_release(&x->sums);
	map_release(&x->numbers);
	map_release(&x->codes);
	mem_give(ex, x->held);
	free(x);
}

int
split_traces_make(struct exec *ex, bool places, struct split_traces **out, struct err *e)
{
	struct split_traces *x = calloc(1, sizeof *x);
	int rc;

	if (x == NULL)
		return err_nomem(e);
	x->ex = ex;
	x->places = places;
	x->n_shards = ex->env.snapshot->n_shards;
	map_init(&x->numbers);
	map_init(&x->codes);
	if ((x->shards = calloc(x->n_shards + 1, sizeof *x->shards)) == NULL)
		rc = err_nomem(e);
	else
		rc = make(x, e);
	if (rc < 0 || x->poor) {
		split_traces_free(ex, x);
		return rc;
	}
	*out = x;
	return 0;
}
