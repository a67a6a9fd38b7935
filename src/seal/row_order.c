/* SPDX-License-Identifier: ISC */
/*
 * row_order: which row of the shard each span of a part becomes: by service bytes, start,
 * trace id, span id. One radix sort by start, then a stable counting sort by the service's
 * place; only runs of one start are compared further. Spans that share all of these (twins:
 * their content differs) stay in order of arrival, so the order is total.
 *
 * Traces get ordinals in id order, and their rows in rising order. Events and links follow
 * their spans.
 */
#include "seal_i.h"

#include <stdlib.h>

struct tie {
	struct trace_id trace;
	uint64_t span_id;
	uint32_t row;
};

struct maker {
	struct row_order *o;
	const struct memtable *mt;
	const struct mem_part *p;
	struct arena *mem;
	struct sort_pair *pairs, *tmp;
};

static uint32_t
service_of(const struct maker *m, uint32_t row)
{
	return m->mt->owners.service_of[mem_shape(m->p, &m->p->rows[row])->resource];
}

static int
service_cmp(const void *a, const void *b, void *arg)
{
	const struct coldict *d = arg;

	return sv_cmp(coldict_at(d, ((const struct service_range *)a)->service),
	    coldict_at(d, ((const struct service_range *)b)->service));
}

/*
 * The part's services in byte order with their row ranges, and *place: first row of each, by
 * service code. The map over all codes is calloced: only codes in use touch it.
 */
static int
order_services(struct maker *m, uint32_t **place)
{
	const struct coldict *names = &m->mt->owners.services;
	struct row_order *o = m->o;
	uint32_t *count = calloc(names->n, sizeof *count), at = 0;

	if (count == NULL)
		return ERR_NOMEM;
	*place = count;
	for (uint32_t i = 0; i < o->n_rows; i++)
		o->n_services += count[service_of(m, i)]++ == 0;
	o->services = arena_array(m->mem, o->n_services, struct service_range);
	if (o->services == NULL)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < o->n_rows; i++) {
		uint32_t s = service_of(m, i), n = count[s];

		/* The top bit: listed. Rows are at most LIMIT_SHARD_ROWS. */
		if (n >> 31 == 0)
			o->services[at++].service = s;
		count[s] = n | 1u << 31;
	}
	qsort_r(o->services, o->n_services, sizeof *o->services, service_cmp,
	    (void *)(uintptr_t)names);
	at = 0;
	for (uint32_t i = 0; i < o->n_services; i++) {
		struct service_range *r = &o->services[i];

		r->row_from = at;
		at += count[r->service] & ~(1u << 31);
		r->row_to = at;
		count[r->service] = r->row_from;
	}
	return 0;
}

static int
tie_cmp(const void *pa, const void *pb)
{
	const struct tie *a = pa, *b = pb;
	int c = trace_id_cmp(a->trace, b->trace);

	if (c != 0)
		return c;
	if (a->span_id != b->span_id)
		return a->span_id < b->span_id ? -1 : 1;
	return (a->row > b->row) - (a->row < b->row);
}

/* Rows [from, to) of the order have one service and one start. */
static int
order_ties(struct maker *m, uint32_t from, uint32_t to)
{
	struct tie *t = malloc((to - from) * sizeof *t);

	if (t == NULL)
		return ERR_NOMEM;
	for (uint32_t i = from; i < to; i++) {
		const struct mem_row *r = &m->p->rows[m->o->rows[i]];

		t[i - from] = (struct tie){ m->p->ids.traces[r->trace], r->span_id,
		    m->o->rows[i] };
	}
	qsort(t, to - from, sizeof *t, tie_cmp);
	for (uint32_t i = from; i < to; i++)
		m->o->rows[i] = t[i - from].row;
	free(t);
	return 0;
}

static int
order_runs(struct maker *m)
{
	const struct row_order *o = m->o;
	int rc;

	for (uint32_t s = 0; s < o->n_services; s++) {
		uint32_t to = o->services[s].row_to, j;

		for (uint32_t i = o->services[s].row_from; i < to; i = j) {
			uint64_t start = m->p->rows[o->rows[i]].start_ns;

			for (j = i + 1; j < to && m->p->rows[o->rows[j]].start_ns == start; j++)
				continue;
			if (j - i > 1 && (rc = order_ties(m, i, j)) != 0)
				return rc;
		}
	}
	return 0;
}

static int
order_spans(struct maker *m)
{
	struct row_order *o = m->o;
	uint32_t *place = NULL;
	int rc = order_services(m, &place);

	if (rc != 0)
		goto out;
	for (uint32_t i = 0; i < o->n_rows; i++)
		m->pairs[i] = (struct sort_pair){ m->p->rows[i].start_ns, i, 0 };
	sort_pairs(m->pairs, m->tmp, o->n_rows);
	for (uint32_t i = 0; i < o->n_rows; i++)
		o->rows[place[service_of(m, m->pairs[i].val)]++] = m->pairs[i].val;
	if ((rc = order_runs(m)) != 0)
		goto out;
	for (uint32_t i = 0; i < o->n_rows; i++)
		o->domain[DOMAIN_SPAN].rank[o->rows[i]] = i;
out:
	free(place);
	return rc;
}

/* Trace numbers in id order. */
static void
order_traces(struct maker *m)
{
	const struct idset *ids = &m->p->ids;
	struct row_order *o = m->o;
	uint32_t n = ids->n_traces;

	/* Two stable passes: the low half, then the high half. */
	for (uint32_t i = 0; i < n; i++)
		m->pairs[i] = (struct sort_pair){ ids->traces[i].lo, i, 0 };
	sort_pairs(m->pairs, m->tmp, n);
	for (uint32_t i = 0; i < n; i++)
		m->pairs[i].key = ids->traces[m->pairs[i].val].hi;
	sort_pairs(m->pairs, m->tmp, n);
	for (uint32_t i = 0; i < n; i++) {
		o->traces[i] = m->pairs[i].val;
		o->trace_rank[m->pairs[i].val] = i;
	}
}

