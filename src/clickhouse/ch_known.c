/* SPDX-License-Identifier: ISC */
/*
 * ch_known: see clickhouse/ch_known.h. One lock, which is never held while a server is asked.
 * Entries stand in one list, the one looked at last in front. Each holds its own copy of the want,
 * and the newest answer, which is counted, since whoever looked at it holds it, too. While one is
 * asked for it stays, unlisted if it was forgotten meanwhile.
 */
#include "clickhouse/ch_known.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define N_BUCKETS 256u
#define ENTRY_BYTES 512u	/* what one takes beside its arenas */

/* An answer and its memory. */
struct ch_kept {
	atomic_uint refs;
	struct arena a;
	struct ch_answer answer;
	uint64_t asked_ns;	/* monotonic */
};

struct entry {
	struct entry *newer, *older, *chain;
	struct arena a;		/* of the key and the want */
	struct sv key;
	size_t n_table;		/* bytes of the key that tell the table */
	uint64_t hash;
	struct ch_want want;
	struct ch_kept *kept;	/* NULL: none yet */
	size_t bytes;
	uint64_t looked;	/* the number of the first look since it was asked; 0: none */
	bool tried;
	uint64_t tried_ns;	/* when it was asked last, in vain or not */
	bool asking, listed;
	char why[sizeof ((struct ch_seen *)NULL)->why];
};

struct ch_known {
	pthread_mutex_t lock;	/* guards everything */
	struct entry *buckets[N_BUCKETS];
	struct entry *newest, *oldest;
	size_t n_bytes, max_bytes;
	uint64_t looks;
};

