/* SPDX-License-Identifier: ISC */
/*
 * decisions_file: what a cache of decisions holds, as bytes for the next program. Numbers are
 * little-endian, a list is its varint length and then the items.
 *
 *   list of templates: str key, words;
 *     list of decisions, the last used last: varint age in ns, uses, ns that deciding took;
 *       u64 shape, fired; varint generation; u32 kinds of indexes; f32 rows, cost, est_rows,
 *       est_cost;
 *       list of classes: u64 key, leaves of indexes; f32 rows, cost; varint shards; f32 most rows;
 *         u8 access
 *       list of leaves: f32 selectivity, from, to
 *       list of the order: u8
 *
 * Only what could still be used is written, and taken: nothing beyond its ttl.
 */
#include <math.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/varint.h"
#include "decisiontable_i.h"

#define N_ACCESS (ACCESS_COVERING + 1)

/* ---- writing ---- */

static void
put_f32(struct buf *b, float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	buf_le(b, bits, 4);
}

static void
put_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

static void
put_decision(struct buf *b, const struct decision *d)
{
	buf_le(b, d->shape, 8);
	buf_le(b, d->fired, 8);
	buf_varint(b, d->stats_version);
	buf_le(b, d->index_kinds, 4);
	put_f32(b, d->rows);
	put_f32(b, d->cost);
	put_f32(b, d->est_rows);
	put_f32(b, d->est_cost);
	buf_varint(b, d->n_classes);
	for (size_t i = 0; i < d->n_classes; i++) {
		const struct decision_class *c = &d->classes[i];

		buf_le(b, c->key, 8);
		buf_le(b, c->index_leaves, 8);
		put_f32(b, c->rows);
		put_f32(b, c->cost);
		buf_varint(b, c->n_shards);
		put_f32(b, c->rows_hi);
		buf_putc(b, (char)c->access);
	}
	buf_varint(b, d->n_leaves);
	for (size_t i = 0; i < d->n_leaves; i++) {
		put_f32(b, d->leaves[i].sel);
		put_f32(b, d->leaves[i].lo);
		put_f32(b, d->leaves[i].hi);
	}
	put_str(b, sv_new(d->order, d->n_order));
}

static void
put_template(struct buf *b, const struct template *t, const struct decisioncache *c,
    uint64_t cost_version, uint64_t now, size_t *n)
{
	const struct kept *v[VARIANTS];
	size_t k = 0;

	for (size_t i = t->n; i-- > 0;)
		if (t->v[i]->cost_version == cost_version &&
		    now - t->v[i]->made_mono_ns < c->limits.ttl_ns)
			v[k++] = t->v[i];
	if (k == 0)
		return;
	++*n;
	put_str(b, buf_view(&t->key));
	put_str(b, buf_view(&t->text));
	buf_varint(b, k);
	for (size_t i = 0; i < k; i++) {
		buf_varint(b, now - v[i]->made_mono_ns);
		buf_varint(b, v[i]->n_used);
		buf_varint(b, v[i]->decide_ns);
		put_decision(b, v[i]->decision);
	}
}

void
decisioncache_encode(struct decisioncache *c, uint64_t cost_version, struct buf *out)
{
	uint64_t now = clock_mono_ns();
	struct buf b = BUF_INIT;
	size_t n = 0;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct template *t = c->buckets[i]; t != NULL; t = t->next)
			put_template(&b, t, c, cost_version, now, &n);
	pthread_mutex_unlock(&c->lock);
	buf_varint(out, n);
	buf_sv(out, buf_view(&b));
	out->oom |= b.oom;
	buf_release(&b);
}

/* ---- reading ---- */

static float
get_f32(struct cursor *c)
{
	uint32_t bits = cursor_u32(c);
	float f;

	memcpy(&f, &bits, sizeof f);
	c->bad |= isnan(f);
	return f;
}

static float
get_amount(struct cursor *c)
{
	float f = get_f32(c);

	c->bad |= f < 0;
	return f;
}

static size_t
get_count(struct cursor *c, size_t most, size_t least_bytes)
{
	uint64_t n = cursor_varint(c);

	c->bad |= n > most || n > cursor_left(c) / least_bytes;
	return c->bad ? 0 : (size_t)n;
}

static void
get_classes(struct cursor *c, struct decision *d)
{
	for (size_t i = 0; i < d->n_classes; i++) {
		struct decision_class *x = &d->classes[i];
		uint64_t n;
		uint8_t access;

		x->key = cursor_u64(c);
		x->index_leaves = cursor_u64(c);
		x->rows = get_amount(c);
		x->cost = get_amount(c);
		n = cursor_varint(c);
		x->rows_hi = get_amount(c);
		access = cursor_u8(c);
		c->bad |= n > UINT32_MAX || access >= N_ACCESS;
		x->n_shards = (uint32_t)n;
		x->access = c->bad ? ACCESS_FULL : access;
	}
}

/* Of a selectivity that is not known all are -1. */
static void
get_leaves(struct cursor *c, struct decision *d)
{
	for (size_t i = 0; i < d->n_leaves; i++) {
		struct decision_leaf *x = &d->leaves[i];

		x->sel = get_f32(c);
		x->lo = get_f32(c);
		x->hi = get_f32(c);
		c->bad |= x->lo > x->hi;
	}
}

/* Its arrays stand behind each other, so their lengths are looked for first. */
static bool
get_lengths(struct cursor c, size_t *classes, size_t *leaves, size_t *order)
{
	const uint8_t *p;

	*classes = get_count(&c, DECISION_CLASSES_MAX, 30);
	for (size_t i = 0; i < *classes; i++) {
		(void)cursor_take(&c, 24, &p);
		(void)cursor_varint(&c);
		(void)cursor_take(&c, 5, &p);
	}
	*leaves = get_count(&c, UINT8_MAX, 12);
	(void)cursor_take(&c, 12 * *leaves, &p);
	*order = get_count(&c, UINT16_MAX, 1);
	return !c.bad;
}

