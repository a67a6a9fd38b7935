/* SPDX-License-Identifier: ISC */
/* ch_explain: what a plan asks the server, shown: see remote/ch_server.h. */
#include "base/visible.h"
#include "ch_source_i.h"
#include "clickhouse/ch_contrast.h"
#include "clickhouse/ch_groups.h"
#include "model/json.h"

struct asked {
	const char *how;
	bool untold;			/* the plan hands no condition over */
	bool times;			/* when traces were may be asked before, for parents */
	bool own;			/* bare names are spans' own, if no resource has them */
	struct ch_sql sql;
};

static const char *const modes[] = {
	[MODE_ALL] = "all that the filter leaves, once",
	[MODE_WINDOWS] = "windows of time, newest first; the first one's text",
	[MODE_TRACES] = "whole traces, once",
};

static const char *const firsts[] = {
	[CH_TIES] = "the first rows, once",
	[CH_BY_KEY] = "the first rows and one more, by one key; by all that orders them, if those may not be they",
	[CH_BY_TIME] = "the first rows and one more, by key and time; by all that orders them, if those may not be they",
	[CH_BY_IDS] = "the first rows and one more, by all that orders them",
};

static const char *
how_rows_come(const struct ch_state *st)
{
	return st->mode == MODE_FIRST ? firsts[st->q.first] : modes[st->mode];
}

/* As ch_source.c would, unless the server has spans by the thousand million. */
static int
groups_sql(struct agg_table *groups, enum agg_side side, struct ch_select *q, struct arena *a,
    struct ch_sql *out, struct err *e)
{
	struct agg_given_want want;
	int rc;

	if (!agg_takes_given(groups, &want) || (q->whole_traces && !want.traces && !want.parents))
		return ERR_UNSUPPORTED;
	q->ranked = want.all && ch_ranked_rows(&want) != 0;
	q->shift = agg_shift(groups, side);
	if ((rc = ch_sql_groups(q, groups, a, out, e)) != ERR_UNSUPPORTED || !q->ranked)
		return rc;
	q->ranked = false;
	return ch_sql_groups(q, groups, a, out, e);
}

/* As ch_source.c would: counts and groups where the server can make them, else rows. */
static int
find_out(const struct source *s, struct ch_state *st, struct arena *a, struct asked *out,
    struct err *e)
{
	struct ch_select q = st->q;
	int rc = ERR_UNSUPPORTED;

	if (!ch_may_group(s)) {
		out->how = how_rows_come(st);
	} else if (s->plan->output == ROW_COUNT && st->mode != MODE_TRACES) {
		q.count = true;
		out->how = "counted on the server";
		rc = ch_sql_select(&q, a, &out->sql, e);
	} else if (s->plan->output == ROW_GROUP && s->env->groups != NULL) {
		q.own = out->own = ch_sql_others(&q, s->env->groups, a, &out->sql, NULL) == 0;
		out->times = ch_sql_parents_times(&q, a, &out->sql, NULL) == 0;
		rc = groups_sql(s->env->groups, s->env->side, &q, a, &out->sql, e);
		out->times = out->times && out->sql.parents;
		out->how = out->sql.parents ? "grouped on the server, one level: spans beside their parents" :
		    out->sql.levels != 2 ? "grouped on the server, one level: figures of spans add up" :
		    q.by_trace ? "grouped on the server, two levels: what each trace adds, and that put together" :
		    "grouped on the server, two levels: traces, and what is their own";
	} else if (s->plan->output == ROW_CONTRAST && st->mode != MODE_TRACES) {
		rc = ch_sql_contrast(&q, s->plan->contrast.pred, a, &out->sql, e);
		out->how = "values counted on the server";
	}
	if (rc != ERR_UNSUPPORTED)
		return rc;
	out->own = out->times = false;
	out->how = s->plan->output == ROW_GROUP && s->env->groups == NULL ?
	    "the step of its buckets is known when it runs; this, if the rows come" : how_rows_come(st);
	return ch_sql_select(&st->q, a, &out->sql, e);
}

