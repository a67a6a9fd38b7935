/* SPDX-License-Identifier: ISC */
/*
 * following: follow.jsonl: the matching spans of the commits to come, one commit after the
 * other, each as spans.jsonl would have them if the store were that commit's spans alone; but
 * traces are looked at whole, as they are when the commit is come to.
 *
 * A follower is no more than the generation that it has come to. Shards know the commit that
 * they came with, so the next commit is found in the newest snapshot however many have passed:
 * a reader that is slow, or stopped for a day, has nothing kept for it and loses nothing.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/file_watch.h"
#include "base/visible.h"
#include "engine_i.h"

static const char follow_file[] = "follow.jsonl";

bool
engine_is_followed(struct sv file)
{
	return sv_is(file, follow_file);
}

/* ---- the list ---- */

static void
enlist(struct engine *en, struct following *f)
{
	pthread_mutex_lock(&en->lock);
	f->id = en->next_id++;
	f->next = en->followings;
	if (f->next != NULL)
		f->next->prev = f;
	en->followings = f;
	pthread_mutex_unlock(&en->lock);
}

static void
delist(struct engine *en, struct following *f)
{
	pthread_mutex_lock(&en->lock);
	*(f->prev != NULL ? &f->prev->next : &en->followings) = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	pthread_mutex_unlock(&en->lock);
}

/* ---- open, close ---- */

int
following_open(struct engine *en, const struct path *path, struct requester who,
    const struct follow_hook *hook, struct following **out, struct err *e)
{
	struct following *f = calloc(1, sizeof *f);
	struct request *r;
	int code;

	if (f == NULL)
		return err_nomem(e);
	if ((code = request_new(en, (struct path *)(uintptr_t)path, sv_cstr(follow_file), &r,
	    e)) < 0) {
		free(f);
		return code;
	}
	if (en->source != NULL) {
		request_free(r);
		free(f);
		return err_set(e, ERR_UNSUPPORTED, -1, "%s is of a store, whose commits it follows; a "
		    "server has none", follow_file);
	}
	f->engine = en;
	f->path = path_ref(r->path);
	f->who = who;
	f->hook = *hook;
	f->since_ns = clock_mono_ns();
	f->generation = r->world->snap->generation;
	f->left = r->query->limit;
	f->stop = &f->cancel;
	request_free(r);
	enlist(en, f);
	*out = f;
	return 0;
}

void
following_cancel(struct following *f)
{
	atomic_store(&f->cancel, true);
}

void
following_close(struct following *f)
{
	delist(f->engine, f);
	path_unref(f->path);
	free(f);
}

/* ---- the next commit ---- */

/* The first commit after that one of which the snapshot has shards; 0: there is none. */
static uint64_t
commit_after(const struct snapshot *s, uint64_t generation)
{
	uint64_t next = 0;

	for (size_t i = 0; i < s->n_shards; i++) {
		uint64_t g = s->shards[i].generation;

		if (g > generation && (next == 0 || g < next))
			next = g;
	}
	return next;
}

/* Whether there was a commit at all, without a look at the shards. */
static int
newest_generation(struct engine *en, uint64_t *out, struct err *e)
{
	struct world *w;
	int code = engine_world(en, &w, e);

	if (code < 0)
		return code;
	*out = w->snap->generation;
	world_unref(w);
	return 0;
}

/* What is left of the path's limit. */
static int
limit_to(struct request *r, uint64_t left, struct err *e)
{
	struct query *q = arena_new(&r->arena, struct query);

	if (q == NULL)
		return err_nomem(e);
	*q = *r->query;
	q->limit = left;
	r->query = q;
	return 0;
}

struct follow_sink {
	struct following *f;
	const struct follow_out *out;
};

static int
put(void *arg, const void *p, size_t n, struct err *e)
{
	struct follow_sink *s = arg;
	int code = s->out->put(s->out->arg, p, n, e);	/* which may wait for who reads */

	if (code == 0)
		atomic_fetch_add(&s->f->bytes, n);
	return code;
}

static int
step(void *arg, const struct profile *p, struct err *e)
{
	struct follow_sink *s = arg;

	(void)p;
	return s->out->step == NULL ? 0 : s->out->step(s->out->arg, e);
}

