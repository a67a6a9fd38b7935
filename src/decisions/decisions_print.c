/* SPDX-License-Identifier: ISC */
/* decisions_print: what is remembered, for people. */
#include "decisiontable_i.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/visible.h"

static int
by_use(const void *a, const void *b)
{
	const struct kept *x = *(struct kept *const *)a, *y = *(struct kept *const *)b;

	if (x->n_used != y->n_used)
		return x->n_used > y->n_used ? -1 : 1;
	return x->id > y->id ? -1 : 1;
}

static void
print_access(struct buf *b, const struct decision *d)
{
	for (size_t i = 0; i < d->n_classes; i++) {
		buf_printf(b, "%s%s", i == 0 ? "" : ",", access_name(d->classes[i].access));
		if (d->classes[i].index_leaves != 0)
			buf_printf(b, "+index:%llx",
			    (unsigned long long)d->classes[i].index_leaves);
	}
	buf_str(b, d->n_classes == 0 ? "by rules" : "");
}

static void
print_leaves(struct buf *b, const struct decision *d)
{
	for (size_t i = 0; i < d->n_leaves; i++) {
		const struct decision_leaf *l = &d->leaves[i];

		buf_str(b, i == 0 ? "" : ",");
		if (l->sel < 0)
			buf_putc(b, '-');
		else
			buf_printf(b, "%.2g(%.2g-%.2g)", (double)l->sel, (double)l->lo,
			    (double)l->hi);
	}
	buf_str(b, d->n_leaves == 0 ? "-" : "");
}

static void
print_entry(struct buf *b, const struct kept *x, uint64_t now)
{
	const struct decision *d = x->decision;

	buf_printf(b, "%llu\t%llu\t%.0f\t%.1f\t%zu\t%llu/%x/%llu\t%.0f\t%.2f\t",
	    (unsigned long long)x->id, (unsigned long long)x->n_used,
	    (double)(now - x->made_mono_ns) / 1e9,
	    (double)x->n_used * (double)x->decide_ns / 1e6, entry_bytes(x),
	    (unsigned long long)d->stats_version, d->index_kinds,
	    (unsigned long long)x->cost_version, (double)d->est_rows, (double)d->est_cost);
	print_access(b, d);
	buf_putc(b, '\t');
	print_leaves(b, d);
	buf_putc(b, '\t');
	visible_text(b, buf_view(&x->of->text), 0);
	buf_putc(b, '\n');
}

static void
print_totals(struct buf *b, const struct decisioncache *c)
{
	const struct decisioncache_stats *s = &c->stats;

	buf_printf(b, "# %zu decisions of %zu templates, %zu bytes; at most %zu, %zu bytes\n",
	    s->n_entries, s->n_templates, s->n_bytes, c->limits.max_entries,
	    c->limits.max_bytes);
	buf_printf(b, "# %llu hits, %llu computed in %.1f us on average (hits: %.1f us), "
	    "%llu evicted, %llu waits\n",
	    (unsigned long long)s->hits, (unsigned long long)s->computed,
	    s->computed == 0 ? 0 : (double)s->computed_ns / (double)s->computed / 1e3,
	    s->hits == 0 ? 0 : (double)s->hit_ns / (double)s->hits / 1e3,
	    (unsigned long long)s->evicted, (unsigned long long)s->waits);
	buf_printf(b, "# too old: %llu by costs, %llu by time; did not hold: "
	    "%llu by shape, %llu by selectivity, %llu by shards\n",
	    (unsigned long long)s->invalid_cost,
	    (unsigned long long)s->invalid_ttl, (unsigned long long)s->missed_shape,
	    (unsigned long long)s->missed_selectivity, (unsigned long long)s->missed_class);
	BUF_LIT(b, "id\thits\tage_s\tsaved_ms\tbytes\tversions\test_rows\test_cost\taccess\t"
	    "selectivities\ttemplate\n");
}

void
decisioncache_print(struct decisioncache *c, struct buf *b)
{
	uint64_t now = clock_mono_ns();
	struct kept **v;

	pthread_mutex_lock(&c->lock);
	print_totals(b, c);
	v = calloc(c->heap.n + 1, sizeof(struct kept *));
	b->oom |= v == NULL;
	if (v != NULL && c->heap.n != 0) {
		memcpy(v, c->heap.v, c->heap.n * sizeof(struct kept *));
		qsort(v, c->heap.n, sizeof(struct kept *), by_use);
		for (size_t i = 0; i < c->heap.n; i++)
			print_entry(b, v[i], now);
	}
	free(v);
	pthread_mutex_unlock(&c->lock);
}