static void
put_text(struct buf *b, const struct asked *x)
{
	buf_printf(b, "server   ClickHouse: %s\n", x->how);
	if (x->own)
		BUF_LIT(b, "names    of spans alone, if no resource has them, which is asked first\n");
	if (x->times)
		BUF_LIT(b, "parents  in the times of the spans' traces, if the table of these has all; it is asked first, if the "
		    "range is a small part of all time\n");
	buf_printf(b, "told     %s\nsql      ", x->untold ? "nothing of the filter, which is tested here" : x->sql.doubts ? "all of the filter; if values are in doubt, rows are "
	    "asked for" : x->sql.exact ? "all of the filter" : "what can be said of the filter; the rest is tested here");
	visible_text(b, x->sql.text, 0);
	BUF_LIT(b, "\n");
	for (size_t i = 0; i < x->sql.n_params; i++) {
		BUF_LIT(b, "param    ");
		visible_text(b, x->sql.params[i].name, 0);
		BUF_LIT(b, " = ");
		visible_text(b, x->sql.params[i].value, 0);
		BUF_LIT(b, "\n");
	}
}

static void
put_json(struct buf *b, const struct asked *x)
{
	BUF_LIT(b, ",\"server\":{\"kind\":\"ClickHouse\",\"how\":");
	json_string(b, sv_cstr(x->how));
	buf_printf(b, ",\"exact\":%s,\"sql\":", x->sql.exact && !x->untold ? "true" : "false");
	json_string(b, x->sql.text);
	BUF_LIT(b, ",\"params\":{");
	for (size_t i = 0; i < x->sql.n_params; i++) {
		if (i != 0)
			BUF_LIT(b, ",");
		json_string(b, x->sql.params[i].name);
		BUF_LIT(b, ":");
		json_string(b, x->sql.params[i].value);
	}
	BUF_LIT(b, "}}");
}

int
ch_explain(struct ch_server *server, const struct plan *p, struct agg_table *groups, bool json,
    struct buf *out, struct err *e)
{
	const struct exec_env env = { .source_arg = server, .groups = groups };
	const struct source s = { .ops = &source_clickhouse, .plan = p, .env = &env };
	struct ch_state st = { .mode = MODE_ALL };
	struct asked x = { .untold = !p->scan.handed.filter && p->filter.pred->kind != PRED_TRUE };
	struct arena a;
	int rc;

	arena_init(&a);
	if ((rc = ch_state_begin(&s, &st, ch_server_layout(server), e)) == 0)
		rc = find_out(&s, &st, &a, &x, e);
	if (rc == 0 && json)
		put_json(out, &x);
	else if (rc == 0)
		put_text(out, &x);
	ch_layout_put(st.layout);
	arena_release(&a);
	return rc;
}

bool
ch_can_group(struct ch_server *server, const struct pred *filter, struct time_range range,
    struct agg_table *groups)
{
	struct ch_layout *l = ch_server_layout(server);
	struct ch_select q = { .schema = l->schema, .filter = filter, .range = range,
		.limit = UINT64_MAX, .count = groups == NULL };
	struct ch_sql sql;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = groups == NULL ? ch_sql_select(&q, &a, &sql, NULL) :
	    groups_sql(groups, SIDE_NOW, &q, &a, &sql, NULL);
	arena_release(&a);
	ch_layout_put(l);
	return rc == 0;
}

bool
ch_can_contrast(struct ch_server *server, const struct pred *filter, struct time_range range,
    const struct pred *selection)
{
	struct ch_layout *l = ch_server_layout(server);
	const struct ch_select q = { .schema = l->schema, .filter = filter, .range = range, .limit = UINT64_MAX };
	struct ch_sql sql;
	struct arena a;
	int rc;

	arena_init(&a);
	rc = ch_sql_contrast(&q, selection, &a, &sql, NULL);
	arena_release(&a);
	ch_layout_put(l);
	return rc == 0;
}
