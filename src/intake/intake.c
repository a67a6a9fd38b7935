/* SPDX-License-Identifier: ISC */
/*
 * intake: see engine/intake.h and intake_i.h. The caller of intake_read cuts records and hands
 * them on in jobs; workers parse a job, drop what the store has, and append the rest under
 * `append`. Memory is bounded: jobs by JOBS_BYTES (or one record, if it is larger), two
 * memtables by memtable_max each, spans set aside by ASIDE_BYTES.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "intake_i.h"
#include "render/span_line.h"
#include "seal/memtable.h"
#include "model/when.h"

/*
 * Held by one memtable before it is sealed; with the one being sealed and the buffers of
 * sealing it makes up most of an import's memory. Larger ones give fewer and larger shards
 * (a million typical spans take about this much), smaller ones more frequent commits.
 */
#define MEMTABLE_BYTES ((size_t)96 << 20)
/* Input that a worker takes at once: enough that locks cost nothing, and fits the cache. */
#define JOB_BYTES ((size_t)1 << 20)
#define JOB_RECORDS 1024
/* Input queued or being parsed. */
#define JOBS_BYTES ((size_t)48 << 20)
#define JOBS_MAX 8
/* Spans that wait for a commit to be compared; when full, the commit comes early. */
#define ASIDE_BYTES ((size_t)32 << 20)
/* Decoded parts of shards, for comparing with what is committed. */
#define CACHE_BYTES ((size_t)64 << 20)
/* Shards that stay open for that: their footers are some 20 KiB each and more. */
#define OPEN_SHARDS 1000
/* Spans appended between two looks at the memtable's size. */
#define APPEND_SPANS 64

/* What one thread keeps from job to job. */
struct worker {
	struct intake *in;
	struct dedup *dedup;
	struct span_batch batch;
	struct ingest_result res;
	const char *input;
	struct render render;		/* what lines are measured with */
	struct buf line;
};

/* ---- failure ---- */

/* ---- jobs ---- */

static void
job_free(struct job *j)
{
	if (j == NULL)
		return;
	for (size_t i = 0; i < j->recs.n; i++)
		free(j->recs.v[i].body);
	vec_release(&j->recs);
	free(j);
}

/* Hands a job over (also on failure), waiting for room. */
static int
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

static struct job *
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

/* Waits until every job is done. */
static int
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

static void
on_reject(void *arg, const struct reject *r)
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
	w->res = (struct ingest_result){ .reject = on_reject, .reject_arg = w };
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

static void *
worker_main(void *arg)
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

/* ---- opening and closing ---- */

static int
start_threads(struct intake *in, struct err *e)
{
	long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned want = in->opts.threads != 0 ? in->opts.threads :
	    n_cpus < 2 ? 2 : n_cpus > 64 ? 64 : (unsigned)n_cpus;
	sigset_t all, old;
	int no = 0;

	if ((in->threads = calloc(want, sizeof *in->threads)) == NULL)
		return err_nomem(e);
	/* Signals are for the thread that runs the program. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (in->n_threads < want && no == 0) {
		no = pthread_create(&in->threads[in->n_threads], NULL, worker_main, in);
		in->n_threads += no == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return in->n_threads > 0 ? 0 : err_set(e, ERR_NOMEM, -1, "no thread can be started");
}

static void
stop_threads(struct intake *in)
{
	pthread_mutex_lock(&in->lock);
	in->stop = true;
	pthread_cond_broadcast(&in->work);
	pthread_mutex_unlock(&in->lock);
	for (unsigned i = 0; i < in->n_threads; i++)
		pthread_join(in->threads[i], NULL);
	free(in->threads);
}

static struct shard_options
shard_options(const struct conf *c)
{
	bool zstd = conf_u64(c, CONF_STORE_COMPRESSION) != 0;
	uint64_t top = conf_u64(c, CONF_STATISTICS_TOP_VALUES);

	return (struct shard_options){
		.row_group_rows = (uint32_t)conf_u64(c, CONF_STORE_ROW_GROUP_ROWS),
		.compression_level = zstd ? (int)conf_u64(c, CONF_STORE_COMPRESSION_LEVEL) : 0,
		.sync = conf_bool(c, CONF_STORE_SYNC),
		/* 0 would mean the default there. */
		.top_values = top == 0 ? 1 : (uint32_t)top,
		.histogram_buckets =
		    (uint32_t)conf_u64(c, CONF_STATISTICS_HISTOGRAM_BUCKETS),
		.index_budget = (uint32_t)conf_u64(c, CONF_STORE_INDEX_BUDGET),
		.text_index = conf_bool(c, CONF_STORE_TEXT_INDEX),
	};
}

static int
open_store(struct intake *in, struct err *e)
{
	struct catalog_options co = {
		.create = true, .cache_bytes = CACHE_BYTES, .fs = in->opts.fs,
		.max_open_shards = OPEN_SHARDS,
		.no_sync = !in->shard.sync,
	};
	int rc;

	if ((rc = catalog_open(in->opts.store, &co, &in->catalog, e)) != 0 ||
	    (rc = catalog_lock(in->catalog, e)) != 0 ||
	    (rc = memtable_new(&in->shard, clock_wall_ns(), &in->mt, e)) != 0 ||
	    (rc = dedup_new(in->opts.force, &in->dedup, e)) != 0)
		return rc;
	return start_threads(in, e);
}

