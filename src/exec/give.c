/* SPDX-License-Identifier: ISC */
/*
 * give: a scan of a source that has whole spans (exec/source.h), on one thread. What a sink may
 * ask for again is held, a batch at a time: a batch of which nothing passed is dropped at once. What
 * takes more than a share of the query's memory, or is not to be had, goes into a file without a name
 * and is read back row by row; where there is no place for one that is an error.
 *
 * Where the plan asks about whole traces the source gives these whole, and all that is known of a
 * trace is worked out before its spans are tested.
 */
#include "assembly.h"

#include <stdlib.h>

#include "base/search.h"
#include "base/spillfile.h"
#include "model/span_pack.h"

#define SPILL_SHARE 2		/* of the memory, one in so many bytes may be held spans' */

/* A batch: in memory, or in the file. */
struct held_part {
	struct span_batch *b;
	size_t bytes;		/* counted for it */
	uint64_t at;		/* if b is NULL */
	uint64_t *ends;		/* of each row's bytes, from `at` */
};

struct held {
	struct exec *ex;
	bool keeps, traces, tree;
	VEC(struct held_part) parts;
	size_t n_spilled;			/* the first so many */
	VEC(struct trace_entry *) entries;	/* rising by id */
	size_t bytes;				/* counted against the budget */
	size_t parts_bytes;			/* of which for parts in memory */
	struct spillfile file;
};

struct give {
	struct scan sc;
	struct row_sink *sink;
	struct slice slice;
};

/* ---- what is held ---- */

static bool
has_rows(enum row_kind k)
{
	return k != ROW_COUNT && k != ROW_GROUP && k != ROW_CONTRAST;
}

int
held_new(struct source *s, struct err *e)
{
	struct held *h = calloc(1, sizeof *h);

	if (h == NULL)
		return err_nomem(e);
	h->ex = s->ex;
	h->traces = plan_asks_traces(s->plan);
	h->tree = plan_asks_tree(s->plan);
	/* Groups by fields of parents ask for these. */
	h->keeps = has_rows(s->plan->output) || h->traces;
	spillfile_init(&h->file, s->env->spill_dir, s->env->spill_max);
	s->held = h;
	return 0;
}

static void
batch_free(struct span_batch *b)
{
	if (b == NULL)
		return;
	span_batch_release(b);
	free(b);
}

/* The file begins anew, so that all windows take no more than one. */
static void
drop_all(struct held *h)
{
	for (size_t i = 0; i < h->parts.n; i++) {
		batch_free(h->parts.v[i].b);
		free(h->parts.v[i].ends);
	}
	for (size_t i = 0; i < h->entries.n; i++)
		free(h->entries.v[i]);
	if (h->n_spilled != 0) {
		spillfile_release(&h->file);
		spillfile_init(&h->file, h->ex->env.spill_dir, h->ex->env.spill_max);
	}
	h->parts.n = h->entries.n = h->n_spilled = 0;
	mem_give(h->ex, h->bytes);
	h->bytes = h->parts_bytes = 0;
}

void
held_free(struct source *s)
{
	struct held *h = s->held;

	if (h == NULL)
		return;
	drop_all(h);
	spillfile_release(&h->file);
	vec_release(&h->parts);
	vec_release(&h->entries);
	free(h);
	s->held = NULL;
}

static int
count_bytes(struct held *h, size_t n, struct err *e)
{
	int rc = mem_take(h->ex, n, e);

	if (rc == 0)
		h->bytes += n;
	return rc;
}

static void
uncount(struct held *h, size_t n)
{
	h->bytes -= n;
	mem_give(h->ex, n);
}

/* ---- parts in the file ---- */

