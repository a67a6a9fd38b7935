/* SPDX-License-Identifier: ISC */
/* request_format: which files may stand where: what a query's clauses say of the rows of a file. */
#include "engine_i.h"

/* True if the query is about one trace: trace/ID with a single id at the top. */
static bool
one_trace(const struct query *q)
{
	const struct pred *p = q->filter;
	size_t n = p->kind == PRED_AND ? p->n_kids : 1;

	for (size_t i = 0; i < n; i++) {
		const struct pred *k = p->kind == PRED_AND ? p->kids[i] : p;

		if (k->kind == PRED_LEAF && k->op == OP_EQ &&
		    k->field.scope == FIELD_INTRINSIC && k->field.intrinsic == IN_TRACE_ID)
			return true;
	}
	return false;
}

/* Rows of events are in order by their own fields, those of links too; a span has many of them. */
int
check_order(const struct query *q, const struct format *format, struct err *e)
{
	for (size_t i = 0; i < q->n_sort && !q->by_groups; i++) {
		const struct field *f = &q->sort[i].by.field;
		bool event = field_owner(f) == OF_EVENT;

		if (field_is_many(f) && (event ? format->rows != ROW_EVENT &&
		    format->rows != ROW_SCORE : format->rows != ROW_LINK))
			return err_set(e, ERR_UNSUPPORTED, -1,
			    "a span has many values of '%.*s': only %s sorted by it",
			    SV_ARG(q->sort[i].typed),
			    event ? "events.jsonl and scores.jsonl are" : "links.jsonl is");
	}
	return 0;
}

const struct format *
query_usual_format(const struct query *q)
{
	const struct format *f = format_find(SV("spans.jsonl"));

	for (size_t i = 0; i < q->n_sort && !q->by_groups; i++)
		if (field_is_many(&q->sort[i].by.field))
			f = format_find(field_owner(&q->sort[i].by.field) == OF_EVENT ?
			    SV("events.jsonl") : SV("links.jsonl"));
	return f;
}

int
check_format(const struct query *q, const struct format *format, struct err *e)
{
	struct sv file = sv_cstr(format->file);
	bool trace_rows = format->rows == ROW_TRACE;

	if ((format->rows == ROW_CONTRAST) != (q->compare != NULL))
		return err_set(e, ERR_UNSUPPORTED, -1, q->compare != NULL ?
		    "%.*s has no rows of compare: compare.jsonl and compare.txt do" :
		    "%.*s stands under compare/.../end", SV_ARG(file));
	if (format->rows == ROW_GROUP && !q->by_groups)
		return err_set(e, ERR_UNSUPPORTED, -1,
		    "%.*s stands under group, bucket, agg or distinct", SV_ARG(file));
	if (q->by_groups && format->rows != ROW_GROUP && format->rows != ROW_COUNT)
		return err_set(e, ERR_UNSUPPORTED, -1,
		    "%.*s has no groups: groups.jsonl, groups.csv, groups.txt and count do",
		    SV_ARG(file));

	if (format->only_trace && !one_trace(q))
		return err_set(e, ERR_UNSUPPORTED, -1,
		    "%.*s stands under trace/ID, with one id", SV_ARG(file));
	if (q->n_select != 0 && !format->select_ok)
		return err_set(e, ERR_UNSUPPORTED, -1, "select can't be used with %.*s",
		    SV_ARG(file));
	for (size_t i = 0; i < q->n_select && trace_rows; i++) {
		const struct field *f = &q->select[i];

		if (f->scope != FIELD_INTRINSIC || (f->intrinsic != IN_TRACE_ID &&
		    intrinsics[f->intrinsic].of != OF_TRACE))
			return err_set(e, ERR_UNSUPPORTED, -1,
			    "select of %.*s in %.*s: only fields of the trace",
			    SV_ARG(q->select_typed[i]), SV_ARG(file));
	}
	for (size_t i = 0; i < q->n_sort && trace_rows; i++) {
		const struct field *f = &q->sort[i].by.field;

		if (f->scope != FIELD_INTRINSIC || (f->intrinsic != IN_TRACE_ID &&
		    intrinsics[f->intrinsic].of != OF_TRACE))
			return err_set(e, ERR_UNSUPPORTED, -1,
			    "sort of %.*s: only by fields of the trace", SV_ARG(file));
	}
	return check_order(q, format, e);
}

int
check_follow(const struct query *q, struct err *e)
{
	const char *word = q->compare != NULL ? "compare" : q->by_groups ? "groups" :
	    q->n_sort != 0 ? "sort" : q->offset != 0 ? "offset" :
	    q->has_expect_rows || q->has_expect_fresh ? "expect" : NULL;

	if (word == NULL)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, -1, "%s can't be used with follow.jsonl: it gives spans "
	    "as they are committed, and has no end", word);
}
