/* SPDX-License-Identifier: ISC */
/*
 * cand: classes of shards and the candidates of each.
 *
 * Rules have said what may be done with a shard (opt.can, plan_shard.index_leaves); here every
 * way that this leaves is listed: each access alone; then, on the cheapest and on the sharpest of
 * them, the conditions that indexes can answer: each alone, and the best two, three, four
 * together (an intersection). Under OR the indexes of all sides are asked, or none (a union).
 * So there are at most CANDS_MAX, however long the filter is.
 *
 * Costs are averages over the shards of the class, or over a sample of them spread evenly.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "cost_i.h"

#define CANDS_MAX 32
#define UNITS_MAX 8		/* conditions at the top with an index that are told apart */
#define TOGETHER_MAX 4
#define SAMPLE_MAX 64

/* A condition at the top: the leaves of it that have an index. */
struct unit {
	uint64_t leaves;
	double total;		/* of it alone, on the cheapest access */
};

/* One class while it is being made. */
struct build {
	struct opt *o;
	struct plan_class *cls;
	uint16_t can;
	uint64_t avail;			/* leaves that have an index in these shards */
	struct shard_cost sample[SAMPLE_MAX];
	size_t n_sample;
	struct plan_cand *cands;
	size_t n;
};

/* ---- classes ---- */

bool
cand_allowed(const struct opt *o, size_t i, enum access a, uint64_t index_leaves)
{
	return (o->can[i] >> a & 1) != 0 && (index_leaves & ~o->shards[i].index_leaves) == 0;
}

static size_t
list_leaves(const struct pred *p, const struct pred **out, size_t n)
{
	if (p->kind == PRED_LEAF) {
		out[n++] = p;
		return n;
	}
	for (size_t i = 0; i < p->n_kids; i++)
		n = list_leaves(p->kids[i], out, n);
	return n;
}

static uint64_t
leaf_key(const struct pred *p)
{
	uint64_t h = hash64(p->field.key.p, p->field.key.n);

	h = hash_u64(h + (uint64_t)p->field.scope * 31 + (uint64_t)p->op);
	return p->field.scope == FIELD_INTRINSIC ? hash_u64(h + p->field.intrinsic) : h;
}

/* The leaves of the shard that may be asked of an index. */
static uint64_t
available(const struct opt *o, size_t i, const struct pred *const *leaves, size_t n)
{
	uint64_t all = 0;

	for (size_t k = 0; k < n && k < PLAN_LEAVES_MAX; k++)
		if ((o->shards[i].index_leaves >> k & 1) != 0 &&
		    leaf_indexes(&o->stats->shards[i], leaves[k]) != 0)
			all |= (uint64_t)1 << k;
	return all;
}

/* The description of a shard's class; a sum over leaves, so that their order is not in it. */
static uint64_t
class_key(const struct opt *o, size_t i, const uint64_t *keys, size_t n, uint64_t avail)
{
	uint64_t h = 0, rows = o->stats->shards[i].n_rows, band = 0;

	for (; rows > 1; rows /= 4)
		band++;
	for (size_t k = 0; k < n; k++)
		h += hash_u64(keys[k] * 2 + (k < PLAN_LEAVES_MAX ? avail >> k & 1 : 0));
	return hash_u64(h + hash_u64(o->can[i]) + band);
}

static struct plan_class *
find_class(struct plan_class *v, size_t *n, uint64_t key)
{
	for (size_t k = 0; k < *n; k++)
		if (v[k].key == key)
			return &v[k];
	if (*n == CLASSES_MAX)
		return &v[*n - 1];
	v[*n] = (struct plan_class){ .key = key };
	return &v[(*n)++];
}

int
cand_classes(struct opt *o, struct class_list *l, struct err *e)
{
	struct plan *p = o->plan;
	size_t n = plan_n_leaves(p->filter.pred);
	const struct pred **leaves = calloc(n + 1, sizeof *leaves);
	uint64_t *keys = calloc(n + 1, sizeof *keys);

	l->v = arena_array(o->arena, CLASSES_MAX, struct plan_class);
	l->avail = calloc(CLASSES_MAX, sizeof *l->avail);
	l->n = 0;
	if (leaves == NULL || keys == NULL || l->v == NULL || l->avail == NULL) {
		free(leaves);
		free(keys);
		return err_nomem(e);
	}
	list_leaves(p->filter.pred, leaves, 0);
	for (size_t k = 0; k < n; k++)
		keys[k] = leaf_key(leaves[k]);
	for (size_t i = 0; i < p->scan.n_shards; i++) {
		uint64_t avail;
		struct plan_class *c;

		if (o->shards[i].access == ACCESS_PRUNED)
			continue;
		avail = available(o, i, leaves, n);
		c = find_class(l->v, &l->n, class_key(o, i, keys, n, avail));
		c->n_shards++;
		c->n_rows += o->stats->shards[i].n_rows;
		l->avail[c - l->v] |= avail;
		o->shards[i].cls = (uint32_t)(c - l->v);
	}
	free(leaves);
	free(keys);
	return 0;
}

/* ---- candidates ---- */

/* Averages of one way over the sample. */
static struct plan_cand
cost_way(const struct build *b, enum access a, uint64_t leaves)
{
	struct plan_cand c = { .access = a, .index_leaves = leaves };

	for (size_t i = 0; i < b->n_sample; i++) {
		struct access_cost one = cost_access(&b->sample[i], a, leaves);

		c.startup += one.startup / (double)b->n_sample;
		c.total += one.total / (double)b->n_sample;
		c.est_rows += one.rows / (double)b->n_sample;
	}
	return c;
}