static int
spill_part(struct held *h, struct held_part *p, struct buf *bytes, struct err *e)
{
	size_t n = p->b->n;
	int rc;

	bytes->n = 0;
	if ((p->ends = calloc(n + 1, sizeof *p->ends)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		span_pack(bytes, &p->b->spans[i]);
		p->ends[i] = bytes->n;
	}
	if ((rc = buf_ok(bytes, e)) < 0 ||
	    (rc = spillfile_put(&h->file, bytes->p, bytes->n, &p->at, e)) < 0)
		return rc;
	h->ex->prof.spilled_bytes += bytes->n;
	batch_free(p->b);
	p->b = NULL;
	uncount(h, p->bytes);
	h->parts_bytes -= p->bytes;
	return count_bytes(h, (n + 1) * sizeof *p->ends, e);
}

/* Parts [n_spilled, to). */
static int
spill_parts(struct held *h, size_t to, struct err *e)
{
	struct buf bytes = BUF_INIT;
	int rc = 0;

	while (rc == 0 && h->n_spilled < to) {
		rc = exec_check(h->ex, e);
		if (rc == 0)
			rc = spill_part(h, &h->parts.v[h->n_spilled++], &bytes, e);
	}
	buf_release(&bytes);
	return rc;
}

/* Memory for the last part, for which those before it may have to go. */
static int
count_part(struct held *h, size_t n, struct err *e)
{
	const struct exec_env *env = &h->ex->env;
	bool may = env->spill_dir != NULL && h->keeps;
	size_t before = h->parts.n - 1;
	struct err first = ERR_INIT;
	int rc;

	if (may && env->memory != 0 && h->parts_bytes + n > env->memory / SPILL_SHARE &&
	    (rc = spill_parts(h, before, e)) < 0)
		return rc;
	if ((rc = count_bytes(h, n, &first)) == ERR_NOMEM && may && h->n_spilled < before) {
		if ((rc = spill_parts(h, before, e)) < 0)
			return rc;
		rc = count_bytes(h, n, &first);
	}
	if (rc < 0) {
		if (e != NULL)
			*e = first;
		return rc;
	}
	h->parts.v[before].bytes = n;
	h->parts_bytes += n;
	return 0;
}

/* Where the row's bytes are. */
static uint64_t
place_of(const struct held_part *p, uint32_t row, size_t *n)
{
	uint64_t from = row == 0 ? 0 : p->ends[row - 1];

	*n = (size_t)(p->ends[row] - from);
	return p->at + from;
}

static int
read_row(struct held *h, const struct held_part *p, uint32_t row, struct arena *a, struct span *out,
    struct err *e)
{
	struct cursor c;
	uint64_t at;
	size_t n;
	char *bytes;
	int rc;

	at = place_of(p, row, &n);
	if ((bytes = arena_alloc(a, n)) == NULL)
		return err_nomem(e);
	if ((rc = spillfile_get(&h->file, at, bytes, n, e)) < 0)
		return rc;
	c = cursor_new(bytes, n);
	return span_unpack(&c, a, out, e);
}

int
held_rows(struct source *s, struct fetch *f, uint32_t part, const uint32_t *rows, size_t n,
    const struct projection *proj, struct span *out, struct err *e)
{
	const struct held_part *p = &s->held->parts.v[part];
	int rc = 0;

	(void)proj;
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (p->b != NULL)
			out[i] = p->b->spans[rows[i]];
		else
			rc = read_row(s->held, p, rows[i], fetch_arena(f), &out[i], e);
	}
	return rc;
}

int
held_ids(struct source *s, uint32_t part, uint32_t row, struct trace_id *trace, uint64_t *span,
    struct err *e)
{
	const struct held_part *p = &s->held->parts.v[part];
	char ids[SPAN_PACK_IDS];
	struct cursor c = cursor_new(ids, sizeof ids);
	size_t n;
	int rc;

	if (p->b != NULL) {
		*trace = p->b->spans[row].trace_id;
		*span = p->b->spans[row].span_id;
		return 0;
	}
	if ((rc = spillfile_get(&s->held->file, place_of(p, row, &n), ids, sizeof ids, e)) < 0)
		return rc;
	return span_unpack_ids(&c, trace, span, e);
}

/* All of a part lies together. */
uint32_t
held_near(const struct source *s, uint32_t part)
{
	(void)s;
	(void)part;
	return UINT32_MAX;
}

/* ---- traces ---- */

int
held_trace(struct source *s, struct trace_id id, uint32_t only, struct trace_pin *pin,
    struct err *e)
{
	const struct held *h = s->held;
	size_t from = 0;

	(void)only;
	LOWER_BOUND(from, h->entries.n, i, trace_id_cmp(h->entries.v[i]->facts.trace_id, id) < 0);
	if (from == h->entries.n || !trace_id_eq(h->entries.v[from]->facts.trace_id, id))
		return err_set(e, ERR_UNSUPPORTED, -1, "%s gave spans of a trace, and not the trace",
		    s->ops->name);
	*pin = (struct trace_pin){ h->entries.v[from], NULL };
	return 0;
}

