/* SPDX-License-Identifier: ISC */
/*
 * fs_call: a request that waits for a result, from the moment the engine is asked to the
 * reply. Nothing blocks: the engine calls back from a thread of its own.
 *
 * A call ends in exactly one of two ways: the engine answers (fired), or somebody gives it up
 * and the engine confirms that it will not answer (result_wait_cancel). Whoever wins replies.
 *
 * Interrupts. The kernel sends INTERRUPT for any signal that a waiting program catches, and
 * sends it once. A program that the signal ends is answered EINTR at once; one that merely
 * handles a timer must not lose its read, so it waits on, but since no second INTERRUPT would
 * come for a later Ctrl-C, it is looked after by the attendant thread (calls_watch). Who follows
 * (CALL_FOLLOW) is answered EINTR for a handler's signal, too.
 *
 * Of what a reader waits for in the page cache the kernel sends no INTERRUPT: it asked for those
 * pages ahead, and does not tell of the release before they are answered. So the attendant looks
 * after all such reads that wait: pages that nobody is left for fail, and who else wants them asks again.
 *
 * libfuse holds req's lock while it runs the interrupt function, and fuse_reply does not take
 * it. So the function may reply itself, and the other side calls fuse_req_interrupt_func with
 * NULL before it replies, which waits for a running function to leave.
 */
#include "fs_i.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/vec.h"

#define MAX_PIECES 64	/* of one read of a finished result */

/* ---- life ---- */

