/* SPDX-License-Identifier: ISC */
/*
 * trace_order: traces in the order of the plan's keys, which are found by all threads: from summaries
 * where a trace is in one shard alone, else from its facts.
 */
#include "exec_i.h"

#include <stdlib.h>

#define KEY_PART 64		/* traces whose keys one task finds */

struct keying {
	struct exec *ex;
	struct trace_sum *sums;
	size_t n;
	struct skey *keys;		/* n_sort for each sum */
	bool by_name;
	struct part {
		struct arena strings;
		struct profile prof;
		struct err err;
		int code;
	} *parts;
	size_t n_parts;
};

static bool
sorts_by_name(const struct plan *p)
{
	for (size_t i = 0; i < p->order.n_keys; i++)
		if (p->order.keys[i].field.scope == FIELD_INTRINSIC &&
		    p->order.keys[i].field.intrinsic == IN_ROOT_NAME)
			return true;
	return false;
}

/* By the shard's summary, if the trace is in it alone. */
static int
facts_of(struct keying *k, const struct trace_sum *s, struct trace_view *v, struct err *e)
{
	struct shard_traces t;
	struct shard *shard;
	int rc;

	*v = (struct trace_view){ .names = NULL };
	if (s->shard == ANY_PART) {
		if ((rc = trace_get(k->ex, s->id, &v->pin, e)) == 0)
			v->facts = v->pin.t->facts;
		return rc;
	}
	if ((rc = source_shard(k->ex, s->shard, &shard, e)) < 0)
		return rc;
	if ((rc = shard_traces_get(shard, &t, e)) == 0)
		rc = trace_view_get(k->ex, s->shard, &t, s->ordinal, k->by_name, v, e);
	shard_traces_put(&t);
	return rc;
}

static int
key_one(struct keying *k, struct part *p, size_t i)
{
	struct exec *ex = k->ex;
	struct trace_sum *s = &k->sums[i];
	struct trace_view v;
	bool ok = true;
	int rc;

	if ((rc = facts_of(k, s, &v, &p->err)) == 0) {
		s->start = v.facts.start_ns;
		s->keys = k->keys + i * ex->plan->order.n_keys;
		for (size_t j = 0; j < ex->plan->order.n_keys && ok; j++) {
			skey_of_facts(&ex->plan->order.keys[j].field, &v.facts, &s->keys[j]);
			ok = skey_keep(&s->keys[j], &p->strings);
		}
	}
	trace_view_put(ex, &v);
	return ok ? rc : err_nomem(&p->err);
}

static void
key_part(void *arg, size_t i)
{
	struct keying *k = arg;
	struct part *p = &k->parts[i];
	struct reads before = reads_begin(k->ex);
	size_t to = (i + 1) * KEY_PART < k->n ? (i + 1) * KEY_PART : k->n;

	p->code = exec_check(k->ex, &p->err);
	for (size_t j = i * KEY_PART; j < to && p->code == 0; j++)
		p->code = key_one(k, p, j);
	reads_end(&before, &p->prof);
}

static int
sum_cmp(const void *pa, const void *pb, void *arg)
{
	const struct plan *plan = arg;
	const struct trace_sum *a = pa, *b = pb;
	int c;

	c = skeys_cmp(plan->order.keys, plan->order.n_keys, a->keys, b->keys);
	if (c == 0)
		c = (a->start < b->start) - (a->start > b->start);
	return c != 0 ? c : trace_id_cmp(a->id, b->id);
}

static void
keying_release(struct keying *k)
{
	for (size_t i = 0; k->parts != NULL && i < k->n_parts; i++)
		arena_release(&k->parts[i].strings);
	free(k->parts);
	free(k->keys);
}

int
trace_sums_order(struct exec *ex, struct trace_sum *sums, size_t n, struct err *e)
{
	struct keying k = { .ex = ex, .sums = sums, .n = n, .by_name = sorts_by_name(ex->plan) };
	int rc = 0;

	k.n_parts = (n + KEY_PART - 1) / KEY_PART;
	k.keys = calloc(n * ex->plan->order.n_keys + 1, sizeof *k.keys);
	k.parts = calloc(k.n_parts + 1, sizeof *k.parts);
	if (k.keys == NULL || k.parts == NULL) {
		rc = err_nomem(e);
		k.n_parts = 0;
	}
	for (size_t i = 0; i < k.n_parts; i++) {
		arena_init(&k.parts[i].strings);
		k.parts[i].err = (struct err)ERR_INIT;
	}
	pool_each(ex->env.pool, ex->threads, k.n_parts, key_part, &k);
	for (size_t i = 0; i < k.n_parts; i++) {
		profile_add(&ex->prof, &k.parts[i].prof);
		if (rc == 0 && (rc = k.parts[i].code) < 0 && e != NULL)
			*e = k.parts[i].err;
	}
	if (rc == 0)
		rc = exec_sort(ex, sums, n, sizeof *sums, sum_cmp,
		    (void *)(uintptr_t)ex->plan, e);
	keying_release(&k);
	return rc;
}
