/* SPDX-License-Identifier: ISC */
/*
 * trace_tree: the tree that the spans of a trace are, by their ids: how deep a span lies, and how
 * much of its time no child covers. The whole of it takes one sort and walk, whatever its shape.
 *
 * A span's children are the other spans whose parent id is its own; several spans may bear one id,
 * and each is the parent of the same children. The depth is the fewest steps up to a span without
 * a parent; spans in a circle, and what hangs below it alone, have none. No span is its own parent:
 * import sees to that.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/search.h"

struct interval {
	uint64_t from, to;
};

struct tree {
	struct trace_node *v;
	uint32_t n;
	uint32_t *by_id, *by_parent;	/* places in v; of equal ids by start */
	uint32_t *queue;
	/* Of one parent id: the union of its children, rising, and how long it is before each. */
	struct interval *cover;
	uint64_t *before;
	uint32_t n_cover;
};

/* ---- order ---- */

static int
by_row(const void *pa, const void *pb)
{
	const struct trace_node *a = pa, *b = pb;

	if (a->shard != b->shard)
		return a->shard < b->shard ? -1 : 1;
	return (a->row > b->row) - (a->row < b->row);
}

static int
cmp_nodes(uint64_t ka, uint64_t kb, const struct trace_node *a, const struct trace_node *b)
{
	if (ka != kb)
		return ka < kb ? -1 : 1;
	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a > b) - (a < b);
}

static int
id_cmp(const void *pa, const void *pb, void *arg)
{
	const struct trace_node *v = arg, *a = &v[*(const uint32_t *)pa];
	const struct trace_node *b = &v[*(const uint32_t *)pb];

	return cmp_nodes(a->id, b->id, a, b);
}

static int
parent_cmp(const void *pa, const void *pb, void *arg)
{
	const struct trace_node *v = arg, *a = &v[*(const uint32_t *)pa];
	const struct trace_node *b = &v[*(const uint32_t *)pb];

	return cmp_nodes(a->parent, b->parent, a, b);
}

static void
sort_nodes(struct tree *t)
{
	for (uint32_t i = 1; i < t->n; i++)
		if (by_row(&t->v[i - 1], &t->v[i]) > 0) {
			qsort(t->v, t->n, sizeof *t->v, by_row);
			break;
		}
	for (uint32_t i = 0; i < t->n; i++)
		t->by_id[i] = t->by_parent[i] = i;
	qsort_r(t->by_id, t->n, sizeof *t->by_id, id_cmp, t->v);
	qsort_r(t->by_parent, t->n, sizeof *t->by_parent, parent_cmp, t->v);
}

/* The spans with that id, in by_id. */
static uint32_t
bearers(const struct tree *t, uint64_t id, uint32_t *to)
{
	uint32_t from = 0;

	LOWER_BOUND(from, t->n, i, t->v[t->by_id[i]].id < id);
	for (*to = from; *to < t->n && t->v[t->by_id[*to]].id == id;)
		++*to;
	return from;
}

/* Those with that parent id, in by_parent. */
static uint32_t
children(const struct tree *t, uint64_t id)
{
	uint32_t from = 0;

	LOWER_BOUND(from, t->n, i, t->v[t->by_parent[i]].parent < id);
	return from;
}

static uint32_t
children_end(const struct tree *t, uint32_t from)
{
	uint32_t to = from;

	while (to < t->n && t->v[t->by_parent[to]].parent == t->v[t->by_parent[from]].parent)
		to++;
	return to;
}

/* ---- depth ---- */

/* Of all spans with one parent id, which nobody may bear: then they are at the top. */
static void
take_tops(struct tree *t, uint32_t from, uint32_t to, uint32_t *n_queue)
{
	uint64_t id = t->v[t->by_parent[from]].parent;
	uint32_t end = 0, first = id == 0 ? 0 : bearers(t, id, &end);

	for (uint32_t i = from; i < to; i++) {
		t->v[t->by_parent[i]].depth = first == end ? 0 : NO_DEPTH;
		if (first == end)
			t->queue[(*n_queue)++] = t->by_parent[i];
	}
}

static void
find_depths(struct tree *t)
{
	uint32_t n = 0, to;

	for (uint32_t i = 0; i < t->n; i = to) {
		to = children_end(t, i);
		take_tops(t, i, to, &n);
	}
	for (uint32_t at = 0; at < n; at++) {
		const struct trace_node *s = &t->v[t->queue[at]];

		/* Where one bearer of the id has been, all its children are done. */
		for (uint32_t i = children(t, s->id); i < t->n; i++) {
			struct trace_node *c = &t->v[t->by_parent[i]];

			if (s->id == 0 || c->parent != s->id || c->depth != NO_DEPTH)
				break;
			c->depth = s->depth + 1;
			t->queue[n++] = t->by_parent[i];
		}
	}
}

