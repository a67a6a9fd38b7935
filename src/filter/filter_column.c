/* SPDX-License-Identifier: ISC */
/*
 * filter_column: one leaf (or a word of it) on the chunk of a column: on the rows of a row group,
 * as bits, or on few of them, as a list. Texts in place are looked at here, numbers and codes in
 * filter_chunk.
 */
#include "filter/filter_cost.h"
#include "filter_i.h"

/* All strings of a chunk at once, whatever their rows. */
static int
search_chunk(struct scan *sc, const struct chunk *c, struct col_state *st, const uint64_t *in,
    uint64_t *out)
{
	uint64_t *ords = scan_bits(sc, c->n_present + 64), *rows = scan_bits(sc, c->n_rows);

	if (ords == NULL || rows == NULL)
		return ERR_NOMEM;
	sc->prof->texts_tested += c->n_present;
	column_search(st, c->bytes, c->offs, c->n_present, ords);
	chunk_rows(c, ords, rows);
	bitmap_and(rows, in, c->n_rows);
	bitmap_or(out, rows, c->n_rows);
	return 0;
}

static int
test_bytes(struct scan *sc, const struct chunk *c, struct col_state *st, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	struct picked p;
	int rc;

	if (column_searches(st) && bitmap_count(in, c->n_rows) >= c->n_present / FIND_SHARE)
		return search_chunk(sc, c, st, in, out);
	if ((rc = chunk_pick(sc, c, in, &p)) < 0)
		return rc;
	sc->prof->texts_tested += p.n;
	for (uint32_t i = 0; i < p.n; i++) {
		uint32_t row = p.rows[p.sel[i]];

		if ((rc = column_bytes(st, chunk_bytes_at(c, p.ord[i]), sc->e)) < 0) {
			*bad = row;
			return rc;
		}
		if (rc > 0)
			bitmap_set(out, row);
	}
	return 0;
}

/* Every value satisfies: the rows that have one. */
static int
test_presence(struct scan *sc, const struct chunk *c, const uint64_t *in, uint64_t *out)
{
	uint64_t *has = scan_bits(sc, c->n_rows);

	if (has == NULL)
		return ERR_NOMEM;
	chunk_presence(c, has);
	bitmap_and(has, in, c->n_rows);
	bitmap_or(out, has, c->n_rows);
	return 0;
}

static int
test_chunk(struct scan *sc, const struct chunk *c, struct col_state *st, const uint64_t *in,
    uint64_t *out, uint32_t *bad)
{
	struct col_test t = column_test(st);

	if (st->any)
		return test_presence(sc, c, in, out);
	if (c->encoding == ENC_BYTES)
		return test_bytes(sc, c, st, in, out, bad);
	return chunk_test(sc, c, &t, in, out, bad);
}

int
column_eval(struct scan *sc, struct col_state *st, const uint64_t *in, uint64_t *out)
{
	const struct chunk *c = NULL;
	uint32_t bad = 0;
	int rc;

	if (st->never)
		return 0;
	if ((rc = column_ready(sc->xs, st, sc->e)) < 0)
		return rc;
	if (st->use_ranges && st->code_ranges.n == 0)
		return 0;
	if ((rc = chunk_get(sc->xs->s, st->col, sc->group, &c, sc->e)) < 0 || c == NULL)
		return rc;
	rc = test_chunk(sc, c, st, in, out, &bad);
	chunk_put(c);
	if (rc == ERR_TIMEOUT && st->col->domain == DOMAIN_SPAN)
		return scan_blame(sc, bad, rc);
	return rc;
}

/* ---- few rows ---- */

/* Ordinals ord[i] of rows[sel[i]]: marks those whose number or code satisfies. */
static int
mark_numbers(struct scan *sc, const struct chunk *c, struct col_state *st,
    const struct picked *p, bool *mark, uint32_t *bad)
{
	struct col_test t = column_test(st);
	uint64_t *v = arena_alloc(&sc->mem, ((size_t)p->n + 1) * sizeof *v);
	int rc;

	if (v == NULL)
		return err_nomem(sc->e);
	sc->prof->values_tested += p->n;
	chunk_gather(c, p->ord, p->n, v);
	for (uint32_t i = 0; i < p->n; i++) {
		if (mark[p->sel[i]])
			continue;
		if ((rc = col_test_one(&t, v[i], sc->e)) < 0) {
			*bad = p->rows[p->sel[i]];
			return rc;
		}
		mark[p->sel[i]] = rc > 0;
	}
	return 0;
}

static int
mark_bytes(struct scan *sc, const struct chunk *c, struct col_state *st,
    const struct picked *p, bool *mark, uint32_t *bad)
{
	sc->prof->texts_tested += p->n;
	for (uint32_t i = 0; i < p->n; i++) {
		int rc;

		if (mark[p->sel[i]])
			continue;
		if ((rc = column_bytes(st, chunk_bytes_at(c, p->ord[i]), sc->e)) < 0) {
			*bad = p->rows[p->sel[i]];
			return rc;
		}
		mark[p->sel[i]] = rc > 0;
	}
	return 0;
}

static int
mark_rows(struct scan *sc, const struct chunk *c, struct col_state *st, uint32_t *rows,
    uint32_t n, bool *mark, uint32_t *bad)
{
	struct picked p = { .rows = rows };

	p.sel = arena_alloc(&sc->mem, ((size_t)n + 1) * sizeof *p.sel);
	p.ord = arena_alloc(&sc->mem, ((size_t)n + 1) * sizeof *p.ord);
	if (p.sel == NULL || p.ord == NULL)
		return err_nomem(sc->e);
	p.n = chunk_select(c, rows, n, p.sel, p.ord);
	if (st->any) {
		for (uint32_t i = 0; i < p.n; i++)
			mark[p.sel[i]] = true;
		return 0;
	}
	if (c->encoding == ENC_BYTES)
		return mark_bytes(sc, c, st, &p, mark, bad);
	return mark_numbers(sc, c, st, &p, mark, bad);
}

int
column_rows(struct scan *sc, struct col_state *st, uint32_t *rows, uint32_t n, bool *mark)
{
	const struct chunk *c = NULL;
	uint32_t bad = 0;
	int rc;

	if (st->never)
		return 0;
	if ((rc = column_ready(sc->xs, st, sc->e)) < 0)
		return rc;
	if (st->use_ranges && st->code_ranges.n == 0)
		return 0;
	if ((rc = chunk_get(sc->xs->s, st->col, sc->group, &c, sc->e)) < 0 || c == NULL)
		return rc;
	rc = mark_rows(sc, c, st, rows, n, mark, &bad);
	chunk_put(c);
	return rc == ERR_TIMEOUT ? scan_blame(sc, bad, rc) : rc;
}
