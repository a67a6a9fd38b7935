/* SPDX-License-Identifier: ISC */
/*
 * shard: opening (header, trailer, footer), references, and lookups in what the footer says.
 * Three reads: header, trailer, footer. The file stays open as long as the shard, so that a
 * file that compaction has unlinked can be read to the end.
 */
#include "shard/shard.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/search.h"
#include "shard_i.h"
#include "shard/codec.h"

struct trailer {
	uint64_t footer_off, hash;
	uint32_t n_stored, n_raw;
};

static int
read_header(struct shard *s, uint8_t *h, struct err *e)
{
	struct cursor c = cursor_new(h, SHARD_HEADER_BYTES);
	uint32_t version, incompat;
	int rc;

	if ((rc = s->fs->ops->pread(s->file, h, SHARD_HEADER_BYTES, 0, e)) != 0)
		return rc;
	if (memcmp(h, SHARD_MAGIC, 8) != 0)
		return shard_bad(s, e, 0, "not a shard");
	c.p += 8;
	version = cursor_u32(&c);
	incompat = cursor_u32(&c);
	s->compat = cursor_u32(&c);
	s->info.row_group_rows = cursor_u32(&c);
	if (version != SHARD_VERSION)
		return err_set(e, ERR_VERSION, 8, "%s: shard of format version %u; this program "
		    "reads version %u", s->info.file, version, SHARD_VERSION);
	if (hash64(h, 24) != cursor_u64(&c))
		return shard_bad(s, e, 24, "header: checksum does not match");
	if ((incompat & ~SHARD_INCOMPAT_KNOWN) != 0)
		return err_set(e, ERR_VERSION, 12, "%s: shard with features 0x%x, of which this "
		    "program knows 0x%x", s->info.file, incompat, SHARD_INCOMPAT_KNOWN);
	if (s->info.row_group_rows == 0 || s->info.row_group_rows > LIMIT_ROW_GROUP_ROWS)
		return shard_bad(s, e, 20, "header: %u rows in a row group",
		    s->info.row_group_rows);
	return 0;
}

static int
read_trailer(struct shard *s, const uint8_t *header, struct trailer *t, struct err *e)
{
	uint8_t b[SHARD_TRAILER_BYTES], root[24 + SHARD_HEADER_BYTES];
	uint64_t at = s->info.n_bytes - SHARD_TRAILER_BYTES;
	struct cursor c = cursor_new(b, sizeof b);
	int rc;

	if ((rc = s->fs->ops->pread(s->file, b, sizeof b, at, e)) != 0)
		return rc;
	if (memcmp(b + 32, SHARD_END_MAGIC, 8) != 0)
		return shard_bad(s, e, at + 32, "the file ends without a trailer");
	t->footer_off = cursor_u64(&c);
	t->n_stored = cursor_u32(&c);
	t->n_raw = cursor_u32(&c);
	t->hash = cursor_u64(&c);
	memcpy(root, b, 24);
	memcpy(root + 24, header, SHARD_HEADER_BYTES);
	if (hash64(root, sizeof root) != cursor_u64(&c))
		return shard_bad(s, e, at + 24, "trailer: checksum does not match");
	if (t->footer_off < SHARD_HEADER_BYTES || t->footer_off > at ||
	    at - t->footer_off != t->n_stored)
		return shard_bad(s, e, at, "trailer: footer outside the file");
	if (t->n_raw > LIMIT_SECTION_BYTES)
		return shard_bad(s, e, at + 12, "trailer: footer of %u bytes", t->n_raw);
	return 0;
}

static int
read_footer(struct shard *s, const struct trailer *t, struct err *e)
{
	struct err why = ERR_INIT;
	char *stored;
	int rc;

	s->footer_off = t->footer_off;
	stored = malloc((size_t)t->n_stored + 1);
	s->footer = malloc((size_t)t->n_raw + 1);
	if (stored == NULL || s->footer == NULL) {
		free(stored);
		return err_nomem(e);
	}
	if ((rc = s->fs->ops->pread(s->file, stored, t->n_stored, t->footer_off, e)) != 0)
		goto out;
	if (hash64(stored, t->n_stored) != t->hash) {
		rc = shard_bad(s, e, t->footer_off, "footer: checksum does not match");
		goto out;
	}
	rc = codec_decompress(CODEC_ZSTD, sv_new(stored, t->n_stored), s->footer, t->n_raw, &why);
	if (rc == ERR_CORRUPT)
		rc = shard_bad(s, e, t->footer_off, "footer: %s", why.msg);
	else if (rc != 0)
		rc = err_set(e, rc, why.off, "%s: footer: %s", s->info.file, why.msg);
	else
		rc = footer_read(s, t->n_raw, e);
out:
	free(stored);
	return rc;
}

