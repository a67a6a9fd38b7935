/* SPDX-License-Identifier: ISC */
/*
 * summary_field: one field and type over all shards. Values that shards list are added up,
 * four times as many as a shard lists; where there get to be twice as many again the rarer
 * half goes. Sketches merge. A histogram is merged by putting a few points of each bucket of
 * both in order and cutting anew.
 */
#include "summary_i.h"

#include <stdlib.h>

#define POINTS 4		/* of a bucket */

static bool
holds_bytes(enum value_type t)
{
	return t == VAL_STRING || t >= VAL_BYTES;
}

bool
kept_value_set(struct kept_value *k, const struct value *v, uint64_t hash)
{
	*k = (struct kept_value){ .hash = hash, .val = *v };
	if (!holds_bytes(v->type) || v->s.n == 0)
		return true;
	if ((k->text = malloc(v->s.n)) == NULL)
		return false;
	memcpy(k->text, v->s.p, v->s.n);
	k->val.s.p = k->text;
	return true;
}

void
kept_value_release(struct kept_value *k)
{
	free(k->text);
	k->text = NULL;
}

/* ---- finding ---- */

int
field_acc_find(struct summary_maker *m, const struct field *f, enum value_type type,
    uint32_t *out, struct err *e)
{
	struct buf key = BUF_INIT;
	struct field_acc *x = NULL;
	bool fresh = false;
	uint64_t *at = NULL;
	int rc;

	*out = UINT32_MAX;
	buf_putc(&key, (char)type);
	buf_putc(&key, (char)f->scope);
	buf_putc(&key, (char)(f->scope == FIELD_INTRINSIC ? f->intrinsic : 0));
	buf_sv(&key, f->key);
	if ((rc = buf_ok(&key, e)) == 0) {
		at = map_get(&m->field_at, buf_view(&key));
		if (at == NULL && m->fields.n < SUMMARY_FIELDS &&
		    (at = map_put(&m->field_at, buf_view(&key), &fresh)) == NULL)
			rc = err_nomem(e);
	}
	if (rc == 0 && fresh) {
		*at = m->fields.n;
		if ((x = calloc(1, sizeof *x)) == NULL || !vec_push(&m->fields, x)) {
			free(x);
			rc = err_nomem(e);
		} else {
			x->field = *f;
			x->type = type;
			x->field.key = arena_sv(&m->arena, f->key);
			if (x->field.key.p == NULL && f->key.n != 0)
				rc = err_nomem(e);
		}
	}
	if (rc == 0 && at != NULL)
		*out = (uint32_t)*at;
	buf_release(&key);
	return rc;
}

void
field_acc_free(struct field_acc *f)
{
	for (size_t i = 0; i < f->values.n; i++)
		kept_value_release(&f->values.v[i]);
	for (size_t i = 0; i < f->samples.n; i++)
		kept_value_release(&f->samples.v[i]);
	vec_release(&f->values);
	vec_release(&f->samples);
	free(f->slots);
	free(f->hll);
	free(f->bounds);
	free(f);
}

/* ---- values ---- */

static bool
make_slots(struct field_acc *f, uint32_t n_slots)
{
	uint32_t *slots = calloc(n_slots, sizeof *slots);

	if (slots == NULL)
		return false;
	free(f->slots);
	f->slots = slots;
	f->n_slots = n_slots;
	for (size_t i = 0; i < f->values.n; i++) {
		uint32_t at = (uint32_t)f->values.v[i].hash;

		while (slots[at & (n_slots - 1)] != 0)
			at++;
		slots[at & (n_slots - 1)] = (uint32_t)i + 1;
	}
	return true;
}

