/* SPDX-License-Identifier: ISC */
/*
 * agg_spill: groups that take more than their share of memory go to a file, see spill_i.h. A table
 * gives up all that it has, at a point where nobody holds one of its groups, and begins anew.
 */
#include <stdlib.h>

#include "agg_bytes_i.h"
#include "agg_i.h"

#define EXTENT_BYTES ((size_t)256 << 10)

/* ---- the file ---- */

void
spill_parts_init(struct spill_parts *p)
{
	memset(p, 0, sizeof *p);
	pthread_mutex_init(&p->lock, NULL);
}

void
spill_parts_release(struct spill_parts *p)
{
	for (size_t i = 0; i < SPILL_PARTS; i++)
		vec_release(&p->v[i]);
	pthread_mutex_destroy(&p->lock);
}

int
agg_spill_new(const char *dir, uint64_t max, struct agg_spill **out, struct err *e)
{
	struct agg_spill *s = calloc(1, sizeof *s);

	if (s == NULL)
		return err_nomem(e);
	atomic_init(&s->refs, 1);
	spillfile_init(&s->file, dir, max);
	spill_parts_init(&s->parts);
	*out = s;
	return 0;
}

struct agg_spill *
agg_spill_ref(struct agg_spill *s)
{
	if (s != NULL)
		atomic_fetch_add(&s->refs, 1);
	return s;
}

void
agg_spill_unref(struct agg_spill *s)
{
	if (s == NULL || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	spill_parts_release(&s->parts);
	spillfile_release(&s->file);
	free(s);
}

int
spill_put(struct agg_spill *s, struct buf *b, uint64_t n_items, struct spill_extent *x, struct err *e)
{
	int code;

	*x = (struct spill_extent){ .hash = hash64(b->p, b->n), .n_bytes = b->n, .n_items = n_items };
	if ((code = buf_ok(b, e)) == 0 && b->n != 0)
		code = spillfile_put(&s->file, b->p, b->n, &x->at, e);
	b->n = 0;
	return code;
}

int
spill_get(struct agg_spill *s, const struct spill_extent *x, struct buf *b, struct err *e)
{
	int code;

	b->n = 0;
	if (!buf_reserve(b, (size_t)x->n_bytes))
		return err_nomem(e);
	if ((code = spillfile_get(&s->file, x->at, b->p, (size_t)x->n_bytes, e)) < 0)
		return code;
	b->n = (size_t)x->n_bytes;
	if (hash64(b->p, b->n) != x->hash)
		return spillfile_other(x->at, e);
	return 0;
}

uint64_t
agg_spilled_bytes(const struct agg_table *t)
{
	return t->spill == NULL ? 0 : spillfile_bytes(&t->spill->file);
}

/* ---- out ---- */

static size_t
part_of(const struct group *g, unsigned level)
{
	return (size_t)(g->hash >> (64 - SPILL_BITS * (level + 1))) & (SPILL_PARTS - 1);
}

/* Groups in the order of their parts, in place; end[p]: where those of p end. */
static void
order_by_part(struct agg_table *t, size_t *end)
{
	size_t next[SPILL_PARTS] = { 0 }, at = 0;

	for (size_t i = 0; i < t->n_groups; i++)
		next[part_of(t->groups[i], t->spill_level)]++;
	for (size_t p = 0; p < SPILL_PARTS; p++) {
		size_t n = next[p];

		next[p] = at;
		end[p] = at += n;
	}
	for (size_t p = 0; p < SPILL_PARTS; p++)
		while (next[p] < end[p]) {
			struct group *g = t->groups[next[p]];
			size_t q = part_of(g, t->spill_level);

			t->groups[next[p]] = t->groups[next[q]];
			t->groups[next[q]++] = g;
		}
}

static int
put_extent(struct agg_table *t, size_t part, struct buf *b, uint64_t n, struct err *e)
{
	struct spill_parts *to = t->spill_to;
	struct spill_extent x;
	int code = n == 0 ? 0 : spill_put(t->spill, b, n, &x, e);

	if (code < 0 || n == 0)
		return code;
	pthread_mutex_lock(&to->lock);
	to->n_groups += n;
	if (!vec_push(&to->v[part], x))
		code = err_nomem(e);
	pthread_mutex_unlock(&to->lock);
	return code;
}

/* Those of one part. A group that nothing is in is made again when something is. */
static int
put_part(struct agg_table *t, size_t part, size_t from, size_t to, struct buf *b, struct err *e)
{
	uint64_t n = 0;
	int code = 0;

	for (size_t i = from; code == 0 && i < to; i++) {
		struct group *g = t->groups[i];

		if (g->side[SIDE_NOW].count == 0 && g->side[SIDE_BEFORE].count == 0)
			continue;
		agg_put_group(b, t, g);
		n++;
		if (b->n >= EXTENT_BYTES || b->oom) {
			code = put_extent(t, part, b, n, e);
			n = 0;
		}
		if (code == 0)
			code = agg_check(t, e);
	}
	return code < 0 ? code : put_extent(t, part, b, n, e);
}

void
table_drop_groups(struct agg_table *t)
{
	for (size_t i = 0; i < t->n_groups; i++)
		group_drop_states(t, t->groups[i]);
	if (t->index != NULL)
		memset(t->index, 0, t->n_index * sizeof *t->index);
	t->n_groups = 0;
	t->mem.used -= t->group_bytes;
	t->group_bytes = 0;
	arena_reset(&t->groups_mem);
}

int
table_spill(struct agg_table *t, struct err *e)
{
	size_t end[SPILL_PARTS];
	struct buf b = BUF_INIT;
	int code = 0;

	/* Of another side's spans some groups may have gone before such came. */
	if (t->has_given && t->n_groups != 0)
		return given_clash(e);
	order_by_part(t, end);
	for (size_t p = 0; code == 0 && p < SPILL_PARTS; p++)
		code = put_part(t, p, p == 0 ? 0 : end[p - 1], end[p], &b, e);
	buf_release(&b);
	if (code < 0)
		return code;
	t->spilled = true;
	table_drop_groups(t);
	t->kept_bytes = t->mem.used;
	return 0;
}

/* ---- when ---- */

/*
 * Most of what goes is of the groups themselves; what is of percentiles and different values can be
 * made smaller where it stands, if it may be. Of what is packed a sketch may well be larger.
 */
bool
table_can_spill(const struct agg_table *t)
{
	size_t gone = t->mem.used > t->kept_bytes ? t->mem.used - t->kept_bytes : 0;

	/* A server's percentiles can't be added up again. */
	return t->spill_to != NULL && !t->pinned && !t->has_given && t->n_groups >= SPILL_MIN_GROUPS &&
	    gone >= t->room / 16 && (t->group_bytes >= gone / 2 || t->mem.short_of ||
	    t->holds.n != 0 || t->opt.exact || !agg_can_shrink(t->g));
}

int
table_make_room(struct agg_table *t, struct err *e)
{
	if (t->mem.used < t->room || !table_can_spill(t))
		return 0;
	return table_spill(t, e);
}
