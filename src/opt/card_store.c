/* SPDX-License-Identifier: ISC */
/*
 * card_store: the rows of a filter in each shard, with what the summary of the store knows of
 * conditions that go together. In a shard conditions are taken as independent, each with the
 * shard's own numbers. How far that is off is asked of the cells (spans of one service and
 * name): within a cell conditions are taken as independent too, but between cells they differ,
 * so the sum over the cells knows that a service has some names and not others, a name some
 * attributes, and how slow it is. The ratio of that sum to the product of the conditions by
 * themselves corrects every shard's estimate.
 *
 * Several equalities on attributes within a cell are rarely independent, as people ask for
 * what they have seen in one span: each beyond the rarest counts by the root of its share.
 */
#include <math.h>

#include "card_i.h"
#include "model/pred_walk.h"

struct card {
	const struct stats *stats;
	const struct stats_summary *summary;	/* theirs */
	const struct pred *filter;
	struct card_leaf *leaves;
	unsigned n_leaves;
	double ratio;			/* true share over that of independent conditions */
	double trace_spans;		/* of the trace that a span is in, on average */
	double *in;			/* scratch: of each leaf, in a cell or shard */
};

/* ---- trees ---- */

struct making {
	struct card *c;
	struct arena *a;
	struct err *e;
};

static int
make_leaf(void *arg, const struct pred *p, size_t no, bool under_not)
{
	struct making *m = arg;

	(void)under_not;
	m->c->n_leaves = (unsigned)no + 1;
	return card_leaf_make(&m->c->leaves[no], m->c->stats, p, m->a, m->e);
}

static bool
is_equality(const struct pred *p)
{
	return p->kind == PRED_LEAF && (p->op == OP_EQ || p->op == OP_IN) &&
	    p->field.scope != FIELD_INTRINSIC;
}

/* The leaves below p stand in c->in from *at on, in order. */
static double
tree_share(const struct card *c, const struct pred *p, unsigned *at, bool related)
{
	double share = 1, rarest = 1, roots = 1, x;

	switch (p->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return c->in[(*at)++];
	case PRED_NOT:
		return 1 - tree_share(c, p->kids[0], at, related);
	case PRED_OR:
		for (size_t i = 0; i < p->n_kids; i++)
			share *= 1 - tree_share(c, p->kids[i], at, related);
		return 1 - share;
	case PRED_AND:
		for (size_t i = 0; i < p->n_kids; i++) {
			x = tree_share(c, p->kids[i], at, related);
			if (!related || !is_equality(p->kids[i])) {
				share *= x;
				continue;
			}
			roots *= sqrt(x < rarest ? rarest : x);
			rarest = x < rarest ? x : rarest;
		}
		return share * rarest * roots;
	}
	return 1;
}

/* ---- what goes together ---- */

/* Of each leaf into c->in; what all of them leave. */
static double
cell_share(const struct card *c, const struct stats_cell *cell)
{
	unsigned at = 0;

	for (unsigned k = 0; k < c->n_leaves; k++) {
		double x = card_leaf_in_cell(&c->leaves[k], c->summary, cell);

		c->in[k] = x < 0 ? c->leaves[k].share : x > 1 ? 1 : x;
	}
	return tree_share(c, c->filter, &at, true);
}

double
card_cell_share(const struct card *c, const struct stats_cell *cell)
{
	return c->n_leaves == 0 ? 1 : cell_share(c, cell);
}

/* Shares by themselves, over the cells; and of all together. */
static double
joint_share(const struct card *c, double *alone)
{
	const struct stats_summary *s = c->summary;
	double sum = 0, rows = 0;

	for (unsigned k = 0; k < c->n_leaves; k++)
		alone[k] = 0;
	for (uint32_t i = 0; i < s->n_cells; i++) {
		const struct stats_cell *cell = &s->cells[i];

		sum += cell->n_rows * cell_share(c, cell);
		for (unsigned k = 0; k < c->n_leaves; k++)
			alone[k] += c->in[k] * cell->n_rows;
		rows += cell->n_rows;
	}
	for (unsigned k = 0; k < c->n_leaves; k++)
		alone[k] /= rows;
	return sum / rows;
}

