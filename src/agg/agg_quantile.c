/* SPDX-License-Identifier: ISC */
/*
 * agg_quantile: all numbers of a group in a field, for percentiles by the nearest rank. They are
 * kept as unsigned images (model/value.h); the first few that are asked for are selected, for more
 * all are sorted. Those that come packed stay so (agg_packs). Or a sketch of them is kept.
 */
#include <math.h>
#include <stdlib.h>

#include "agg_i.h"
#include "rank/images.h"
#include "rank/select.h"

static enum number_kind
int_kind(const struct quantile *q)
{
	return q->is_unsigned ? NUMBER_U64 : NUMBER_I64;
}

static struct number
int_at(const struct quantile *q, size_t i)
{
	return number_of_image(int_kind(q), q->ints[i]);
}

static struct number
double_at(const struct quantile *q, size_t i)
{
	return number_of_image(NUMBER_DOUBLE, q->doubles[i]);
}

size_t
quantile_count(const struct quantile *q)
{
	return q->n_ints + q->n_doubles + packs_count(q->packs);
}

/* Are there numbers that are no doubles, or that are? */
static bool
has_kind(const struct quantile *q, bool doubles)
{
	return (q->packs != NULL && q->packs->doubles == doubles) ||
	    (doubles ? q->n_doubles : q->n_ints) != 0;
}

/* ---- over to a sketch ---- */

static int
add_run(struct agg_memory *m, struct sketch *s, const struct quantile *q,
    const struct packed_run *r, struct err *e)
{
	enum number_kind kind = q->packs->doubles ? NUMBER_DOUBLE : int_kind(q);
	struct packed_place at = { 0 };
	uint64_t block[PACKED_BLOCK];
	int code = 0;

	while (code == 0 && at.block < r->n_blocks)
		code = sketch_add_images(m, s, kind, block, packed_next(r, &at, block), e);
	m->n_decoded += r->n;
	return code;
}

static int
add_to_sketch(struct agg_memory *m, struct sketch *s, const struct quantile *q, struct err *e)
{
	int code = sketch_add_images(m, s, int_kind(q), q->ints, q->n_ints, e);

	if (code == 0)
		code = sketch_add_images(m, s, NUMBER_DOUBLE, q->doubles, q->n_doubles, e);
	for (size_t i = 0; code == 0 && q->packs != NULL && i < q->packs->n; i++)
		code = add_run(m, s, q, &q->packs->v[i], e);
	return code;
}

/* What it held is given back first: it is to get by where there is no memory left. */
static int
become_sketch(struct agg_memory *m, struct quantile *q, struct err *e)
{
	size_t held = (q->cap_ints + q->cap_doubles) * sizeof *q->ints + packs_bytes(q->packs);
	struct sketch *s = calloc(1, sizeof *s);
	int code;

	if (s == NULL)
		return err_nomem(e);
	m->used -= held;
	if ((code = add_to_sketch(m, s, q, e)) < 0) {
		m->used += held - sketch_bytes(s);
		sketch_release(s);
		free(s);
		return code;
	}
	m->used += sizeof *s;
	free(q->packs);
	free(q->ints);
	free(q->doubles);
	*q = (struct quantile){ .is_unsigned = q->is_unsigned, .sketch = s };
	m->inexact = true;
	return 0;
}

int
quantile_shrink(struct agg_memory *m, struct quantile *q, struct err *e)
{
	return q->sketch != NULL || q->ranks != NULL || quantile_count(q) < SMALL_STATE ? 0 :
	    become_sketch(m, q, e);
}

/* ---- adding ---- */

int
quantile_add(struct agg_memory *m, struct quantile *q, struct number x, struct err *e)
{
	bool d = x.kind == NUMBER_DOUBLE;
	uint64_t **v = d ? &q->doubles : &q->ints;
	size_t *n = d ? &q->n_doubles : &q->n_ints, *cap = d ? &q->cap_doubles : &q->cap_ints;
	int code;

	if (q->ranks != NULL)
		return given_clash(e);
	q->is_unsigned |= x.kind == NUMBER_U64;
	if (q->packs != NULL && q->packs->doubles != d && (code = packs_unpack(m, q, e)) < 0)
		return code;
	if (*n == *cap && m->short_of && (code = quantile_shrink(m, q, e)) < 0)
		return code;
	if (q->sketch != NULL)
		return sketch_add(m, q->sketch, x, 1, e);
	if (*n == *cap && (code = agg_grow(m, (void **)v, cap, *n + 1, sizeof **v, e)) < 0)
		return code;
	(*v)[(*n)++] = d ? value_image_double(isnan(x.d) ? (double)NAN : x.d) :
	    x.kind == NUMBER_I64 ? value_image_i64(x.i) : x.u;
	q->sorted = false;
	return 0;
}

