/* SPDX-License-Identifier: ISC */
/*
 * catalog_file: the bytes of CATALOG. Numbers are little-endian.
 *
 *    0  8  magic "SPANFSCT"
 *    8  4  version, 2       12  4  1: files that are not listed are only in partitions that WRITING
 *                                 names (catalog_begun.c); 0: anywhere
 *   16  8  generation       24  8  wall time of the commit, ns
 *   32  8  number of the next shard file
 *   40     varint n; per shard, by partition, then name, each once:
 *            varint hour of the partition since 1970 + 1 (0: outside, sorted last)
 *            str name of the file in the partition's directory
 *            varint rows, bytes; u64 earliest start, u64 latest start
 *            varint generation of the commit that it came with
 *          u64 XXH3-64 of all before
 *
 * The directory of a file follows from its partition, so no catalog can name a file elsewhere.
 *
 * Version 1, which is read and not written any more, has no generations in its entries: its
 * shards count as those of its last commit, so none is newer than anybody can have seen.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/varint.h"
#include "manifest_i.h"

#define MAGIC "SPANFSCT"
#define HEADER_BYTES 40
#define CATALOG_VERSION 2
/* Of an entry of version 1: hour, empty name, rows, bytes, two times. */
#define ENTRY_MIN_BYTES 20
#define NAME_MAX_BYTES 64
#define HOURS_MAX (UINT64_MAX / NS_PER_HOUR)
/* About what an entry is in memory: itself, its number, the name of its file. */
#define ENTRY_BYTES (sizeof(struct shard_entry) + sizeof(uint64_t) + 48)

#define DIR_YEAR (sizeof SHARDS_DIR)	/* where the year stands in a directory's name */