void
held_trace_put(struct source *s, struct trace_pin *pin)
{
	(void)s;
	(void)pin;
}

/* The trace of spans [from, to) of the part to come. */
static int
add_trace(struct held *h, const struct span_batch *b, size_t from, size_t to, struct err *e)
{
	struct trace_entry *t = NULL;
	struct assembly a;
	size_t bytes;
	int rc = 0;

	assembly_begin(&a, h->ex, b->spans[from].trace_id, e);
	a.tree = h->tree;
	for (size_t i = from; i < to && rc == 0; i++)
		rc = assembly_add(&a, &b->spans[i], (uint32_t)h->parts.n, (uint32_t)i);
	if (rc == 0 && (rc = assembly_end(&a, &t, &bytes)) == 0 &&
	    (!vec_push(&h->entries, t) || (rc = count_bytes(h, bytes, e)) < 0))
		rc = rc < 0 ? rc : (free(t), err_nomem(e));
	assembly_release(&a);
	return rc;
}

static int
add_traces(struct held *h, const struct span_batch *b, struct err *e)
{
	size_t had = h->entries.n;
	int rc = 0;

	for (size_t i = 0, to; i < b->n && rc == 0; i = to) {
		struct trace_id id = b->spans[i].trace_id;

		if (h->entries.n > 0 &&
		    trace_id_cmp(h->entries.v[h->entries.n - 1]->facts.trace_id, id) >= 0)
			return err_set(e, ERR_CORRUPT, -1, "traces come twice, or out of order");
		for (to = i + 1; to < b->n && trace_id_eq(b->spans[to].trace_id, id);)
			to++;
		rc = add_trace(h, b, i, to, e);
	}
	if (rc == 0)
		h->ex->prof.traces_assembled += h->entries.n - had;
	return rc;
}

/* ---- a scan ---- */

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
	/* What an earlier slice gave was handed out. */
	drop_all(src->held);
	*out = g;
	return 0;
}

/* Moves the batch among the parts, so that its rows have a place; NULL: no memory. */
static struct span_batch *
take_in(struct held *h, struct span_batch *b)
{
	struct span_batch *own = malloc(sizeof *own);
	struct held_part part = { .b = own };

	if (own == NULL || !vec_push(&h->parts, part)) {
		free(own);
		return NULL;
	}
	*own = *b;
	span_batch_init(b);
	return own;
}

/* The last part, and what is known of its traces, was for nothing. */
static void
drop_last(struct held *h, struct span_batch *b, size_t n_entries)
{
	const struct held_part *part = &h->parts.v[--h->parts.n];
	struct span_batch *own = part->b;

	h->parts_bytes -= part->bytes;
	uncount(h, part->bytes);
	while (h->entries.n > n_entries)
		free(h->entries.v[--h->entries.n]);
	span_batch_release(b);
	*b = *own;
	free(own);
	span_batch_reset(b);
}

int
give(struct give *g, struct span_batch *b, struct err *e)
{
	struct held *h = g->sc.ex->source.held;
	uint32_t *rows = arena_array(&g->sc.mem, b->n, uint32_t), n = (uint32_t)b->n;
	size_t n_entries = h->entries.n, known = h->bytes;
	uint64_t matched = g->sc.prof->rows_matched;
	struct span_batch *own;
	int rc = exec_check(g->sc.ex, e);

	if (rc < 0 || rows == NULL)
		return rc < 0 ? rc : err_nomem(e);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = i;
	g->sc.e = e;
	g->sc.part = (uint32_t)h->parts.n;
	g->sc.row_from = 0;
	g->sc.n_rows = n;
	g->sc.prof->rows_scanned += n;
	if (h->traces && (rc = add_traces(h, b, e)) < 0)
		return rc;
	known = h->bytes - known;
	if ((own = take_in(h, b)) == NULL)
		return err_nomem(e);
	rc = count_part(h, arena_footprint(&own->arena) + own->cap * sizeof *own->spans, e);
	if (rc == 0)
		rc = spans_consume(&g->sc, g->sink, g->slice, own->spans, rows, n);
	if (rc == 0 && (g->sc.prof->rows_matched == matched || !h->keeps)) {
		drop_last(h, b, n_entries);
		uncount(h, known);
	}
	arena_reset(&g->sc.mem);
	if (rc == 0)
		rc = g->sink->ops->combine(g->sink, g->sc.local, false, e);
	return rc < 0 ? rc : g->sink->full;
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
