/* SPDX-License-Identifier: ISC */
/*
 * fmt_groups: groups.jsonl and groups.csv: one row a group. Every column is in every row: null in
 * JSON and an empty field in CSV where there is nothing.
 */
#include "format_i.h"

void
put_group_time(struct buf *b, struct day_cache *day, __int128 ns)
{
	if (ns >= 0) {
		put_time(b, day, (uint64_t)ns);
		return;
	}
	/* Only weeks begin before 1970, at a midnight. */
	when_print_day(b, ns);
	BUF_LIT(b, "T00:00:00.000000000Z");
}

static void
put_word(struct buf *b, const struct group_cell *c, bool quoted)
{
	const char *word = c->kind == GROUP_KIND ? span_kind_name(c->number) :
	    span_status_name(c->number);

	if (word == NULL) {
		buf_i64(b, c->number);
		return;
	}
	if (quoted)
		buf_putc(b, '"');
	buf_str(b, word);
	if (quoted)
		buf_putc(b, '"');
}

static void
put_json(struct formatter *f, struct buf *b, const struct group_cell *c)
{
	switch (c->kind) {
	case GROUP_NULL:
		BUF_LIT(b, "null");
		return;
	case GROUP_VALUE:
		json_value(b, &c->value);
		return;
	case GROUP_UINT:
		buf_u64(b, c->u);
		return;
	case GROUP_TIME:
		buf_putc(b, '"');
		put_group_time(b, &f->render.day, c->time);
		buf_putc(b, '"');
		return;
	case GROUP_KIND:
	case GROUP_STATUS:
		put_word(b, c, true);
		return;
	case GROUP_HIST:
		group_hist_json(b, c);
		return;
	}
}

/* As a field of CSV, without quotes; texts and times as they are. */
void
put_group_plain(struct formatter *f, struct buf *b, const struct group_cell *c)
{
	struct cell value = { .kind = CELL_VALUE, .val = &c->value };

	switch (c->kind) {
	case GROUP_NULL:
		return;
	case GROUP_VALUE:
		cell_plain(f, b, &value);
		return;
	case GROUP_TIME:
		put_group_time(b, &f->render.day, c->time);
		return;
	case GROUP_KIND:
	case GROUP_STATUS:
		put_word(b, c, false);
		return;
	case GROUP_UINT:
	case GROUP_HIST:
		put_json(f, b, c);
		return;
	}
}

int
groups_begin(struct formatter *f, struct buf *out, struct err *e)
{
	(void)out;
	if ((f->columns = arena_array(&f->arena, f->opt.n_groups + 1, struct column)) == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < f->opt.n_groups; i++) {
		struct column *c = &f->columns[i];

		c->name = f->opt.groups[i].name;
		f->scratch.n = 0;
		json_string(&f->scratch, c->name);
		buf_putc(&f->scratch, ':');
		c->json_key = arena_sv(&f->arena, buf_view(&f->scratch));
		if (c->json_key.p == NULL)
			return err_nomem(e);
	}
	f->n_columns = f->opt.n_groups;
	return 0;
}

int
groups_jsonl_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	const struct group_cell *c = b->groups->cells;

	(void)e;
	for (size_t r = 0; r < b->n; r++) {
		for (size_t i = 0; i < f->n_columns; i++) {
			buf_putc(out, i == 0 ? '{' : ',');
			buf_sv(out, f->columns[i].json_key);
			put_json(f, out, c++);
		}
		buf_str(out, f->n_columns == 0 ? "{}\n" : "}\n");
	}
	return 0;
}

int
groups_csv_begin(struct formatter *f, struct buf *out, struct err *e)
{
	int code = groups_begin(f, out, e);

	for (size_t i = 0; code == 0 && i < f->n_columns; i++) {
		f->scratch.n = 0;
		put_clean(&f->scratch, f->columns[i].name);
		csv_field(out, buf_view(&f->scratch));
		buf_putc(out, i + 1 == f->n_columns ? '\n' : ',');
	}
	return code;
}

int
groups_csv_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	const struct group_cell *c = b->groups->cells;

	(void)e;
	for (size_t r = 0; r < b->n; r++) {
		size_t from = out->n;

		for (size_t i = 0; i < f->n_columns; i++) {
			f->scratch.n = 0;
			put_group_plain(f, &f->scratch, c++);
			csv_field(out, buf_view(&f->scratch));
			/* One empty column alone would be a blank line. */
			if (f->n_columns == 1 && out->n == from)
				BUF_LIT(out, "\"\"");
			buf_putc(out, i + 1 == f->n_columns ? '\n' : ',');
		}
	}
	return 0;
}
