/* SPDX-License-Identifier: ISC */
/*
 * intake_seal: a full memtable becomes shards and one commit. Its parts are sealed by whoever
 * is free; the last one done commits. Order on disk: each shard written and synced
 * (memtable_seal), then their directories and CATALOG (catalog_commit); only then is anything
 * reported. After a failure nothing more is committed in this session, and what the catalog
 * does not list is removed as far as the disk lets us.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "seal/memtable.h"
#include "intake_i.h"

/* ---- sealing ---- */

static int
seal_part(struct intake *in, const struct memtable *mt, size_t part, struct shard_entry *en,
    struct err *e)
{
	struct fsys *fs = catalog_fsys(in->catalog);
	int rc;

	rc = catalog_new_file(in->catalog, memtable_part(mt, part).partition, &en->file, e);
	return rc != 0 ? rc : memtable_seal(mt, part, fs, en->file, en, e);
}

static void
sealing_release(struct sealing *s)
{
	memtable_free(s->mt);
	for (size_t i = 0; s->entries != NULL && i < s->n_parts; i++)
		free(s->entries[i].file);
	free(s->entries);
	free(s->order);
	*s = (struct sealing){ .active = false };
}

static void
report_commit(struct intake *in)
{
	struct intake_counts c;

	if (in->opts.on_commit == NULL)
		return;
	pthread_mutex_lock(&in->report);
	c = intake_counts(in);
	in->opts.on_commit(in->opts.arg, &c);
	pthread_mutex_unlock(&in->report);
}

static void
count_commit(struct intake *in, const struct sealing *s)
{
	struct intake_counts *c = &in->counts;
	uint64_t rows = memtable_rows(s->mt);

	c->n_spans += rows;
	c->n_pending -= rows;
	c->n_shards += s->n_parts;
	for (size_t i = 0; i < s->n_parts; i++)
		c->shard_bytes += s->entries[i].n_bytes;
	in->n_commits++;
}

/* All parts are done: by one thread, while `active` keeps the others off. */
static void
finish(struct intake *in)
{
	struct sealing s;
	struct err e = ERR_INIT;
	bool ok = !intake_failed(in);

	pthread_mutex_lock(&in->lock);
	s = in->sealing;
	pthread_mutex_unlock(&in->lock);
	if (ok && catalog_commit(in->catalog, s.entries, s.n_parts, &e) != 0) {
		(void)intake_fail(in, &e);
		ok = false;
	}
	if (ok) {
		pthread_mutex_lock(&in->lock);
		count_commit(in, &s);
		pthread_mutex_unlock(&in->lock);
		report_commit(in);
	} else if (catalog_clean(in->catalog, &e) != 0) {
		/* The next writer does it. */
	}
	sealing_release(&s);
	pthread_mutex_lock(&in->lock);
	in->sealing = s;
	pthread_cond_broadcast(&in->done);
	pthread_mutex_unlock(&in->lock);
}

bool
intake_seal_one(struct intake *in)
{
	struct sealing *s = &in->sealing;
	struct err e = ERR_INIT;
	bool last;
	size_t i;

	pthread_mutex_lock(&in->lock);
	if (!s->active || s->next == s->n_parts) {
		pthread_mutex_unlock(&in->lock);
		return false;
	}
	i = s->next++;
	pthread_mutex_unlock(&in->lock);
	if (!intake_failed(in) && seal_part(in, s->mt, s->order[i], &s->entries[i], &e) != 0)
		(void)intake_fail(in, &e);
	pthread_mutex_lock(&in->lock);
	last = ++s->n_done == s->n_parts;
	pthread_mutex_unlock(&in->lock);
	if (last)
		finish(in);
	return true;
}

void
intake_wait_sealed(struct intake *in)
{
	pthread_mutex_lock(&in->lock);
	while (in->sealing.active) {
		if (in->sealing.next < in->sealing.n_parts) {
			pthread_mutex_unlock(&in->lock);
			(void)intake_seal_one(in);
			pthread_mutex_lock(&in->lock);
		} else {
			pthread_cond_wait(&in->done, &in->lock);
		}
	}
	pthread_mutex_unlock(&in->lock);
}

/* ---- handing over ---- */

struct part_size {
	uint64_t n_rows;
	size_t i;
};

static int
by_size(const void *a, const void *b)
{
	const struct part_size *x = a, *y = b;

	if (x->n_rows != y->n_rows)
		return x->n_rows > y->n_rows ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* The order in which parts are sealed: a large one that starts last would be waited for. */
static int
make_order(const struct memtable *mt, size_t n, size_t *order, struct err *e)
{
	struct part_size *v = calloc(n, sizeof *v);

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct part_size){ memtable_part(mt, i).n_rows, i };
	qsort(v, n, sizeof *v, by_size);
	for (size_t i = 0; i < n; i++)
		order[i] = v[i].i;
	free(v);
	return 0;
}

/* Before the first file is made, and of all partitions at once. */
static int
announce(struct intake *in, const struct memtable *mt, size_t n, struct err *e)
{
	uint64_t *v = calloc(n, sizeof *v);
	int rc;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		v[i] = memtable_part(mt, i).partition;
	rc = catalog_announce(in->catalog, v, n, e);
	free(v);
	return rc;
}

