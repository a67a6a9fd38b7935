/* SPDX-License-Identifier: ISC */
/* ch_insert: see clickhouse/ch_insert.h. */
#include "clickhouse/ch_insert.h"

#include <time.h>

#include "base/clock.h"
#include "chsql/ch_write.h"
#include "clickhouse/ch_scan.h"
#include "model/pred.h"

#define TRACES_AT_ONCE 2000	/* in one question: its parameters fit an URL */
#define SPANS_AT_ONCE 1000	/* of an answer, in memory */
#define STOP_NS 10000000000ull	/* a query that is killed may take so long to end */
#define LOOK_NS 50000000L

/* ---- writing ---- */

/* INSERT INTO `database`.`table` (`Timestamp`, ...) FORMAT RowBinary */
static void
statement(const struct ch_insert *in, struct buf *b)
{
	const struct ch_schema *s = in->writer->schema;
	struct writer w = { .b = BUF_INIT, .s = s };

	W(&w, "INSERT INTO ");
	w_table(&w, s->table);
	for (size_t i = 0; i < in->writer->n; i++) {
		buf_str(&w.b, i == 0 ? " (" : ", ");
		w_column(&w, in->writer->of[i]);
	}
	W(&w, ") FORMAT RowBinary");
	*b = w.b;
}

/* Until the answer is complete. */
static int
drain(struct ch_reply *r, struct ch_outcome *o, struct err *e)
{
	struct sv piece;
	int rc;

	while ((rc = ch_read(r, &piece, e)) == 0)
		;
	if (o != NULL)
		*o = *ch_reply_outcome(r);
	ch_close(r);
	return rc > 0 ? 0 : rc;
}

int
ch_insert(struct ch_client *c, const struct ch_insert *in, uint64_t *sent, struct ch_outcome *o,
    struct err *e)
{
	struct buf sql, body = BUF_INIT;
	struct ch_writing w = { .encoding = ch_packing_name(in->packing), .token = in->token,
		.distributed = in->writer->schema->distributed };
	struct ch_question q = { .format = SV("TabSeparated"), .comment = in->comment,
		.cancel = in->cancel, .id = in->id, .writing = &w };
	struct ch_reply *r = NULL;
	int rc = 0;

	memset(o, 0, sizeof *o);
	statement(in, &sql);
	if (in->packing != CH_PACK_NONE)
		rc = ch_pack(in->packing, in->rows, &body, e);
	if (rc == 0)
		rc = buf_ok(&sql, e);
	if (rc == 0) {
		q.sql = buf_view(&sql);
		w.data = in->packing != CH_PACK_NONE ? buf_view(&body) : in->rows;
		*sent = w.data.n;
		if ((rc = ch_ask(c, &q, o, &r, e)) == 0)
			rc = drain(r, o, e);
	}
	buf_release(&sql);
	buf_release(&body);
	return rc;
}

/* ---- what became of it ---- */

static int
count_of(struct ch_client *c, struct ch_question *q, uint64_t *n, struct err *e)
{
	struct ch_reply *r = NULL;
	struct sv piece, line;
	struct buf text = BUF_INIT;
	int rc;

	if ((rc = ch_ask(c, q, NULL, &r, e)) < 0)
		return rc;
	while ((rc = ch_read(r, &piece, e)) == 0)
		if (text.n < 64)
			buf_sv(&text, piece);
	ch_close(r);
	rc = rc > 0 ? buf_ok(&text, e) : rc;
	line = sv_sub(buf_view(&text), 0, text.n == 0 ? 0 : text.n - 1);
	if (rc == 0 && !sv_u64(line, n))
		rc = err_set(e, ERR_IO, -1, "ClickHouse's count of queries is none");
	buf_release(&text);
	return rc;
}

/* Who may not see queries waits until the server has given up every one that this client began. */
static int
wait_it_out(const struct ch_client *c, const atomic_bool *cancel, struct err *e)
{
	uint64_t until = clock_mono_ns() + ch_client_timeout(c);

	while (clock_mono_ns() < until) {
		if (cancel != NULL && atomic_load(cancel))
			return err_set(e, ERR_CANCELLED, -1, "cancelled");
		nanosleep(&(struct timespec){ 0, LOOK_NS }, NULL);
	}
	return 0;
}

