/* SPDX-License-Identifier: ISC */
/*
 * scan: what is asked of one row group, or shard, whoever scans it: its memory, its chunks, what
 * its zones say of durations, and which span an error is about.
 */
#include "filter/scan.h"

#include "base/bitmap.h"
#include "base/search.h"
#include "model/value.h"

size_t
service_of_row(const struct shard_info *info, uint32_t row)
{
	size_t lo = 0;

	LOWER_BOUND(lo, info->n_services, i, info->services[i].row_to <= row);
	return lo;
}

void
scan_at(struct scan *sc, uint32_t group)
{
	sc->group = group;
	sc->rg = &sc->xs->info->row_groups[group];
	sc->row_from = sc->rg->row_from;
	sc->n_rows = sc->rg->row_to - sc->rg->row_from;
}

uint64_t *
scan_bits(struct scan *sc, size_t n)
{
	uint64_t *w = arena_calloc(&sc->mem, BITMAP_WORDS(n) + 1, sizeof *w);

	if (w == NULL)
		(void)err_nomem(sc->e);
	return w;
}

uint32_t *
scan_list(struct scan *sc, const uint64_t *in, uint32_t n_rows, uint32_t *n)
{
	size_t count = bitmap_count(in, n_rows);
	uint32_t *list = arena_alloc(&sc->mem, (count + 1) * sizeof *list);

	if (list == NULL) {
		(void)err_nomem(sc->e);
		return NULL;
	}
	*n = (uint32_t)bitmap_list(in, n_rows, 0, list);
	return list;
}

int
scan_chunk(struct scan *sc, enum column_id id, const struct chunk **out)
{
	const struct column *col = shard_column(sc->xs->s, id);

	*out = NULL;
	return col == NULL ? 0 : chunk_get(sc->xs->s, col, sc->group, out, sc->e);
}

enum wraps
duration_wraps(struct shard *s, uint32_t group)
{
	const struct column *starts = shard_column(s, COL_START);
	const struct column *durations = shard_column(s, COL_DURATION);
	const uint64_t zero = value_image_i64(0);
	struct zone a, b;

	if (starts == NULL || durations == NULL)
		return WRAPS_NONE;
	a = shard_zone(s, starts, group);
	b = shard_zone(s, durations, group);
	/* An end past the last instant comes round to before the start. */
	if (b.max >= zero && a.max > UINT64_MAX - (b.max - zero))
		return WRAPS_ANY;
	return b.min < zero ? WRAPS_BELOW : WRAPS_NONE;
}

int
scan_blame(struct scan *sc, uint32_t row, int code)
{
	const struct chunk *ids = NULL, *traces = NULL;
	const struct traceids *t = NULL;
	struct err *e = sc->e, ignored = ERR_INIT;
	struct trace_id trace = { 0, 0 };
	uint64_t id = 0;

	sc->e = &ignored;
	if (scan_chunk(sc, COL_SPAN_ID, &ids) == 0 && ids != NULL)
		id = chunk_u64_at(ids, row);
	if (scan_chunk(sc, COL_TRACE, &traces) == 0 && traces != NULL &&
	    traceids_get(sc->xs->s, &t, &ignored) == 0)
		trace = traceids_at(t, (uint32_t)chunk_u64_at(traces, row));
	traceids_put(t);
	chunk_put(traces);
	chunk_put(ids);
	sc->e = e;
	return err_ctx(e, code, "span %016llx of trace %016llx%016llx", (unsigned long long)id,
	    (unsigned long long)trace.hi, (unsigned long long)trace.lo);
}

int
shard_traces_get(struct shard *s, struct shard_traces *out, struct err *e)
{
	int rc;

	*out = (struct shard_traces){ NULL, NULL };
	if ((rc = traceids_get(s, &out->ids, e)) < 0)
		return rc;
	return tracerows_get(s, &out->rows, e);
}

void
shard_traces_put(const struct shard_traces *t)
{
	traceids_put(t->ids);
	tracerows_put(t->rows);
}
