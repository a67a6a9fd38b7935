/* SPDX-License-Identifier: ISC */
/*
 * kept: see catalog/kept.h. Numbers are little-endian.
 *
 *    0  8  magic "SPANFSKP"
 *    8  4  version, 1       12  4  kind
 *   16  8  generation       24  8  XXH3-64 of the shards that came up to it (shards_hash)
 *   32  8  program          40  8  wall time, ns
 *   48     content
 *          u64 XXH3-64 of all before
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "catalog/kept.h"
#include "catalog_i.h"

#define KEPT_DIR "cache"
#define KEPT_LOCK KEPT_DIR "/.lock"
#define MAGIC "SPANFSKP"
#define FORMAT 1
#define HEADER_BYTES 48
#define KEPT_MAX_BYTES ((size_t)64 << 20)
#define PATH_BYTES 32
/* Tries of 10 ms: who writes is done in less. */
#define LOCK_TRIES 50

static const char *const files[N_KEPT_KINDS] = { KEPT_DIR "/summary", KEPT_DIR "/decisions" };

const char *
kept_file(enum kept_kind kind)
{
	return files[kind - KEPT_SUMMARY];
}

static void
tmp_of(enum kept_kind kind, char out[PATH_BYTES])
{
	snprintf(out, PATH_BYTES, "%s.tmp", kept_file(kind));
}

/* ---- bytes ---- */

void
kept_encode(struct buf *b, const struct kept_head *h, struct sv content)
{
	size_t from = b->n;

	BUF_LIT(b, MAGIC);
	buf_le(b, FORMAT, 4);
	buf_le(b, h->kind, 4);
	buf_le(b, h->generation, 8);
	buf_le(b, h->shards, 8);
	buf_le(b, h->program, 8);
	buf_le(b, h->written_ns, 8);
	buf_sv(b, content);
	if (!b->oom)
		buf_le(b, hash64(b->p + from, b->n - from), 8);
}

static int
corrupt(const char *name, size_t off, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, (int64_t)off, "%s: %s at offset %zu", name, why, off);
}

int
kept_decode(struct sv s, const char *name, struct kept_head *h, struct sv *content,
    struct err *e)
{
	struct cursor c;
	uint32_t version;

	if (s.n < HEADER_BYTES + 8)
		return corrupt(name, s.n, "the file ends early", e);
	if (memcmp(s.p, MAGIC, 8) != 0)
		return corrupt(name, 0, "not a file of cache/", e);
	c = cursor_new(s.p + s.n - 8, 8);
	if (hash64(s.p, s.n - 8) != cursor_u64(&c))
		return corrupt(name, s.n - 8, "wrong checksum", e);
	c = cursor_new(s.p + 8, HEADER_BYTES - 8);
	if ((version = cursor_u32(&c)) != FORMAT)
		return err_set(e, ERR_VERSION, 8, "%s: format %u, this program reads %d", name,
		    (unsigned)version, FORMAT);
	h->kind = cursor_u32(&c);
	h->generation = cursor_u64(&c);
	h->shards = cursor_u64(&c);
	h->program = cursor_u64(&c);
	h->written_ns = cursor_u64(&c);
	*content = sv_sub(s, HEADER_BYTES, s.n - 8);
	return 0;
}

/* ---- of which store ---- */

/* Of the shards that came with commits up to that one: equal as long as all of them are listed. */
static uint64_t
shards_hash(const struct snapshot *s, uint64_t generation)
{
	struct hash_stream h;

	hash_stream_init(&h);
	for (size_t i = 0; i < s->n_shards; i++) {
		const struct shard_entry *x = &s->shards[i];
		const uint64_t numbers[] = { x->n_rows, x->n_bytes, x->min_start, x->max_start,
			x->generation };

		if (x->generation > generation)
			continue;
		hash_stream_add(&h, x->file, strlen(x->file) + 1);
		hash_stream_add(&h, numbers, sizeof numbers);
	}
	return hash_stream_end(&h).lo;
}

static int
check_fits(const struct kept_head *h, enum kept_kind kind, const struct snapshot *s,
    uint64_t program, struct err *e)
{
	const char *why = NULL;

	if (h->kind != kind)
		why = "of another kind";
	else if (h->program != program)
		why = "of another program, or of other settings";
	else if (h->generation > s->generation || h->shards != shards_hash(s, h->generation))
		why = "of another store";
	else if (h->written_ns > clock_wall_ns())
		why = "of a time to come";
	return why == NULL ? 0 : err_set(e, ERR_VERSION, -1, "%s: %s", kept_file(kind), why);
}

