/* SPDX-License-Identifier: ISC */
/*
 * tracetree: see shard/tracetree.h. COL_PARENT has the place of a span's parent among the rows of its
 * trace, so each trace is worked out by itself, in arrays of its rows: depths by walking up until
 * one is known, self times by going through its spans as they start, with how far the children of
 * each have covered it so far.
 */
#include "shard/tracetree.h"

#include <stdlib.h>

#include "base/bitmap.h"
#include "model/span.h"
#include "shard_i.h"

#define CHECK_EVERY 4096	/* traces between two looks at the check */
#define UNKNOWN (NO_DEPTH - 1)
#define ON_PATH (NO_DEPTH - 2)
#define NOBODY UINT32_MAX

/* A span of the trace at hand. */
struct node {
	uint64_t start, over, covered;	/* covered: by children, up to here */
	uint32_t row, parent;		/* parent: its place in the trace, or NOBODY */
};

struct making {
	struct shard *s;
	struct tracetree *t;
	const struct tracerows *rows;
	int (*check)(void *, struct err *);
	void *arg;
	bool twins, places;
	/* By row. */
	uint64_t *id, *start, *over;
	uint32_t *how;			/* as COL_PARENT */
	/* Of the trace at hand. */
	struct node *v;
	uint32_t *order;
	uint64_t *ids;
	struct err *e;
};

bool
shard_ids_single(const struct shard *s)
{
	return (s->compat & SHARD_COMPAT_SINGLE) != 0;
}

/* ---- columns ---- */

/* Values of a fixed column of all rows; 0 where there is none. */
static int
read_column(struct making *m, enum column_id id, uint64_t *out)
{
	const struct shard_info *info = &m->s->info;
	const struct column *col = shard_column(m->s, id);
	int rc = 0;

	memset(out, 0, info->n_rows * sizeof *out);
	for (uint32_t g = 0; col != NULL && g < info->n_row_groups && rc == 0; g++) {
		uint64_t *v = out + info->row_groups[g].row_from;
		const struct chunk *c = NULL;

		if ((rc = m->check(m->arg, m->e)) < 0 ||
		    (rc = chunk_get(m->s, col, g, &c, m->e)) < 0 || c == NULL)
			continue;
		if (chunk_all(c))
			chunk_u64(c, 0, c->n_present, v);
		else
			for (uint32_t i = 0; i < c->n_present; i++)
				v[chunk_row(c, i)] = chunk_u64_at(c, i);
		chunk_put(c);
	}
	return rc;
}

static int
read_places(struct making *m)
{
	uint64_t n = m->s->info.n_rows;
	int rc;

	/* The places of parents pass through the room of the times. */
	if ((rc = read_column(m, COL_PARENT, m->start)) < 0)
		return rc;
	for (uint64_t i = 0; i < n; i++)
		m->how[i] = (uint32_t)m->start[i];
	if ((rc = read_column(m, COL_START, m->start)) < 0 ||
	    (rc = read_column(m, COL_DURATION, m->over)) < 0)
		return rc;
	for (uint64_t i = 0; i < n; i++)
		m->over[i] = span_over(m->start[i], (uint64_t)value_i64_of(m->over[i]));
	return 0;
}

/* ---- one trace ---- */

static int
id_cmp(const void *pa, const void *pb)
{
	uint64_t a = *(const uint64_t *)pa, b = *(const uint64_t *)pb;

	return (a > b) - (a < b);
}

static bool
has_twins(struct making *m, uint32_t ordinal, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		m->ids[i] = m->id[tracerows_at(m->rows, ordinal, i)];
	qsort(m->ids, n, sizeof *m->ids, id_cmp);
	for (uint32_t i = 1; i < n; i++)
		if (m->ids[i] == m->ids[i - 1])
			return true;
	return false;
}

static void
take_nodes(struct making *m, uint32_t ordinal, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = tracerows_at(m->rows, ordinal, i), how = m->how[row];

		m->v[i] = (struct node){ m->start[row], m->over[row], 0, row,
			how < 2 ? NOBODY : how - 2 };
		m->order[i] = i;
		m->t->depth[row] = how < 2 ? 0 : UNKNOWN;
		m->t->self_ns[row] = m->over[row] - m->start[row];
	}
	for (uint32_t i = 0; i < n; i++)
		if (m->v[i].parent != NOBODY)
			m->t->n_children[m->v[m->v[i].parent].row]++;
}

/* From a span up to one whose depth is known, and down again the same way. */
static void
find_depth(struct making *m, uint32_t from)
{
	uint32_t *depth = m->t->depth, at = from, found, steps = 0;

	for (; depth[m->v[at].row] == UNKNOWN; at = m->v[at].parent) {
		depth[m->v[at].row] = ON_PATH;
		steps++;
	}
	found = depth[m->v[at].row];
	if (found == ON_PATH)
		found = NO_DEPTH;	/* a circle */
	at = from;
	for (uint32_t left = steps; left > 0; left--, at = m->v[at].parent)
		depth[m->v[at].row] = found == NO_DEPTH ? NO_DEPTH : found + left;
}

