/* SPDX-License-Identifier: ISC */
/* counters: a query that has ended, and a decision that was made, added to the sums. */
#include "watch/counters.h"

#include <string.h>

const double counters_bounds_s[N_DURATION_BOUNDS] = {
	0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10,
};

void
counters_init(struct counters *c, const char *(*rule_name)(size_t))
{
	memset(c, 0, sizeof *c);
	c->rule_name = rule_name;
}

static void
count_work(struct counters *c, const struct run_info *info)
{
	const struct profile *p = &info->profile;

	atomic_fetch_add(&c->rows, info->n_rows);
	atomic_fetch_add(&c->bytes, info->n_bytes);
	atomic_fetch_add(&c->rows_scanned, p->rows_scanned);
	atomic_fetch_add(&c->rows_matched, p->rows_matched);
	atomic_fetch_add(&c->rows_fetched, p->rows_fetched);
	atomic_fetch_add(&c->shards_opened, p->shards_opened);
	atomic_fetch_add(&c->groups_visited, p->row_groups_visited);
	atomic_fetch_add(&c->groups_pruned, p->row_groups_pruned);
	atomic_fetch_add(&c->blocks_pruned, p->blocks_pruned);
	atomic_fetch_add(&c->chunks_read, p->chunks_read);
	atomic_fetch_add(&c->chunks_cached, p->chunks_cached);
	atomic_fetch_add(&c->read_bytes, p->read_bytes);
	atomic_fetch_add(&c->decoded_bytes, p->decoded_bytes);
	atomic_fetch_add(&c->plan_ns, p->plan_ns);
}

/* COUNTERS_MAX_RULES if none has that name: what a mark or a bounded snapshot leaves out. */
static size_t
rule_index(const struct counters *c, const char *name)
{
	for (size_t i = 0; i < COUNTERS_MAX_RULES && c->rule_name(i) != NULL; i++)
		if (strcmp(c->rule_name(i), name) == 0)
			return i;
	return COUNTERS_MAX_RULES;
}

/* Shards that the plan leaves out, by rule. */
static void
count_pruning(struct counters *c, const struct plan *p, const struct stats *st)
{
	unsigned long long n[COUNTERS_MAX_RULES + 1] = { 0 }, kept = 0;
	const char *last = NULL;
	size_t at = 0;

	for (size_t i = 0; i < p->scan.n_shards; i++) {
		const struct plan_shard *s = &p->scan.shards[i];

		if (s->access != ACCESS_PRUNED || s->pruned_by == NULL) {
			kept++;
			continue;
		}
		if (s->pruned_by != last)
			at = rule_index(c, last = s->pruned_by);
		n[at]++;
	}
	for (size_t i = 0; i < st->n_left; i++) {
		const struct stats_left *l = &st->left[i];

		if (l->summed)
			kept += l->n_shards;
		else
			n[rule_index(c, p->filter.never ? p->filter.never_by : l->rule)] +=
			    l->n_shards;
	}
	for (size_t i = 0; i < COUNTERS_MAX_RULES; i++)
		if (n[i] != 0)
			atomic_fetch_add(&c->shards_pruned[i], n[i]);
	atomic_fetch_add(&c->shards_kept, kept);
}

static void
count_failure(struct counters *c, int code)
{
	if (code == ERR_CANCELLED)
		atomic_fetch_add(&c->cancelled, 1);
	else
		atomic_fetch_add(&c->failed, 1);
	if (-code < N_ERR_KINDS)
		atomic_fetch_add(&c->failures[-code], 1);
}

void
counters_query(struct counters *c, const struct outcome *o)
{
	size_t i = 0;

	atomic_fetch_add(&c->queries, 1);
	if (o->code < 0)
		count_failure(c, o->code);
	count_work(c, o->info);
	if (o->plan != NULL && o->has_rows)
		count_pruning(c, o->plan, o->stats);
	atomic_fetch_add(&c->query_ns, o->duration_ns);
	while (i < N_DURATION_BOUNDS &&
	    (double)o->duration_ns > counters_bounds_s[i] * 1e9)
		i++;
	atomic_fetch_add(&c->buckets[i], 1);
}

void
counters_decision(struct counters *c, bool hit, uint64_t ns, double est_cost)
{
	atomic_fetch_add(hit ? &c->decisions_hit : &c->decisions_made, 1);
	if (hit)
		return;
	atomic_fetch_add(&c->decision_ns, ns);
	atomic_fetch_add(&c->decision_cost,
	    est_cost < 1e15 ? (unsigned long long)(est_cost * 1000) : 0);
}

void
counters_plan_kept(struct counters *c)
{
	atomic_fetch_add(&c->plans_kept, 1);
}
