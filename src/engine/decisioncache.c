/* SPDX-License-Identifier: ISC */
/*
 * decisioncache: see decisioncache_i.h. Templates are in a chained hash table; each has up to
 * VARIANTS decisions, the last used first. All decisions are in a heap by worth:
 *
 *   worth = floor + times used * time it took to decide / bytes
 *
 * When there is no room the least worth goes, and its worth is the new floor: what is used
 * now counts above what was used long ago (GreedyDual with size and frequency). A hit moves
 * its entry in the heap: O(log n).
 *
 * Entries are refcounted: a thread plans by them outside the lock. The lock is a leaf.
 */
#include "decisioncache_i.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/vec.h"
#include "base/visible.h"
#include "engine_i.h"

#define VARIANTS 8
#define BUCKETS 1024
#define WAIT_SLICE_NS 2000000ull
/* What an entry takes beside decision, key and words. */
#define ENTRY_BYTES (sizeof(struct kept) + 16)

struct kept {
	atomic_uint refs;
	struct decision *decision;
	/* Under the lock: */
	struct template *of;		/* NULL: no longer in the cache */
	uint64_t id, made_mono_ns, used_mono_ns, n_used, decide_ns;
	uint64_t cost_version;
	double worth;
	size_t at;			/* in the heap */
};

struct template {
	struct template *next;		/* of its bucket */
	uint64_t hash;
	struct buf key, text;
	struct kept *v[VARIANTS];
	size_t n;
	bool deciding;			/* a thread does */
	unsigned waiting;
};

struct decisioncache {
	pthread_mutex_t lock;		/* guards all */
	pthread_cond_t decided;
	struct decisioncache_limits limits;
	struct template *buckets[BUCKETS];
	VEC(struct kept *) heap;	/* the least worth first */
	double floor;
	uint64_t next_id, epoch;	/* epoch: of drops */
	struct decisioncache_stats stats;
};

/* ---- heap ---- */

static void
heap_set(struct decisioncache *c, size_t i, struct kept *x)
{
	c->heap.v[i] = x;
	x->at = i;
}

static void
heap_up(struct decisioncache *c, size_t i)
{
	struct kept *x = c->heap.v[i];

	for (; i > 0 && c->heap.v[(i - 1) / 2]->worth > x->worth; i = (i - 1) / 2)
		heap_set(c, i, c->heap.v[(i - 1) / 2]);
	heap_set(c, i, x);
}

static void
heap_down(struct decisioncache *c, size_t i)
{
	struct kept *x = c->heap.v[i];
	size_t k;

	while ((k = 2 * i + 1) < c->heap.n) {
		if (k + 1 < c->heap.n && c->heap.v[k + 1]->worth < c->heap.v[k]->worth)
			k++;
		if (c->heap.v[k]->worth >= x->worth)
			break;
		heap_set(c, i, c->heap.v[k]);
		i = k;
	}
	heap_set(c, i, x);
}

static void
heap_remove(struct decisioncache *c, size_t i)
{
	struct kept *last = c->heap.v[--c->heap.n];

	if (i == c->heap.n)
		return;
	heap_set(c, i, last);
	heap_up(c, i);
	heap_down(c, last->at);
}

static size_t
entry_bytes(const struct kept *x)
{
	return ENTRY_BYTES + x->decision->n_bytes;
}

static size_t
template_bytes(const struct template *t)
{
	return sizeof *t + t->key.n + t->text.n;
}

static double
worth(const struct decisioncache *c, const struct kept *x)
{
	return c->floor + (double)(x->n_used + 1) * (double)(x->decide_ns + 1) /
	    (double)entry_bytes(x);
}

/* ---- entries and templates ---- */

static void
entry_unref(struct kept *x)
{
	if (atomic_fetch_sub(&x->refs, 1) != 1)
		return;
	decision_free(x->decision);
	free(x);
}

static struct template *
template_find(struct decisioncache *c, struct sv key, uint64_t hash)
{
	struct template *t = c->buckets[hash % BUCKETS];

	while (t != NULL && (t->hash != hash || !sv_eq(buf_view(&t->key), key)))
		t = t->next;
	return t;
}

