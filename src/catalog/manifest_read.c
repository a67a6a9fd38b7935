/* SPDX-License-Identifier: ISC */
/*
 * manifest_read: a segment in memory. Its core is read and checked whole when it is opened;
 * of the list of traces a lookup reads the block or two that may name one, and keeps some of
 * them. Of a million traces one lookup in 4,000 meets another's print.
 */
#include "manifest_i.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/search.h"

static int
read_core(struct fsys *fs, struct segment *s, const char *path, struct err *e)
{
	size_t n = (size_t)s->ref.core_bytes;
	uint64_t size;
	int rc;

	if ((rc = fs->ops->open_read(fs, path, &s->file, e)) != 0) {
		s->file = NULL;
		return rc;
	}
	if ((rc = fs->ops->size(s->file, &size, e)) != 0)
		return rc;
	if (size != s->ref.n_bytes)
		return err_set(e, ERR_CORRUPT, -1, "%s: %llu bytes, MANIFEST says %llu", path,
		    (unsigned long long)size, (unsigned long long)s->ref.n_bytes);
	if ((s->core = memory_large(n)) == NULL)
		return err_nomem(e);
	if ((rc = fs->ops->pread(s->file, s->core, n, 0, e)) != 0)
		return rc;
	if (hash64(s->core, n) != s->ref.hash)
		return err_set(e, ERR_CORRUPT, 0, "%s: not the checksum that MANIFEST has", path);
	if ((rc = segment_decode(s->core, n, size, path, &s->arena, &s->m, e)) != 0)
		return rc;
	s->blocks = calloc(s->m.n_blocks + 1, sizeof *s->blocks);
	return s->blocks == NULL ? err_nomem(e) : 0;
}

int
segment_open(struct fsys *fs, const struct mref *ref, struct segment **out, struct err *e)
{
	struct segment *s = calloc(1, sizeof *s);
	char path[MANIFEST_PATH_BYTES];
	int rc;

	if (s == NULL)
		return err_nomem(e);
	atomic_init(&s->refs, 1);
	atomic_init(&s->traces_lost, false);
	arena_init(&s->arena);
	s->ref = *ref;
	manifest_path(ref->number, path);
	if ((rc = read_core(fs, s, path, e)) != 0) {
		segment_unref(s);
		return rc;
	}
	*out = s;
	return 0;
}

struct segment *
segment_ref(struct segment *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
segment_unref(struct segment *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t b = 0; s->blocks != NULL && b < s->m.n_blocks; b++)
		free(atomic_load_explicit(&s->blocks[b], memory_order_relaxed));
	free(s->blocks);
	free(atomic_load_explicit(&s->sums, memory_order_relaxed));
	if (s->file != NULL)
		(void)s->file->fs->ops->close(s->file, NULL);
	arena_release(&s->arena);
	free(s->core);
	free(s);
}

int
segment_block(struct segment *s, size_t b, mtrace out[SEGMENT_BLOCK_TRACES], size_t *n,
    struct err *e)
{
	uint64_t off = s->ref.core_bytes + (uint64_t)b * SEGMENT_BLOCK_TRACES * sizeof *out;
	int rc;

	*n = segment_block_n(&s->m, b);
	if ((rc = s->file->fs->ops->pread(s->file, out, *n * sizeof *out, off, e)) != 0)
		return rc;
	read_counters.read_bytes += *n * sizeof *out;
	if (!segment_block_ok(&s->m, b, out))
		return err_set(e, ERR_CORRUPT, (int64_t)off, "%s: damaged list of traces",
		    s->file->path);
	return 0;
}

/* Another thread may keep the same block first. */
static void
keep_block(struct segment *s, size_t b, const mtrace *v, size_t n)
{
	mtrace *none = NULL, *mine;

	if (atomic_fetch_add(&s->n_kept, 1) >= SEGMENT_BLOCKS_KEPT) {
		atomic_fetch_sub(&s->n_kept, 1);
		return;
	}
	if ((mine = malloc(n * sizeof *mine)) == NULL)
		return;
	memcpy(mine, v, n * sizeof *mine);
	if (!atomic_compare_exchange_strong(&s->blocks[b], &none, mine))
		free(mine);
}

