/* SPDX-License-Identifier: ISC */
/*
 * contrast_events: events, and rare attributes of spans and events, into a contrast. A value that
 * several events of a span have counts once, by a stamp for each row.
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