/* ---- self time ---- */

/* The union of the children [from, to), which rise by start. */
static void
make_cover(struct tree *t, uint32_t from, uint32_t to)
{
	uint64_t sum = 0;

	t->n_cover = 0;
	for (uint32_t i = from; i < to; i++) {
		const struct trace_node *c = &t->v[t->by_parent[i]];
		struct interval *last = t->n_cover == 0 ? NULL : &t->cover[t->n_cover - 1];

		if (last != NULL && c->start <= last->to) {
			last->to = c->over > last->to ? c->over : last->to;
			continue;
		}
		t->cover[t->n_cover++] = (struct interval){ c->start, c->over };
	}
	for (uint32_t i = 0; i < t->n_cover; i++) {
		t->before[i] = sum;
		sum += t->cover[i].to - t->cover[i].from;
	}
}

/* How much of the cover lies before x. */
static uint64_t
covered_before(const struct tree *t, uint64_t x)
{
	uint32_t at = 0;
	uint64_t to;

	LOWER_BOUND(at, t->n_cover, i, t->cover[i].from < x);
	if (at == 0)
		return 0;
	to = t->cover[at - 1].to < x ? t->cover[at - 1].to : x;
	return t->before[at - 1] + (to - t->cover[at - 1].from);
}

static void
self_times_of(struct tree *t, uint32_t from, uint32_t to)
{
	uint64_t id = t->v[t->by_parent[from]].parent;
	uint32_t end, first = bearers(t, id, &end);

	if (id == 0 || first == end)
		return;
	make_cover(t, from, to);
	for (uint32_t i = first; i < end; i++) {
		struct trace_node *s = &t->v[t->by_id[i]];

		s->self -= covered_before(t, s->over) - covered_before(t, s->start);
	}
}

static void
find_self_times(struct tree *t)
{
	uint32_t to;

	for (uint32_t i = 0; i < t->n; i++)
		t->v[i].self = t->v[i].over - t->v[i].start;
	for (uint32_t i = 0; i < t->n; i = to) {
		to = children_end(t, i);
		self_times_of(t, i, to);
	}
}

/* ---- all ---- */

int
trace_tree_make(struct trace_node *v, uint32_t *by_id, uint32_t n, struct err *e)
{
	struct tree t = { .v = v, .n = n, .by_id = by_id };

	if (n == 0)
		return 0;
	t.by_parent = calloc(n, sizeof *t.by_parent);
	t.queue = calloc(n, sizeof *t.queue);
	t.cover = calloc(n, sizeof *t.cover);
	t.before = calloc(n, sizeof *t.before);
	if (t.by_parent != NULL && t.queue != NULL && t.cover != NULL && t.before != NULL) {
		sort_nodes(&t);
		find_depths(&t);
		find_self_times(&t);
	} else
		v = NULL;
	free(t.by_parent);
	free(t.queue);
	free(t.cover);
	free(t.before);
	return v == NULL ? err_nomem(e) : 0;
}

/* How many parents are that id. */
static uint32_t
child_count(const struct trace_entry *t, uint64_t id)
{
	uint32_t lo = 0, first;

	LOWER_BOUND(lo, t->n_parents, i, t->parents[i] < id);
	first = lo;
	LOWER_BOUND(lo, t->n_parents, i, t->parents[i] <= id);
	return lo - first;
}

uint32_t
entry_bearers(const struct trace_entry *t, uint64_t id, uint32_t *to)
{
	uint32_t from = 0;

	LOWER_BOUND(from, t->n_nodes, i, t->nodes[t->by_id[i]].id < id);
	for (*to = from; *to < t->n_nodes && t->nodes[t->by_id[*to]].id == id;)
		++*to;
	return from;
}

struct span_place
entry_node_place(const struct trace_entry *t, const struct trace_node *node)
{
	return (struct span_place){ .child_count = child_count(t, node->id), .depth = node->depth,
		.self_ns = node->self };
}

struct span_place
entry_place(const struct trace_entry *t, uint32_t shard, uint32_t row, uint64_t span_id)
{
	struct span_place p = { .child_count = child_count(t, span_id), .depth = NO_DEPTH };
	const struct trace_node key = { .shard = shard, .row = row };
	const struct trace_node *node = t->n_nodes == 0 ? NULL :
	    bsearch(&key, t->nodes, t->n_nodes, sizeof key, by_row);

	if (node != NULL) {
		p.depth = node->depth;
		p.self_ns = node->self;
	}
	return p;
}

struct span_place
part_place(const struct exec *ex, const struct trace_entry *t, uint32_t part, uint32_t row,
    uint64_t span_id)
{
	uint32_t shard = ex->local != NULL ? ex->local->shards[part].plan->shard : part;

	return entry_place(t, shard, row, span_id);
}
