/* SPDX-License-Identifier: ISC */
/*
 * fmt_tree: tree.txt: the spans of a trace as an indented tree. All rows are taken in first
 * (what is shown of them is copied), then linked: nodes are sorted by start, parents found by
 * bisection in a table of span ids, children chained in order. Parents that are not among
 * the rows become nodes of their own, "(missing parent ID)", after the roots.
 *
 * Ids come from strangers. A span id may occur twice: a server that shares its id with a
 * client hangs below it, and children go to the server. A span that is its own parent is a
 * root. Longer cycles are cut at one of their nodes, marked "(cycle)". The walk needs no
 * stack, and indentation stops at DEPTH_SHOWN, so no shape of trace costs more than linear
 * time and output.
 */
#include <stdlib.h>

#include "base/search.h"
#include "base/vec.h"
#include "format_i.h"

#define DEPTH_SHOWN 64
#define NONE UINT32_MAX

struct node {
	uint64_t span_id, parent_id;
	uint64_t start, duration;
	struct sv service, name, message;
	int32_t kind, status;
	uint32_t seq;			/* place among the rows */
	uint32_t parent, child, next;	/* nodes, or NONE */
	bool missing, cut, done;
};

/* Of the nodes of one id servers come first, then clients. */
struct id_ref {
	uint64_t id;
	uint32_t rank, node;
};
enum { RANK_SERVER, RANK_CLIENT, RANK_OTHER };

struct tree {
	VEC(struct node) nodes;
	struct id_ref *ids;
	size_t n_spans;			/* nodes before the missing parents */
	struct trace_id trace_id;
	uint64_t first, last;
};

static void
release(struct formatter *f)
{
	struct tree *t = f->state;

	vec_release(&t->nodes);
	free(t->ids);
}

int
tree_begin(struct formatter *f, struct buf *out, struct err *e)
{
	(void)out;
	if ((f->state = arena_new(&f->arena, struct tree)) == NULL)
		return err_nomem(e);
	f->release = release;
	return 0;
}

/* Texts repeat: a copy is shared with the node before if it has the same. */
static bool
copy_text(struct formatter *f, struct sv s, struct sv before, struct sv *out)
{
	*out = sv_eq(s, before) ? before : arena_sv(&f->arena, s);
	return s.n == 0 || out->p != NULL;
}

static bool
add_node(struct formatter *f, struct tree *t, const struct span *s)
{
	static const struct node zero;
	const struct node *before = t->nodes.n == 0 ? &zero : &t->nodes.v[t->nodes.n - 1];
	struct node n = {
		.span_id = s->span_id, .parent_id = s->parent_span_id,
		.start = s->start_ns, .duration = span_duration(s),
		.kind = s->kind, .status = s->status, .seq = (uint32_t)t->nodes.n,
		.parent = NONE, .child = NONE, .next = NONE,
	};
	uint64_t end = s->end_ns > s->start_ns ? s->end_ns : s->start_ns;

	if (t->nodes.n >= NONE / 2 ||
	    !copy_text(f, s->resource->service, before->service, &n.service) ||
	    !copy_text(f, s->name, before->name, &n.name) ||
	    !copy_text(f, s->status_message, before->message, &n.message))
		return false;
	if (t->nodes.n == 0) {
		t->trace_id = s->trace_id;
		t->first = s->start_ns;
	}
	t->first = s->start_ns < t->first ? s->start_ns : t->first;
	t->last = end > t->last ? end : t->last;
	return vec_push(&t->nodes, n);
}

int
tree_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)out;
	for (size_t i = 0; i < b->n; i++)
		if (!add_node(f, f->state, b->spans[i].span))
			return err_nomem(e);
	return 0;
}

static int
cmp_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int
node_cmp(const void *pa, const void *pb)
{
	const struct node *a = pa, *b = pb;
	int c;

	if ((c = cmp_u64(a->start, b->start)) != 0 ||
	    (c = cmp_u64(a->span_id, b->span_id)) != 0)
		return c;
	return cmp_u64(a->seq, b->seq);
}

static int
id_ref_cmp(const void *pa, const void *pb)
{
	const struct id_ref *a = pa, *b = pb;
	int c;

	if ((c = cmp_u64(a->id, b->id)) != 0 || (c = cmp_u64(a->rank, b->rank)) != 0)
		return c;
	return cmp_u64(a->node, b->node);
}

