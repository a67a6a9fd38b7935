/* SPDX-License-Identifier: ISC */
/* cachelist: see watch/cachelist.h. */
#include "watch/cachelist.h"

#include <stdlib.h>

#include "base/visible.h"

double
cache_level_ratio(const struct cache_level *l)
{
	uint64_t asked = l->hits + l->misses;

	return asked == 0 ? 0 : (double)l->hits / (double)asked;
}

void
cache_level_print(struct buf *b, const struct cache_level *l)
{
	buf_printf(b, "# %s: %llu %s, %llu bytes of at most %llu; %llu hits, %llu misses, %.1f %%\n",
	    l->name, (unsigned long long)l->n, l->what, (unsigned long long)l->bytes,
	    (unsigned long long)l->max_bytes, (unsigned long long)l->hits,
	    (unsigned long long)l->misses, 100 * cache_level_ratio(l));
}

void
cachelist_add(struct cachelist *l, const struct cache_line *x, struct sv path)
{
	struct cache_line line = *x;

	line.path = l->paths.n;
	line.path_n = path.n;
	buf_sv(&l->paths, path);
	l->oom |= l->paths.oom || !vec_push(&l->v, line);
}

static double
value_of(const struct cache_line *x)
{
	return (double)x->cost_ns * (x->asked + 1.0) / ((double)x->bytes + 1);
}

/* Of equals what was there first. */
static int
by_value(const void *a, const void *b)
{
	const struct cache_line *x = a, *y = b;
	double v = value_of(x), w = value_of(y);

	if (v > w || v < w)
		return v > w ? -1 : 1;
	return (x->path > y->path) - (x->path < y->path);
}

static void
print_line(const struct cachelist *l, const struct cache_line *x, struct buf *b)
{
	buf_printf(b, "%s\t%llu\t%llu\t%.1f\t%.1f\t%.0f\t", x->level, (unsigned long long)x->hits,
	    (unsigned long long)x->bytes, (double)x->cost_ns / 1e6,
	    (double)x->hits * (double)x->cost_ns / 1e6, (double)x->age_ns / 1e9);
	if (x->version.hi == 0 && x->version.lo == 0)
		buf_putc(b, '-');
	else
		buf_hex64(b, x->version.hi);
	buf_putc(b, '\t');
	visible_text(b, sv_sub(buf_view(&l->paths), x->path, x->path + x->path_n), 0);
	buf_putc(b, '\n');
}

void
cachelist_print(struct cachelist *l, struct buf *b)
{
	if (l->v.n != 0)
		qsort(l->v.v, l->v.n, sizeof *l->v.v, by_value);
	BUF_LIT(b, "level\thits\tbytes\tcost_ms\tsaved_ms\tage_s\tversion\tpath\n");
	for (size_t i = 0; i < l->v.n; i++)
		print_line(l, &l->v.v[i], b);
	b->oom |= l->oom;
}

void
cachelist_release(struct cachelist *l)
{
	vec_release(&l->v);
	buf_release(&l->paths);
}
