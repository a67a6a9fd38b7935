/* SPDX-License-Identifier: ISC */
/* ch_sql_write: names and values, see ch_sql_i.h. */
#include <stdio.h>

#include "base/utf8.h"
#include "ch_sql_i.h"

bool
text_plain(struct sv s)
{
	return utf8_valid(s) && sv_find(s, SV("\xef\xbf\xbd")) < 0;
}

void
w_name(struct writer *w, struct sv s)
{
	buf_putc(&w->b, '`');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '`' || s.p[i] == '\\')
			buf_putc(&w->b, '\\');
		buf_putc(&w->b, s.p[i]);
	}
	buf_putc(&w->b, '`');
}

bool
w_have(const struct writer *w, enum ch_span_column c)
{
	return w->s->columns[c].name.n != 0;
}

void
w_column(struct writer *w, enum ch_span_column c)
{
	w_name(w, w->s->columns[c].name);
}

void
w_table(struct writer *w, struct ch_table t)
{
	if (t.database.n != 0) {
		w_name(w, t.database);
		buf_putc(&w->b, '.');
	}
	w_name(w, t.name);
}

/* {pN:Type}, and the value beside it. */
static void
parameter(struct writer *w, const char *type, struct sv value)
{
	char *name = arena_printf(w->a, "p%zu", w->params.n);
	struct ch_param p = { sv_cstr(name), arena_sv(w->a, value) };

	if (name == NULL || (value.n != 0 && p.value.p == NULL) || !vec_push(&w->params, p)) {
		w->oom = true;
		return;
	}
	buf_putc(&w->b, '{');
	buf_str(&w->b, name);
	buf_putc(&w->b, ':');
	buf_str(&w->b, type);
	buf_putc(&w->b, '}');
}

void
w_text(struct writer *w, struct sv s)
{
	struct buf value = BUF_INIT;

	if (w->hex) {
		W(w, "unhex('");
		buf_hex(&w->b, s.p, s.n);
		W(w, "')");
		return;
	}
	ch_param_string(&value, s);
	w->oom = w->oom || value.oom;
	parameter(w, "String", buf_view(&value));
	buf_release(&value);
}

static void
number(struct writer *w, const char *type, const char *text)
{
	if (w->hex) {
		W(w, "to");
		buf_str(&w->b, type);
		W(w, "('");
		buf_str(&w->b, text);
		W(w, "')");
	} else {
		parameter(w, type, sv_cstr(text));
	}
}

void
w_u64(struct writer *w, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%ju", (uintmax_t)v);
	number(w, "UInt64", text);
}

void
w_digits(struct writer *w, uint64_t v)
{
	buf_u64(&w->b, v);
}

void
w_i64(struct writer *w, int64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%jd", (intmax_t)v);
	number(w, "Int64", text);
}

void
w_double(struct writer *w, double v)
{
	char text[40];

	snprintf(text, sizeof text, "%.17g", v);
	number(w, "Float64", text);
}

void
w_texts(struct writer *w, const struct sv *v, size_t n)
{
	buf_putc(&w->b, '(');
	for (size_t i = 0; i < n; i++) {
		if (i != 0)
			W(w, ", ");
		w_text(w, v[i]);
	}
	buf_putc(&w->b, ')');
}