static void
template_free(struct template *t)
{
	buf_release(&t->key);
	buf_release(&t->text);
	free(t);
}

/* NULL: no memory. */
static struct template *
template_add(struct decisioncache *c, struct sv key, uint64_t hash)
{
	struct template *t = calloc(1, sizeof *t);

	if (t == NULL)
		return NULL;
	buf_sv(&t->key, key);
	if (t->key.oom) {
		template_free(t);
		return NULL;
	}
	t->hash = hash;
	t->next = c->buckets[hash % BUCKETS];
	c->buckets[hash % BUCKETS] = t;
	c->stats.n_templates++;
	c->stats.n_bytes += template_bytes(t);
	return t;
}

/* Goes if nobody needs it. */
static void
template_tidy(struct decisioncache *c, struct template *t)
{
	struct template **p = &c->buckets[t->hash % BUCKETS];

	if (t->n != 0 || t->deciding || t->waiting != 0)
		return;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	c->stats.n_templates--;
	c->stats.n_bytes -= template_bytes(t);
	template_free(t);
}

/* Out of the cache; its template stays. */
static void
entry_remove(struct decisioncache *c, struct kept *x)
{
	struct template *t = x->of;
	size_t i = 0;

	while (t->v[i] != x)
		i++;
	memmove(&t->v[i], &t->v[i + 1], (--t->n - i) * sizeof(struct kept *));
	heap_remove(c, x->at);
	c->stats.n_entries--;
	c->stats.n_bytes -= entry_bytes(x);
	x->of = NULL;
	entry_unref(x);
}

static void
make_room(struct decisioncache *c)
{
	while (c->heap.n != 0 && (c->heap.n > c->limits.max_entries ||
	    c->stats.n_bytes > c->limits.max_bytes)) {
		struct kept *x = c->heap.v[0];
		struct template *t = x->of;

		c->floor = x->worth;
		c->stats.evicted++;
		entry_remove(c, x);
		template_tidy(c, t);
	}
}

/* ---- looking up ---- */

static bool
too_old(struct decisioncache *c, const struct kept *x, const struct decision_call *call,
    uint64_t now)
{
	if (x->cost_version != call->cost_version)
		c->stats.invalid_cost++;
	else if (now - x->made_mono_ns >= c->limits.ttl_ns)
		c->stats.invalid_ttl++;
	else
		return false;
	return true;
}

/* References to what may be used; what is too old goes. */
static size_t
take_entries(struct decisioncache *c, struct template *t, const struct decision_call *call,
    struct kept **v)
{
	uint64_t now = clock_mono_ns();
	size_t n = 0;

	for (size_t i = 0; t != NULL && i < t->n;) {
		struct kept *x = t->v[i];

		if (too_old(c, x, call, now)) {
			entry_remove(c, x);
			continue;
		}
		atomic_fetch_add(&x->refs, 1);
		v[n++] = x;
		i++;
	}
	return n;
}

/* To the front of its template's. */
static void
entry_used(struct decisioncache *c, struct kept *x, struct decision_use *use)
{
	struct template *t = x->of;
	uint64_t now = clock_mono_ns();
	size_t i = 0;

	*use = (struct decision_use){ DECISION_HIT, x->id, now - x->made_mono_ns, x->n_used };
	x->n_used++;
	x->used_mono_ns = now;
	if (t == NULL)
		return;
	while (t->v[i] != x)
		i++;
	memmove(&t->v[1], &t->v[0], i * sizeof(struct kept *));
	t->v[0] = x;
	x->worth = worth(c, x);
	heap_down(c, x->at);
}

static void
count_miss(struct decisioncache_stats *s, int miss)
{
	if (miss == DECISION_SHAPE)
		s->missed_shape++;
	else if (miss == DECISION_SELECTIVITY)
		s->missed_selectivity++;
	else if (miss == DECISION_CLASS)
		s->missed_class++;
}

/* By what is remembered: 0 done, above 0 there is nothing that holds. */
static int
plan_by(struct decisioncache *c, const struct decision_call *call, uint64_t hash,
    struct decision_use *use, struct err *e)
{
	const struct decision *decisions[VARIANTS];
	struct kept *v[VARIANTS];
	struct template *t;
	size_t n, which = 0;
	int code;

