/* SPDX-License-Identifier: ISC */
/*
 * filter_duration: conditions on durations, by ranges on the column as it is; where ends wrap (enum
 * wraps), by the row's start as well.
 */
#include "filter_i.h"

static bool
wrapped_holds(const struct fnode *n, uint64_t start, uint64_t image)
{
	uint64_t end = start + (uint64_t)value_i64_of(image);

	return ranges_have(&n->number, end > start ? end - start : 0);
}

/* The ranges of durations as images, where those are plain (enum wraps). */
static int
duration_ranges(const struct fnode *n, struct scan *sc, struct ranges *r)
{
	const uint64_t zero = value_image_i64(0);

	r->n = 0;
	r->v = arena_array(&sc->mem, n->number.n + 1, struct range);
	if (r->v == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < n->number.n; i++) {
		struct range x = n->number.v[i];

		if (x.lo > (uint64_t)INT64_MAX)
			continue;
		if (x.hi > (uint64_t)INT64_MAX)
			x.hi = (uint64_t)INT64_MAX;
		r->v[r->n++] = (struct range){ zero + x.lo, zero + x.hi };
	}
	return 0;
}

/* Exact, with the row's start. */
static int
wrapped_rows(struct scan *sc, const struct fnode *n, const struct chunk *c,
    const uint64_t *rows, uint64_t *out)
{
	const struct chunk *starts = NULL;
	int rc;

	if ((rc = scan_chunk(sc, COL_START, &starts)) < 0 || starts == NULL)
		return rc;
	BITMAP_EACH(rows, sc->n_rows, row)
		if (wrapped_holds(n, chunk_u64_at(starts, (uint32_t)row),
		    chunk_u64_at(c, (uint32_t)row)))
			bitmap_set(out, row);
	chunk_put(starts);
	return 0;
}

static int
below_rows(struct scan *sc, const struct fnode *n, const struct chunk *c, const uint64_t *in,
    uint64_t *out)
{
	struct range below = { 0, value_image_i64(-1) };
	struct ranges r = { &below, 1 };
	struct col_test t = { .ranges = &r };
	uint64_t *rows = scan_bits(sc, sc->n_rows);
	uint32_t bad;
	int rc;

	if (rows == NULL)
		return ERR_NOMEM;
	if ((rc = chunk_test(sc, c, &t, in, rows, &bad)) < 0 || !bitmap_any(rows, sc->n_rows))
		return rc;
	return wrapped_rows(sc, n, c, rows, out);
}

static int
duration_chunk(struct scan *sc, const struct fnode *n, const struct chunk *c,
    const uint64_t *in, uint64_t *out)
{
	enum wraps w = duration_wraps(sc->xs->s, sc->group);
	struct ranges r;
	struct col_test t = { .ranges = &r };
	uint32_t bad;
	int rc;

	if (w == WRAPS_ANY)
		return wrapped_rows(sc, n, c, in, out);
	if ((rc = duration_ranges(n, sc, &r)) < 0 ||
	    (rc = chunk_test(sc, c, &t, in, out, &bad)) < 0)
		return rc;
	return w == WRAPS_BELOW ? below_rows(sc, n, c, in, out) : 0;
}

int
duration_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	const struct chunk *c = NULL;
	int rc;

	if (n->pred->op == OP_HAS) {
		memcpy(out, in, BITMAP_WORDS(sc->n_rows) * sizeof *out);
		return 0;
	}
	if ((rc = scan_chunk(sc, COL_DURATION, &c)) < 0 || c == NULL)
		return rc;
	rc = duration_chunk(sc, n, c, in, out);
	chunk_put(c);
	return rc;
}
