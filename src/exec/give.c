/* SPDX-License-Identifier: ISC */
/*
 * give: a scan of a source that has whole spans (exec/source.h), on one thread.
 */
#include "exec_i.h"

#include <stdlib.h>

struct give {
	struct scan sc;
	struct row_sink *sink;
	struct slice slice;
};

int
give_begin(struct source *src, struct slice s, struct row_sink *sink, struct give **out,
    struct err *e)
{
	struct give *g = calloc(1, sizeof *g);

	if (g == NULL)
		return err_nomem(e);
	g->sc.ex = src->ex;
	g->sc.prof = src->prof;
	g->sc.e = e;
	g->sink = sink;
	g->slice = s;
	arena_init(&g->sc.mem);
	if (scan_local(&g->sc, sink) < 0) {
		free(g);
		return ERR_NOMEM;
	}
	*out = g;
	return 0;
}

int
give(struct give *g, uint32_t part, uint32_t first, const struct span *spans, uint32_t n,
    struct err *e)
{
	uint32_t *rows = arena_array(&g->sc.mem, n, uint32_t);
	int rc = exec_check(g->sc.ex, e);

	if (rc < 0 || rows == NULL)
		return rc < 0 ? rc : err_nomem(e);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = i;
	g->sc.e = e;
	g->sc.part = part;
	g->sc.row_from = first;
	g->sc.n_rows = n;
	g->sc.prof->rows_scanned += n;
	rc = spans_consume(&g->sc, g->sink, g->slice, spans, rows, n);
	arena_reset(&g->sc.mem);
	return rc;
}

int
give_end(struct give *g, bool failed, struct err *e)
{
	int rc = failed ? 0 : g->sink->ops->combine(g->sink, g->sc.local, true, e);

	scan_local_drop(&g->sc, g->sink);
	arena_release(&g->sc.mem);
	free(g);
	return rc;
}
