/* SPDX-License-Identifier: ISC */
/*
 * cover_cells: counts from the footer. It has the rows and the errors of every span name of
 * every service, so a tree of conditions on service, name and status "error" is asked once for
 * each of these cells. The footer tells nothing of time but each service's first and last start:
 * a service that matches must lie in the range, or apart from it.
 */
#include "filter/cover.h"

struct cells {
	struct xshard *xs;
	uint64_t first, last;		/* the range */
	const struct dict *names;	/* NULL: nobody asks for them */
	int (*fn)(void *, const struct shard_service *, struct sv, uint64_t, uint64_t);	/* or NULL */
	void *arg;
	struct err *e;
};

struct cell {
	struct sv service, name;
	bool error;
};

/* ---- what can be asked ---- */

/* Of states the cell knows only "error" from all others: 1 the leaf asks for it, 0 for not it. */
static int
asks_error(const struct fnode *n)
{
	const uint64_t error = value_image_i64(STATUS_ERROR);
	const struct ranges *r = &n->number;

	if (n->cls != LEAF_NUMBER)
		return -1;
	if (r->n == 1 && r->v[0].lo == error && r->v[0].hi == error)
		return 1;
	if (r->n == 2 && r->v[0].lo == 0 && r->v[0].hi == error - 1 &&
	    r->v[1].lo == error + 1 && r->v[1].hi == UINT64_MAX)
		return 0;
	return -1;
}

static bool
tells(const struct fnode *n, bool *name)
{
	if (n->pred->kind != PRED_LEAF) {
		for (size_t i = 0; i < n->pred->n_kids; i++)
			if (!tells(&n->kids[i], name))
				return false;
		return true;
	}
	if (n->pred->op == OP_TEXT || n->pred->field.scope != FIELD_INTRINSIC)
		return false;
	switch (n->pred->field.intrinsic) {
	case IN_SERVICE:
		return true;
	case IN_NAME:
		*name = true;
		return n->pred->op != OP_HAS;
	case IN_STATUS:
		return n->pred->op != OP_HAS && asks_error(n) >= 0;
	default:
		return false;
	}
}

/* ---- asking ---- */

static int
leaf_holds(const struct fnode *n, const struct cell *c, struct err *e)
{
	switch (n->pred->field.intrinsic) {
	case IN_SERVICE:
		return matcher_string(n->m, c->service, e);
	case IN_NAME:
		return matcher_string(n->m, c->name, e);
	default:
		return c->error == (asks_error(n) == 1);
	}
}

static int
holds(const struct fnode *n, const struct cell *c, struct err *e)
{
	bool all = n->pred->kind == PRED_AND;
	int rc;

	switch (n->pred->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return leaf_holds(n, c, e);
	case PRED_NOT:
		rc = holds(&n->kids[0], c, e);
		return rc < 0 ? rc : !rc;
	case PRED_AND:
	case PRED_OR:
		break;
	}
	for (size_t i = 0; i < n->pred->n_kids; i++)
		if ((rc = holds(&n->kids[i], c, e)) < 0 || (rc > 0) != all)
			return rc;
	return all;
}

/* Adds the cell's rows if it matches. */
static int
ask(struct cells *k, const struct shard_service *s, struct cell c, uint64_t rows, uint64_t errors,
    uint64_t *n)
{
	const struct fnode *root = &k->xs->filter->root;
	uint64_t fine = rows - errors;
	int rc;

	if (fine != 0) {
		if ((rc = holds(root, &c, k->e)) < 0)
			return rc;
		fine = rc > 0 ? fine : 0;
	}
	if (errors != 0) {
		c.error = true;
		if ((rc = holds(root, &c, k->e)) < 0)
			return rc;
		errors = rc > 0 ? errors : 0;
	}
	*n += fine + errors;
	if (k->fn == NULL || fine + errors == 0)
		return 0;
	return k->fn(k->arg, s, c.name, fine + errors, errors);
}

static int
ask_service(struct cells *k, const struct shard_service *s, uint64_t *n)
{
	struct cell c = { .service = s->service };
	int rc = 0;

	*n = 0;
	if (k->names == NULL)
		return ask(k, s, c, s->row_to - s->row_from, s->n_errors, n);
	for (size_t i = 0; i < s->n_names && rc == 0; i++) {
		c.name = dict_at(k->names, s->names[i].code);
		rc = ask(k, s, c, s->names[i].n_rows, s->names[i].n_errors, n);
	}
	return rc;
}

/* 1: the service's rows lie in the range; -1: apart from it; 0: some of them. */
static int
place(const struct shard_service *s, const struct cells *k)
{
	if (s->max_start < k->first || s->min_start > k->last)
		return -1;
	return s->min_start >= k->first && s->max_start <= k->last;
}

static int
ask_all(struct cells *k, uint64_t *n)
{
	const struct shard_info *info = k->xs->info;
	uint64_t sum = 0, some;
	int rc;

	for (size_t i = 0; i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];
		int in = place(s, k);

		if (in < 0)
			continue;
		if ((rc = ask_service(k, s, &some)) < 0)
			return rc;
		if (in == 0 && some != 0)
			return 0;
		sum += some;
	}
	*n = sum;
	return 1;
}

static int
ask_cells(struct cells *k, bool name, uint64_t *n, struct err *e)
{
	struct xshard *xs = k->xs;
	const struct column *names = shard_column(xs->s, COL_NAME);
	int rc;

	if (!tells(&xs->filter->root, &name))
		return 0;
	if (name && (names == NULL || names->kind != COLUMN_DICT))
		return 0;
	if (name && (rc = dict_get(xs->s, names, &k->names, e)) < 0)
		return rc;
	rc = ask_all(k, n);
	dict_put(k->names);
	return rc;
}

int
cover_cells(struct xshard *xs, uint64_t first, uint64_t last, uint64_t *n, struct err *e)
{
	struct cells k = { .xs = xs, .first = first, .last = last, .e = e };

	return ask_cells(&k, false, n, e);
}

int
cover_each_cell(struct xshard *xs, uint64_t first, uint64_t last, bool by_name,
    int (*fn)(void *, const struct shard_service *, struct sv, uint64_t, uint64_t), void *arg,
    struct err *e)
{
	struct cells k = { .xs = xs, .first = first, .last = last, .fn = fn, .arg = arg, .e = e };
	uint64_t n;

	return ask_cells(&k, by_name, &n, e);
}
