/* SPDX-License-Identifier: ISC */
/*
 * groups_columns: the rows that a scan found, as the columns that a table of groups takes: codes
 * of dictionaries, resources and services as they stand in the shard, and numbers. No span is put
 * together. A field that may have several values in a row, that is not in columns here or that
 * needs the trace gives none: then all of the row group goes to the table as spans.
 */
#include "agg/agg_columns.h"
#include "exec_i.h"

struct columns {
	struct scan *sc;
	const uint32_t *rows;		/* of the row group, rising */
	uint32_t n;
	uint32_t *sel, *ord;		/* scratch, n each */
	uint64_t *val;
	const uint64_t *start, *duration;	/* by row; duration: NULL until it is needed */
	const struct dict **dicts;	/* pinned */
	size_t n_dicts;
};

/* Tells where values of codes are. */
struct owner_values {
	const struct resource *resources;	/* or */
	const struct scope *scopes;
	struct sv key;
};

/* ---- reading ---- */

/* What the chunk has for the rows: rows[sel[i]] has val[i], i below *n. */
static int
gather(struct columns *x, const struct column *col, uint32_t *n)
{
	const struct chunk *c = NULL;
	int rc;

	*n = 0;
	if (col == NULL)
		return 0;
	if ((rc = chunk_get(x->sc->xs->s, col, x->sc->group, &c, x->sc->e)) < 0 || c == NULL)
		return rc;
	if (chunk_all(c) && x->n == c->n_rows) {
		*n = x->n;
		for (uint32_t i = 0; i < x->n; i++)
			x->sel[i] = i;
		chunk_u64(c, 0, x->n, x->val);
	} else {
		*n = chunk_select(c, x->rows, x->n, x->sel, x->ord);
		chunk_gather(c, x->ord, *n, x->val);
	}
	chunk_put(c);
	return 0;
}

static int
gather_fixed(struct columns *x, enum column_id id, uint32_t *n)
{
	return gather(x, shard_column(x->sc->xs->s, id), n);
}

/* Of a column that every row has: a copy by row. */
static const uint64_t *
whole_column(struct columns *x, enum column_id id, int *rc)
{
	uint64_t *v = arena_array(&x->sc->mem, x->n, uint64_t);
	uint32_t n;

	if (v == NULL) {
		*rc = err_nomem(x->sc->e);
		return NULL;
	}
	if ((*rc = gather_fixed(x, id, &n)) < 0)
		return NULL;
	for (uint32_t i = 0; i < n; i++)
		v[x->sel[i]] = x->val[i];
	return v;
}

/* ---- columns of codes ---- */

static uint32_t *
no_codes(struct columns *x)
{
	uint32_t *codes = arena_array(&x->sc->mem, x->n, uint32_t);

	for (uint32_t i = 0; codes != NULL && i < x->n; i++)
		codes[i] = AGG_NO_CODE;
	return codes;
}

static void
value_of_dict(const void *arg, uint32_t code, struct value *v)
{
	*v = (struct value){ .type = VAL_STRING, .s = dict_at(arg, code) };
}

static int
of_dict(struct columns *x, const struct column *col, struct agg_column *out)
{
	const struct dict *d;
	uint32_t *codes, n;
	int rc;

	if ((rc = gather(x, col, &n)) < 0 || n == 0)
		return rc < 0 ? rc : 1;
	if ((codes = no_codes(x)) == NULL)
		return err_nomem(x->sc->e);
	for (uint32_t i = 0; i < n; i++)
		codes[x->sel[i]] = (uint32_t)x->val[i];
	if ((rc = dict_get(x->sc->xs->s, col, &d, x->sc->e)) < 0)
		return rc;
	x->dicts[x->n_dicts++] = d;
	*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = codes, .n_codes = d->n,
	    .value = value_of_dict, .arg = d };
	return 1;
}

static void
value_of_service(const void *arg, uint32_t code, struct value *v)
{
	const struct shard_info *info = arg;

	*v = (struct value){ .type = VAL_STRING, .s = info->services[code].service };
}

