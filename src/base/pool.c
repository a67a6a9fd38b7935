/* SPDX-License-Identifier: ISC */
/*
 * pool: see base/pool.h. One mutex, `lock`, guards the queue of tasks, the list of loops and
 * every loop's counts of helpers; what is atomic is also looked at without it, as a hint.
 *
 * pool_each costs no allocation, so it can't fail: the loop lives on its caller's stack and
 * stands on a list while there are indexes left to start. Idle workers look at that list
 * before the queue, since a loop is the rest of work that somebody already waits for. The
 * caller takes part, takes the loop off the list and waits for the helpers that joined.
 *
 * Loops follow each other closely, and are short: a thread that sleeps in between, and one that
 * wakes it, cost as much as many of them. So who waits looks for a short time first.
 */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"

/*
 * To wake a thread takes the waker 13 us and the thread another 12 to 30, where the other processor
 * is idle and both are virtual ones; a window of spans is formatted in loops of 400 us, 10 us apart.
 * A thread looks no longer than it was at work, too, so that this never takes more than half.
 */
#define LOOK_NS 50000

struct task {
	struct task *next;
	void (*fn)(void *);
	void *arg;
};

struct loop {
	struct loop *prev, *next;
	void (*fn)(void *, size_t);
	void *arg;
	size_t n;
	atomic_size_t at;		/* the next index to start */
	unsigned width;			/* callers of fn allowed */
	atomic_uint active;		/* and at work */
	pthread_cond_t idle;		/* active became 0 */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;		/* something to do, or `ending` */
	struct task *head, **tail;
	struct loop *loops;
	unsigned n_looking;		/* threads that will find another loop without being woken */
	atomic_uint news;		/* moves on with each loop and task */
	bool ending;
	int nice;
	unsigned n_threads;
	pthread_t threads[];
};

static void
loop_work(struct loop *l)
{
	size_t i;

	while ((i = atomic_fetch_add(&l->at, 1)) < l->n)
		l->fn(l->arg, i);
}

/* A loop that can use one more thread. */
static struct loop *
loop_find(struct pool *p)
{
	for (struct loop *l = p->loops; l != NULL; l = l->next)
		if (l->active < l->width && atomic_load(&l->at) < l->n)
			return l;
	return NULL;
}

static void
relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Looks for something to do for as long as the last loop took, or less. */
static void
look(struct pool *p, uint64_t worked_ns)
{
	unsigned seen = atomic_load(&p->news);
	uint64_t until = clock_mono_ns() + (worked_ns < LOOK_NS ? worked_ns : LOOK_NS);

	p->n_looking++;
	pthread_mutex_unlock(&p->lock);
	while (atomic_load_explicit(&p->news, memory_order_relaxed) == seen &&
	    clock_mono_ns() < until)
		relax();
	pthread_mutex_lock(&p->lock);
	if (p->n_looking > 0)
		p->n_looking--;
}

static void
help(struct pool *p, struct loop *l)
{
	uint64_t t0 = clock_mono_ns();

	atomic_fetch_add(&l->active, 1);
	pthread_mutex_unlock(&p->lock);
	loop_work(l);
	pthread_mutex_lock(&p->lock);
	if (atomic_fetch_sub(&l->active, 1) == 1)
		pthread_cond_signal(&l->idle);
	if (loop_find(p) == NULL && p->head == NULL && !p->ending)
		look(p, clock_mono_ns() - t0);
}

static void
run_first(struct pool *p)
{
	struct task *t = p->head;

	p->head = t->next;
	if (p->head == NULL)
		p->tail = &p->head;
	pthread_mutex_unlock(&p->lock);
	t->fn(t->arg);
	free(t);
	pthread_mutex_lock(&p->lock);
}