bool
quantile_room(struct agg_memory *m, struct quantile *q, size_t n)
{
	struct err ignored = ERR_INIT;

	if (q->ranks != NULL || q->sketch != NULL || (q->packs != NULL && q->packs->doubles) ||
	    (q->n_ints + n > q->cap_ints && m->short_of) ||
	    agg_grow(m, (void **)&q->ints, &q->cap_ints, q->n_ints + n, sizeof *q->ints,
	    &ignored) < 0)
		return false;
	q->n_ints += n;
	q->sorted = false;
	return true;
}

static void
append(uint64_t *v, size_t *n, const uint64_t *from, size_t n_from)
{
	if (n_from != 0)
		memcpy(v + *n, from, n_from * sizeof *from);
	*n += n_from;
}

#define FEW_RUNS 32
#define RUN_PAYS (4 * PACKED_BLOCK)

/* Of very many short runs most blocks would be decoded, and again and again. */
static bool
packs_pay(const struct quantile *q, const struct quantile *from)
{
	size_t runs = (q->packs == NULL ? 0 : q->packs->n) +
	    (from->packs == NULL ? 0 : from->packs->n);

	return runs <= FEW_RUNS ||
	    (packs_count(q->packs) + packs_count(from->packs)) / runs >= RUN_PAYS;
}

/* All room first, so that one that fails has added nothing. */
static int
append_all(struct agg_memory *m, struct quantile *q, const struct quantile *from, struct err *e)
{
	bool pour = ((has_kind(q, false) || has_kind(from, false)) &&
	    (has_kind(q, true) || has_kind(from, true))) || !packs_pay(q, from);
	size_t packed = pour ? packs_count(from->packs) : 0;
	size_t ints = from->n_ints, doubles = from->n_doubles;
	int code;

	if (packed != 0)
		*(from->packs->doubles ? &doubles : &ints) += packed;
	if (pour && (code = packs_unpack(m, q, e)) < 0)
		return code;
	if ((code = agg_grow(m, (void **)&q->ints, &q->cap_ints, q->n_ints + ints,
	    sizeof *q->ints, e)) < 0 ||
	    (code = agg_grow(m, (void **)&q->doubles, &q->cap_doubles,
	    q->n_doubles + doubles, sizeof *q->doubles, e)) < 0)
		return code;
	code = packed != 0 ? packs_pour_all(m, q, from->packs, e) :
	    packs_append(m, q, from->packs, e);
	if (code < 0 || from->n_ints + from->n_doubles == 0)
		return code;
	append(q->ints, &q->n_ints, from->ints, from->n_ints);
	append(q->doubles, &q->n_doubles, from->doubles, from->n_doubles);
	q->sorted = false;
	return 0;
}

static int
merge_sketch(struct agg_memory *m, struct quantile *q, const struct quantile *from, struct err *e)
{
	struct sketch of_from = { NULL };
	int code;

	if (from->sketch != NULL)
		return sketch_merge(m, q->sketch, from->sketch, e);
	if ((code = add_to_sketch(m, &of_from, from, e)) == 0)
		code = sketch_merge(m, q->sketch, &of_from, e);
	m->used -= sketch_bytes(&of_from);
	sketch_release(&of_from);
	return code;
}

int
quantile_merge(struct agg_memory *m, struct quantile *q, const struct quantile *from, struct err *e)
{
	bool grows = q->n_ints + from->n_ints > q->cap_ints ||
	    q->n_doubles + from->n_doubles > q->cap_doubles || from->packs != NULL;
	int code = 0;

	if (q->ranks != NULL || from->ranks != NULL)
		return given_clash(e);
	q->is_unsigned |= from->is_unsigned;
	if (q->sketch == NULL && from->sketch != NULL)
		code = become_sketch(m, q, e);
	else if (grows && m->short_of)
		code = quantile_shrink(m, q, e);
	if (code < 0)
		return code;
	return q->sketch != NULL ? merge_sketch(m, q, from, e) : append_all(m, q, from, e);
}