/* A service's rows lie together. */
static int
of_service(struct columns *x, struct agg_column *out)
{
	const struct shard_info *info = x->sc->xs->info;
	uint32_t *codes = arena_array(&x->sc->mem, x->n, uint32_t);
	size_t at = service_of_row(info, x->sc->row_from + x->rows[0]);

	if (codes == NULL)
		return err_nomem(x->sc->e);
	for (uint32_t i = 0; i < x->n; i++) {
		while (x->sc->row_from + x->rows[i] >= info->services[at].row_to)
			at++;
		codes[i] = (uint32_t)at;
	}
	*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = codes,
	    .n_codes = (uint32_t)info->n_services, .value = value_of_service, .arg = info };
	return 1;
}

static const struct value *
owner_value(const struct owner_values *o, uint32_t code)
{
	return attrs_find(o->resources != NULL ? &o->resources[code].attrs :
	    &o->scopes[code].attrs, o->key);
}

static void
value_of_owner(const void *arg, uint32_t code, struct value *v)
{
	*v = *owner_value(arg, code);
}

/* Attributes of resources or scopes: a code is the number of one. 0: some are arrays. */
static int
of_owner(struct columns *x, enum column_id id, struct sv key, struct agg_column *out)
{
	struct owner_values *o = arena_new(&x->sc->mem, struct owner_values);
	uint32_t *codes = no_codes(x), n, last = AGG_NO_CODE;
	const struct value *v = NULL;
	size_t n_owners;
	int rc;

	if (o == NULL || codes == NULL)
		return err_nomem(x->sc->e);
	o->key = key;
	rc = id == COL_RESOURCE ?
	    shard_resources(x->sc->xs->s, &o->resources, &n_owners, x->sc->e) :
	    shard_scopes(x->sc->xs->s, &o->scopes, &n_owners, x->sc->e);
	if (rc < 0 || (rc = gather_fixed(x, id, &n)) < 0)
		return rc;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t code = (uint32_t)x->val[i];

		if (code != last)
			v = owner_value(o, code);
		last = code;
		if (v == NULL || v->type == VAL_EMPTY)
			continue;
		if (v->type == VAL_ARRAY)
			return 0;
		codes[x->sel[i]] = code;
	}
	*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = codes,
	    .n_codes = (uint32_t)n_owners, .value = value_of_owner, .arg = o };
	return 1;
}

/* ---- columns of numbers ---- */

static uint64_t
number_bits(enum value_type type, uint64_t stored)
{
	double d;
	uint64_t bits;

	if (type == VAL_BOOL)
		return stored;
	if (type != VAL_DOUBLE)
		return (uint64_t)value_i64_of(stored);
	d = value_double_of(stored);
	memcpy(&bits, &d, sizeof bits);
	return bits;
}

/* Of a column whose values stand as images, or booleans. */
static int
of_numbers(struct columns *x, const struct column *col, struct agg_column *out)
{
	uint64_t *v = arena_array(&x->sc->mem, x->n, uint64_t);
	uint8_t *present = arena_calloc(&x->sc->mem, x->n, 1);
	uint32_t n;
	int rc;

	if (v == NULL || present == NULL)
		return err_nomem(x->sc->e);
	if ((rc = gather(x, col, &n)) < 0)
		return rc;
	for (uint32_t i = 0; i < n; i++) {
		v[x->sel[i]] = number_bits(col->type, x->val[i]);
		present[x->sel[i]] = 1;
	}
	if (n != 0)
		*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = col->type,
		    .numbers = v, .present = n == x->n ? NULL : present };
	return 1;
}

static int
durations(struct columns *x)
{
	int rc = 0;

	if (x->duration == NULL)
		x->duration = whole_column(x, COL_DURATION, &rc);
	return rc;
}

static int
of_times(struct columns *x, enum intrinsic in, struct agg_column *out)
{
	uint64_t *v;
	int rc;

	*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = VAL_INT,
	    .numbers = x->start };
	if (in == IN_START)
		return 1;
	if ((rc = durations(x)) < 0)
		return rc;
	if ((v = arena_array(&x->sc->mem, x->n, uint64_t)) == NULL)
		return err_nomem(x->sc->e);
	for (uint32_t i = 0; i < x->n; i++) {
		struct span s = { .start_ns = x->start[i] };

		s.end_ns = s.start_ns + (uint64_t)value_i64_of(x->duration[i]);
		v[i] = in == IN_END ? s.end_ns : span_duration(&s);
	}
	out->numbers = v;
	return 1;
}

