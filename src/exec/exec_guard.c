/* SPDX-License-Identifier: ISC */
/*
 * exec_guard: what bounds a query from outside: deadline, cancel flag, memory, rows. Looked at
 * once a morsel and once a batch; every message names the setting that was passed. And what bounds
 * it from inside: the page and the range.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/runsort.h"
#include "exec_i.h"
#include "model/when.h"

int
exec_check(struct exec *ex, struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	if (ex->env.cancel != NULL && atomic_load_explicit(ex->env.cancel, memory_order_relaxed))
		return err_set(e, ERR_CANCELLED, -1, "cancelled");
	if (ex->env.deadline_mono_ns == 0 || clock_mono_ns() < ex->env.deadline_mono_ns)
		return 0;
	/* The wait for a turn counts, so the deadline may have passed before this was opened. */
	if (ex->env.deadline_mono_ns <= ex->opened_ns)
		return err_set(e, ERR_TIMEOUT, -1, "over the time limit ([query] timeout)");
	duration_print_short(&b, ex->env.deadline_mono_ns - ex->opened_ns);
	code = err_set(e, ERR_TIMEOUT, -1, "over the time limit of %.*s ([query] timeout)",
	    SV_ARG(buf_view(&b)));
	buf_release(&b);
	return code;
}

void
exec_renew_deadline(struct exec *ex)
{
	uint64_t limit = ex->env.deadline_mono_ns - ex->opened_ns;

	if (ex->env.deadline_mono_ns <= ex->opened_ns)
		return;
	ex->opened_ns = clock_mono_ns();
	ex->env.deadline_mono_ns = ex->opened_ns + limit;
}

static void
print_bytes(struct buf *b, uint64_t n)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (i < 4 && n != 0 && n % 1024 == 0) {
		n /= 1024;
		i++;
	}
	buf_u64(b, n);
	buf_str(b, unit[i]);
}

static int
over_memory(uint64_t max, const char *what, struct err *e)
{
	struct buf b = BUF_INIT;
	int code;

	print_bytes(&b, max);
	code = err_set(e, ERR_NOMEM, -1, "over the memory limit of %.*s (%s)",
	    SV_ARG(buf_view(&b)), what);
	buf_release(&b);
	return code;
}

static int
take(struct exec *ex, size_t bytes, struct err *e)
{
	size_t held = atomic_fetch_add(&ex->held, bytes) + bytes;

	if (ex->env.memory != 0 && held > ex->env.memory) {
		atomic_fetch_sub(&ex->held, bytes);
		return over_memory(ex->env.memory, "[query] memory", e);
	}
	if (!quota_take(ex->env.quota, bytes)) {
		atomic_fetch_sub(&ex->held, bytes);
		return over_memory(atomic_load(&ex->env.quota->max),
		    "what [query] total_memory leaves to all queries", e);
	}
	return 0;
}

int
mem_take(struct exec *ex, size_t bytes, struct err *e)
{
	int rc = take(ex, bytes, e), made;

	if (rc != ERR_NOMEM || ex->make_room == NULL || (made = ex->make_room(ex, e)) == 0)
		return rc;
	return made < 0 ? made : take(ex, bytes, e);
}

void
mem_give(struct exec *ex, size_t bytes)
{
	atomic_fetch_sub(&ex->held, bytes);
	quota_give(ex->env.quota, bytes);
}

struct looking {
	struct exec *ex;
	struct err *e;
	int code;
};

static bool
is_over(void *arg)
{
	struct looking *l = arg;

	return (l->code = exec_check(l->ex, l->e)) < 0;
}

int
exec_sort(struct exec *ex, void *v, size_t n, size_t size,
    int (*cmp)(const void *, const void *, void *), void *arg, struct err *e)
{
	size_t room = n > RUNSORT_RUN ? n * size : 0;
	struct looking l = { ex, e, 0 };
	void *tmp = NULL;
	int rc;

	if ((rc = mem_take(ex, room, e)) < 0)
		return rc;
	if (room != 0 && (tmp = malloc(room)) == NULL)
		rc = err_nomem(e);
	else if (!runsort(&(struct runsort){ size, cmp, arg, is_over, &l }, v, tmp, n))
		rc = l.code;
	free(tmp);
	mem_give(ex, room);
	return rc;
}

int
exec_reader_holds(struct exec *ex, size_t bytes, struct err *e)
{
	int code;

	mem_give(ex, ex->reader_holds);
	ex->reader_holds = 0;
	if ((code = mem_take(ex, bytes, e)) == 0)
		ex->reader_holds = bytes;
	return code;
}

void
exec_batch_most(struct exec *ex, size_t rows)
{
	if (ex->env.batch_rows == 0)
		ex->batch_rows = rows < BATCH_ROWS ? BATCH_ROWS : rows - rows % BATCH_ROWS;
}

/*
 * The usual where a batch pins a trace for each row, and where it would pass the limit of rows: then
 * it is not handed out, but those before it are.
 */
size_t
exec_batch_rows(const struct exec *ex)
{
	uint64_t max = ex->env.max_rows;

	if (ex->batch_rows > BATCH_ROWS && (ex->plan->fetch.want_trace ||
	    (max != 0 && ex->n_out + ex->batch_rows > max)))
		return BATCH_ROWS;
	return ex->batch_rows;
}

int
exec_over_rows(struct exec *ex, struct err *e)
{
	if (ex->env.max_rows == 0 || ex->n_out <= ex->env.max_rows)
		return 0;
	return err_set(e, ERR_LIMIT, -1, "over the limit of %llu rows ([query] max_rows)",
	    (unsigned long long)ex->env.max_rows);
}

void
profile_add(struct profile *to, const struct profile *p)
{
	to->row_groups_visited += p->row_groups_visited;
	to->row_groups_pruned += p->row_groups_pruned;
	to->blocks_pruned += p->blocks_pruned;
	to->chunks_read += p->chunks_read;
	to->chunks_cached += p->chunks_cached;
	to->read_bytes += p->read_bytes;
	to->unpacked_bytes += p->unpacked_bytes;
	to->decoded_bytes += p->decoded_bytes;
	to->rows_scanned += p->rows_scanned;
	to->values_tested += p->values_tested;
	to->texts_tested += p->texts_tested;
	to->rows_counted += p->rows_counted;
	to->rows_matched += p->rows_matched;
	to->rows_fetched += p->rows_fetched;
}

struct reads
reads_begin(const struct exec *ex)
{
	struct reads r = { read_counters, cache_reader };

	cache_reader = ex->reader;
	return r;
}

void
reads_end(const struct reads *r, struct profile *p)
{
	const struct read_counters *before = &r->before;

	cache_reader = r->reader;
	p->chunks_read += read_counters.n_reads - before->n_reads;
	p->chunks_cached += read_counters.n_cached - before->n_cached;
	p->read_bytes += read_counters.read_bytes - before->read_bytes;
	p->unpacked_bytes += read_counters.unpacked_bytes - before->unpacked_bytes;
	p->decoded_bytes += read_counters.decoded_bytes - before->decoded_bytes;
}

uint64_t
exec_wanted(const struct exec *ex)
{
	const struct page *p = &ex->page;

	return p->left > UINT64_MAX - p->skip ? UINT64_MAX : p->skip + p->left;
}

uint64_t
exec_last(const struct plan *p)
{
	/* WHEN_MAX means no end: then the last instant counts. */
	return p->filter.range.to == WHEN_MAX ? UINT64_MAX : p->filter.range.to - 1;
}
