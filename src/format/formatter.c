/* SPDX-License-Identifier: ISC */
/* formatter: what the formats share: the columns that were asked for, and text rendered once. */
#include "format_i.h"

#define KEEP_BYTES 65536	/* rendered text above this isn't kept in a render cache */

int
formatter_columns(struct formatter *f, const struct field *fields, const struct sv *names,
    size_t n, struct err *e)
{
	struct buf *b = &f->scratch;

	if ((f->columns = arena_array(&f->arena, n, struct column)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		struct column *c = &f->columns[i];
		/* Attributes, and what was asked for by its key, are named as typed. */
		bool strict = fields[i].scope == FIELD_INTRINSIC && (names == NULL ||
		    sv_is(names[i], intrinsics[fields[i].intrinsic].name));

		c->field = fields[i];
		b->n = 0;
		if (names == NULL || strict)
			field_print_json(b, &fields[i]);
		else
			buf_sv(b, names[i]);
		c->name = arena_sv(&f->arena, buf_view(b));
		b->n = 0;
		json_string(b, c->name);
		buf_putc(b, ':');
		c->json_key = arena_sv(&f->arena, buf_view(b));
		if (b->oom || c->json_key.p == NULL || (c->name.p == NULL && c->name.n != 0))
			return err_nomem(e);
	}
	f->n_columns = n;
	return 0;
}

struct sv
render_cached(struct render_cache *c, const void *key,
    void (*render)(struct buf *, const void *key))
{
	size_t slot = (size_t)(((uint64_t)(uintptr_t)key >> 3) * 0x9e3779b97f4a7c15u >> 56);
	size_t off = c->text.n, n;

	if (c->slots[slot].key == key)
		return sv_new(c->text.p + c->slots[slot].off, c->slots[slot].n);
	render(&c->text, key);
	n = c->text.n - off;
	if (n > KEEP_BYTES)
		c->text.n = off;
	else {
		c->slots[slot].key = key;
		c->slots[slot].off = off;
		c->slots[slot].n = n;
	}
	return sv_new(c->text.p + off, n);
}
