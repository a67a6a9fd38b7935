/* SPDX-License-Identifier: ISC */
/* export: see export/export.h. */
#include "export/export.h"

#include <stdio.h>
#include <stdlib.h>

#include "clickhouse/ch_create.h"
#include "clickhouse/ch_open.h"
#include "clickhouse/ch_scan.h"
#include "clickhouse/ch_schema_read.h"
#include "export_i.h"

#define FILE_NAME "otlp.jsonl"

enum { AGAIN = 1 };	/* of one pass: the spans are others than they were */

struct job {
	const struct export_options *o;
	struct export_counts *counts;
	struct ch_client *client;
	struct ch_table table;
	struct ch_schema *schema;
	struct ch_writer writer, compared;	/* compared.n == 0: whole rows are */
	struct record_place *place;
	struct export_record record;
	struct sender sender;
	struct export_batch batch;
	struct buf row, image;
	/* Of the pass: */
	uint64_t skip;			/* spans that are there, by the record */
	uint64_t uncertain;		/* spans behind these of which nobody knows */
	bool again;
	int failed;			/* of the server, or the record */
};

/* ---- one span after the other ---- */

static void
step(struct job *j)
{
	if (j->o->step != NULL)
		j->o->step(j->o->arg, j->counts);
}

/*
 * The first batch of who goes on is the last one of who was killed, with what the server has of it.
 * If it is not, rows of that may be anywhere behind: then the server is asked of all that follow.
 */
static void
settle_uncertain(struct job *j, uint64_t n)
{
	const struct export_record *r = &j->record;

	if (j->uncertain != 0 && (n != j->uncertain ||
	    memcmp(&j->batch.chain, &r->pending_chain, sizeof r->pending_chain) != 0))
		j->record.checks = true;
	j->uncertain = 0;
}

static int
flush(struct job *j, struct err *e)
{
	struct export_record *r = &j->record;
	uint64_t n = j->batch.refs.n;
	bool ask = j->uncertain != 0 || r->checks;
	struct hash128 chain = j->batch.chain;
	int rc;

	if (n == 0)
		return 0;
	settle_uncertain(j, n);
	r->pending = n;
	r->pending_chain = chain;
	if ((rc = record_write(j->place, r, e)) < 0 ||
	    (rc = send_batch(&j->sender, &j->batch, ask, e)) < 0)
		return rc;
	r->sent += n;
	r->sent_chain = chain;
	r->pending = 0;
	export_batch_clear(&j->batch);
	step(j);
	return 0;
}

/* A span that is there. False: it was the last one, and they are not those that they were. */
static bool
pass_over(struct job *j, struct hash128 row)
{
	struct hash128 *chain = &j->batch.chain;

	*chain = chain_next(*chain, row);
	if (--j->skip != 0)
		return true;
	j->counts->n_before = j->record.sent;
	j->again = memcmp(chain, &j->record.sent_chain, sizeof *chain) != 0;
	return !j->again;
}

static int
on_span(void *arg, const struct span *s, struct err *e)
{
	struct job *j = arg;
	struct batch_row ref = { .trace_id = s->trace_id, .span_id = s->span_id,
		.start_ns = s->start_ns };
	int rc;

	j->row.n = 0;
	ch_writer_row(&j->writer, &j->row, s);
	if ((rc = buf_ok(&j->row, e)) < 0)
		return rc;
	ref.hash = hash128(j->row.p, j->row.n);
	if (j->compared.n != 0) {
		j->image.n = 0;
		ch_writer_row(&j->compared, &j->image, s);
		if ((rc = buf_ok(&j->image, e)) < 0)
			return rc;
		ref.hash = hash128(j->image.p, j->image.n);
	}
	if (j->skip != 0)
		return pass_over(j, ref.hash) ? 0 : err_set(e, ERR_CANCELLED, -1, "begins again");
	if (export_batch_full(&j->batch, &ref, j->o->batch_rows) && (rc = flush(j, e)) < 0)
		return rc;
	return export_batch_add(&j->batch, buf_view(&j->row), &ref, e);
}

struct pass {
	struct job *j;
	struct span_lines lines;
};

static int
on_bytes(void *arg, const void *p, size_t n, struct err *e)
{
	struct pass *x = arg;
	int rc = span_lines_put(&x->lines, sv_new(p, n), e);

	if (rc < 0)
		x->j->failed = rc;
	return rc;
}

/* ---- a pass over all of them ---- */

static struct sv
trimmed(struct sv path)
{
	while (sv_ends(path, SV("/")))
		path.n--;
	return path;
}

static int
path_text(const struct export_options *o, struct buf *b, struct err *e)
{
	buf_sv(b, trimmed(o->path));
	BUF_LIT(b, "/" FILE_NAME);
	return buf_ok(b, e);
}

static int
pass_end(struct pass *x, const struct answer *a, struct err *e)
{
	struct job *j = x->j;
	int rc;

	if ((rc = span_lines_end(&x->lines, e)) < 0)
		return rc;
	if (j->skip != 0) {
		j->again = true;	/* there are fewer than were sent */
		return ERR_CANCELLED;
	}
	if ((rc = flush(j, e)) < 0)
		return rc;
	if (j->record.sent != a->n_rows)
		return err_set(e, ERR_CORRUPT, -1, "%llu spans were to be exported, and %llu were read",
		    (unsigned long long)a->n_rows, (unsigned long long)j->record.sent);
	j->record.done = true;
	j->record.checks = false;
	return record_write(j->place, &j->record, e);
}

