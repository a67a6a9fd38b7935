/* SPDX-License-Identifier: ISC */
/*
 * ref_add: the refs of found rows: one of each span, or one of each of its events or links, with
 * their keys (ref_keys.c). The plain plan has its spans in hand; else times come from columns.
 */
#include "exec_i.h"

static int
add_spans(struct scan *sc, const uint32_t *rows, const uint64_t *starts, uint32_t n,
    struct refs *r)
{
	int rc = refs_reserve(sc->ex, r, n, sc->e);

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		refs_add(r, starts[i], sc->part, sc->row_from + rows[i], 0);
	return rc;
}

/* What is known of the events (links) of a row group. */
struct children {
	const struct chunk *counts, *times;
	const uint64_t *scores;		/* NULL: all of them count, else those in here */
};

/* The events that are evaluation results. */
static int
find_scores(struct scan *sc, const uint64_t **out)
{
	const struct column *col = shard_column(sc->xs->s, COL_EVENT_NAME);
	uint64_t *bits = scan_bits(sc, sc->rg->n_events);
	const struct chunk *c = NULL;
	const struct dict *d = NULL;
	int rc;

	if ((*out = bits) == NULL)
		return ERR_NOMEM;
	if ((rc = scan_chunk(sc, COL_EVENT_NAME, &c)) < 0 || c == NULL)
		return rc;
	if (col->kind == COLUMN_DICT)
		rc = dict_get(sc->xs->s, col, &d, sc->e);
	for (uint32_t i = 0; rc == 0 && i < c->n_present; i++) {
		struct sv name = d != NULL ? dict_at(d, (uint32_t)chunk_u64_at(c, i)) :
		    chunk_bytes_at(c, i);

		if (sv_is(name, SCORE_EVENT))
			bitmap_set(bits, chunk_row(c, i));
	}
	dict_put(d);
	chunk_put(c);
	return rc;
}

/* One ref for each event (link) of a row. */
static int
add_children(struct scan *sc, const struct children *of, uint32_t row, uint64_t start,
    struct refs *r)
{
	const struct chunk *counts = of->counts, *times = of->times;
	uint32_t ord, from, n;
	int rc;

	if (!chunk_present(counts, row))
		return 0;
	ord = chunk_rank(counts, row);
	from = counts->sums[ord];
	n = counts->sums[ord + 1] - from;
	if ((rc = refs_reserve(sc->ex, r, n, sc->e)) < 0)
		return rc;
	for (uint32_t k = 0; k < n; k++) {
		uint64_t at = start;

		if (of->scores != NULL && !bitmap_get(of->scores, from + k))
			continue;
		if (times != NULL && chunk_present(times, from + k))
			at += (uint64_t)value_i64_of(chunk_u64_at(times,
			    chunk_rank(times, from + k)));
		refs_add(r, at, sc->part, sc->row_from + row, k);
	}
	return 0;
}

static int
add_all_children(struct scan *sc, const uint32_t *rows, const uint64_t *starts, uint32_t n,
    struct refs *r)
{
	bool events = sc->ex->plan->output != ROW_LINK;
	struct children of = { NULL, NULL, NULL };
	int rc = scan_chunk(sc, events ? COL_N_EVENTS : COL_N_LINKS, &of.counts);

	if (rc == 0 && of.counts != NULL && events)
		rc = scan_chunk(sc, COL_EVENT_TIME, &of.times);
	if (rc == 0 && of.counts != NULL && sc->ex->plan->output == ROW_SCORE)
		rc = find_scores(sc, &of.scores);
	for (uint32_t i = 0; rc == 0 && of.counts != NULL && i < n; i++)
		rc = add_children(sc, &of, rows[i], starts[i], r);
	chunk_put(of.times);
	chunk_put(of.counts);
	return rc;
}

static int
add_from_columns(struct scan *sc, const struct found *f, struct refs *r)
{
	uint64_t *starts = arena_alloc(&sc->mem, ((size_t)f->n + 1) * sizeof *starts);
	const uint32_t *rows = found_rows(sc, f);
	const struct chunk *c = NULL;
	enum row_kind kind = sc->ex->plan->output;
	int rc;

	if (rows == NULL || starts == NULL)
		return err_nomem(sc->e);
	if ((rc = scan_chunk(sc, COL_START, &c)) < 0 || c == NULL)
		return rc;
	chunk_gather(c, rows, f->n, starts);
	chunk_put(c);
	if (kind == ROW_EVENT || kind == ROW_SCORE || kind == ROW_LINK)
		return add_all_children(sc, rows, starts, f->n, r);
	return add_spans(sc, rows, starts, f->n, r);
}

static int
add_from_spans(struct scan *sc, const struct found *f, struct refs *r)
{
	enum row_kind kind = sc->ex->plan->output;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < f->n; i++) {
		const struct span *s = f->spans[i];
		bool events = kind == ROW_EVENT || kind == ROW_SCORE;
		uint32_t n = events ? s->n_events : kind == ROW_LINK ? s->n_links : 1;

		if ((rc = refs_reserve(sc->ex, r, n, sc->e)) < 0)
			return rc;
		for (uint32_t k = 0; k < n; k++)
			if (kind != ROW_SCORE || event_is_score(&s->events[k]))
				refs_add(r, events ? s->events[k].time_ns : s->start_ns, sc->part,
				    sc->row_from + f->rows[i], k);
	}
	return rc;
}

int
refs_add_found(struct scan *sc, const struct found *f, struct refs *r)
{
	size_t from = r->n;
	int rc = f->spans != NULL ? add_from_spans(sc, f, r) : add_from_columns(sc, f, r);

	return rc < 0 ? rc : refs_fill_keys(sc, f, r, from);
}
