/* SPDX-License-Identifier: ISC */
/* trace_entry: what is known of a trace, of its spans: see assembly.h. */
#include "assembly.h"

#include <stdlib.h>

void
assembly_begin(struct assembly *a, struct exec *ex, struct trace_id id, struct err *e)
{
	*a = (struct assembly){ .ex = ex, .id = id, .rows = VEC_INIT, .services = VEC_INIT,
		.first_ns = UINT64_MAX, .e = e };
}

void
assembly_release(struct assembly *a)
{
	vec_release(&a->rows);
	vec_release(&a->services);
}

void
assembly_sum(struct assembly *a, uint64_t first, uint64_t last, uint64_t n, uint64_t n_errors)
{
	if (first < a->first_ns)
		a->first_ns = first;
	if (last > a->last_ns)
		a->last_ns = last;
	a->n_spans += n;
	a->n_errors += n_errors;
}

int
assembly_add(struct assembly *a, const struct span *s, uint32_t part, uint32_t row)
{
	struct member m = { .start = s->start_ns, .id = s->span_id, .parent = s->parent_span_id,
		.shard = part, .row = row, .has_id = true, .service = s->resource->service,
		.span = s };

	m.over = span_over(s->start_ns, s->end_ns - s->start_ns);
	assembly_sum(a, m.start, m.over, 1, s->status == STATUS_ERROR);
	return vec_push(&a->rows, m) && vec_push(&a->services, m.service) ? 0 : err_nomem(a->e);
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
	*out = m->span != NULL ? m->span->name : SV_EMPTY;
	if (m->span != NULL)
		return 0;
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
	m->id = assembly_value(c, m->row % rows);
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
	size_t n_nodes = a->partial || !a->tree ? 0 : a->rows.n;
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

int
assembly_end(struct assembly *a, struct trace_entry **out, size_t *bytes)
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
