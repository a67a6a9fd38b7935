/* SPDX-License-Identifier: ISC */
/* contrast_span: whole spans, and what their attributes yield, into a contrast. */
#include "contrast_i.h"

/* ---- values ---- */

static int
once(struct contrast *c, struct contrast_field *f, const struct value *v, enum contrast_side side,
    uint64_t stamp, struct err *e)
{
	uint32_t no;
	int code;

	if (v->type == VAL_EMPTY)
		return 0;
	if ((code = contrast_value(c, f, v, &no, e)) == 0)
		contrast_count_once(f, no, side, stamp);
	return code < 0 ? code : 0;
}

int
contrast_attr(struct contrast *c, struct contrast_field *f, const struct value *v,
    enum contrast_side side, uint64_t stamp, struct err *e)
{
	struct cursor at;
	struct value x;
	int code = 0;

	if (v->type != VAL_ARRAY)
		return once(c, f, v, side, stamp, e);
	at = cursor_new(v->s.p, v->s.n);
	while (code == 0 && !f->dropped && value_array_next(&at, &x))
		code = once(c, f, &x, side, stamp, e);
	return code;
}

static int
spread_one(struct contrast *c, struct contrast_field *f, const struct value *v, uint64_t selection,
    uint64_t baseline, uint64_t stamp, struct err *e)
{
	uint32_t no;
	int code;

	if (v->type == VAL_EMPTY)
		return 0;
	if ((code = contrast_value(c, f, v, &no, e)) == 0 && f->values.v[no].stamp != stamp) {
		f->values.v[no].stamp = stamp;
		contrast_count(f, no, selection, baseline);
	}
	return code < 0 ? code : 0;
}

int
contrast_spread(struct contrast *c, struct contrast_field *f, const struct value *v,
    uint64_t selection, uint64_t baseline, struct err *e)
{
	uint64_t stamp = contrast_stamps(c, 1);
	struct cursor at;
	struct value x;
	int code = 0;

	if (v->type != VAL_ARRAY)
		return spread_one(c, f, v, selection, baseline, stamp, e);
	at = cursor_new(v->s.p, v->s.n);
	while (code == 0 && !f->dropped && value_array_next(&at, &x))
		code = spread_one(c, f, &x, selection, baseline, stamp, e);
	return code;
}

/* ---- spans ---- */

int
contrast_attrs(struct contrast *c, enum field_scope scope, const struct attrs *a,
    enum contrast_side side, uint64_t stamp, struct err *e)
{
	struct contrast_field *f;
	int code = 0;

	for (uint32_t i = 0; code == 0 && i < a->n; i++) {
		const struct field name = { .scope = scope, .key = a->v[i].key };

		if ((code = contrast_field(c, &name, &f, e)) == 0)
			code = contrast_attr(c, f, &a->v[i].val, side, stamp, e);
	}
	return code;
}

int
contrast_rest(struct contrast *c, enum field_scope scope, struct sv map, enum contrast_side side,
    uint64_t stamp, struct err *e)
{
	struct cursor at = cursor_new(map.p, map.n);
	struct field name = { .scope = scope };
	struct contrast_field *f;
	struct value v;
	int code = 0;

	while (code == 0 && value_map_next(&at, &name.key, &v))
		if ((code = contrast_field(c, &name, &f, e)) == 0)
			code = contrast_attr(c, f, &v, side, stamp, e);
	return code;
}

static int
intrinsic(struct contrast *c, enum intrinsic in, struct value v, enum contrast_side side,
    uint64_t stamp, struct err *e)
{
	const struct field name = { .scope = FIELD_INTRINSIC, .intrinsic = in };
	struct contrast_field *f;
	int code = contrast_field(c, &name, &f, e);

	return code < 0 ? code : once(c, f, &v, side, stamp, e);
}

static struct value
text(struct sv s)
{
	return (struct value){ .type = VAL_STRING, .s = s };
}

static struct value
word(int32_t number)
{
	return (struct value){ .type = VAL_INT, .i = number };
}

int
contrast_span(struct contrast *c, const struct span *s, enum contrast_side side, struct err *e)
{
	uint64_t stamp = contrast_stamps(c, 1);
	int code;

	if ((code = contrast_check(c, e)) < 0 ||
	    (code = intrinsic(c, IN_SERVICE, text(s->resource->service), side, stamp, e)) < 0 ||
	    (code = intrinsic(c, IN_NAME, text(s->name), side, stamp, e)) < 0 ||
	    (code = intrinsic(c, IN_KIND, word(s->kind), side, stamp, e)) < 0 ||
	    (code = intrinsic(c, IN_STATUS, word(s->status), side, stamp, e)) < 0 ||
	    (code = contrast_attrs(c, FIELD_SPAN, &s->attrs, side, stamp, e)) < 0 ||
	    (code = contrast_attrs(c, FIELD_RESOURCE, &s->resource->attrs, side, stamp, e)) < 0)
		return code;
	code = contrast_attrs(c, FIELD_SCOPE, &s->scope->attrs, side, stamp, e);
	for (uint32_t i = 0; code == 0 && i < s->n_events; i++)
		code = contrast_attrs(c, FIELD_EVENT, &s->events[i].attrs, side, stamp, e);
	if (code == 0)
		contrast_add_spans(c, side == SIDE_SELECTION, side == SIDE_BASELINE);
	return code;
}
