/* SPDX-License-Identifier: ISC */
/*
 * fs_follower: an open follow.jsonl: a thread of its own makes the lines of the next commit ahead
 * of the reads, about HELD_BYTES of them, and sleeps when there is none or nobody reads.
 *
 * What is made is given, to reads in their order, before the end or a failure is told. Everything
 * is under fs.follow.lock but the making of lines and the answers: the engine is called without
 * it, and calls back (stir) under a lock of its own.
 *
 * A follower is freed by the last who holds it: its thread, the handle, calls that wait.
 */
#include "fs_i.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HELD_BYTES ((size_t)256 << 10)
#define FOLLOWER_NICE 5

struct follower_wait {
	struct follower_wait *next;
	size_t max;
	result_fn fn;
	void *arg;
	int code;		/* of the answer, once it is taken */
	struct buf piece;
};

/* ---- under the lock ---- */

static size_t
held(const struct follower *f)
{
	return f->made.n - f->taken;
}

/* There is something to give, or nothing will ever be. */
static bool
ready(const struct follower *f)
{
	return held(f) != 0 || f->ended || f->made.oom;
}

static bool
is_over(const struct follower *f)
{
	return f->stop || f->cancelled || f->fs->follow.over;
}

/* All is given. What a very long line took is not kept. */
static void
forget_made(struct follower *f)
{
	f->taken = f->made.n = 0;
	if (f->made.cap > 4 * HELD_BYTES)
		buf_release(&f->made);
}

/* Up to max bytes, or none at the end; <0: what came after them. Of one that is ready. */
static int
take(struct follower *f, size_t max, struct buf *out)
{
	size_t n = held(f) < max ? held(f) : max;

	if (f->made.oom)
		return ERR_NOMEM;
	if (n == 0)
		return f->code;
	buf_put(out, f->made.p + f->taken, n);
	if (out->oom)
		return ERR_NOMEM;
	f->taken += n;
	if (f->taken == f->made.n)
		forget_made(f);
	pthread_cond_broadcast(&f->fs->follow.moved);
	return 0;
}

/* Those who are to hear of it, taken out: to be told under no lock. */
struct told {
	struct follower_wait *waits;
	struct fuse_pollhandle *poll;
};

static struct told
take_told(struct follower *f)
{
	struct told t = { NULL, NULL };
	struct follower_wait **end = &t.waits, *w;

	while (ready(f) && (w = f->waits) != NULL) {
		if ((f->waits = w->next) == NULL)
			f->tail = &f->waits;
		w->code = take(f, w->max, &w->piece);
		w->next = NULL;
		*end = w;
		end = &w->next;
	}
	if (ready(f)) {
		t.poll = f->poll;
		f->poll = NULL;
	}
	return t;
}

/* ---- under no lock ---- */

static void
tell(struct told t)
{
	struct follower_wait *w;

	if (t.poll != NULL) {
		(void)fuse_lowlevel_notify_poll(t.poll);
		fuse_pollhandle_destroy(t.poll);
	}
	while ((w = t.waits) != NULL) {
		t.waits = w->next;
		w->fn(w->arg, w->code, w->piece.p, w->piece.n);
		buf_release(&w->piece);
		free(w);
	}
}

struct follower *
follower_ref(struct follower *f)
{
	pthread_mutex_lock(&f->fs->follow.lock);
	f->refs++;
	pthread_mutex_unlock(&f->fs->follow.lock);
	return f;
}

void
follower_unref(struct follower *f)
{
	bool last;

	pthread_mutex_lock(&f->fs->follow.lock);
	last = --f->refs == 0;
	pthread_mutex_unlock(&f->fs->follow.lock);
	if (!last)
		return;
	if (f->poll != NULL)
		fuse_pollhandle_destroy(f->poll);
	node_unref(f->fs, f->node);
	buf_release(&f->made);
	free(f);
}

/* ---- the thread: lines are made ---- */