static void *
worker(void *arg)
{
	struct pool *p = arg;
	struct loop *l;

	/* On Linux this is the thread's own; that it is refused does no harm. */
	if (p->nice != 0)
		(void)setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + p->nice);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		if ((l = loop_find(p)) != NULL)
			help(p, l);
		else if (p->head != NULL)
			run_first(p);
		else if (p->ending)
			break;
		else
			pthread_cond_wait(&p->work, &p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the program's main thread. */
static int
start_threads(struct pool *p, unsigned n)
{
	sigset_t all, old;
	int code = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (p->n_threads < n && code == 0) {
		code = pthread_create(&p->threads[p->n_threads], NULL, worker, p);
		if (code == 0)
			p->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return code;
}

int
pool_new(unsigned n_threads, int nice, struct pool **out, struct err *e)
{
	struct pool *p;

	if (n_threads == 0)
		n_threads = 1;
	p = calloc(1, sizeof *p + n_threads * sizeof p->threads[0]);
	if (p == NULL)
		return err_nomem(e);
	if (pthread_mutex_init(&p->lock, NULL) != 0) {
		free(p);
		return err_nomem(e);
	}
	if (pthread_cond_init(&p->work, NULL) != 0) {
		pthread_mutex_destroy(&p->lock);
		free(p);
		return err_nomem(e);
	}
	p->tail = &p->head;
	p->nice = nice;
	if (start_threads(p, n_threads) != 0) {
		pool_free(p);
		return err_set(e, ERR_NOMEM, -1, "can't start %u threads", n_threads);
	}
	*out = p;
	return 0;
}

void
pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int
pool_submit(struct pool *p, void (*fn)(void *), void *arg, struct err *e)
{
	struct task *t = malloc(sizeof *t);

	if (t == NULL)
		return err_nomem(e);
	*t = (struct task){ NULL, fn, arg };
	pthread_mutex_lock(&p->lock);
	*p->tail = t;
	p->tail = &t->next;
	atomic_fetch_add(&p->news, 1);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

unsigned
pool_threads(const struct pool *p)
{
	return p->n_threads;
}

static void
loop_list(struct pool *p, struct loop *l)
{
	size_t helpers = l->width - 1 < l->n - 1 ? l->width - 1 : l->n - 1;

	pthread_mutex_lock(&p->lock);
	l->next = p->loops;
	if (p->loops != NULL)
		p->loops->prev = l;
	p->loops = l;
	atomic_fetch_add(&p->news, 1);
	/* Each that looks is counted on by one loop. */
	for (size_t i = 0; i < helpers && i < p->n_threads; i++) {
		if (p->n_looking > 0)
			p->n_looking--;
		else
			pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
}

/* The helpers are at their last indexes. */
static void
await(struct loop *l)
{
	uint64_t until = clock_mono_ns() + LOOK_NS;

	while (atomic_load_explicit(&l->active, memory_order_relaxed) != 0 &&
	    clock_mono_ns() < until)
		relax();
}

static void
loop_unlist(struct pool *p, struct loop *l)
{
	pthread_mutex_lock(&p->lock);
	if (l->prev != NULL)
		l->prev->next = l->next;
	else
		p->loops = l->next;
	if (l->next != NULL)
		l->next->prev = l->prev;
	if (atomic_fetch_sub(&l->active, 1) != 1) {
		pthread_mutex_unlock(&p->lock);
		await(l);
		pthread_mutex_lock(&p->lock);
	}
	while (atomic_load(&l->active) != 0)
		pthread_cond_wait(&l->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void
pool_each(struct pool *p, unsigned width, size_t n, void (*fn)(void *, size_t), void *arg)
{
	struct loop l = { .fn = fn, .arg = arg, .n = n, .width = width, .active = 1 };

	if (p == NULL || width <= 1 || n <= 1 || pthread_cond_init(&l.idle, NULL) != 0) {
		for (size_t i = 0; i < n; i++)
			fn(arg, i);
		return;
	}
	loop_list(p, &l);
	loop_work(&l);
	loop_unlist(p, &l);
	pthread_cond_destroy(&l.idle);
}