	pthread_mutex_lock(&c->lock);
	if ((t = template_find(c, call->key, hash)) != NULL) {
		n = take_entries(c, t, call, v);
		template_tidy(c, t);
	} else
		n = 0;
	pthread_mutex_unlock(&c->lock);
	if (n == 0)
		return DECISION_SHAPE;
	for (size_t i = 0; i < n; i++)
		decisions[i] = v[i]->decision;
	code = call->by(call->arg, decisions, n, &which, e);
	pthread_mutex_lock(&c->lock);
	if (code == 0)
		entry_used(c, v[which], use);
	else if (code > 0)
		count_miss(&c->stats, code);
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < n; i++)
		entry_unref(v[i]);
	return code;
}

/* ---- keeping ---- */

/* What the new decision says better goes. */
static void
settle_variants(struct decisioncache *c, struct template *t, struct kept *x)
{
	struct decision *joined;

	for (size_t i = 0; i < t->n;) {
		struct kept *old = t->v[i];

		if ((joined = decision_joined(x->decision, old->decision)) != NULL) {
			decision_free(x->decision);
			x->decision = joined;
			x->n_used += old->n_used;
		} else if (!decision_replaces(x->decision, old->decision)) {
			i++;
			continue;
		}
		entry_remove(c, old);
	}
}

/* Takes the decision. Out of memory: it is not kept. */
static uint64_t
keep(struct decisioncache *c, struct template *t, const struct decision_call *call,
    struct decision *d, uint64_t decide_ns)
{
	struct kept *x = calloc(1, sizeof *x);

	if (x == NULL || !vec_reserve(&c->heap, c->heap.n + 1)) {
		free(x);
		decision_free(d);
		return 0;
	}
	atomic_init(&x->refs, 1);
	x->decision = d;
	x->decide_ns = decide_ns;
	x->cost_version = call->cost_version;
	x->made_mono_ns = x->used_mono_ns = clock_mono_ns();
	x->id = ++c->next_id;
	settle_variants(c, t, x);
	if (t->n == VARIANTS)
		entry_remove(c, t->v[t->n - 1]);
	x->of = t;
	memmove(&t->v[1], &t->v[0], t->n++ * sizeof(struct kept *));
	t->v[0] = x;
	x->worth = worth(c, x);
	c->heap.v[c->heap.n++] = x;
	heap_up(c, c->heap.n - 1);
	c->stats.n_entries++;
	c->stats.n_bytes += entry_bytes(x);
	make_room(c);
	return c->next_id;
}

/* Takes the words over. */
static void
describe(struct decisioncache *c, struct template *t, struct buf *text)
{
	if (text->oom || t->text.n != 0)
		return;
	t->text = *text;
	buf_init(text);
	c->stats.n_bytes += t->text.n;
}

/* `t` is marked as being decided by us; NULL: we decide on our own, for nobody else. */
static int
plan_anew(struct decisioncache *c, const struct decision_call *call, struct template *t,
    uint64_t epoch, struct decision_use *use, struct err *e)
{
	uint64_t t0 = clock_mono_ns(), ns;
	struct buf text = BUF_INIT;
	struct decision *d = NULL;
	int code = call->anew(call->arg, &d, e);

	ns = clock_mono_ns() - t0;
	if (t != NULL && d != NULL)
		call->describe(call->arg, &text);
	*use = (struct decision_use){ .how = DECISION_COMPUTED };
	pthread_mutex_lock(&c->lock);
	if (code == 0) {
		c->stats.computed++;
		c->stats.computed_ns += ns;
		c->stats.computed_cost += d != NULL ? (double)d->est_cost : 0;
		c->stats.not_kept += d == NULL;
	}
	if (t != NULL && d != NULL && epoch == c->epoch) {
		describe(c, t, &text);
		use->id = keep(c, t, call, d, ns);
		d = NULL;
	}
	if (t != NULL) {
		t->deciding = false;
		pthread_cond_broadcast(&c->decided);
		template_tidy(c, t);
	}
	pthread_mutex_unlock(&c->lock);
	buf_release(&text);
	decision_free(d);
	return code;
}

/* ---- one thread decides ---- */

