/* SPDX-License-Identifier: ISC */
/*
 * pred_eval: a predicate tree on whole spans, one after the other: the plain plan's filter,
 * and the reference that the column kernels are tested against. It shares with them the
 * matchers (what a value satisfies) but not the way to the values.
 */
#include <stdlib.h>

#include "exec/kernel_match.h"
#include "kernel_i.h"

struct node {
	const struct pred *pred;
	struct matcher *m;		/* PRED_LEAF but for OP_TEXT */
	struct node *kids;
};

struct pred_eval {
	struct node root;
};

/* What a leaf is asked about. */
struct row {
	const struct span *span;
	const struct trace_facts *facts;
	uint32_t child_count;
	struct err *e;
};

static void
node_release(struct node *n)
{
	matcher_free(n->m);
	if (n->kids != NULL)
		for (size_t i = 0; i < n->pred->n_kids; i++)
			node_release(&n->kids[i]);
	free(n->kids);
}

static int
node_init(struct node *n, const struct pred *p, struct err *e)
{
	int rc;

	*n = (struct node){ .pred = p };
	if (p->kind == PRED_LEAF)
		return p->op == OP_TEXT ? 0 : matcher_new(p, &n->m, e);
	if (p->n_kids == 0)
		return 0;
	if ((n->kids = calloc(p->n_kids, sizeof *n->kids)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < p->n_kids; i++)
		n->kids[i].pred = p->kids[i];
	for (size_t i = 0; i < p->n_kids; i++)
		if ((rc = node_init(&n->kids[i], p->kids[i], e)) < 0)
			return rc;
	return 0;
}

int
pred_eval_new(const struct pred *p, struct pred_eval **out, struct err *e)
{
	struct pred_eval *pe = calloc(1, sizeof *pe);
	int rc;

	if (pe == NULL)
		return err_nomem(e);
	if ((rc = node_init(&pe->root, p, e)) < 0) {
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
	node_release(&pe->root);
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

/* ---- intrinsics ---- */

/* Left out of the JSON when empty: then missing. */
static int
if_text(const struct node *n, struct sv s, struct err *e)
{
	return s.n == 0 ? 0 : matcher_string(n->m, s, e);
}

static int
eval_events(const struct node *n, const struct row *r)
{
	const struct span *s = r->span;
	const struct pred *p = n->pred;
	int rc = 0;

	for (uint32_t i = 0; i < s->n_events && rc == 0; i++) {
		const struct event *ev = &s->events[i];
		const struct value *v;

		if (p->field.scope == FIELD_EVENT) {
			v = attrs_find(&ev->attrs, p->field.key);
			rc = v == NULL ? 0 : matcher_value(n->m, v, r->e);
		} else if (p->field.intrinsic == IN_EVENT_NAME)
			rc = ev->name.n == 0 ? 0 : matcher_string(n->m, ev->name, r->e);
		else
			rc = matcher_number(n->m, ev->time_ns);
	}
	return rc;
}

static int
eval_links(const struct node *n, const struct row *r)
{
	const struct span *s = r->span;
	const struct pred *p = n->pred;
	int rc = 0;

	for (uint32_t i = 0; i < s->n_links && rc == 0; i++) {
		const struct link *l = &s->links[i];
		const struct value *v;

		if (p->field.scope == FIELD_LINK) {
			v = attrs_find(&l->attrs, p->field.key);
			rc = v == NULL ? 0 : matcher_value(n->m, v, r->e);
		} else if (p->field.intrinsic == IN_LINK_TRACE_ID)
			rc = trace_id_zero(l->trace_id) ? 0 :
			    matcher_trace_id(n->m, l->trace_id, r->e);
		else
			rc = l->span_id == 0 ? 0 : matcher_span_id(n->m, l->span_id, r->e);
	}
	return rc;
}

static int
eval_trace(const struct node *n, const struct row *r)
{
	const struct trace_facts *f = r->facts;

	if (n->pred->field.intrinsic == IN_CHILD_COUNT)
		return matcher_number(n->m, r->child_count);
	if (f == NULL)
		return 0;
	switch (n->pred->field.intrinsic) {
	case IN_ROOT_SERVICE:
		return matcher_string(n->m, f->root_service, r->e);
	case IN_ROOT_NAME:
		return matcher_string(n->m, f->root_name, r->e);
	case IN_TRACE_START:
		return matcher_number(n->m, f->start_ns);
	case IN_TRACE_DURATION:
		return matcher_number(n->m, trace_duration(f));
	case IN_TRACE_SPANS:
		return matcher_number(n->m, f->n_spans);
	case IN_TRACE_ERRORS:
		return matcher_number(n->m, f->n_errors);
	default:
		return 0;
	}
}

static int
eval_intrinsic(const struct node *n, const struct row *r)
{
	const struct span *s = r->span;
	struct err *e = r->e;

	switch (n->pred->field.intrinsic) {
	case IN_SERVICE:
		return matcher_string(n->m, s->resource->service, e);
	case IN_NAME:
		return matcher_string(n->m, s->name, e);
	case IN_KIND:
		return matcher_enum(n->m, s->kind, e);
	case IN_STATUS:
		return matcher_enum(n->m, s->status, e);
	case IN_STATUS_MESSAGE:
		return if_text(n, s->status_message, e);
	case IN_SCOPE:
		return if_text(n, s->scope->name, e);
	case IN_SCOPE_VERSION:
		return if_text(n, s->scope->version, e);
	case IN_TRACE_ID:
		return matcher_trace_id(n->m, s->trace_id, e);
	case IN_SPAN_ID:
		return matcher_span_id(n->m, s->span_id, e);
	case IN_PARENT_SPAN_ID:
		return s->parent_span_id == 0 ? 0 : matcher_span_id(n->m, s->parent_span_id, e);
	case IN_TRACE_STATE:
		return if_text(n, s->trace_state, e);
	case IN_FLAGS:
		return s->flags == 0 ? 0 : matcher_number(n->m, s->flags);
	case IN_START:
		return matcher_number(n->m, s->start_ns);
	case IN_END:
		return matcher_number(n->m, s->end_ns);
	case IN_DURATION:
		return matcher_number(n->m, span_duration(s));
	case IN_EVENT_NAME:
	case IN_EVENT_TIME:
		return eval_events(n, r);
	case IN_LINK_TRACE_ID:
	case IN_LINK_SPAN_ID:
		return eval_links(n, r);
	default:
		return eval_trace(n, r);
	}
}

/* ---- trees ---- */

static int
eval_leaf(const struct node *n, const struct row *r)
{
	const struct pred *p = n->pred;
	const struct span *s = r->span;
	const struct value *v = NULL;

	if (p->op == OP_TEXT)
		return eval_text(p, s);
	switch (p->field.scope) {
	case FIELD_INTRINSIC:
		return eval_intrinsic(n, r);
	case FIELD_EVENT:
		return eval_events(n, r);
	case FIELD_LINK:
		return eval_links(n, r);
	case FIELD_SPAN:
		v = attrs_find(&s->attrs, p->field.key);
		break;
	case FIELD_RESOURCE:
		v = attrs_find(&s->resource->attrs, p->field.key);
		break;
	case FIELD_SCOPE:
		v = attrs_find(&s->scope->attrs, p->field.key);
		break;
	case FIELD_BARE:
		v = attrs_find(&s->attrs, p->field.key);
		if (v == NULL)
			v = attrs_find(&s->resource->attrs, p->field.key);
		break;
	}
	return v == NULL ? 0 : matcher_value(n->m, v, r->e);
}

static int
eval(const struct node *n, const struct row *r)
{
	size_t n_kids = n->pred->n_kids;
	int rc;

	switch (n->pred->kind) {
	case PRED_TRUE:
		return 1;
	case PRED_FALSE:
		return 0;
	case PRED_LEAF:
		return eval_leaf(n, r);
	case PRED_NOT:
		rc = eval(&n->kids[0], r);
		return rc < 0 ? rc : !rc;
	case PRED_AND:
		for (size_t i = 0; i < n_kids; i++)
			if ((rc = eval(&n->kids[i], r)) <= 0)
				return rc;
		return 1;
	case PRED_OR:
		for (size_t i = 0; i < n_kids; i++)
			if ((rc = eval(&n->kids[i], r)) != 0)
				return rc;
		return 0;
	}
	return 0;
}

int
pred_eval_span(const struct pred_eval *pe, const struct span *s,
    const struct trace_facts *facts, uint32_t child_count, struct err *e)
{
	struct row r = { s, facts, child_count, e };
	int rc = eval(&pe->root, &r);

	if (rc == ERR_TIMEOUT)
		return err_ctx(e, rc, "span %016llx of trace %016llx%016llx",
		    (unsigned long long)s->span_id, (unsigned long long)s->trace_id.hi,
		    (unsigned long long)s->trace_id.lo);
	return rc;
}