static int
open_file(struct shard *s, const char *path, struct err *e)
{
	uint8_t header[SHARD_HEADER_BYTES];
	struct trailer t;
	int rc;

	if ((rc = s->fs->ops->open_read(s->fs, path, &s->file, e)) != 0)
		return rc;
	if ((rc = s->fs->ops->size(s->file, &s->info.n_bytes, e)) != 0)
		return rc;
	if (s->info.n_bytes < SHARD_ROOT_BYTES)
		return shard_bad(s, e, s->info.n_bytes, "a file of %llu bytes is no shard",
		    (unsigned long long)s->info.n_bytes);
	if ((rc = read_header(s, header, e)) != 0 ||
	    (rc = read_trailer(s, header, &t, e)) != 0)
		return rc;
	s->info.footer_hash = t.hash;
	return read_footer(s, &t, e);
}

static void
shard_free(struct shard *s)
{
	if (s->slots != NULL)
		cache_forget(s->cache, s->slots, s->n_sections);
	tables_free(s);
	/* It was only read: closing has nothing to say. */
	if (s->file != NULL)
		(void)s->fs->ops->close(s->file, NULL);
	pthread_cond_destroy(&s->made);
	pthread_mutex_destroy(&s->lock);
	arena_release(&s->arena);
	free(s->footer);
	free(s);
}

int
shard_open(struct fsys *fs, const char *path, struct chunkcache *cache, struct shard **out,
    struct err *e)
{
	struct shard *s = calloc(1, sizeof *s);
	int rc;

	if (s == NULL)
		return err_nomem(e);
	atomic_init(&s->refs, 1);
	s->fs = fs;
	s->cache = cache;
	arena_init(&s->arena);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->made, NULL);
	for (size_t i = 0; i <= SECTION_LAST; i++)
		s->single[i] = NO_SECTION;
	for (size_t i = 0; i <= SECTION_BLOOM; i++)
		atomic_init(&s->tables[i], NULL);
	for (size_t i = 0; i < N_FIXED_IDS; i++)
		s->fixed[i] = NO_COLUMN;
	s->info.file = arena_cstr(&s->arena, sv_cstr(path));
	rc = s->info.file == NULL ? err_nomem(e) : open_file(s, path, e);
	if (rc != 0) {
		shard_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

struct shard *
shard_ref(struct shard *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
shard_unref(struct shard *s)
{
	if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
		shard_free(s);
}

const struct shard_info *
shard_info(const struct shard *s)
{
	return &s->info;
}

const struct column *
shard_column(const struct shard *s, enum column_id id)
{
	if ((unsigned)id >= N_FIXED_IDS || s->fixed[id] == NO_COLUMN)
		return NULL;
	return &s->info.columns[s->fixed[id]];
}

bool
shard_shows_keys(const struct shard *s)
{
	return (s->compat & SHARD_COMPAT_SHOWN) != 0;
}

static bool
is_attr(const struct column *c, enum attr_scope scope, struct sv key)
{
	return c->id == COL_ATTR && c->scope == scope && sv_eq(c->key, key);
}

/*
 * Attribute columns stand last: where (scope, key) begins among them, or would. Where it did before
 * is looked at first: a search goes to some places more.
 */
static size_t
attr_from(const struct shard *s, enum attr_scope scope, struct sv key)
{
	const struct column *c = s->info.columns;
	_Atomic uint32_t *found = (_Atomic uint32_t *)(uintptr_t)
	    &s->attrs_found[(hash64(key.p, key.n) + (unsigned)scope) % ATTRS_FOUND];
	size_t at = atomic_load_explicit(found, memory_order_relaxed);

	if (at != 0 && is_attr(&c[at - 1], scope, key))
		return at - 1;
	at = 0;
	LOWER_BOUND(at, s->info.n_columns, i, c[i].id != COL_ATTR || c[i].scope < scope ||
	    (c[i].scope == scope && sv_cmp(c[i].key, key) < 0));
	if (at < s->info.n_columns && is_attr(&c[at], scope, key))
		atomic_store_explicit(found, (uint32_t)at + 1, memory_order_relaxed);
	return at;
}

size_t
shard_attr(const struct shard *s, enum attr_scope scope, struct sv key,
    const struct column **first)
{
	size_t at = attr_from(s, scope, key), n = 0;

	*first = s->info.columns + at;
	while (at + n < s->info.n_columns && is_attr(*first + n, scope, key))
		n++;
	return n;
}

int
shard_service_find(const struct shard *s, struct sv service)
{
	size_t at = 0;
	bool found;

	FIND_SORTED(at, s->info.n_services, i, sv_cmp(s->info.services[i].service, service),
	    found);
	return found ? (int)at : -1;
}

struct zone
shard_zone(const struct shard *s, const struct column *c, uint32_t row_group)
{
	const struct section *x = shard_chunk_section(s, c->index, row_group);

	return x == NULL ? (struct zone){ 0, 0, 0 } : x->zone;
}
