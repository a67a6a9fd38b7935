/* SPDX-License-Identifier: ISC */
/* agg_cell: what the states of a group come down to, as cells; and the order of cells. */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"
#include "model/json.h"

static struct group_cell
null_cell(void)
{
	return (struct group_cell){ .kind = GROUP_NULL };
}

static struct group_cell
double_cell(double d)
{
	return (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_DOUBLE, .d = d } };
}

static struct group_cell
number_cell(struct number x, enum field_type type)
{
	switch (x.kind) {
	case NUMBER_NONE:
		return null_cell();
	case NUMBER_U64:
		if (type == FT_TIME)
			return (struct group_cell){ .kind = GROUP_TIME, .time = x.u };
		return (struct group_cell){ .kind = GROUP_UINT, .u = x.u };
	case NUMBER_I64:
		return (struct group_cell){ .kind = GROUP_VALUE,
		    .value = { .type = VAL_INT, .i = x.i } };
	case NUMBER_DOUBLE:
		break;
	}
	return double_cell(x.d);
}

struct number
cell_number(const struct group_cell *c)
{
	switch (c->kind) {
	case GROUP_UINT:
		return number_u64(c->u);
	case GROUP_TIME:
		return c->time < 0 ? number_i64((int64_t)c->time) : number_u64((uint64_t)c->time);
	case GROUP_KIND:
	case GROUP_STATUS:
		return number_i64(c->number);
	case GROUP_VALUE:
		if (c->value.type == VAL_INT)
			return number_i64(c->value.i);
		if (c->value.type == VAL_DOUBLE)
			return number_double(c->value.d);
		break;
	case GROUP_NULL:
	case GROUP_HIST:
		break;
	}
	return (struct number){ .kind = NUMBER_NONE };
}

/* ---- aggregates ---- */

/* The ns that rate divides by; 0: none. */
static uint64_t
length_of(const struct agg_table *t, const struct group *g)
{
	const struct agg_options *o = &t->opt;
	__int128 from, to;

	if (t->g->has_bucket) {
		from = g->bucket;
		to = step_after(o->step, g->bucket);
		if (!o->open_begin && from < (__int128)o->range.from)
			from = o->range.from;
		if (!o->open_end && to > (__int128)o->range.to)
			to = o->range.to;
	} else {
		if ((o->open_begin || o->open_end) && t->n_items == 0)
			return 0;
		from = o->open_begin ? t->first_ns : o->range.from;
		to = o->open_end ? t->last_ns : o->range.to;
	}
	return to > from ? (uint64_t)(to - from) : 0;
}

/* Times have no fraction: the mean is rounded down. */
static struct group_cell
mean_cell(const struct sum *s, enum field_type type)
{
	if (s->n == 0)
		return null_cell();
	if (type == FT_TIME)
		return (struct group_cell){ .kind = GROUP_TIME,
		    .time = s->whole / (__int128)s->n };
	return double_cell(number_to_double(sum_total(s)) / (double)s->n);
}

