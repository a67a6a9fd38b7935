/* SPDX-License-Identifier: ISC */
/*
 * op_morsel: one thread at work on one morsel, a row group or the rows of a list: what access, zones
 * and indexes leave of it is put to the filter, and what passes goes to the sink.
 */
#include "exec_i.h"

#define ROW_BATCH 512		/* of the plain plan */

/* ---- on columns ---- */

static int
scan_columns(struct scan *sc, const struct scan_job *w, const uint64_t *bits)
{
	uint64_t *got = scan_bits(sc, sc->n_rows);
	int rc;

	if (got == NULL)
		return ERR_NOMEM;
	sc->prof->rows_scanned += bitmap_count(bits, sc->n_rows);
	if ((rc = filter_eval(sc, &sc->ex->local->filter.root, bits, got)) < 0)
		return rc;
	return scan_found(sc, w->sink, &(struct found){ .n = (uint32_t)bitmap_count(got, sc->n_rows),
	    .bits = got });
}

/* ---- by a list of few rows ---- */

/* Keeps the rows that lie in the slice. */
static int
keep_slice(struct scan *sc, struct slice s, uint32_t *rows, uint32_t *n)
{
	uint64_t *starts = arena_alloc(&sc->mem, ((size_t)*n + 1) * sizeof *starts);
	const struct chunk *c = NULL;
	uint32_t m = 0;
	int rc;

	if (starts == NULL)
		return err_nomem(sc->e);
	if ((rc = scan_chunk(sc, COL_START, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rows, *n, starts);
	chunk_put(c);
	for (uint32_t i = 0; i < *n; i++)
		if (starts[i] >= s.first && starts[i] <= s.last)
			rows[m++] = rows[i];
	*n = m;
	return 0;
}

/* Rows [at, to) of the list, which are of the scan's row group. */
static int
scan_few(struct scan *sc, const struct scan_job *w, uint32_t at, uint32_t to)
{
	uint32_t n = to - at, *rows = arena_alloc(&sc->mem, ((size_t)n + 1) * sizeof *rows);
	int rc, zone = xshard_start_zone(sc->xs, sc->group, w->slice);

	if (rows == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = sc->xs->list[at + i] - sc->row_from;
	if (zone == 0)
		n = 0;
	if (zone < 0 && (rc = keep_slice(sc, w->slice, rows, &n)) < 0)
		return rc;
	if (n == 0)
		return 0;
	sc->prof->row_groups_visited++;
	sc->prof->rows_scanned += n;
	if (!sc->xs->list_exact &&
	    (rc = filter_rows(sc, &sc->ex->local->filter.root, rows, &n)) < 0)
		return rc;
	return scan_found(sc, w->sink, &(struct found){ .n = n, .rows = rows });
}

static int
scan_listed(struct scan *sc, const struct scan_job *w)
{
	const struct xshard *xs = sc->xs;
	uint64_t visited = sc->prof->row_groups_visited;

	for (uint32_t i = 0, j; i < xs->n_list; i = j) {
		int rc;

		scan_at(sc, xs->list[i] / xs->info->row_group_rows);
		for (j = i + 1; j < xs->n_list && xs->list[j] < sc->rg->row_to; j++)
			;
		if ((rc = scan_few(sc, w, i, j)) < 0)
			return rc;
		arena_reset(&sc->mem);
	}
	visited = sc->prof->row_groups_visited - visited;
	sc->prof->row_groups_pruned += xs->info->n_row_groups - visited;
	return 0;
}

/* ---- on rows: the plain plan ---- */

/* Rows of the row group that are candidates. */
static int
scan_row_batch(struct scan *sc, const struct scan_job *w, const uint32_t *rows, uint32_t n)
{
	const struct projection all = { .all = true };
	struct span *spans = arena_array(&sc->mem, n, struct span);
	uint32_t *at = arena_array(&sc->mem, n, uint32_t);
	int rc;

	if (spans == NULL || at == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < n; i++)
		at[i] = sc->row_from + rows[i];
	if ((rc = fetch_rows(sc->fetch, sc->xs->s, at, n, &all, spans, sc->e)) < 0)
		return rc;
	sc->prof->rows_fetched += n;
	sc->prof->rows_scanned += n;
	rc = spans_consume(sc, w->sink, w->slice, spans, rows, n);
	fetch_reset(sc->fetch);
	return rc;
}

static int
scan_rows(struct scan *sc, const struct scan_job *w, const uint64_t *bits)
{
	uint32_t n, *rows = scan_list(sc, bits, sc->n_rows, &n);
	int rc;

	if (rows == NULL)
		return ERR_NOMEM;
	if (sc->fetch == NULL && (rc = fetch_new(&sc->fetch, sc->e)) < 0)
		return rc;
	for (uint32_t i = 0; i < n; i += ROW_BATCH) {
		if ((rc = exec_check(sc->ex, sc->e)) < 0 ||
		    (rc = scan_row_batch(sc, w, rows + i,
		    n - i < ROW_BATCH ? n - i : ROW_BATCH)) < 0)
			return rc;
	}
	return 0;
}

/* ---- all ---- */

static int
scan_group(struct scan *sc, const struct scan_job *w)
{
	uint64_t *bits = scan_bits(sc, sc->n_rows);
	bool cut = xshard_start_zone(sc->xs, sc->group, w->slice) < 0, any = false;
	int rc, may = 1;

	if (bits == NULL)
		return ERR_NOMEM;
	/* Where the slice cuts the group, rows are told by their starts, which zones may spare. */
	if (cut && sc->xs->zones)
		may = filter_may_match(sc, &sc->ex->local->filter.root);
	if (may > 0 && (rc = scan_candidates(sc, w->slice, bits, &any)) < 0)
		return rc;
	if (!cut && any && sc->xs->zones)
		may = filter_may_match(sc, &sc->ex->local->filter.root);
	if (may > 0 && any && sc->xs->indexes) {
		if ((rc = filter_narrow(sc, bits)) < 0)
			return rc;
		any = bitmap_any(bits, sc->n_rows);
	}
	if (may < 0)
		return may;
	if (!any || may == 0) {
		sc->prof->row_groups_pruned++;
		return 0;
	}
	sc->prof->row_groups_visited++;
	return sc->ex->plan->filter.pushdown ? scan_columns(sc, w, bits) : scan_rows(sc, w, bits);
}

int
morsel_run(const struct scan_job *w, const struct morsel *m, struct scan_out *out)
{
	struct exec *ex = w->ex;
	struct scan *sc;
	int rc;

	if ((rc = exec_check(ex, &out->err)) < 0)
		return rc;
	if ((sc = scan_get(ex, &out->err)) == NULL)
		return ERR_NOMEM;
	sc->part = m->shard;
	sc->xs = &ex->local->shards[m->shard];
	sc->prof = &out->prof;
	sc->e = &out->err;
	if ((rc = scan_local(sc, w->sink)) < 0) {
		;
	} else if (m->group == GROUP_LIST) {
		rc = scan_listed(sc, w);
	} else {
		scan_at(sc, m->group);
		rc = scan_group(sc, w);
	}
	scan_put(ex, sc);
	return rc;
}