/* ---- fields ---- */

static bool
map_has(struct sv packed, struct sv key)
{
	struct cursor at = cursor_new(packed.p, packed.n);
	struct attr a;

	while (value_map_next(&at, &a.key, &a.val))
		if (sv_eq(a.key, key))
			return true;
	return false;
}

/* Whether one of the rows has it in the chunk of maps; dict: of their codes, or NULL. */
static bool
maps_have(struct columns *x, const struct chunk *c, const struct dict *dict, struct sv key)
{
	uint32_t n = chunk_select(c, x->rows, x->n, x->sel, x->ord);

	for (uint32_t i = 0; i < n; i++)
		if (map_has(dict == NULL ? chunk_bytes_at(c, x->ord[i]) :
		    dict_at(dict, (uint32_t)chunk_u64_at(c, x->ord[i])), key))
			return true;
	return false;
}

/* 1 if one of the rows has the key among its rare attributes. */
static int
in_rest(struct columns *x, struct sv key)
{
	struct shard *s = x->sc->xs->s;
	const struct column *col = shard_column(s, COL_REST);
	const struct chunk *c = NULL;
	const struct dict *dict = NULL;
	int rc;

	if (col == NULL)
		return 0;
	if ((rc = chunk_get(s, col, x->sc->group, &c, x->sc->e)) < 0 || c == NULL)
		return rc;
	if (col->kind == COLUMN_DICT)
		rc = dict_get(s, col, &dict, x->sc->e);
	if (rc == 0)
		rc = maps_have(x, c, dict, key);
	dict_put(dict);
	chunk_put(c);
	return rc;
}

static int
of_span_attr(struct columns *x, struct sv key, struct agg_column *out)
{
	const struct column *first, *col = NULL;
	size_t n = shard_attr(x->sc->xs->s, ATTR_SPAN, key, &first), here = 0;
	int rc = in_rest(x, key);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	/* Of the types that the key has in the shard, those that it has in this row group. */
	for (size_t i = 0; i < n; i++)
		if (shard_zone(x->sc->xs->s, &first[i], x->sc->group).n_present != 0) {
			col = &first[i];
			here++;
		}
	if (here != 1)
		return here == 0;
	switch (col->type) {
	case VAL_STRING:
		return col->kind == COLUMN_DICT ? of_dict(x, col, out) : 0;
	case VAL_INT:
	case VAL_DOUBLE:
	case VAL_BOOL:
		return of_numbers(x, col, out);
	case VAL_EMPTY:
		return 1;
	default:
		return 0;
	}
}

/* The resource's, if no span here has one; a mixture is left to the spans. */
static int
of_bare(struct columns *x, struct sv key, struct agg_column *out)
{
	int rc = of_span_attr(x, key, out), has;
	const struct column *col;

	if (rc <= 0)
		return rc;
	if ((has = shard_resource_key(x->sc->xs->s, key, x->sc->e)) <= 0)
		return has < 0 ? has : 1;
	/* A null is a value of the span's own, too. */
	if (out->kind != AGG_COLUMN_NONE || shard_attr(x->sc->xs->s, ATTR_SPAN, key, &col) != 0)
		return 0;
	return of_owner(x, COL_RESOURCE, key, out);
}

/* What an intrinsic is made of; in no column: of spans. */
enum made_of { OF_SPANS, OF_SERVICES, OF_TEXTS, OF_NUMBERS, OF_TIMES };

static const struct {
	enum made_of by;
	enum column_id id;		/* OF_TEXTS, OF_NUMBERS */
} columns_of[N_INTRINSICS] = {
	[IN_SERVICE] = { .by = OF_SERVICES },
	[IN_NAME] = { OF_TEXTS, COL_NAME },
	[IN_STATUS_MESSAGE] = { OF_TEXTS, COL_STATUS_MESSAGE },
	[IN_KIND] = { OF_NUMBERS, COL_KIND },
	[IN_STATUS] = { OF_NUMBERS, COL_STATUS },
	[IN_START] = { .by = OF_TIMES },
	[IN_END] = { .by = OF_TIMES },
	[IN_DURATION] = { .by = OF_TIMES },
};

