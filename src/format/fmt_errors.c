/* SPDX-License-Identifier: ISC */
/*
 * fmt_errors: errors.txt: what went wrong, equal ones in one line: how often, when last, where,
 * what, and one trace. The rows that come are the failed spans in the query's order (the
 * file's filter is in the table of format.c); lines are in the order of their first span,
 * and offset and limit count lines. Equal are errors of one service, one name and one text.
 *
 * All lines are held until the end: LINES_MAX of them, as far as there is memory.
 */
#include <stdlib.h>

#include "base/map.h"
#include "base/vec.h"
#include "format_i.h"

#define LINES_MAX 100000

struct line {
	uint64_t count, newest_ns;
	struct trace_id trace_id;	/* of the newest */
	struct sv service, name, text;
};

struct errors {
	struct map map;		/* service, name and text, with NULs between: number of the line */
	struct line *lines;
	size_t n, cap;
};

bool
span_failed(const struct span *s)
{
	return s->status == STATUS_ERROR;
}

/* The text of an attribute of the span's first exception, or an empty one. */
static struct sv
exception(const struct span *s, const char *key)
{
	for (uint32_t i = 0; i < s->n_events; i++) {
		const struct value *v = attrs_find(&s->events[i].attrs, sv_cstr(key));

		if (v != NULL && v->type == VAL_STRING && v->s.n != 0)
			return v->s;
	}
	return SV_EMPTY;
}

/* Texts often go on with a stack: the first line is the message. */
static void
put_first_line(struct buf *b, struct sv text)
{
	struct sv line = SV_EMPTY;

	(void)sv_cut(&text, '\n', &line);
	if (line.n != 0 && line.p[line.n - 1] == '\r')
		line.n--;
	put_clean(b, line);
}

void
put_failure(struct buf *b, const struct span *s, bool with_type)
{
	struct sv type = exception(s, "exception.type");
	struct sv message = exception(s, "exception.message");

	if (!with_type && s->status_message.n != 0)
		message = s->status_message;
	else if (message.n == 0)
		message = type.n != 0 && !with_type ? type : s->status_message;
	if (with_type && type.n != 0) {
		put_first_line(b, type);
		if (message.n != 0)
			BUF_LIT(b, ": ");
	}
	put_first_line(b, message);
	if (message.n == 0 && (type.n == 0 || !with_type))
		BUF_LIT(b, "error");
}

static void
errors_release(struct formatter *f)
{
	struct errors *x = f->state;

	map_release(&x->map);
	free(x->lines);
}

/* At the end all lines are written at once, about as long as what the arena holds of them. */
static size_t
errors_memory(const struct formatter *f)
{
	const struct errors *x = f->state;

	return arena_footprint(&x->map.keys) + x->map.cap * sizeof *x->map.slots +
	    x->cap * sizeof *x->lines + arena_footprint(&f->arena);
}

int
errors_begin(struct formatter *f, struct buf *out, struct err *e)
{
	struct errors *x = arena_new(&f->arena, struct errors);

	(void)out;
	if (x == NULL)
		return err_nomem(e);
	map_init(&x->map);
	f->state = x;
	f->release = errors_release;
	f->memory = errors_memory;
	return 0;
}

/* A line of its own; the texts are the span's, copied. */
static int
add_line(struct formatter *f, const struct span *s, struct sv text, struct err *e)
{
	struct errors *x = f->state;
	struct line *l;

	if (x->n == LINES_MAX)
		return err_set(e, ERR_LIMIT, -1, "more than %d different errors: narrow the query",
		    LINES_MAX);
	if (x->n == x->cap &&
	    !vec_grow((void **)&x->lines, &x->cap, x->n + 1, sizeof *x->lines))
		return err_nomem(e);
	l = &x->lines[x->n++];
	*l = (struct line){
		.service = arena_sv(&f->arena, s->resource->service),
		.name = arena_sv(&f->arena, s->name),
		.text = arena_sv(&f->arena, text),
	};
	return (l->service.p == NULL && s->resource->service.n != 0) ||
	    (l->name.p == NULL && s->name.n != 0) || (l->text.p == NULL && text.n != 0) ?
	    err_nomem(e) : 0;
}

static int
add_span(struct formatter *f, const struct span *s, struct err *e)
{
	struct errors *x = f->state;
	struct buf *b = &f->scratch;
	uint64_t *at;
	size_t text;
	bool fresh;
	int code;

	b->n = 0;
	buf_sv(b, s->resource->service);
	buf_putc(b, '\0');
	buf_sv(b, s->name);
	buf_putc(b, '\0');
	text = b->n;
	put_failure(b, s, true);
	if (b->oom || (at = map_put(&x->map, buf_view(b), &fresh)) == NULL)
		return err_nomem(e);
	if (fresh) {
		if ((code = add_line(f, s, sv_sub(buf_view(b), text, b->n), e)) < 0)
			return code;
		*at = x->n - 1;
	}
	x->lines[*at].count++;
	if (s->start_ns >= x->lines[*at].newest_ns) {
		x->lines[*at].newest_ns = s->start_ns;
		x->lines[*at].trace_id = s->trace_id;
	}
	return 0;
}

int
errors_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	int code = 0;

	(void)out;
	for (size_t i = 0; i < b->n && code == 0; i++)
		code = add_span(f, b->spans[i].span, e);
	return code;
}

static void
put_line(struct formatter *f, struct table *t, const struct line *l)
{
	struct buf *b = &f->scratch;

	b->n = 0;
	put_time(b, &f->render.day, l->newest_ns);
	if (!b->oom)
		b->n -= 11;	/* the fraction goes */
	buf_putc(b, 'Z');
	table_cell(t, 0, buf_view(b));
	b->n = 0;
	buf_u64(b, l->count);
	table_cell(t, 1, buf_view(b));
	table_cell(t, 2, l->service);
	table_cell(t, 3, l->name);
	b->n = 0;
	put_trace_id(b, l->trace_id);
	table_cell(t, 4, buf_view(b));
	table_cell(t, 5, l->text);
}

int
errors_end(struct formatter *f, struct buf *out, struct err *e)
{
	static const struct table_column columns[] = {
		{ SV("time"), false, 0 }, { SV("count"), true, 0 }, { SV("service"), false, 24 },
		{ SV("name"), false, 32 }, { SV("trace_id"), false, 0 }, { SV("error"), false, 0 },
	};
	struct errors *x = f->state;
	uint64_t from = f->opt.offset < x->n ? f->opt.offset : x->n;
	uint64_t n = x->n - from < f->opt.limit ? x->n - from : f->opt.limit;
	struct table *t = table_new(&f->arena, &f->held, columns,
	    sizeof columns / sizeof *columns, 0);

	if (t == NULL)
		return err_nomem(e);
	for (uint64_t i = from; i < from + n; i++) {
		put_line(f, t, &x->lines[i]);
		table_row(t, out);
	}
	table_end(t, out);
	f->n_lines = n;
	return 0;
}
