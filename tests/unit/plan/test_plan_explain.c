/* SPDX-License-Identifier: ISC */
/* Unit tests of plan/plan_explain: the text and the JSON of a plan. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "lib/stats_builder.h"
#include "plan/plan.h"

static struct stats_builder sb;
static struct plan *p;
static struct plan_shard shards[200];

static int
setup(void **state)
{
	static const char *const fired[] = { "time", "service" };

	(void)state;
	stats_builder_init(&sb);
	p = plan_new();
	for (uint32_t i = 0; i < 3; i++) {
		stats_add_shard(&sb, i, 100 * (i + 1));
		shards[i] = (struct plan_shard){ .shard = i, .access = ACCESS_PRUNED,
		    .why = "outside the time range", .pruned_by = "time" };
	}
	stats_done(&sb);
	shards[2] = (struct plan_shard){ .shard = 2, .access = ACCESS_SERVICE,
	    .why = "rows of the services asked for", .est_rows = 12.4, .est_cost = 3.5,
	    .index_leaves = 5 };
	p->scan.shards = shards;
	p->scan.n_shards = 3;
	p->filter.pred = test_leaf(&sb.arena, "service", OP_EQ, "checkout");
	p->filter.range = (struct time_range){ STATS_T0, WHEN_MAX };
	p->page.limit = 100;
	p->filter.pushdown = p->scan.early_stop = true;
	p->fetch.projection.all = true;
	p->fired = fired;
	p->n_fired = 2;
	p->stats_version = 7;
	p->est_rows = 12.4;
	p->est_cost = 8.25;
	p->scan.node = (struct plan_node){ .est_rows = 250, .est_cost = 3.5 };
	p->filter.node = (struct plan_node){ .est_rows = 120 };
	p->order.node = (struct plan_node){ .est_rows = 120, .est_cost = 0.25 };
	p->page.node = (struct plan_node){ .est_rows = 12.4 };
	p->fetch.node = (struct plan_node){ .est_rows = 12.4, .est_cost = 4.5 };
	p->scan.threads = 2;
	p->est_bytes = 12400;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	plan_free(p);
	stats_builder_release(&sb);
	return 0;
}

static char *
text(void)
{
	struct buf b = BUF_INIT;

	plan_link(p);
	plan_explain(&b, p, &sb.stats, SV("/service/checkout/limit/100"));
	return (char *)(uintptr_t)buf_cstr(&b);
}

static char *
json(void)
{
	struct buf b = BUF_INIT;

	plan_link(p);
	plan_explain_json(&b, p, &sb.stats, SV("/service/checkout/limit/100"));
	return (char *)(uintptr_t)buf_cstr(&b);
}

static void
text_is_for_people(void **state)
{
	char *got = text();

	(void)state;
	assert_string_equal(got,
	    "query    /service/checkout/limit/100\n"
	    "access   1 of 3 shards, 300 of 600 spans\n"
	    "range    2026-11-20T14:00:00.000000000Z to the end\n"
	    "filter   service = checkout (on columns)\n"
	    "order    newest first\n"
	    "limit    100 (stops when it is full)\n"
	    "fetch    everything\n"
	    "output   spans\n"
	    "estimate 12 rows, cost 8.25, 12400 bytes\n"
	    "rows     scan 250, filter 120, order 120, limit 12, fetch 12\n"
	    "cost     scan 3.50, order 0.25, fetch 4.50; 2 threads; statistics version 7\n"
	    "rules    time, service\n"
	    "shards\n"
	    "  pruned         2 shards          300 spans  outside the time range (rule time)\n"
	    "  service        1 shard           300 spans  rows of the services asked for, "
	    "about 12 rows, cost 3.50, indexes of conditions 0,2\n");
	free(got);
}

static void
json_lists_every_shard(void **state)
{
	char *got = json();

	(void)state;
	assert_string_equal(got,
	    "{\"query\":\"/service/checkout/limit/100\",\"output\":\"spans\","
	    "\"indexes\":false,\"early_stop\":true,"
	    "\"from\":\"2026-11-20T14:00:00.000000000Z\",\"filter\":\"service = checkout\","
	    "\"never\":false,\"pushdown\":true,\"order\":\"newest first\",\"topn\":false,"
	    "\"limit\":100,\"offset\":0,\"fetch\":\"everything\",\"trace_facts\":false,"
	    "\"rules\":[\"time\",\"service\"],\"statistics_version\":7,"
	    "\"estimated_rows\":12.40,\"estimated_cost\":8.25,\"estimated_bytes\":12400.00,"
	    "\"nodes\":["
	    "{\"node\":\"scan\",\"estimated_rows\":250.00,\"estimated_cost\":3.50},"
	    "{\"node\":\"filter\",\"estimated_rows\":120.00,\"estimated_cost\":0.00},"
	    "{\"node\":\"order\",\"estimated_rows\":120.00,\"estimated_cost\":0.25},"
	    "{\"node\":\"limit\",\"estimated_rows\":12.40,\"estimated_cost\":0.00},"
	    "{\"node\":\"fetch\",\"estimated_rows\":12.40,\"estimated_cost\":4.50}],"
	    "\"threads\":2,\"classes\":[],"
	    "\"shards_total\":3,\"shards_read\":1,\"spans_total\":600,"
	    "\"spans_in_shards_read\":300,\"shards\":["
	    "{\"file\":\"shards/0.shard\",\"access\":\"pruned\","
	    "\"why\":\"outside the time range\",\"pruned_by\":\"time\",\"spans\":100,\"bytes\":5000},"
	    "{\"file\":\"shards/1.shard\",\"access\":\"pruned\","
	    "\"why\":\"outside the time range\",\"pruned_by\":\"time\",\"spans\":200,\"bytes\":10000},"
	    "{\"file\":\"shards/2.shard\",\"access\":\"service\","
	    "\"why\":\"rows of the services asked for\",\"spans\":300,\"bytes\":15000,"
	    "\"estimated_rows\":12.40,\"estimated_cost\":3.50,\"index_leaves\":[0,2]}]}\n");
	free(got);
}

static const struct plan_cand cands[] = {
	{ .access = ACCESS_SERVICE, .index_leaves = 5, .startup = 1.5, .total = 3.5,
	    .est_rows = 20, .chosen = true },
	{ .access = ACCESS_ZONE, .startup = 1.25, .total = 30, .est_rows = 300 },
	{ .access = ACCESS_FULL, .startup = 1.75, .total = 40, .est_rows = 300,
	    .dominated = true },
};

static void
choices_are_shown_with_what_they_were_weighed_against(void **state)
{
	struct plan_class c = { .key = 0xab, .access = ACCESS_SERVICE, .index_leaves = 5,
	    .n_shards = 1, .n_rows = 300, .est_rows = 12.4, .est_cost = 3.5, .cands = cands,
	    .n_cands = 3 };
	char *got;

	(void)state;
	p->scan.classes = &c;
	p->scan.n_classes = 1;
	got = text();
	assert_non_null(strstr(got, "\nchoices\n"
	    "  1 shard, 300 spans, about 12 rows, cost 3.50; a shard by\n"
	    "    * service, indexes 0,2   cost 1.50 to 3.50, looks at 20 rows; cheapest\n"
	    "      zone                   cost 1.25 to 30, looks at 300 rows\n"
	    "      full                   cost 1.75 to 40, looks at 300 rows; dominated\n"));
	free(got);
	got = json();
	assert_non_null(strstr(got, ",\"classes\":[{\"key\":\"00000000000000ab\",\"shards\":1,"
	    "\"spans\":300,\"access\":\"service\",\"index_leaves\":[0,2],"
	    "\"estimated_rows\":12.40,\"estimated_cost\":3.50,\"candidates\":[{"
	    "\"access\":\"service\",\"index_leaves\":[0,2],\"startup_cost\":1.50,"
	    "\"total_cost\":3.50,\"rows\":20.00,\"chosen\":true,\"dominated\":false},{"));
	free(got);
	c.n_cands = 0;
	got = text();
	assert_non_null(strstr(got, "    * service, indexes 0,2   as remembered\n"));
	free(got);
}

static void
many_reasons_are_cut(void **state)
{
	char *got;

	(void)state;
	for (uint32_t i = 0; i < 200; i++) {
		if (i >= 3)
			stats_add_shard(&sb, i, 10);
		shards[i] = (struct plan_shard){ .shard = i, .access = ACCESS_PRUNED,
		    .why = arena_printf(&sb.arena, "reason %u", i % 100), .pruned_by = "x" };
	}
	p->scan.n_shards = 200;
	got = text();
	assert_non_null(strstr(got, "reason 19 (rule x)"));
	assert_null(strstr(got, "reason 20 (rule x)"));
	assert_non_null(strstr(got, "  … and 160 more shards\n"));
	free(got);
	got = json();
	assert_non_null(strstr(got, "reason 99"));
	free(got);
}

static void
odd_names_can_not_harm_a_terminal_or_json(void **state)
{
	static struct sort_key key = { { .scope = FIELD_SPAN, .key = { "a\x1b\"", 3 } }, true };
	char *got;

	(void)state;
	p->order.keys = &key;
	p->order.n_keys = 1;
	p->scan.early_stop = false;
	p->order.topn = true;
	p->fetch.projection = (struct projection){ .intrinsics = 1u << IN_NAME | 1u << IN_KIND,
	    .events = true, .fields = &key.field, .n_fields = 1 };
	p->fetch.want_trace = true;
	got = text();
	assert_non_null(strstr(got,
	    "order    span.a\\u{1b}\" desc (bounded heap)\n"
	    "limit    100\n"
	    "fetch    name, kind, events, span.a\\u{1b}\", facts of the trace\n"));
	free(got);
	got = json();
	assert_non_null(strstr(got, "\"order\":\"span.a\\\\u{1b}\\\" desc\""));
	free(got);
}

static void
never_and_rows_are_said(void **state)
{
	char *got;

	(void)state;
	p->filter.never = true;
	got = text();
	assert_non_null(strstr(got, "(can't match)"));
	free(got);
	p->filter.never = p->filter.pushdown = false;
	p->output = ROW_COUNT;
	p->n_fired = 0;
	p->filter.range = TIME_RANGE_ALL;
	p->page.offset = 3;
	p->page.limit = UINT64_MAX;
	p->scan.early_stop = false;
	got = text();
	assert_non_null(strstr(got, "(on rows)\nlimit    none, offset 3\noutput   count\n"));
	assert_non_null(strstr(got, "range    all of the store\n"));
	assert_non_null(strstr(got, "rules    none\n"));
	free(got);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(text_is_for_people), T(json_lists_every_shard), T(many_reasons_are_cut),
		T(choices_are_shown_with_what_they_were_weighed_against),
		T(odd_names_can_not_harm_a_terminal_or_json), T(never_and_rows_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
