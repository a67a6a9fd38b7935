/* SPDX-License-Identifier: ISC */
/*
 * stub_engine: engine.h with synthetic results, to try the mount without a store:
 *
 *     stub_engine DIR MOUNTPOINT [lazy]
 *
 * A program of its own, linked with base, query and fs; not part of any library. What a file
 * holds is said by the service in its path:
 *
 *   bigN      N MiB, line by line           slowN     small, after N ms, not cheap
 *   cheapN    small, after N ms, cheap      streamN   a line every N ms, for ever
 *   failN     fails (time limit) after N ms midfail   64 KiB, then an I/O error
 *   laterN    small, of a size that is known at once, its bytes after N ms
 *   gone      ENOENT from engine_result     tick      another content at every question
 *   same      another result at every question, of the same content
 *   turn      the same, of other content of the same length after each bump
 *   others    the path and file name, at once
 *
 * .spanfs/control takes `bump` (tick's next content) and `refuse`; .spanfs/queries says how
 * many results run, so that tests see what was cancelled; .spanfs/errors what was noted.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "fs/fs.h"

struct engine {
	pthread_mutex_t lock;
	struct buf errors;
	unsigned running, started, reads;
	uint64_t next_id, generation;
};

struct result_wait {
	struct result_wait *next;
	enum { STAT, OPEN, READ } kind;
	uint64_t off;
	size_t n;
	result_fn fn;
	void *arg;
};

struct result {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned refs, users;	/* users: refs but the thread's */
	struct engine *engine;
	struct buf content;	/* all of it if done */
	struct result_wait *waits;
	struct result_info info;
	struct err err;
	char kind[16];
	uint64_t param;
	bool started, cancel;
};

/* ---- making ---- */

static void
give_back(struct result *r, bool user)
{
	bool last;

	pthread_mutex_lock(&r->lock);
	if (user && --r->users == 0) {
		r->cancel = true;
		pthread_cond_broadcast(&r->cond);
	}
	last = --r->refs == 0;
	pthread_mutex_unlock(&r->lock);
	if (!last)
		return;
	buf_release(&r->content);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->cond);
	free(r);
}

static bool
is_ready(const struct result *r, const struct result_wait *w)
{
	if (r->info.done)
		return true;
	if (w->kind == READ)
		return r->content.n > w->off;
	return r->info.known || (w->kind == OPEN && r->info.streaming);
}

static void
answer(struct result *r, struct result_wait *w)
{
	size_t n = 0;
	char *copy = NULL;
	int code = r->info.code;

	if (w->kind == READ) {
		pthread_mutex_lock(&r->lock);
		n = w->off >= r->content.n ? 0 : (size_t)(r->content.n - w->off);
		n = n < w->n ? n : w->n;
		/* In pieces, to see that they are gathered. */
		n = n > 100000 ? 100000 : n;
		copy = malloc(n + 1);
		if (n != 0) {
			memcpy(copy, r->content.p + w->off, n);
			code = 0;
		}
		pthread_mutex_unlock(&r->lock);
	}
	w->fn(w->arg, code, copy, code < 0 ? 0 : n);
	free(copy);
	free(w);
}

/* Answers those who can be. */
static void
serve_waits(struct result *r)
{
	struct result_wait *taken = NULL, **p = &r->waits, *w;

	pthread_mutex_lock(&r->lock);
	while ((w = *p) != NULL)
		if (is_ready(r, w)) {
			*p = w->next;
			w->next = taken;
			taken = w;
		} else
			p = &w->next;
	pthread_mutex_unlock(&r->lock);
	while ((w = taken) != NULL) {
		taken = w->next;
		answer(r, w);
	}
}

