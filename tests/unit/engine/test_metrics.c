/* SPDX-License-Identifier: ISC */
/*
 * metrics: .spanfs/metrics read as strictly as the text format of Prometheus is written down:
 * HELP and TYPE before the samples of a family, each family once and in one piece, names and
 * values well formed, sums of counters named _total, buckets that only grow. Then the sums.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "lib/store_rig.h"
#include "opt/opt.h"

static struct store_rig rig;
static struct conf *conf;
static struct engine *en;

/* ---- the reader ---- */

enum family_type { COUNTER, GAUGE, HISTOGRAM, SUMMARY };

struct scrape {
	char families[256][96];
	size_t n_families;
	char seen[2048][160];	/* samples: name and labels */
	size_t n_seen;
	/* The family at hand. */
	char name[96];
	enum family_type type;
	bool has_type;
	size_t n_samples;
	double last_le, last_count, inf_count;
};

static bool
is_name(struct sv s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		    c == ':';

		if (!alpha && !(i > 0 && c >= '0' && c <= '9'))
			return false;
	}
	return s.n > 0;
}

static bool
ends(const char *s, const char *tail)
{
	size_t n = strlen(s), m = strlen(tail);

	return n >= m && strcmp(s + n - m, tail) == 0;
}

/* The family that was read is complete: what it must have had. */
static const char *
close_family(struct scrape *x)
{
	if (x->name[0] == '\0')
		return NULL;
	if (!x->has_type)
		return "no TYPE";
	if (x->n_samples == 0)
		return "no sample";
	if (x->type == COUNTER && !ends(x->name, "_total"))
		return "a counter that does not end in _total";
	if (x->type != COUNTER && ends(x->name, "_total"))
		return "ends in _total and is no counter";
	if (x->type == HISTOGRAM && x->inf_count < 0)
		return "a histogram without le=\"+Inf\"";
	return NULL;
}

static const char *
read_help(struct scrape *x, struct sv rest)
{
	const char *why = close_family(x);
	struct sv name;

	if (why != NULL)
		return why;
	if (!sv_cut(&rest, ' ', &name) || !is_name(name) || rest.n == 0)
		return "HELP without name or text";
	for (size_t i = 0; i < x->n_families; i++)
		if (sv_is(name, x->families[i]))
			return "a family twice";
	snprintf(x->name, sizeof x->name, "%.*s", SV_ARG(name));
	strcpy(x->families[x->n_families++], x->name);
	x->has_type = false;
	x->n_samples = 0;
	x->last_le = x->last_count = x->inf_count = -1;
	return NULL;
}

static const char *
read_type(struct scrape *x, struct sv rest)
{
	static const char *const types[] = { "counter", "gauge", "histogram", "summary" };
	struct sv name;

	if (!sv_cut(&rest, ' ', &name) || !sv_is(name, x->name))
		return "TYPE of another family";
	if (x->has_type || x->n_samples != 0)
		return "TYPE twice or late";
	for (size_t i = 0; i < 4; i++)
		if (sv_is(rest, types[i])) {
			x->type = (enum family_type)i;
			x->has_type = true;
			return NULL;
		}
	return "unknown TYPE";
}

/* One label at most is used. {le="0.1"} */
static const char *
read_label(struct sv labels, struct sv *key, struct sv *value)
{
	struct sv rest = labels;

	if (!sv_cut(&rest, '=', key) || !is_name(*key) || sv_chr(*key, ':') >= 0)
		return "a bad label";
	if (rest.n < 2 || rest.p[0] != '"' || rest.p[rest.n - 1] != '"')
		return "a label's value without quotes";
	*value = sv_sub(rest, 1, rest.n - 1);
	if (sv_chr(*value, '"') >= 0 || sv_chr(*value, '\\') >= 0)
		return "a label's value needs escapes";
	return NULL;
}

