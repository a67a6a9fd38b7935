/* SPDX-License-Identifier: ISC */
/* ch_schema_print: a schema as text, for people and tests. */
#include "base/visible.h"
#include "clickhouse/ch_schema.h"

static void
fact(struct buf *b, const char *what, struct sv value)
{
	if (value.n == 0)
		return;
	buf_str(b, what);
	buf_putc(b, ' ');
	visible_text(b, value, 0);
	buf_putc(b, '\n');
}

static void
columns(struct buf *b, const struct ch_schema *s)
{
	for (unsigned c = 0; c < N_CHC; c++) {
		if (s->columns[c].name.n == 0)
			continue;
		buf_printf(b, "column %s ", ch_span_column_name(c));
		ch_type_print(b, s->columns[c].type);
		buf_putc(b, '\n');
	}
}

void
ch_schema_print(struct buf *b, const struct ch_schema *s)
{
	fact(b, "table", s->table.name);
	fact(b, "engine", s->engine);
	fact(b, "cluster", s->cluster);
	if (s->distributed)
		fact(b, "local", s->local.name);
	columns(b, s);
	fact(b, "items of spans", s->attr_items);
	fact(b, "items of resources", s->resource_items);
	for (size_t i = 0; i < s->n_computed; i++) {
		buf_str(b, s->computed[i].of == CHC_ATTRS ? "computed span." : "computed resource.");
		visible_text(b, s->computed[i].key, 0);
		fact(b, " by", s->computed[i].name);
	}
	for (size_t i = 0; i < s->n_key; i++)
		fact(b, "key", sv_cstr(ch_span_column_name(s->key[i])));
	fact(b, "times of traces", s->trace_ts.name);
}