static int
run_commit(struct following *f, struct request *r, uint64_t generation,
    const struct follow_out *out, struct err *e)
{
	uint64_t deadline = clock_mono_ns() + conf_u64(f->engine->conf, CONF_QUERY_TIMEOUT);
	struct follow_sink to = { f, out };
	struct sink sink = { .put = put, .step = step, .arg = &to };
	struct run_info info;
	int code;

	/* It is no query of its own: not counted, and what is decided for so little is not kept. */
	r->shadow = true;
	request_only(r, generation);
	if ((code = limit_to(r, f->left, e)) < 0 ||
	    (code = run_request(r, &sink, deadline, f->stop, &info, e)) < 0)
		return code;
	atomic_fetch_add(&f->rows, info.n_rows);
	f->left -= f->left == UINT64_MAX ? 0 : info.n_rows;
	f->generation = generation;
	return 0;
}

/* Of a mark it was asked at the beginning: what comes after that came after the mark. */
static const struct query_mark before_all = { 0 };

int
following_next(struct following *f, const struct follow_out *out, struct err *e)
{
	uint64_t newest, next;
	struct request *r;
	int code;

	if (f->left == 0)
		return FOLLOW_END;
	if (atomic_load(f->stop))
		return err_set(e, ERR_CANCELLED, -1, "cancelled");
	if ((code = newest_generation(f->engine, &newest, e)) < 0)
		return code;
	if (newest == f->generation)
		return FOLLOW_WAIT;
	if ((code = request_marked(f->engine, f->path, sv_cstr(follow_file), &before_all, &r, e)) < 0)
		return code;
	if ((next = commit_after(r->world->snap, f->generation)) != 0)
		code = run_commit(f, r, next, out, e);
	else
		f->generation = r->world->snap->generation;
	request_free(r);
	return code;
}

/* ---- waiting for one ---- */

struct commit_watch {
	struct file_watch files;
};

int
commit_watch_open(struct engine *en, struct commit_watch **out, struct err *e)
{
	struct commit_watch *w = malloc(sizeof *w);

	if (w == NULL)
		return err_nomem(e);
	file_watch_init(&w->files, en->store);
	*out = w;
	return 0;
}

void
commit_watch_wait(struct commit_watch *w, int wake)
{
	file_watch_wait(&w->files, wake);
}

void
commit_watch_close(struct commit_watch *w)
{
	if (w == NULL)
		return;
	file_watch_release(&w->files);
	free(w);
}

/* ---- the whole thing in one call ---- */

static int
follow_on(struct following *f, const struct follow_out *out, struct commit_watch *w,
    struct err *e)
{
	int code;

	while ((code = following_next(f, out, e)) >= 0 && code != FOLLOW_END)
		if (code == FOLLOW_WAIT)
			commit_watch_wait(w, -1);
	return code < 0 ? code : 0;
}

int
engine_follow(struct engine *en, const struct path *path, struct requester who,
    const struct follow_out *out, const atomic_bool *cancel, struct err *e)
{
	const struct follow_hook hook = { 0 };
	struct commit_watch *w = NULL;
	struct following *f;
	int code;

	/* Before it begins: no commit may come between the two. */
	if ((code = commit_watch_open(en, &w, e)) < 0)
		return code;
	if ((code = following_open(en, path, who, &hook, &f, e)) == 0) {
		if (cancel != NULL)
			f->stop = cancel;
		code = follow_on(f, out, w, e);
		following_close(f);
	}
	commit_watch_close(w);
	return code;
}

/* ---- .spanfs ---- */

void
followings_print(struct engine *en, struct requester asks, struct buf *out)
{
	uint64_t now = clock_mono_ns();
	struct buf path = BUF_INIT;

	pthread_mutex_lock(&en->lock);
	for (const struct following *f = en->followings; f != NULL; f = f->next) {
		if (!may_see(asks, f->who))
			continue;
		buf_printf(out, "%llu\t%u\t%u\tfollowing\t%llu\t%llu\t%llu\t-\t-\t",
		    (unsigned long long)f->id, f->who.uid, f->who.pid,
		    (unsigned long long)((now - f->since_ns) / 1000000),
		    (unsigned long long)atomic_load(&f->rows),
		    (unsigned long long)atomic_load(&f->bytes));
		path.n = 0;
		path_print(&path, f->path);
		visible_text(out, buf_view(&path), 0);
		BUF_LIT(out, "\n");
	}
	pthread_mutex_unlock(&en->lock);
	out->oom |= path.oom;
	buf_release(&path);
}

bool
followings_cancel(struct engine *en, uint64_t id, struct requester who, int *code)
{
	struct following *f = en->followings;

	while (f != NULL && f->id != id)
		f = f->next;
	if (f == NULL)
		return false;
	*code = who.uid != 0 && who.uid != f->who.uid ? ERR_ACCESS : 0;
	if (*code == 0) {
		following_cancel(f);
		if (f->hook.stir != NULL)
			f->hook.stir(f->hook.arg);
	}
	return true;
}