static int
of_intrinsic(struct columns *x, enum intrinsic in, struct agg_column *out)
{
	const struct column *col = NULL;

	if (columns_of[in].by == OF_TEXTS || columns_of[in].by == OF_NUMBERS)
		col = shard_column(x->sc->xs->s, columns_of[in].id);
	switch (columns_of[in].by) {
	case OF_SERVICES:
		return of_service(x, out);
	case OF_TEXTS:
		return col == NULL ? 1 : col->kind == COLUMN_DICT ? of_dict(x, col, out) : 0;
	case OF_NUMBERS:
		return of_numbers(x, col, out);
	case OF_TIMES:
		return of_times(x, in, out);
	case OF_SPANS:
		break;
	}
	return 0;
}

/* False: it never is, so that nothing needs to be read to know. */
static bool
may_be_column(const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC)
		return f->scope != FIELD_EVENT && f->scope != FIELD_LINK;
	return columns_of[f->intrinsic].by != OF_SPANS;
}

/* 1: done; 0: not of columns. */
static int
of_field(struct columns *x, const struct field *f, struct agg_column *out)
{
	*out = (struct agg_column){ .kind = AGG_COLUMN_NONE };
	switch (f->scope) {
	case FIELD_INTRINSIC:
		return of_intrinsic(x, f->intrinsic, out);
	case FIELD_SPAN:
		return of_span_attr(x, f->key, out);
	case FIELD_BARE:
		return of_bare(x, f->key, out);
	case FIELD_RESOURCE:
		return of_owner(x, COL_RESOURCE, f->key, out);
	case FIELD_SCOPE:
		return of_owner(x, COL_SCOPE, f->key, out);
	default:
		return 0;
	}
}

/* ---- all ---- */

static int
errors_of(struct columns *x, const uint8_t **out)
{
	uint8_t *v = arena_calloc(&x->sc->mem, x->n, 1);
	uint32_t n;
	int rc;

	if (v == NULL)
		return err_nomem(x->sc->e);
	rc = gather_fixed(x, COL_STATUS, &n);
	for (uint32_t i = 0; i < n; i++)
		v[x->sel[i]] = value_i64_of(x->val[i]) == STATUS_ERROR;
	*out = v;
	return rc;
}

static int
add_columns(struct columns *x, struct agg_table *t, enum agg_side side)
{
	size_t n_slots = agg_n_slots(t);
	struct agg_column *v = arena_array(&x->sc->mem, n_slots + 1, struct agg_column);
	struct agg_batch b = { .n = x->n, .start_ns = x->start, .columns = v };
	int rc = 1;

	x->dicts = arena_array(&x->sc->mem, n_slots + 1, const struct dict *);
	if (v == NULL || x->dicts == NULL)
		return err_nomem(x->sc->e);
	for (size_t i = 0; rc == 1 && i < n_slots; i++)
		rc = of_field(x, agg_slot_field(t, i), &v[i]);
	if (rc == 1 && (rc = errors_of(x, &b.error)) == 0 &&
	    (rc = agg_add_columns(t, side, &b, &x->sc->mem, x->sc->e)) == 0)
		rc = 1;
	for (size_t i = 0; i < x->n_dicts; i++)
		dict_put(x->dicts[i]);
	return rc;
}

int
groups_columns(struct scan *sc, const struct found *f, struct agg_table *t, enum agg_side side)
{
	struct columns x = { .sc = sc, .n = f->n };
	int rc = 0;

	if (sc->xs == NULL || f->spans != NULL || f->n == 0 || !agg_takes_columns(t))
		return 0;
	for (size_t i = 0; i < agg_n_slots(t); i++)
		if (!may_be_column(agg_slot_field(t, i)))
			return 0;
	x.rows = found_rows(sc, f);
	x.sel = arena_array(&sc->mem, f->n, uint32_t);
	x.ord = arena_array(&sc->mem, f->n, uint32_t);
	x.val = arena_array(&sc->mem, f->n, uint64_t);
	if (x.rows == NULL || x.sel == NULL || x.ord == NULL || x.val == NULL)
		return err_nomem(sc->e);
	if ((x.start = whole_column(&x, COL_START, &rc)) == NULL)
		return rc;
	return add_columns(&x, t, side);
}
