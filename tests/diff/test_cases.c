/* SPDX-License-Identifier: ISC */
/*
 * cases: small inputs on which an answer was wrong once. tests/data/cases/NAME.jsonl holds the
 * spans, NAME.txt lines of a path and what the count in it is; '#' begins a remark. Each path is
 * answered in every way (lib/way.h). Of groups.txt (compare.txt alike) a line is a query and the rows of its groups.csv,
 * '|' between them, or '!' and words of the message with which it is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/ingest.h"
#include "lib/store_rig.h"
#include "lib/testdata.h"
#include "lib/way.h"

struct case_store {
	struct store_rig rig;
	struct conf *conf;
	struct engine *en;
};

static void
add_lines(struct store_rig *rig, struct sv text)
{
	struct ingest_result res = { 0 };
	struct err err = ERR_INIT;
	struct span_batch b;
	struct sv line;

	span_batch_init(&b);
	while (sv_cut(&text, '\n', &line))
		if (line.n != 0 && otlp_json_parse(line, 1, &b, &res, &err) < 0)
			fail_msg("%s", err.msg);
	assert_int_equal(res.n_rejected, 0);
	assert_true(b.n > 0);
	store_rig_add(rig, &b, 256);
	span_batch_release(&b);
}

static void
case_open(struct case_store *c, const char *name)
{
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;

	testdata_read(&text, name);
	store_rig_init(&c->rig, 1, 0, 1, 0, 256);
	add_lines(&c->rig, buf_view(&text));
	buf_release(&text);
	if (conf_load(NULL, NULL, 0, &c->conf, &err) < 0 ||
	    engine_open(c->conf, c->rig.dir, false, &c->en, &err) < 0)
		fail_msg("%s", err.msg);
}

static void
case_close(struct case_store *c)
{
	engine_close(c->en);
	conf_free(c->conf);
	store_rig_release(&c->rig);
}

/* The lines after the header. */
static void
rows_of_csv(struct buf *b)
{
	struct sv rest = buf_view(b), header;
	size_t n;

	(void)sv_cut(&rest, '\n', &header);
	n = rest.n > 0 ? rest.n - 1 : 0;
	memmove(b->p, rest.p, n);
	b->n = n;
	for (size_t i = 0; i < n; i++)
		if (b->p[i] == '\n')
			b->p[i] = '|';
}

static void
every_way_refuses(struct engine *en, const char *path, struct sv words)
{
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n_ways; i++)
		if (way_answer(en, path, &way_table[i], &out, NULL, NULL, &err) >= 0 ||
		    sv_find(sv_cstr(err.msg), words) < 0)
			fail_msg("%s, %s: '%s', not '%.*s'", path, way_table[i].name, err.msg,
			    SV_ARG(words));
	buf_release(&out);
}

/* The values of objects, without their keys: none of these holds a comma or colon. */
static void
rows_of_json(struct buf *b)
{
	struct sv rest = buf_view(b), line, value;
	struct buf out = BUF_INIT;

	while (sv_cut(&rest, '\n', &line) && line.n > 0) {
		line = sv_sub(line, 1, line.n - 1);
		buf_str(&out, out.n == 0 ? "" : "|");
		for (bool first = true; sv_cut(&line, ',', &value); first = false) {
			buf_str(&out, first ? "" : ",");
			buf_sv(&out, sv_sub(value, (size_t)sv_chr(value, ':') + 1, value.n));
		}
	}
	b->n = 0;
	buf_sv(b, buf_view(&out));
	buf_release(&out);
}

static void
every_way_rows(struct engine *en, struct buf *path, struct sv want, const char *file,
    void (*rows)(struct buf *))
{
	struct buf out = BUF_INIT;

	buf_putc(path, '/');
	buf_str(path, file);
	if (want.n > 0 && want.p[0] == '!') {
		every_way_refuses(en, buf_cstr(path), sv_sub(want, 1, want.n));
		return;
	}
	for (size_t i = 0; i < n_ways; i++) {
		struct err err = ERR_INIT;

		if (way_answer(en, buf_cstr(path), &way_table[i], &out, NULL, NULL, &err) < 0)
			fail_msg("%s, %s: %s", path->p, way_table[i].name, err.msg);
		rows(&out);
		if (!sv_eq(buf_view(&out), want))
			fail_msg("%s, %s: got %.*s, want %.*s", path->p, way_table[i].name,
			    SV_ARG(buf_view(&out)), SV_ARG(want));
	}
	buf_release(&out);
}

static void
every_way_counts(struct engine *en, const char *path, struct sv want)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < n_ways; i++) {
		struct err err = ERR_INIT;

		if (way_answer(en, path, &way_table[i], &out, NULL, NULL, &err) < 0)
			fail_msg("%s, %s: %s", path, way_table[i].name, err.msg);
		out.n -= out.n > 0;
		if (!sv_eq(buf_view(&out), want))
			fail_msg("%s, %s: got %.*s, want %.*s", path, way_table[i].name,
			    SV_ARG(buf_view(&out)), SV_ARG(want));
	}
	buf_release(&out);
}

static void
check(const char *name)
{
	struct buf text = BUF_INIT, path = BUF_INIT, data = BUF_INIT;
	struct case_store c;
	struct sv rest, line, left;
	unsigned n = 0;

	buf_printf(&data, "tests/data/cases/%s.jsonl", name);
	case_open(&c, buf_cstr(&data));
	data.n = 0;
	buf_printf(&data, "tests/data/cases/%s.txt", name);
	testdata_read(&text, buf_cstr(&data));
	rest = buf_view(&text);
	while (sv_cut(&rest, '\n', &line)) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		path.n = 0;
		assert_true(sv_cut(&line, '\t', &left));
		buf_sv(&path, left);
		if (strcmp(name, "groups") == 0)
			every_way_rows(c.en, &path, line, "groups.csv", rows_of_csv);
		else if (strcmp(name, "compare") == 0)
			every_way_rows(c.en, &path, line, "compare.jsonl", rows_of_json);
		else
			every_way_counts(c.en, buf_cstr(&path), line);
		n++;
	}
	assert_true(n > 0);
	case_close(&c);
	buf_release(&text);
	buf_release(&path);
	buf_release(&data);
}

static void
counts_compare_flags(void **state)
{
	(void)state;
	check("flags");
}

static void
negative_operators_hold_on_any_value(void **state)
{
	(void)state;
	check("ne");
}

static void
the_attribute_is_not_the_service(void **state)
{
	(void)state;
	check("noservice");
}

static void
groups_are_those_worked_out_by_hand(void **state)
{
	(void)state;
	check("groups");
}

static void
comparisons_are_those_worked_out_by_hand(void **state)
{
	(void)state;
	check("compare");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_compare_flags),
		cmocka_unit_test(negative_operators_hold_on_any_value),
		cmocka_unit_test(the_attribute_is_not_the_service),
		cmocka_unit_test(groups_are_those_worked_out_by_hand),
		cmocka_unit_test(comparisons_are_those_worked_out_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