static int
hand_over(struct intake *in, struct err *e)
{
	struct sealing s = { .active = true, .n_parts = memtable_parts(in->mt) };
	struct memtable *fresh = NULL;
	struct aside a;
	struct idhashes ids;
	int rc;

	s.order = calloc(s.n_parts, sizeof *s.order);
	s.entries = calloc(s.n_parts, sizeof *s.entries);
	rc = s.order == NULL || s.entries == NULL ? err_nomem(e) :
	    make_order(in->mt, s.n_parts, s.order, e);
	if (rc == 0 && (rc = announce(in, in->mt, s.n_parts, e)) == 0)
		rc = memtable_new(&in->shard, clock_wall_ns(), &fresh, e);
	if (rc != 0) {
		sealing_release(&s);
		return rc;
	}
	s.mt = in->mt;
	in->mt = fresh;
	ids = in->ids_sealing;
	in->ids_sealing = in->ids_active;
	in->ids_active = ids;
	idhashes_clear(&in->ids_active);
	a = in->aside_sealing;
	in->aside_sealing = in->aside_active;
	in->aside_active = a;
	pthread_mutex_lock(&in->lock);
	in->sealing = s;
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->lock);
	return 0;
}

static int
failure(struct intake *in, struct err *e)
{
	int rc;

	pthread_mutex_lock(&in->lock);
	rc = in->failed.code;
	if (rc != 0 && e != NULL)
		*e = in->failed;
	pthread_mutex_unlock(&in->lock);
	return rc;
}

int
intake_rotate(struct intake *in, struct err *e)
{
	int rc;

	intake_wait_sealed(in);
	if ((rc = failure(in, e)) != 0 || (rc = intake_settle_aside(in, e)) != 0)
		return rc;
	return memtable_rows(in->mt) == 0 ? 0 : hand_over(in, e);
}

int
intake_flush(struct intake *in, struct err *e)
{
	int rc;

	/* A round leaves nothing but what it took back from aside: at most two have work. */
	for (;;) {
		if ((rc = intake_rotate(in, e)) != 0)
			return rc;
		intake_wait_sealed(in);
		if ((rc = failure(in, e)) != 0)
			return rc;
		if (memtable_rows(in->mt) == 0 && in->aside_active.batch.n == 0 &&
		    in->aside_sealing.batch.n == 0)
			return 0;
	}
}

/* ---- what was set aside ---- */

int
intake_append(struct intake *in, const struct span *s, bool twin, struct err *e)
{
	int rc = twin ? memtable_append_twin(in->mt, s, e) : memtable_append(in->mt, s, e);

	if (rc == 1)
		return aside_add(&in->aside_active, s, e);
	if (rc == 0 && !idhashes_add(&in->ids_active, span_ids_hash(s)))
		return err_nomem(e);
	return rc;
}

struct hashed {
	struct hash128 hash;
	size_t i;
};

static int
by_hash(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;

	if (x->hash.hi != y->hash.hi)
		return x->hash.hi < y->hash.hi ? -1 : 1;
	if (x->hash.lo != y->hash.lo)
		return x->hash.lo < y->hash.lo ? -1 : 1;
	return x->i < y->i ? -1 : x->i > y->i;
}

/* Of spans that are equal to each other the first stays; the rest is appended. */
static int
append_distinct(struct intake *in, struct span *spans, size_t n, uint64_t *n_dropped,
    struct err *e)
{
	struct hashed *v = calloc(n + 1, sizeof *v);
	int rc = 0;

	if (v == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct hashed){ span_hash(&spans[i]), i };
	qsort(v, n, sizeof *v, by_hash);
	memtable_batch(in->mt);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (i > 0 && v[i].hash.hi == v[i - 1].hash.hi && v[i].hash.lo == v[i - 1].hash.lo)
			++*n_dropped;
		else
			rc = intake_append(in, &spans[v[i].i], true, e);
	}
	free(v);
	return rc;
}

int
intake_settle_aside(struct intake *in, struct err *e)
{
	struct span_batch *b = &in->aside_sealing.batch;
	const struct snapshot *snap;
	uint64_t n_dropped = 0;
	bool active;
	int rc;

	if (b->n == 0)
		return 0;
	pthread_mutex_lock(&in->lock);
	active = in->sealing.active;
	pthread_mutex_unlock(&in->lock);
	if (active)
		return 0;
	if ((rc = catalog_snapshot(in->catalog, &snap, e)) != 0)
		return rc;
	if ((rc = dedup_spans(in->dedup, snap, b->spans, &b->n, &n_dropped, e)) == 0)
		rc = append_distinct(in, b->spans, b->n, &n_dropped, e);
	snapshot_unref(snap);
	pthread_mutex_lock(&in->lock);
	in->counts.n_duplicates += n_dropped;
	in->counts.n_pending -= n_dropped;
	pthread_mutex_unlock(&in->lock);
	aside_reset(&in->aside_sealing);
	return rc;
}
