/* SPDX-License-Identifier: ISC */
/*
 * explain: EXPLAIN of a path in one call, also of one that does not parse: then the words and
 * a caret; and of two, of which it marks what differs. Attributes that no span of the store has
 * are pointed out, as they are no error: a path may well ask for what is not there.
 */
#include <stdlib.h>

#include "base/linediff.h"
#include "base/near.h"
#include "base/visible.h"
#include "engine_i.h"

#define FIELDS_MAX 10000	/* of a store, looked at for a note */

static void
explain_error(struct buf *out, struct sv text, const struct err *err)
{
	BUF_LIT(out, "error: ");
	visible_text(out, sv_cstr(err->msg), 0);
	BUF_LIT(out, "\n");
	visible_caret(out, text, err->off);
}

void
explain_server(struct buf *out, const struct request *r, bool json)
{
	struct agg_table *t = NULL;

	if (r->engine->server == NULL)
		return;
	if (r->groups != NULL && r->plan->output == ROW_GROUP)
		t = groups_table(r);
	out->oom |= ch_explain(r->engine->server, r->plan, t, json, out, NULL) < 0;
	agg_table_free(t);
}

/* A server that runs a plan finds out itself whether it can make the groups; for people that is asked before. */
void
explain_look(struct request *r)
{
	const struct format *f = r->format != NULL ? r->format : query_usual_format(r->query);
	struct agg_table *t;

	r->looked_at = true;
	if (r->engine->server == NULL || r->plan != NULL)
		return;
	if (r->groups == NULL && f->rows == ROW_COUNT)
		r->no_remote_groups = !ch_can_group(r->engine->server, r->query->filter, r->query->range, NULL);
	if (r->compared != NULL)
		r->no_remote_groups = !ch_can_contrast(r->engine->server, r->query->filter, r->query->range,
		    r->query->compare);
	if (r->groups == NULL || (t = groups_table(r)) == NULL)
		return;
	r->no_remote_groups = !ch_can_group(r->engine->server, r->query->filter, r->query->range, t);
	agg_table_free(t);
}

void
explain_request(struct buf *out, const struct request *r)
{
	size_t there, of;

	if (r->plan == NULL)
		BUF_LIT(out, "no plan\n");
	else {
		plan_explain(out, r->plan, r->stats, buf_view(&r->canonical));
		if (r->groups != NULL)
			groups_explain(out, r);
		else if ((there = rows_parts_there(r, &of)) != 0)
			buf_printf(out, "parts    rows of %zu of %zu hours from an earlier answer\n",
			    there, of);
		else if ((there = counts_parts_there(r, &of)) != 0)
			buf_printf(out, "parts    counts of %zu of %zu shards from an earlier answer\n",
			    there, of);
		explain_server(out, r, false);
		request_explain_decision(r, out);
	}
}

/* ---- fields that are not there ---- */

struct notes {
	struct buf *out;
	const struct sv *fields;	/* of the store, as paths spell them */
	size_t n;
};

/* The key of a field of spans or resources, which a bare name may mean; empty for others. */
static struct sv
bare_key(struct sv field)
{
	if (sv_starts(field, SV("span.")))
		return sv_sub(field, 5, field.n);
	if (sv_starts(field, SV("resource.")))
		return sv_sub(field, 9, field.n);
	return SV_EMPTY;
}

/* True if the store has the field; else the nearest of its fields is in *near. */
static bool
field_there(const struct notes *x, const struct field *f, struct sv typed, struct near *near)
{
	near_init(near, typed);
	for (size_t i = 0; i < x->n; i++) {
		struct sv key = f->scope == FIELD_BARE ? bare_key(x->fields[i]) : x->fields[i];

		if (sv_eq(key, typed))
			return true;
		near_offer(near, key);
	}
	for (size_t i = 0; i < N_INTRINSICS; i++)
		near_offer(near, sv_cstr(intrinsics[i].name));
	return false;
}

