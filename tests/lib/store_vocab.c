/* SPDX-License-Identifier: ISC */
/* store_vocab: see store_vocab.h. */
#include "lib/store_vocab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/engine_i.h"

static struct vocab_list
values_of(const struct snapshot *snap, struct arena *a, const char *field, size_t max)
{
	struct values_request rq = { .range = TIME_RANGE_ALL, .max = max };
	struct values_result rs;
	struct err err = ERR_INIT;

	assert_true(field_parse(sv_cstr(field), &rq.field));
	if (catalog_values(snap, &rq, a, &rs, &err) < 0)
		fail_msg("%s: %s", field, err.msg);
	return (struct vocab_list){ rs.values, rs.n };
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

static struct vocab_list
some_span_ids(struct engine *en, struct arena *a)
{
	struct sv *v = arena_array(a, 20, struct sv);
	struct buf out = BUF_INIT;
	struct sv rest, line;
	size_t n = 0;

	assert_int_equal(engine_query(en, SV("/limit/20/select/span_id/spans.csv"),
	    (struct requester){ 0, 0 }, append, &out, NULL, NULL), 0);
	rest = buf_view(&out);
	(void)sv_cut(&rest, '\n', &line);
	while (n < 20 && sv_cut(&rest, '\n', &line) && line.n != 0)
		v[n++] = arena_sv(a, line);
	buf_release(&out);
	return (struct vocab_list){ v, n };
}

static struct vocab_list
marks_of(struct engine *en, struct arena *a)
{
	struct vocab_list l;
	struct sv *v;

	assert_int_equal(marks_list(catalog_fsys(en->catalog), a, &v, &l.n, NULL), 0);
	l.v = v;
	return l;
}

void
store_vocab(struct engine *en, const struct store_rig *rig, struct arena *a, struct vocab *out)
{
	struct values_result fields;
	struct vocab_attr *attrs;
	struct err err = ERR_INIT;
	struct world *w;

	assert_int_equal(engine_world(en, &w, &err), 0);
	assert_int_equal(catalog_fields(w->snap, TIME_RANGE_ALL, 200, a, &fields, &err), 0);
	attrs = arena_array(a, fields.n + 1, struct vocab_attr);
	for (size_t i = 0; i < fields.n; i++)
		attrs[i] = (struct vocab_attr){ fields.values[i],
			values_of(w->snap, a, arena_cstr(a, fields.values[i]), 20) };
	*out = (struct vocab){
		.services = values_of(w->snap, a, "service", 50),
		.names = values_of(w->snap, a, "name", 50),
		.scopes = values_of(w->snap, a, "scope", 50),
		.trace_ids = values_of(w->snap, a, "trace_id", 30),
		.span_ids = some_span_ids(en, a),
		.marks = marks_of(en, a),
		.attrs = attrs,
		.n_attrs = fields.n,
		.min_start = STORE_RIG_START,
		.max_start = rig->now_ns,
	};
	world_unref(w);
}

const char *
vocab_file(size_t i)
{
	static const char *const files[] = { "spans.jsonl", "count", "traces.jsonl",
		"events.jsonl", "groups.jsonl", "spans.jsonl", "links.jsonl", "otlp.jsonl",
		"spans.csv", "groups.csv", "compare.jsonl" };

	return files[i % (sizeof files / sizeof *files)];
}

unsigned
vocab_file_flags(const char *file)
{
	if (strncmp(file, "spans", 5) == 0)
		return GEN_PATH_ALL;
	if (strcmp(file, "count") == 0)
		return GEN_PATH_ALL & ~GEN_PATH_SELECT;
	return (GEN_PATH_ALL & ~(GEN_PATH_SELECT | GEN_PATH_SORT)) |
	    (strncmp(file, "groups", 6) == 0 ? GEN_PATH_GROUPS : 0) |
	    (strncmp(file, "compare", 7) == 0 ? GEN_PATH_COMPARE : 0);
}