static void
put_digits(char *p, unsigned v, int n)
{
	for (int i = n; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
}

void
catalog_dir(uint64_t partition, char out[CATALOG_DIR_BYTES])
{
	uint64_t hour = partition / NS_PER_HOUR;
	unsigned m, d;
	int y;

	if (partition == PARTITION_OUTSIDE) {
		snprintf(out, CATALOG_DIR_BYTES, SHARDS_DIR "/outside");
		return;
	}
	/* The last hour that there is lies in 2554. */
	civil_from_days((int64_t)(hour / 24), &y, &m, &d);
	snprintf(out, CATALOG_DIR_BYTES, SHARDS_DIR "/yyyy-mm-dd/hh");
	put_digits(out + DIR_YEAR, (unsigned)y, 4);
	put_digits(out + DIR_YEAR + 5, m, 2);
	put_digits(out + DIR_YEAR + 8, d, 2);
	put_digits(out + DIR_YEAR + 11, (unsigned)(hour % 24), 2);
}

int
shard_entry_cmp(const struct shard_entry *a, const struct shard_entry *b)
{
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return strcmp(a->file, b->file);
}

/* Letters, digits, '-', '_' and '.', the last not in front. */
static bool
name_ok(struct sv s)
{
	static const bool may[256] = { ['0' ... '9'] = true, ['a' ... 'z'] = true,
	    ['A' ... 'Z'] = true, ['-'] = true, ['_'] = true, ['.'] = true };
	bool ok = true;

	if (s.n == 0 || s.n > NAME_MAX_BYTES || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		ok &= may[(uint8_t)s.p[i]];
	return ok;
}

/* The name in the directory, or {NULL, 0} if the file lies elsewhere. */
static struct sv
name_of(const struct shard_entry *e)
{
	char dir[CATALOG_DIR_BYTES];
	size_t n;

	catalog_dir(e->partition, dir);
	n = strlen(dir);
	if (strncmp(e->file, dir, n) != 0 || e->file[n] != '/')
		return SV_EMPTY;
	return sv_cstr(e->file + n + 1);
}

static bool
numbers_ok(const struct shard_entry *e)
{
	return e->n_rows >= 1 && e->n_rows <= LIMIT_SHARD_ROWS &&
	    e->n_bytes <= INT64_MAX / LIMIT_SHARD_ROWS && e->min_start <= e->max_start;
}

bool
catalog_entry_ok(const struct shard_entry *e)
{
	return (e->partition == PARTITION_OUTSIDE || e->partition % NS_PER_HOUR == 0) &&
	    name_ok(name_of(e)) && numbers_ok(e);
}

static void
put_u64(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

void
catalog_encode(struct buf *b, const struct catalog_list *l)
{
	size_t from = b->n;

	BUF_LIT(b, MAGIC);
	put_u64(b, CATALOG_VERSION, 4);
	put_u64(b, l->swept, 4);
	put_u64(b, l->generation, 8);
	put_u64(b, l->commit_ns, 8);
	put_u64(b, l->next_seq, 8);
	buf_varint(b, l->n);
	for (size_t i = 0; i < l->n; i++) {
		const struct shard_entry *e = &l->shards[i];
		struct sv name = name_of(e);

		buf_varint(b, e->partition == PARTITION_OUTSIDE ? 0 :
		    e->partition / NS_PER_HOUR + 1);
		buf_varint(b, name.n);
		buf_sv(b, name);
		buf_varint(b, e->n_rows);
		buf_varint(b, e->n_bytes);
		put_u64(b, e->min_start, 8);
		put_u64(b, e->max_start, 8);
		buf_varint(b, e->generation);
	}
	if (!b->oom)
		put_u64(b, hash64(b->p + from, b->n - from), 8);
}

/* Directories, the last one kept: entries of a partition follow each other. */
struct dir_name {
	uint64_t partition;
	char text[CATALOG_DIR_BYTES];
	size_t n;
};

/* Of another hour of the same day only the last two digits differ. */
static void
set_dir(struct dir_name *d, uint64_t partition)
{
	unsigned hour = (unsigned)(partition / NS_PER_HOUR % 24);

	if (d->n != 0 && partition != PARTITION_OUTSIDE && d->partition != PARTITION_OUTSIDE &&
	    d->partition / NS_PER_DAY == partition / NS_PER_DAY) {
		d->text[d->n - 2] = (char)('0' + hour / 10);
		d->text[d->n - 1] = (char)('0' + hour % 10);
	} else {
		catalog_dir(partition, d->text);
		d->n = strlen(d->text);
	}
	d->partition = partition;
}

/* "DIR/NAME", in the arena. */
static char *
path_of(struct dir_name *d, uint64_t partition, struct sv name, struct arena *a)
{
	char *p;

	if (d->n == 0 || d->partition != partition)
		set_dir(d, partition);
	if ((p = arena_alloc(a, d->n + name.n + 2)) == NULL)
		return NULL;
	memcpy(p, d->text, d->n);
	p[d->n] = '/';
	memcpy(p + d->n + 1, name.p, name.n);
	p[d->n + 1 + name.n] = '\0';
	return p;
}

static bool
read_entry(struct cursor *c, struct dir_name *dir, const struct catalog_list *l,
    struct arena *a, struct shard_entry *e, uint64_t *number, bool *oom)
{
	uint64_t hour = cursor_varint(c);
	struct sv name = cursor_str(c);

	e->n_rows = cursor_varint(c);
	e->n_bytes = cursor_varint(c);
	e->min_start = cursor_u64(c);
	e->max_start = cursor_u64(c);
	e->generation = l->version == 1 ? l->generation : cursor_varint(c);
	if (c->bad || hour > HOURS_MAX || !name_ok(name))
		return false;
	e->partition = hour == 0 ? PARTITION_OUTSIDE : (hour - 1) * NS_PER_HOUR;
	e->file = path_of(dir, e->partition, name, a);
	*number = name_number(name);
	*oom = e->file == NULL;
	return !*oom && numbers_ok(e) && e->generation <= l->generation;
}

static int
corrupt(const char *name, size_t off, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, (int64_t)off, "%s: %s at offset %zu", name, why, off);
}

static int
read_entries(struct cursor *c, const char *name, struct arena *a, struct catalog_list *l,
    struct err *e)
{
	size_t at = cursor_off(c);
	uint64_t n = cursor_varint(c);
	struct dir_name dir = { 0 };
	bool oom = false;

	if (c->bad || n > cursor_left(c) / ENTRY_MIN_BYTES)
		return corrupt(name, at, "impossible number of shards", e);
	if (!arena_expect(a, (size_t)n * ENTRY_BYTES))
		return err_nomem(e);
	l->shards = arena_alloc(a, ((size_t)n + 1) * sizeof *l->shards);
	l->numbers = arena_alloc(a, ((size_t)n + 1) * sizeof *l->numbers);
	if (l->shards == NULL || l->numbers == NULL)
		return err_nomem(e);
	for (l->n = 0; l->n < n; l->n++) {
		struct shard_entry *s = &l->shards[l->n];

		at = cursor_off(c);
		if (!read_entry(c, &dir, l, a, s, &l->numbers[l->n], &oom))
			return oom ? err_nomem(e) : corrupt(name, at, "malformed entry", e);
		if (l->n > 0 && shard_entry_cmp(s - 1, s) >= 0)
			return corrupt(name, at, "entry out of order", e);
	}
	return 0;
}

/* Magic, version, checksum. */
static int
check_frame(struct sv s, const char *name, uint32_t *version, struct err *e)
{
	struct cursor c;

	if (s.n < HEADER_BYTES + 1 + 8)
		return corrupt(name, s.n, "the file ends early", e);
	if (memcmp(s.p, MAGIC, 8) != 0)
		return corrupt(name, 0, "not a catalog", e);
	c = cursor_new(s.p + s.n - 8, 8);
	if (hash64(s.p, s.n - 8) != cursor_u64(&c))
		return corrupt(name, s.n - 8, "wrong checksum", e);
	c = cursor_new(s.p + 8, 4);
	*version = cursor_u32(&c);
	if (*version == 0 || *version > CATALOG_VERSION)
		return err_set(e, ERR_VERSION, 8,
		    "%s: catalog format %" PRIu32 ", this program reads %d", name, *version,
		    CATALOG_VERSION);
	return 0;
}

int
catalog_decode(struct sv s, const char *name, struct arena *a, struct catalog_list *out,
    struct err *e)
{
	struct catalog_list l = { 0 };
	struct cursor c;
	int rc;

	if ((rc = check_frame(s, name, &l.version, e)) != 0)
		return rc;
	c = cursor_new(s.p, s.n - 8);
	(void)cursor_u64(&c);
	(void)cursor_u32(&c);
	l.swept = (cursor_u32(&c) & 1) != 0;
	l.generation = cursor_u64(&c);
	l.commit_ns = cursor_u64(&c);
	l.next_seq = cursor_u64(&c);
	if ((rc = read_entries(&c, name, a, &l, e)) != 0)
		return rc;
	if (cursor_left(&c) != 0)
		return corrupt(name, cursor_off(&c), "bytes after the last entry", e);
	*out = l;
	return 0;
}