static const char *
check_bucket(struct scrape *x, struct sv le, double v)
{
	double bound;
	char text[32];

	snprintf(text, sizeof text, "%.*s", SV_ARG(le));
	bound = strcmp(text, "+Inf") == 0 ? 1e308 : strtod(text, NULL);
	if (bound <= x->last_le || v < x->last_count)
		return "buckets out of order";
	x->last_le = bound;
	x->last_count = v;
	if (bound == 1e308)
		x->inf_count = v;
	return NULL;
}

static const char *
check_sample(struct scrape *x, const char *name, struct sv key, struct sv value, double v)
{
	size_t n = strlen(x->name);
	const char *tail = name + n;

	if (strncmp(name, x->name, n) != 0)
		return "a sample of another family";
	if (x->type == COUNTER || x->type == GAUGE)
		return *tail != '\0' ? "a sample of another family" :
		    x->type == COUNTER && v < 0 ? "a negative counter" : NULL;
	if (strcmp(tail, "_sum") == 0)
		return NULL;
	if (strcmp(tail, "_count") == 0)
		return x->type == HISTOGRAM && v != x->inf_count ?
		    "_count is not the last bucket" : NULL;
	if (x->type == HISTOGRAM && strcmp(tail, "_bucket") == 0 && sv_is(key, "le"))
		return check_bucket(x, value, v);
	return "not a sample of this type";
}

static const char *
read_sample(struct scrape *x, struct sv line)
{
	struct sv full, name, key = SV_EMPTY, value = SV_EMPTY, rest = line;
	const char *why;
	char *end, text[160];
	double v;

	if (!sv_cut(&rest, ' ', &full) || rest.n == 0)
		return "a line without a value";
	snprintf(text, sizeof text, "%.*s", SV_ARG(rest));
	v = strtod(text, &end);
	if (*end != '\0' || text[0] == ' ')
		return "not a number";
	snprintf(text, sizeof text, "%.*s", SV_ARG(full));
	for (size_t i = 0; i < x->n_seen; i++)
		if (strcmp(x->seen[i], text) == 0)
			return "a sample twice";
	strcpy(x->seen[x->n_seen++], text);
	name = full;
	if (sv_chr(full, '{') >= 0) {
		(void)sv_cut(&full, '{', &name);
		if (full.n == 0 || full.p[full.n - 1] != '}')
			return "labels without an end";
		if ((why = read_label(sv_sub(full, 0, full.n - 1), &key, &value)) != NULL)
			return why;
	}
	if (!is_name(name) || !sv_starts(name, SV("spanfs_")))
		return "a bad name";
	if (!x->has_type)
		return "a sample before its TYPE";
	x->n_samples++;
	snprintf(text, sizeof text, "%.*s", SV_ARG(name));
	return check_sample(x, text, key, value, v);
}

/* NULL, or what is wrong; *line is then the line. */
static const char *
read_metrics(struct sv text, struct sv *line)
{
	static struct scrape x;
	const char *why = NULL;

	memset(&x, 0, sizeof x);
	if (text.n == 0 || text.p[text.n - 1] != '\n')
		return "does not end with a newline";
	while (text.n != 0 && why == NULL && sv_cut(&text, '\n', line)) {
		if (sv_starts(*line, SV("# HELP ")))
			why = read_help(&x, sv_sub(*line, 7, line->n));
		else if (sv_starts(*line, SV("# TYPE ")))
			why = read_type(&x, sv_sub(*line, 7, line->n));
		else
			why = read_sample(&x, *line);
	}
	return why != NULL ? why : close_family(&x);
}

static void
scrape(struct buf *out)
{
	struct err err = ERR_INIT;
	struct sv line = SV_EMPTY;
	const char *why;

	out->n = 0;
	assert_int_equal(engine_control_file(en, SV("metrics"), (struct requester){ 0 }, out, &err), 0);
	if ((why = read_metrics(buf_view(out), &line)) != NULL)
		fail_msg("%s: %.*s", why, SV_ARG(line));
}

