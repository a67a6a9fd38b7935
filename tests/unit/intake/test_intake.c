/* SPDX-License-Identifier: ISC */
/*
 * Intake: what is read is committed once, whole and only once, whatever the threads, the size
 * of the memtable and the mixture of new spans, duplicates and spans that share ids only.
 */
#include "intake/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/fsys_fault.h"
#include "lib/fsys_mem.h"
#include "lib/otlp_lines.h"
#include "lib/store_spans.h"

struct seen {
	unsigned n_rejects, n_commits;
	char input[64], why[200];
	uint64_t line;
	struct fsys *fs;	/* if not NULL: each commit's claim is compared with the store */
	uint64_t spans;
	atomic_bool cancel;
	unsigned cancel_after;	/* commits; 0: never */
};

static struct conf *conf;

static int
setup(void **state)
{
	(void)state;
	return conf_load(NULL, NULL, 0, &conf, NULL);
}

static int
teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return 0;
}

static void
on_reject(void *arg, const char *input, const struct reject *r)
{
	struct seen *s = arg;

	s->n_rejects++;
	s->line = r->line;
	snprintf(s->input, sizeof s->input, "%s", input);
	snprintf(s->why, sizeof s->why, "%s", r->why);
}

static void
on_commit(void *arg, const struct intake_counts *c)
{
	struct seen *s = arg;

	s->n_commits++;
	s->spans = c->n_spans;
	if (s->cancel_after != 0 && s->n_commits >= s->cancel_after)
		atomic_store(&s->cancel, true);
	if (s->fs != NULL) {
		/* A power cut right now would lose nothing of it. */
		struct fsys *after = fsys_mem_crash(s->fs, 0);
		struct map m;

		map_init(&m);
		assert_int_equal(spans_of_store(after, &m, NULL), 0);
		assert_int_equal(spans_count(&m), c->n_spans);
		map_release(&m);
		fsys_free(after);
	}
}

struct session {
	struct fsys *fs;
	size_t memtable_bytes;
	unsigned threads;
	struct seen *seen;
	bool force;
};

static struct intake *
open_intake(const struct session *s, struct err *e)
{
	struct intake_options o = {
		.conf = conf, .store = "mem", .fs = s->fs, .memtable_bytes = s->memtable_bytes,
		.threads = s->threads, .force = s->force,
	};
	struct intake *in;

	if (s->seen != NULL) {
		o.reject = on_reject;
		o.on_commit = on_commit;
		o.arg = s->seen;
		o.cancel = &s->seen->cancel;
	}
	return intake_open(&o, &in, e) == 0 ? in : NULL;
}

static int
read_text(struct intake *in, const char *name, struct sv text, struct err *e)
{
	struct text_source t = { .text = text };
	struct source_bytes src = text_source(&t);

	return intake_read(in, name, &src, e);
}

/* One whole import; the counts of it. */
static struct intake_counts
import(const struct session *s, struct sv text)
{
	struct intake_counts c = { 0 };
	struct err e = ERR_INIT;
	struct intake *in = open_intake(s, &e);

	if (in == NULL || read_text(in, "input", text, &e) != 0 || intake_close(in, &c, &e) != 0)
		fail_msg("%s", e.msg);
	return c;
}

static void
assert_store_holds(struct fsys *fs, struct sv text)
{
	struct err e = ERR_INIT;
	struct map want, have;

	map_init(&want);
	map_init(&have);
	if (spans_of_lines(text, &want, &e) != 0 || spans_of_store(fs, &have, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(spans_count(&have), spans_count(&want));
	assert_true(spans_equal(&want, &have));
	map_release(&want);
	map_release(&have);
}

static struct buf
lines(const struct otlp_lines *o)
{
	struct buf b = BUF_INIT;

	otlp_lines(&b, o);
	assert_int_equal(buf_ok(&b, NULL), 0);
	return b;
}

static void
imports_every_span_once(void **state)
{
	static const size_t sizes[] = { 0, 1, 100000 };
	struct buf b = lines(&(struct otlp_lines){ .to = 3000 });

	(void)state;
	for (unsigned threads = 1; threads <= 4; threads++)
		for (size_t k = 0; k < 3; k++) {
			struct fsys *fs = fsys_mem();
			struct session s = { fs, sizes[k], threads, NULL, false };
			struct intake_counts c = import(&s, buf_view(&b));

			assert_int_equal(c.n_spans, 3000);
			assert_int_equal(c.n_pending, 0);
			assert_int_equal(c.n_duplicates, 0);
			assert_int_equal(c.n_bytes, b.n);
			assert_true(c.n_shards >= 30 && c.shard_bytes > 10000);
			assert_store_holds(fs, buf_view(&b));
			assert_int_equal(fsys_mem_open_handles(fs), 0);
			fsys_free(fs);
		}
	buf_release(&b);
}

static void
importing_again_adds_nothing(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 2000 });
	struct fsys *fs = fsys_mem();
	struct session s = { fs, 60000, 2, NULL, false };
	struct intake_counts c;

	(void)state;
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 2000);
	for (int i = 0; i < 2; i++) {
		c = import(&s, buf_view(&b));
		assert_int_equal(c.n_spans, 0);
		assert_int_equal(c.n_shards, 0);
		assert_int_equal(c.n_duplicates, 2000);
		assert_int_equal(c.n_pending, 0);
	}
	assert_store_holds(fs, buf_view(&b));
	fsys_free(fs);
	buf_release(&b);
}