/* ---- reading ---- */

static int
read_file(struct fsys *fs, enum kept_kind kind, struct arena *a, struct kept_head *h,
    struct sv *content, struct err *e)
{
	const char *file = kept_file(kind);
	struct sv bytes;
	int rc = file_read_all(fs, file, KEPT_MAX_BYTES, a, &bytes, e);

	if (rc == ERR_TOOBIG)
		return corrupt(file, KEPT_MAX_BYTES, "too large", e);
	return rc != 0 ? rc : kept_decode(bytes, file, h, content, e);
}

int
kept_read(struct fsys *fs, enum kept_kind kind, const struct snapshot *s, uint64_t program,
    struct arena *a, struct kept *out, struct err *e)
{
	struct kept_head h;
	int rc;

	if ((rc = read_file(fs, kind, a, &h, &out->content, e)) != 0 ||
	    (rc = check_fits(&h, kind, s, program, e)) != 0)
		return rc;
	out->generation = h.generation;
	out->written_ns = h.written_ns;
	return 0;
}

int
kept_check(struct fsys *fs, enum kept_kind kind, struct err *e)
{
	struct kept_head h;
	struct sv content;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = read_file(fs, kind, &a, &h, &content, e);
	if (rc == 0 && h.kind != kind)
		rc = corrupt(kept_file(kind), 12, "another file's kind", e);
	arena_release(&a);
	return rc;
}

/* ---- writing ---- */

static int
lock_kept(struct fsys *fs, unsigned tries, struct file **out, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	int rc;

	while ((rc = fs->ops->lock(fs, KEPT_LOCK, out, e)) == ERR_BUSY && --tries > 0)
		nanosleep(&pause, NULL);
	return rc;
}

static int
put_file(struct fsys *fs, const char *path, struct sv bytes, struct err *e)
{
	struct file *f;
	int rc, crc;

	if ((rc = fs->ops->create(fs, path, &f, e)) != 0)
		return rc;
	rc = fs->ops->write(f, bytes.p, bytes.n, e);
	if ((crc = fs->ops->close(f, rc == 0 ? e : NULL)) != 0 && rc == 0)
		rc = crc;
	return rc;
}

/* Locked. */
static int
replace(struct fsys *fs, enum kept_kind kind, struct sv bytes, struct err *e)
{
	char tmp[PATH_BYTES];
	int rc;

	tmp_of(kind, tmp);
	if ((rc = put_file(fs, tmp, bytes, e)) == 0)
		rc = fs->ops->rename(fs, tmp, kept_file(kind), e);
	if (rc != 0)
		(void)fs->ops->unlink(fs, tmp, NULL);
	return rc;
}

int
kept_write(struct fsys *fs, enum kept_kind kind, const struct snapshot *s, uint64_t program,
    struct sv content, struct err *e)
{
	const struct kept_head h = { kind, s->generation, shards_hash(s, s->generation), program,
		clock_wall_ns() };
	struct buf b = BUF_INIT;
	struct file *lock;
	int rc;

	kept_encode(&b, &h, content);
	if ((rc = buf_ok(&b, e)) == 0 && (rc = fs->ops->mkdir(fs, KEPT_DIR, e)) == 0 &&
	    (rc = lock_kept(fs, LOCK_TRIES, &lock, e)) == 0) {
		rc = replace(fs, kind, buf_view(&b), e);
		(void)fs->ops->close(lock, NULL);
	}
	buf_release(&b);
	return rc;
}

int
kept_left_overs(struct fsys *fs, int (*found)(void *, const char *, struct err *), void *arg,
    struct err *e)
{
	struct file *lock = NULL;
	char tmp[PATH_BYTES];
	struct file_id id;
	int rc = 0;

	for (unsigned k = KEPT_SUMMARY; k <= N_KEPT_KINDS && rc == 0; k++) {
		tmp_of(k, tmp);
		if (fs->ops->stat(fs, tmp, &id, NULL) != 0)
			continue;
		/* Its writer may be at work; where nobody may write, nothing is removed either. */
		if (lock == NULL && lock_kept(fs, 1, &lock, NULL) != 0)
			return 0;
		if (fs->ops->stat(fs, tmp, &id, NULL) == 0)
			rc = found(arg, tmp, e);
	}
	if (lock != NULL)
		(void)fs->ops->close(lock, NULL);
	return rc;
}