static struct timespec
timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / 1000000000),
	    .tv_nsec = (long)(ns % 1000000000) };
}

/* Until the other one is done, or no longer. Lock held. */
static bool
wait_for_other(struct decisioncache *c, const struct decision_call *call, struct template *t)
{
	uint64_t now = clock_mono_ns(), end = now + DECISION_WAIT_NS;

	if (call->deadline_mono_ns != 0 && call->deadline_mono_ns < end)
		end = call->deadline_mono_ns;
	c->stats.waits++;
	t->waiting++;
	while (t->deciding && now < end &&
	    (call->cancel == NULL || !atomic_load(call->cancel))) {
		struct timespec until = timespec_of(now + WAIT_SLICE_NS < end ?
		    now + WAIT_SLICE_NS : end);

		pthread_cond_timedwait(&c->decided, &c->lock, &until);
		now = clock_mono_ns();
	}
	t->waiting--;
	c->stats.waits_given_up += t->deciding;
	return !t->deciding;
}

/* True if the caller decides (*t is marked, or NULL: only for itself); else it may look again. */
static bool
enter(struct decisioncache *c, const struct decision_call *call, uint64_t hash, bool waited,
    struct template **out, uint64_t *epoch)
{
	struct template *t;
	bool decide = true;

	pthread_mutex_lock(&c->lock);
	*out = NULL;
	*epoch = c->epoch;
	t = template_find(c, call->key, hash);
	if (t != NULL && t->deciding) {
		decide = waited || !wait_for_other(c, call, t);
		template_tidy(c, t);
	} else {
		if (t == NULL)
			t = template_add(c, call->key, hash);
		if (t != NULL)
			t->deciding = true;
		*out = t;
	}
	c->stats.misses += decide;
	pthread_mutex_unlock(&c->lock);
	return decide;
}

int
decisioncache_plan(struct decisioncache *c, const struct decision_call *call,
    struct decision_use *use, struct err *e)
{
	uint64_t hash = hash_seeded(call->key.p, call->key.n), t0 = clock_mono_ns(), epoch;
	struct template *t;
	int code;

	for (bool waited = false;; waited = true) {
		if ((code = plan_by(c, call, hash, use, e)) < 0)
			return code;
		if (code == 0)
			break;
		if (enter(c, call, hash, waited, &t, &epoch))
			return plan_anew(c, call, t, epoch, use, e);
	}
	pthread_mutex_lock(&c->lock);
	c->stats.hits++;
	c->stats.hit_ns += clock_mono_ns() - t0;
	pthread_mutex_unlock(&c->lock);
	return 0;
}

/* ---- life ---- */

int
decisioncache_new(const struct decisioncache_limits *limits, struct decisioncache **out,
    struct err *e)
{
	struct decisioncache *c = calloc(1, sizeof *c);
	pthread_condattr_t attr;

	if (c == NULL)
		return err_nomem(e);
	c->limits = *limits;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->decided, &attr);
	pthread_condattr_destroy(&attr);
	*out = c;
	return 0;
}

void
decisioncache_free(struct decisioncache *c)
{
	if (c == NULL)
		return;
	decisioncache_drop(c);
	vec_release(&c->heap);
	pthread_cond_destroy(&c->decided);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
decisioncache_limit(struct decisioncache *c, const struct decisioncache_limits *limits)
{
	pthread_mutex_lock(&c->lock);
	c->limits = *limits;
	make_room(c);
	pthread_mutex_unlock(&c->lock);
}

void
decisioncache_drop(struct decisioncache *c)
{
	pthread_mutex_lock(&c->lock);
	c->epoch++;
	while (c->heap.n != 0) {
		struct kept *x = c->heap.v[c->heap.n - 1];
		struct template *t = x->of;

		entry_remove(c, x);
		template_tidy(c, t);
		c->stats.dropped++;
	}
	pthread_mutex_unlock(&c->lock);
}

struct decisioncache_stats
decisioncache_stats(struct decisioncache *c)
{
	struct decisioncache_stats s;

	pthread_mutex_lock(&c->lock);
	s = c->stats;
	pthread_mutex_unlock(&c->lock);
	return s;
}

/* ---- for people ---- */

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