/* Its total; adds it unless it is there. */
static double
add(struct build *b, enum access a, uint64_t leaves)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->cands[i].access == a && b->cands[i].index_leaves == leaves)
			return b->cands[i].total;
	if (b->n == CANDS_MAX)
		return 0;
	b->cands[b->n] = cost_way(b, a, leaves);
	return b->cands[b->n++].total;
}

/* Of the leaves of a tree from *at on, those that can be asked, if that tells of the tree. */
static uint64_t
askable(const struct pred *p, uint64_t avail, size_t *at)
{
	uint64_t all = 0, one;
	bool every = true;

	if (p->kind == PRED_LEAF) {
		all = *at < PLAN_LEAVES_MAX ? avail & (uint64_t)1 << *at : 0;
		++*at;
		return all;
	}
	if (p->kind == PRED_NOT) {
		*at += plan_n_leaves(p);
		return 0;
	}
	for (size_t i = 0; i < p->n_kids; i++) {
		all |= one = askable(p->kids[i], avail, at);
		every &= one != 0;
	}
	return p->kind == PRED_OR && !every ? 0 : all;
}

static size_t
find_units(const struct build *b, struct unit *u)
{
	const struct pred *p = b->o->plan->filter.pred;
	size_t at = 0, n = 0;

	if (p->kind != PRED_AND) {
		u[0].leaves = askable(p, b->avail, &at);
		return u[0].leaves != 0;
	}
	for (size_t i = 0; i < p->n_kids && n < UNITS_MAX; i++) {
		u[n].leaves = askable(p->kids[i], b->avail, &at);
		n += u[n].leaves != 0;
	}
	return n;
}

static void
sort_units(struct unit *u, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct unit x = u[i];
		size_t k = i;

		for (; k > 0 && u[k - 1].total > x.total; k--)
			u[k] = u[k - 1];
		u[k] = x;
	}
}

static void
add_indexes(struct build *b, enum access a)
{
	struct unit u[UNITS_MAX];
	size_t n = find_units(b, u);
	uint64_t together = 0;

	for (size_t i = 0; i < n; i++)
		u[i].total = add(b, a, u[i].leaves);
	sort_units(u, n);
	for (size_t i = 0; i < n && i < TOGETHER_MAX; i++) {
		together |= u[i].leaves;
		(void)add(b, a, together);
	}
}

/* The sharper stands first: of equals the first is taken. */
static const enum access sharpest_first[] = {
	ACCESS_CATALOG, ACCESS_COVERING, ACCESS_TRACE, ACCESS_SERVICE, ACCESS_ZONE, ACCESS_FULL,
};

static void
add_all(struct build *b)
{
	enum access cheapest = ACCESS_PRUNED, sharpest = ACCESS_PRUNED;
	double least = 0;

	for (size_t i = 0; i < sizeof sharpest_first / sizeof *sharpest_first; i++) {
		enum access a = sharpest_first[i];
		double total;

		if ((b->can >> a & 1) == 0)
			continue;
		/* Should footers and indexes not tell after all, the indexes still narrow. */
		total = add(b, a, a == ACCESS_COVERING ? b->avail : 0);
		if (a == ACCESS_CATALOG || a == ACCESS_COVERING)
			continue;
		sharpest = sharpest == ACCESS_PRUNED ? a : sharpest;
		if (cheapest == ACCESS_PRUNED || total < least) {
			cheapest = a;
			least = total;
		}
	}
	if (b->avail == 0 || cheapest == ACCESS_PRUNED)
		return;
	add_indexes(b, cheapest);
	if (sharpest != cheapest)
		add_indexes(b, sharpest);
}

static int
take_sample(struct build *b, struct leaf_cost *leaves, size_t n_leaves)
{
	const struct plan *p = b->o->plan;
	uint32_t no = (uint32_t)(b->cls - p->scan.classes), seen = 0;
	uint32_t step = b->cls->n_shards / SAMPLE_MAX + 1;

	for (size_t i = 0; i < p->scan.n_shards && b->n_sample < SAMPLE_MAX; i++) {
		if (p->scan.shards[i].cls != no)
			continue;
		b->can = seen == 0 ? b->o->can[i] : b->can & b->o->can[i];
		if (seen++ % step == 0) {
			shard_cost_init(&b->sample[b->n_sample], b->o, i,
			    leaves + b->n_sample * n_leaves);
			b->n_sample++;
		}
	}
	return b->n_sample != 0;
}

int
cand_make(struct opt *o, struct class_list *l, size_t no, struct plan_cand **out, struct err *e)
{
	size_t n_leaves = plan_n_leaves(o->plan->filter.pred);
	struct leaf_cost *leaves = calloc(SAMPLE_MAX * n_leaves + 1, sizeof *leaves);
	struct build *b = calloc(1, sizeof *b);
	struct plan_cand *cands = arena_array(o->arena, CANDS_MAX, struct plan_cand);

	if (leaves == NULL || b == NULL || cands == NULL) {
		free(leaves);
		free(b);
		return err_nomem(e);
	}
	b->o = o;
	b->cls = &l->v[no];
	b->avail = l->avail[no];
	b->cands = cands;
	if (take_sample(b, leaves, n_leaves))
		add_all(b);
	l->v[no].cands = *out = cands;
	l->v[no].n_cands = b->n;
	free(leaves);
	free(b);
	return 0;
}
