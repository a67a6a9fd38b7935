/* SPDX-License-Identifier: ISC */
/*
 * op_traces: what is known of a whole trace: its rows are looked for in every shard of the
 * snapshot, pruned ones and other partitions too (bloom filter, then trace index), and a few
 * columns of them read. Kept for the query in a cache with a bound of its own, so that a trace
 * with many matching spans is put together once. Parts that a shard's summary or table
 * (trace_table.c) knows are taken from there, unless children are to be counted.
 *
 * The root is the span without a parent, of several the earliest; without one, names come
 * from the earliest span. Ties go to the lower span id, then name, then service.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/bloom.h"


/* A span of the trace; where a shard's table has the sums, only what may be the root. */
struct member {
	uint64_t start, over, id, parent;	/* parent: of a table's, only whether there is one */
	uint32_t shard, row, name;	/* name: code in the shard's dictionary */
	bool has_id;			/* else it is read when it decides */
	struct sv service;		/* of the shard's footer */
};

struct assembly {
	struct exec *ex;
	struct trace_id id;
	uint64_t hash;
	VEC(struct member) rows;
	VEC(struct sv) services;	/* unsorted, with doubles */
	uint64_t first_ns, last_ns, n_spans, n_errors;
	bool partial;			/* not every span is a member */
	struct err *e;
};

static void
sum_up(struct assembly *a, uint64_t first, uint64_t last, uint64_t n, uint64_t n_errors)
{
	if (first < a->first_ns)
		a->first_ns = first;
	if (last > a->last_ns)
		a->last_ns = last;
	a->n_spans += n;
	a->n_errors += n_errors;
}

/* ---- reading ---- */

/* Chunks of one row group, while rows of it follow each other. */
struct group {
	struct shard *s;
	uint32_t no;
	const struct chunk *start, *duration, *status, *parent, *parent_id, *id, *name;
};

static void
group_put(struct group *g)
{
	chunk_put(g->start);
	chunk_put(g->duration);
	chunk_put(g->status);
	chunk_put(g->parent);
	chunk_put(g->parent_id);
	chunk_put(g->id);
	chunk_put(g->name);
	*g = (struct group){ .s = g->s, .no = UINT32_MAX };
}

static int
get(struct group *g, enum column_id id, const struct chunk **out, struct err *e)
{
	const struct column *col = shard_column(g->s, id);

	return col == NULL ? 0 : chunk_get(g->s, col, g->no, out, e);
}

static int
group_get(struct group *g, uint32_t no, struct err *e)
{
	int rc;

	if (g->no == no)
		return 0;
	group_put(g);
	g->no = no;
	if ((rc = get(g, COL_START, &g->start, e)) < 0 ||
	    (rc = get(g, COL_DURATION, &g->duration, e)) < 0 ||
	    (rc = get(g, COL_STATUS, &g->status, e)) < 0 ||
	    (rc = get(g, COL_PARENT, &g->parent, e)) < 0 ||
	    (rc = get(g, COL_PARENT_ID, &g->parent_id, e)) < 0 ||
	    (rc = get(g, COL_SPAN_ID, &g->id, e)) < 0)
		return rc;
	return get(g, COL_NAME, &g->name, e);
}

static uint64_t
value_of(const struct chunk *c, uint32_t row)
{
	return c != NULL && chunk_present(c, row) ? chunk_u64_at(c, chunk_rank(c, row)) : 0;
}

/* Parents in the shard are left as COL_PARENT has them; read_rows finds their ids. */
static int
read_row(struct assembly *a, struct group *g, uint32_t shard, uint32_t row, uint64_t *how)
{
	const struct shard_info *info = shard_info(g->s);
	uint32_t at = row % info->row_group_rows;
	struct member m = { .shard = shard, .row = row };
	int rc;

	if ((rc = group_get(g, row / info->row_group_rows, a->e)) < 0)
		return rc;
	m.start = value_of(g->start, at);
	m.over = span_over(m.start, (uint64_t)value_i64_of(value_of(g->duration, at)));
	sum_up(a, m.start, m.over, 1, value_i64_of(value_of(g->status, at)) == STATUS_ERROR);
	m.id = value_of(g->id, at);
	m.has_id = true;
	m.name = (uint32_t)value_of(g->name, at);
	*how = value_of(g->parent, at);
	m.parent = *how == 1 ? value_of(g->parent_id, at) : *how;
	m.service = info->services[service_of_row(info, row)].service;
	if (!vec_push(&a->rows, m) || !vec_push(&a->services, m.service))
		return err_nomem(a->e);
	return 0;
}