static void
intake_free(struct intake *in)
{
	stop_threads(in);
	for (struct job *j; (j = job_take(in)) != NULL;)
		job_free(j);
	/* A sealing that nobody finished: only after a failure. */
	intake_wait_sealed(in);
	memtable_free(in->mt);
	idhashes_release(&in->ids_active);
	idhashes_release(&in->ids_sealing);
	aside_release(&in->aside_active);
	aside_release(&in->aside_sealing);
	dedup_free(in->dedup);
	catalog_close(in->catalog);
	pthread_cond_destroy(&in->work);
	pthread_cond_destroy(&in->done);
	pthread_mutex_destroy(&in->append);
	pthread_mutex_destroy(&in->report);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

bool
intake_wait_parse(struct sv s, uint64_t *ns)
{
	if (!sv_is(s, "0"))
		return duration_parse(s, ns);
	*ns = 0;
	return true;
}

int
intake_open(const struct intake_options *o, struct intake **out, struct err *e)
{
	struct intake *in = calloc(1, sizeof *in);
	int rc;

	if (in == NULL)
		return err_nomem(e);
	in->opts = *o;
	in->shard = shard_options(o->conf);
	in->memtable_max = o->memtable_bytes != 0 ? o->memtable_bytes : MEMTABLE_BYTES;
	in->tail = &in->head;
	aside_init(&in->aside_active);
	aside_init(&in->aside_sealing);
	pthread_mutex_init(&in->append, NULL);
	pthread_mutex_init(&in->report, NULL);
	pthread_mutex_init(&in->lock, NULL);
	pthread_cond_init(&in->work, NULL);
	pthread_cond_init(&in->done, NULL);
	if ((rc = open_store(in, e)) != 0) {
		intake_free(in);
		return rc;
	}
	*out = in;
	return 0;
}

int
intake_commit(struct intake *in, struct err *e)
{
	struct err own = ERR_INIT;
	int rc;

	if ((rc = jobs_wait(in, e)) != 0)
		return rc;
	pthread_mutex_lock(&in->append);
	rc = intake_flush(in, &own);
	pthread_mutex_unlock(&in->append);
	if (rc != 0) {
		(void)intake_fail(in, &own);
		if (e != NULL)
			*e = own;
	}
	return rc;
}

int
intake_close(struct intake *in, struct intake_counts *counts, struct err *e)
{
	int rc = intake_commit(in, e);

	if (counts != NULL)
		*counts = intake_counts(in);
	intake_free(in);
	return rc;
}

/* ---- reading ---- */

struct reading {
	struct intake *in;
	const char *name;
	struct record_reader *rr;
	struct ingest_result res;	/* of the reader itself: oversized records */
	struct job *job;		/* being filled */
	uint64_t counted;		/* of the reader's offset */
	struct worker rejects;		/* only for on_reject */
};

static void
count_read(struct reading *r)
{
	struct intake_counts *c = &r->in->counts;
	uint64_t off = record_reader_offset(r->rr);

	pthread_mutex_lock(&r->in->lock);
	c->n_bytes += off - r->counted;
	c->n_rejected += r->res.n_rejected;
	c->n_foreign += r->res.n_foreign;
	c->n_repaired += r->res.n_repaired;
	c->n_oversize += r->res.n_oversize;
	pthread_mutex_unlock(&r->in->lock);
	r->counted = off;
	r->res.n_rejected = r->res.n_foreign = r->res.n_repaired = r->res.n_oversize = 0;
}

static int
submit(struct reading *r, struct err *e)
{
	struct job *j = r->job;

	r->job = NULL;
	return j == NULL ? 0 : job_submit(r->in, j, e);
}

/* Takes the record over, also on failure. */
static int
add_record(struct reading *r, struct record *rec, struct err *e)
{
	if (r->job == NULL && (r->job = calloc(1, sizeof *r->job)) != NULL)
		r->job->input = r->name;
	if (r->job == NULL || !vec_push(&r->job->recs, *rec)) {
		free(rec->body);
		return err_nomem(e);
	}
	r->job->bytes += rec->n;
	if (r->job->bytes < JOB_BYTES && r->job->recs.n < JOB_RECORDS)
		return 0;
	count_read(r);
	return submit(r, e);
}

static bool
cancelled(const struct intake *in)
{
	return in->opts.cancel != NULL && atomic_load(in->opts.cancel);
}

static int
read_records(struct reading *r, struct err *e)
{
	struct record rec;
	int rc = 0;

	while (rc == 0) {
		if (cancelled(r->in))
			return err_set(e, ERR_CANCELLED, -1, "%s: stopped", r->name);
		rc = record_reader_next(r->rr, &rec, &r->res, e);
		if (rc == 0)
			rc = add_record(r, &rec, e);
		else if (rc < 0)
			rc = err_ctx(e, rc, "%s", r->name);
	}
	return rc < 0 ? rc : 0;
}

/* What was cut from the input before it failed is taken. */
static int
finish_reading(struct reading *r, int rc, struct err *e)
{
	struct err later = ERR_INIT;
	int rc2;

	count_read(r);
	if ((rc2 = submit(r, &later)) == 0)
		rc2 = jobs_wait(r->in, &later);
	else
		(void)jobs_wait(r->in, NULL);
	if (rc2 == 0 && rc == ERR_CANCELLED)
		rc2 = intake_commit(r->in, &later);
	if (rc2 == 0)
		return rc;
	if (e != NULL)
		*e = later;
	return rc2;
}

int
intake_read(struct intake *in, const char *name, const struct source_bytes *src, struct err *e)
{
	struct reading r = { .in = in, .name = name, .rejects = { .in = in, .input = name } };
	int rc;

	r.res.reject = on_reject;
	r.res.reject_arg = &r.rejects;
	rc = record_reader_open(src, conf_u64(in->opts.conf, CONF_INGEST_MAX_REQUEST), &r.rr, e);
	if (rc != 0)
		return err_ctx(e, rc, "%s", name);
	rc = read_records(&r, e);
	rc = finish_reading(&r, rc, e);
	record_reader_close(r.rr);
	return rc;
}