/* The value of a sample that must be there. */
static double
value_of(struct buf *text, const char *sample)
{
	struct sv rest = buf_view(text), line;
	size_t n = strlen(sample);

	while (sv_cut(&rest, '\n', &line))
		if (line.n > n && memcmp(line.p, sample, n) == 0 && line.p[n] == ' ')
			return strtod(line.p + n, NULL);
	fail_msg("no sample %s", sample);
	return 0;
}

/* ---- tests ---- */

static int
drop(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	(void)e;
	return 0;
}

static int
run(const char *path, struct err *e)
{
	return engine_query(en, sv_cstr(path), (struct requester){ 1, 2 }, drop, NULL, NULL, e);
}

static void
the_reader_finds_faults(void **state)
{
	static const char *const bad[] = {
		"# HELP spanfs_a_total x\n# TYPE spanfs_a_total counter\nspanfs_a_total 1",
		"# HELP spanfs_a x\n# TYPE spanfs_a counter\nspanfs_a 1\n",
		"# HELP spanfs_a_total x\n# TYPE spanfs_a_total gauge\nspanfs_a_total 1\n",
		"# TYPE spanfs_a_total counter\nspanfs_a_total 1\n",
		"# HELP spanfs_a_total x\nspanfs_a_total 1\n",
		"# HELP spanfs_a_total x\n# TYPE spanfs_a_total counter\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a gauge\nspanfs_a x\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a gauge\nspanfs_a 1\nspanfs_a 1\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a gauge\nspanfs_b 1\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a gauge\nspanfs_a{b=1} 1\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a gauge\nspanfs_a{b=\"1\" 1\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a histogram\nspanfs_a_bucket{le=\"1\"} 2\n",
		"# HELP spanfs_a x\n# TYPE spanfs_a histogram\nspanfs_a_bucket{le=\"1\"} 2\n"
		    "spanfs_a_bucket{le=\"+Inf\"} 1\n",
	};
	struct sv line;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (read_metrics(sv_cstr(bad[i]), &line) == NULL)
			fail_msg("taken for good: %s", bad[i]);
}

static void
text_is_well_formed(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	scrape(&b);
	assert_int_equal(run("/status/error/spans.jsonl", NULL), 0);
	assert_int_equal(run("/limit/3/traces.jsonl", NULL), 0);
	scrape(&b);
	buf_release(&b);
}

static void
sums_are_of_what_was_run(void **state)
{
	struct buf b = BUF_INIT, was = BUF_INIT;

	(void)state;
	scrape(&was);
	assert_int_equal(run("/until/2001-01/spans.jsonl", NULL), 0);
	assert_int_equal(run("/limit/7/spans.jsonl", NULL), 0);
	scrape(&b);
#define GREW(s) (value_of(&b, s) - value_of(&was, s))
	assert_true(GREW("spanfs_queries_total") == 2);
	assert_true(GREW("spanfs_query_duration_seconds_count") == 2);
	assert_true(GREW("spanfs_decisions_total{outcome=\"computed\"}") == 2);
	assert_true(GREW("spanfs_decision_cost_count") == 2);
	assert_true(GREW("spanfs_decision_cost_sum") > 0);
	assert_true(GREW("spanfs_rows_returned_total") >= 7);
	assert_true(GREW("spanfs_result_bytes_total") > 0);
	/* Nothing of 2001 but in the partition of wild times. */
	assert_true(GREW("spanfs_shards_pruned_total{rule=\"time\"}") > 0);
	assert_true(GREW("spanfs_shards_kept_total") > 0);
	assert_true(GREW("spanfs_queries_failed_total") == 0);
	assert_true(value_of(&b, "spanfs_queries_running") == 0);
	buf_release(&b);
	buf_release(&was);
}

