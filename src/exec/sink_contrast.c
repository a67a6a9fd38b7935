/* SPDX-License-Identifier: ISC */
/*
 * sink_contrast: spans into the contrast that the caller brought (exec_env.contrast), in one pass:
 * of the rows that the plan's filter leaves, those that the one of compare holds for are the
 * selection. Each thread has a contrast of its own, which goes over into that one at the end of
 * the scan. Columns are counted by their codes (contrast_columns.c); of whole spans each is added
 * by itself. No rows are handed out: the caller finishes the contrast.
 */
#include "base/bitmap.h"
#include "contrast/contrast_columns.h"
#include "exec_i.h"

static int
contrast_open(struct row_sink *s, struct err *e)
{
	if (s->ex->env.contrast == NULL)
		return err_set(e, ERR_UNSUPPORTED, -1, "a comparison without a table to put it in");
	s->state = s->ex->env.contrast;
	return 0;
}

/* What the source counts itself is there before the scan, which finds nothing then. */
static int
contrast_start(struct row_sink *s, struct err *e)
{
	struct source *src = &s->ex->source;
	int rc = src->ops->contrast != NULL ? src->ops->contrast(src, e) : 0;

	return rc < 0 ? rc : 0;
}

static int
consume_spans(struct row_sink *s, struct contrast_local *l, struct scan *sc,
    const struct found *f)
{
	int rc = 0;

	for (uint32_t i = 0; rc >= 0 && i < f->n; i++) {
		rc = scan_span_holds(sc, s->ex->compared, f->spans[i],
		    sc->row_from + f->rows[i]);
		if (rc >= 0)
			rc = contrast_span(l->table, f->spans[i],
			    rc > 0 ? SIDE_SELECTION : SIDE_BASELINE, sc->e);
	}
	return rc < 0 ? rc : 0;
}

/* The rows as bits. */
static const uint64_t *
found_bits(struct scan *sc, const struct found *f)
{
	uint64_t *bits;

	if (f->bits != NULL)
		return f->bits;
	bits = scan_bits(sc, sc->n_rows);
	for (uint32_t i = 0; bits != NULL && i < f->n; i++)
		bitmap_set(bits, f->rows[i]);
	return bits;
}

static int
consume_columns(struct contrast_local *l, struct scan *sc, const struct found *f)
{
	const uint64_t *all = found_bits(sc, f);
	uint64_t *selected = scan_bits(sc, sc->n_rows);
	uint64_t n;
	int rc;

	if (all == NULL || selected == NULL)
		return ERR_NOMEM;
	if ((rc = filter_eval(sc, &sc->ex->local->filter.compared, all, selected)) < 0)
		return rc;
	n = bitmap_count(selected, sc->n_rows);
	contrast_add_spans(l->table, n, f->n - n);
	return contrast_columns(l, sc, all, selected);
}

static int
contrast_consume(struct row_sink *s, void *local, struct scan *sc, const struct found *f)
{
	struct contrast_local *l = local;
	int rc;

	if (l->table == NULL && (rc = contrast_like(s->state, &l->table, sc->e)) < 0)
		return rc;
	return f->spans != NULL ? consume_spans(s, l, sc, f) : consume_columns(l, sc, f);
}

static int
contrast_combine(struct row_sink *s, void *local, bool last, struct err *e)
{
	struct contrast_local *l = local;
	int rc;

	if (l->table == NULL)
		return 0;
	if (!last)
		return contrast_share_drops(s->state, l->table, e);
	contrast_local_end(l);
	rc = contrast_merge(s->state, l->table, e);
	contrast_free(l->table);
	l->table = NULL;
	return rc;
}

static int
contrast_next(struct row_sink *s, struct batch *b, struct err *e)
{
	(void)s;
	(void)b;
	(void)e;
	return 1;
}

static void
drop_local(struct row_sink *s, void *local)
{
	struct contrast_local *l = local;

	(void)s;
	contrast_local_end(l);
	contrast_free(l->table);
	l->table = NULL;
}

static void
contrast_close(struct row_sink *s)
{
	s->state = NULL;	/* the caller's */
}

const struct sink_ops sink_contrast = {
	.name = "contrast",
	.local_bytes = sizeof(struct contrast_local),
	.open = contrast_open,
	.start = contrast_start,
	.consume = contrast_consume,
	.combine = contrast_combine,
	.next = contrast_next,
	.drop = drop_local,
	.close = contrast_close,
};