static int
by_rows(const void *a, const void *b)
{
	const struct kept_value *x = a, *y = b;

	if (x->rows != y->rows)
		return x->rows > y->rows ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Room for one more: the rarer half goes if there are too many. */
static bool
make_room(struct field_acc *f, uint32_t most)
{
	if (f->values.n >= 2 * (size_t)most) {
		qsort(f->values.v, f->values.n, sizeof *f->values.v, by_rows);
		while (f->values.n > most)
			kept_value_release(&f->values.v[--f->values.n]);
		if (!make_slots(f, f->n_slots))
			return false;
	}
	if (2 * (f->values.n + 1) > f->n_slots)
		return make_slots(f, f->n_slots == 0 ? 16 : 2 * f->n_slots);
	return true;
}

static int
add_value(struct summary_maker *m, struct field_acc *f, const struct value *v, uint64_t hash,
    double rows, double present, struct err *e)
{
	struct kept_value *k = NULL, fresh;
	uint32_t at;

	if (!make_room(f, 4 * m->opts.top_values))
		return err_nomem(e);
	for (at = (uint32_t)hash; f->slots[at & (f->n_slots - 1)] != 0; at++) {
		k = &f->values.v[f->slots[at & (f->n_slots - 1)] - 1];
		if (k->hash == hash)
			break;
		k = NULL;
	}
	if (k == NULL) {
		if (!kept_value_set(&fresh, v, hash) || !vec_push(&f->values, fresh)) {
			kept_value_release(&fresh);
			return err_nomem(e);
		}
		k = &f->values.v[f->values.n - 1];
		f->slots[at & (f->n_slots - 1)] = (uint32_t)f->values.n;
	}
	k->rows += rows;
	k->present += present;
	return 0;
}

/* ---- distinct values ---- */

static int
add_distinct(struct field_acc *f, const struct column_stats *c, const struct column_more *more,
    struct err *e)
{
	if (c->n_top < c->n_distinct && (more == NULL || more->hll == NULL)) {
		f->distinct_sum += (double)c->n_distinct;
		if (f->distinct_max < (double)c->n_distinct)
			f->distinct_max = (double)c->n_distinct;
		return 0;
	}
	if (f->hll == NULL && (f->hll = calloc(1, HLL_REGISTERS)) == NULL)
		return err_nomem(e);
	if (more != NULL && more->hll != NULL)
		hll_merge(f->hll, more->hll);
	else
		for (size_t i = 0; i < c->n_top; i++)
			hll_add(f->hll, more != NULL ? more->top_hash[i] :
			    stats_hash(&c->top[i].val));
	return 0;
}

/* Values nearly all different are taken to be so in the whole store too. */
static double
distinct_of(const struct field_acc *f)
{
	double n = f->hll != NULL ? hll_count(f->hll) : 0, rest = f->distinct_max;

	if (f->distinct_sum > f->n_present / 16)
		rest = f->distinct_sum;
	n = n > (double)f->values.n ? n : (double)f->values.n;
	n = n > rest ? n : rest;
	return n > f->n_present ? f->n_present : n < 1 ? 1 : n;
}

/* ---- histograms ---- */

struct point {
	uint64_t v;
	double weight;
};

static int
by_point(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	return (x->v > y->v) - (x->v < y->v);
}

static size_t
put_points(struct point *out, const uint64_t *bounds, size_t n_bounds, double weight)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < n_bounds; i++)
		for (unsigned k = 0; k < POINTS; k++)
			out[n++] = (struct point){ bounds[i] + (uint64_t)((double)
			    (bounds[i + 1] - bounds[i]) * (k + 0.5) / POINTS),
			    weight / (double)(n_bounds - 1) / POINTS };
	return n;
}

/* Cuts n points into buckets of equal weight. */
static void
cut(const struct point *p, size_t n, double weight, uint32_t buckets, uint64_t *bounds)
{
	double sum = 0;
	size_t at = 0;

	for (uint32_t i = 1; i < buckets; i++) {
		while (at + 1 < n && sum + p[at].weight < weight * i / buckets)
			sum += p[at++].weight;
		bounds[i] = p[at].v;
	}
}

static int
add_histogram(struct summary_maker *m, struct field_acc *f, const uint64_t *bounds, size_t n,
    double weight, struct err *e)
{
	uint32_t buckets = m->opts.buckets;
	size_t most = POINTS * (buckets + n), n_points = 0;
	struct point *p = calloc(most, sizeof *p);
	uint64_t lo = bounds[0], hi = bounds[n - 1];

	if (p == NULL || (f->bounds == NULL &&
	    (f->bounds = calloc(buckets + 1, sizeof *f->bounds)) == NULL)) {
		free(p);
		return err_nomem(e);
	}
	if (f->weight > 0) {
		n_points = put_points(p, f->bounds, buckets + 1, f->weight);
		lo = f->bounds[0] < lo ? f->bounds[0] : lo;
		hi = f->bounds[buckets] > hi ? f->bounds[buckets] : hi;
	}
	n_points += put_points(p + n_points, bounds, n, weight);
	qsort(p, n_points, sizeof *p, by_point);
	f->weight += weight;
	cut(p, n_points, f->weight, buckets, f->bounds);
	f->bounds[0] = lo;
	f->bounds[buckets] = hi;
	free(p);
	return 0;
}

/* ---- samples ---- */

/* A reservoir: every text offered stays with the same chance. */
static int
add_sample(struct field_acc *f, struct sv s, struct err *e)
{
	struct value v = { .type = VAL_STRING, .s = s };
	struct kept_value k;
	uint64_t at = f->samples.n;

	f->n_offered++;
	if (at == SUMMARY_SAMPLES &&
	    (at = hash_u64(f->n_offered) % f->n_offered) >= SUMMARY_SAMPLES)
		return 0;
	if (!kept_value_set(&k, &v, 0))
		return err_nomem(e);
	if (at < f->samples.n) {
		kept_value_release(&f->samples.v[at]);
		f->samples.v[at] = k;
	} else if (!vec_push(&f->samples, k)) {
		kept_value_release(&k);
		return err_nomem(e);
	}
	return 0;
}

