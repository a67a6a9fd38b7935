/* SPDX-License-Identifier: ISC */
/*
 * test_ch_ranks: percentiles that ClickHouse's engine finds are by the nearest rank, for groups of
 * every size up to N_GROUPS and some large ones; where two of its groups are one of ours it is told; and
 * what it finds of attributes is what they are, or it is told that they are in doubt.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "clickhouse/ch_groups.h"
#include "clickhouse/ch_schema_read.h"
#include "lib/ch_server.h"
#include "lib/ch_tables.h"

#define N_GROUPS 300
#define N_OTHERS 6		/* services whose name tells no number of spans */
#define COLUMNS "(Timestamp, TraceId, SpanId, SpanName, SpanKind, ServiceName, Duration)"

static struct ch_server server;
static struct ch_client *client;
static struct ch_schema *schema;

static void
make_table(void)
{
	ch_server_do(&server, SV("CREATE TABLE otel_traces (" CH_TABLE(CH_MAP, "UInt64") ") ENGINE = MergeTree "
	    "ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))"));
	/* Of n spans of the service s<n> the durations are 7 to 7n, in no order. */
	ch_server_do(&server, SV("INSERT INTO otel_traces " COLUMNS " SELECT fromUnixTimestamp64Nano(toInt64(1700000000000000000)), "
	    "lower(hex(sipHash128(n, i))), lower(leftPad(hex(i + 1), 16, '0')), 'x', 'Server', concat('s', toString(n)), "
	    "7 * (1 + i) FROM (SELECT arrayJoin(arrayConcat(range(1, 301), [1000, 4000, 100000])) AS n, "
	    "arrayJoin(range(n)) AS i) ORDER BY sipHash64(i)"));
	/* Values of odd spellings, each of a service that is called after them. */
	ch_server_do(&server, SV("INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ServiceName, SpanAttributes) SELECT "
	    "fromUnixTimestamp64Nano(toInt64(1700000000000000000)), lower(hex(sipHash128(number, x))), '00000000000000bb', "
	    "x.1, map('n', x.2) FROM numbers(2) ARRAY JOIN [('below', multiIf(number = 0, '-9223372036854775808', '-5')), "
	    "('double', multiIf(number = 0, '1.5', '2')), ('spelled', multiIf(number = 0, '0x5', '+5')), "
	    "('repaired', multiIf(number = 0, unhex('ff'), unhex('fe'))), ('empty', multiIf(number = 0, '', 'true'))] AS x"));
	ch_server_do(&server, SV("INSERT INTO otel_traces " COLUMNS " SELECT fromUnixTimestamp64Nano(toInt64(1700000000000000000)), "
	    "lower(hex(sipHash128(number))), '00000000000000aa', 'both', ['Client', 'SPAN_KIND_CLIENT'][number + 1], "
	    "'twice', number FROM numbers(2)"));
}

static int
start(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	ch_server_start(&server, "http", NULL);
	make_table();
	client = ch_server_connect(&server, 60000000000ull);
	if (ch_schema_read(client, (struct ch_table){ SV(""), SV("otel_traces") }, &schema, &e) != 0)
		fail_msg("%s", e.msg);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	ch_schema_free(schema);
	ch_client_free(client);
	ch_server_stop(&server);
	return 0;
}

static const struct pred all = { .kind = PRED_TRUE };

static struct agg_table *
table_by(enum intrinsic key, const struct aggregate *aggs, size_t n)
{
	static struct field keys[1];
	static const struct sv typed[] = { SV("key") };
	static struct group_ref columns[AGG_RANKS + 1];
	static struct grouping g;
	struct agg_options o = { .groups = &g, .range = TIME_RANGE_ALL, .memory = 64u << 20, .exact = true };
	struct agg_table *t;
	struct err e = ERR_INIT;

	columns[0] = (struct group_ref){ REF_KEY, 0, false };
	for (size_t i = 0; i < n; i++)
		columns[i + 1] = (struct group_ref){ REF_AGG, i, false };
	keys[0] = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = key };
	g = (struct grouping){ .keys = keys, .keys_typed = typed, .n_keys = 1, .aggs = aggs, .n_aggs = n,
		.n_shown = n, .columns = columns, .n_columns = n + 1 };
	assert_int_equal(agg_table_new(&o, &t, &e), 0);
	return t;
}