static int
read_rows(struct assembly *a, uint32_t shard, struct shard *s, const struct tracerows *t,
    uint32_t ordinal)
{
	struct group g = { .s = s, .no = UINT32_MAX };
	uint32_t n = tracerows_n(t, ordinal);
	size_t base = a->rows.n;
	uint64_t *how = calloc((size_t)n + 1, sizeof *how);
	int rc = how == NULL ? err_nomem(a->e) : 0;

	for (uint32_t i = 0; i < n && rc == 0; i++)
		rc = read_row(a, &g, shard, tracerows_at(t, ordinal, i), &how[i]);
	group_put(&g);
	for (uint32_t i = 0; i < n && rc == 0; i++)
		if (how[i] >= 2)
			a->rows.v[base + i].parent = a->rows.v[base + how[i] - 2].id;
	free(how);
	return rc;
}

/* ---- by the shard's table ---- */

/* The rows of a trace rise, and services are ranges of rows. */
static int
add_services(struct assembly *a, const struct shard_info *info, const struct tracerows *t,
    uint32_t ordinal)
{
	uint32_t n = tracerows_n(t, ordinal), until = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t row = tracerows_at(t, ordinal, i);
		const struct shard_service *s;

		if (row < until)
			continue;
		s = &info->services[service_of_row(info, row)];
		until = s->row_to;
		if (!vec_push(&a->services, s->service))
			return err_nomem(a->e);
	}
	return 0;
}

static int
take_part(struct assembly *a, uint32_t shard, struct shard *s, const struct tracerows *t,
    uint32_t ordinal, const struct trace_part *p)
{
	const struct shard_info *info = shard_info(s);
	struct member m = {
		.start = p->lead_ns, .parent = !p->has_root, .shard = shard, .row = p->lead_row,
		.name = p->lead_name,
		.service = info->services[service_of_row(info, p->lead_row)].service,
	};

	a->partial = true;
	sum_up(a, p->first_ns, p->last_ns, p->n_spans, p->n_errors);
	if (!vec_push(&a->rows, m))
		return err_nomem(a->e);
	return add_services(a, info, t, ordinal);
}

static int
take_trace(struct assembly *a, uint32_t shard, struct shard *s, uint32_t ordinal)
{
	const struct tracerows *t;
	struct trace_part p;
	int rc;

	if ((rc = tracerows_get(s, &t, a->e)) < 0)
		return rc;
	/* Who is whose child only the rows tell. */
	if (!a->ex->local->needs_children)
		rc = trace_table_look(a->ex, shard, s, t, ordinal, &p, a->e);
	if (rc > 0)
		rc = take_part(a, shard, s, t, ordinal, &p);
	else if (rc == 0)
		rc = read_rows(a, shard, s, t, ordinal);
	tracerows_put(t);
	return rc;
}

static int
look_in(struct assembly *a, uint32_t shard)
{
	const struct traceids *t;
	const uint8_t *bloom;
	struct shard *s;
	uint32_t ordinal;
	size_t bytes;
	bool found;
	int rc;

	if (a->ex->env.snapshot->shards[shard].n_rows == 0)
		return 0;
	if ((rc = source_shard(a->ex, shard, &s, a->e)) < 0 ||
	    (rc = shard_bloom(s, &bloom, &bytes, a->e)) < 0)
		return rc;
	if (!bloom_may_have(bloom, bytes, a->hash))
		return 0;
	if ((rc = traceids_get(s, &t, a->e)) < 0)
		return rc;
	found = traceids_find(t, a->id, &ordinal);
	traceids_put(t);
	return found ? take_trace(a, shard, s, ordinal) : 0;
}

/* ---- putting together ---- */

