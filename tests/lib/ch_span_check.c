/* SPDX-License-Identifier: ISC */
/* ch_span_check: see ch_span_check.h. */
#include "lib/ch_span_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "model/json.h"

void
ch_value_text(struct buf *t, const struct value *v)
{
	switch (v->type) {
	case VAL_BOOL:
		buf_str(t, v->b ? "true" : "false");
		break;
	case VAL_INT:
		buf_i64(t, v->i);
		break;
	case VAL_DOUBLE:
		buf_double(t, v->d);
		break;
	case VAL_STRING:
		buf_sv(t, v->s);
		break;
	case VAL_EMPTY:
		break;
	case VAL_BYTES:
		buf_base64(t, v->s.p, v->s.n);
		break;
	default:
		json_value(t, v);
	}
}

#define REPAIRED "\xef\xbf\xbd"

/* Without U+FFFD: how many stand for bytes that are not UTF-8 is not asked here. */
static void
put_sound(struct buf *b, struct sv s)
{
	int64_t at;

	while ((at = sv_find(s, SV(REPAIRED))) >= 0) {
		buf_sv(b, sv_sub(s, 0, (size_t)at));
		s = sv_sub(s, (size_t)at + sizeof REPAIRED - 1, s.n);
	}
	buf_sv(b, s);
}

static bool
text_same(struct sv was, struct sv is)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	char *p = malloc(UTF8_REPAIR_MAX * was.n + 1);
	bool same;

	if (utf8_valid(was)) {
		free(p);
		return sv_eq(was, is);
	}
	if (p == NULL)
		abort();
	put_sound(&a, sv_new(p, utf8_repair(p, was)));
	put_sound(&b, is);
	same = utf8_valid(is) && sv_eq(buf_view(&a), buf_view(&b));
	buf_release(&a);
	buf_release(&b);
	free(p);
	return same;
}

/* The text that stands there is what is shown; a number or boolean of the same text. */
static void
check_value(const struct value *was, const struct value *is)
{
	struct buf a = BUF_INIT, b = BUF_INIT;

	ch_value_text(&a, was);
	ch_value_text(&b, is);
	if (!text_same(buf_view(&a), buf_view(&b)))
		fail_msg("%.*s came back as %.*s", SV_ARG(buf_view(&a)), SV_ARG(buf_view(&b)));
	if (was->type == VAL_INT || was->type == VAL_BOOL)
		assert_true(value_eq(was, is));
	if (was->type == VAL_DOUBLE && was->d - was->d == 0)	/* finite */
		assert_true(value_eq(was, is));
	buf_release(&a);
	buf_release(&b);
}

/* Keys that repairing makes equal are one. */
static void
check_attrs(const struct attrs *was, const struct attrs *is)
{
	uint32_t clean = 0;

	for (uint32_t i = 0; i < was->n; i++) {
		const struct value *v;

		if (!utf8_valid(was->v[i].key) || sv_find(was->v[i].key, SV("\xef\xbf\xbd")) >= 0)
			continue;
		clean++;
		v = attrs_find(is, was->v[i].key);
		assert_non_null(v);
		check_value(&was->v[i].val, v);
	}
	assert_true(is->n >= clean && is->n <= was->n);
}

void
ch_span_check(const struct span *was, const struct span *is)
{
	assert_true(trace_id_eq(was->trace_id, is->trace_id));
	assert_true(was->parent_span_id == is->parent_span_id);
	/* Times end with DateTime64(9). */
	assert_true(is->start_ns == (was->start_ns > INT64_MAX ? INT64_MAX : was->start_ns));
	/* Over 63 bits it is cut, or a negative one. */
	if (span_duration(was) <= INT64_MAX)
		assert_true(span_duration(is) == span_duration(was));
	else
		assert_true(span_duration(is) == 0 || span_duration(is) == INT64_MAX);
	assert_int_equal(is->kind, was->kind >= 0 && was->kind < 6 ? was->kind : 0);
	assert_int_equal(is->status, was->status >= 0 && was->status < 3 ? was->status : 0);
	assert_true(text_same(was->name, is->name));
	assert_true(text_same(was->status_message, is->status_message));
	assert_true(text_same(was->trace_state, is->trace_state));
	assert_true(text_same(was->resource->service, is->resource->service));
	assert_true(text_same(was->scope->name, is->scope->name));
	assert_true(text_same(was->scope->version, is->scope->version));
	check_attrs(&was->attrs, &is->attrs);
	check_attrs(&was->resource->attrs, &is->resource->attrs);
	assert_true(is->scope->attrs.n == 0 && is->flags == 0);
	assert_int_equal(was->n_events, is->n_events);
	for (uint32_t i = 0; i < was->n_events; i++) {
		assert_true(text_same(was->events[i].name, is->events[i].name));
		check_attrs(&was->events[i].attrs, &is->events[i].attrs);
		if (was->events[i].time_ns <= INT64_MAX)
			assert_true(was->events[i].time_ns == is->events[i].time_ns);
	}
	assert_int_equal(was->n_links, is->n_links);
	for (uint32_t i = 0; i < was->n_links; i++) {
		assert_true(trace_id_eq(was->links[i].trace_id, is->links[i].trace_id));
		assert_true(was->links[i].span_id == is->links[i].span_id);
		assert_true(text_same(was->links[i].trace_state, is->links[i].trace_state));
		check_attrs(&was->links[i].attrs, &is->links[i].attrs);
	}
}
