/* SPDX-License-Identifier: ISC */
/*
 * stats_owner: statistics of what spans share: resource attributes, scope attributes, scope
 * name and version. They have no columns of their own; their tables say what values there
 * are, and the column of references says how many rows each has.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "stats_i.h"

/* Values of one shard that are counted; a shard with more has no use for their statistics. */
#define OWNER_VALUES_MAX 100000

int
owner_weights(struct shard *s, enum column_id id, size_t n, struct arena *a,
    const uint64_t **out, struct err *e)
{
	const struct column *c = shard_column(s, id);
	uint64_t *w = arena_array(a, n + 1, uint64_t), rest = shard_info(s)->n_rows;
	size_t n_rest = n;

	if (w == NULL)
		return err_nomem(e);
	for (size_t i = 0; c != NULL && i < c->n_top; i++) {
		const struct top_value *t = &c->top[i];

		if (t->val.type != VAL_INT || (uint64_t)t->val.i >= n || w[t->val.i] != 0)
			continue;
		w[t->val.i] = t->n_rows;
		rest -= t->n_rows < rest ? t->n_rows : rest;
		n_rest--;
	}
	for (size_t i = 0; i < n && n_rest > 0; i++)
		if (w[i] == 0)
			w[i] = rest / n_rest + (rest % n_rest != 0);
	*out = w;
	return 0;
}

/* ---- one tally of all: the key is the field, the type and the packed value ---- */

struct owners_tally {
	struct tally t;
	struct buf key;
};

/* Fields in a form whose byte order groups them: scope, intrinsic, key length, key. */
static int
count(struct owners_tally *o, struct field f, const struct value *v, uint64_t rows, struct err *e)
{
	struct buf *b = &o->key;

	b->n = 0;
	buf_putc(b, (char)f.scope);
	buf_putc(b, (char)f.intrinsic);
	buf_varint(b, f.key.n);
	buf_sv(b, f.key);
	value_pack(b, v);
	return b->oom ? err_nomem(e) : tally_add(&o->t, buf_view(b), rows, e);
}

static int
count_attrs(struct owners_tally *o, enum field_scope scope, const struct attrs *at,
    uint64_t rows, struct err *e)
{
	int rc = 0;

	for (uint32_t i = 0; i < at->n && rc == 0; i++)
		rc = count(o, (struct field){ .scope = scope, .key = at->v[i].key },
		    &at->v[i].val, rows, e);
	return rc;
}

static int
count_text(struct owners_tally *o, enum intrinsic in, struct sv s, uint64_t rows, struct err *e)
{
	struct value v = { .type = VAL_STRING, .s = s };

	return s.n == 0 ? 0 :
	    count(o, (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = in }, &v, rows, e);
}