/* ---- one shard ---- */

static int
add_tops(struct summary_maker *m, struct field_acc *f, const struct column_stats *c,
    const struct column_more *more, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->n_top && rc == 0; i++) {
		struct value v = c->top[i].val;

		if (c->top[i].cut && more == NULL)
			continue;
		if (more != NULL && v.type == VAL_STRING)
			v.s = more->top_text[i];
		rc = add_value(m, f, &v, more != NULL ? more->top_hash[i] : stats_hash(&v),
		    (double)c->top[i].n_rows, (double)c->n_present, e);
	}
	return rc;
}

int
field_acc_add(struct summary_maker *m, struct field_acc *f, const struct column_stats *c,
    const struct column_more *more, struct err *e)
{
	int rc;

	f->n_present += (double)c->n_present;
	if ((rc = add_tops(m, f, c, more, e)) != 0 || (rc = add_distinct(f, c, more, e)) != 0 ||
	    more == NULL)
		return rc;
	f->bytes += (double)more->width * (double)c->n_present;
	f->sized += (double)c->n_present;
	if (more->n_bounds != 0)
		rc = add_histogram(m, f, more->bounds, more->n_bounds, (double)c->n_present, e);
	for (size_t i = 0; i < more->n_samples && rc == 0; i++)
		rc = add_sample(f, more->samples[i], e);
	return rc;
}

/* ---- publishing ---- */

static bool
copy_value(struct arena *a, const struct value *from, struct value *to)
{
	*to = *from;
	if (!holds_bytes(from->type))
		return true;
	to->s = arena_sv(a, from->s);
	return to->s.p != NULL || from->s.n == 0;
}

static int
publish_values(struct field_acc *f, struct arena *a, struct stats_field *out,
    struct err *e)
{
	size_t n = f->values.n;
	struct stats_value *v = arena_array(a, n + 1, struct stats_value);
	uint32_t n_slots = 16, *slots;

	while (n_slots < 2 * n)
		n_slots *= 2;
	if ((slots = arena_array(a, n_slots, uint32_t)) == NULL || v == NULL)
		return err_nomem(e);
	if (f->values.n != 0) {
		qsort(f->values.v, f->values.n, sizeof *f->values.v, by_rows);
		if (!make_slots(f, f->n_slots))
			return err_nomem(e);
	}
	for (size_t i = 0; i < n; i++) {
		const struct kept_value *k = &f->values.v[i];
		uint32_t at = (uint32_t)k->hash;

		v[i] = (struct stats_value){ .hash = k->hash, .n_rows = k->rows,
			.listed_present = k->present };
		if (!copy_value(a, &k->val, &v[i].val))
			return err_nomem(e);
		while (slots[at & (n_slots - 1)] != 0)
			at++;
		slots[at & (n_slots - 1)] = (uint32_t)i + 1;
		out->n_known += k->rows;
	}
	out->values = v;
	out->n_values = (uint32_t)n;
	out->slots = slots;
	out->n_slots = n_slots;
	return 0;
}

static int
publish_samples(const struct field_acc *f, struct arena *a, struct stats_field *out,
    struct err *e)
{
	struct sv *v = arena_array(a, f->samples.n + 1, struct sv);

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < f->samples.n; i++) {
		v[i] = arena_sv(a, f->samples.v[i].val.s);
		if (v[i].p == NULL && f->samples.v[i].val.s.n != 0)
			return err_nomem(e);
	}
	out->samples = v;
	out->n_samples = (uint32_t)f->samples.n;
	return 0;
}

int
field_acc_publish(struct field_acc *f, struct arena *a, struct stats_field *out,
    uint32_t buckets, struct err *e)
{
	uint64_t *bounds;
	int rc;

	*out = (struct stats_field){
		.field = f->field, .type = f->type, .n_present = f->n_present,
		.n_distinct = distinct_of(f), .width = f->sized > 0 ? f->bytes / f->sized : 0,
	};
	out->field.key = arena_sv(a, f->field.key);
	if (out->field.key.p == NULL && f->field.key.n != 0)
		return err_nomem(e);
	if ((rc = publish_values(f, a, out, e)) != 0 ||
	    (rc = publish_samples(f, a, out, e)) != 0 || f->bounds == NULL)
		return rc;
	if ((bounds = arena_array(a, buckets + 1, uint64_t)) == NULL)
		return err_nomem(e);
	memcpy(bounds, f->bounds, (buckets + 1) * sizeof *bounds);
	out->bounds = bounds;
	out->n_bounds = buckets + 1;
	return 0;
}
