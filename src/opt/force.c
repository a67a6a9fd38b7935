/* SPDX-License-Identifier: ISC */
/*
 * force: an access path taken whatever rules and choice would take (enum opt_force). What was
 * pruned stays pruned, and what a path asks of the filter is checked: where it makes no sense
 * nothing is forced.
 */
#include "opt_i.h"

const char *
opt_force_name(enum opt_force f)
{
	static const char *const names[N_OPT_FORCES] = {
		[OPT_FORCE_NONE] = "none", [OPT_FORCE_FULL] = "full", [OPT_FORCE_ZONE] = "zone",
		[OPT_FORCE_SERVICE] = "service", [OPT_FORCE_TRACE] = "trace",
		[OPT_FORCE_INDEXES] = "indexes", [OPT_FORCE_TEXT] = "text",
		[OPT_FORCE_UNION] = "union", [OPT_FORCE_INTERSECTION] = "intersection",
		[OPT_FORCE_COVERING] = "covering", [OPT_FORCE_LEVELS] = "levels",
	};

	return (unsigned)f < N_OPT_FORCES ? names[f] : "unknown";
}

static uint64_t
bits(size_t from, size_t n)
{
	return from >= PLAN_LEAVES_MAX || n == 0 ? 0 : (n >= PLAN_LEAVES_MAX ? UINT64_MAX :
	    ((uint64_t)1 << n) - 1) << from;
}

/* Leaves of the kinds that `takes` accepts; *n: the leaves so far. */
static uint64_t
leaves_where(const struct pred *p, bool (*takes)(const struct pred *), size_t *n)
{
	uint64_t all = 0;
	size_t from = *n;

	if (takes(p)) {
		*n += plan_n_leaves(p);
		return bits(from, *n - from);
	}
	if (p->kind == PRED_LEAF)
		++*n;
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		all |= leaves_where(p->kids[i], takes, n);
	return all;
}

static bool
is_text(const struct pred *p)
{
	return p->kind == PRED_LEAF && (p->op == OP_CONTAINS || p->op == OP_STARTS ||
	    p->op == OP_ENDS || p->op == OP_RE || p->op == OP_TEXT);
}

static bool
is_or(const struct pred *p)
{
	return p->kind == PRED_OR;
}

/* The leaves of a top AND, if two of its kids can be asked. */
static uint64_t
intersected(const struct pred *filter, uint64_t may)
{
	size_t at = 0, n_asked = 0;

	for (size_t i = 0; filter->kind == PRED_AND && i < filter->n_kids; i++) {
		size_t n = plan_n_leaves(filter->kids[i]);

		n_asked += (may & bits(at, n)) != 0;
		at += n;
	}
	return n_asked >= 2 ? may : 0;
}

/* False: the path makes no sense for the filter. */
static bool
choose(const struct opt *o, enum access *access, uint64_t *leaves)
{
	const struct pred *f = o->plan->filter.pred;
	uint64_t may = plan_index_leaves(f);
	size_t n = 0;

	*access = ACCESS_ZONE;
	*leaves = may & o->options->force_leaves;
	switch (o->options->force) {
	case OPT_FORCE_FULL:
		*access = ACCESS_FULL;
		return true;
	case OPT_FORCE_ZONE:
		return true;
	case OPT_FORCE_SERVICE:
		*access = ACCESS_SERVICE;
		return plan_top_leaf(f, IN_SERVICE) != NULL;
	case OPT_FORCE_TRACE:
		*access = ACCESS_TRACE;
		return plan_top_leaf(f, IN_TRACE_ID) != NULL;
	case OPT_FORCE_INDEXES:
		*leaves = may;
		break;
	case OPT_FORCE_TEXT:
		*leaves = may & leaves_where(f, is_text, &n);
		break;
	case OPT_FORCE_UNION:
		*leaves = may & leaves_where(f, is_or, &n);
		break;
	case OPT_FORCE_INTERSECTION:
		*leaves = intersected(f, may);
		break;
	case OPT_FORCE_COVERING:
		*access = ACCESS_COVERING;
		*leaves = may;
		return o->plan->output == ROW_COUNT;
	case OPT_FORCE_LEVELS:	/* cost_server.c */
	case OPT_FORCE_NONE:
		return false;
	}
	return *leaves != 0;
}

void
force_paths(struct opt *o)
{
	struct plan *p = o->plan;
	enum access access;
	uint64_t leaves;

	if (!p->filter.pushdown || p->filter.never || !choose(o, &access, &leaves))
		return;
	p->scan.indexes = false;
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		struct plan_shard *s = &o->shards[i];

		if (s->access == ACCESS_PRUNED)
			continue;
		s->access = access;
		s->index_leaves = leaves;
		s->why = "by force";
		p->scan.indexes |= leaves != 0;
	}
}