struct call *
call_new(fuse_req_t req, enum call_kind kind, call_done *done, struct node *x,
    struct result *res)
{
	struct call *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	c->fs = fs_of(req);
	c->req = req;
	c->who = requester_of(req);
	c->kind = kind;
	c->done = done;
	c->node = x;
	c->res = res;
	c->refs = 1;
	c->begun_ns = clock_mono_ns();
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static void
call_ref(struct call *c)
{
	pthread_mutex_lock(&c->lock);
	c->refs++;
	pthread_mutex_unlock(&c->lock);
}

static void
call_unref(struct call *c)
{
	struct fs *fs = c->fs;
	bool last;

	pthread_mutex_lock(&c->lock);
	last = --c->refs == 0;
	pthread_mutex_unlock(&c->lock);
	if (!last)
		return;
	if (c->res != NULL)
		result_unref(c->res);
	if (c->follower != NULL)
		follower_unref(c->follower);
	node_unref(fs, c->node);
	buf_release(&c->got);
	pthread_mutex_destroy(&c->lock);
	free(c);
	/* Only now may the mount be taken down. */
	pthread_mutex_lock(&fs->calls_lock);
	fs->n_calls--;
	pthread_cond_broadcast(&fs->calls_gone);
	pthread_mutex_unlock(&fs->calls_lock);
}

static void
call_link(struct call *c)
{
	struct fs *fs = c->fs;

	pthread_mutex_lock(&fs->calls_lock);
	c->next = fs->calls;
	if (c->next != NULL)
		c->next->prev = c;
	fs->calls = c;
	fs->n_calls++;
	pthread_mutex_unlock(&fs->calls_lock);
}

static void
call_unlink(struct call *c)
{
	struct fs *fs = c->fs;

	pthread_mutex_lock(&fs->calls_lock);
	*(c->prev != NULL ? &c->prev->next : &fs->calls) = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	pthread_mutex_unlock(&fs->calls_lock);
}

/* After the reply: off the list, and the reference of whoever was to reply. */
static void
call_end(struct call *c)
{
	call_unlink(c);
	call_unref(c);
}

void
call_error(struct call *c, int code, struct err *e)
{
	result_error(c->res, e);
	if (e->code == 0)
		(void)err_set(e, code, -1, "%s", err_name(code));
}

/* ---- dying programs ---- */

static uint64_t
signal_bit(int sig)
{
	return 1ull << (sig - 1);
}

/* A line "Key:\t<hex>" of /proc/PID/status. */
static uint64_t
status_mask(struct sv text, const char *key)
{
	int64_t at = sv_find(text, sv_cstr(key));
	uint64_t v = 0;

	if (at < 0)
		return 0;
	for (size_t i = (size_t)at + strlen(key); i < text.n && text.p[i] != '\n'; i++) {
		char ch = text.p[i];

		if (ch >= '0' && ch <= '9')
			v = v << 4 | (uint64_t)(ch - '0');
		else if (ch >= 'a' && ch <= 'f')
			v = v << 4 | (uint64_t)(ch - 'a' + 10);
	}
	return v;
}

/* Those that will do something to it. */
static uint64_t
pending_signals(struct sv text)
{
	uint64_t pending = status_mask(text, "\nSigPnd:") | status_mask(text, "\nShdPnd:");

	return pending & ~status_mask(text, "\nSigBlk:") & ~status_mask(text, "\nSigIgn:");
}

/* Those that end no program. */
static uint64_t
harmless_signals(void)
{
	return signal_bit(SIGCHLD) | signal_bit(SIGCONT) | signal_bit(SIGURG) |
	    signal_bit(SIGWINCH) | signal_bit(SIGSTOP) | signal_bit(SIGTSTP) |
	    signal_bit(SIGTTIN) | signal_bit(SIGTTOU);
}

bool
status_is_dying(struct sv text)
{
	const uint64_t asks = signal_bit(SIGINT) | signal_bit(SIGTERM) | signal_bit(SIGHUP) |
	    signal_bit(SIGQUIT) | signal_bit(SIGKILL);
	uint64_t caught = status_mask(text, "\nSigCgt:");

	return (pending_signals(text) & (asks | ~(caught | harmless_signals()))) != 0;
}

bool
status_is_over(struct sv text)
{
	int64_t at = sv_find(text, SV("\nState:\t"));
	char state = at < 0 || (size_t)at + 8 >= text.n ? '\0' : text.p[at + 8];

	return state == 'Z' || state == 'X';
}

bool
status_is_signalled(struct sv text)
{
	return (pending_signals(text) & ~harmless_signals()) != 0;
}

size_t
process_status(pid_t pid, char *text, size_t size)
{
	char name[64];
	ssize_t n;
	int fd;

	if (pid <= 0)
		return 0;	/* of another pid namespace: nothing can be known */
	snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
	if ((fd = open(name, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	n = read(fd, text, size);
	close(fd);
	return n <= 0 ? 0 : (size_t)n;
}

bool
process_is_dying(pid_t pid)
{
	char text[8192];
	size_t n = process_status(pid, text, sizeof text);

	return n == 0 || status_is_dying(sv_new(text, n));
}

/*
 * The thread is no more, or is told to end. One that can't be looked at (of another pid namespace, of
 * another user with hidepid) is taken to read on.
 */
static bool
reader_is_gone(pid_t pid)
{
	char text[8192];
	size_t n;

	if (pid <= 0)
		return false;
	if (kill(pid, 0) != 0 && errno == ESRCH)
		return true;
	n = process_status(pid, text, sizeof text);
	return n != 0 && (status_is_over(sv_new(text, n)) || status_is_dying(sv_new(text, n)));
}

/* ---- giving up ---- */

/*
 * True if the program does not want to wait on. For what is followed a handler's signal is enough:
 * the next span may never come, and the read that is given up has taken nothing.
 */
static bool
wants_out(const struct call *c)
{
	char text[8192];
	size_t n;

	if (c->kind != CALL_FOLLOW)
		return process_is_dying((pid_t)c->who.pid);
	n = process_status((pid_t)c->who.pid, text, sizeof text);
	return n == 0 || status_is_signalled(sv_new(text, n));
}

static bool
cancel_wait(struct call *c)
{
	return c->kind == CALL_FOLLOW ? follower_wait_cancel(c->follower, c->wait) :
	    result_wait_cancel(c->res, c->wait);
}

/* True if the call is ours to answer: the engine will not. */
static bool
call_give_up(struct call *c)
{
	bool ours = false;

	pthread_mutex_lock(&c->lock);
	if (!c->fired && c->wait != NULL && cancel_wait(c)) {
		c->fired = true;
		c->wait = NULL;
		ours = true;
	}
	pthread_mutex_unlock(&c->lock);
	return ours;
}

/* libfuse's interrupt function; req's lock is held. */
static void
on_interrupt(fuse_req_t req, void *arg)
{
	struct call *c = arg;

	pthread_mutex_lock(&c->lock);
	c->interrupted = true;
	pthread_mutex_unlock(&c->lock);
	if (wants_out(c) && call_give_up(c)) {
		fuse_reply_err(req, EINTR);
		call_end(c);
	} else
		fs_kick(c->fs);
}

/* Calls fn for every call, with a reference held and no lock. False: for want of memory not for all. */
static bool
each_call(struct fs *fs, void (*fn)(struct call *, void *), void *arg)
{
	struct call **all = NULL;
	size_t n = 0, cap = 0;
	bool whole = true;

	pthread_mutex_lock(&fs->calls_lock);
	for (struct call *c = fs->calls; c != NULL; c = c->next)
		if (n < cap || vec_grow((void **)&all, &cap, n + 1, sizeof *all)) {
			/* Linked, so its last reference is not gone yet; see call_end. */
			call_ref(c);
			all[n++] = c;
		} else
			whole = false;
	pthread_mutex_unlock(&fs->calls_lock);
	for (size_t i = 0; i < n; i++) {
		fn(all[i], arg);
		call_unref(all[i]);
	}
	free(all);
	return whole;
}

static void
watch_one(struct call *c, void *arg)
{
	bool *left = arg, interrupted, reads;

	pthread_mutex_lock(&c->lock);
	interrupted = c->interrupted && !c->fired;
	reads = c->ahead && c->wait != NULL;
	pthread_mutex_unlock(&c->lock);
	if (!interrupted && !reads)
		return;
	*left = true;
	if ((interrupted ? wants_out(c) : reader_is_gone((pid_t)c->who.pid)) && call_give_up(c)) {
		fuse_req_interrupt_func(c->req, NULL, NULL);
		fuse_reply_err(c->req, EINTR);
		call_end(c);
	}
}

bool
calls_watch(struct fs *fs)
{
	bool left = false;

	/* First: whoever comes from here on is seen, or wakes the attendant. */
	atomic_store(&fs->watched, false);
	if (!each_call(fs, watch_one, &left))
		left = true;
	if (left)
		atomic_store(&fs->watched, true);
	return left;
}

static void
end_one(struct call *c, void *arg)
{
	(void)arg;
	if (call_give_up(c)) {
		fuse_req_interrupt_func(c->req, NULL, NULL);
		fuse_reply_err(c->req, EIO);
		call_end(c);
	}
}

void
calls_end(struct fs *fs)
{
	struct timespec until;

	pthread_mutex_lock(&fs->calls_lock);
	while (fs->n_calls != 0) {
		pthread_mutex_unlock(&fs->calls_lock);
		(void)each_call(fs, end_one, NULL);
		pthread_mutex_lock(&fs->calls_lock);
		if (fs->n_calls == 0)
			break;
		/* Those left were being answered, or had no wait yet: look again soon. */
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 20000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&fs->calls_gone, &fs->calls_lock, &until);
	}
	pthread_mutex_unlock(&fs->calls_lock);
}

/* ---- asking ---- */

static void call_ask(struct call *);

/*
 * A result of known size may come in pieces; the page cache takes a short answer for the end of
 * the file, so they are gathered. True if the rest has been asked for.
 */
static bool
gather(struct call *c, int code, const void *data, size_t n)
{
	struct result_info info;

	if (c->kind != CALL_READ || code < 0 || n == 0 || n >= c->want ||
	    c->n_pieces == MAX_PIECES)
		return false;
	info = result_info(c->res);
	if (!info.known || c->off + n >= info.size)
		return false;
	buf_put(&c->got, data, n);
	c->off += n;
	c->want -= n;
	c->n_pieces++;
	pthread_mutex_lock(&c->lock);
	c->fired = false;
	pthread_mutex_unlock(&c->lock);
	call_ask(c);
	return true;
}

/* The engine's answer, on any thread, perhaps inside call_ask. */
static void
answered(void *arg, int code, const void *data, size_t n)
{
	struct call *c = arg;

	pthread_mutex_lock(&c->lock);
	c->fired = true;
	c->wait = NULL;
	pthread_mutex_unlock(&c->lock);
	if (gather(c, code, data, n))
		return;
	fuse_req_interrupt_func(c->req, NULL, NULL);
	c->done(c, code, data, n);
	call_end(c);
}

static void
call_ask(struct call *c)
{
	struct follower_wait *lines = NULL;
	struct result_wait *wait = NULL;
	struct err err = ERR_INIT;
	bool interrupted = false, reads = false;
	int code = 0;

	call_ref(c);
	switch (c->kind) {
	case CALL_STAT:
		code = result_stat(c->res, answered, c, &wait, &err);
		break;
	case CALL_SIZE:
		code = result_size(c->res, answered, c, &wait, &err);
		break;
	case CALL_OPEN:
		code = result_open(c->res, answered, c, &wait, &err);
		break;
	case CALL_READ:
		code = result_read(c->res, c->off, c->want, answered, c, &wait, &err);
		break;
	case CALL_FOLLOW:
		code = follower_read(c->follower, c->want, answered, c, &lines, &err);
		break;
	}
	if (code < 0) {
		answered(c, code, NULL, 0);
	} else {
		pthread_mutex_lock(&c->lock);
		if (!c->fired)
			c->wait = c->kind == CALL_FOLLOW ? (void *)lines : (void *)wait;
		/* An interrupt that came before there was something to give up. */
		interrupted = c->interrupted && !c->fired;
		reads = c->ahead && !c->fired;
		pthread_mutex_unlock(&c->lock);
	}
	if (interrupted || (reads && !atomic_exchange(&c->fs->watched, true)))
		fs_kick(c->fs);
	call_unref(c);
}

void
call_start(struct call *c)
{
	call_link(c);
	fuse_req_interrupt_func(c->req, on_interrupt, c);
	call_ask(c);
}
