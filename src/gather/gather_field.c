/* SPDX-License-Identifier: ISC */
/* gather_field: fields of the span itself, as columns: see gather/gather.h. */
#include "gather_i.h"

#include "base/cursor.h"
#include "match/field_value.h"

/* Tells where values of codes are. */
struct owner_values {
	const struct resource *resources;	/* or */
	const struct scope *scopes;
	struct sv key;
};

/* ---- columns of codes ---- */

static int
of_dict(struct gather *x, const struct column *col, struct agg_column *out)
{
	struct gather_reading r;
	const struct dict *d;
	uint32_t *codes;
	int rc;

	if ((codes = arena_array(x->mem, x->n + 1, uint32_t)) == NULL)
		return err_nomem(x->e);
	if ((rc = gather_read(x, col, &r)) < 0 || r.n == 0)
		return rc < 0 ? rc : 1;
	if (r.n < x->n)
		memset(codes, 0xff, x->n * sizeof *codes);	/* AGG_NO_CODE */
	while (gather_piece(&r))
		for (uint32_t i = 0; i < r.n_v; i++)
			codes[gather_row(&r, i)] = (uint32_t)r.v[i];
	if ((rc = gather_dict(x, col, &d)) < 0)
		return rc;
	gather_of_dict(d, codes, out);
	return 1;
}

/* A service's rows lie together. */
static int
of_service(struct gather *x, struct agg_column *out)
{
	const struct shard_info *info = x->info;
	uint32_t *codes = arena_array(x->mem, x->n, uint32_t);
	uint32_t at = gather_service(info, x->row_from + x->rows[0]);

	if (codes == NULL)
		return err_nomem(x->e);
	for (uint32_t i = 0, to; i < x->n; at++) {
		to = info->services[at].row_to - x->row_from;
		for (; i < x->n && x->rows[i] < to; i++)
			codes[i] = at;
	}
	gather_of_services(info, codes, out);
	return 1;
}

static const struct value *
owner_value(const struct owner_values *o, uint32_t code)
{
	return attrs_find(o->resources != NULL ? &o->resources[code].attrs :
	    &o->scopes[code].attrs, o->key);
}

/* Looked up once for each owner that rows have. */
enum owner_has { OWNER_UNKNOWN, OWNER_NOTHING, OWNER_VALUE, OWNER_ARRAY };

static uint8_t
owner_has(const struct owner_values *o, uint32_t code)
{
	const struct value *v = owner_value(o, code);

	return v == NULL || v->type == VAL_EMPTY ? OWNER_NOTHING :
	    v->type == VAL_ARRAY ? OWNER_ARRAY : OWNER_VALUE;
}

static void
value_of_owner(const void *arg, uint32_t code, struct value *v)
{
	*v = *owner_value(arg, code);
}

/* Attributes of resources or scopes: a code is the number of one. 0: some are arrays. */
static int
of_owner(struct gather *x, enum column_id id, struct sv key, struct agg_column *out)
{
	struct owner_values *o = arena_new(x->mem, struct owner_values);
	uint32_t *codes = gather_no_codes(x, x->n);
	struct gather_reading r;
	size_t n_owners;
	bool fits = true;
	uint8_t *has;
	int rc;

	if (o == NULL || codes == NULL)
		return err_nomem(x->e);
	o->key = key;
	rc = id == COL_RESOURCE ?
	    shard_resources(x->s, &o->resources, &n_owners, x->e) :
	    shard_scopes(x->s, &o->scopes, &n_owners, x->e);
	if (rc < 0)
		return rc;
	if ((has = arena_calloc(x->mem, n_owners + 1, 1)) == NULL)
		return err_nomem(x->e);
	if ((rc = gather_fixed(x, id, &r)) < 0)
		return rc;
	while (gather_piece(&r))
		for (uint32_t i = 0; i < r.n_v; i++) {
			uint32_t code = (uint32_t)r.v[i];

			if (has[code] == OWNER_UNKNOWN)
				has[code] = owner_has(o, code);
			if (has[code] == OWNER_VALUE)
				codes[gather_row(&r, i)] = code;
			fits &= has[code] != OWNER_ARRAY;
		}
	if (!fits)
		return 0;
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
of_numbers(struct gather *x, const struct column *col, struct agg_column *out)
{
	uint64_t *v = arena_array(x->mem, x->n, uint64_t);
	uint8_t *present = arena_calloc(x->mem, x->n, 1);
	struct gather_reading r;
	int rc;

	if (v == NULL || present == NULL)
		return err_nomem(x->e);
	if ((rc = gather_read(x, col, &r)) < 0)
		return rc;
	while (gather_piece(&r))
		for (uint32_t i = 0; i < r.n_v; i++) {
			v[gather_row(&r, i)] = number_bits(col->type, r.v[i]);
			present[gather_row(&r, i)] = 1;
		}
	if (r.n != 0)
		*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = col->type,
		    .numbers = v, .present = r.n == x->n ? NULL : present };
	return 1;
}

