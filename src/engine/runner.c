/* SPDX-License-Identifier: ISC */
/*
 * runner: the threads that make results, and whose turn it is. Threads are started when needed
 * and kept for the next for some seconds, one of them for minutes; at most `max_active` jobs run at once, the
 * others wait for their turn:
 *
 *   - what gave up or has waited too long goes first, whatever is running: it only ends;
 *   - of two users the one with fewer jobs running;
 *   - then the one that would be first if each came by its cost later: a short job passes a long
 *     one, but not one that has waited for as long as it takes;
 *   - long jobs leave one place to short ones, and a job waits until its memory can be had.
 *
 * A streamed result that waits for its reader steps aside (pause), so that a pager left open
 * overnight blocks nobody. Threads run at nice 5: those that answer the kernel go first.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "engine_i.h"

#define MAX_THREADS 256
#define RUNNER_NICE 5
#define KEEP_NS (5 * NS_PER_S)	/* that a thread is kept for without a job */
/* The only one that waits: another would have another heap, where no memory of the last job is. */
#define KEEP_ONE_NS (5 * NS_PER_MIN)
#define LONG_COST_NS (100 * UINT64_C(1000000))	/* estimated; what nobody would call at once */
#define MUCH_MEMORY (UINT64_C(64) << 20)

struct job {
	struct job *next;
	void (*fn)(void *);
	void *arg;
	struct turn turn;
};

/* Jobs of a user that run; few at a time, so a list. */
struct runner_user {
	struct runner_user *next;
	uint32_t uid;
	unsigned n_running;
};

struct runner {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job *queue, **tail;	/* as they came */
	struct runner_user *users;
	struct quota *quota;
	struct runner_limits lim;
	uint64_t reserved;		/* bytes, of those that run */
	unsigned n_threads, n_idle, n_active, n_long;
	bool stop;
};

int
runner_new(const struct runner_limits *lim, struct quota *quota, struct runner **out,
    struct err *e)
{
	struct runner *r = calloc(1, sizeof *r);
	pthread_condattr_t attr;

	if (r == NULL)
		return err_nomem(e);
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->work, &attr);
	pthread_condattr_destroy(&attr);
	pthread_cond_init(&r->done, NULL);
	r->tail = &r->queue;
	r->quota = quota;
	r->lim = *lim;
	*out = r;
	return 0;
}

void
runner_free(struct runner *r)
{
	struct runner_user *u;

	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->work);
	while (r->n_threads != 0)
		pthread_cond_wait(&r->done, &r->lock);
	pthread_mutex_unlock(&r->lock);
	while ((u = r->users) != NULL) {
		r->users = u->next;
		free(u);
	}
	pthread_cond_destroy(&r->work);
	pthread_cond_destroy(&r->done);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
runner_resize(struct runner *r, const struct runner_limits *lim)
{
	pthread_mutex_lock(&r->lock);
	r->lim = *lim;
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
}

void
runner_look(struct runner *r)
{
	pthread_mutex_lock(&r->lock);
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
}

/* ---- whose turn it is; under the lock ---- */

static struct runner_user *
user_of(const struct runner *r, uint32_t uid)
{
	struct runner_user *u = r->users;

	while (u != NULL && u->uid != uid)
		u = u->next;
	return u;
}

static bool
is_long(const struct job *j)
{
	return j->turn.cost_ns > LONG_COST_NS;
}

bool
turn_matters(uint64_t cost_ns, uint64_t memory)
{
	return cost_ns > LONG_COST_NS || memory > MUCH_MEMORY;
}

/* It only has to be ended: nobody wants it, or it has waited for as long as anybody may. */
static bool
is_over(const struct runner *r, const struct job *j, uint64_t now)
{
	return r->stop || (j->turn.cancel != NULL && atomic_load(j->turn.cancel)) ||
	    now - j->turn.since_ns > r->lim.wait_ns;
}

static bool
may_run(const struct runner *r, const struct job *j)
{
	uint64_t max = r->quota == NULL ? 0 : atomic_load(&r->quota->max);

	if (r->n_active >= r->lim.max_active)
		return false;
	if (is_long(j) && r->n_long > 0 && r->n_long + 1 >= r->lim.max_active)
		return false;
	return max == 0 || r->n_active == 0 || r->reserved + j->turn.memory <= max;
}

static bool
goes_before(const struct runner *r, const struct job *a, const struct job *b)
{
	const struct runner_user *x = user_of(r, a->turn.uid), *y = user_of(r, b->turn.uid);
	unsigned n = x == NULL ? 0 : x->n_running, m = y == NULL ? 0 : y->n_running;

	if (n != m)
		return n < m;
	return a->turn.since_ns + a->turn.cost_ns < b->turn.since_ns + b->turn.cost_ns;
}

/* Takes it out of the queue; NULL: nobody's turn now. */
static struct job *
next_job(struct runner *r)
{
	uint64_t now = clock_mono_ns();
	struct job **best = NULL, *j;

	for (struct job **at = &r->queue; *at != NULL; at = &(*at)->next) {
		if (is_over(r, *at, now)) {
			best = at;
			break;
		}
		if (may_run(r, *at) && (best == NULL || goes_before(r, *at, *best)))
			best = at;
	}
	if (best == NULL)
		return NULL;
	j = *best;
	if ((*best = j->next) == NULL)
		r->tail = best;
	return j;
}