static int
one_pass(struct job *j, struct err *e)
{
	struct pass x = { .j = j };
	struct buf path = BUF_INIT;
	struct answer a = { 0 };
	int rc;

	span_lines_init(&x.lines, on_span, j);
	export_batch_clear(&j->batch);
	j->again = false;
	j->skip = j->record.sent;
	j->uncertain = j->record.pending;
	j->batch.chain = (struct hash128){ 0, 0 };
	if ((rc = path_text(j->o, &path, e)) == 0) {
		rc = engine_answer(j->o->engine, buf_view(&path), j->o->who, on_bytes, &x, j->o->cancel,
		    &a, e);
		j->counts->of_path = rc < 0 && j->failed == 0;
		if (rc == 0)
			rc = pass_end(&x, &a, e);
	}
	span_lines_release(&x.lines);
	buf_release(&path);
	if (j->again)
		j->counts->of_path = false;
	return j->again ? AGAIN : rc;
}

/* ---- what is known of an earlier run ---- */

/* From the first span on, asking the server of each batch; the job's queries keep their names. */
static void
check_all(struct job *j)
{
	struct export_record *r = &j->record;

	r->sent = r->pending = 0;
	r->sent_chain = r->pending_chain = (struct hash128){ 0, 0 };
	r->done = false;
	r->checks = true;
	j->counts->n_before = 0;
	j->failed = 0;
}

static void
say_check(struct job *j, const char *why)
{
	char words[160];

	snprintf(words, sizeof words, "%s: the server is asked of every batch", why);
	if (j->o->say != NULL)
		j->o->say(j->o->arg, words);
	check_all(j);
}

/* Where fewer rows are than were sent, the table is another one by now. */
static int
look_at_table(struct job *j, struct err *e)
{
	static const struct pred all = { .kind = PRED_TRUE };
	const struct ch_select q = { .schema = j->schema, .filter = &all, .range = TIME_RANGE_ALL,
		.limit = UINT64_MAX };
	const struct ch_scan_opts opts = { .cancel = j->o->cancel };
	uint64_t n;
	int rc;

	if (j->record.sent == 0)
		return 0;
	if ((rc = ch_count(j->client, &q, &opts, &n, NULL, e)) == 0 && n < j->record.sent)
		say_check(j, "the table has fewer spans than were sent to it");
	return rc;
}

static int
begin(struct job *j, struct err *e)
{
	struct export_record *r = &j->record;
	int rc = record_read(j->place, r, e);
	bool there = rc == 0, done = there && r->done;

	if (rc < 0 && (rc != ERR_CORRUPT || !j->o->missing))
		return rc;
	if ((!there || done) && (rc = record_new(r, e)) < 0)
		return rc;
	if (done || j->o->missing)
		check_all(j);
	return look_at_table(j, e);
}

static int
run(struct job *j, struct err *e)
{
	int rc = begin(j, e);

	if (rc < 0)
		return rc;
	if ((rc = one_pass(j, e)) != AGAIN)
		return rc;
	say_check(j, "the spans are not those of the export that was begun");
	return one_pass(j, e);
}

/* ---- all of it ---- */

static int
open_table(struct job *j, struct err *e)
{
	uint64_t compared;
	int rc = 0;

	if (j->o->create)
		rc = ch_create(j->client, j->table, e);
	if (rc == 0)
		rc = ch_schema_read(j->client, j->table, &j->schema, e);
	if (rc == ERR_UNKNOWN && !j->o->create)
		rc = err_ctx(e, rc, "no table to export to (--create makes it)");
	if (rc < 0 || (rc = ch_writer_init(&j->writer, j->schema, CH_COLUMNS_ALL, e)) < 0)
		return rc;
	compared = ch_writer_comparable(j->schema);
	return compared == CH_COLUMNS_ALL ? 0 :
	    ch_writer_init(&j->compared, j->schema, compared, e);
}

static int
open_record(struct job *j, struct err *e)
{
	const struct record_key key = { trimmed(j->o->path),
		sv_cstr(conf_str(j->o->conf, CONF_CLICKHOUSE_URL)), j->table };

	return record_open(j->o->store, &key, &j->place, e);
}

int
export_run(const struct export_options *o, struct export_counts *counts, struct err *e)
{
	struct job j = { .o = o, .counts = counts, .row = BUF_INIT, .image = BUF_INIT };
	int rc;

	memset(counts, 0, sizeof *counts);
	if ((rc = ch_open_conf(o->conf, &j.client, &j.table, e)) < 0)
		return rc;
	if ((rc = open_record(&j, e)) == 0 && (rc = open_table(&j, e)) == 0) {
		j.sender = (struct sender){ .client = j.client, .writer = &j.writer,
			.compared = j.compared.n != 0 ? &j.compared : &j.writer, .o = o, .counts = counts,
			.job = j.record.job,
			.packing = ch_open_packing(o->conf) };
		rc = run(&j, e);
	}
	export_batch_release(&j.batch);
	buf_release(&j.row);
	buf_release(&j.image);
	buf_release(&j.sender.rest);
	ch_writer_release(&j.writer);
	ch_writer_release(&j.compared);
	ch_schema_free(j.schema);
	record_close(j.place);
	ch_client_free(j.client);
	return rc;
}
