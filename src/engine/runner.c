/* SPDX-License-Identifier: ISC */
/*
 * runner: the threads that make results. Threads are started when needed and kept for the
 * next; at most `max_active` results run at once, the others queue in order of arrival. A
 * streamed result that waits for its reader steps aside (pause), so that a pager left open
 * overnight blocks nobody. Threads run at nice 5: those that answer the kernel go first.
 */

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine_i.h"

#define MAX_THREADS 256
#define RUNNER_NICE 5

struct job {
	struct job *next;
	void (*fn)(void *);
	void *arg;
};

struct runner {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct job *head, **tail;
	unsigned n_threads, n_idle, n_active, max_active;
	bool stop;
};

int
runner_new(unsigned max_active, struct runner **out, struct err *e)
{
	struct runner *r = calloc(1, sizeof *r);

	if (r == NULL)
		return err_nomem(e);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->work, NULL);
	pthread_cond_init(&r->done, NULL);
	r->tail = &r->head;
	r->max_active = max_active;
	*out = r;
	return 0;
}

void
runner_free(struct runner *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->work);
	while (r->n_threads != 0)
		pthread_cond_wait(&r->done, &r->lock);
	pthread_mutex_unlock(&r->lock);
	pthread_cond_destroy(&r->work);
	pthread_cond_destroy(&r->done);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

void
runner_resize(struct runner *r, unsigned max_active)
{
	pthread_mutex_lock(&r->lock);
	r->max_active = max_active;
	pthread_cond_broadcast(&r->work);
	pthread_mutex_unlock(&r->lock);
}

static void *
runner_main(void *arg)
{
	struct runner *r = arg;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), RUNNER_NICE);
	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct job *j;

		while (!(r->head != NULL && (r->n_active < r->max_active || r->stop)) &&
		    !(r->head == NULL && r->stop)) {
			r->n_idle++;
			pthread_cond_wait(&r->work, &r->lock);
			r->n_idle--;
		}
		if ((j = r->head) == NULL)
			break;
		if ((r->head = j->next) == NULL)
			r->tail = &r->head;
		r->n_active++;
		pthread_mutex_unlock(&r->lock);
		j->fn(j->arg);
		free(j);
		pthread_mutex_lock(&r->lock);
		r->n_active--;
	}
	r->n_threads--;
	pthread_cond_signal(&r->done);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

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

int
runner_submit(struct runner *r, void (*fn)(void *), void *arg, struct err *e)
{
	struct job *j = malloc(sizeof *j);
	int code = 0;

	if (j == NULL)
		return err_nomem(e);
	*j = (struct job){ NULL, fn, arg };
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
	r->n_active--;
	if (r->head != NULL && r->n_idle == 0)
		(void)add_thread(r, NULL);
	pthread_cond_signal(&r->work);
	pthread_mutex_unlock(&r->lock);
}

/* Goes on at once: for a moment more than max_active may run. */
void
runner_resume(struct runner *r)
{
	pthread_mutex_lock(&r->lock);
	r->n_active++;
	pthread_mutex_unlock(&r->lock);
}
