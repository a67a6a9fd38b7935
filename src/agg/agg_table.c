/* SPDX-License-Identifier: ISC */
/*
 * agg_table: groups by key, see agg/agg.h. A group's key is the start of its bucket and the packed
 * value of each key field, so that 500, 500.0 and "500" are three. An item with several values in
 * a field is in the group of each, of two such fields in all combinations.
 */
#include <stdlib.h>

#include "agg_i.h"

/* ---- groups ---- */

static int
index_grow(struct agg_table *t, struct err *e)
{
	size_t n = t->n_index == 0 ? 64 : t->n_index * 2;
	uint32_t *index;
	int code;

	if (n > UINT32_MAX)
		return err_set(e, ERR_NOMEM, -1, "more groups than there may be");
	if ((code = agg_take(&t->mem, (n - t->n_index) * sizeof *index, e)) < 0)
		return code;
	if ((index = calloc(n, sizeof *index)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < t->n_groups; i++) {
		size_t at = (size_t)t->groups[i]->hash & (n - 1);

		while (index[at] != 0)
			at = (at + 1) & (n - 1);
		index[at] = (uint32_t)i + 1;
	}
	free(t->index);
	t->index = index;
	t->n_index = n;
	return 0;
}

static int
group_new(struct agg_table *t, uint64_t hash, __int128 bucket, struct sv key, struct group **out,
    struct err *e)
{
	size_t sides = t->g->versus ? 2 : 1;
	size_t bytes = sizeof **out + key.n + sides * t->side_bytes + 16;
	struct group *g;
	int code;

	if ((code = agg_grow(&t->mem, (void **)&t->groups, &t->cap_groups, t->n_groups + 1,
	    sizeof *t->groups, e)) < 0 || (code = agg_take(&t->mem, bytes, e)) < 0)
		return code;
	t->group_bytes += bytes;
	if ((g = arena_new(&t->groups_mem, struct group)) == NULL)
		return err_nomem(e);
	g->hash = hash;
	g->bucket = bucket;
	g->key = arena_sv(&t->groups_mem, key);
	if (g->key.p == NULL && key.n != 0)
		return err_nomem(e);
	for (size_t s = 0; s < sides; s++)
		if ((g->side[s].states = arena_calloc(&t->groups_mem, t->side_bytes + 1, 1)) == NULL)
			return err_nomem(e);
	t->groups[t->n_groups++] = g;
	*out = g;
	return 0;
}

static int
group_find(struct agg_table *t, __int128 bucket, struct sv key, struct group **out, struct err *e)
{
	uint64_t hash = hash_seeded(key.p, key.n) ^ hash_u64((uint64_t)bucket);
	size_t at;
	int code;

	if (2 * (t->n_groups + 1) > t->n_index && (code = index_grow(t, e)) < 0)
		return code;
	for (at = (size_t)hash & (t->n_index - 1); t->index[at] != 0;
	    at = (at + 1) & (t->n_index - 1)) {
		struct group *g = t->groups[t->index[at] - 1];

		if (g->hash == hash && g->bucket == bucket && sv_eq(g->key, key)) {
			*out = g;
			return 0;
		}
	}
	if ((code = group_new(t, hash, bucket, key, out, e)) < 0)
		return code;
	t->index[at] = (uint32_t)t->n_groups;
	return 0;
}

int
table_get_group(struct agg_table *t, __int128 bucket, struct sv key, struct group **out, struct err *e)
{
	int code = group_find(t, bucket, key, out, e);

	if (code == ERR_NOMEM && table_can_spill(t)) {
		/* Of groups that went in part no more can be made: they would be there twice. */
		if ((code = table_spill(t, e)) < 0)
			return code;
		code = group_find(t, bucket, key, out, e);
	}
	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = group_find(t, bucket, key, out, e);
	return code;
}

int
table_need_group(struct agg_table *t, struct err *e)
{
	struct group *g;

	return table_get_group(t, 0, SV_EMPTY, &g, e);
}

int
table_state_add(struct agg_table *t, const struct measure *m, void *state, const struct agg_slot *slot,
    const struct value *v, struct err *e)
{
	int code = measure_add(&t->mem, m, state, slot, v, e);

	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = measure_add(&t->mem, m, state, slot, v, e);
	return code;
}

static int
group_add(struct agg_table *t, struct group *g, enum agg_side s, bool error, struct err *e)
{
	struct side *side = &g->side[s];
	int code = agg_check(t, e);

	side->count++;
	side->errors += error;
	for (size_t i = 0; code == 0 && i < t->n_measures; i++) {
		const struct measure *m = &t->measures[i];
		const struct agg_slot *slot = &t->slots[m->slot];

		t->steps += slot->v.n;
		for (size_t k = 0; code == 0 && k < slot->v.n; k++)
			code = table_state_add(t, m, side->states + m->at, slot, &slot->v.v[k], e);
	}
	return code;
}

/* ---- what was counted elsewhere (agg_given.c) ---- */

/* Each of the integers goes the way that it would go by itself. */
static int
give_all(struct agg_table *t, const struct measure *m, void *state, const struct agg_given_figures *f,
    struct err *e)
{
	const struct agg_slot *slot = &t->slots[m->slot];
	struct cursor c = cursor_new(f->all, (size_t)f->n * 8);
	int code = 0;

	for (uint64_t i = 0; code == 0 && i < f->n; i++) {
		struct value v = { .type = VAL_INT, .i = (int64_t)cursor_u64(&c) };

		t->steps++;
		if ((code = table_state_add(t, m, state, slot, &v, e)) == 0)
			code = agg_check(t, e);
	}
	return code;
}

static int
give_ranks(struct agg_table *t, const struct measure *m, struct quantile *q, const struct agg_given_want *w,
    const unsigned char *numbers, struct err *e)
{
	bool is_unsigned = t->slots[m->slot].is_unsigned;
	int code = quantile_give(&t->mem, q, w->ranks, w->n_ranks, is_unsigned, numbers, e);

	t->has_given = true;
	if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
		code = quantile_give(&t->mem, q, w->ranks, w->n_ranks, is_unsigned, numbers, e);
	return code;
}

static int
give_end(struct agg_table *t, const struct measure *m, void *state, uint64_t n, struct err *e)
{
	struct value v = { .type = VAL_INT, .i = (int64_t)n };

	return table_state_add(t, m, state, &t->slots[m->slot], &v, e);
}

static int
give_distinct(struct agg_table *t, struct distinct *d, uint64_t n, struct err *e)
{
	t->has_given = true;
	return distinct_give(d, n, e);
}

static const struct agg_given_figures *
figures_of(const struct agg_given *x, size_t slot)
{
	for (size_t i = 0; x->figures != NULL && i < x->want->n_fields; i++)
		if (x->want->fields[i].slot == slot)
			return &x->figures[i];
	return NULL;
}

static int
measure_give(struct agg_table *t, const struct measure *m, void *state, const struct agg_given *x,
    struct err *e)
{
	const struct agg_given_figures *f = figures_of(x, m->slot);
	struct sum *sum = state;

	if (f == NULL || m->kind == MEASURE_HIST)
		return err_set(e, ERR_UNSUPPORTED, -1, "an aggregate that can't be given");
	if (m->kind == MEASURE_DISTINCT)
		return f->distinct == 0 ? 0 : give_distinct(t, state, f->distinct, e);
	if (f->n == 0)
		return 0;
	switch (m->kind) {
	case MEASURE_SUM:
		sum->whole += f->sum;
		sum->n += f->n;
		return 0;
	case MEASURE_MIN:
		return give_end(t, m, state, f->least, e);
	case MEASURE_MAX:
		return give_end(t, m, state, f->most, e);
	default:
		return f->all != NULL ? give_all(t, m, state, f, e) :
		    give_ranks(t, m, state, x->want, f->ranks, e);
	}
}

static int
group_add_given(struct agg_table *t, struct group *g, enum agg_side s, const struct agg_given *x,
    struct err *e)
{
	struct side *side = &g->side[s];
	int code = agg_check(t, e);

	side->count += x->count;
	side->errors += x->errors;
	for (size_t i = 0; code == 0 && i < t->n_measures; i++)
		code = measure_give(t, &t->measures[i], side->states + t->measures[i].at, x, e);
	return code;
}

/* ---- items ---- */

struct adding {
	struct agg_table *t;
	enum agg_side side;
	__int128 bucket;
	bool error;
	const struct agg_given *given;	/* or NULL: one */
};

static int
by_bytes(const void *a, const void *b)
{
	return sv_cmp(*(const struct sv *)a, *(const struct sv *)b);
}

/* The different values of a slot with several, packed, in the memory of the item. */
static int
different(struct agg_table *t, const struct agg_slot *s, struct sv **out, size_t *n, struct err *e)
{
	struct sv *v = arena_array(&t->item, s->v.n, struct sv);
	struct buf b = BUF_INIT;
	size_t kept = 0;
	int code = v == NULL ? err_nomem(e) : 0;

	for (size_t i = 0; code == 0 && i < s->v.n; i++) {
		b.n = 0;
		value_pack_key(&b, &s->v.v[i]);
		v[i] = arena_sv(&t->item, buf_view(&b));
		if (b.oom || v[i].p == NULL)
			code = err_nomem(e);
	}
	buf_release(&b);
	if (code < 0)
		return code;
	if (s->v.n != 0)
		qsort(v, s->v.n, sizeof *v, by_bytes);
	for (size_t i = 0; i < s->v.n; i++)
		if (i == 0 || !sv_eq(v[i], v[i - 1]))
			v[kept++] = v[i];
	*out = v;
	*n = kept;
	return 0;
}

static int add_keys(struct adding *, size_t key, struct err *);

static int
add_several(struct adding *x, size_t key, const struct agg_slot *s, struct err *e)
{
	struct agg_table *t = x->t;
	size_t from = t->key.n, n = 0;
	struct sv *v = NULL;
	int code = different(t, s, &v, &n, e);

	for (size_t i = 0; code == 0 && i < n; i++) {
		buf_sv(&t->key, v[i]);
		code = add_keys(x, key + 1, e);
		t->key.n = from;
	}
	return code;
}

/* Keys from `key` on, behind those in t->key. Recursion is as deep as there are keys. */
static int
add_keys(struct adding *x, size_t key, struct err *e)
{
	struct agg_table *t = x->t;
	size_t from = t->key.n;
	const struct agg_slot *s;
	struct group *g;
	int code;

	if (key == t->g->n_keys) {
		if ((code = buf_ok(&t->key, e)) < 0 ||
		    (code = table_get_group(t, x->bucket, buf_view(&t->key), &g, e)) < 0)
			return code;
		return x->given != NULL ? group_add_given(t, g, x->side, x->given, e) :
		    group_add(t, g, x->side, x->error, e);
	}
	s = &t->slots[t->key_slots[key]];
	if (s->v.n > 1)
		return add_several(x, key, s, e);
	if (s->v.n == 0)
		buf_putc(&t->key, KEY_NULL);
	else
		value_pack_key(&t->key, &s->v.v[0]);
	code = add_keys(x, key + 1, e);
	t->key.n = from;
	return code;
}

static int
add_item(struct adding *x, uint64_t start, struct err *e)
{
	struct agg_table *t = x->t;
	uint64_t moved;

	if (t->g->has_bucket) {
		if (x->side == SIDE_NOW || __builtin_add_overflow(start, t->opt.shift, &moved))
			moved = start;
		x->bucket = step_floor(t->opt.step, moved);
	}
	t->key.n = 0;
	return add_keys(x, 0, e);
}

int
table_add_item(struct agg_table *t, enum agg_side side, uint64_t start, bool error, struct err *e)
{
	struct adding x = { .t = t, .side = side, .error = error };
	int code = table_make_room(t, e);

	return code < 0 ? code : add_item(&x, start, e);
}

int
table_add_given(struct agg_table *t, enum agg_side side, const struct agg_given *g, struct err *e)
{
	struct adding x = { .t = t, .side = side, .given = g };
	int code = table_make_room(t, e);

	return code < 0 ? code : add_item(&x, g->like->span->start_ns, e);
}

void
slots_clear(struct agg_table *t)
{
	for (size_t i = 0; i < t->n_slots; i++)
		t->slots[i].v.n = 0;
	arena_reset(&t->item);
}

/* ---- two tables ---- */

/* Into a state of nothing the other one moves, with what it holds. */
static int
state_move(struct agg_table *t, struct agg_table *ft, const struct measure *m, void *state,
    void *from, struct err *e)
{
	size_t held;
	int code;

	if (t->mem.short_of && (code = measure_shrink(&ft->mem, m, from, e)) < 0)
		return code;
	held = measure_held(m, from);
	if ((code = agg_take(&t->mem, held, e)) < 0)
		return code;
	ft->mem.used -= held;
	memcpy(state, from, measure_bytes(m->kind));
	memset(from, 0, measure_bytes(m->kind));
	return 0;
}

static int
state_merge(struct agg_table *t, struct agg_table *ft, const struct measure *m, void *state,
    void *from, bool fresh, struct err *e)
{
	return fresh ? state_move(t, ft, m, state, from, e) :
	    measure_merge(&t->mem, m, state, from, e);
}

int
table_merge_group(struct agg_table *t, struct agg_table *ft, struct group *from, struct err *e)
{
	struct group *g;
	int code = agg_check(t, e);

	if (code == 0 && (code = table_make_room(t, e)) == 0)
		code = table_get_group(t, from->bucket, from->key, &g, e);
	for (size_t s = 0; code == 0 && s < 2 && from->side[s].states != NULL; s++) {
		bool fresh = g->side[s].count == 0;

		/* Nothing is there, which what was given would not be added to either. */
		if (from->side[s].count == 0)
			continue;
		for (size_t i = 0; code == 0 && i < t->n_measures; i++) {
			const struct measure *m = &t->measures[i];
			void *into = g->side[s].states + m->at, *of = from->side[s].states + m->at;

			code = state_merge(t, ft, m, into, of, fresh, e);
			if (code == ERR_NOMEM && (code = table_relieve(t, e)) == 0)
				code = state_merge(t, ft, m, into, of, fresh, e);
		}
		g->side[s].count += from->side[s].count;
		g->side[s].errors += from->side[s].errors;
	}
	return code;
}
