/* SPDX-License-Identifier: ISC */
/* exec_rig: see exec_rig.h. */
#include "lib/exec_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
must(int code, const struct err *e)
{
	if (code < 0)
		fail_msg("%s", e->msg);
}

static void
load_spans(struct exec_rig *r)
{
	static const struct projection all = { .all = true };
	struct err e = ERR_INIT;

	must(fetch_new(&r->fetch, &e), &e);
	r->spans = calloc(r->snap->n_rows + 1, sizeof *r->spans);
	assert_non_null(r->spans);
	for (size_t i = 0; i < r->snap->n_shards; i++) {
		uint32_t n = (uint32_t)r->snap->shards[i].n_rows;
		uint32_t *rows = calloc(n, sizeof *rows);
		struct shard *s;

		assert_non_null(rows);
		for (uint32_t k = 0; k < n; k++)
			rows[k] = k;
		must(snapshot_shard(r->snap, i, &s, &e), &e);
		must(fetch_rows(r->fetch, s, rows, n, &all, r->spans + r->n_spans, &e), &e);
		r->n_spans += n;
		free(rows);
	}
}

void
exec_rig_open(struct exec_rig *r, const struct store_rig *store)
{
	struct catalog_options co = { .create = false, .cache_bytes = 8 << 20 };
	struct err e = ERR_INIT;

	*r = (struct exec_rig){ .store = *store };
	must(catalog_open(r->store.dir, &co, &r->cat, &e), &e);
	must(catalog_snapshot(r->cat, &r->snap, &e), &e);
	must(pool_new(3, 0, &r->pool, &e), &e);
	load_spans(r);
}

void
exec_rig_close(struct exec_rig *r)
{
	free(r->spans);
	fetch_free(r->fetch);
	pool_free(r->pool);
	snapshot_unref(r->snap);
	catalog_close(r->cat);
	store_rig_release(&r->store);
}

/* ---- rows ---- */

static uint64_t
mix(uint64_t h, const void *p, size_t n)
{
	return hash_u64(h ^ hash64(p, n)) + n;
}

uint64_t
facts_digest(uint64_t h, const struct trace_facts *t)
{
	uint64_t v[] = { t->trace_id.hi, t->trace_id.lo, t->start_ns, t->first_ns, t->last_ns,
		t->n_spans, t->n_errors, t->has_root, t->n_services };

	h = mix(h, v, sizeof v);
	h = mix(h, t->root_service.p, t->root_service.n);
	h = mix(h, t->root_name.p, t->root_name.n);
	for (uint32_t i = 0; i < t->n_services; i++)
		h = mix(h, t->services[i].p, t->services[i].n);
	return h;
}

static uint64_t
span_digest(uint64_t d, const struct span *s, uint64_t *id)
{
	struct hash128 h = span_hash(s);

	*id = s->span_id;
	return mix(d, &h, sizeof h);
}

static uint64_t
row_digest(const struct batch *b, size_t i, uint64_t *id)
{
	const struct event_row *ev;
	const struct link_row *l;
	uint64_t d = 1;

	switch (b->kind) {
	case ROW_SPAN:
		if (b->spans[i].trace != NULL)
			d = facts_digest(d, b->spans[i].trace) + b->spans[i].place.child_count;
		return span_digest(d, b->spans[i].span, id);
	case ROW_TRACE:
		*id = b->traces[i].facts.trace_id.lo;
		return facts_digest(b->traces[i].n_matched, &b->traces[i].facts);
	case ROW_EVENT:
	case ROW_SCORE:
		ev = &b->events[i];
		d = mix((uint64_t)(ev->event - ev->span->events), &ev->event->time_ns, 8);
		return span_digest(d, ev->span, id);
	case ROW_LINK:
		l = &b->links[i];
		d = mix((uint64_t)(l->link - l->span->links), &l->link->span_id, 8);
		return span_digest(d, l->span, id);
	case ROW_COUNT:
	case ROW_GROUP:		/* their sinks hand out none */
	case ROW_CONTRAST:
		break;
	}
	*id = b->count;
	return b->count;
}

static void
rows_add(struct exec_rows *r, const struct batch *b, size_t i)
{
	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 256 : r->cap * 2;
		r->v = realloc(r->v, r->cap * sizeof *r->v);
		r->ids = realloc(r->ids, r->cap * sizeof *r->ids);
		assert_true(r->v != NULL && r->ids != NULL);
	}
	r->v[r->n] = row_digest(b, i, &r->ids[r->n]);
	r->n++;
}

void
exec_rows_release(struct exec_rows *r)
{
	free(r->v);
	free(r->ids);
}

int
exec_rig_try(const struct plan *p, const struct exec_env *env, struct exec_rows *r,
    struct err *e)
{
	struct exec *ex;
	struct batch b;
	int rc;

	memset(r, 0, sizeof *r);
	if ((rc = exec_open(p, env, &ex, e)) < 0)
		return rc;
	while ((rc = exec_next(ex, &b, e)) == 0) {
		assert_true(b.n >= 1);
		assert_int_equal(b.kind, p->output);
		if (env->batch_rows != 0)
			assert_true(b.n <= env->batch_rows);
		for (size_t i = 0; i < b.n; i++)
			rows_add(r, &b, i);
	}
	r->prof = *exec_profile(ex);
	exec_close(ex);
	return rc < 0 ? rc : 0;
}

struct exec_rows
exec_rig_run(struct exec_rig *r, const struct plan *p, size_t batch_rows, unsigned threads)
{
	struct exec_env env = { .snapshot = r->snap, .batch_rows = batch_rows,
		.pool = threads > 1 ? r->pool : NULL, .threads = threads,
		.memory = (size_t)1 << 30 };
	struct err e = ERR_INIT;
	struct exec_rows rows;

	must(exec_rig_try(p, &env, &rows, &e), &e);
	assert_true(rows.prof.complete);
	assert_int_equal(rows.prof.rows_returned, rows.n);
	return rows;
}

struct exec_rows
exec_rig_ids(struct exec_rig *r, struct plan *p)
{
	struct exec_rows rows = exec_rig_run(r, p, 0, 1);

	plan_free(p);
	return rows;
}