static uint32_t
rank_of(int32_t kind)
{
	return kind == KIND_SERVER ? RANK_SERVER : kind == KIND_CLIENT ? RANK_CLIENT :
	    RANK_OTHER;
}

/* The first other node of the id, of the rank or after it; NULL if there is none. */
static const struct id_ref *
find_ref(const struct tree *t, uint64_t id, uint32_t rank, uint32_t self)
{
	size_t lo = 0;

	LOWER_BOUND(lo, t->n_spans, i, t->ids[i].id < id ||
	    (t->ids[i].id == id && t->ids[i].rank < rank));
	if (lo < t->n_spans && t->ids[lo].node == self)
		lo++;
	return lo < t->n_spans && t->ids[lo].id == id ? &t->ids[lo] : NULL;
}

/* Where a node hangs; NONE: nowhere, it is a root, or its parent is missing. */
static uint32_t
parent_of(const struct tree *t, uint32_t i)
{
	const struct node *n = &t->nodes.v[i];
	const struct id_ref *r;

	if (n->kind == KIND_SERVER && (r = find_ref(t, n->span_id, RANK_CLIENT, i)) != NULL &&
	    r->rank == RANK_CLIENT)
		return r->node;
	if (n->parent_id == 0 || n->parent_id == n->span_id)
		return NONE;
	r = find_ref(t, n->parent_id, RANK_SERVER, i);
	return r == NULL ? NONE : r->node;
}

static bool
is_orphan(const struct node *n)
{
	return n->parent == NONE && n->parent_id != 0 && n->parent_id != n->span_id;
}

static bool
add_missing(struct tree *t, uint64_t id)
{
	struct node n = { .span_id = id, .missing = true, .parent = NONE, .child = NONE,
	    .next = NONE };

	return vec_push(&t->nodes, n);
}

/* Makes a node for every parent id that no span has, and hangs the orphans there. */
static bool
link_missing(struct tree *t)
{
	struct id_ref *refs = t->ids;	/* done with as a table of ids */
	size_t n = 0;

	for (uint32_t i = 0; i < t->n_spans; i++)
		if (is_orphan(&t->nodes.v[i]))
			refs[n++] = (struct id_ref){ t->nodes.v[i].parent_id, 0, i };
	if (n == 0)
		return true;
	qsort(refs, n, sizeof *refs, id_ref_cmp);
	for (size_t i = 0; i < n; i++) {
		if ((i == 0 || refs[i].id != refs[i - 1].id) && !add_missing(t, refs[i].id))
			return false;
		t->nodes.v[refs[i].node].parent = (uint32_t)t->nodes.n - 1;
	}
	return true;
}

static bool
link_nodes(struct tree *t)
{
	struct node *v = t->nodes.v;

	t->n_spans = t->nodes.n;
	qsort(v, t->n_spans, sizeof *v, node_cmp);
	if ((t->ids = calloc(t->n_spans, sizeof *t->ids)) == NULL)
		return false;
	for (uint32_t i = 0; i < t->n_spans; i++)
		t->ids[i] = (struct id_ref){ v[i].span_id, rank_of(v[i].kind), i };
	qsort(t->ids, t->n_spans, sizeof *t->ids, id_ref_cmp);
	for (uint32_t i = 0; i < t->n_spans; i++)
		v[i].parent = parent_of(t, i);
	if (!link_missing(t))
		return false;
	v = t->nodes.v;
	/* From the last to the first, each put before its siblings: they end up in order. */
	for (uint32_t i = (uint32_t)t->n_spans; i-- > 0;)
		if (v[i].parent != NONE) {
			v[i].next = v[v[i].parent].child;
			v[v[i].parent].child = i;
		}
	return true;
}

static void
put_prefix(struct buf *b, const bool *more, size_t depth)
{
	size_t shown = depth < DEPTH_SHOWN ? depth : DEPTH_SHOWN;

	for (size_t i = 1; i < shown; i++)
		buf_str(b, more[i] ? "\xe2\x94\x82   " : "    ");
	if (depth > DEPTH_SHOWN)
		buf_printf(b, "\xe2\x80\xa6 depth %zu: ", depth);
	else if (depth > 0)
		buf_str(b, more[depth] ? "\xe2\x94\x9c\xe2\x94\x80\xe2\x94\x80 " :
		    "\xe2\x94\x94\xe2\x94\x80\xe2\x94\x80 ");
}