static int
add(struct follower *f, const void *p, size_t n, struct err *e)
{
	struct told t;
	int code;

	pthread_mutex_lock(&f->fs->follow.lock);
	if (f->taken > f->made.n / 2) {
		memmove(f->made.p, f->made.p + f->taken, held(f));
		f->made.n -= f->taken;
		f->taken = 0;
	}
	buf_put(&f->made, p, n);
	code = buf_ok(&f->made, e);
	t = take_told(f);
	pthread_mutex_unlock(&f->fs->follow.lock);
	tell(t);
	return code;
}

/* Waits for the reader. */
static int
step(void *arg, struct err *e)
{
	struct follower *f = arg;
	bool over;

	pthread_mutex_lock(&f->fs->follow.lock);
	while (held(f) >= HELD_BYTES && !is_over(f))
		pthread_cond_wait(&f->fs->follow.moved, &f->fs->follow.lock);
	over = is_over(f);
	pthread_mutex_unlock(&f->fs->follow.lock);
	return over ? err_set(e, ERR_CANCELLED, -1, "cancelled") : 0;
}

/* Of n bytes, which are lines, those that are added at once: HELD_BYTES, or one that is longer. */
static size_t
some_lines(const char *p, size_t n)
{
	const char *end;

	if (n <= HELD_BYTES)
		return n;
	if ((end = memrchr(p, '\n', HELD_BYTES)) == NULL)
		end = memchr(p, '\n', n);
	return end == NULL ? n : (size_t)(end - p) + 1;
}

/* A batch may be large: it waits for the reader by itself. What is cut short ends with a line. */
static int
put(void *arg, const void *bytes, size_t n, struct err *e)
{
	const char *p = bytes;
	int code = 0;

	while (n != 0 && (code = step(arg, e)) == 0) {
		size_t some = some_lines(p, n);

		if ((code = add(arg, p, some, e)) < 0)
			break;
		p += some;
		n -= some;
	}
	return code;
}

/* Under the lock: until there may be a commit. */
static void
await_commit(struct follower *f, uint64_t seen)
{
	while (f->fs->follow.n_commits == seen && !is_over(f))
		pthread_cond_wait(&f->fs->follow.moved, &f->fs->follow.lock);
}

/* Under the lock, which is given up while lines are made: until the end, and why it ended. */
static int
follow(struct follower *f, struct err *err)
{
	const struct follow_out out = { put, step, f };
	struct fs *fs = f->fs;
	uint64_t seen;
	int code = 0;

	while (!is_over(f) && code >= 0 && code != FOLLOW_END) {
		if (held(f) >= HELD_BYTES) {
			pthread_cond_wait(&fs->follow.moved, &fs->follow.lock);
			continue;
		}
		seen = fs->follow.n_commits;
		pthread_mutex_unlock(&fs->follow.lock);
		code = following_next(f->at, &out, err);
		pthread_mutex_lock(&fs->follow.lock);
		if (code == FOLLOW_WAIT)
			await_commit(f, seen);
	}
	if (f->stop || fs->follow.over || code == FOLLOW_END)
		return 0;
	return f->cancelled ? err_set(err, ERR_CANCELLED, -1, "cancelled") : code;
}

/* Under the lock: it is at its end. What the engine had of it is the caller's to close. */
static struct following *
end(struct follower *f, int code)
{
	struct following *at = f->at;

	f->code = code;
	f->ended = true;
	f->at = NULL;
	*(f->prev != NULL ? &f->prev->next : &f->fs->follow.followers) = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	return at;
}

static void *
follower_main(void *arg)
{
	struct follower *f = arg;
	struct fs *fs = f->fs;
	struct err err = ERR_INIT;
	struct following *at;
	struct told t;
	int code;

	setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), FOLLOWER_NICE);
	pthread_mutex_lock(&fs->follow.lock);
	code = follow(f, &err);
	at = end(f, code);
	t = take_told(f);
	pthread_mutex_unlock(&fs->follow.lock);
	if (code < 0)
		note_error(fs, f->node->parent, f->node->name, false, f->who, &err);
	tell(t);
	following_close(at);
	follower_unref(f);
	followers_leave(fs);	/* only now may the mount be taken down */
	return NULL;
}