static void
find_ratio(struct card *c, double *alone)
{
	double joint = joint_share(c, alone), apart;
	unsigned at = 0;

	for (unsigned k = 0; k < c->n_leaves; k++)
		c->in[k] = alone[k];
	apart = tree_share(c, c->filter, &at, false);
	c->ratio = apart > 0 ? joint / apart : 1;
}

/* People ask for traces that they saw a span of: long ones more often. */
static double
spans_of_traces(const struct stats_summary *s)
{
	double sum = 0, rows = 0;

	for (uint32_t i = 0; i < s->n_cells; i++) {
		sum += s->cells[i].n_rows * card_trace_spans(&s->cells[i]);
		rows += s->cells[i].n_rows;
	}
	return rows > 0 ? sum / rows : 1;
}

static bool
asks_for_traces(const struct card *c)
{
	for (unsigned i = 0; i < c->n_leaves; i++)
		if (c->leaves[i].p->field.scope == FIELD_INTRINSIC &&
		    c->leaves[i].p->field.intrinsic == IN_TRACE_ID)
			return true;
	return false;
}

int
card_new(struct arena *a, const struct stats *st, const struct pred *filter,
    struct card **out, struct err *e)
{
	const struct stats_summary *s = st->summary;
	struct card *c = arena_new(a, struct card);
	size_t n = pred_n_leaves(filter);
	double *alone = arena_array(a, n + 1, double);
	struct making m = { c, a, e };
	int rc;

	if (c == NULL || alone == NULL)
		return err_nomem(e);
	c->stats = st;
	c->summary = s;
	c->filter = filter;
	c->ratio = 1;
	c->leaves = arena_array(a, n + 1, struct card_leaf);
	c->in = arena_array(a, n + 1, double);
	if (c->leaves == NULL || c->in == NULL)
		return err_nomem(e);
	if ((rc = pred_each_leaf(filter, make_leaf, &m)) != 0) {
		card_free(c);
		return rc;
	}
	c->trace_spans = asks_for_traces(c) ? spans_of_traces(s) : 1;
	/* Cells that cover little of the store say little of it. */
	if (n > 1 && s->n_cells != 0 && s->cell_rows > s->n_rows / 2)
		find_ratio(c, alone);
	*out = c;
	return 0;
}

void
card_free(struct card *c)
{
	for (unsigned i = 0; c != NULL && i < c->n_leaves; i++)
		card_leaf_release(&c->leaves[i]);
}

/* ---- a shard ---- */

static double
leaf_in_shard(const struct card *c, const struct card_leaf *l, const struct shard_stats *s)
{
	if (l->p->field.scope == FIELD_INTRINSIC && l->p->op != OP_TEXT &&
	    l->p->field.intrinsic == IN_SPAN_ID &&
	    (l->p->op == OP_EQ || l->p->op == OP_IN))
		return (double)l->p->n_lits / c->summary->n_rows;
	if (l->p->field.scope == FIELD_INTRINSIC && l->p->op != OP_TEXT &&
	    l->p->field.intrinsic == IN_TRACE_ID && s->n_rows != 0 &&
	    (l->p->op == OP_EQ || l->p->op == OP_IN))
		return (double)l->p->n_lits * c->trace_spans / (double)s->n_rows;
	if (!l->known)
		return card_selectivity(s, l->p);
	return card_leaf_in_shard(l, c->stats, s);
}

double
card_leaf_share(const struct card *c, const struct shard_stats *s, const struct pred *leaf)
{
	for (unsigned k = 0; c != NULL && k < c->n_leaves && s->n_rows != 0; k++)
		if (c->leaves[k].leaf == leaf)
			return clamp_share(leaf_in_shard(c, &c->leaves[k], s));
	return card_selectivity(s, leaf);
}

double
card_shard_share(const struct card *c, const struct shard_stats *s)
{
	unsigned at = 0;

	if (s->n_rows == 0)
		return SEL_MIN;
	for (unsigned k = 0; k < c->n_leaves; k++)
		c->in[k] = leaf_in_shard(c, &c->leaves[k], s);
	return clamp_share(tree_share(c, c->filter, &at, false) * c->ratio);
}

double
card_shard_rows(const struct card *c, const struct shard_stats *s, struct time_range r)
{
	return (double)s->n_rows * card_shard_share(c, s) * card_filter_time(s, c->filter, r);
}
