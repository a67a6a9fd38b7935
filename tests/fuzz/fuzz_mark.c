/* SPDX-License-Identifier: ISC */
/*
 * fuzz_mark: bytes of marks/NAME.mark, with magic, version and checksum made right as well. What decodes
 * encodes to bytes that decode to the same; and in a store with that file the mark is listed, set anew and
 * deleted, whatever it says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "catalog/marks_i.h"
#include "lib/fsys_mem.h"

#define FRAME_BYTES 48		/* header and checksum */
#define NAME SV("m")
#define FILE_NAME "marks/m.mark"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static bool
same(const struct mark *a, const struct mark *b)
{
	const struct mark_delivery *d = &a->delivery, *f = &b->delivery;

	return a->generation == b->generation && a->moved_ns == b->moved_ns &&
	    a->was_read == b->was_read && a->read == b->read && d->generation == f->generation &&
	    d->inode == f->inode && d->size == f->size && sv_eq(d->from, f->from) &&
	    sv_eq(d->to, f->to);
}

static void
encode_and_decode(const struct mark *m)
{
	struct buf b = BUF_INIT;
	struct mark back;

	mark_encode(&b, m);
	check(mark_decode(buf_view(&b), FILE_NAME, &back, NULL) == 0 && same(m, &back));
	buf_release(&b);
}

/* What can't be read is listed all the same, and moves nowhere; each can be set anew, and deleted. */
static void
in_a_store(struct sv bytes, bool sound)
{
	struct fsys *fs = fsys_mem();
	struct mark m = { 0 };
	struct arena a;
	struct sv *names;
	size_t n;
	int moved;

	arena_init(&a);
	check(fs != NULL && mark_set(fs, NAME, 3, NULL) == 0);
	check(fsys_mem_put(fs, FILE_NAME, bytes));
	check((mark_read(fs, NAME, &a, &m, NULL) == 0) == sound);
	check(marks_list(fs, &a, &names, &n, NULL) == 0 && n == 1);
	moved = mark_move(fs, NAME, m.generation, m.generation + 1, NULL);
	check(moved != 0 || sound);
	check(mark_set(fs, NAME, 5, NULL) == 0);
	check(mark_read(fs, NAME, &a, &m, NULL) == 0 && m.generation == 5);
	check(mark_delete(fs, NAME, NULL) == 0);
	arena_release(&a);
	fsys_free(fs);
}

static void
file(struct sv bytes)
{
	struct err e = ERR_INIT;
	struct mark m = { 0 };
	int code = mark_decode(bytes, FILE_NAME, &m, &e);

	if (code == 0)
		encode_and_decode(&m);
	else
		check((code == ERR_CORRUPT || code == ERR_VERSION) && e.off >= 0 &&
		    (size_t)e.off <= bytes.n);
	in_a_store(bytes, code == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n + 1);	/* no byte longer than it says */
	uint64_t h;

	check(copy != NULL);
	if (n != 0)
		memcpy(copy, data, n);
	copy = realloc(copy, n == 0 ? 1 : n);
	check(copy != NULL);
	file(sv_new(copy, n));
	if (n >= FRAME_BYTES) {
		memcpy(copy, "SPANFSMK\1\0\0", 12);
		h = hash64(copy, n - 8);
		memcpy(copy + n - 8, &h, 8);
		file(sv_new(copy, n));
	}
	free(copy);
	return 0;
}
