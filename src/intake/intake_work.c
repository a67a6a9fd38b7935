/* SPDX-License-Identifier: ISC */
/*
 * intake_work: jobs on their way to the workers, and what a worker does with one: parses it, drops
 * what the store has, and appends the rest under `append`.
 */
#include "intake_i.h"

#include <stdlib.h>

/* Input queued or being parsed. */
#define JOBS_BYTES ((size_t)48 << 20)
#define JOBS_MAX 8
/* Spans that wait for a commit to be compared; when full, the commit comes early. */
#define ASIDE_BYTES ((size_t)32 << 20)
/* Spans appended between two looks at the memtable's size. */
#define APPEND_SPANS 64

void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < j->recs.n; i++)
		free(j->recs.v[i].body);
	vec_release(&j->recs);
	free(j);
}

int
job_submit(struct intake *in, struct job *j, struct err *e)
{
	int rc;

	pthread_mutex_lock(&in->lock);
	while (in->failed.code == 0 && in->n_jobs > 0 &&
	    (in->n_jobs >= JOBS_MAX || in->job_bytes + j->bytes > JOBS_BYTES))
		pthread_cond_wait(&in->done, &in->lock);
	if ((rc = in->failed.code) != 0) {
		if (e != NULL)
			*e = in->failed;
		pthread_mutex_unlock(&in->lock);
		job_free(j);
		return rc;
	}
	in->n_jobs++;
	in->job_bytes += j->bytes;
	j->next = NULL;
	*in->tail = j;
	in->tail = &j->next;
	pthread_cond_signal(&in->work);
	pthread_mutex_unlock(&in->lock);
	return 0;
}

struct job *
job_take(struct intake *in)
{
	struct job *j = in->head;

	if (j != NULL) {
		in->head = j->next;
		if (in->head == NULL)
			in->tail = &in->head;
	}
	return j;
}

int
jobs_wait(struct intake *in, struct err *e)
{
	int rc;

	pthread_mutex_lock(&in->lock);
	while (in->n_jobs > 0)
		pthread_cond_wait(&in->done, &in->lock);
	if ((rc = in->failed.code) != 0 && e != NULL)
		*e = in->failed;
	pthread_mutex_unlock(&in->lock);
	return rc;
}

/* ---- a worker's job ---- */

void
worker_reject(void *arg, const struct reject *r)
{
	struct worker *w = arg;
	struct intake *in = w->in;

	if (in->opts.reject == NULL)
		return;
	pthread_mutex_lock(&in->report);
	in->opts.reject(in->opts.arg, w->input, r);
	pthread_mutex_unlock(&in->report);
}

static int
parse_job(struct worker *w, const struct job *j, struct err *e)
{
	int rc = 0;

	span_batch_reset(&w->batch);
	w->res = (struct ingest_result){ .reject = worker_reject, .reject_arg = w };
	w->input = j->input;
	for (size_t i = 0; i < j->recs.n && rc == 0; i++) {
		const struct record *r = &j->recs.v[i];
		struct sv body = sv_new(r->body, r->n);

		rc = r->form == RECORD_JSON ?
		    json_parse(body, r->line, &w->batch, &w->res, e) :
		    otlp_proto_parse(body, r->line, &w->batch, &w->res, e);
	}
	return rc;
}

/* Drops what is committed from spans[0, *n). *epoch: the commits that were looked at. */
static int
drop_committed(struct worker *w, struct span *spans, size_t *n, uint64_t *epoch, struct err *e)
{
	struct intake *in = w->in;
	const struct snapshot *snap;
	uint64_t n_dropped = 0;
	int rc;

	pthread_mutex_lock(&in->lock);
	*epoch = in->n_commits;
	pthread_mutex_unlock(&in->lock);
	if ((rc = catalog_snapshot(in->catalog, &snap, e)) != 0)
		return rc;
	rc = dedup_spans(w->dedup, snap, spans, n, &n_dropped, e);
	snapshot_unref(snap);
	pthread_mutex_lock(&in->lock);
	in->counts.n_duplicates += n_dropped;
	in->counts.n_pending -= n_dropped;
	pthread_mutex_unlock(&in->lock);
	return rc;
}

/* Under `append`: spans go to the memtable or aside. */
static int
append_some(struct intake *in, const struct span *s, size_t n, bool sealing, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0; i++) {
		if (sealing && idhashes_has(&in->ids_sealing, span_ids_hash(&s[i])))
			rc = aside_add(&in->aside_sealing, &s[i], e);
		else
			rc = intake_append(in, &s[i], false, e);
	}
	return rc;
}

static bool
is_full(const struct intake *in)
{
	return memtable_bytes(in->mt) + in->ids_active.cap * sizeof *in->ids_active.v >=
	    in->memtable_max || aside_bytes(&in->aside_active) >= ASIDE_BYTES ||
	    aside_bytes(&in->aside_sealing) >= ASIDE_BYTES;
}

