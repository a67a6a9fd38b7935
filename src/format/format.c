/* SPDX-License-Identifier: ISC */
/*
 * format: the table of files and the driver. A row says what a file's rows are, what it needs
 * of a span, and the functions that render: header, batches, what is left. The driver asks
 * the buffers once a call whether memory ran out, so the formats never do.
 */
#include "format/format.h"

#include <stdlib.h>

#include "format_i.h"

#define BIT(id) INTRINSIC_BIT(IN_##id)

static int
nothing(struct formatter *f, struct buf *out, struct err *e)
{
	(void)f;
	(void)out;
	(void)e;
	return 0;
}

static int
count_begin(struct formatter *f, struct buf *out, struct err *e)
{
	(void)out;
	f->state = arena_new(&f->arena, uint64_t);
	return f->state == NULL ? err_nomem(e) : 0;
}

static int
count_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	(void)out;
	(void)e;
	*(uint64_t *)f->state += b->count;
	return 0;
}

static int
count_end(struct formatter *f, struct buf *out, struct err *e)
{
	(void)e;
	buf_u64(out, *(uint64_t *)f->state);
	buf_putc(out, '\n');
	return 0;
}

/* With events: what a failure says of itself may be an exception. */
#define FAILURE_BITS (BIT(START) | BIT(SERVICE) | BIT(NAME) | BIT(STATUS) | \
	BIT(STATUS_MESSAGE) | BIT(TRACE_ID))
#define PART_BITS (BIT(TRACE_ID) | BIT(SPAN_ID) | BIT(SERVICE) | BIT(NAME))
#define SCORE_BITS (BIT(TRACE_ID) | BIT(SPAN_ID))
#define TREE_BITS (BIT(TRACE_ID) | BIT(SPAN_ID) | BIT(PARENT_SPAN_ID) | BIT(SERVICE) | \
	BIT(NAME) | BIT(KIND) | BIT(STATUS) | BIT(STATUS_MESSAGE) | BIT(START) | BIT(END) | \
	BIT(DURATION))

static const struct format formats[] = {
	{ "spans.jsonl", ROW_SPAN, true, false, { .all = true },
	    spans_jsonl_begin, spans_jsonl_batch, nothing, true, NULL, false, true },
	{ "spans.csv", ROW_SPAN, true, false, { .all = true },
	    spans_csv_begin, spans_csv_batch, nothing, true, NULL, false, false },
	{ "spans.txt", ROW_SPAN, true, false,
	    { .events = true, .intrinsics = FAILURE_BITS | BIT(DURATION) },
	    text_begin, text_batch, text_end, false, NULL, false, false },
	{ "errors.txt", ROW_SPAN, false, false,
	    { .events = true, .intrinsics = FAILURE_BITS },
	    errors_begin, errors_batch, errors_end, false,
	    "any/status/error/has/event.exception.type/has/event.exception.message/end", true,
	    false },
	{ "traces.jsonl", ROW_TRACE, true, false, { .intrinsics = BIT(TRACE_ID) },
	    spans_jsonl_begin, traces_jsonl_batch, nothing, false, NULL, false, false },
	{ "traces.csv", ROW_TRACE, true, false, { .intrinsics = BIT(TRACE_ID) },
	    traces_csv_begin, traces_csv_batch, nothing, false, NULL, false, false },
	{ "traces.txt", ROW_TRACE, true, false, { .intrinsics = BIT(TRACE_ID) },
	    text_begin, text_batch, text_end, false, NULL, false, false },
	{ "otlp.jsonl", ROW_SPAN, false, false, { .all = true },
	    otlp_begin, otlp_batch, otlp_end, false, NULL, false, false },
	{ "events.jsonl", ROW_EVENT, false, false,
	    { .events = true, .intrinsics = PART_BITS },
	    nothing, events_jsonl_batch, nothing, false, NULL, false, false },
	{ "scores.jsonl", ROW_SCORE, false, false, { .events = true, .intrinsics = SCORE_BITS },
	    nothing, scores_jsonl_batch, nothing, false, NULL, false, false },
	{ "links.jsonl", ROW_LINK, false, false,
	    { .links = true, .intrinsics = PART_BITS },
	    nothing, links_jsonl_batch, nothing, false, NULL, false, false },
	{ "groups.jsonl", ROW_GROUP, true, false, { .intrinsics = 0 },
	    groups_begin, groups_jsonl_batch, nothing, false, NULL, false, false },
	{ "groups.csv", ROW_GROUP, true, false, { .intrinsics = 0 },
	    groups_csv_begin, groups_csv_batch, nothing, false, NULL, false, false },
	{ "groups.txt", ROW_GROUP, true, false, { .intrinsics = 0 },
	    groups_text_begin, groups_text_batch, groups_text_end, false, NULL, false, false },
	{ "compare.jsonl", ROW_CONTRAST, false, false, { .all = true },
	    groups_begin, groups_jsonl_batch, nothing, false, NULL, false, false },
	{ "compare.txt", ROW_CONTRAST, false, false, { .all = true },
	    compare_text_begin, compare_text_batch, compare_text_end, false, NULL, false, false },
	{ "count", ROW_COUNT, false, false, { .intrinsics = 0 },
	    count_begin, count_batch, count_end, false, NULL, false, false },
	{ "tree.txt", ROW_SPAN, false, true, { .rest = true, .intrinsics = TREE_BITS },
	    tree_begin, tree_batch, tree_end, false, NULL, false, false },
};
#define N_FORMATS (sizeof formats / sizeof *formats)

