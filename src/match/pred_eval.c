/* SPDX-License-Identifier: ISC */
/*
 * pred_eval: a predicate tree on whole spans, one after the other: the plain plan's filter,
 * and the reference that the column kernels are tested against. It shares with them the
 * matchers (what a value satisfies) but not the way to the values.
 */
#include "match/pred_eval.h"

#include <stdlib.h>

#include "match/matcher.h"
#include "match/words.h"
#include "model/pred_walk.h"

struct pred_eval {
	const struct pred *pred;
	struct matcher **leaves;	/* by number; NULL for OP_TEXT */
	size_t n_leaves;
	struct err *e;			/* while it is made */
};

/* What a leaf is asked about. */
struct row {
	const struct pred_eval *pe;
	struct field_row of;
};

static int
make_leaf(void *arg, const struct pred *p, size_t no, bool under_not)
{
	struct pred_eval *pe = arg;

	(void)under_not;
	return p->op == OP_TEXT ? 0 : matcher_new(p, &pe->leaves[no], pe->e);
}

int
pred_eval_new(const struct pred *p, struct pred_eval **out, struct err *e)
{
	struct pred_eval *pe = calloc(1, sizeof *pe);
	int rc;

	if (pe == NULL)
		return err_nomem(e);
	pe->pred = p;
	pe->e = e;
	pe->n_leaves = pred_n_leaves(p);
	if ((pe->leaves = calloc(pe->n_leaves + 1, sizeof *pe->leaves)) == NULL)
		rc = err_nomem(e);
	else
		rc = pred_each_leaf(p, make_leaf, pe);
	pe->e = NULL;
	if (rc < 0) {
		pred_eval_free(pe);
		return rc;
	}
	*out = pe;
	return 0;
}

void
pred_eval_free(struct pred_eval *pe)
{
	if (pe == NULL)
		return;
	for (size_t i = 0; pe->leaves != NULL && i < pe->n_leaves; i++)
		matcher_free(pe->leaves[i]);
	free(pe->leaves);
	free(pe);
}

/* ---- text ---- */

static bool
attrs_have_word(const struct attrs *a, struct sv word)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (value_has_word(&a->v[i].val, word))
			return true;
	return false;
}

static bool
span_has_word(const struct span *s, struct sv word)
{
	if (text_has_word(s->name, word) || text_has_word(s->status_message, word) ||
	    attrs_have_word(&s->attrs, word) || attrs_have_word(&s->resource->attrs, word) ||
	    attrs_have_word(&s->scope->attrs, word))
		return true;
	for (uint32_t i = 0; i < s->n_events; i++)
		if (text_has_word(s->events[i].name, word) ||
		    attrs_have_word(&s->events[i].attrs, word))
			return true;
	return false;
}

static bool
eval_text(const struct pred *p, const struct span *s)
{
	for (size_t i = 0; i < p->n_lits; i++)
		if (!span_has_word(s, p->lits[i].text))
			return false;
	return true;
}

/* ---- trees ---- */

/* Any value of the field will do: attributes have one, events and links one each. */
static int
eval_leaf(void *arg, const struct pred *p, size_t leaf, struct err *e)
{
	const struct row *r = arg;
	struct field_value v;
	struct field_at at = { 0, 0 };
	int rc = 0;

	if (p->op == OP_TEXT)
		return eval_text(p, r->of.span);
	while (rc == 0 && field_value_next(&p->field, &r->of, &at, &v))
		rc = matcher_field(r->pe->leaves[leaf], &v, e);
	return rc;
}

int
pred_eval_row(const struct pred_eval *pe, const struct field_row *row, struct err *e)
{
	const struct span *s = row->span;
	struct row r = { pe, *row };
	int rc = pred_truth(pe->pred, eval_leaf, &r, e);

	if (rc == ERR_TIMEOUT)
		return err_ctx(e, rc, "span %016llx of trace %016llx%016llx",
		    (unsigned long long)s->span_id, (unsigned long long)s->trace_id.hi,
		    (unsigned long long)s->trace_id.lo);
	return rc;
}