int
ch_insert_stop(struct ch_client *c, struct sv prefix, const atomic_bool *cancel, struct err *e)
{
	struct ch_param p = { SV("id"), prefix };
	struct ch_question kill = { .sql = SV("KILL QUERY WHERE startsWith(query_id, {id:String}) ASYNC"),
		.params = &p, .n_params = 1, .format = SV("TabSeparated"), .cancel = cancel };
	struct ch_question count = kill;
	uint64_t n = 1, until = clock_mono_ns() + STOP_NS;
	struct ch_reply *r = NULL;
	int rc;

	/* Who may not kill may still see that it is over. */
	if (ch_ask(c, &kill, NULL, &r, NULL) == 0 && drain(r, NULL, NULL) < 0) {
		/* As said. */
	}
	count.sql = SV("SELECT count() FROM system.processes WHERE startsWith(query_id, {id:String})");
	while ((rc = count_of(c, &count, &n, e)) == 0 && n != 0) {
		if (clock_mono_ns() >= until)
			return err_set(e, ERR_TIMEOUT, -1, "ClickHouse still runs a query %.*s..., "
			    "which was to be stopped", SV_ARG(prefix));
		nanosleep(&(struct timespec){ 0, LOOK_NS }, NULL);
	}
	return rc == ERR_ACCESS ? wait_it_out(c, cancel, e) : rc;
}

/* ---- which rows are there ---- */

static int
count_spans(struct ch_writer *by, const struct span_batch *b, struct buf *row, struct map *there,
    struct err *e)
{
	for (size_t i = 0; i < b->n; i++) {
		struct hash128 h;
		uint64_t *n;
		bool fresh;

		row->n = 0;
		ch_writer_row(by, row, &b->spans[i]);
		if (row->oom)
			return err_nomem(e);
		h = hash128(row->p, row->n);
		n = map_put(there, sv_new((const char *)&h, sizeof h), &fresh);
		if (n == NULL)
			return err_nomem(e);
		++*n;
	}
	return 0;
}

static int
count_answer(struct ch_client *c, const struct ch_select *q, struct ch_writer *by,
    const struct ch_scan_opts *o, struct map *there, struct err *e)
{
	struct ch_scan *scan = NULL;
	struct buf row = BUF_INIT;
	struct span_batch b;
	int rc, end = 0;

	if ((rc = ch_scan_open(c, q, o, NULL, &scan, e)) < 0)
		return rc;
	span_batch_init(&b);
	while (rc == 0 && end == 0) {
		span_batch_reset(&b);
		if ((end = ch_scan_next(scan, &b, SPANS_AT_ONCE, e)) < 0)
			rc = end;
		else
			rc = count_spans(by, &b, &row, there, e);
	}
	span_batch_release(&b);
	buf_release(&row);
	ch_scan_close(scan);
	return rc;
}

/* Of so many traces, in one question. */
static int
count_traces(struct ch_client *c, struct ch_select *q, struct ch_writer *by,
    const struct trace_id *ids, size_t n, const struct ch_scan_opts *o, struct map *there,
    struct err *e)
{
	const struct field trace = { .scope = FIELD_INTRINSIC, .intrinsic = IN_TRACE_ID };
	struct literal *lits;
	struct arena a;
	int rc;

	arena_init(&a);
	lits = arena_array(&a, n, struct literal);
	q->filter = NULL;
	if (lits != NULL) {
		memset(lits, 0, n * sizeof *lits);
		for (size_t i = 0; i < n; i++) {
			lits[i].hi = ids[i].hi;
			lits[i].lo = ids[i].lo;
		}
		q->filter = pred_leaf(&a, OP_IN, trace, lits, n);
	}
	rc = q->filter == NULL ? err_nomem(e) : count_answer(c, q, by, o, there, e);
	arena_release(&a);
	return rc;
}

int
ch_rows_there(struct ch_client *c, struct ch_writer *by, const struct trace_id *ids, size_t n,
    struct time_range range, const atomic_bool *cancel, struct map *there, struct err *e)
{
	struct ch_select q = { .schema = by->schema, .range = range, .limit = UINT64_MAX };
	struct ch_scan_opts o = { .cancel = cancel, .comment = SV("spanctl export: what is there") };
	int rc = 0;

	for (size_t i = 0; i < by->n; i++)
		q.columns |= 1ull << by->of[i];
	for (size_t at = 0; at < n && rc == 0; at += TRACES_AT_ONCE)
		rc = count_traces(c, &q, by, ids + at, n - at < TRACES_AT_ONCE ? n - at : TRACES_AT_ONCE,
		    &o, there, e);
	return rc;
}
