/* SPDX-License-Identifier: ISC */
/* identity: see catalog/identity.h. */
#include "catalog/identity.h"

#include <errno.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "base/hash.h"
#include "catalog_i.h"

#define MAGIC "SPANFSID"
#define IDENTITY_VERSION 1
#define IDENTITY_BYTES 72

static int
corrupt(struct fsys *fs, size_t off, const char *why, struct err *e)
{
	return err_set(e, ERR_CORRUPT, (int64_t)off, "%s/" IDENTITY_FILE ": %s at offset %zu",
	    fs->root, why, off);
}

static int
decode(struct fsys *fs, struct sv s, struct identity *out, struct err *e)
{
	struct cursor c = cursor_new(s.p, s.n);
	const uint8_t *magic, *id, *secret;
	uint32_t version, zero;

	if (s.n != IDENTITY_BYTES)
		return corrupt(fs, s.n, "the file ends early, or late", e);
	(void)cursor_take(&c, 8, &magic);
	if (memcmp(magic, MAGIC, 8) != 0)
		return corrupt(fs, 0, "no identity of a store", e);
	version = cursor_u32(&c);
	zero = cursor_u32(&c);
	(void)cursor_take(&c, IDENTITY_ID_BYTES, &id);
	(void)cursor_take(&c, IDENTITY_SECRET_BYTES, &secret);
	if (cursor_u64(&c) != hash64(s.p, IDENTITY_BYTES - 8))
		return corrupt(fs, IDENTITY_BYTES - 8, "wrong checksum", e);
	if (version != IDENTITY_VERSION || zero != 0)
		return err_set(e, ERR_VERSION, 8, "%s/" IDENTITY_FILE ": format %u, this program "
		    "reads %d", fs->root, (unsigned)version, IDENTITY_VERSION);
	memcpy(out->id, id, sizeof out->id);
	memcpy(out->secret, secret, sizeof out->secret);
	return 0;
}

int
identity_read(struct fsys *fs, struct identity *out, struct err *e)
{
	struct arena a;
	struct sv bytes;
	int rc;

	arena_init(&a);
	rc = file_read_all(fs, IDENTITY_FILE, 2 * IDENTITY_BYTES, &a, &bytes, e);
	if (rc == ERR_TOOBIG)
		rc = corrupt(fs, IDENTITY_BYTES, "bytes after the end", e);
	else if (rc == 0) {
		rc = decode(fs, bytes, out, e);
		explicit_bzero((char *)(uintptr_t)bytes.p, bytes.n);
	}
	arena_release(&a);
	return rc;
}

/* Waits for the system's first randomness, if it must. */
static int
draw(void *p, size_t n, struct err *e)
{
	ssize_t got;

	do
		got = getrandom(p, n, 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)n ? 0 : err_errno(e, "getrandom");
}

static void
put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

static int
write_identity(struct fsys *fs, const struct identity *id, struct err *e)
{
	struct buf b = BUF_INIT;
	int rc;

	BUF_LIT(&b, MAGIC);
	put_le(&b, IDENTITY_VERSION, 4);
	put_le(&b, 0, 4);
	buf_put(&b, id->id, sizeof id->id);
	buf_put(&b, id->secret, sizeof id->secret);
	if (!b.oom)
		put_le(&b, hash64(b.p, b.n), 8);
	if ((rc = buf_ok(&b, e)) == 0)
		rc = file_replace_private(fs, ".", IDENTITY_FILE, buf_view(&b), e);
	if (b.p != NULL)
		explicit_bzero(b.p, b.n);
	buf_release(&b);
	return rc;
}

int
identity_make(struct fsys *fs, struct err *e)
{
	struct identity id;
	struct file_id at;
	int rc = fs->ops->stat(fs, IDENTITY_FILE, &at, e);

	if (rc != ERR_UNKNOWN)
		return rc;
	if ((rc = draw(&id, sizeof id, e)) == 0)
		rc = write_identity(fs, &id, e);
	explicit_bzero(&id, sizeof id);
	return rc;
}
