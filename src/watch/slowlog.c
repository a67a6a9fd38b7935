/* SPDX-License-Identifier: ISC */
/*
 * slowlog: the last queries that took [log] slow_query or longer, for .spanfs/slow: newest
 * first, each with its times, the path, and its plan in a few words. The words are made when
 * the query ends, as its plan goes with it.
 */
#include "watch/slowlog.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/visible.h"
#include "model/when.h"

void
slowlog_init(struct slowlog *l)
{
	*l = (struct slowlog){ 0 };
	pthread_mutex_init(&l->lock, NULL);
}

void
slowlog_release(struct slowlog *l)
{
	for (size_t i = 0; i < l->n; i++)
		buf_release(&l->v[i].text);
	free(l->v);
	pthread_mutex_destroy(&l->lock);
}

static double
ms(uint64_t ns)
{
	return (double)ns / 1e6;
}

static void
put_times(struct buf *b, const struct outcome *o)
{
	const struct profile *p = &o->info->profile;

	buf_printf(b, "plan %.1f ms, scan %.1f ms, sort %.1f ms, fetch %.1f ms; "
	    "%llu rows, %llu bytes, cache %s\n", ms(o->plan_ns), ms(p->scan_ns),
	    ms(p->sort_ns), ms(p->fetch_ns), (unsigned long long)o->info->n_rows,
	    (unsigned long long)o->info->n_bytes, outcome_cache(o->info));
}

static void
put_plan(struct buf *b, const struct outcome *o)
{
	const struct profile *p = &o->info->profile;
	const struct plan *pl = o->plan;

	if (pl == NULL)
		return;
	buf_printf(b, "  %llu of %zu shards, %llu rows scanned (%llu matched); "
	    "estimated %.0f rows, cost %.2f; rules:",
	    (unsigned long long)p->shards_opened, pl->scan.n_shards + pl->scan.n_left,
	    (unsigned long long)p->rows_scanned, (unsigned long long)p->rows_matched,
	    pl->est_rows, pl->est_cost);
	for (size_t i = 0; i < pl->n_fired; i++)
		buf_printf(b, "%s%s", i == 0 ? " " : ", ", pl->fired[i]);
	buf_str(b, pl->n_fired == 0 ? " none\n" : "\n");
}

void
slowlog_add(struct slowlog *l, const struct outcome *o)
{
	struct slow_entry x = {
		.wall_ns = clock_wall_ns(), .who = o->who, .duration_ns = o->duration_ns,
		.code = o->code,
	};

	put_times(&x.text, o);
	visible_caret(&x.text, o->path, -1);
	put_plan(&x.text, o);
	pthread_mutex_lock(&l->lock);
	if (l->v == NULL)
		l->v = calloc(LIMIT_SLOW_KEPT, sizeof *l->v);
	if (l->v == NULL || x.text.oom)
		buf_release(&x.text);
	else {
		buf_release(&l->v[l->next].text);
		l->v[l->next] = x;
		l->next = (l->next + 1) % LIMIT_SLOW_KEPT;
		if (l->n < LIMIT_SLOW_KEPT)
			l->n++;
	}
	pthread_mutex_unlock(&l->lock);
}

void
slowlog_print(struct slowlog *l, struct requester asks, struct buf *out)
{
	pthread_mutex_lock(&l->lock);
	for (size_t k = 0; k < l->n; k++) {
		const struct slow_entry *x =
		    &l->v[(l->next + LIMIT_SLOW_KEPT - 1 - k) % LIMIT_SLOW_KEPT];

		if (!may_see(asks, x->who))
			continue;
		when_print(out, x->wall_ns);
		buf_printf(out, " uid %u pid %u: %.1f ms, %s: ", x->who.uid, x->who.pid,
		    ms(x->duration_ns), x->code < 0 ? err_name(x->code) : "ok");
		buf_sv(out, buf_view(&x->text));
	}
	pthread_mutex_unlock(&l->lock);
}
