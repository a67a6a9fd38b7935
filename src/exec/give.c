/* SPDX-License-Identifier: ISC */
/*
 * give: a scan of a source that has whole spans (exec/source.h), on one thread. What a sink may
 * ask for again is held, a batch at a time: a batch of which nothing passed is dropped at once. What
 * takes more than a share of the query's memory goes into a file without a name and is read back row
 * by row, a window at a time; without a place for one it stays in memory. All of it goes when memory is
 * short for anything that the scan needs; where there is no place for it then, that is an error.
 *
 * Where the plan asks about whole traces the source gives these whole, and all that is known of a
 * trace is worked out before its spans are tested.
 */
#include "assembly.h"

#include <stdlib.h>

#include "base/search.h"
#include "base/spillrows.h"
#include "model/span_pack.h"

#define SPILL_SHARE 2		/* of the memory, one in so many bytes may be held spans' */
#define WINDOW_SHARE 8		/* and one in so many those that are read back at once */
#define WINDOW_BYTES ((size_t)32 << 20)	/* the same where only all queries have a limit */

/* A batch: in memory, or in the file. */
struct held_part {
	struct span_batch *b;
	size_t bytes;		/* counted for it */
	struct spillrows rows;	/* if b is NULL */
};

struct held {
	struct exec *ex;
	bool keeps, traces, tree;
	VEC(struct held_part) parts;
	size_t n_spilled;			/* the first so many */
	size_t n_idle;				/* nobody looks at spans of the first so many: they may go */
	bool stuck;				/* the file failed once: only when memory is short again */
	VEC(struct trace_entry *) entries;	/* rising by id */
	size_t bytes;				/* counted against the budget */
	size_t parts_bytes, entries_bytes;	/* of which for parts in memory, and for entries */
	struct spillfile file;
};

struct give {
	struct scan sc;
	struct row_sink *sink;
	struct slice slice;
};

/* ---- what is held ---- */

int
held_new(struct source *s, struct err *e)
{
	struct held *h = calloc(1, sizeof *h);
	enum row_kind kind = s->plan->output;

	if (h == NULL)
		return err_nomem(e);
	h->ex = s->ex;
	h->traces = plan_asks_traces(s->plan);
	h->tree = plan_asks_tree(s->plan);
	/* Groups by fields of parents ask for these. */
	h->keeps = h->traces || (kind != ROW_COUNT && kind != ROW_GROUP && kind != ROW_CONTRAST);
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
		spillrows_free(&h->parts.v[i].rows);
	}
	for (size_t i = 0; i < h->entries.n; i++)
		free(h->entries.v[i]);
	if (spillfile_bytes(&h->file) != 0) {
		spillfile_release(&h->file);
		spillfile_init(&h->file, h->ex->env.spill_dir, h->ex->env.spill_max);
	}
	h->parts.n = h->entries.n = h->n_spilled = h->n_idle = 0;
	h->stuck = false;
	mem_give(h->ex, h->bytes);
	h->bytes = h->parts_bytes = h->entries_bytes = 0;
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
	s->ex->make_room = NULL;
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
put_spans(struct held *h, const struct span_batch *b, struct spillrows *rows, struct buf *bytes,
    struct err *e)
{
	int rc = spillrows_new(rows, b->n, e);

	bytes->n = 0;
	for (size_t i = 0; i < b->n && rc == 0; i++) {
		span_pack(bytes, &b->spans[i]);
		spillrows_add(rows, bytes, span_unpack_room(&b->spans[i]));
		if ((bytes->n >= SPILL_PIECE || i + 1 == b->n) &&
		    (rc = spillrows_put(rows, &h->file, bytes, e)) == 0)
			rc = exec_check(h->ex, e);
	}
	return rc;
}

/* The first part that is in memory. */
static int
spill_part(struct held *h, struct buf *bytes, struct err *e)
{
	struct held_part *p = &h->parts.v[h->n_spilled];
	int rc;

	if ((rc = put_spans(h, p->b, &p->rows, bytes, e)) < 0) {
		spillrows_free(&p->rows);
		return rc;
	}
	h->n_spilled++;
	h->ex->prof.spilled_bytes += p->rows.put;
	batch_free(p->b);
	p->b = NULL;
	uncount(h, p->bytes);
	h->parts_bytes -= p->bytes;
	return count_bytes(h, spillrows_bytes(p->rows.n), e);
}

static int
held_spill(struct exec *ex, struct err *e)
{
	struct held *h = ex->source.held;
	struct buf bytes = BUF_INIT;
	size_t idle;
	int rc = 0;

	if (h->n_spilled >= h->n_idle)
		return 0;
	/* What it counts itself does not come here again. */
	idle = h->n_idle;
	h->n_idle = 0;
	while (rc == 0 && h->n_spilled < idle)
		rc = spill_part(h, &bytes, e);
	h->n_idle = idle;
	buf_release(&bytes);
	return rc < 0 ? rc : 1;
}

/* All parts may go, if there is a place for them; those to come may not. */
static void
let_go(struct held *h)
{
	h->n_idle = h->ex->env.spill_dir != NULL && h->keeps ? h->parts.n : 0;
}

