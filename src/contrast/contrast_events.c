/* SPDX-License-Identifier: ISC */
/*
 * contrast_events: events, and rare attributes of spans and events, into a contrast. A value that
 * several events of a span have counts once, by a stamp for each row: so all that a row has of a field
 * is counted before the next row, also where values stand in several columns, and one of arrays has
 * what another has by itself.
 */
#include "base/bitmap.h"
#include "contrast_scan_i.h"

int
contrast_find_events(struct counting *x)
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
		if ((rc = reading_number(r, u, &no)) == 0)
			contrast_count_once(r->memo->field, no, side, stamp);
		return rc;
	}
	v = reading_value(r, u);
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
	int rc = contrast_room(l, (size_t)r->c->n_present + 64, x->sc->e);

	if (rc < 0)
		return rc;
	n = (uint32_t)bitmap_list(contrast_ordinals(r->c, in, l->all), r->c->n_present, 0, l->ords);
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

/* ---- several columns of one field ---- */

/* What a column has: values of ordinals, rising. */
struct stamped {
	struct reading r;
	uint32_t *ords, n, at;
	uint64_t *values;
};

static int
stamped_begin(struct stamped *s, const struct field *f)
{
	struct counting *x = s->r.x;
	uint64_t *bits;
	uint32_t n;
	int rc = reading_begin(&s->r, f);

	if (rc != 0 || s->r.c == NULL)
		return rc < 0 ? rc : 0;
	n = s->r.c->n_present;
	bits = arena_array(&x->sc->mem, BITMAP_WORDS(n) + 1, uint64_t);
	s->ords = arena_array(&x->sc->mem, n, uint32_t);
	s->values = arena_array(&x->sc->mem, n, uint64_t);
	if (bits == NULL || s->ords == NULL || s->values == NULL)
		return err_nomem(x->sc->e);
	s->n = (uint32_t)bitmap_list(contrast_ordinals(s->r.c, x->events, bits), n, 0, s->ords);
	if (s->r.c->encoding != ENC_BYTES)
		chunk_gather(s->r.c, s->ords, s->n, s->values);
	return 0;
}

/* The row that it is at; UINT32_MAX: it is through. */
static uint32_t
stamped_row(const struct stamped *s)
{
	return s->at == s->n ? UINT32_MAX :
	    s->r.x->event_rows[chunk_row(s->r.c, s->ords[s->at])];
}

/* All that it has of that row. */
static int
stamped_count(struct stamped *s, uint32_t row)
{
	struct counting *x = s->r.x;
	enum contrast_side side = bitmap_get(x->selected, row) ? SIDE_SELECTION : SIDE_BASELINE;
	int rc = 0;

	for (; rc == 0 && stamped_row(s) == row; s->at++)
		rc = count_at(&s->r, s->r.c->encoding == ENC_BYTES ? s->ords[s->at] :
		    s->values[s->at], side, x->stamp + row);
	return rc;
}

/* 1: the field is dropped. */
static int
count_rows(struct stamped *v, size_t n)
{
	int rc = 0;

	for (;;) {
		uint32_t row = UINT32_MAX;

		for (size_t i = 0; i < n; i++)
			row = stamped_row(&v[i]) < row ? stamped_row(&v[i]) : row;
		if (row == UINT32_MAX)
			return 0;
		for (size_t i = 0; i < n; i++)
			if ((rc = stamped_count(&v[i], row)) != 0)
				return rc;
	}
}

int
contrast_stamped_all(struct counting *x, const struct column *first, size_t n,
    const struct field *f)
{
	struct stamped *v;
	int rc = 0;

	if (n == 1)
		return first->type == VAL_EMPTY ? 0 : contrast_stamped(x, first, f);
	if (x->events == NULL)
		return 0;
	if ((v = arena_array(&x->sc->mem, n, struct stamped)) == NULL)
		return err_nomem(x->sc->e);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct stamped){ .r = { .x = x, .col = &first[i] } };
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (first[i].type != VAL_EMPTY)
			rc = stamped_begin(&v[i], f);
	if (rc == 0)
		rc = count_rows(v, n);
	for (size_t i = 0; i < n; i++)
		reading_end(&v[i].r);
	return rc < 0 ? rc : 0;
}

/* ---- one ---- */

int
contrast_stamped(struct counting *x, const struct column *col, const struct field *f)
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
