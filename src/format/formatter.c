/* SPDX-License-Identifier: ISC */
/* formatter: what the formats share: the columns that were asked for. */
#include "format_i.h"

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