/* Sleeps unless cancelled; false if cancelled. */
static bool
nap(struct result *r, uint64_t ms)
{
	struct timespec t;
	bool cancel;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += (time_t)(ms / 1000);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	pthread_mutex_lock(&r->lock);
	while (!r->cancel && pthread_cond_timedwait(&r->cond, &r->lock, &t) == 0)
		;
	cancel = r->cancel;
	pthread_mutex_unlock(&r->lock);
	return !cancel;
}

static bool
is_kind(const struct result *r, const char *kind)
{
	return strcmp(r->kind, kind) == 0;
}

static void
put_line(struct result *r, uint64_t i)
{
	pthread_mutex_lock(&r->lock);
	buf_printf(&r->content, "{\"line\":%llu,\"service\":\"%s\"}\n",
	    (unsigned long long)i, r->kind);
	r->info.available = r->content.n;
	pthread_mutex_unlock(&r->lock);
}

static void
put_lines(struct result *r, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		put_line(r, i);
}

static void
produce(struct result *r)
{
	int code = 0;

	if (is_kind(r, "stream") || is_kind(r, "midfail")) {
		pthread_mutex_lock(&r->lock);
		r->info.streaming = true;
		pthread_mutex_unlock(&r->lock);
		for (uint64_t i = 0; nap(r, r->param); i++) {
			put_line(r, i);
			serve_waits(r);
			if (is_kind(r, "midfail") && r->content.n > 65536)
				break;
		}
		code = is_kind(r, "midfail") ? err_set(&r->err, ERR_IO, -1,
		    "shard 7: damaged") : ERR_CANCELLED;
	} else if (!nap(r, r->param))
		code = ERR_CANCELLED;
	else if (is_kind(r, "fail"))
		code = err_set(&r->err, ERR_TIMEOUT, -1, "over [query] timeout");
	else
		put_lines(r, 1000);
	pthread_mutex_lock(&r->lock);
	r->info.done = true;
	r->info.known = code == 0;
	r->info.streaming = false;
	r->info.code = code;
	r->info.size = code == 0 ? r->content.n : 0;
	pthread_mutex_unlock(&r->lock);
}

static void *
run(void *arg)
{
	struct result *r = arg;
	struct engine *en = r->engine;

	produce(r);
	pthread_mutex_lock(&en->lock);
	en->running--;
	pthread_mutex_unlock(&en->lock);
	serve_waits(r);
	give_back(r, false);
	return NULL;
}

static void
start(struct result *r)
{
	pthread_t t;
	bool mine;

	pthread_mutex_lock(&r->lock);
	mine = !r->started && !r->info.done;
	r->started = true;
	if (mine)
		r->refs++;
	pthread_mutex_unlock(&r->lock);
	if (!mine)
		return;
	pthread_mutex_lock(&r->engine->lock);
	r->engine->running++;
	r->engine->started++;
	pthread_mutex_unlock(&r->engine->lock);
	if (pthread_create(&t, NULL, run, r) != 0)
		abort();
	pthread_detach(t);
}

/* ---- the interface ---- */

void
result_ref(struct result *r)
{
	pthread_mutex_lock(&r->lock);
	r->refs++;
	r->users++;
	pthread_mutex_unlock(&r->lock);
}

void
result_unref(struct result *r)
{
	give_back(r, true);
}

/* "slow300" into "slow" and 300. */
static void
take_service(struct result *r, struct sv path)
{
	int64_t at = sv_find(path, SV("service/"));
	struct sv word;
	size_t n = 0;

	if (at < 0)
		return;
	path = sv_sub(path, (size_t)at + 8, path.n);
	(void)sv_cut(&path, '/', &word);
	while (n < word.n && n < sizeof r->kind - 1 && word.p[n] >= 'a' && word.p[n] <= 'z') {
		r->kind[n] = word.p[n];
		n++;
	}
	(void)sv_u64(sv_sub(word, n, word.n), &r->param);
}

