/* SPDX-License-Identifier: ISC */
/*
 * op_trace_rows: the rows of traces.*: one for each trace with a matching span. All matches
 * are counted first, by trace id; then each trace's facts give what it is ordered by; then
 * the rows that the page asks for are put together again, mostly from the cache. Held in
 * memory: an id, a count and the keys for each trace.
 */
#include "exec_i.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/map.h"

#define KEY_PART 64		/* traces whose keys one task finds */

struct trace_sum {
	struct trace_id id;
	uint64_t n_matched, start;
	struct skey *keys;
};

struct keying {
	struct exec *ex;
	struct skey *keys;		/* n_sort for each sum */
	struct part {
		struct arena strings;
		struct profile prof;
		struct err err;
		int code;
	} *parts;
	size_t n_parts;
};

/* ---- counting ---- */

static int
count_ids(struct exec *ex, struct scan_out *out, struct err *e)
{
	for (size_t i = 0; i < out->n_ids; i++) {
		struct sv key = { (const char *)&out->ids[i], sizeof out->ids[i] };
		uint64_t *n;
		bool fresh;
		int rc;

		if ((n = map_put(ex->sum_map, key, &fresh)) == NULL)
			return err_nomem(e);
		/* A slot, a key, and later a sum. */
		if (fresh && (rc = mem_take(ex, sizeof(struct map_slot) * 2 + 16 +
		    sizeof(struct trace_sum) + ex->plan->n_sort * sizeof(struct skey), e)) < 0)
			return rc;
		++*n;
	}
	return 0;
}

static int
list_sums(struct exec *ex, struct err *e)
{
	const struct map_slot *s;
	size_t n = 0;

	ex->sums = calloc(ex->sum_map->n + 1, sizeof *ex->sums);
	if (ex->sums == NULL)
		return err_nomem(e);
	for (size_t i = 0; (s = map_next(ex->sum_map, &i)) != NULL; n++) {
		memcpy(&ex->sums[n].id, s->key, sizeof ex->sums[n].id);
		ex->sums[n].n_matched = s->val;
	}
	ex->n_sums = n;
	map_release(ex->sum_map);
	return 0;
}

/* ---- ordering ---- */

static int
key_one(struct keying *k, struct part *p, size_t i)
{
	struct exec *ex = k->ex;
	struct trace_sum *s = &ex->sums[i];
	struct trace_pin pin;
	bool ok = true;
	int rc;

	if ((rc = trace_get(ex, s->id, &pin, &p->err)) < 0)
		return rc;
	s->start = pin.t->facts.start_ns;
	s->keys = k->keys + i * ex->plan->n_sort;
	for (size_t j = 0; j < ex->plan->n_sort && ok; j++) {
		skey_of_facts(&ex->plan->sort[j].field, &pin.t->facts, &s->keys[j]);
		ok = skey_keep(&s->keys[j], &p->strings);
	}
	trace_put(ex, &pin);
	return ok ? 0 : err_nomem(&p->err);
}

static void
key_part(void *arg, size_t i)
{
	struct keying *k = arg;
	struct part *p = &k->parts[i];
	struct read_counters before = read_counters;
	size_t to = (i + 1) * KEY_PART < k->ex->n_sums ? (i + 1) * KEY_PART : k->ex->n_sums;

	p->code = exec_check(k->ex, &p->err);
	for (size_t j = i * KEY_PART; j < to && p->code == 0; j++)
		p->code = key_one(k, p, j);
	profile_reads(&p->prof, &before);
}

static int
sum_cmp(const void *pa, const void *pb, void *arg)
{
	const struct plan *plan = arg;
	const struct trace_sum *a = pa, *b = pb;
	int c = skeys_cmp(plan->sort, plan->n_sort, a->keys, b->keys);

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

static int
order_sums(struct exec *ex, struct err *e)
{
	struct keying k = { .ex = ex };
	size_t n = ex->n_sums;
	int rc = 0;

	k.n_parts = (n + KEY_PART - 1) / KEY_PART;
	k.keys = calloc(n * ex->plan->n_sort + 1, sizeof *k.keys);
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
		qsort_r(ex->sums, n, sizeof *ex->sums, sum_cmp, (void *)(uintptr_t)ex->plan);
	keying_release(&k);
	return rc;
}

int
trace_rows_collect(struct exec *ex, struct err *e)
{
	struct slice all = { ex->plan->range.from, ex->next_last };
	uint64_t t0;
	int rc;

	if ((ex->sum_map = calloc(1, sizeof *ex->sum_map)) == NULL)
		return err_nomem(e);
	map_init(ex->sum_map);
	if ((rc = scan_slice(ex, all, FOR_TRACES, false, count_ids, e)) < 0 ||
	    (rc = list_sums(ex, e)) < 0)
		return rc;
	t0 = clock_mono_ns();
	rc = order_sums(ex, e);
	ex->prof.sort_ns += clock_mono_ns() - t0;
	return rc;
}

/* ---- handing out ---- */

static int
take_row(struct exec *ex, const struct trace_sum *s, struct trace_row *row, struct err *e)
{
	struct trace_pin pin;
	int rc;

	if ((rc = trace_get(ex, s->id, &pin, e)) < 0)
		return rc;
	if (!vec_push(&ex->pins, pin)) {
		trace_put(ex, &pin);
		return err_nomem(e);
	}
	row->facts = pin.t->facts;
	row->n_matched = s->n_matched;
	return 0;
}

int
trace_rows_next(struct exec *ex, struct batch *b, struct err *e)
{
	struct read_counters before = read_counters;
	uint64_t t0 = clock_mono_ns();
	struct trace_row *rows;
	size_t n;
	int rc = 0;

	if (ex->skip != 0) {
		n = ex->n_sums - ex->at;
		n = ex->skip < n ? (size_t)ex->skip : n;
		ex->at += n;
		ex->skip = 0;
	}
	n = ex->n_sums - ex->at;
	n = n < ex->batch_rows ? n : ex->batch_rows;
	n = n < ex->left ? n : (size_t)ex->left;
	if (n == 0)
		return 1;
	if ((rows = arena_array(&ex->batch, n, struct trace_row)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_row(ex, &ex->sums[ex->at + i], &rows[i], e);
	profile_reads(&ex->prof, &before);
	ex->prof.fetch_ns += clock_mono_ns() - t0;
	ex->at += n;
	ex->left -= n;
	*b = (struct batch){ .kind = ROW_TRACE, .n = n, .traces = rows };
	return rc;
}

void
trace_rows_close(struct exec *ex)
{
	if (ex->sum_map != NULL)
		map_release(ex->sum_map);
	free(ex->sum_map);
	free(ex->sums);
}
