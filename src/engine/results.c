/* SPDX-License-Identifier: ISC */
/*
 * results: the engine's table of results, so that equal requests share one and a finished one
 * can answer again: the cache L1. Found by the hash of their key: no step goes through all of them;
 * or, where a path was bound in the same world before, by the path (`again`).
 *
 * Those that nobody uses stay within [result_cache] max_bytes: what goes first gdsf.h says. What
 * answers for one state of the store or one `now` alone ages besides: [result_cache] ttl. What
 * has a version lasts as long as that holds, over commits that don't touch it.
 *
 * All under engine.lock, but for results_hold. Listed ones are referenced by the table; who takes one out drops that
 * reference, outside the lock.
 */
#include <stdio.h>
#include <stdlib.h>

#include "result_i.h"

static struct result **
bucket_of(struct results *t, uint64_t hash)
{
	return &t->bucket[hash % RESULTS_BUCKETS];
}

/* ---- the lists ---- */

static void
link_first(struct results *t, struct result *r)
{
	struct result **head;

	r->list = r->users != 0 ? LIST_USED : r->lasting ? LIST_LASTING : LIST_AGING;
	head = &t->first[r->list];
	r->prev = NULL;
	r->next = *head;
	if (*head != NULL)
		(*head)->prev = r;
	else if (r->list == LIST_AGING)
		t->oldest = r;
	*head = r;
	if (r->list != LIST_USED)
		gdsf_add(&t->worth, &r->worth);
}

static void
unlink_it(struct results *t, struct result *r)
{
	if (r->prev != NULL)
		r->prev->next = r->next;
	else
		t->first[r->list] = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	else if (r->list == LIST_AGING)
		t->oldest = r->prev;
	if (r->worth.place != 0)
		gdsf_remove(&t->worth, &r->worth);
}

static struct result *
first_from(const struct results *t, int list)
{
	while (list < N_RESULT_LISTS && t->first[list] == NULL)
		list++;
	return list < N_RESULT_LISTS ? t->first[list] : NULL;
}

struct result *
results_first(const struct results *t)
{
	return first_from(t, LIST_USED);
}

struct result *
results_after(const struct results *t, const struct result *r)
{
	return r->next != NULL ? r->next : first_from(t, (int)r->list + 1);
}

/* ---- in and out ---- */

bool
results_add(struct results *t, struct result *r)
{
	struct sv key = buf_view(&r->request->key);
	struct result **b;

	/* For when nobody uses any of them. */
	if (!gdsf_reserve(&t->worth, t->n + 1))
		return false;
	r->worth.hash = hash64(key.p, key.n);
	b = bucket_of(t, r->worth.hash);
	r->same = *b;
	*b = r;
	link_first(t, r);
	r->listed = true;
	t->n++;
	return true;
}

void
results_remove(struct results *t, struct result *r)
{
	struct result **p = bucket_of(t, r->worth.hash);

	while (*p != r)
		p = &(*p)->same;
	*p = r->same;
	unlink_it(t, r);
	r->listed = false;
	t->n--;
}

void
results_join(struct results *t, struct result *r)
{
	bool moves = r->listed && r->users == 0;

	if (moves)
		unlink_it(t, r);
	r->users++;
	if (moves)
		link_first(t, r);
}

bool
results_leave(struct results *t, struct result *r, uint64_t bytes)
{
	if (--r->users != 0)
		return false;
	if (r->listed) {
		unlink_it(t, r);
		r->worth.bytes = bytes;
		link_first(t, r);
	}
	return true;
}

void
results_recount(struct results *t, struct result *r, uint64_t bytes, uint64_t cost_ns,
    bool lasting)
{
	r->lasting = lasting;
	if (!r->listed || r->list == LIST_USED) {
		r->worth.cost_ns = cost_ns;
		return;
	}
	if (lasting == (r->list == LIST_LASTING)) {
		gdsf_update(&t->worth, &r->worth, bytes, cost_ns);
		return;
	}
	unlink_it(t, r);
	r->worth.bytes = bytes;
	r->worth.cost_ns = cost_ns;
	link_first(t, r);
}

/* ---- look-up ---- */

static bool
is_key(const struct result *r, uint64_t hash, struct sv key)
{
	return r->worth.hash == hash && sv_eq(buf_view(&r->request->key), key);
}

struct result *
results_find(struct results *t, struct sv key, uint64_t made_after, uint64_t world_id,
    uint64_t now)
{
	uint64_t hash = hash64(key.p, key.n);

	for (struct result *r = *bucket_of(t, hash); r != NULL; r = r->same) {
		bool fresh = r->made_mono_ns > made_after;
		bool same = world_id != 0 && r->world_id == world_id && r->now == now;

		if (((fresh && r->by_stat) || (same && (fresh || r->lasting))) &&
		    is_key(r, hash, key))
			return r;
	}
	return NULL;
}