/* Doubles that meet in the memtable, in the one being sealed, and after it. */
static void
doubles_within_an_import_are_dropped(void **state)
{
	static const size_t sizes[] = { 0, 30000, 300000 };
	struct buf once = lines(&(struct otlp_lines){ .to = 1500 }), b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 3; i++)
		buf_sv(&b, buf_view(&once));
	/* And right beside each other. */
	for (uint32_t i = 0; i < 1500; i += 8) {
		struct otlp_lines o = { .from = i, .to = i + 8 > 1500 ? 1500 : i + 8 };

		otlp_lines(&b, &o);
		otlp_lines(&b, &o);
	}
	for (unsigned threads = 1; threads <= 3; threads++)
		for (size_t k = 0; k < 3; k++) {
			struct fsys *fs = fsys_mem();
			struct session s = { fs, sizes[k], threads, NULL, false };
			struct intake_counts c = import(&s, buf_view(&b));

			assert_int_equal(c.n_spans, 1500);
			assert_int_equal(c.n_duplicates, 4 * 1500);
			assert_int_equal(c.n_pending, 0);
			/* Services follow lines, and the lines are the same. */
			assert_store_holds(fs, buf_view(&once));
			fsys_free(fs);
		}
	buf_release(&once);
	buf_release(&b);
}

static void
equal_ids_with_other_content_are_kept(void **state)
{
	static const size_t sizes[] = { 0, 20000 };
	struct buf b = BUF_INIT;

	(void)state;
	for (uint32_t v = 0; v < 4; v++)
		otlp_lines(&b, &(struct otlp_lines){ .to = 400, .content = v });
	for (unsigned threads = 1; threads <= 3; threads++)
		for (size_t k = 0; k < 2; k++) {
			struct fsys *fs = fsys_mem();
			struct session s = { fs, sizes[k], threads, NULL, false };

			assert_int_equal(import(&s, buf_view(&b)).n_spans, 1600);
			assert_store_holds(fs, buf_view(&b));
			assert_int_equal(import(&s, buf_view(&b)).n_duplicates, 1600);
			assert_store_holds(fs, buf_view(&b));
			fsys_free(fs);
		}
	buf_release(&b);
}

static void
thousands_of_spans_with_one_id_end_soon(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 3000, .same_ids = true });
	struct fsys *fs = fsys_mem();
	struct seen seen = { 0 };
	struct session s = { fs, 50000, 2, &seen, false };

	(void)state;
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 3000);
	assert_true(seen.n_commits < 200);
	assert_store_holds(fs, buf_view(&b));
	assert_int_equal(import(&s, buf_view(&b)).n_duplicates, 3000);
	fsys_free(fs);
	buf_release(&b);
}

static void
spans_outside_of_time_are_kept_and_compared_too(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 100, .start_ns = 5 });
	struct fsys *fs = fsys_mem();
	struct session s = { fs, 0, 2, NULL, false };

	(void)state;
	otlp_lines(&b, &(struct otlp_lines){ .set = 1, .to = 100,
	    .start_ns = UINT64_C(18000000000000000000), .step_ns = 1 });
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 200);
	assert_int_equal(import(&s, buf_view(&b)).n_duplicates, 200);
	assert_store_holds(fs, buf_view(&b));
	fsys_free(fs);
	buf_release(&b);
}

static void
what_a_commit_reports_is_on_disk(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 1500 });
	struct fsys *fs = fsys_mem();
	struct seen seen = { .fs = fs };
	struct session s = { fs, 60000, 2, &seen, false };

	(void)state;
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 1500);
	assert_true(seen.n_commits >= 3);
	assert_int_equal(seen.spans, 1500);
	fsys_free(fs);
	buf_release(&b);
}