/* Rows of each trace, and where in them each row stands. */
static void
order_trace_rows(struct maker *m)
{
	struct row_order *o = m->o;
	uint32_t at = 0, n_traces = m->p->ids.n_traces;

	for (uint32_t i = 0; i < o->n_rows; i++)
		o->trace_ends[o->trace_rank[m->p->rows[i].trace]]++;
	for (uint32_t i = 0; i < n_traces; i++) {
		uint32_t n = o->trace_ends[i];

		o->trace_ends[i] = at;
		at += n;
	}
	for (uint32_t i = 0; i < o->n_rows; i++) {
		uint32_t t = o->trace_rank[m->p->rows[o->rows[i]].trace];

		o->nth[i] = o->trace_ends[t];
		o->trace_rows[o->trace_ends[t]++] = i;
	}
	/* nth held the place in trace_rows; the trace's first is its predecessor's end. */
	for (uint32_t i = 0; i < o->n_rows; i++) {
		uint32_t t = o->trace_rank[m->p->rows[o->rows[i]].trace];

		o->nth[i] -= t == 0 ? 0 : o->trace_ends[t - 1];
	}
}

/* Events (links) behind their spans; `count` is how many each span has, by arrival. */
static void
order_children(const struct row_order *o, struct domain_order *d, uint32_t *count)
{
	uint32_t first = 0, at = 0;

	/* count becomes the arrival number of the first; the next one's tells how many. */
	for (uint32_t i = 0; i < o->n_rows; i++) {
		uint32_t n = count[i];

		count[i] = first;
		first += n;
	}
	count[o->n_rows] = first;
	for (uint32_t i = 0; i < o->n_rows; i++) {
		uint32_t old = o->rows[i];

		if (i % o->group_rows == 0)
			d->group_from[i / o->group_rows] = at;
		for (uint32_t j = count[old]; j < count[old + 1]; j++)
			d->rank[j] = at++;
	}
	d->group_from[o->n_groups] = at;
}

static int
order_domain(struct maker *m, enum column_domain domain, uint32_t n)
{
	struct row_order *o = m->o;
	struct domain_order *d = &o->domain[domain];
	const struct memcol *c;
	uint32_t *count;

	d->n = n;
	d->group_from = arena_array(m->mem, o->n_groups + 1, uint32_t);
	if (d->group_from == NULL)
		return ERR_NOMEM;
	if (n == 0)
		return 0;
	d->rank = arena_alloc(m->mem, n * sizeof *d->rank);
	count = calloc((size_t)o->n_rows + 1, sizeof *count);
	if (d->rank == NULL || count == NULL) {
		free(count);
		return ERR_NOMEM;
	}
	c = m->p->fixed[domain == DOMAIN_EVENT ? COL_N_EVENTS : COL_N_LINKS];
	for (uint32_t i = 0; i < c->n; i++)
		count[c->rows[i]] = (uint32_t)c->nums[i];
	order_children(o, d, count);
	free(count);
	return 0;
}

static int
make(struct maker *m)
{
	struct row_order *o = m->o;
	struct domain_order *spans = &o->domain[DOMAIN_SPAN];
	uint32_t n = o->n_rows, n_traces = m->p->ids.n_traces;
	int rc;

	o->rows = arena_alloc(m->mem, n * sizeof *o->rows);
	o->nth = arena_alloc(m->mem, n * sizeof *o->nth);
	o->trace_rows = arena_alloc(m->mem, n * sizeof *o->trace_rows);
	o->traces = arena_alloc(m->mem, n_traces * sizeof *o->traces);
	o->trace_rank = arena_alloc(m->mem, n_traces * sizeof *o->trace_rank);
	o->trace_ends = arena_array(m->mem, n_traces, uint32_t);
	spans->n = n;
	spans->rank = arena_alloc(m->mem, n * sizeof *spans->rank);
	spans->group_from = arena_alloc(m->mem, (o->n_groups + 1) * sizeof(uint32_t));
	if (o->rows == NULL || o->nth == NULL || o->trace_rows == NULL || o->traces == NULL ||
	    o->trace_rank == NULL || o->trace_ends == NULL || spans->rank == NULL ||
	    spans->group_from == NULL)
		return ERR_NOMEM;
	for (uint32_t g = 0; g <= o->n_groups; g++)
		spans->group_from[g] = g * o->group_rows < n ? g * o->group_rows : n;
	if ((rc = order_spans(m)) != 0)
		return rc;
	order_traces(m);
	order_trace_rows(m);
	if ((rc = order_domain(m, DOMAIN_EVENT, m->p->n_events)) != 0)
		return rc;
	return order_domain(m, DOMAIN_LINK, m->p->n_links);
}

int
row_order_make(struct row_order *o, const struct memtable *mt, const struct mem_part *p,
    struct arena *mem)
{
	uint32_t n = p->n_rows;		/* there are no more traces than rows */
	struct maker m = { .o = o, .mt = mt, .p = p, .mem = mem };
	int rc;

	*o = (struct row_order){
		.n_rows = n, .group_rows = mt->opts.row_group_rows,
		.n_groups = (n + mt->opts.row_group_rows - 1) / mt->opts.row_group_rows,
	};
	m.pairs = malloc(n * sizeof *m.pairs);
	m.tmp = malloc(n * sizeof *m.tmp);
	rc = m.pairs == NULL || m.tmp == NULL ? ERR_NOMEM : make(&m);
	free(m.pairs);
	free(m.tmp);
	return rc;
}