struct result *
results_find_version(struct results *t, struct sv key, uint64_t made_after, uint64_t now)
{
	uint64_t hash = hash64(key.p, key.n);

	for (struct result *r = *bucket_of(t, hash); r != NULL; r = r->same)
		if (r->now == now && has_version(r->version) &&
		    (r->lasting || r->made_mono_ns > made_after) && is_key(r, hash, key))
			return r;
	return NULL;
}

/* ---- the same path again ---- */

#define AGAIN_KEY_BYTES 1024	/* a longer path is not held for it */

static struct asked_again *
slot_of(struct results *t, const struct path *p, struct sv file)
{
	uint64_t hash = hash_u64((uint64_t)(uintptr_t)p ^ hash64(file.p, file.n));

	return &t->again[hash % RESULTS_AGAIN];
}

static bool
is_slot(const struct asked_again *x, const struct path *p, struct sv file)
{
	return x->path != NULL && x->path == p && sv_is(file, x->file);
}

void
results_bound(struct results *t, const struct request *rq, struct path *p,
    const struct result *r)
{
	struct asked_again *x = slot_of(t, p, sv_cstr(rq->file));

	if (rq->now != 0 || (rq->query != NULL && rq->query->has_mark) ||
	    strlen(rq->file) >= sizeof x->file || rq->key.n > AGAIN_KEY_BYTES)
		return;
	if (x->path != p) {
		path_unref(x->path);
		x->path = path_ref(p);
	}
	snprintf(x->file, sizeof x->file, "%s", rq->file);
	x->world_id = rq->world->id;
	x->hash = r->worth.hash;
	x->id = r->id;
}

bool
results_may_know(const struct results *t, const struct path *p, struct sv file)
{
	return is_slot(slot_of((struct results *)(uintptr_t)t, p, file), p, file);
}

struct result *
results_again(struct results *t, const struct path *p, struct sv file, uint64_t world_id,
    uint64_t rules_off, uint64_t made_after)
{
	const struct asked_again *x = slot_of(t, p, file);

	if (!is_slot(x, p, file) || x->world_id != world_id)
		return NULL;
	for (struct result *r = *bucket_of(t, x->hash); r != NULL; r = r->same)
		if (r->id == x->id)
			return r->world_id == world_id && r->request->rules_off == rules_off &&
			    (r->lasting || r->made_mono_ns > made_after) ? r : NULL;
	return NULL;
}

void
results_forget_paths(struct results *t)
{
	for (size_t i = 0; i < RESULTS_AGAIN; i++) {
		path_unref(t->again[i].path);
		t->again[i].path = NULL;
	}
}

static struct result *
result_of(struct gdsf_item *x)
{
	return (struct result *)(void *)((char *)x - offsetof(struct result, worth));
}

static struct result *
take_out(struct results *t, struct result *r, struct result *gone)
{
	results_remove(t, r);
	r->next = gone;
	return r;
}

struct result *
results_expire(struct results *t, uint64_t made_after, uint64_t max_bytes)
{
	struct result *gone = NULL, *r;
	struct gdsf_item *least;

	while ((r = t->oldest) != NULL && r->made_mono_ns <= made_after)
		gone = take_out(t, r, gone);
	while (t->worth.bytes > max_bytes && (least = gdsf_evict(&t->worth)) != NULL)
		gone = take_out(t, result_of(least), gone);
	return gone;
}

struct result **
results_hold(struct engine *en, bool done, size_t *n)
{
	struct result **v;

	*n = 0;
	pthread_mutex_lock(&en->lock);
	v = malloc((en->results.n + 1) * sizeof(struct result *));
	for (struct result *r = results_first(&en->results); r != NULL && v != NULL;
	    r = results_after(&en->results, r)) {
		bool wanted;

		pthread_mutex_lock(&r->lock);
		wanted = done ? r->settled && r->err.code == 0 : result_at_work(r);
		pthread_mutex_unlock(&r->lock);
		if (wanted) {
			atomic_fetch_add(&r->refs, 1);
			v[(*n)++] = r;
		}
	}
	pthread_mutex_unlock(&en->lock);
	return v;
}

/* ---- waits with a due time, which the ticker looks for ---- */

void
engine_timed(struct engine *en, int delta)
{
	pthread_mutex_lock(&en->lock);
	en->timed += (unsigned)delta;
	if (delta > 0 && en->idle)
		pthread_cond_signal(&en->tick);
	pthread_mutex_unlock(&en->lock);
}