const struct format *
format_at(size_t i)
{
	return i < N_FORMATS ? &formats[i] : NULL;
}

const struct format *
format_find(struct sv file)
{
	for (size_t i = 0; i < N_FORMATS; i++)
		if (sv_is(file, formats[i].file))
			return &formats[i];
	return NULL;
}

int
formatter_new(const struct format *format, const struct format_options *opt,
    struct formatter **out, struct err *e)
{
	struct formatter *f;

	if (opt->n_select != 0 && !format->select_ok)
		return err_set(e, ERR_UNSUPPORTED, -1, "select can't be used with %s",
		    format->file);
	if ((f = calloc(1, sizeof *f)) == NULL)
		return err_nomem(e);
	f->format = format;
	f->opt = *opt;
	arena_init(&f->arena);
	*out = f;
	return 0;
}

void
formatter_free(struct formatter *f)
{
	if (f == NULL)
		return;
	if (f->release != NULL)
		f->release(f);
	render_release(&f->render);
	buf_release(&f->held);
	buf_release(&f->scratch);
	arena_release(&f->arena);
	free(f);
}

/* Nothing that was left out for want of memory may pass for a result. */
static int
checked(const struct formatter *f, const struct buf *out, int code, struct err *e)
{
	if (code < 0)
		return code;
	if (out->oom || f->held.oom || f->scratch.oom)
		return err_nomem(e);
	return 0;
}

int
formatter_begin(struct formatter *f, struct buf *out, struct err *e)
{
	return checked(f, out, f->format->begin(f, out, e), e);
}

int
formatter_batch(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	render_batch(&f->render);
	return formatter_more(f, b, out, e);
}

int
formatter_more(struct formatter *f, const struct batch *b, struct buf *out, struct err *e)
{
	if (b->kind != f->format->rows)
		return err_set(e, ERR_UNSUPPORTED, -1, "%s can't show rows of this kind",
		    f->format->file);
	return checked(f, out, f->format->batch(f, b, out, e), e);
}

int
formatter_end(struct formatter *f, struct buf *out, struct err *e)
{
	return checked(f, out, f->format->end(f, out, e), e);
}

size_t
formatter_memory(const struct formatter *f)
{
	size_t n = arena_footprint(&f->arena) + f->held.cap + f->scratch.cap;

	return f->memory == NULL ? n : n + f->memory(f);
}

uint64_t
formatter_rows(const struct formatter *f)
{
	return f->n_lines;
}
