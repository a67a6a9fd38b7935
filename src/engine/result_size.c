/* SPDX-License-Identifier: ISC */
/*
 * result_size: the size of a result before its bytes, which are made as they are read.
 *
 *   RUNNING --lengths told--> SIZED --a read--> QUEUED --> RUNNING --> DONE
 *                               ^                             |
 *                               +--- its last user left, or ---+
 *                                    none wants more for long
 *
 * Both runs are of one request: one snapshot, one `now`, one plan. The bytes of a result that the
 * cache may keep go into the blob as those of any result do, so that a read of what was made is
 * served from there, and one further on waits; the producer keeps STREAM_AHEAD before its readers.
 * One that nobody reads any more, or that a pager holds open, takes no thread, and keeps what it
 * has; for a later read it is made from the start once more, and what is there is passed over. Of
 * larger ones nothing is kept: result_window.c.
 *
 * Small results are made whole: two passes over them cost more than their bytes. What the
 * producer gives is held against the size, so that a false length is an error where it shows, and
 * never a byte too many or a file cut short.
 */
#include "base/clock.h"
#include "result_i.h"

static bool
wants_size(const struct result *r)
{
	return !r->sized && !r->here && !result_may_stream(r->engine) &&
	    r->est_bytes >= r->engine->size_ahead && request_measured(r->request);
}

/* Those that are kept go into the blob; others, which would be spilled, are made as they are read. */
static bool
is_kept(const struct result *r, uint64_t size, const struct blob_limits *lim)
{
	return size <= lim->mem_max && conf_bool(r->engine->conf, CONF_RESULT_CACHE_ENABLED);
}

static void
publish(struct result *r, const struct run_info *info, uint64_t size, bool windowed)
{
	struct wait *taken;
	uint64_t now = clock_mono_ns();

	atomic_fetch_add(&r->engine->counters.sized, 1);
	r->before_ns = now - r->started_ns;
	pthread_mutex_lock(&r->lock);
	/* A cancel that came too late for the sizing is none of who reads. */
	atomic_store(&r->cancel, false);
	r->sized = true;
	r->size = size;
	r->windowed = windowed;
	r->info = *info;
	r->state = RESULT_SIZED;
	atomic_store(&r->made_mono_ns, now);
	taken = result_take_ready(r, now);
	pthread_mutex_unlock(&r->lock);
	result_answer(r, taken);
}

int
result_size_ahead(struct result *r, const struct blob_limits *lim, uint64_t deadline,
    struct err *e)
{
	struct run_info info;
	uint64_t size = 0;
	int code;

	if (!wants_size(r))
		return 1;
	if ((code = run_size(r->request, deadline, &r->cancel, &info, &size, e)) != 0)
		return code;
	publish(r, &info, size, !is_kept(r, size, lim));
	return 0;
}

int
result_check_length(struct result *r, size_t n, struct err *e)
{
	uint64_t made = result_made(r) + n;

	if (!r->sized || made == r->size || (n != 0 && made < r->size))
		return 0;
	return err_set(e, ERR_CORRUPT, -1, "spans.jsonl is %s than the %llu bytes that the shards "
	    "tell of its lines: see spanctl check", made > r->size ? "longer" : "shorter",
	    (unsigned long long)r->size);
}

/* ---- its run stops, and begins again ---- */

bool
result_left(struct result *r)
{
	bool left;

	pthread_mutex_lock(&r->lock);
	left = r->left;
	pthread_mutex_unlock(&r->lock);
	return left;
}

void
result_stop(struct result *r, bool whole)
{
	blob_settle(&r->blob);
	pthread_mutex_lock(&r->lock);
	r->whole |= whole;
	atomic_store(&r->cancel, false);
	r->left = false;
	r->state = RESULT_SIZED;
	pthread_mutex_unlock(&r->lock);
}

bool
result_wanted_on(struct result *r)
{
	bool wanted;

	pthread_mutex_lock(&r->lock);
	wanted = r->state == RESULT_SIZED && r->waits != NULL;
	if (wanted) {
		r->state = RESULT_QUEUED;
		r->queued_ns = clock_mono_ns();
	}
	pthread_mutex_unlock(&r->lock);
	return wanted;
}