static void
fill(struct result *r, struct sv path, struct sv file, uint64_t generation)
{
	if (is_kind(r, "big"))
		for (uint64_t i = 0; r->content.n < r->param << 20; i++)
			put_line(r, i);
	else if (is_kind(r, "tick"))
		for (uint64_t i = 0; i < 100 + generation * 50; i++)
			buf_printf(&r->content, "generation %llu\n",
			    (unsigned long long)generation);
	else if (is_kind(r, "turn"))
		buf_printf(&r->content, "turn %llu\n", (unsigned long long)(generation % 10));
	else if (is_kind(r, "later")) {
		put_lines(r, 1000);
		r->info.known = true;
		r->info.size = r->content.n;
		r->content.n = 0;
		return;
	} else if (is_kind(r, "slow") || is_kind(r, "cheap") || is_kind(r, "stream") ||
	    is_kind(r, "midfail") || is_kind(r, "fail"))
		return;
	else
		buf_printf(&r->content, "%.*s %.*s\n", SV_ARG(path), SV_ARG(file));
	r->info.done = r->info.known = true;
	r->info.size = r->content.n;
}

int
engine_result(struct engine *en, const struct path *path, struct sv file,
    struct requester who, struct result **out, struct err *e)
{
	struct result *r = calloc(1, sizeof *r);
	struct buf text = BUF_INIT;
	uint64_t generation;

	(void)who;
	if (r == NULL)
		return err_nomem(e);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->cond, NULL);
	r->refs = r->users = 1;
	r->engine = en;
	path_print(&text, path);
	take_service(r, buf_view(&text));
	pthread_mutex_lock(&en->lock);
	r->info.id = ++en->next_id;
	generation = en->generation;
	pthread_mutex_unlock(&en->lock);
	/* The settled ones are the same each time. */
	if (is_kind(r, "same") || is_kind(r, "turn"))
		r->info.id += 1u << 21;
	else if (!is_kind(r, "tick"))
		r->info.id = 1u << 20;
	else
		r->info.id = generation + 1;
	r->info.mtime_ns = 1763700000000000000ull + (is_kind(r, "turn") ? 0 : generation);
	fill(r, buf_view(&text), file, generation);
	buf_release(&text);
	r->info.cheap = r->info.done || is_kind(r, "cheap");
	if (is_kind(r, "gone") || sv_is(file, "tree.txt")) {
		give_back(r, true);
		return err_set(e, ERR_UNKNOWN, -1, "no service 'gone' in the store");
	}
	*out = r;
	return 0;
}

struct result_info
result_info(struct result *r)
{
	struct result_info i;

	pthread_mutex_lock(&r->lock);
	i = r->info;
	pthread_mutex_unlock(&r->lock);
	return i;
}

void
result_error(struct result *r, struct err *e)
{
	*e = r->err;
}

static int
wait_for(struct result *r, int kind, uint64_t off, size_t n, result_fn fn, void *arg,
    struct result_wait **wait)
{
	struct result_wait *w = calloc(1, sizeof *w);

	w->kind = kind;
	w->off = off;
	w->n = n;
	w->fn = fn;
	w->arg = arg;
	if (wait != NULL)
		*wait = w;
	pthread_mutex_lock(&r->lock);
	w->next = r->waits;
	r->waits = w;
	r->refs++;
	pthread_mutex_unlock(&r->lock);
	start(r);
	serve_waits(r);
	give_back(r, false);
	return 0;
}

int
result_stat(struct result *r, result_fn fn, void *arg, struct result_wait **w, struct err *e)
{
	(void)e;
	return wait_for(r, STAT, 0, 0, fn, arg, w);
}

int
result_size(struct result *r, result_fn fn, void *arg, struct result_wait **w, struct err *e)
{
	(void)e;
	return wait_for(r, OPEN, 0, 0, fn, arg, w);
}

int
result_open(struct result *r, result_fn fn, void *arg, struct result_wait **w, struct err *e)
{
	(void)e;
	return wait_for(r, OPEN, 0, 0, fn, arg, w);
}

