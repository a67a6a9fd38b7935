/* SPDX-License-Identifier: ISC */
/* ask: see ask.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "base/hash.h"
#include "lib/ask.h"
#include "lib/gen_path.h"
#include "lib/store_vocab.h"
#include "query/name.h"

#define HOUR_NS UINT64_C(3600000000000)

static const struct requester me = { 0, 1 };

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool called;
	int code;
	struct buf *out;
	size_t n;
};

static void
on_read(void *arg, int code, const void *data, size_t n)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->called = true;
	w->code = code;
	w->n = n;
	buf_put(w->out, data, n);
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

static int
read_piece(struct result *r, struct buf *out, size_t *n)
{
	struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .out = out };

	assert_int_equal(result_read(r, out->n, 1 << 16, on_read, &w, NULL, NULL), 0);
	pthread_mutex_lock(&w.lock);
	while (!w.called)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	*n = w.n;
	return w.code;
}

/* Its reader is answered before its end: what is kept of it, and put elsewhere. */
static void
wait_settled(struct result *r)
{
	const struct timespec t = { 0, 100000 };
	bool settled = false;

	while (!settled) {
		pthread_mutex_lock(&r->lock);
		settled = r->settled;
		pthread_mutex_unlock(&r->lock);
		if (!settled)
			nanosleep(&t, NULL);
	}
}

int
ask_read(struct result *r, struct buf *out)
{
	size_t n = 1;
	int code = 0;

	out->n = 0;
	result_note_open(r);
	while (n != 0 && (code = read_piece(r, out, &n)) == 0)
		;
	wait_settled(r);
	return code;
}

int
ask_result(struct engine *en, const char *text, struct buf *out, struct result **held)
{
	struct err e = ERR_INIT;
	struct result *r;
	struct path *p;
	struct sv file;
	int code;

	out->n = 0;
	*held = NULL;
	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	code = engine_result(en, p, file, me, &r, &e);
	path_unref(p);
	if (code < 0)
		return code;
	*held = r;
	return ask_read(r, out);
}

int
ask_kept(struct engine *en, const char *text, struct buf *out)
{
	struct result *r;
	int code = ask_result(en, text, out, &r);

	if (r != NULL)
		result_unref(r);
	return code;
}

static int
append(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_put(arg, p, n);
	return 0;
}

int
ask_anew(struct engine *en, const char *text, struct buf *out)
{
	out->n = 0;
	return engine_query(en, sv_cstr(text), me, append, out, NULL, NULL);
}

void
ask_paths_make(struct engine *en, const struct store_rig *rig, unsigned hours, struct buf *paths,
    size_t n_paths)
{
	struct vocab words;
	struct arena a;
	uint64_t seed = 5;

	arena_init(&a);
	store_vocab(en, (struct store_rig *)(uintptr_t)rig, &a, &words);
	for (size_t i = 0; i < n_paths; i++) {
		const char *file = vocab_file(i);
		uint64_t from = STORE_RIG_START + hash_u64(i) % hours * HOUR_NS;

		words.flags = vocab_file_flags(file);
		if (i % 2 == 0) {
			words.flags &= ~GEN_PATH_TIME;
			buf_printf(&paths[i], "/since/%llu/until/%llu", (unsigned long long)from,
			    (unsigned long long)(from + 6 * HOUR_NS));
		}
		if (i % 3 == 0) {
			BUF_LIT(&paths[i], "/service/");
			name_encode(&paths[i], words.services.v[i % words.services.n]);
		}
		gen_path(&seed, &words, &paths[i]);
		buf_printf(&paths[i], paths[i].p[paths[i].n - 1] == '/' ? "%s" : "/%s", file);
		buf_putc(&paths[i], '\0');
	}
	arena_release(&a);
}

void
ask_paths_release(struct buf *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_release(&paths[i]);
}
