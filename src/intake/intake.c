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
/* Decoded parts of shards, for comparing with what is committed. */
#define CACHE_BYTES ((size_t)64 << 20)
/* Shards that stay open for that: their footers are some 20 KiB each and more. */
#define OPEN_SHARDS 1000

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
		no = pthread_create(&in->threads[in->n_threads], NULL, intake_worker, in);
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
	struct worker rejects;		/* only for worker_reject */
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

	r.res.reject = worker_reject;
	r.res.reject_arg = &r.rejects;
	rc = record_reader_open(src, conf_u64(in->opts.conf, CONF_INGEST_MAX_REQUEST), &r.rr, e);
	if (rc != 0)
		return err_ctx(e, rc, "%s", name);
	rc = read_records(&r, e);
	rc = finish_reading(&r, rc, e);
	record_reader_close(r.rr);
	return rc;
}