/* ---- ranks ---- */

void
quantile_sort(struct quantile *q)
{
	if (q->sorted)
		return;
	images_sort(q->ints, q->n_ints);
	images_sort(q->doubles, q->n_doubles);
	q->sorted = true;
}

/* How many of the integers are before the double in the order of all. */
static size_t
ints_before(const struct quantile *q, struct number d)
{
	size_t lo = 0, hi = q->n_ints;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (number_order(int_at(q, mid), d) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Of numbers that aren't sorted the first few ranks are selected. False: this isn't one of them. */
static bool
select_unsorted(struct quantile *q, size_t rank, struct number *out)
{
	size_t n = q->n_ints + q->n_doubles;

	if (q->sorted || q->n_selected >= SELECT_MOST || (q->n_ints != 0 && q->n_doubles != 0))
		return false;
	q->n_selected++;
	*out = q->n_doubles == 0 ? number_of_image(int_kind(q), images_select(q->ints, n, rank)) :
	    number_of_image(NUMBER_DOUBLE, images_select(q->doubles, n, rank));
	return true;
}

static struct number
select_packed(struct agg_memory *m, struct quantile *q, size_t rank)
{
	bool d = q->packs->doubles;

	const struct ranking r = { q->packs->v, q->packs->n, d ? q->doubles : q->ints,
		d ? q->n_doubles : q->n_ints, &m->n_decoded };

	quantile_sort(q);
	return number_of_image(d ? NUMBER_DOUBLE : int_kind(q), ranking_select(&r, rank));
}

size_t
quantile_rank(size_t n, uint64_t part, uint64_t whole)
{
	unsigned __int128 at = ((unsigned __int128)part * n + whole - 1) / whole;

	return at == 0 ? 0 : (size_t)at - 1;
}

struct number
quantile_at(struct agg_memory *m, struct quantile *q, uint64_t part, uint64_t whole)
{
	size_t n = quantile_count(q), rank, lo = 0, hi = q->n_doubles;
	struct number x;

	if (q->sketch != NULL)
		return sketch_at(q->sketch, part, whole, q->is_unsigned);
	if (q->ranks != NULL)
		return ranks_at(q->ranks, part, whole);
	if (n == 0)
		return (struct number){ .kind = NUMBER_NONE };
	rank = quantile_rank(n, part, whole);
	if (q->packs != NULL)
		return select_packed(m, q, rank);
	if (select_unsorted(q, rank, &x))
		return x;
	quantile_sort(q);
	/* The first double whose place among all is the rank or later. */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (mid + ints_before(q, double_at(q, mid)) < rank)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < q->n_doubles && lo + ints_before(q, double_at(q, lo)) == rank)
		return double_at(q, lo);
	return int_at(q, rank - lo);
}

/* ---- ahead of being asked for ---- */

bool
ranks_begin(struct agg_memory *m, struct quantile *q, size_t n)
{
	size_t bytes = sizeof *q->ranks + n * sizeof q->ranks->v[0];
	struct err ignored = ERR_INIT;

	if (q->ranks != NULL || q->sketch != NULL || q->packs != NULL || q->n_doubles != 0 ||
	    agg_take(m, bytes, &ignored) < 0)
		return false;
	if ((q->ranks = malloc(bytes)) == NULL) {
		m->used -= bytes;
		return false;
	}
	q->ranks->n = n;
	q->ranks->is_unsigned = q->is_unsigned;
	return true;
}

void
ranks_find(struct quantile *q)
{
	struct ranks *r = q->ranks;

	if (r->n > SELECT_MOST)
		quantile_sort(q);
	else
		q->sorted = false;
	for (size_t i = 0; i < r->n; i++) {
		size_t rank = quantile_rank(q->n_ints, r->v[i].of.part, r->v[i].of.whole);
		uint64_t image = r->n > SELECT_MOST ? q->ints[rank] :
		    images_select(q->ints, q->n_ints, rank);

		r->v[i].number = r->is_unsigned ? image :
		    (uint64_t)number_of_image(NUMBER_I64, image).i;
	}
}