static int
hist_cell(struct agg_table *t, const struct hist *h, struct group_cell *out, struct err *e)
{
	struct hist_bar *bars;
	int code;

	*out = null_cell();
	if (h->seen == 0)
		return 0;
	code = agg_take(&t->mem, h->n * sizeof *bars, e);
	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = agg_take(&t->mem, h->n * sizeof *bars, e);
	if (code < 0)
		return code;
	t->row_bytes += h->n * sizeof *bars;
	if ((bars = arena_array(&t->row_mem, h->n + 1, struct hist_bar)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < h->n; i++)
		bars[i] = hist_bar_of(&h->v[i]);
	*out = (struct group_cell){ .kind = GROUP_HIST, .n_bars = (uint32_t)h->n, .bars = bars };
	return 0;
}

static struct group_cell
rate_cell(uint64_t count, uint64_t ns)
{
	if (ns == 0)
		return null_cell();
	return double_cell(ratio_double((unsigned __int128)count * NS_PER_S, ns));
}

static int
agg_cell(struct agg_table *t, const struct group *g, const struct side *s, size_t i,
    struct group_cell *out, struct err *e)
{
	const struct aggregate *a = &t->g->aggs[i];
	const struct measure *m = &t->measures[t->agg_measure[i]];
	void *state = s->states + m->at;

	switch (a->kind) {
	case AGG_COUNT:
		*out = number_cell(number_i64((int64_t)s->count), FT_STRING);
		return 0;
	case AGG_ERRORS:
		*out = number_cell(number_i64((int64_t)s->errors), FT_STRING);
		return 0;
	case AGG_ERROR_RATE:
		*out = s->count == 0 ? null_cell() :
		    double_cell((double)s->errors / (double)s->count);
		return 0;
	case AGG_RATE:
		*out = rate_cell(s->count, length_of(t, g));
		return 0;
	case AGG_SUM:
		*out = number_cell(sum_total(state), FT_STRING);
		return 0;
	case AGG_AVG:
		*out = mean_cell(state, agg_type(a));
		return 0;
	case AGG_MIN:
	case AGG_MAX:
		*out = number_cell(*(struct number *)state, agg_type(a));
		return 0;
	case AGG_QUANTILE:
		*out = number_cell(quantile_at(&t->mem, state, a->part, a->whole), agg_type(a));
		return 0;
	case AGG_DISTINCT:
		*out = number_cell(number_i64((int64_t)distinct_count(state)), FT_STRING);
		return 0;
	case AGG_HIST:
		return hist_cell(t, state, out, e);
	}
	return 0;
}

int
cells_begin(struct agg_table *t, struct err *e)
{
	const struct grouping *g = t->g;

	t->early = arena_array(&t->arena, g->n_aggs + 1, bool);
	t->scratch = arena_array(&t->arena, 2 * g->n_aggs + 1, struct group_cell);
	if (t->early == NULL || t->scratch == NULL)
		return err_nomem(e);
	memset(t->early, 0, g->n_aggs * sizeof *t->early);
	for (size_t i = 0; i < g->n_having; i++)
		t->early[g->having_agg[i]] = true;
	for (size_t i = 0; i < g->n_sort; i++)
		if (g->sort[i].kind != REF_BUCKET && g->sort[i].kind != REF_KEY)
			t->early[g->sort[i].i] = true;
	return 0;
}

int
group_cells(struct agg_table *t, struct group *g, bool early, struct group_cell *v, struct err *e)
{
	size_t n = t->g->n_aggs, sides = t->g->versus ? 2 : 1;
	/* A side without a row has no values; but of one row for everything both are there. */
	bool single = t->g->n_keys == 0 && !t->g->has_bucket;
	int code = 0;

	for (size_t s = 0; s < sides; s++)
		for (size_t i = 0; code == 0 && i < n; i++) {
			if (t->early[i] != early)
				continue;
			if (g->side[s].count != 0 || single)
				code = agg_cell(t, g, &g->side[s], i, &v[s * n + i], e);
			else
				v[s * n + i] = null_cell();
		}
	return code;
}

/* ---- keys ---- */

/* The key's value, or false for null. */
static bool
key_value(const struct group *g, size_t key, struct value *v)
{
	struct cursor c = cursor_new(g->key.p, g->key.n);

	for (size_t i = 0;; i++) {
		bool null = c.p < c.end && *c.p == (uint8_t)KEY_NULL;

		if (null)
			c.p++;
		else if (!value_unpack(&c, v))
			return false;
		if (i == key)
			return !null;
	}
}

struct group_cell
key_cell(const struct agg_table *t, const struct group *g, size_t key)
{
	const struct field *f = &t->g->keys[key];
	struct value v;

	if (!key_value(g, key, &v))
		return null_cell();
	if (v.type == VAL_INT)
		switch (field_type(f)) {
		case FT_TIME:
			return (struct group_cell){ .kind = GROUP_TIME, .time = (uint64_t)v.i };
		case FT_DURATION:
		case FT_INT:
			return (struct group_cell){ .kind = GROUP_UINT, .u = (uint64_t)v.i };
		case FT_KIND:
			return (struct group_cell){ .kind = GROUP_KIND, .number = (int32_t)v.i };
		case FT_STATUS:
			return (struct group_cell){ .kind = GROUP_STATUS, .number = (int32_t)v.i };
		default:
			break;
		}
	return (struct group_cell){ .kind = GROUP_VALUE, .value = v };
}

/* ---- columns ---- */

/* Now less then: exact as sums are; of times and integers an integer. */
static struct group_cell
difference(const struct group_cell *now, const struct group_cell *then)
{
	struct number a = cell_number(now), b = cell_number(then), d;

	if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE)
		return (struct group_cell){ .kind = GROUP_NULL };
	if (a.kind == NUMBER_DOUBLE || b.kind == NUMBER_DOUBLE)
		d = number_double(number_to_double(a) - number_to_double(b));
	else
		d = number_i128((a.kind == NUMBER_I64 ? (__int128)a.i : (__int128)a.u) -
		    (b.kind == NUMBER_I64 ? (__int128)b.i : (__int128)b.u));
	if (d.kind == NUMBER_DOUBLE)
		return (struct group_cell){ .kind = GROUP_VALUE,
		    .value = { .type = VAL_DOUBLE, .d = d.d } };
	return (struct group_cell){ .kind = GROUP_VALUE,
	    .value = { .type = VAL_INT, .i = d.i } };
}

