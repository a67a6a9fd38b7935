/* SPDX-License-Identifier: ISC */
/*
 * contrast_columns: the rows of a row group into a contrast, column by column, without putting a
 * span together. A value of a dictionary is looked up once a shard, by its code; numbers by a
 * small cache; runs and constants are one addition. Resources and scopes are counted as a whole
 * first, then their attributes get the sums. Events are looked at in their own domain; a value that
 * several events of a span have counts once, by a stamp for each row.
 */
#include "base/bitmap.h"
#include "contrast_i.h"

#include <stdlib.h>

#define IMAGES 1024		/* numbers that are remembered of a column */
#define ROOM_BYTES (sizeof(uint64_t) + sizeof(uint32_t) + 1)	/* of an ordinal */

struct image {
	uint64_t image;
	uint32_t no;			/* of the value, plus 1; 0: free */
};

/* What is known of a column of the shard. */
struct memo {
	struct contrast_field *field;	/* NULL until it is asked for */
	uint32_t *codes;		/* of a dictionary: numbers plus 1; 0: not asked yet */
	struct image *images;		/* of numbers */
	size_t held;
};

/* One row group at hand. */
struct counting {
	struct contrast_local *l;
	struct scan *sc;
	const uint64_t *all, *selected;	/* rows */
	uint64_t stamp;			/* of row 0 */
	/* Events of these rows, and whose they are; NULL: there are none. */
	uint64_t *events;
	uint32_t *event_rows;
};

/* ---- what is known of a shard ---- */

static void
leave_shard(struct contrast_local *l)
{
	for (size_t i = 0; i < l->n_memos; i++) {
		free(l->memos[i].codes);
		free(l->memos[i].images);
		contrast_give(l->table, l->memos[i].held);
	}
	free(l->memos);
	l->memos = NULL;
	l->n_memos = 0;
	l->shard = NULL;
}

static void
drop_room(struct contrast_local *l)
{
	free(l->all);
	free(l->selected);
	free(l->values);
	free(l->ords);
	l->all = l->selected = l->values = NULL;
	l->ords = NULL;
	if (l->table != NULL)
		contrast_give(l->table, l->room * ROOM_BYTES);
	l->room = 0;
}

void
contrast_local_end(struct contrast_local *l)
{
	leave_shard(l);
	drop_room(l);
}

/* For n ordinals of a column. */
static int
take_room(struct contrast_local *l, size_t n, struct err *e)
{
	int rc;

	if (n <= l->room)
		return 0;
	drop_room(l);
	if ((rc = contrast_take(l->table, n * ROOM_BYTES, e)) < 0)
		return rc;
	l->room = n;
	l->all = malloc((BITMAP_WORDS(n) + 1) * sizeof *l->all);
	l->selected = malloc((BITMAP_WORDS(n) + 1) * sizeof *l->selected);
	l->values = malloc(n * sizeof *l->values);
	l->ords = malloc(n * sizeof *l->ords);
	return l->all == NULL || l->selected == NULL || l->values == NULL || l->ords == NULL ?
	    err_nomem(e) : 0;
}

static int
enter_shard(struct contrast_local *l, const struct scan *sc)
{
	const struct shard *s = sc->xs->s;

	if (l->shard == s)
		return 0;
	leave_shard(l);
	if ((l->memos = calloc(sc->xs->info->n_columns + 1, sizeof *l->memos)) == NULL)
		return err_nomem(sc->e);
	l->n_memos = sc->xs->info->n_columns;
	l->shard = s;
	return 0;
}

static int
memo_room(struct counting *x, struct memo *m, void **v, size_t n, size_t size)
{
	int rc;

	if (*v != NULL)
		return 0;
	if ((rc = contrast_take(x->l->table, n * size, x->sc->e)) < 0)
		return rc;
	m->held += n * size;
	*v = calloc(n + 1, size);
	return *v == NULL ? err_nomem(x->sc->e) : 0;
}

/* ---- values of a column ---- */

struct reading {
	struct counting *x;
	const struct column *col;
	struct memo *memo;
	const struct chunk *c;
	const struct dict *dict;	/* of COLUMN_DICT */
};

static struct value
value_of_number(const struct column *col, uint64_t image)
{
	struct value v = { .type = col->id == COL_ATTR ? col->type : VAL_INT };

	if (v.type == VAL_BOOL)
		v.b = image != 0;
	else if (v.type == VAL_DOUBLE)
		v.d = value_double_of(image);
	else
		v.i = value_i64_of(image);
	return v;
}