static int
start_cmp(const void *pa, const void *pb, void *arg)
{
	const struct node *v = arg;
	uint64_t a = v[*(const uint32_t *)pa].start, b = v[*(const uint32_t *)pb].start;

	return (a > b) - (a < b);
}

/* Most traces are small, and their rows nearly in order of time. */
static void
order_by_start(struct making *m, uint32_t n)
{
	if (n > 64) {
		qsort_r(m->order, n, sizeof *m->order, start_cmp, m->v);
		return;
	}
	for (uint32_t i = 1; i < n; i++) {
		uint32_t x = m->order[i], k = i;

		for (; k > 0 && m->v[m->order[k - 1]].start > m->v[x].start; k--)
			m->order[k] = m->order[k - 1];
		m->order[k] = x;
	}
}

static void
find_self_times(struct making *m, uint32_t n)
{
	order_by_start(m, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct node *c = &m->v[m->order[i]];
		struct node *p = c->parent == NOBODY ? NULL : &m->v[c->parent];
		uint64_t from, to;

		if (p == NULL)
			continue;
		from = c->start > p->start ? c->start : p->start;
		from = p->covered > from ? p->covered : from;
		to = c->over < p->over ? c->over : p->over;
		if (from >= to)
			continue;
		m->t->self_ns[p->row] -= to - from;
		p->covered = to;
	}
}

static void
one_trace(struct making *m, uint32_t ordinal)
{
	uint32_t n = tracerows_n(m->rows, ordinal);

	if (m->twins && has_twins(m, ordinal, n)) {
		bitmap_set(m->t->twins, ordinal);
		return;
	}
	if (!m->places)
		return;
	take_nodes(m, ordinal, n);
	for (uint32_t i = 0; i < n; i++)
		find_depth(m, i);
	find_self_times(m, n);
}

/* ---- all ---- */

static uint32_t
longest(const struct making *m)
{
	uint32_t most = 0;

	for (uint32_t o = 0; o < m->s->info.n_traces; o++)
		if (tracerows_n(m->rows, o) > most)
			most = tracerows_n(m->rows, o);
	return most;
}

static bool
make_room(struct making *m)
{
	size_t n = m->s->info.n_rows + 1, most = longest(m) + 1u;
	bool ok = true;

	if (m->twins) {
		m->t->twins = calloc(BITMAP_WORDS(m->s->info.n_traces) + 1, sizeof(uint64_t));
		m->id = malloc(n * sizeof *m->id);
		m->ids = malloc(most * sizeof *m->ids);
		ok = m->t->twins != NULL && m->id != NULL && m->ids != NULL;
	}
	if (!m->places)
		return ok;
	m->t->depth = calloc(n, sizeof(uint32_t));
	m->t->n_children = calloc(n, sizeof(uint32_t));
	m->t->self_ns = calloc(n, sizeof(uint64_t));
	m->start = malloc(n * sizeof *m->start);
	m->over = malloc(n * sizeof *m->over);
	m->how = malloc(n * sizeof *m->how);
	m->v = malloc(most * sizeof *m->v);
	m->order = malloc(most * sizeof *m->order);
	return ok && m->t->depth != NULL && m->t->n_children != NULL && m->t->self_ns != NULL &&
	    m->start != NULL && m->over != NULL && m->how != NULL && m->v != NULL &&
	    m->order != NULL;
}

static int
make(struct making *m)
{
	int rc = 0;

	if (!make_room(m))
		return err_nomem(m->e);
	if (m->twins && (rc = read_column(m, COL_SPAN_ID, m->id)) < 0)
		return rc;
	if (m->places && (rc = read_places(m)) < 0)
		return rc;
	for (uint32_t o = 0; o < m->s->info.n_traces && rc == 0; o++) {
		one_trace(m, o);
		if (o % CHECK_EVERY == 0)
			rc = m->check(m->arg, m->e);
	}
	return rc;
}

size_t
tracetree_bytes(const struct shard *s, bool places)
{
	size_t row = (shard_ids_single(s) ? 0 : 2 * sizeof(uint64_t)) + (places ? 5 * sizeof(uint64_t) +
	    sizeof(struct node) : 0);

	return sizeof(struct tracetree) + (s->info.n_rows + 1) * row + s->info.n_traces / 8;
}

int
tracetree_make(struct shard *s, bool places, int (*check)(void *, struct err *), void *arg,
    struct tracetree **out, struct err *e)
{
	struct making m = { .s = s, .check = check, .arg = arg, .twins = !shard_ids_single(s),
		.places = places, .e = e };
	int rc;

	if ((m.t = calloc(1, sizeof *m.t)) == NULL)
		return err_nomem(e);
	if ((rc = tracerows_get(s, &m.rows, e)) == 0)
		rc = make(&m);
	tracerows_put(m.rows);
	free(m.id);
	free(m.ids);
	free(m.start);
	free(m.over);
	free(m.how);
	free(m.v);
	free(m.order);
	if (rc < 0) {
		tracetree_free(m.t);
		return rc;
	}
	*out = m.t;
	return 0;
}

void
tracetree_free(struct tracetree *t)
{
	if (t == NULL)
		return;
	free(t->twins);
	free(t->depth);
	free(t->n_children);
	free(t->self_ns);
	free(t);
}