static void
intake_commit_makes_it_visible_and_goes_on(void **state)
{
	struct buf a = lines(&(struct otlp_lines){ .to = 50 }),
	    b = lines(&(struct otlp_lines){ .from = 50, .to = 90 });
	struct fsys *fs = fsys_mem();
	struct session s = { fs, 0, 2, NULL, false };
	struct intake *in = open_intake(&s, NULL);
	struct intake_counts c;

	(void)state;
	assert_int_equal(read_text(in, "a", buf_view(&a), NULL), 0);
	assert_int_equal(intake_counts(in).n_pending, 50);
	assert_int_equal(intake_counts(in).n_spans, 0);
	assert_int_equal(intake_commit(in, NULL), 0);
	assert_int_equal(intake_counts(in).n_spans, 50);
	assert_store_holds(fs, buf_view(&a));
	assert_int_equal(intake_commit(in, NULL), 0);	/* nothing to do */
	assert_int_equal(read_text(in, "b", buf_view(&b), NULL), 0);
	assert_int_equal(intake_close(in, &c, NULL), 0);
	assert_int_equal(c.n_spans, 90);
	buf_sv(&a, buf_view(&b));
	assert_store_holds(fs, buf_view(&a));
	fsys_free(fs);
	buf_release(&a);
	buf_release(&b);
}

static void
a_bad_span_is_reported_and_costs_itself(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 16 }), all = BUF_INIT;
	struct fsys *fs = fsys_mem();
	struct seen seen = { 0 };
	struct session s = { fs, 0, 2, &seen, false };
	struct intake_counts c;

	(void)state;
	buf_sv(&all, buf_view(&b));
	buf_str(&all, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"00\","
	    "\"spanId\":\"0000000000000001\",\"startTimeUnixNano\":\"1\"}]}]}]}\n");
	c = import(&s, buf_view(&all));
	assert_int_equal(c.n_spans, 16);
	assert_int_equal(c.n_rejected, 1);
	assert_int_equal(seen.n_rejects, 1);
	assert_int_equal(seen.line, 3);
	assert_string_equal(seen.input, "input");
	assert_true(seen.why[0] != '\0');
	assert_store_holds(fs, buf_view(&b));
	fsys_free(fs);
	buf_release(&b);
	buf_release(&all);
}

static void
an_input_that_breaks_keeps_what_came_before(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 160 });
	struct text_source t = { .text = buf_view(&b), .chunk = 1000 };
	struct source_bytes src = text_source(&t);
	struct fsys *fs = fsys_mem();
	struct session s = { fs, 0, 2, NULL, false };
	struct intake *in = open_intake(&s, NULL);
	struct intake_counts c;
	struct err e = ERR_INIT;
	struct map want, have;

	(void)state;
	t.fail_at = b.n / 2;
	assert_int_equal(intake_read(in, "broken", &src, &e), ERR_IO);
	assert_non_null(strstr(e.msg, "broken"));
	assert_non_null(strstr(e.msg, "the disk is gone"));
	/* The session is not over. */
	assert_int_equal(read_text(in, "none", SV_EMPTY, &e), 0);
	assert_int_equal(intake_close(in, &c, &e), 0);
	assert_true(c.n_spans >= 64 && c.n_spans <= 80);
	map_init(&want);
	map_init(&have);
	assert_int_equal(spans_of_lines(buf_view(&b), &want, NULL), 0);
	assert_int_equal(spans_of_store(fs, &have, NULL), 0);
	assert_true(spans_within(&have, &want));
	assert_int_equal(spans_count(&have), c.n_spans);
	map_release(&want);
	map_release(&have);
	fsys_free(fs);
	buf_release(&b);
}