struct group_cell
row_cell(const struct agg_table *t, const struct agg_row *row, const struct group_ref *ref)
{
	struct group_cell null = { .kind = GROUP_NULL };
	size_t n = t->g->n_aggs;

	switch (ref->kind) {
	case REF_BUCKET:
		return (struct group_cell){ .kind = GROUP_TIME, .time = row->bucket };
	case REF_KEY:
		return key_cell(t, row->group, ref->i);
	case REF_AGG:
		return row->cells[ref->i];
	case REF_PREV:
		return row->no_before ? null : row->cells[n + ref->i];
	case REF_DELTA:
		return row->no_before ? null :
		    difference(&row->cells[ref->i], &row->cells[n + ref->i]);
	}
	return null;
}

/* ---- order ---- */

enum cell_class { CELL_OF_NUMBER, CELL_OF_TEXT, CELL_OF_BOOL, CELL_OF_REST };

static enum cell_class
class_of(const struct group_cell *c)
{
	if (c->kind == GROUP_HIST)
		return CELL_OF_REST;
	if (c->kind != GROUP_VALUE)
		return CELL_OF_NUMBER;
	switch (c->value.type) {
	case VAL_INT:
	case VAL_DOUBLE:
		return CELL_OF_NUMBER;
	case VAL_STRING:
		return CELL_OF_TEXT;
	case VAL_BOOL:
		return CELL_OF_BOOL;
	default:
		return CELL_OF_REST;
	}
}

static void
rest_json(struct buf *b, const struct group_cell *c)
{
	if (c->kind == GROUP_HIST)
		group_hist_json(b, c);
	else
		json_value(b, &c->value);
}

static int
cmp_rest(const struct group_cell *a, const struct group_cell *b)
{
	struct buf x = BUF_INIT, y = BUF_INIT;
	int c;

	rest_json(&x, a);
	rest_json(&y, b);
	c = sv_cmp(buf_view(&x), buf_view(&y));
	buf_release(&x);
	buf_release(&y);
	return c;
}

/* Of equal numbers: integers before doubles, if they are keys. */
static int
cmp_numbers(struct number a, struct number b, bool keys)
{
	int c = 0;

	return keys || !number_compare(a, b, &c) ? number_order(a, b) : c;
}

int
cell_cmp(const struct group_cell *a, const struct group_cell *b, bool keys)
{
	enum cell_class ca = class_of(a), cb = class_of(b);

	if (ca != cb)
		return ca < cb ? -1 : 1;
	switch (ca) {
	case CELL_OF_NUMBER:
		return cmp_numbers(cell_number(a), cell_number(b), keys);
	case CELL_OF_TEXT:
		return sv_cmp(a->value.s, b->value.s);
	case CELL_OF_BOOL:
		return (int)a->value.b - (int)b->value.b;
	case CELL_OF_REST:
		break;
	}
	return cmp_rest(a, b);
}