int
result_read(struct result *r, uint64_t off, size_t n, result_fn fn, void *arg,
    struct result_wait **w, struct err *e)
{
	(void)e;
	pthread_mutex_lock(&r->engine->lock);
	r->engine->reads++;
	pthread_mutex_unlock(&r->engine->lock);
	return wait_for(r, READ, off, n, fn, arg, w);
}

uint64_t
result_digest(struct result *r, uint64_t max)
{
	return r->info.done && r->info.code == 0 && r->content.n <= max ?
	    hash_seeded(r->content.p, r->content.n) : 0;
}

bool
result_wait_cancel(struct result *r, struct result_wait *w)
{
	struct result_wait **p;

	pthread_mutex_lock(&r->lock);
	for (p = &r->waits; *p != NULL && *p != w; p = &(*p)->next)
		;
	if (*p != NULL)
		*p = w->next;
	else
		w = NULL;
	pthread_mutex_unlock(&r->lock);
	free(w);
	return w != NULL;
}

int
result_xattr(struct result *r, struct sv name, struct buf *out, struct err *e)
{
	if (sv_is(name, "query"))
		buf_str(out, "/stub");
	else if (sv_is(name, "rows") && r->info.done)
		buf_str(out, "1");
	else
		return err_set(e, ERR_UNKNOWN, -1, "no such attribute");
	return 0;
}

bool
engine_known_file(struct sv name)
{
	static const char *const files[] = { "spans.jsonl", "spans.csv", "traces.jsonl",
	    "count", "plan", "query", "follow.jsonl", "groups.csv", "info.json", "~%more",
	    "tree.txt" };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (sv_is(name, files[i]))
			return true;
	return false;
}

void
result_note_open(struct result *r)
{
	(void)r;
}

void
result_note_read(struct result *r, uint64_t off, uint64_t n)
{
	(void)r;
	(void)off;
	(void)n;
}

/* Nothing is followed here: follow.jsonl is a result among others. */
bool
engine_is_followed(struct sv file)
{
	(void)file;
	return false;
}

int
following_open(struct engine *en, const struct path *path, struct requester who,
    const struct follow_hook *hook, struct following **out, struct err *e)
{
	(void)en, (void)path, (void)who, (void)hook, (void)out;
	return err_set(e, ERR_UNSUPPORTED, -1, "nothing is followed here");
}

int
following_next(struct following *f, const struct follow_out *out, struct err *e)
{
	(void)f, (void)out;
	return err_set(e, ERR_UNSUPPORTED, -1, "nothing is followed here");
}

void
following_cancel(struct following *f)
{
	(void)f;
}

void
following_close(struct following *f)
{
	(void)f;
}

int
commit_watch_open(struct engine *en, struct commit_watch **out, struct err *e)
{
	(void)en, (void)out;
	return err_set(e, ERR_UNSUPPORTED, -1, "nothing is committed here");
}

void
commit_watch_wait(struct commit_watch *w, int wake)
{
	(void)w, (void)wake;
}

void
commit_watch_close(struct commit_watch *w)
{
	(void)w;
}

struct listing {
	struct arena *a;
	struct entry *v;
	size_t n;
};

static void
add(struct listing *l, const char *name, enum entry_kind kind)
{
	l->v[l->n++] = (struct entry){ arena_sv(l->a, sv_cstr(name)), kind };
}

static void
add_keyword(void *arg, const char *keyword)
{
	add(arg, keyword, ENTRY_LINK);
}

int
engine_list(struct engine *en, const struct path *path, struct arena *a,
    struct entry **out, size_t *n, struct err *e)
{
	static const char *const services[] = { "ad", "big1", "cheap20", "checkout" };
	struct path_view v = path_view(path);
	struct listing l = { a, arena_array(a, 2000, struct entry), 0 };
	char name[32];