/* NULL: malformed (c->bad), or no memory. */
static struct decision *
get_decision(struct cursor *c)
{
	struct decision head = { .shape = cursor_u64(c), .fired = cursor_u64(c) }, *d;
	size_t classes, leaves, order;
	struct sv s;

	head.stats_version = cursor_varint(c);
	head.index_kinds = cursor_u32(c);
	head.rows = get_amount(c);
	head.cost = get_amount(c);
	head.est_rows = get_amount(c);
	head.est_cost = get_amount(c);
	c->bad |= !get_lengths(*c, &classes, &leaves, &order);
	if (c->bad || (d = decision_new(classes, leaves, order)) == NULL)
		return NULL;
	d->shape = head.shape;
	d->fired = head.fired;
	d->stats_version = head.stats_version;
	d->index_kinds = head.index_kinds;
	d->rows = head.rows;
	d->cost = head.cost;
	d->est_rows = head.est_rows;
	d->est_cost = head.est_cost;
	(void)cursor_varint(c);
	get_classes(c, d);
	(void)cursor_varint(c);
	get_leaves(c, d);
	s = cursor_str(c);
	if (s.n == order && order != 0)
		memcpy(d->order, s.p, order);
	if (!c->bad)
		return d;
	decision_free(d);
	return NULL;
}

/* ---- taking over ---- */

/* One that was read, of the template whose place it says. */
struct found {
	struct kept *x;
	struct sv key, text;
};

struct reading {
	struct cursor c;
	VEC(struct found) v;
	uint64_t now, cost_version, older_ns, ttl_ns;
};

static int
get_kept(struct reading *r, struct sv key, struct sv text, struct err *e)
{
	uint64_t age = cursor_varint(&r->c), n_used, decide_ns;
	struct decision *d;
	struct kept *x;

	n_used = cursor_varint(&r->c);
	decide_ns = cursor_varint(&r->c);
	if ((d = get_decision(&r->c)) == NULL)
		return r->c.bad ? ERR_CORRUPT : err_nomem(e);
	if (__builtin_add_overflow(age, r->older_ns, &age) || age >= r->ttl_ns) {
		decision_free(d);
		return 0;
	}
	if ((x = calloc(1, sizeof *x)) == NULL) {
		decision_free(d);
		return err_nomem(e);
	}
	atomic_init(&x->refs, 1);
	x->decision = d;
	x->n_used = n_used;
	x->decide_ns = decide_ns;
	x->cost_version = r->cost_version;
	/* A clock that began since may be below its age: only differences are looked at. */
	x->made_mono_ns = r->now - age;
	x->used_mono_ns = r->now;
	if (vec_push(&r->v, ((struct found){ x, key, text })))
		return 0;
	entry_unref(x);
	return err_nomem(e);
}

static int
get_all(struct reading *r, struct err *e)
{
	uint64_t n = cursor_varint(&r->c);
	int code = 0;

	for (; n > 0 && !r->c.bad && code == 0; n--) {
		struct sv key = cursor_str(&r->c), text = cursor_str(&r->c);
		size_t k = get_count(&r->c, VARIANTS, 1);

		r->c.bad |= k == 0;
		for (; k > 0 && code == 0; k--)
			code = get_kept(r, key, text, e);
	}
	if (code == ERR_NOMEM)
		return code;
	if (r->c.bad || cursor_left(&r->c) != 0)
		return err_set(e, ERR_CORRUPT, (int64_t)cursor_off(&r->c),
		    "impossible content near offset %zu", cursor_off(&r->c));
	return 0;
}

/* NULL: a query was quicker, and its decision is fresher; or no memory. Under the lock. */
static struct template *
place_for(struct decisioncache *c, const struct found *f, struct template *last)
{
	uint64_t hash = hash_seeded(f->key.p, f->key.n);
	struct template *t = template_find(c, f->key, hash);

	if (t != NULL)
		return t == last ? t : NULL;
	if ((t = template_add(c, f->key, hash)) == NULL)
		return NULL;
	buf_sv(&t->text, f->text);
	c->stats.n_bytes += t->text.n;
	return t;
}

static void
take_over(struct decisioncache *c, struct reading *r)
{
	struct template *t, *last = NULL;

	pthread_mutex_lock(&c->lock);
	if (vec_reserve(&c->heap, c->heap.n + r->v.n))
		for (size_t i = 0; i < r->v.n; i++) {
			struct found *f = &r->v.v[i];

			if ((t = place_for(c, f, last)) == NULL || t->n == VARIANTS)
				continue;
			last = t;
			f->x->id = ++c->next_id;
			entry_add(c, t, f->x);
			f->x = NULL;
			c->stats.taken_over++;
		}
	make_room(c);
	pthread_mutex_unlock(&c->lock);
}

int
decisioncache_decode(struct decisioncache *c, struct sv bytes, uint64_t cost_version,
    uint64_t older_ns, struct err *e)
{
	struct reading r = { .c = cursor_new(bytes.p, bytes.n), .v = VEC_INIT,
		.now = clock_mono_ns(), .cost_version = cost_version, .older_ns = older_ns };
	int code;

	pthread_mutex_lock(&c->lock);
	r.ttl_ns = c->limits.ttl_ns;
	pthread_mutex_unlock(&c->lock);
	if ((code = get_all(&r, e)) == 0)
		take_over(c, &r);
	for (size_t i = 0; i < r.v.n; i++)
		if (r.v.v[i].x != NULL)
			entry_unref(r.v.v[i].x);
	vec_release(&r.v);
	return code;
}