static void
kept_unref(struct ch_kept *k)
{
	if (k == NULL || atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	arena_release(&k->a);
	free(k);
}

static void
entry_free(struct entry *x)
{
	if (x == NULL)
		return;
	kept_unref(x->kept);
	arena_release(&x->a);
	free(x);
}

/* ---- the list ---- */

static struct entry **
bucket(struct ch_known *k, uint64_t hash)
{
	return &k->buckets[hash % N_BUCKETS];
}

static struct entry *
find(struct ch_known *k, uint64_t hash, struct sv key)
{
	struct entry *x = *bucket(k, hash);

	while (x != NULL && (x->hash != hash || !sv_eq(x->key, key)))
		x = x->chain;
	return x;
}

static void
list_out(struct ch_known *k, struct entry *x)
{
	*(x->newer != NULL ? &x->newer->older : &k->newest) = x->older;
	*(x->older != NULL ? &x->older->newer : &k->oldest) = x->newer;
}

static void
list_in(struct ch_known *k, struct entry *x)
{
	x->newer = NULL;
	x->older = k->newest;
	*(k->newest != NULL ? &k->newest->newer : &k->oldest) = x;
	k->newest = x;
}

static void
recount(struct ch_known *k, struct entry *x)
{
	k->n_bytes -= x->bytes;
	x->bytes = ENTRY_BYTES + arena_footprint(&x->a) + (x->kept != NULL ? arena_footprint(&x->kept->a) : 0);
	k->n_bytes += x->bytes;
}

/* It is no longer found; freed, unless it is being asked for. */
static void
drop(struct ch_known *k, struct entry *x)
{
	struct entry **at = bucket(k, x->hash);

	while (*at != x)
		at = &(*at)->chain;
	*at = x->chain;
	list_out(k, x);
	k->n_bytes -= x->bytes;
	x->listed = false;
	if (!x->asking)
		entry_free(x);
}

/* From the oldest on, but for those that are being asked for and the newest. */
static void
shrink(struct ch_known *k)
{
	struct entry *x = k->oldest, *next;

	for (; x != NULL && x != k->newest && k->n_bytes > k->max_bytes; x = next) {
		next = x->newer;
		if (!x->asking)
			drop(k, x);
	}
}

/* ---- what tells questions apart ---- */

static void
put_text(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

/* The table first. */
static bool
key_put(struct buf *b, const struct ch_schema *s, const struct ch_want *want, size_t *n_table)
{
	put_text(b, s->table.database);
	put_text(b, s->table.name);
	buf_le(b, s->fingerprint, 8);
	*n_table = b->n;
	buf_varint(b, want->topic);
	buf_varint(b, want->order);
	buf_varint(b, want->max);
	buf_varint(b, want->field.scope);
	buf_varint(b, want->field.intrinsic);
	put_text(b, want->field.key);
	buf_le(b, want->range.from, 8);
	buf_le(b, want->range.to, 8);
	if (want->filter != NULL)
		pred_put(b, want->filter);
	return !b->oom;
}

static bool
want_copy(struct entry *x, const struct ch_want *want)
{
	x->want = *want;
	x->want.field.key = arena_sv(&x->a, want->field.key);
	x->want.field.prices = NULL;
	if (want->filter != NULL && (x->want.filter = pred_copy(&x->a, want->filter)) == NULL)
		return false;
	return want->field.key.n == 0 || x->want.field.key.p != NULL;
}

/* Found or made, in front of the list; NULL: no memory. */
static struct entry *
entry_of(struct ch_known *k, const struct ch_schema *s, const struct ch_want *want)
{
	struct buf key = BUF_INIT;
	struct entry *x = NULL;
	size_t n_table;
	uint64_t hash;

	if (!key_put(&key, s, want, &n_table)) {
		buf_release(&key);
		return NULL;
	}
	hash = hash64(key.p, key.n);
	x = find(k, hash, buf_view(&key));
	if (x != NULL) {
		list_out(k, x);
		list_in(k, x);
		buf_release(&key);
		return x;
	}
	x = calloc(1, sizeof *x);
	if (x != NULL) {
		arena_init(&x->a);
		x->hash = hash;
		x->n_table = n_table;
		x->key = arena_sv(&x->a, buf_view(&key));
	}
	buf_release(&key);
	if (x == NULL || x->key.p == NULL || !want_copy(x, want)) {
		entry_free(x);
		return NULL;
	}
	x->listed = true;
	x->chain = *bucket(k, hash);
	*bucket(k, hash) = x;
	list_in(k, x);
	recount(k, x);
	shrink(k);
	return x;
}

/* ---- looking ---- */

int
ch_known_new(size_t max_bytes, struct ch_known **out, struct err *e)
{
	struct ch_known *k = calloc(1, sizeof *k);

	if (k == NULL)
		return err_nomem(e);
	pthread_mutex_init(&k->lock, NULL);
	k->max_bytes = max_bytes;
	*out = k;
	return 0;
}

void
ch_known_free(struct ch_known *k)
{
	if (k == NULL)
		return;
	ch_known_forget(k);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

void
ch_known_forget(struct ch_known *k)
{
	pthread_mutex_lock(&k->lock);
	while (k->oldest != NULL)
		drop(k, k->oldest);
	pthread_mutex_unlock(&k->lock);
}

void
ch_known_look(struct ch_known *k, const struct ch_schema *s, const struct ch_want *want,
    uint64_t max_age_ns, struct ch_seen *out)
{
	uint64_t now = clock_mono_ns();
	struct entry *x;

	memset(out, 0, sizeof *out);
	pthread_mutex_lock(&k->lock);
	x = entry_of(k, s, want);
	if (x != NULL) {
		k->looks++;
		if (x->looked == 0)
			x->looked = k->looks;
		memcpy(out->why, x->why, sizeof out->why);
	}
	if (x != NULL && x->kept != NULL) {
		atomic_fetch_add(&x->kept->refs, 1);
		out->kept = x->kept;
		out->answer = &x->kept->answer;
		/* One that was asked since `now` was read is new. */
		out->age_ns = now > x->kept->asked_ns ? now - x->kept->asked_ns : 0;
		out->fresh = out->age_ns < max_age_ns;
	}
	pthread_mutex_unlock(&k->lock);
}

void
ch_seen_release(struct ch_seen *s)
{
	kept_unref(s->kept);
	memset(s, 0, sizeof *s);
}

/* ---- asking ---- */

static int
kept_new(struct ch_kept **out, struct err *e)
{
	struct ch_kept *kept = calloc(1, sizeof *kept);

	if (kept == NULL)
		return err_nomem(e);
	arena_init(&kept->a);
	atomic_init(&kept->refs, 1);
	kept->asked_ns = clock_mono_ns();
	*out = kept;
	return 0;
}

/* What came of it. A reader that went away says nothing of the server. */
static void
tell(struct ch_known *k, struct entry *x, struct ch_kept *kept, uint64_t began, int rc, const struct err *e)
{
	struct ch_kept *old = kept;

	pthread_mutex_lock(&k->lock);
	x->asking = false;
	if (rc == 0) {
		old = x->kept;
		x->kept = kept;
		x->why[0] = '\0';
	} else if (rc != ERR_CANCELLED) {
		snprintf(x->why, sizeof x->why, "%s", e->msg);
	}
	if (rc != ERR_CANCELLED) {
		x->looked = 0;
		x->tried = true;
		x->tried_ns = began;
	}
	if (x->listed) {
		recount(k, x);
		shrink(k);
	} else {
		entry_free(x);
	}
	pthread_mutex_unlock(&k->lock);
	kept_unref(old);
}

/* The entry is marked as being asked for: it stays. */
static int
refresh(struct ch_known *k, struct entry *x, const struct ch_asking *by, struct ch_outcome *outcome,
    struct err *e)
{
	uint64_t began = clock_mono_ns();
	struct err own = ERR_INIT;
	struct ch_kept *kept = NULL;
	int rc = kept_new(&kept, &own);

	if (rc == 0)
		rc = ch_catalog_ask(by, &x->want, &kept->a, &kept->answer, outcome, &own);
	tell(k, x, kept, began, rc, &own);
	if (rc < 0 && e != NULL)
		*e = own;
	return rc;
}

int
ch_known_refresh(struct ch_known *k, const struct ch_asking *by, const struct ch_want *want,
    struct ch_outcome *outcome, struct err *e)
{
	struct entry *x;
	bool busy = false;

	pthread_mutex_lock(&k->lock);
	x = entry_of(k, by->schema, want);
	if (x != NULL) {
		busy = x->asking;
		x->asking = true;
	}
	pthread_mutex_unlock(&k->lock);
	if (x == NULL)
		return err_nomem(e);
	return busy ? 1 : refresh(k, x, by, outcome, e);
}

static bool
due(const struct entry *x, struct sv table, uint64_t now, uint64_t max_age_ns)
{
	return x->looked != 0 && !x->asking && (!x->tried || now - x->tried_ns >= max_age_ns) &&
	    sv_eq(sv_sub(x->key, 0, x->n_table), table);
}

int
ch_known_refresh_due(struct ch_known *k, const struct ch_asking *by, uint64_t max_age_ns,
    struct ch_outcome *outcome, struct err *e)
{
	static const struct ch_want none;
	struct entry *first = NULL;
	struct buf key = BUF_INIT;
	size_t n_table;

	if (!key_put(&key, by->schema, &none, &n_table)) {
		buf_release(&key);
		return err_nomem(e);
	}
	pthread_mutex_lock(&k->lock);
	uint64_t now = clock_mono_ns();	/* no entry was tried later */
	for (struct entry *x = k->newest; x != NULL; x = x->older)
		if (due(x, sv_new(key.p, n_table), now, max_age_ns) && (first == NULL || x->looked < first->looked))
			first = x;
	if (first != NULL)
		first->asking = true;
	pthread_mutex_unlock(&k->lock);
	buf_release(&key);
	return first == NULL ? 1 : refresh(k, first, by, outcome, e);
}