/* The engine's: somebody cancelled it. */
static void
stir(void *arg)
{
	struct follower *f = arg;

	pthread_mutex_lock(&f->fs->follow.lock);
	f->cancelled = true;
	pthread_cond_broadcast(&f->fs->follow.moved);
	pthread_mutex_unlock(&f->fs->follow.lock);
}

/* ---- open, read, leave ---- */

static int
start_thread(struct follower *f, struct err *e)
{
	struct fs *fs = f->fs;
	pthread_attr_t attr;
	pthread_t t;
	int no;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	no = pthread_create(&t, &attr, follower_main, f);
	pthread_attr_destroy(&attr);
	if (no == 0)
		return 0;
	pthread_mutex_lock(&fs->follow.lock);
	f->at = end(f, 0);
	pthread_mutex_unlock(&fs->follow.lock);
	return err_set(e, ERR_NOMEM, -1, "no thread to be had");
}

int
follower_open(struct fs *fs, struct node *x, struct requester who, struct follower **out,
    struct err *e)
{
	struct follower *f = calloc(1, sizeof *f);
	struct follow_hook hook = { stir, f };
	int code;

	if (f == NULL)
		return err_nomem(e);
	*f = (struct follower){ .fs = fs, .who = who, .refs = 2 };
	f->tail = &f->waits;
	buf_init(&f->made);
	if ((code = following_open(fs->engine, node_dir_path(x), who, &hook, &f->at, e)) < 0) {
		free(f);
		return code;
	}
	/* Its thread looks at the store before it waits, so no commit comes between the two. */
	if ((code = followers_join(fs, f, e)) < 0) {
		following_close(f->at);
		free(f);
		return code;
	}
	f->node = node_ref(fs, x);
	if ((code = start_thread(f, e)) < 0) {
		following_close(f->at);
		node_unref(fs, x);
		followers_leave(fs);
		free(f);
		return code;
	}
	*out = f;
	return 0;
}

void
follower_close(struct follower *f)
{
	pthread_mutex_lock(&f->fs->follow.lock);
	f->stop = true;
	if (f->at != NULL)
		following_cancel(f->at);
	pthread_cond_broadcast(&f->fs->follow.moved);
	pthread_mutex_unlock(&f->fs->follow.lock);
	follower_unref(f);
}

int
follower_take(struct follower *f, size_t max, struct buf *out)
{
	int code = FOLLOWER_NOTHING;

	pthread_mutex_lock(&f->fs->follow.lock);
	if (f->waits == NULL && ready(f))
		code = take(f, max, out);
	pthread_mutex_unlock(&f->fs->follow.lock);
	return code;
}

int
follower_read(struct follower *f, size_t max, result_fn fn, void *arg,
    struct follower_wait **wait, struct err *e)
{
	struct follower_wait *w = calloc(1, sizeof *w);
	struct told t;

	if (w == NULL)
		return err_nomem(e);
	*w = (struct follower_wait){ .max = max, .fn = fn, .arg = arg };
	buf_init(&w->piece);
	pthread_mutex_lock(&f->fs->follow.lock);
	*f->tail = w;
	f->tail = &w->next;
	*wait = w;
	t = take_told(f);
	pthread_mutex_unlock(&f->fs->follow.lock);
	tell(t);
	return 0;
}

bool
follower_wait_cancel(struct follower *f, struct follower_wait *w)
{
	struct follower_wait **at;

	pthread_mutex_lock(&f->fs->follow.lock);
	for (at = &f->waits; *at != NULL && *at != w; at = &(*at)->next)
		;
	if (*at == NULL)
		w = NULL;
	else if ((*at = w->next) == NULL)
		f->tail = at;
	pthread_mutex_unlock(&f->fs->follow.lock);
	free(w);
	return w != NULL;
}

bool
follower_poll(struct follower *f, struct fuse_pollhandle *poll)
{
	struct fuse_pollhandle *old = poll;
	bool is_ready;

	pthread_mutex_lock(&f->fs->follow.lock);
	is_ready = ready(f);
	if (!is_ready && poll != NULL) {
		old = f->poll;
		f->poll = poll;
	}
	pthread_mutex_unlock(&f->fs->follow.lock);
	if (old != NULL)
		fuse_pollhandle_destroy(old);
	return is_ready;
}
