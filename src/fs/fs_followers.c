/* SPDX-License-Identifier: ISC */
/*
 * fs_followers: what the followers of a mount share: a thread that waits for commits and wakes
 * theirs, from the first of them on, and the end of all. Everything under fs.follow.lock.
 */
#include "fs_i.h"

#include <sys/eventfd.h>
#include <unistd.h>

#define FOLLOWERS_MAX 256

/* ---- the thread that waits for commits ---- */

static void *
watch_main(void *arg)
{
	struct fs *fs = arg;

	pthread_mutex_lock(&fs->follow.lock);
	while (!fs->follow.over) {
		if (fs->follow.n_threads == 0) {
			pthread_cond_wait(&fs->follow.moved, &fs->follow.lock);
			continue;
		}
		pthread_mutex_unlock(&fs->follow.lock);
		commit_watch_wait(fs->follow.watch, fs->follow.wake);
		pthread_mutex_lock(&fs->follow.lock);
		fs->follow.n_commits++;
		pthread_cond_broadcast(&fs->follow.moved);
	}
	pthread_mutex_unlock(&fs->follow.lock);
	return NULL;
}

/* Under the lock. */
static int
start_watch(struct fs *fs, struct err *e)
{
	int code;

	if (fs->follow.watching)
		return 0;
	if (fs->follow.wake < 0 && (fs->follow.wake = eventfd(0, EFD_CLOEXEC)) < 0)
		return err_errno(e, "eventfd");
	if (fs->follow.watch == NULL &&
	    (code = commit_watch_open(fs->engine, &fs->follow.watch, e)) < 0)
		return code;
	if (pthread_create(&fs->follow.watcher, NULL, watch_main, fs) != 0)
		return err_set(e, ERR_NOMEM, -1, "no thread to be had");
	fs->follow.watching = true;
	return 0;
}

/* ---- coming and going ---- */

/* Under the lock. Where other users may come in, too, one is left half of what they leave. */
static int
check_room(const struct fs *fs, const struct follower *f, struct err *e)
{
	unsigned own = 0, most;

	for (const struct follower *o = fs->follow.followers; o != NULL; o = o->next)
		own += o->who.uid == f->who.uid;
	most = FOLLOWERS_MAX + own - fs->follow.n_threads;
	if (fs->opts->allow_other)
		most = (most + 1) / 2;
	if (fs->follow.n_threads < FOLLOWERS_MAX && own < most)
		return 0;
	return err_set(e, ERR_BUSY, -1, "follow.jsonl: open %u times already, %u by this user",
	    fs->follow.n_threads, own);
}

int
followers_join(struct fs *fs, struct follower *f, struct err *e)
{
	int code;

	pthread_mutex_lock(&fs->follow.lock);
	if ((code = check_room(fs, f, e)) == 0 && (code = start_watch(fs, e)) == 0) {
		fs->follow.n_threads++;
		if ((f->next = fs->follow.followers) != NULL)
			f->next->prev = f;
		fs->follow.followers = f;
		pthread_cond_broadcast(&fs->follow.moved);
	}
	pthread_mutex_unlock(&fs->follow.lock);
	return code;
}

void
followers_leave(struct fs *fs)
{
	pthread_mutex_lock(&fs->follow.lock);
	fs->follow.n_threads--;
	pthread_cond_broadcast(&fs->follow.moved);
	pthread_mutex_unlock(&fs->follow.lock);
}

/* ---- the mount ---- */

void
followers_init(struct fs *fs)
{
	pthread_mutex_init(&fs->follow.lock, NULL);
	pthread_cond_init(&fs->follow.moved, NULL);
	fs->follow.wake = -1;
}

void
followers_end(struct fs *fs)
{
	pthread_mutex_lock(&fs->follow.lock);
	fs->follow.over = true;
	for (struct follower *f = fs->follow.followers; f != NULL; f = f->next)
		following_cancel(f->at);
	pthread_cond_broadcast(&fs->follow.moved);
	if (fs->follow.wake >= 0)
		(void)eventfd_write(fs->follow.wake, 1);
	pthread_mutex_unlock(&fs->follow.lock);
}

void
followers_release(struct fs *fs)
{
	followers_end(fs);
	pthread_mutex_lock(&fs->follow.lock);
	while (fs->follow.n_threads != 0)
		pthread_cond_wait(&fs->follow.moved, &fs->follow.lock);
	pthread_mutex_unlock(&fs->follow.lock);
	if (fs->follow.watching)
		pthread_join(fs->follow.watcher, NULL);
	fs->follow.watching = false;
	commit_watch_close(fs->follow.watch);
	fs->follow.watch = NULL;
	if (fs->follow.wake >= 0)
		close(fs->follow.wake);
	fs->follow.wake = -1;
}