/* How long this thread is kept, which is none of those that wait. */
static uint64_t
keep_ns(const struct runner *r)
{
	const struct runner_limits *l = &r->lim;

	if (r->n_idle == 0 && l->keep_one_ns != 0)
		return l->keep_one_ns;
	return l->keep_ns != 0 ? l->keep_ns : r->n_idle == 0 ? KEEP_ONE_NS : KEEP_NS;
}

/*
 * Until a job may run, or the oldest has waited for too long. False: there was none since then, so
 * long that the thread is not kept.
 */
static bool
wait_for_turn(struct runner *r, uint64_t since)
{
	uint64_t due = since + keep_ns(r);
	struct timespec t;
	int no;

	r->n_idle++;
	for (const struct job *j = r->queue; j != NULL; j = j->next)
		if (j == r->queue || j->turn.since_ns + r->lim.wait_ns < due)
			due = j->turn.since_ns + r->lim.wait_ns + 1;
	t = (struct timespec){ (time_t)(due / NS_PER_S), (long)(due % NS_PER_S) };
	no = pthread_cond_timedwait(&r->work, &r->lock, &t);
	r->n_idle--;
	/* The others may have gone meanwhile. */
	return no == 0 || r->queue != NULL || clock_mono_ns() < since + keep_ns(r);
}

/* Without memory for a user's count, the user is taken for one with nothing running. */
static void
count_user(struct runner *r, uint32_t uid, int by)
{
	struct runner_user **at = &r->users, *u = user_of(r, uid);

	if (u == NULL && by > 0 && (u = calloc(1, sizeof *u)) != NULL) {
		*u = (struct runner_user){ r->users, uid, 0 };
		r->users = u;
	}
	if (u == NULL)
		return;
	u->n_running += (unsigned)by;
	if (u->n_running != 0)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	free(u);
}

static void
count_job(struct runner *r, const struct job *j, int by)
{
	r->n_active += (unsigned)by;
	r->n_long += is_long(j) ? (unsigned)by : 0;
	r->reserved += by > 0 ? j->turn.memory : -j->turn.memory;
	count_user(r, j->turn.uid, by);
}

/* ---- threads ---- */

static _Thread_local struct job *running;

static void *runner_main(void *);

/* Under the lock. A thread more if all are busy; queued work waits if none can be had. */
static int
add_thread(struct runner *r, struct err *e)
{
	pthread_attr_t attr;
	pthread_t t;
	int no;

	if (r->n_threads >= MAX_THREADS)
		return 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	no = pthread_create(&t, &attr, runner_main, r);
	pthread_attr_destroy(&attr);
	if (no == 0)
		r->n_threads++;
	else if (r->n_threads == 0)
		return err_set(e, ERR_NOMEM, -1, "no thread for the query");
	return 0;
}

/* Under the lock: somebody looks whether a job that waits may run now. */
static void
call_next(struct runner *r)
{
	if (r->queue == NULL)
		return;
	if (r->n_idle == 0)
		(void)add_thread(r, NULL);
	pthread_cond_signal(&r->work);
}

static void *
runner_main(void *arg)
{
	struct runner *r = arg;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), RUNNER_NICE);
	pthread_mutex_lock(&r->lock);
	for (;;) {
		uint64_t since = clock_mono_ns();
		struct job *j;

		while ((j = next_job(r)) == NULL && !r->stop && wait_for_turn(r, since))
			;
		if (j == NULL)
			break;
		count_job(r, j, 1);
		/* Of two submits that saw this thread idle, both counted on it. */
		call_next(r);
		pthread_mutex_unlock(&r->lock);
		running = j;
		j->fn(j->arg);
		pthread_mutex_lock(&r->lock);
		count_job(r, j, -1);
		free(j);
		/* Its place may do for others who wait, this thread aside. */
		call_next(r);
	}
	r->n_threads--;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int
runner_submit(struct runner *r, void (*fn)(void *), void *arg, const struct turn *turn,
    struct err *e)
{
	struct job *j = malloc(sizeof *j);
	int code = 0;

	if (j == NULL)
		return err_nomem(e);
	*j = (struct job){ NULL, fn, arg, *turn };
	if (turn->since_ns == 0)
		j->turn.since_ns = clock_mono_ns();
	pthread_mutex_lock(&r->lock);
	if (r->stop)
		code = err_set(e, ERR_CANCELLED, -1, "shutting down");
	else if (r->n_idle == 0)
		code = add_thread(r, e);
	if (code == 0) {
		*r->tail = j;
		r->tail = &j->next;
		pthread_cond_signal(&r->work);
	}
	pthread_mutex_unlock(&r->lock);
	if (code != 0)
		free(j);
	return code;
}

void
runner_pause(struct runner *r)
{
	pthread_mutex_lock(&r->lock);
	count_job(r, running, -1);
	call_next(r);
	pthread_mutex_unlock(&r->lock);
}

/* Goes on at once: for a moment more than max_active may run. */
void
runner_resume(struct runner *r)
{
	pthread_mutex_lock(&r->lock);
	count_job(r, running, 1);
	pthread_mutex_unlock(&r->lock);
}