static int
ask(struct agg_table *t, const struct pred *filter, struct ch_outcome *o, struct err *e)
{
	const struct ch_select q = { .schema = schema, .filter = filter, .range = TIME_RANGE_ALL,
		.limit = UINT64_MAX, .ranked = true };
	const struct ch_scan_opts opts = { .comment = SV("test") };

	return ch_groups(client, &q, &opts, t, SIDE_NOW, o, e);
}

#define P(a, b) { .kind = AGG_QUANTILE, .name = SV("p"), .typed = SV("duration"), .part = (a), .whole = (b), \
	.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_DURATION } }

static const struct aggregate aggs[] = {
	P(0, 100), P(1, 100), P(5, 100), P(10, 100), P(25, 100), P(333, 1000), P(50, 100), P(1, 2), P(60, 100),
	P(75, 100), P(90, 100), P(95, 100), P(99, 100), P(999, 1000), P(99999, 100000), P(100, 100),
};
#define N_AGGS (sizeof aggs / sizeof *aggs)

/* 1 to n: the smallest with part of them at or below. */
static uint64_t
nearest(uint64_t n, const struct aggregate *a)
{
	uint64_t rank = (a->part * n + a->whole - 1) / a->whole;

	return 7 * (rank == 0 ? 1 : rank);
}

static void
percentiles_are_the_nearest_ranks(void **state)
{
	struct agg_table *t = table_by(IN_SERVICE, aggs, N_AGGS);
	static struct group_cell cells[(N_GROUPS + 3 + N_OTHERS) * (N_AGGS + 1)];
	struct ch_outcome o;
	struct err e = ERR_INIT;
	size_t n_seen = 0;

	(void)state;
	if (ask(t, &all, &o, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_n_rows(t), N_GROUPS + 3 + N_OTHERS);
	assert_int_equal(agg_cells(t, 0, N_GROUPS + 3 + N_OTHERS, cells, &e), 0);
	for (size_t i = 0; i < N_GROUPS + 3 + N_OTHERS; i++) {
		const struct group_cell *c = &cells[i * (N_AGGS + 1)];
		uint64_t n;

		if (!sv_u64(sv_sub(c[0].value.s, 1, c[0].value.s.n), &n))
			continue;
		n_seen++;
		for (size_t k = 0; k < N_AGGS; k++)
			if (c[k + 1].u != nearest(n, &aggs[k]))
				fail_msg("%ju of %ju, %ju values: %ju", (uintmax_t)aggs[k].part,
				    (uintmax_t)aggs[k].whole, (uintmax_t)n, (uintmax_t)c[k + 1].u);
	}
	assert_int_equal(n_seen, N_GROUPS + 3);
	agg_table_free(t);
}

/* Both spellings of a kind: the table is left as it was. */
static void
parts_of_a_group_are_told(void **state)
{
	struct agg_table *t = table_by(IN_KIND, aggs, N_AGGS);
	struct literal twice = literal_of(SV("twice"));
	const struct pred service = { .kind = PRED_LEAF, .op = OP_EQ, .lits = &twice, .n_lits = 1,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE } };
	struct ch_outcome o;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(ask(t, &service, &o, &e), ERR_UNSUPPORTED);
	assert_int_equal(o.status, 200);
	assert_int_equal(agg_n_groups(t), 0);
	agg_table_free(t);
}

/* ---- attributes ---- */

#define N { .scope = FIELD_SPAN, .key = SV("n") }
static const struct aggregate of_n[] = {
	{ .kind = AGG_SUM, .name = SV("sum"), .field = N }, { .kind = AGG_MIN, .name = SV("min"), .field = N },
	{ .kind = AGG_DISTINCT, .name = SV("distinct"), .field = N },
};

/* 0, 1: in doubt. The cells of a service with two spans that have an attribute n. */
static int
of_service(const char *name, const struct aggregate *v, size_t n, struct group_cell *cells)
{
	struct literal l = literal_of(sv_cstr(name));
	const struct pred service = { .kind = PRED_LEAF, .op = OP_EQ, .lits = &l, .n_lits = 1,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE } };
	const struct ch_select q = { .schema = schema, .filter = &service, .range = TIME_RANGE_ALL, .limit = UINT64_MAX };
	const struct ch_scan_opts opts = { .comment = SV("test") };
	struct agg_table *t = table_by(IN_SERVICE, v, n);
	struct ch_outcome o;
	struct err e = ERR_INIT;
	int rc = ch_groups(client, &q, &opts, t, SIDE_NOW, &o, &e);

	if (rc < 0)
		fail_msg("%s: %s", name, e.msg);
	assert_int_equal(agg_n_groups(t), rc == 0);
	if (rc == 0 && (agg_finish(t, &e) < 0 || agg_cells(t, 0, 1, cells, &e) < 0))
		fail_msg("%s: %s", name, e.msg);
	agg_table_free(t);
	return rc;
}

