/* SPDX-License-Identifier: ISC */
/*
 * contrast_columns: the rows of a row group into a contrast, column by column, without putting a
 * span together. Runs and constants are one addition. Resources and scopes are counted as a whole
 * first, then their attributes get the sums.
 */
#include "base/bitmap.h"
#include "contrast_scan_i.h"

/* ---- values of a column ---- */

/* Ones in [from, to). */
static uint64_t
ones_between(const uint64_t *w, uint32_t from, uint32_t to)
{
	uint64_t n = 0;

	for (uint32_t i = from / 64; i * 64 < to; i++) {
		uint64_t x = w[i];

		if (i == from / 64)
			x &= UINT64_MAX << from % 64;
		if (i == to / 64)
			x &= ((uint64_t)1 << to % 64) - 1;
		n += bitmap_ones(x);
	}
	return n;
}

/* Calls fn for the values of ordinals, with how many rows of each side; neighbours may be one. */
typedef int value_fn(void *arg, uint64_t u, uint64_t selection, uint64_t baseline);

static int
each_run(const struct chunk *c, const uint64_t *all, const uint64_t *selected, value_fn *fn,
    void *arg)
{
	uint32_t n = c->encoding == ENC_CONST ? 1 : c->n_runs, from = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		uint32_t to = c->encoding == ENC_CONST ? c->n_present : c->run_ends[i];
		uint64_t ones = ones_between(all, from, to);
		uint64_t chosen = ones == 0 ? 0 : ones_between(selected, from, to);

		if (ones != 0)
			rc = fn(arg, chunk_u64_at(c, from), chosen, ones - chosen);
		from = to;
	}
	return rc;
}

static int
each_single(struct contrast_local *l, const struct chunk *c, const uint64_t *all,
    const uint64_t *selected, value_fn *fn, void *arg)
{
	uint32_t n = (uint32_t)bitmap_list(all, c->n_present, 0, l->ords);
	int rc = 0;

	if (c->encoding != ENC_BYTES)
		chunk_gather(c, l->ords, n, l->values);
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		bool chosen = bitmap_get(selected, l->ords[i]);

		rc = fn(arg, c->encoding == ENC_BYTES ? l->ords[i] : l->values[i], chosen, !chosen);
	}
	return rc;
}

static int
each_value(struct counting *x, const struct chunk *c, value_fn *fn, void *arg)
{
	struct contrast_local *l = x->l;
	const uint64_t *all, *selected;
	int rc = contrast_room(l, (size_t)c->n_present + 64, x->sc->e);

	if (rc < 0)
		return rc;
	all = contrast_ordinals(c, x->all, l->all);
	selected = contrast_ordinals(c, x->selected, l->selected);
	return c->encoding == ENC_CONST || c->encoding == ENC_RLE ?
	    each_run(c, all, selected, fn, arg) : each_single(l, c, all, selected, fn, arg);
}

/* ---- columns of spans ---- */

static int
count_value(void *arg, uint64_t u, uint64_t selection, uint64_t baseline)
{
	const struct reading *r = arg;
	uint32_t no;
	int rc = reading_number(r, u, &no);

	if (rc == 0)
		contrast_count(r->memo->field, no, selection, baseline);
	return rc;
}

static int
spread_value(void *arg, uint64_t u, uint64_t selection, uint64_t baseline)
{
	const struct reading *r = arg;
	struct value v = reading_value(r, u);

	return contrast_spread(r->x->l->table, r->memo->field, &v, selection, baseline,
	    r->x->sc->e);
}

static int
count_column(struct counting *x, const struct column *col, const struct field *f)
{
	struct reading r = { .x = x, .col = col };
	int rc = reading_begin(&r, f);

	if (rc == 0 && r.c != NULL)
		rc = each_value(x, r.c, col->id == COL_ATTR && col->type == VAL_ARRAY ?
		    spread_value : count_value, &r);
	reading_end(&r);
	return rc < 0 ? rc : 0;
}

/* ---- resources and scopes ---- */

struct owners {
	uint64_t (*n)[2];		/* by code, selection and baseline */
};

static int
count_owner(void *arg, uint64_t u, uint64_t selection, uint64_t baseline)
{
	struct owners *o = arg;

	o->n[u][SIDE_SELECTION] += selection;
	o->n[u][SIDE_BASELINE] += baseline;
	return 0;
}