static struct value
value_of_bytes(const struct column *col, struct sv s)
{
	return (struct value){ .type = col->id == COL_ATTR ? col->type : VAL_STRING, .s = s };
}

/* The value of a code, number, or of strings in place an ordinal. */
static struct value
value_at(const struct reading *r, uint64_t u)
{
	switch (r->col->kind) {
	case COLUMN_DICT:
		return value_of_bytes(r->col, dict_at(r->dict, (uint32_t)u));
	case COLUMN_BYTES:
		return value_of_bytes(r->col, chunk_bytes_at(r->c, (uint32_t)u));
	case COLUMN_INT:
		break;
	}
	return value_of_number(r->col, u);
}

/* Where its number is kept; NULL: nowhere. */
static uint32_t *
place_of(const struct reading *r, uint64_t u)
{
	struct image *i;

	if (r->memo->codes != NULL)
		return &r->memo->codes[u];
	if (r->memo->images == NULL)
		return NULL;
	i = &r->memo->images[(u ^ u >> 10 ^ u >> 41) % IMAGES];
	if (i->image != u) {
		i->image = u;
		i->no = 0;
	}
	return &i->no;
}

/* The number of a value. 1: the field is dropped. */
static int
number_of(const struct reading *r, uint64_t u, uint32_t *no)
{
	uint32_t *place = place_of(r, u);
	struct value v;
	int rc;

	if (place != NULL && *place != 0) {
		*no = *place - 1;
		return 0;
	}
	v = value_at(r, u);
	rc = contrast_value(r->x->l->table, r->memo->field, &v, no, r->x->sc->e);
	if (rc == 0 && place != NULL)
		*place = *no + 1;
	return rc;
}

static int
reading_begin(struct reading *r, const struct field *f)
{
	struct counting *x = r->x;
	struct scan *sc = x->sc;
	struct memo *m = &x->l->memos[r->col->index];
	int rc;

	r->memo = m;
	r->c = NULL;
	r->dict = NULL;
	if (f != NULL && m->field == NULL &&
	    (rc = contrast_field(x->l->table, f, &m->field, sc->e)) < 0)
		return rc;
	if (f != NULL && contrast_dropped(m->field))
		return 0;
	if ((rc = chunk_get(sc->xs->s, r->col, sc->group, &r->c, sc->e)) < 0 || r->c == NULL)
		return rc;
	if (r->col->kind == COLUMN_DICT && (rc = dict_get(sc->xs->s, r->col, &r->dict, sc->e)) < 0)
		return rc;
	/* Arrays are many values each. */
	if (f == NULL || r->col->type == VAL_ARRAY)
		return 0;
	if (r->col->kind == COLUMN_DICT)
		return memo_room(x, m, (void **)&m->codes, r->dict->n, sizeof *m->codes);
	return r->col->kind == COLUMN_INT ?
	    memo_room(x, m, (void **)&m->images, IMAGES, sizeof *m->images) : 0;
}

static void
reading_end(struct reading *r)
{
	dict_put(r->dict);
	chunk_put(r->c);
}

/* ---- ordinals ---- */

/* Rows of the chunk's domain as ordinals of its values, as bits; these may be put into `room`. */
static const uint64_t *
ordinals(const struct chunk *c, const uint64_t *rows, uint64_t *room)
{
	if (chunk_all(c))
		return rows;
	memset(room, 0, (BITMAP_WORDS(c->n_present) + 1) * sizeof *room);
	chunk_ordinals(c, rows, room);
	return room;
}

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
	int rc = take_room(l, (size_t)c->n_present + 64, x->sc->e);

	if (rc < 0)
		return rc;
	all = ordinals(c, x->all, l->all);
	selected = ordinals(c, x->selected, l->selected);
	return c->encoding == ENC_CONST || c->encoding == ENC_RLE ?
	    each_run(c, all, selected, fn, arg) : each_single(l, c, all, selected, fn, arg);
}

/* ---- columns of spans ---- */

static int
count_value(void *arg, uint64_t u, uint64_t selection, uint64_t baseline)
{
	const struct reading *r = arg;
	uint32_t no;
	int rc = number_of(r, u, &no);

	if (rc == 0)
		contrast_count(r->memo->field, no, selection, baseline);
	return rc;
}