/*
 * Zones say that every span of the row group ends at or after its start, and before time does: durations
 * are what is stored, and starts need not be read.
 */
static bool
plain_durations(const struct gather *x)
{
	const struct column *starts = shard_column(x->s, COL_START);
	const struct column *durations = shard_column(x->s, COL_DURATION);
	struct zone a, b;

	if (starts == NULL || durations == NULL)
		return false;
	a = shard_zone(x->s, starts, x->group);
	b = shard_zone(x->s, durations, x->group);
	return a.n_present != 0 && b.n_present != 0 && value_i64_of(b.min) >= 0 &&
	    (uint64_t)value_i64_of(b.max) <= UINT64_MAX - a.max;
}

static int
of_times(struct gather *x, enum intrinsic in, struct agg_column *out)
{
	bool plain = in == IN_DURATION && plain_durations(x);
	uint64_t *v;
	int rc;

	if (!plain && (rc = gather_whole(x, COL_START, &x->start)) < 0)
		return rc;
	*out = (struct agg_column){ .kind = AGG_COLUMN_NUMBERS, .type = VAL_INT,
	    .numbers = x->start };
	if (in == IN_START)
		return 1;
	if ((rc = gather_whole(x, COL_DURATION, &x->duration)) < 0)
		return rc;
	if ((v = arena_array(x->mem, x->n, uint64_t)) == NULL)
		return err_nomem(x->e);
	for (uint32_t i = 0; plain && i < x->n; i++)
		v[i] = (uint64_t)value_i64_of(x->duration[i]);
	for (uint32_t i = 0; !plain && i < x->n; i++) {
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
maps_have(struct gather *x, const struct chunk *c, const struct dict *dict, struct sv key)
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
in_rest(struct gather *x, struct sv key)
{
	struct shard *s = x->s;
	const struct column *col = shard_column(s, COL_REST);
	const struct chunk *c = NULL;
	const struct dict *dict = NULL;
	int rc;

	if (col == NULL)
		return 0;
	if ((rc = chunk_get(s, col, x->group, &c, x->e)) < 0 || c == NULL)
		return rc;
	if (col->kind == COLUMN_DICT)
		rc = dict_get(s, col, &dict, x->e);
	if (rc == 0)
		rc = maps_have(x, c, dict, key);
	dict_put(dict);
	chunk_put(c);
	return rc;
}

static int
of_span_attr(struct gather *x, struct sv key, struct agg_column *out)
{
	const struct column *first, *col = NULL;
	size_t n = shard_attr(x->s, ATTR_SPAN, key, &first), here = 0;
	int rc = in_rest(x, key);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	/* Of the types that the key has in the shard, those that it has in this row group. */
	for (size_t i = 0; i < n; i++)
		if (shard_zone(x->s, &first[i], x->group).n_present != 0) {
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
of_bare(struct gather *x, struct sv key, struct agg_column *out)
{
	int rc = of_span_attr(x, key, out), has;
	const struct column *col;

	if (rc <= 0)
		return rc;
	if ((has = shard_resource_key(x->s, key, x->e)) <= 0)
		return has < 0 ? has : 1;
	/* A null is a value of the span's own, too. */
	if (out->kind != AGG_COLUMN_NONE || shard_attr(x->s, ATTR_SPAN, key, &col) != 0)
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
of_intrinsic(struct gather *x, enum intrinsic in, struct agg_column *out)
{
	const struct column *col = NULL;

	if (columns_of[in].by == OF_TEXTS || columns_of[in].by == OF_NUMBERS)
		col = shard_column(x->s, columns_of[in].id);
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

bool
gather_own_may(const struct field *f)
{
	if (f->scope != FIELD_INTRINSIC)
		return f->scope != FIELD_EVENT && f->scope != FIELD_LINK && f->scope != FIELD_PARENT;
	return columns_of[f->intrinsic].by != OF_SPANS;
}

int
gather_own(struct gather *x, const struct field *f, struct agg_column *out)
{
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