	(void)en;
	if (l.v == NULL)
		return err_nomem(e);
	if (v.state == PATH_ARG && strcmp(v.keyword, "service") == 0)
		for (size_t i = 0; i < 4; i++)
			add(&l, services[i], ENTRY_DIR);
	else if (v.state == PATH_ARG && v.in_shards) {
		add(&l, v.arg == 0 ? "2026-11-20" : "13", ENTRY_DIR);
		add(&l, v.arg == 0 ? "2026-11-21" : "14", ENTRY_DIR);
	} else if (v.state == PATH_ARG)
		for (int i = 0; i < 1000; i++) {
			snprintf(name, sizeof name, "value%04d", i);
			add(&l, name, v.arg == 0 ? ENTRY_DIR : ENTRY_LINK);
		}
	else {
		if (v.complete && !v.is_root) {
			add(&l, "count", ENTRY_FILE);
			add(&l, "plan", ENTRY_FILE);
			add(&l, "spans.jsonl", ENTRY_FILE);
		}
		path_keywords(path, add_keyword, &l);
	}
	*out = l.v;
	*n = l.n;
	return 0;
}

int
engine_check_step(struct engine *en, const struct path *path, struct err *e)
{
	(void)en;
	(void)path;
	(void)e;
	return 0;
}

uint64_t
engine_dir_mtime(struct engine *en, const struct path *path)
{
	(void)en;
	(void)path;
	return 1763700000000000000ull;
}

int
engine_control_file(struct engine *en, struct sv name, struct requester asks, struct buf *out,
    struct err *e)
{
	(void)asks;
	pthread_mutex_lock(&en->lock);
	if (sv_is(name, "errors"))
		buf_sv(out, buf_view(&en->errors));
	else
		buf_printf(out, "running %u\nstarted %u\nreads %u\n", en->running, en->started,
		    en->reads);
	pthread_mutex_unlock(&en->lock);
	return buf_ok(out, e);
}

const char *
engine_control_name(size_t i)
{
	static const char *const names[] = { "config", "errors", "metrics", "queries" };

	return i < sizeof names / sizeof *names ? names[i] : NULL;
}

const char *
engine_stats_name(size_t i)
{
	return i == 0 ? "fields" : NULL;
}

int
engine_control(struct engine *en, struct sv line, struct requester who, struct err *e)
{
	(void)who;
	if (!sv_is(line, "bump"))
		return err_set(e, ERR_SYNTAX, -1, "expected bump");
	pthread_mutex_lock(&en->lock);
	en->generation++;
	pthread_mutex_unlock(&en->lock);
	return 0;
}

void
engine_note_error(struct engine *en, struct sv path, struct requester who,
    const struct err *err)
{
	pthread_mutex_lock(&en->lock);
	buf_printf(&en->errors, "pid %u: %.*s: %s (at %lld)\n", who.pid, SV_ARG(path),
	    err->msg, (long long)err->off);
	pthread_mutex_unlock(&en->lock);
}

static int
ready(void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	printf("ready\n");
	fflush(stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	struct engine en = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct fs_callbacks cb = { ready, NULL, NULL };
	struct err err = ERR_INIT;
	struct fs_opts o = {
		.threads = 4,
		.entry_timeout_ns = 60000000000ull,
		.stat_budget_ns = 100000000,
		.readahead_bytes = 1 << 20,
		.readme = "This is a stub.\n",
	};

	if (argc < 3) {
		fprintf(stderr, "usage: stub_engine DIR MOUNTPOINT [lazy]\n");
		return 2;
	}
	o.store = argv[1];
	o.mountpoint = argv[2];
	o.sizes_lazy = argc > 3 && strcmp(argv[3], "lazy") == 0;
	if (fs_mount(&en, &o, &cb, &err) < 0) {
		fprintf(stderr, "stub_engine: %s\n", err.msg);
		return 1;
	}
	buf_release(&en.errors);
	return 0;
}