/* What a mark leaves out is no rule's doing. */
static void
what_a_mark_leaves_out_is_no_rules(void **state)
{
	struct buf b = BUF_INIT, was = BUF_INIT;

	(void)state;
	scrape(&was);
	assert_int_equal(run("/mark/m2/spans.jsonl", NULL), 0);
	scrape(&b);
	assert_true(GREW("spanfs_queries_total") == 1);
	for (size_t i = 0; opt_rule_name(i) != NULL; i++) {
		char name[128];

		snprintf(name, sizeof name, "spanfs_shards_pruned_total{rule=\"%s\"}", opt_rule_name(i));
		assert_true(GREW(name) == 0);
	}
	buf_release(&b);
	buf_release(&was);
}

static int
refuse(void *arg, const void *p, size_t n, struct err *e)
{
	(void)arg;
	(void)p;
	(void)n;
	return err_set(e, ERR_NOSPC, -1, "full");
}

static void
failures_are_told_apart(void **state)
{
	struct buf b = BUF_INIT, was = BUF_INIT;
	atomic_bool cancel = true;
	struct err err = ERR_INIT;

	(void)state;
	scrape(&was);
	assert_int_equal(engine_query(en, SV("/spans.jsonl"), (struct requester){ 1, 2 }, drop,
	    NULL, &cancel, &err), ERR_CANCELLED);
	assert_int_equal(engine_query(en, SV("/spans.jsonl"), (struct requester){ 1, 2 }, refuse,
	    NULL, NULL, &err), ERR_NOSPC);
	assert_int_equal(run("/limit/1/expect/rows/2/spans.jsonl", &err), ERR_NODATA);
	scrape(&b);
	assert_true(GREW("spanfs_queries_cancelled_total") == 1);
	assert_true(GREW("spanfs_queries_failed_total") == 2);
	assert_true(GREW("spanfs_query_failures_total{kind=\"cancelled\"}") == 1);
	assert_true(GREW("spanfs_query_failures_total{kind=\"no_data\"}") == 1);
	assert_true(GREW("spanfs_query_failures_total{kind=\"no_space\"}") == 1);
	assert_true(GREW("spanfs_query_failures_total{kind=\"timeout\"}") == 0);
	buf_release(&b);
	buf_release(&was);
}

static void
a_reload_of_costs_moves_their_version(void **state)
{
	const char *cost[] = { "cost_model.random_page_cost=7" };
	const char *other[] = { "cost_model.random_page_cost=7", "log.slow_query=1s" };
	struct conf *a, *b;
	struct buf text = BUF_INIT;
	double was;

	(void)state;
	assert_int_equal(conf_load(NULL, cost, 1, &a, NULL), 0);
	assert_int_equal(conf_load(NULL, other, 2, &b, NULL), 0);
	scrape(&text);
	was = value_of(&text, "spanfs_cost_settings_version");
	engine_reload(en, a);
	scrape(&text);
	assert_true(value_of(&text, "spanfs_cost_settings_version") == was + 1);
	engine_reload(en, b);
	scrape(&text);
	assert_true(value_of(&text, "spanfs_cost_settings_version") == was + 1);
	engine_reload(en, conf);
	scrape(&text);
	assert_true(value_of(&text, "spanfs_cost_settings_version") == was + 2);
	conf_free(a);
	conf_free(b);
	buf_release(&text);
}

static int
setup(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	store_rig_init(&rig, 5, 2000, 3, 2, 256);
	if (conf_load(NULL, NULL, 0, &conf, &err) < 0 ||
	    engine_open(conf, rig.dir, false, &en, &err) < 0) {
		print_message("%s\n", err.msg);
		return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	engine_close(en);
	conf_free(conf);
	store_rig_release(&rig);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reader_finds_faults),
		cmocka_unit_test(text_is_well_formed),
		cmocka_unit_test(sums_are_of_what_was_run),
		cmocka_unit_test(what_a_mark_leaves_out_is_no_rules),
		cmocka_unit_test(failures_are_told_apart),
		cmocka_unit_test(a_reload_of_costs_moves_their_version),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