static int
count_resources(struct shard *s, struct owners_tally *o, struct arena *a, struct err *e)
{
	const struct resource *r;
	const uint64_t *w;
	size_t n;
	int rc;

	if ((rc = shard_resources(s, &r, &n, e)) != 0)
		return passed_over(rc) ? 0 : rc;
	if ((rc = owner_weights(s, COL_RESOURCE, n, a, &w, e)) != 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = count_attrs(o, FIELD_RESOURCE, &r[i].attrs, w[i], e);
	return rc;
}

static int
count_scopes(struct shard *s, struct owners_tally *o, struct arena *a, struct err *e)
{
	const struct scope *sc;
	const uint64_t *w;
	size_t n;
	int rc;

	if ((rc = shard_scopes(s, &sc, &n, e)) != 0)
		return passed_over(rc) ? 0 : rc;
	if ((rc = owner_weights(s, COL_SCOPE, n, a, &w, e)) != 0)
		return rc;
	for (size_t i = 0; i < n && rc == 0; i++)
		if ((rc = count_text(o, IN_SCOPE, sc[i].name, w[i], e)) == 0 &&
		    (rc = count_text(o, IN_SCOPE_VERSION, sc[i].version, w[i], e)) == 0)
			rc = count_attrs(o, FIELD_SCOPE, &sc[i].attrs, w[i], e);
	return rc;
}

/* ---- from the tally to columns ---- */

struct counted {
	struct sv group;	/* field and type: the bytes before the value */
	struct field field;
	struct value val;
	uint64_t rows;
};

static bool
uncount(struct tally_item it, struct counted *out)
{
	struct cursor c = cursor_new(it.value.p, it.value.n);

	out->field.scope = (enum field_scope)cursor_u8(&c);
	out->field.intrinsic = (enum intrinsic)cursor_u8(&c);
	out->field.key = cursor_str(&c);
	out->group = sv_sub(it.value, 0, cursor_off(&c) + 1);
	out->rows = it.rows;
	return value_unpack(&c, &out->val);
}

static int
by_group(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;
	int c = sv_cmp(x->group, y->group);

	if (c != 0)
		return c;
	return x->rows > y->rows ? -1 : x->rows < y->rows;
}

static void
widen(struct column_stats *c, const struct value *v)
{
	uint64_t image;

	if (v->type == VAL_INT)
		image = value_image_i64(v->i);
	else if (v->type == VAL_DOUBLE)
		image = value_image_double(v->d);
	else if (v->type == VAL_BOOL)
		image = v->b;
	else
		return;
	if (!c->has_range || image < c->min)
		c->min = image;
	if (!c->has_range || image > c->max)
		c->max = image;
	c->has_range = true;
}

/* One column of the n values of a group, the most frequent first. */
static int
make_column(const struct counted *v, size_t n, uint64_t n_rows, struct arena *a,
    column_stats_vec *out, struct err *e)
{
	struct column_stats c = { .field = v->field, .type = v->val.type, .n_distinct = n,
		.loose = true };
	struct top_value *top;

	c.n_top = n < SHARD_TOP_VALUES ? n : SHARD_TOP_VALUES;
	c.field.key = arena_sv(a, v->field.key);
	top = arena_array(a, c.n_top, struct top_value);
	if (top == NULL || (c.field.key.p == NULL && v->field.key.n != 0))
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		c.n_present += v[i].rows;
		widen(&c, &v[i].val);
		if (i >= c.n_top)
			continue;
		top[i] = (struct top_value){ .val = v[i].val, .n_rows = v[i].rows };
		/* Of all types but numbers the bytes are the tally's, which goes. */
		if (v[i].val.type == VAL_STRING || v[i].val.type >= VAL_BYTES) {
			top[i].val.s = arena_sv(a, v[i].val.s);
			if (top[i].val.s.p == NULL && v[i].val.s.n != 0)
				return err_nomem(e);
		}
	}
	if (c.n_present > n_rows)
		c.n_present = n_rows;
	c.top = top;
	return vec_push(out, c) ? 0 : err_nomem(e);
}

static int
make_columns(const struct tally *t, uint64_t n_rows, struct arena *a, struct arena *scratch,
    column_stats_vec *out, struct err *e)
{
	struct tally_item *items;
	struct counted *v;
	size_t n = 0;
	int rc;

	if ((rc = tally_list(t, scratch, &items, e)) != 0)
		return rc;
	if ((v = arena_array(scratch, t->rows.n + 1, struct counted)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < t->rows.n; i++)
		n += uncount(items[i], &v[n]);
	qsort(v, n, sizeof *v, by_group);
	for (size_t i = 0, j; i < n && rc == 0; i = j) {
		for (j = i + 1; j < n && sv_eq(v[i].group, v[j].group); j++)
			;
		rc = make_column(v + i, j - i, n_rows, a, out, e);
	}
	return rc;
}

int
owner_columns(struct shard *s, struct arena *a, column_stats_vec *out, struct err *e)
{
	struct owners_tally o = { .key = BUF_INIT };
	struct arena scratch;
	int rc;

	arena_init(&scratch);
	tally_init(&o.t, OWNER_VALUES_MAX);
	if ((rc = count_resources(s, &o, &scratch, e)) == 0 &&
	    (rc = count_scopes(s, &o, &scratch, e)) == 0)
		rc = make_columns(&o.t, shard_info(s)->n_rows, a, &scratch, out, e);
	tally_release(&o.t);
	buf_release(&o.key);
	arena_release(&scratch);
	return rc;
}
