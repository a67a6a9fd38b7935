/* SPDX-License-Identifier: ISC */
/*
 * rule project: only what the output shows is put together: what the file needs, or with
 * `select` what the selected fields need. A bare field may be the resource's attribute. What is
 * selected of parents is a projection of its own, with the rule and without it.
 */
#include "opt_i.h"

static void
take_intrinsic(struct projection *pr, enum intrinsic in)
{
	pr->intrinsics |= INTRINSIC_BIT(in);
	switch (in) {
	case IN_STATUS_MESSAGE:
	case IN_TRACE_STATE:
	case IN_FLAGS:
		pr->rest = true;
		break;
	case IN_EVENT_NAME:
	case IN_EVENT_TIME:
	case IN_SCORE_NAME:
	case IN_SCORE_VALUE:
	case IN_SCORE_LABEL:
		pr->events = true;
		break;
	case IN_LINK_TRACE_ID:
	case IN_LINK_SPAN_ID:
		pr->links = true;
		break;
	default:
		break;
	}
}

static bool
take_field(struct arena *a, struct projection *pr, struct field *fields, const struct field *f)
{
	switch (f->scope) {
	case FIELD_INTRINSIC:
		take_intrinsic(pr, f->intrinsic);
		return true;
	case FIELD_RESOURCE:
		pr->resource = true;
		return true;
	case FIELD_SCOPE:
		pr->scope = true;
		return true;
	case FIELD_EVENT:
		pr->events = true;
		return true;
	case FIELD_LINK:
		pr->links = true;
		return true;
	case FIELD_BARE:
		pr->resource = true;
		break;
	case FIELD_SPAN:
		break;
	case FIELD_PARENT:
		take_intrinsic(pr, IN_PARENT_SPAN_ID);
		return true;
	}
	fields[pr->n_fields] = *f;
	fields[pr->n_fields].key = arena_sv(a, f->key);
	return fields[pr->n_fields++].key.p != NULL || f->key.n == 0;
}

int
project_parents(struct arena *a, const struct query *q, const struct projection **out,
    struct err *e)
{
	struct projection *pr = arena_new(a, struct projection);
	struct field *fields = arena_array(a, q->n_select, struct field);

	*out = NULL;
	if (pr == NULL || fields == NULL)
		return err_nomem(e);
	pr->lean = true;
	pr->fields = fields;
	for (size_t i = 0; i < q->n_select; i++) {
		struct field *f = &fields[pr->n_fields];

		if (q->select[i].scope != FIELD_PARENT)
			continue;
		*f = field_inner(&q->select[i]);
		f->key = arena_sv(a, f->key);
		if (f->key.p == NULL && q->select[i].key.n != 0)
			return err_nomem(e);
		pr->n_fields++;
	}
	if (pr->n_fields != 0)
		*out = pr;
	return 0;
}

static int
selected(struct opt *o, struct projection *pr, struct err *e)
{
	const struct query *q = o->query;
	struct field *fields = arena_array(o->arena, q->n_select, struct field);
	struct field *named = arena_array(o->arena, q->n_select, struct field);

	if (fields == NULL || named == NULL)
		return err_nomem(e);
	pr->fields = fields;
	pr->named = named;
	pr->lean = true;
	for (size_t i = 0; i < q->n_select; i++) {
		named[i] = q->select[i];
		named[i].key = arena_sv(o->arena, q->select[i].key);
		if ((named[i].key.p == NULL && q->select[i].key.n != 0) ||
		    !take_field(o->arena, pr, fields, &q->select[i]))
			return err_nomem(e);
	}
	pr->n_named = q->n_select;
	return 0;
}

int
rule_project(struct opt *o, bool *changed, struct err *e)
{
	struct projection pr = { .all = false };
	int code;

	if (!o->plan->fetch.projection.all || !opt_caps(o)->projection)
		return 0;
	if (o->query->n_select == 0)
		pr = o->options->projection;
	else if ((code = selected(o, &pr, e)) < 0)
		return code;
	*changed |= !pr.all;
	pr.parents = o->plan->fetch.projection.parents;
	o->plan->fetch.projection = pr;
	return 0;
}
