/* SPDX-License-Identifier: ISC */
/*
 * decisioncache: see decisions/decisioncache.h: looking up, keeping, and one thread that decides while
 * others wait. Threads plan by entries outside the lock, which is a leaf.
 */
#include "decisiontable_i.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"

#define WAIT_SLICE_NS 2000000ull

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

static void
use_entry(struct decisioncache *c, struct kept *x, struct decision_use *use)
{
	uint64_t now = clock_mono_ns();

	*use = (struct decision_use){ DECISION_HIT, x->id, now - x->made_mono_ns, x->n_used };
	x->n_used++;
	x->used_mono_ns = now;
	entry_used(c, x);
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
		use_entry(c, v[which], use);
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
	entry_add(c, t, x);
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