static int
spread_value(void *arg, uint64_t u, uint64_t selection, uint64_t baseline)
{
	const struct reading *r = arg;
	struct value v = value_at(r, u);

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

/* ---- events, and rare attributes ---- */

/* The events of the rows, and whose each is. */
static int
find_events(struct counting *x)
{
	const struct chunk *counts;
	struct scan *sc = x->sc;
	uint64_t *bits = NULL;
	int rc;

	if ((rc = children_of(sc, DOMAIN_EVENT, x->all, &bits, &counts)) < 0 || counts == NULL)
		return rc;
	x->event_rows = arena_alloc(&sc->mem, ((size_t)sc->rg->n_events + 1) *
	    sizeof *x->event_rows);
	if (x->event_rows == NULL)
		rc = err_nomem(sc->e);
	for (uint32_t i = 0; rc == 0 && i < counts->n_present; i++) {
		uint32_t row = chunk_row(counts, i);

		for (uint32_t k = counts->sums[i]; k < counts->sums[i + 1]; k++)
			x->event_rows[k] = row;
	}
	x->events = bits;
	chunk_put(counts);
	return rc;
}

/* Of one value, or of a map of rare attributes. */
static int
count_at(const struct reading *r, uint64_t u, enum contrast_side side, uint64_t stamp)
{
	struct contrast *t = r->x->l->table;
	struct err *e = r->x->sc->e;
	struct value v;
	uint32_t no;
	int rc;

	if (r->col->id == COL_ATTR && r->col->type != VAL_ARRAY) {
		if ((rc = number_of(r, u, &no)) == 0)
			contrast_count_once(r->memo->field, no, side, stamp);
		return rc;
	}
	v = value_at(r, u);
	if (r->col->id == COL_ATTR)
		return contrast_attr(t, r->memo->field, &v, side, stamp, e);
	return contrast_rest(t, r->col->domain == DOMAIN_SPAN ? FIELD_SPAN : FIELD_EVENT, v.s,
	    side, stamp, e);
}

static int
count_each(struct reading *r, const uint64_t *in)
{
	struct counting *x = r->x;
	struct contrast_local *l = x->l;
	bool in_place = r->c->encoding == ENC_BYTES;
	uint32_t n;
	int rc = take_room(l, (size_t)r->c->n_present + 64, x->sc->e);

	if (rc < 0)
		return rc;
	n = (uint32_t)bitmap_list(ordinals(r->c, in, l->all), r->c->n_present, 0, l->ords);
	if (!in_place)
		chunk_gather(r->c, l->ords, n, l->values);
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		uint32_t at = chunk_row(r->c, l->ords[i]);
		uint32_t row = r->col->domain == DOMAIN_SPAN ? at : x->event_rows[at];
		uint64_t u = in_place ? l->ords[i] : l->values[i];

		rc = count_at(r, u, bitmap_get(x->selected, row) ? SIDE_SELECTION :
		    SIDE_BASELINE, x->stamp + row);
	}
	return rc;
}

/* A column of events, or of rare attributes (then without a field). */
static int
count_stamped(struct counting *x, const struct column *col, const struct field *f)
{
	const uint64_t *in = col->domain == DOMAIN_SPAN ? x->all : x->events;
	struct reading r = { .x = x, .col = col };
	int rc;

	if (in == NULL)
		return 0;
	rc = reading_begin(&r, f);
	if (rc == 0 && r.c != NULL)
		rc = count_each(&r, in);
	reading_end(&r);
	return rc < 0 ? rc : 0;
}

/* ---- all ---- */

static int
count_attr(struct counting *x, const struct column *col)
{
	const struct field f = { .scope = col->scope == ATTR_SPAN ? FIELD_SPAN : FIELD_EVENT,
	    .key = col->key };

	if (col->type == VAL_EMPTY || col->scope == ATTR_LINK)
		return 0;
	return col->scope == ATTR_SPAN ? count_column(x, col, &f) : count_stamped(x, col, &f);
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
		return count_stamped(x, col, NULL);
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

	if ((rc = enter_shard(l, sc)) < 0 || (rc = find_events(&x)) < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < info->n_columns; i++)
		if ((rc = exec_check(sc->ex, sc->e)) == 0)
			rc = count_any(&x, &info->columns[i]);
	return rc;
}