static void
figures_of_attributes_are_theirs_or_in_doubt(void **state)
{
	struct group_cell c[4];

	(void)state;
	assert_int_equal(of_service("below", of_n, 3, c), 0);
	assert_true(c[1].value.type == VAL_DOUBLE && c[1].value.d == -0x1p63 - 5);
	assert_true(c[2].value.i == INT64_MIN && c[3].value.i == 2);
	assert_int_equal(of_service("double", of_n, 2, c), 1);
	assert_int_equal(of_service("double", of_n + 2, 1, c), 0);
	assert_true(c[1].value.i == 2);
	assert_int_equal(of_service("repaired", of_n, 2, c), 0);
	assert_true(c[1].kind == GROUP_NULL && c[2].kind == GROUP_NULL);
	assert_int_equal(of_service("repaired", of_n + 2, 1, c), 1);
	/* An empty text is a value; neither is a number. */
	assert_int_equal(of_service("empty", of_n, 3, c), 0);
	assert_true(c[1].kind == GROUP_NULL && c[2].kind == GROUP_NULL && c[3].value.i == 2);
	/* Texts here; over there "+5" reads as a number. */
	assert_int_equal(of_service("spelled", of_n, 2, c), 1);
}

/* ---- some groups ---- */

static int
first_services(const struct pred *filter, uint64_t keep, struct agg_table **out)
{
	static const struct field key = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE };
	static const struct sv typed[] = { SV("service") };
	static const struct aggregate count = { .kind = AGG_COUNT, .name = SV("count") };
	static const struct group_ref by_count = { REF_AGG, 0, true };
	static const struct group_ref columns[] = { { REF_KEY, 0, false }, { REF_AGG, 0, false } };
	static const struct grouping g = { .keys = &key, .keys_typed = typed, .n_keys = 1, .aggs = &count, .n_aggs = 1,
		.n_shown = 1, .sort = &by_count, .n_sort = 1, .columns = columns, .n_columns = 2 };
	const struct agg_options o = { .groups = &g, .range = TIME_RANGE_ALL, .memory = 64u << 20, .keep = keep };
	const struct ch_select q = { .schema = schema, .filter = filter, .range = TIME_RANGE_ALL, .limit = UINT64_MAX };
	const struct ch_scan_opts opts = { .comment = SV("test") };
	struct ch_outcome outcome;
	struct err e = ERR_INIT;
	int rc;

	assert_int_equal(agg_table_new(&o, out, &e), 0);
	if ((rc = ch_groups(client, &q, &opts, *out, SIDE_NOW, &outcome, &e)) < 0)
		fail_msg("%s", e.msg);
	return rc;
}

/* Names that are repaired to the same: one of them alone would be the last of all. */
static void
first_groups_are_told_from_others(void **state)
{
	struct literal names = literal_of(SV("s"));
	const struct pred sized = { .kind = PRED_LEAF, .op = OP_STARTS, .lits = &names, .n_lits = 1,
		.field = { .scope = FIELD_INTRINSIC, .intrinsic = IN_SERVICE } };
	struct group_cell c[4];
	struct agg_table *t;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(first_services(&sized, 2, &t), 0);
	assert_int_equal(agg_n_groups(t), 2);
	assert_int_equal(agg_finish(t, &e), 0);
	assert_int_equal(agg_cells(t, 0, 2, c, &e), 0);
	assert_true(c[1].value.i == 100000 && c[3].value.i == 4000);
	agg_table_free(t);
	ch_server_do(&server, SV("INSERT INTO otel_traces " COLUMNS " SELECT fromUnixTimestamp64Nano(toInt64(1700000000000000000)), "
	    "lower(hex(sipHash128(number))), '00000000000000cc', 'x', 'Server', unhex(['ff', 'fe'][number + 1]), 1 FROM numbers(2)"));
	assert_int_equal(first_services(&all, 2, &t), CH_SOME_IN_DOUBT);
	assert_int_equal(agg_n_groups(t), 0);
	agg_table_free(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_the_nearest_ranks),
		cmocka_unit_test(parts_of_a_group_are_told),
		cmocka_unit_test(first_groups_are_told_from_others),
		cmocka_unit_test(figures_of_attributes_are_theirs_or_in_doubt),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