static int
service_cmp(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

static int
parent_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int
member_name(struct assembly *a, const struct member *m, const struct dict **d, struct sv *out)
{
	const struct column *col;
	struct shard *s;
	int rc;

	*d = NULL;
	*out = SV_EMPTY;
	if ((rc = source_shard(a->ex, m->shard, &s, a->e)) < 0)
		return rc;
	if ((col = shard_column(s, COL_NAME)) == NULL)
		return 0;
	/* Names that are stored in place: the code is no code. */
	if (col->kind == COLUMN_BYTES)
		return 0;
	if ((rc = dict_get(s, col, d, a->e)) < 0)
		return rc;
	*out = dict_at(*d, m->name);
	return 0;
}

static int
member_id(struct assembly *a, struct member *m)
{
	const struct column *col;
	const struct chunk *c = NULL;
	struct shard *s;
	uint32_t rows;
	int rc;

	if (m->has_id)
		return 0;
	if ((rc = source_shard(a->ex, m->shard, &s, a->e)) < 0)
		return rc;
	rows = shard_info(s)->row_group_rows;
	if ((col = shard_column(s, COL_SPAN_ID)) != NULL &&
	    (rc = chunk_get(s, col, m->row / rows, &c, a->e)) < 0)
		return rc;
	m->id = value_of(c, m->row % rows);
	m->has_id = true;
	chunk_put(c);
	return 0;
}

/* Is x to be taken before y: earlier, then lower id, then by name and service? */
static int
before(struct assembly *a, struct member *x, struct member *y, bool *yes)
{
	const struct dict *dx, *dy;
	struct sv nx, ny;
	int rc, c;

	*yes = x->start < y->start;
	if (x->start != y->start)
		return 0;
	if ((rc = member_id(a, x)) < 0 || (rc = member_id(a, y)) < 0)
		return rc;
	*yes = x->id < y->id;
	if (x->id != y->id)
		return 0;
	if ((rc = member_name(a, x, &dx, &nx)) < 0)
		return rc;
	if ((rc = member_name(a, y, &dy, &ny)) == 0) {
		if ((c = sv_cmp(nx, ny)) == 0)
			c = sv_cmp(x->service, y->service);
		*yes = c < 0;
		dict_put(dy);
	}
	dict_put(dx);
	return rc;
}

/* The root, else the earliest. */
static int
find_root(struct assembly *a, const struct member **out)
{
	struct member *best = NULL;

	for (size_t i = 0; i < a->rows.n; i++) {
		struct member *m = &a->rows.v[i];
		bool yes;
		int rc;

		if (best == NULL || (best->parent != 0 && m->parent == 0)) {
			best = m;
			continue;
		}
		if ((best->parent == 0) != (m->parent == 0))
			continue;
		if ((rc = before(a, m, best, &yes)) < 0)
			return rc;
		if (yes)
			best = m;
	}
	*out = best;
	return 0;
}

static struct sv
put_text(char **at, struct sv s)
{
	struct sv copy = { *at, s.n };

	if (s.n != 0)
		memcpy(*at, s.p, s.n);
	*at += s.n;
	return copy;
}

/* One block of memory: the entry, services, parents, nodes, texts. */
static struct trace_entry *
entry_new(struct assembly *a, const struct member *root, struct sv name, size_t *bytes)
{
	struct sv service = root == NULL ? SV_EMPTY : root->service, *v = a->services.v;
	size_t n = a->services.n, n_services = 0, text = service.n + name.n;
	size_t n_parents = a->partial ? 0 : a->rows.n;
	size_t n_nodes = a->partial || !a->ex->local->needs_tree ? 0 : a->rows.n;
	struct trace_entry *t;
	char *at;

	if (n != 0)
		qsort(v, n, sizeof *v, service_cmp);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !sv_eq(v[i], v[i - 1])) {
			v[n_services] = v[i];
			text += v[n_services++].n;
		}
	*bytes = sizeof *t + n_services * sizeof(struct sv) + n_parents * sizeof(uint64_t) +
	    n_nodes * (sizeof *t->nodes + sizeof *t->by_id) + text;
	if ((t = calloc(1, *bytes)) == NULL)
		return NULL;
	t->facts.trace_id = a->id;
	t->facts.services = (struct sv *)(t + 1);
	t->parents = (uint64_t *)(t->facts.services + n_services);
	t->nodes = (struct trace_node *)(t->parents + n_parents);
	t->n_nodes = (uint32_t)n_nodes;
	t->by_id = (uint32_t *)(t->nodes + n_nodes);
	at = (char *)(t->by_id + n_nodes);
	t->facts.root_service = put_text(&at, service);
	t->facts.root_name = put_text(&at, name);
	for (size_t i = 0; i < n_services; i++)
		t->facts.services[t->facts.n_services++] = put_text(&at, v[i]);
	return t;
}