static int
spread(struct counting *x, const struct field *f, const struct value *v, const uint64_t n[2])
{
	struct contrast_field *field;
	int rc = contrast_field(x->l->table, f, &field, x->sc->e);

	if (rc < 0 || contrast_dropped(field))
		return rc;
	return contrast_spread(x->l->table, field, v, n[SIDE_SELECTION], n[SIDE_BASELINE],
	    x->sc->e);
}

static int
spread_attrs(struct counting *x, enum field_scope scope, const struct attrs *a,
    const uint64_t n[2])
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < a->n; i++)
		rc = spread(x, &(struct field){ .scope = scope, .key = a->v[i].key },
		    &a->v[i].val, n);
	return rc;
}

static int
count_owners(struct counting *x, const struct column *col, size_t n_owners, struct owners *o)
{
	struct scan *sc = x->sc;
	const struct chunk *c = NULL;
	int rc;

	if ((o->n = arena_calloc(&sc->mem, n_owners + 1, sizeof *o->n)) == NULL)
		return err_nomem(sc->e);
	if ((rc = chunk_get(sc->xs->s, col, sc->group, &c, sc->e)) < 0 || c == NULL)
		return rc;
	rc = each_value(x, c, count_owner, o);
	chunk_put(c);
	return rc;
}

static int
count_resources(struct counting *x, const struct column *col)
{
	const struct field service = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE };
	const struct resource *v;
	struct owners o;
	size_t n;
	int rc;

	if ((rc = shard_resources(x->sc->xs->s, &v, &n, x->sc->e)) < 0 ||
	    (rc = count_owners(x, col, n, &o)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct value name = { .type = VAL_STRING, .s = v[i].service };

		if (o.n[i][0] == 0 && o.n[i][1] == 0)
			continue;
		if ((rc = spread(x, &service, &name, o.n[i])) == 0)
			rc = spread_attrs(x, FIELD_RESOURCE, &v[i].attrs, o.n[i]);
	}
	return rc;
}

static int
count_scopes(struct counting *x, const struct column *col)
{
	const struct scope *v;
	struct owners o;
	size_t n;
	int rc;

	if ((rc = shard_scopes(x->sc->xs->s, &v, &n, x->sc->e)) < 0 ||
	    (rc = count_owners(x, col, n, &o)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (o.n[i][0] != 0 || o.n[i][1] != 0)
			rc = spread_attrs(x, FIELD_SCOPE, &v[i].attrs, o.n[i]);
	return rc;
}

/* ---- all ---- */

static int
count_attr(struct counting *x, const struct column *col)
{
	const struct field f = { .scope = col->scope == ATTR_SPAN ? FIELD_SPAN : FIELD_EVENT,
	    .key = col->key };

	const struct column *first;
	size_t n;

	if (col->scope == ATTR_EVENT) {
		n = shard_attr(x->sc->xs->s, ATTR_EVENT, col->key, &first);
		return col == first ? contrast_stamped_all(x, first, n, &f) : 0;
	}
	return col->scope == ATTR_SPAN && col->type != VAL_EMPTY ? count_column(x, col, &f) : 0;
}

static int
count_any(struct counting *x, const struct column *col)
{
	struct field f = { .scope = FIELD_INTRINSIC };

	switch (col->id) {
	case COL_NAME:
		f.intrinsic = IN_NAME;
		return count_column(x, col, &f);
	case COL_KIND:
		f.intrinsic = IN_KIND;
		return count_column(x, col, &f);
	case COL_STATUS:
		f.intrinsic = IN_STATUS;
		return count_column(x, col, &f);
	case COL_RESOURCE:
		return count_resources(x, col);
	case COL_SCOPE:
		return count_scopes(x, col);
	case COL_REST:
	case COL_EVENT_REST:
		return contrast_stamped(x, col, NULL);
	case COL_ATTR:
		return count_attr(x, col);
	default:
		return 0;
	}
}

int
contrast_columns(struct contrast_local *l, struct scan *sc, const uint64_t *all,
    const uint64_t *selected)
{
	struct counting x = { .l = l, .sc = sc, .all = all, .selected = selected,
	    .stamp = contrast_stamps(l->table, sc->n_rows) };
	const struct shard_info *info = sc->xs->info;
	int rc;

	if ((rc = contrast_enter(l, sc)) < 0 || (rc = contrast_find_events(&x)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < info->n_columns; i++)
		if ((rc = sc->xs->filter->host->check(sc->ex, sc->e)) == 0)
			rc = count_any(&x, &info->columns[i]);
	return rc;
}