static void
note_field(struct notes *x, const struct field *f)
{
	struct buf typed = BUF_INIT;
	struct near near;

	if (f->scope == FIELD_INTRINSIC)
		return;
	field_print(&typed, f);
	if (!field_there(x, f, buf_view(&typed), &near)) {
		BUF_LIT(x->out, "note     the store has no field '");
		visible_text(x->out, buf_view(&typed), 0);
		BUF_LIT(x->out, "'");
		if (near.found.n != 0) {
			BUF_LIT(x->out, "; did you mean '");
			visible_text(x->out, near.found, 0);
			BUF_LIT(x->out, "'?");
		}
		BUF_LIT(x->out, "\n");
	}
	buf_release(&typed);
}

static void
note_pred(struct notes *x, const struct pred *p)
{
	if (p->kind == PRED_LEAF && p->op != OP_TEXT)
		note_field(x, &p->field);
	for (size_t i = 0; p->kind != PRED_LEAF && i < p->n_kids; i++)
		note_pred(x, p->kids[i]);
}

static void
put_notes(struct buf *out, const struct request *r)
{
	struct values_result fields;
	struct notes x = { .out = out };
	struct arena a;

	arena_init(&a);
	if (catalog_fields(r->world->snap, TIME_RANGE_ALL, FIELDS_MAX, &a, &fields, NULL) == 0 &&
	    fields.n < FIELDS_MAX && fields.n != 0) {
		x.fields = fields.values;
		x.n = fields.n;
		note_pred(&x, r->query->filter);
		if (r->query->compare != NULL)
			note_pred(&x, r->query->compare);
		for (size_t i = 0; i < r->query->n_sort; i++)
			note_field(&x, &r->query->sort[i].by.field);
		for (size_t i = 0; i < r->query->n_select; i++)
			note_field(&x, &r->query->select[i]);
	}
	arena_release(&a);
}

/* ---- one ---- */

/* alone: decided anew, whatever is remembered. */
static int
explain(struct engine *en, struct sv text, bool alone, struct buf *out, struct err *e)
{
	struct err err = ERR_INIT;
	struct path *path = NULL;
	struct request *r = NULL;
	struct sv file;
	int code;

	code = path_parse(text, engine_known_file, &path, &file, &err);
	if (code == 0)
		code = request_new(en, path, file.n != 0 ? file : SV("spans.jsonl"), &r, &err);
	if (path != NULL && code < 0)
		err.off = path_typed_offset(path, text, err.off);
	if (code == 0 && r->query != NULL) {
		r->decide_alone = alone;
		explain_look(r);
		code = request_plan(r, &err);
		if (code == 0) {
			explain_request(out, r);
			put_notes(out, r);
		}
	} else if (code == 0)
		BUF_LIT(out, "not a query: nothing is planned\n");
	if (code < 0)
		explain_error(out, text, &err);
	request_free(r);
	path_unref(path);
	if (code < 0 && e != NULL)
		*e = err;
	return code < 0 ? code : buf_ok(out, e);
}

int
engine_explain(struct engine *en, struct sv text, struct buf *out, struct err *e)
{
	return explain(en, text, false, out, e);
}

/* ---- two ---- */

static int
explain_both(struct buf *out, struct sv a, struct sv b, struct err *e)
{
	bool same;
	int code = linediff(out, a, b, &same, e);

	if (code == 0 && same)
		BUF_LIT(out, "the plans are the same\n");
	return code;
}

int
engine_explain_compare(struct engine *en, struct sv path, struct engine *other,
    struct sv other_path, struct buf *out, struct err *e)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	int code = explain(en, path, true, &a, e);

	if (code < 0)
		buf_sv(out, buf_view(&a));
	else if ((code = explain(other, other_path, true, &b, e)) < 0)
		buf_sv(out, buf_view(&b));
	else
		code = explain_both(out, buf_view(&a), buf_view(&b), e);
	buf_release(&a);
	buf_release(&b);
	return code;
}