static int
make_tree(struct assembly *a, struct trace_entry *t)
{
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		const struct member *m = &a->rows.v[i];

		t->nodes[i] = (struct trace_node){ .id = m->id, .parent = m->parent,
			.start = m->start, .over = m->over, .shard = m->shard, .row = m->row };
	}
	return trace_tree_make(t->nodes, t->by_id, t->n_nodes, a->e);
}

static int
put_together(struct assembly *a, struct trace_entry **out, size_t *bytes)
{
	const struct member *root = NULL;
	const struct dict *d = NULL;
	struct sv name = SV_EMPTY;
	struct trace_entry *t;
	int rc;

	if ((rc = find_root(a, &root)) < 0 ||
	    (root != NULL && (rc = member_name(a, root, &d, &name)) < 0))
		return rc;
	t = entry_new(a, root, name, bytes);
	dict_put(d);
	if (t == NULL)
		return err_nomem(a->e);
	t->facts.first_ns = a->first_ns;
	t->facts.last_ns = a->last_ns;
	t->facts.n_spans = a->n_spans;
	t->facts.n_errors = a->n_errors;
	if (root != NULL) {
		t->facts.has_root = root->parent == 0;
		t->facts.start_ns = t->facts.has_root ? root->start : t->facts.first_ns;
	}
	for (size_t i = 0; i < a->rows.n && !a->partial; i++)
		if (a->rows.v[i].parent != 0)
			t->parents[t->n_parents++] = a->rows.v[i].parent;
	qsort(t->parents, t->n_parents, sizeof *t->parents, parent_cmp);
	if ((rc = make_tree(a, t)) < 0) {
		free(t);
		return rc;
	}
	*out = t;
	return 0;
}

static int
assemble(struct exec *ex, struct trace_id id, uint32_t shard, struct trace_entry **out,
    size_t *bytes, struct err *e)
{
	struct assembly a = { .ex = ex, .id = id, .hash = trace_id_hash(id), .rows = VEC_INIT,
		.services = VEC_INIT, .first_ns = UINT64_MAX, .e = e };
	uint32_t *all = NULL, *v = &shard;
	size_t n = 1;
	int rc = 0;

	if (shard == ANY_PART &&
	    (rc = snapshot_trace_shards(ex->env.snapshot, a.hash, &all, &n, e)) == 0)
		v = all;
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = look_in(&a, v[i]);
	free(all);
	if (rc == 0)
		rc = put_together(&a, out, bytes);
	vec_release(&a.rows);
	vec_release(&a.services);
	return rc;
}

int
local_trace(struct exec *ex, struct trace_id id, uint32_t shard, struct trace_pin *pin,
    struct err *e)
{
	struct trace_entry *t = NULL;
	struct sv key = { (const char *)&id, sizeof id };
	size_t bytes = 0;
	int rc;

	if ((pin->t = lru_get(ex->local->traces, key, &pin->pin)) != NULL)
		return 0;
	if ((rc = assemble(ex, id, shard, &t, &bytes, e)) < 0)
		return rc;
	if ((pin->t = lru_put(ex->local->traces, key, t, bytes + 128, &pin->pin)) == NULL)
		return err_nomem(e);
	/* Another thread's may have been quicker: then ours is gone and doesn't count. */
	if (pin->t == t)
		atomic_fetch_add(&ex->local->n_traces, 1);
	return 0;
}

void
local_trace_put(struct exec *ex, struct trace_pin *pin)
{
	if (pin->t != NULL)
		lru_unpin(ex->local->traces, pin->pin);
	pin->t = NULL;
}