/*
 * Under `append`: appends from spans[*from] on, up to the end or until the memtable was
 * handed over, after which the rest must be compared anew. Does nothing if there was a commit
 * since `epoch`.
 */
static int
append_until_full(struct intake *in, const struct span_batch *b, size_t *from, uint64_t epoch,
    struct err *e)
{
	bool sealing, stale;
	int rc;

	if ((rc = intake_settle_aside(in, e)) != 0)
		return rc;
	pthread_mutex_lock(&in->lock);
	stale = in->n_commits != epoch;
	sealing = in->sealing.active;
	rc = in->failed.code;
	if (rc != 0 && e != NULL)
		*e = in->failed;
	pthread_mutex_unlock(&in->lock);
	if (rc != 0 || stale)
		return rc;
	memtable_batch(in->mt);
	aside_new_batch(&in->aside_active);
	aside_new_batch(&in->aside_sealing);
	while (*from < b->n) {
		size_t n = b->n - *from < APPEND_SPANS ? b->n - *from : APPEND_SPANS;

		if ((rc = append_some(in, b->spans + *from, n, sealing, e)) != 0)
			return rc;
		*from += n;
		if (is_full(in))
			return intake_rotate(in, e);
	}
	return 0;
}

/* Lengths of lines, which appending would work out where all others wait for it. */
static int
measure_batch(struct worker *w, const struct job *j, struct err *e)
{
	struct span_batch *b = &w->batch;
	uint64_t n;

	if (j->bytes > MEASURED_MAX)
		return 0;
	render_batch(&w->render);
	for (size_t i = 0; i < b->n; i++) {
		if (span_line_length(&w->render, &w->line, &b->spans[i], &n) != 0)
			return err_nomem(e);
		b->spans[i].line_bytes = n <= UINT32_MAX ? (uint32_t)n : 0;
	}
	return 0;
}

static int
append_batch(struct worker *w, struct err *e)
{
	struct intake *in = w->in;
	struct span_batch *b = &w->batch;
	size_t from = 0;
	int rc = 0;

	while (from < b->n && rc == 0) {
		size_t n = b->n - from;
		uint64_t epoch;

		if ((rc = drop_committed(w, b->spans + from, &n, &epoch, e)) != 0)
			return rc;
		b->n = from + n;
		pthread_mutex_lock(&in->append);
		rc = append_until_full(in, b, &from, epoch, e);
		pthread_mutex_unlock(&in->append);
	}
	return rc;
}

/* Parses, appends; the job's counts are added in between. */
static int
work_on(struct worker *w, const struct job *j, struct err *e)
{
	struct intake *in = w->in;
	int rc = parse_job(w, j, e);

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&in->lock);
	in->counts.n_pending += w->batch.n;
	in->counts.n_rejected += w->res.n_rejected;
	in->counts.n_foreign += w->res.n_foreign;
	in->counts.n_repaired += w->res.n_repaired;
	in->counts.n_mended += w->res.n_mended;
	pthread_mutex_unlock(&in->lock);
	if ((rc = measure_batch(w, j, e)) != 0)
		return rc;
	return append_batch(w, e);
}

static void
run_job(struct worker *w, struct job *j)
{
	struct intake *in = w->in;
	struct err e = ERR_INIT;

	if (!intake_failed(in) && work_on(w, j, &e) != 0)
		(void)intake_fail(in, &e);
	pthread_mutex_lock(&in->lock);
	in->n_jobs--;
	in->job_bytes -= j->bytes;
	pthread_cond_broadcast(&in->done);
	pthread_mutex_unlock(&in->lock);
	job_free(j);
}

void *
intake_worker(void *arg)
{
	struct intake *in = arg;
	struct worker w = { .in = in };
	struct err e = ERR_INIT;
	struct job *j;

	span_batch_init(&w.batch);
	if (dedup_new(in->opts.force, &w.dedup, &e) != 0)
		(void)intake_fail(in, &e);
	for (;;) {
		if (intake_seal_one(in))
			continue;
		pthread_mutex_lock(&in->lock);
		while (!in->stop && in->head == NULL &&
		    !(in->sealing.active && in->sealing.next < in->sealing.n_parts))
			pthread_cond_wait(&in->work, &in->lock);
		if (in->stop) {
			pthread_mutex_unlock(&in->lock);
			break;
		}
		j = in->sealing.active && in->sealing.next < in->sealing.n_parts ? NULL :
		    job_take(in);
		pthread_mutex_unlock(&in->lock);
		if (j != NULL)
			run_job(&w, j);
	}
	dedup_free(w.dedup);
	span_batch_release(&w.batch);
	render_release(&w.render);
	buf_release(&w.line);
	return NULL;
}
