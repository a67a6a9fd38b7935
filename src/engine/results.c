/* SPDX-License-Identifier: ISC */
/*
 * results: the engine's table of results, so that equal requests share one and a finished one
 * can answer again for a while. Those in use stand in one list; the others in a second one,
 * latest first, from whose end what is too old or too much is taken. Found by the hash of
 * their key: no step goes through all of them.
 *
 * All under engine.lock. Listed ones are referenced by the table; who takes one out drops that
 * reference, outside the lock.
 */
#include "base/hash.h"
#include "engine_i.h"

static struct result **
bucket_of(struct results *t, uint64_t hash)
{
	return &t->bucket[hash % RESULTS_BUCKETS];
}

/* ---- the two lists ---- */

static void
link_first(struct results *t, struct result *r)
{
	struct result **head = r->users == 0 ? &t->kept : &t->used;

	r->kept = r->users == 0;
	r->prev = NULL;
	r->next = *head;
	if (*head != NULL)
		(*head)->prev = r;
	else if (r->kept)
		t->kept_last = r;
	*head = r;
	if (r->kept)
		t->kept_bytes += r->kept_bytes;
}

static void
unlink_it(struct results *t, struct result *r)
{
	struct result **head = r->kept ? &t->kept : &t->used;

	if (r->prev != NULL)
		r->prev->next = r->next;
	else
		*head = r->next;
	if (r->next != NULL)
		r->next->prev = r->prev;
	else if (r->kept)
		t->kept_last = r->prev;
	if (r->kept)
		t->kept_bytes -= r->kept_bytes;
}

struct result *
results_first(const struct results *t)
{
	return t->used != NULL ? t->used : t->kept;
}

struct result *
results_after(const struct results *t, const struct result *r)
{
	return r->next != NULL || r->kept ? r->next : t->kept;
}

/* ---- in and out ---- */

void
results_add(struct results *t, struct result *r)
{
	struct sv key = buf_view(&r->request->key);
	struct result **b;

	r->key_hash = hash64(key.p, key.n);
	b = bucket_of(t, r->key_hash);
	r->same = *b;
	*b = r;
	link_first(t, r);
	r->listed = true;
	t->n++;
}

void
results_remove(struct results *t, struct result *r)
{
	struct result **p = bucket_of(t, r->key_hash);

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
		r->kept_bytes = bytes;
		link_first(t, r);
	}
	return true;
}

void
results_recount(struct results *t, struct result *r, uint64_t bytes)
{
	if (!r->listed || !r->kept)
		return;
	t->kept_bytes += bytes - r->kept_bytes;
	r->kept_bytes = bytes;
}

/* ---- look-up ---- */

struct result *
results_find(struct results *t, struct sv key, uint64_t made_after, uint64_t world_id,
    uint64_t now)
{
	uint64_t hash = hash64(key.p, key.n);

	for (struct result *r = *bucket_of(t, hash); r != NULL; r = r->same)
		if (r->key_hash == hash && r->made_mono_ns > made_after &&
		    (r->by_stat || (world_id != 0 && r->world_id == world_id && r->now == now)) &&
		    sv_eq(buf_view(&r->request->key), key))
			return r;
	return NULL;
}

struct result *
results_expire(struct results *t, uint64_t made_after, uint64_t max_bytes)
{
	struct result *gone = NULL, *r;

	while ((r = t->kept_last) != NULL &&
	    (r->made_mono_ns <= made_after || t->kept_bytes > max_bytes)) {
		results_remove(t, r);
		r->next = gone;
		gone = r;
	}
	return gone;
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