static void
input_of_no_known_kind_is_refused(void **state)
{
	struct fsys *fs = fsys_mem();
	struct session s = { fs, 0, 2, NULL, false };
	struct intake *in = open_intake(&s, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_text(in, "photo.png", SV("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), &e),
	    ERR_SYNTAX);
	assert_non_null(strstr(e.msg, "photo.png"));
	assert_int_equal(intake_close(in, NULL, &e), 0);
	fsys_free(fs);
}

static void
a_second_writer_is_busy(void **state)
{
	struct fsys *fs = fsys_mem();
	struct session s = { fs, 0, 1, NULL, false };
	struct intake *in = open_intake(&s, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(in);
	assert_null(open_intake(&s, &e));
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(intake_close(in, NULL, NULL), 0);
	in = open_intake(&s, &e);
	assert_non_null(in);
	assert_int_equal(intake_close(in, NULL, NULL), 0);
	fsys_free(fs);
}

static void
cancelling_commits_what_was_read(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 40000 });
	struct fsys *fs = fsys_mem();
	struct seen seen = { .cancel_after = 2 };
	struct session s = { fs, 300000, 2, &seen, false };
	struct intake *in = open_intake(&s, NULL);
	struct intake_counts c;
	struct err e = ERR_INIT;
	struct map want, have;

	(void)state;
	assert_int_equal(read_text(in, "input", buf_view(&b), &e), ERR_CANCELLED);
	c = intake_counts(in);
	assert_int_equal(c.n_pending, 0);
	assert_true(c.n_spans > 0 && c.n_spans < 40000);
	assert_int_equal(intake_close(in, NULL, &e), 0);
	map_init(&want);
	map_init(&have);
	assert_int_equal(spans_of_lines(buf_view(&b), &want, NULL), 0);
	assert_int_equal(spans_of_store(fs, &have, NULL), 0);
	assert_int_equal(spans_count(&have), c.n_spans);
	assert_true(spans_within(&have, &want));
	map_release(&want);
	map_release(&have);
	fsys_free(fs);
	buf_release(&b);
}

static void
a_damaged_shard_stops_an_import_unless_forced(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 100, .step_ns = 1 });
	struct buf later = lines(&(struct otlp_lines){ .set = 1, .to = 100, .step_ns = 1,
	    .start_ns = UINT64_C(1795305600000000000) });
	struct fsys *fs = fsys_mem();
	struct session s = { .fs = fs, .threads = 2 };
	struct catalog_options o = { .cache_bytes = 1 << 20, .fs = fs };
	struct err e = ERR_INIT;
	struct intake *in;
	const struct snapshot *snap;
	struct catalog *c;
	char file[128];

	(void)state;
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 100);
	assert_int_equal(catalog_open("mem", &o, &c, NULL), 0);
	assert_int_equal(catalog_snapshot(c, &snap, NULL), 0);
	assert_int_equal(snap->n_shards, 1);
	snprintf(file, sizeof file, "%s", snap->shards[0].file);
	snapshot_unref(snap);
	catalog_close(c);
	assert_true(fsys_mem_put(fs, file, SV("no shard any more, but long enough to have a header, "
	    "a footer and a trailer")));
	in = open_intake(&s, NULL);
	assert_int_equal(read_text(in, "input", buf_view(&b), &e), ERR_IO);
	assert_non_null(strstr(e.msg, file));
	assert_non_null(strstr(e.msg, "--force"));
	assert_int_equal(intake_close(in, NULL, NULL), ERR_IO);
	/* Spans of another time have nothing to do with it. */
	assert_int_equal(import(&s, buf_view(&later)).n_spans, 100);
	s.force = true;
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 100);
	fsys_free(fs);
	buf_release(&b);
	buf_release(&later);
}

static void
after_a_failed_commit_every_call_fails(void **state)
{
	struct buf b = lines(&(struct otlp_lines){ .to = 100 });
	struct fsys *fs = fsys_mem(), *ff = fsys_fault(fs);
	struct session s = { ff, 0, 2, NULL, false };
	struct intake *in = open_intake(&s, NULL);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(read_text(in, "a", buf_view(&b), &e), 0);
	fsys_fault_set(ff, &(struct fault_plan){ FAULT_BIT(FAULT_SYNC), 1, ERR_NOSPC, true, false });
	assert_int_equal(intake_commit(in, &e), ERR_NOSPC);
	fsys_fault_set(ff, &(struct fault_plan){ 0 });
	e = (struct err)ERR_INIT;
	assert_int_equal(intake_commit(in, &e), ERR_NOSPC);
	assert_true(e.msg[0] != '\0');
	assert_int_equal(read_text(in, "b", buf_view(&b), &e), ERR_NOSPC);
	assert_int_equal(intake_close(in, NULL, &e), ERR_NOSPC);
	/* What it wrote is gone, and the next session has the disk to itself. */
	assert_store_holds(fs, SV_EMPTY);
	s.fs = fs;
	assert_int_equal(import(&s, buf_view(&b)).n_spans, 100);
	assert_store_holds(fs, buf_view(&b));
	assert_int_equal(fsys_mem_open_handles(fs), 0);
	fsys_free(ff);
	fsys_free(fs);
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imports_every_span_once),
		cmocka_unit_test(importing_again_adds_nothing),
		cmocka_unit_test(doubles_within_an_import_are_dropped),
		cmocka_unit_test(equal_ids_with_other_content_are_kept),
		cmocka_unit_test(thousands_of_spans_with_one_id_end_soon),
		cmocka_unit_test(spans_outside_of_time_are_kept_and_compared_too),
		cmocka_unit_test(what_a_commit_reports_is_on_disk),
		cmocka_unit_test(intake_commit_makes_it_visible_and_goes_on),
		cmocka_unit_test(a_bad_span_is_reported_and_costs_itself),
		cmocka_unit_test(an_input_that_breaks_keeps_what_came_before),
		cmocka_unit_test(input_of_no_known_kind_is_refused),
		cmocka_unit_test(a_second_writer_is_busy),
		cmocka_unit_test(cancelling_commits_what_was_read),
		cmocka_unit_test(a_damaged_shard_stops_an_import_unless_forced),
		cmocka_unit_test(after_a_failed_commit_every_call_fails),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