/* One that is kept, or read into `room`. */
static int
get_block(struct segment *s, size_t b, mtrace room[SEGMENT_BLOCK_TRACES], const mtrace **v,
    size_t *n, struct err *e)
{
	int rc;

	*n = segment_block_n(&s->m, b);
	if ((*v = atomic_load_explicit(&s->blocks[b], memory_order_acquire)) != NULL)
		return 0;
	*v = room;
	if ((rc = segment_block(s, b, room, n, e)) == 0)
		keep_block(s, b, room, *n);
	return rc;
}

/* The first block that may hold the print: the last one that begins below it. */
static size_t
first_block(const struct mseg *m, uint32_t print)
{
	size_t lo = 0;

	LOWER_BOUND(lo, m->n_blocks, i, m->blocks[i].first < print);
	return lo == 0 ? 0 : lo - 1;
}

static bool
add_rows(const mtrace *v, size_t n, uint32_t print, row_vec *out)
{
	size_t lo = 0;

	LOWER_BOUND(lo, n, i, v[i] >> 32 < print);
	for (; lo < n && v[lo] >> 32 == print; lo++) {
		uint32_t row = (uint32_t)v[lo];

		if ((out->n == 0 || out->v[out->n - 1] != row) && !vec_push(out, row))
			return false;
	}
	return true;
}

int
segment_find_trace(struct segment *s, uint64_t hash, row_vec *out, struct err *e)
{
	uint32_t print = (uint32_t)(hash >> 32);
	mtrace room[SEGMENT_BLOCK_TRACES];
	const mtrace *v;
	size_t n;
	int rc;

	if (atomic_load(&s->traces_lost))
		return err_set(e, ERR_CORRUPT, -1, "%s: damaged list of traces", s->file->path);
	for (size_t b = first_block(&s->m, print);
	    b < s->m.n_blocks && s->m.blocks[b].first <= print; b++) {
		if ((rc = get_block(s, b, room, &v, &n, e)) != 0) {
			atomic_store(&s->traces_lost, true);
			return rc;
		}
		if (!add_rows(v, n, print, out))
			return err_nomem(e);
	}
	return 0;
}

long
segment_name(const struct mseg *m, struct sv name)
{
	size_t at = 0;
	bool found;

	FIND_SORTED(at, m->n_names, i, sv_cmp(m->names[i], name), found);
	return found ? (long)at : -1;
}

void
segment_services(const struct mseg *m, uint32_t row, uint32_t *from, uint32_t *to)
{
	*from = m->rows[row].service_from;
	*to = row + 1 < m->n_rows ? m->rows[row + 1].service_from : (uint32_t)m->n_services;
}

/* Another thread may have made the same: one of the two stays. */
const struct msum *
segment_sums(struct segment *s)
{
	struct msum *none = NULL, *v = atomic_load_explicit(&s->sums, memory_order_acquire);

	if (v != NULL || (v = malloc((s->m.n_names + 1) * sizeof *v)) == NULL)
		return v;
	for (size_t i = 0; i <= s->m.n_names; i++)
		v[i] = (struct msum){ 0, UINT64_MAX, 0 };
	for (size_t i = 0; i < s->m.n_rows; i++)
		v[s->m.n_names].n_rows += s->m.rows[i].n_rows;
	for (size_t i = 0; i < s->m.n_services; i++) {
		const struct mservice *x = &s->m.services[i];
		struct msum *sum = &v[x->name];

		sum->n_rows += x->n_rows;
		sum->min_start = x->min_start < sum->min_start ? x->min_start : sum->min_start;
		sum->max_start = x->max_start > sum->max_start ? x->max_start : sum->max_start;
	}
	if (atomic_compare_exchange_strong(&s->sums, &none, v))
		return v;
	free(v);
	return none;
}