/* Memory for the last part, for which those before it may have to go. */
static int
count_part(struct held *h, size_t n, struct err *e)
{
	size_t memory = h->ex->env.memory;
	int rc;

	if (memory != 0 && h->parts_bytes + n > memory / SPILL_SHARE && !h->stuck &&
	    (rc = held_spill(h->ex, e)) < 0) {
		if (rc != ERR_NOSPC && rc != ERR_IO)
			return rc;
		/* There may be memory for all of them. */
		h->stuck = true;
	}
	if ((rc = count_bytes(h, n, e)) < 0)
		return rc;
	h->parts.v[h->parts.n - 1].bytes = n;
	h->parts_bytes += n;
	return 0;
}

static int
read_row(struct held *h, const struct held_part *p, uint32_t row, struct fetch *f, struct span *out,
    struct err *e)
{
	size_t lists, n = spillrows_n(&p->rows, row, &lists);
	struct cursor c;
	char *bytes;
	int rc;

	if ((rc = fetch_may(f, n + lists, 1, e)) < 0)
		return rc;
	if ((bytes = arena_alloc(fetch_arena(f), n)) == NULL)
		return err_nomem(e);
	if ((rc = spillrows_get(&p->rows, &h->file, row, bytes, e)) < 0)
		return rc;
	c = cursor_new(bytes, n);
	return span_unpack(&c, fetch_arena(f), out, e);
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
			rc = read_row(s->held, p, rows[i], f, &out[i], e);
	}
	return rc;
}

/* What reading it back takes. */
static size_t
row_bytes(const void *arg, uint32_t part, uint32_t row)
{
	const struct held_part *p = &((const struct held *)arg)->parts.v[part];
	size_t lists;

	return p->b != NULL ? 0 : spillrows_n(&p->rows, row, &lists) + lists;
}

int
held_window(struct source *s, const struct refs *refs, size_t at, size_t *n, size_t *bytes,
    struct err *e)
{
	struct held *h = s->held;
	size_t most = s->env->memory != 0 ? s->env->memory / WINDOW_SHARE : WINDOW_BYTES, sum, had;
	int rc;

	/* Where parts went to make room for it, more is to be read. */
	do {
		mem_give(h->ex, *bytes);
		*bytes = 0;
		had = h->n_spilled;
		sum = refs_in_bytes(refs, at, most, row_bytes, h, n);
		let_go(h);
		if ((rc = mem_take(h->ex, sum, e)) == 0)
			*bytes = sum;
	} while (rc == 0 && h->n_spilled != had);
	h->n_idle = 0;
	return rc;
}

/* Of all of the row's bytes, since it is these that are known by a hash. */
int
held_ids(struct source *s, uint32_t part, uint32_t row, struct trace_id *trace, uint64_t *span,
    struct err *e)
{
	const struct held_part *p = &s->held->parts.v[part];
	struct cursor c;
	size_t n;
	char *bytes;
	int rc;

	if (p->b != NULL) {
		*trace = p->b->spans[row].trace_id;
		*span = p->b->spans[row].span_id;
		return 0;
	}
	n = spillrows_n(&p->rows, row, NULL);
	if ((bytes = malloc(n)) == NULL)
		return err_nomem(e);
	c = cursor_new(bytes, n);
	if ((rc = spillrows_get(&p->rows, &s->held->file, row, bytes, e)) == 0)
		rc = span_unpack_ids(&c, trace, span, e);
	free(bytes);
	return rc;
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
	size_t bytes = 0;
	int rc = 0;

	assembly_begin(&a, h->ex, b->spans[from].trace_id, e);
	a.tree = h->tree;
	for (size_t i = from; i < to && rc == 0; i++)
		rc = assembly_add(&a, &b->spans[i], (uint32_t)h->parts.n, (uint32_t)i);
	if (rc == 0 && (rc = assembly_end(&a, &t, &bytes)) == 0)
		rc = vec_push(&h->entries, t) ? count_bytes(h, bytes, e) : (free(t), err_nomem(e));
	h->entries_bytes += rc == 0 ? bytes : 0;
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
	src->ex->make_room = held_spill;
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
	size_t n_entries = h->entries.n, known = h->entries_bytes;
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
	let_go(h);
	if (h->traces && (rc = add_traces(h, b, e)) < 0)
		return rc;
	known = h->entries_bytes - known;
	if ((own = take_in(h, b)) == NULL)
		return err_nomem(e);
	rc = count_part(h, arena_footprint(&own->arena) + own->cap * sizeof *own->spans, e);
	if (rc == 0)
		rc = spans_consume(&g->sc, g->sink, g->slice, own->spans, rows, n);
	if (rc == 0 && (g->sc.prof->rows_matched == matched || !h->keeps)) {
		drop_last(h, b, n_entries);
		h->entries_bytes -= known;
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
	int rc;

	/* Until rows are asked for, so that there is room to sort what was found. */
	let_go(g->sc.ex->source.held);
	rc = failed ? 0 : g->sink->ops->combine(g->sink, g->sc.local, true, e);
	scan_local_drop(&g->sc, g->sink);
	arena_release(&g->sc.mem);
	free(g);
	return rc;
}