static void
put_kind(struct buf *b, int32_t kind)
{
	const char *word = span_kind_name(kind);

	if (kind == KIND_UNSPECIFIED || kind == KIND_INTERNAL)
		return;
	BUF_LIT(b, " [");
	if (word != NULL)
		buf_str(b, word);
	else
		buf_i64(b, kind);
	buf_putc(b, ']');
}

static void
put_node(const struct tree *t, struct buf *b, const struct node *n)
{
	if (n->missing) {
		BUF_LIT(b, "(missing parent ");
		put_span_id(b, n->span_id);
		BUF_LIT(b, ")\n");
		return;
	}
	put_visible(b, n->service);
	BUF_LIT(b, ": ");
	put_visible(b, n->name);
	put_kind(b, n->kind);
	BUF_LIT(b, "  ");
	duration_print_short(b, n->duration);
	BUF_LIT(b, "  +");
	duration_print_short(b, n->start - t->first);
	if (n->status == STATUS_ERROR)
		BUF_LIT(b, "  ERROR");
	if (n->message.n != 0) {
		BUF_LIT(b, ": ");
		put_visible(b, n->message);
	}
	buf_str(b, n->cut ? "  (cycle)\n" : "\n");
}

/* Prints what hangs below `root`, and it. Every node is reached by one chain only. */
static void
put_subtree(struct tree *t, struct buf *b, uint32_t root)
{
	struct node *v = t->nodes.v;
	bool more[DEPTH_SHOWN + 1] = { false };
	size_t depth = 0;
	uint32_t i = root;

	for (;;) {
		if (depth > 0 && depth <= DEPTH_SHOWN)
			more[depth] = v[i].next != NONE;
		put_prefix(b, more, depth);
		put_node(t, b, &v[i]);
		v[i].done = true;
		if (v[i].child != NONE) {
			i = v[i].child;
			depth++;
			continue;
		}
		while (i != root && v[i].next == NONE) {
			i = v[i].parent;
			depth--;
		}
		if (i == root)
			return;
		i = v[i].next;
	}
}

/* Takes a node out of its parent's chain: it becomes a root. */
static void
unlink_node(struct tree *t, uint32_t i)
{
	struct node *v = t->nodes.v;
	uint32_t *at = &v[v[i].parent].child;

	while (*at != i)
		at = &v[*at].next;
	*at = v[i].next;
	v[i].parent = v[i].next = NONE;
	v[i].cut = true;
}

/*
 * A node of the cycle that keeps node i from any root: the first that comes twice on the way
 * up. `seq`, which has done its duty, marks the way.
 */
static uint32_t
cycle_node(struct tree *t, uint32_t i)
{
	struct node *v = t->nodes.v;

	for (; v[i].seq != NONE; i = v[i].parent)
		v[i].seq = NONE;
	return i;
}

static void
put_summary(const struct tree *t, struct formatter *f, struct buf *b)
{
	uint64_t n_errors = 0;

	for (size_t i = 0; i < t->n_spans; i++)
		n_errors += t->nodes.v[i].status == STATUS_ERROR;
	BUF_LIT(b, "trace ");
	put_trace_id(b, t->trace_id);
	BUF_LIT(b, "  ");
	put_time(b, &f->render.day, t->first);
	BUF_LIT(b, "  ");
	duration_print_short(b, t->last - t->first);
	buf_printf(b, "  %zu span%s  %llu error%s\n", t->n_spans, t->n_spans == 1 ? "" : "s",
	    (unsigned long long)n_errors, n_errors == 1 ? "" : "s");
}

int
tree_end(struct formatter *f, struct buf *out, struct err *e)
{
	struct tree *t = f->state;
	uint32_t i;

	if (t->nodes.n == 0)
		return 0;
	if (!link_nodes(t))
		return err_nomem(e);
	put_summary(t, f, out);
	for (i = 0; i < t->n_spans; i++)
		if (t->nodes.v[i].parent == NONE)
			put_subtree(t, out, i);
	/* Missing parents in the order of their first children. */
	for (i = 0; i < t->n_spans; i++) {
		uint32_t p = t->nodes.v[i].parent;

		if (p != NONE && t->nodes.v[p].missing && !t->nodes.v[p].done)
			put_subtree(t, out, p);
	}
	for (i = 0; i < t->n_spans; i++) {
		if (!t->nodes.v[i].done) {
			uint32_t c = cycle_node(t, i);

			unlink_node(t, c);
			put_subtree(t, out, c);
		}
	}
	return 0;
}
