/* SPDX-License-Identifier: ISC */
/*
 * found: the rows that a scan found, in the form that a sink asks for: a list of numbers, or
 * spans with some of their fields.
 */
#include "exec_i.h"

#define SPAN_BATCH 512		/* put together at once */

const uint32_t *
found_rows(struct scan *sc, const struct found *f)
{
	uint32_t n;

	return f->rows != NULL ? f->rows : scan_list(sc, f->bits, sc->n_rows, &n);
}

/* Rows [from, from + n) of the list. */
static int
fetch_some(struct scan *sc, const uint32_t *rows, uint32_t from, uint32_t n,
    const struct projection *p, struct span *spans, uint32_t *at)
{
	int rc;

	if (sc->fetch == NULL && (rc = fetch_new(&sc->fetch, sc->e)) < 0)
		return rc;
	for (uint32_t i = 0; i < n; i++)
		at[i] = sc->row_from + rows[from + i];
	fetch_reset(sc->fetch);
	return fetch_rows(sc->fetch, sc->xs->s, at, n, p, spans, sc->e);
}

static int
each_fetched(struct scan *sc, const struct found *f, const struct projection *p, found_fn *each,
    void *arg)
{
	uint32_t room = f->n < SPAN_BATCH ? f->n : SPAN_BATCH;
	struct span *spans = arena_array(&sc->mem, room, struct span);
	uint32_t *at = arena_array(&sc->mem, room, uint32_t);
	const uint32_t *rows = found_rows(sc, f);
	int rc = 0;

	if (rows == NULL || spans == NULL || at == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0, n; rc == 0 && i < f->n; i += n) {
		n = f->n - i < room ? f->n - i : room;
		rc = fetch_some(sc, rows, i, n, p, spans, at);
		for (uint32_t k = 0; rc == 0 && k < n; k++)
			rc = each(arg, &spans[k], i + k);
	}
	if (sc->fetch != NULL)
		fetch_reset(sc->fetch);
	return rc;
}

int
found_spans(struct scan *sc, const struct found *f, const struct projection *p, found_fn *each,
    void *arg)
{
	int rc = 0;

	if (f->spans == NULL)
		return each_fetched(sc, f, p, each, arg);
	for (uint32_t i = 0; rc == 0 && i < f->n; i++)
		rc = each(arg, f->spans[i], i);
	return rc;
}
