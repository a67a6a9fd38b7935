/* SPDX-License-Identifier: ISC */
/*
 * filter_table: conditions that are asked once for each entry of a table: of the services,
 * resources, scopes and traces of a shard.
 */
#include "filter_i.h"

struct table_arg {
	const struct fnode *node;
	const struct resource *resources;
	const struct scope *scopes;
	const struct shard_info *info;
	struct shard_traces traces;	/* rows only for facts */
	const struct xshard *xs;
};

int
leaf_part_holds(const struct fnode *n, const struct field_row *r, struct err *e)
{
	struct field_value v;

	return field_value_first(&n->pred->field, r, &v) ? matcher_field(n->m, &v, e) : 0;
}

static int
match_resource(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;
	const struct span part = { .resource = &a->resources[code] };

	return leaf_part_holds(a->node, &(struct field_row){ .span = &part }, e);
}

static int
match_scope(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;
	const struct span part = { .scope = &a->scopes[code] };

	return leaf_part_holds(a->node, &(struct field_row){ .span = &part }, e);
}

static int
match_service(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;

	return matcher_string(a->node->m, a->info->services[code].service, e);
}

static int
match_trace_id(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;

	return matcher_trace_id(a->node->m, traceids_at(a->traces.ids, code), e);
}

static int
match_trace(void *arg, uint32_t code, struct err *e)
{
	const struct table_arg *a = arg;
	const struct filter *f = a->xs->filter;

	return f->host->trace_holds(f->ex, a->xs->plan->shard, &a->traces, code, a->node, e);
}

int
table_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	struct table_arg a = { .node = n };
	size_t count;
	int rc;

	if (n->cls == LEAF_RESOURCE) {
		if ((rc = shard_resources(sc->xs->s, &a.resources, &count, sc->e)) < 0)
			return rc;
		return owners_eval(sc, COL_RESOURCE, &st->owners, match_resource, &a, in, out);
	}
	if ((rc = shard_scopes(sc->xs->s, &a.scopes, &count, sc->e)) < 0)
		return rc;
	return owners_eval(sc, COL_SCOPE, &st->owners, match_scope, &a, in, out);
}

/* Rows are in order of their services. */
int
service_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	const struct shard_info *info = sc->xs->info;
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	struct table_arg a = { .node = n, .info = info };

	for (size_t i = service_of_row(info, sc->row_from); i < info->n_services; i++) {
		const struct shard_service *s = &info->services[i];
		uint32_t from = s->row_from > sc->row_from ? s->row_from - sc->row_from : 0;
		uint32_t to = s->row_to - sc->row_from;
		int rc;

		if (s->row_from >= sc->row_from + sc->n_rows)
			break;
		if (from >= (to = to > sc->n_rows ? sc->n_rows : to))
			continue;
		if ((rc = codes_one(&st->owners, (uint32_t)i, match_service, &a, sc->e)) < 0)
			return rc == ERR_TIMEOUT ? scan_blame(sc, from, rc) : rc;
		if (rc > 0)
			bitmap_set_range(out, from, to);
	}
	bitmap_and(out, in, sc->n_rows);
	return 0;
}

int
trace_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	struct table_arg a = { .node = n, .xs = sc->xs };
	struct col_test t = { .ranges = &st->ordinals };
	const struct chunk *c = NULL;
	uint32_t bad;
	int rc;

	if (st->ordinals.v != NULL) {
		if (st->ordinals.n == 0)
			return 0;
		if ((rc = scan_chunk(sc, n->col, &c)) < 0 || c == NULL)
			return rc;
		rc = chunk_test(sc, c, &t, in, out, &bad);
		chunk_put(c);
		return rc;
	}
	rc = n->cls == LEAF_TRACE ? shard_traces_get(sc->xs->s, &a.traces, sc->e) :
	    traceids_get(sc->xs->s, &a.traces.ids, sc->e);
	if (rc == 0)
		rc = owners_eval(sc, COL_TRACE, &st->owners,
		    n->cls == LEAF_TRACE ? match_trace : match_trace_id, &a, in, out);
	shard_traces_put(&a.traces);
	return rc;
}
