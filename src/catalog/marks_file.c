/* SPDX-License-Identifier: ISC */
/*
 * marks_file: the bytes of marks/NAME.mark. Numbers are little-endian.
 *
 *    0  8  magic "SPANFSMK"
 *    8  4  version, 1       12  4  flags: 1 it was read, 2 it carries a delivery
 *   16  8  generation       24  8  wall time at which it was moved, ns
 *   32  8  generation of its last complete read; 0 without the flag
 *   40     with a delivery: u64 generation, inode, bytes; str from, to
 *          u64 XXH3-64 of all before
 */
#include "base/buf.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "base/varint.h"
#include "marks_i.h"

#define MAGIC "SPANFSMK"
#define MARK_VERSION 1
#define HEADER_BYTES 40
enum { MARK_WAS_READ = 1, MARK_DELIVERS = 2, MARK_FLAGS = 3 };

static void
put_str(struct buf *b, struct sv s)
{
	buf_varint(b, s.n);
	buf_sv(b, s);
}

void
mark_encode(struct buf *b, const struct mark *m)
{
	const struct mark_delivery *d = &m->delivery;
	size_t from = b->n;

	BUF_LIT(b, MAGIC);
	buf_le(b, MARK_VERSION, 4);
	buf_le(b, (m->was_read ? MARK_WAS_READ : 0) | (d->generation != 0 ? MARK_DELIVERS : 0), 4);
	buf_le(b, m->generation, 8);
	buf_le(b, m->moved_ns, 8);
	buf_le(b, m->was_read ? m->read : 0, 8);
	if (d->generation != 0) {
		buf_le(b, d->generation, 8);
		buf_le(b, d->inode, 8);
		buf_le(b, d->size, 8);
		put_str(b, d->from);
		put_str(b, d->to);
	}
	if (!b->oom)
		buf_le(b, hash64(b->p + from, b->n - from), 8);
}

static int
corrupt(const char *name, size_t off, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, (int64_t)off, "%s: %s at offset %zu", name, why, off);
}

static int
check_frame(struct sv s, const char *name, struct err *e)
{
	struct cursor c;
	uint32_t version;

	if (s.n < HEADER_BYTES + 8)
		return corrupt(name, s.n, "the file ends early", e);
	if (memcmp(s.p, MAGIC, 8) != 0)
		return corrupt(name, 0, "not a mark", e);
	c = cursor_new(s.p + s.n - 8, 8);
	if (hash64(s.p, s.n - 8) != cursor_u64(&c))
		return corrupt(name, s.n - 8, "wrong checksum", e);
	c = cursor_new(s.p + 8, 4);
	if ((version = cursor_u32(&c)) != MARK_VERSION)
		return err_set(e, ERR_VERSION, 8, "%s: mark format %u, this program reads %d",
		    name, (unsigned)version, MARK_VERSION);
	return 0;
}

static void
read_delivery(struct cursor *c, struct mark_delivery *d)
{
	d->generation = cursor_u64(c);
	d->inode = cursor_u64(c);
	d->size = cursor_u64(c);
	d->from = cursor_str(c);
	d->to = cursor_str(c);
	/* An absolute path, or the file is not ours. */
	c->bad |= d->generation == 0 || !sv_starts(d->from, SV("/")) ||
	    !sv_starts(d->to, SV("/")) || memchr(d->from.p, 0, d->from.n) != NULL ||
	    memchr(d->to.p, 0, d->to.n) != NULL;
}

int
mark_decode(struct sv s, const char *name, struct mark *out, struct err *e)
{
	struct mark m = { 0 };
	struct cursor c;
	uint32_t flags;
	int rc;

	if ((rc = check_frame(s, name, e)) != 0)
		return rc;
	c = cursor_new(s.p, s.n - 8);
	(void)cursor_u64(&c);
	(void)cursor_u32(&c);
	flags = cursor_u32(&c);
	m.generation = cursor_u64(&c);
	m.moved_ns = cursor_u64(&c);
	m.read = cursor_u64(&c);
	m.was_read = (flags & MARK_WAS_READ) != 0;
	if ((flags & MARK_DELIVERS) != 0)
		read_delivery(&c, &m.delivery);
	if (c.bad || (flags & ~(uint32_t)MARK_FLAGS) != 0 || (!m.was_read && m.read != 0))
		return corrupt(name, 12, "impossible content", e);
	if (cursor_left(&c) != 0)
		return corrupt(name, cursor_off(&c), "bytes after the end", e);
	*out = m;
	return 0;
}
