/* SPDX-License-Identifier: ISC */
/*
 * scan_rows: found rows on their way to a sink: the sink, opened and closed; a thread's local state of it, and whole spans
 * that are tested one by one, of the plain plan and of sources that have nothing else.
 */
#include "exec_i.h"

#include <stdlib.h>

int
sink_open(struct row_sink *s, struct exec *ex, const struct sink_ops *ops, struct err *e)
{
	*s = (struct row_sink){ .ops = ops, .ex = ex };
	return ops->open(s, e);
}

void
sink_close(struct row_sink *s)
{
	if (s->ops != NULL)
		s->ops->close(s);
	*s = (struct row_sink){ .ops = NULL };
}

int
scan_found(struct scan *sc, struct row_sink *s, const struct found *f)
{
	if (f->n == 0)
		return 0;
	sc->prof->rows_matched += f->n;
	return s->ops->consume(s, sc->local, sc, f);
}

int
scan_local(struct scan *sc, const struct row_sink *s)
{
	if (sc->local == NULL && (sc->local = calloc(1, s->ops->local_bytes)) == NULL)
		return err_nomem(sc->e);
	return 0;
}

void
scan_local_drop(struct scan *sc, struct row_sink *s)
{
	if (sc->local != NULL && s->ops->drop != NULL)
		s->ops->drop(s, sc->local);
	free(sc->local);
	sc->local = NULL;
}

int
scan_span_holds(struct scan *sc, struct pred_eval *pred, const struct span *s, uint32_t row)
{
	struct exec *ex = sc->ex;
	struct trace_pin pin = { NULL, NULL };
	struct field_row r = { .span = s };
	int rc;

	if (ex->needs_trace) {
		if ((rc = trace_get(ex, s->trace_id, &pin, sc->e)) < 0)
			return rc;
		r.trace = &pin.t->facts;
		r.place = part_place(ex, pin.t, sc->part, row, s->span_id);
	}
	rc = pred_eval_row(pred, &r, sc->e);
	trace_put(ex, &pin);
	return rc;
}

static int
row_matches(struct scan *sc, struct slice slice, const struct span *s, uint32_t row)
{
	if (s->start_ns < slice.first || s->start_ns > slice.last)
		return 0;
	return sc->ex->source.told ? 1 : scan_span_holds(sc, sc->ex->rows, s, row);
}

int
spans_consume(struct scan *sc, struct row_sink *s, struct slice slice, const struct span *spans,
    const uint32_t *rows, uint32_t n)
{
	const struct span **match = arena_array(&sc->mem, n, const struct span *);
	uint32_t *at = arena_array(&sc->mem, n, uint32_t), m = 0;
	int rc;

	if (match == NULL || at == NULL)
		return err_nomem(sc->e);
	for (uint32_t i = 0; i < n; i++) {
		if ((rc = row_matches(sc, slice, &spans[i], sc->row_from + rows[i])) < 0)
			return rc;
		if (rc > 0) {
			match[m] = &spans[i];
			at[m++] = rows[i];
		}
	}
	return scan_found(sc, s, &(struct found){ .n = m, .rows = at, .spans = match });
}
