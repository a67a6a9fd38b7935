/* SPDX-License-Identifier: ISC */
/*
 * ast_parse: a path's chain of segments as a tree. path_step has checked each segment and
 * where it stands, so this only nests them; what is left to refuse is a path that ends too
 * early. Depth is bounded by LIMIT_NESTING, so the open groups fit a small stack.
 */
#include "ast_i.h"
#include "base/limits.h"
#include "path_i.h"

/* The nodes from the first segment to the last. */
static const struct path **
nodes_in_order(const struct path *p, struct arena *a)
{
	const struct path **v = arena_array(a, p->n_segs + (size_t)1, const struct path *);

	if (v != NULL)
		for (; p->parent != NULL; p = p->parent)
			v[p->n_segs - 1] = p;
	return v;
}

static int
check_end(const struct path *p, const struct ast *open, struct err *e)
{
	if (p->state == PATH_ARG)
		return err_set(e, ERR_SYNTAX, (int64_t)p->n_bytes,
		    "'%s' awaits a value", p->kw->name);
	if (p->after_not)
		return err_set(e, ERR_SYNTAX, (int64_t)p->n_bytes,
		    "'not' awaits a filter or a group");
	if (open->kw != NULL)
		return err_set(e, ERR_SYNTAX, (int64_t)open->off,
		    "'%s' is not closed: 'end' is missing", open->kw->name);
	return 0;
}

/* Adds the clause that begins at nodes[i] and returns the index after its last segment. */
static size_t
take_clause(const struct path **nodes, size_t n, size_t i, struct ast *node)
{
	const struct keyword *kw = nodes[i]->kw;
	unsigned k = 0;

	node->kw = kw;
	node->off = nodes[i]->n_bytes - nodes[i]->seg.n;
	for (i++; k < kw->n_args && i < n; k++, i++) {
		node->args[k] = nodes[i]->seg;
		node->arg_off[k] = nodes[i]->n_bytes - nodes[i]->seg.n;
	}
	return i;
}

static void
add_kid(struct ast *parent, struct ast *kid)
{
	*parent->tail = kid;
	parent->tail = &kid->next;
	parent->n_kids++;
}

static struct ast *
ast_new(struct arena *a)
{
	struct ast *n = arena_new(a, struct ast);

	if (n != NULL)
		n->tail = &n->kids;
	return n;
}

int
ast_parse(const struct path *p, struct arena *a, const struct ast **out, struct err *e)
{
	struct ast *open[LIMIT_NESTING + 1], *node;
	const struct path **nodes = nodes_in_order(p, a);
	size_t depth = 0, i = 0;
	bool negated = false;
	int code;

	if (nodes == NULL || (open[0] = ast_new(a)) == NULL)
		return err_nomem(e);
	while (i < p->n_segs) {
		enum keyword_class class = nodes[i]->kw->class;

		if (class == KC_NOT || class == KC_END) {
			negated = class == KC_NOT;
			depth -= class == KC_END;
			i++;
			continue;
		}
		if ((node = ast_new(a)) == NULL)
			return err_nomem(e);
		i = take_clause(nodes, p->n_segs, i, node);
		node->negated = negated;
		negated = false;
		add_kid(open[depth], node);
		if (keyword_opens(node->kw))
			open[++depth] = node;
	}
	if ((code = check_end(p, open[depth], e)) < 0)
		return code;
	*out = open[0];
	return 0;
}
