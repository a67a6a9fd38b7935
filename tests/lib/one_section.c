/* SPDX-License-Identifier: ISC */
/* one_section: see one_section.h. */
#include "one_section.h"

#include <stdlib.h>

#include "base/cursor.h"
#include "base/hash.h"

#define NAME "one.shard"

bool
one_section_init(struct one_section *x, unsigned kind, const uint8_t *data, size_t n)
{
	struct cursor c = cursor_new(data, n);
	struct column *col = &x->column;

	memset(x, 0, sizeof *x);
	col->id = COL_ATTR;
	col->type = VAL_STRING;
	col->scope = ATTR_SPAN;
	col->kind = cursor_u8(&c) % 3;
	col->domain = cursor_u8(&c) % 3;
	x->shard.info.n_rows = (uint64_t)cursor_u16(&c) + 1;
	col->n_present = cursor_u32(&c) % (1u << 20);
	col->n_dict = (uint32_t)col->n_present;
	n = cursor_left(&c);
	if (c.bad || n == 0)
		return false;
	if ((x->copy = malloc(n)) == NULL)
		abort();
	memcpy(x->copy, c.p, n);
	fsys_bytes_init(&x->fs);
	fsys_bytes_set(&x->fs, NAME, sv_new(x->copy, n));
	x->section = (struct section){ .kind = kind, .codec = CODEC_NONE,
	    .n_stored = (uint32_t)n, .n_raw = (uint32_t)n, .hash = hash64(x->copy, n) };
	x->shard.fs = &x->fs.fs;
	x->shard.info.file = NAME;
	x->shard.info.columns = col;
	x->shard.info.n_columns = 1;
	x->shard.sections = &x->section;
	x->shard.slots = &x->slot;
	x->shard.n_sections = 1;
	x->shard.postings_section = x->shard.text_section = &x->first;
	cache_slot_init(&x->slot);
	if (x->fs.fs.ops->open_read(&x->fs.fs, NAME, &x->shard.file, NULL) != 0 ||
	    chunkcache_new(1u << 20, &x->shard.cache, NULL) != 0)
		abort();
	return true;
}

void
one_section_release(struct one_section *x)
{
	cache_forget(x->shard.cache, &x->slot, 1);
	chunkcache_free(x->shard.cache);
	(void)x->fs.fs.ops->close(x->shard.file, NULL);
	free(x->copy);
}
