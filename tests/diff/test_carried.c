/* SPDX-License-Identifier: ISC */
/*
 * carried: results that are kept over commits. A set of generated paths is asked again and again
 * while commits come, each in some hours only, with spans of old traces and of new ones; each
 * answer must be that of an engine that keeps nothing. And some must have been kept, else this
 * shows nothing. SPANFS_DIFF_QUERIES: how often to ask.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "engine/engine_i.h"
#include "lib/gen_path.h"
#include "lib/gen_span.h"
#include "lib/store_rig.h"
#include "lib/store_vocab.h"
#include "query/name.h"

#define SPANS 1500
#define HOURS 40
#define N_PATHS 120
#define HOUR_NS UINT64_C(3600000000000)

static struct store_rig rig;
static struct buf paths[N_PATHS];
static const struct requester me = { 0, 1 };

/* ---- a result, read whole ---- */

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

/* From the cache, if it is there. */
static int
ask_kept(struct engine *en, const char *text, struct buf *out)
{
	struct err e = ERR_INIT;
	struct result *r;
	struct path *p;
	struct sv file;
	size_t n = 1;
	int code;

	out->n = 0;
	if (path_parse(sv_cstr(text), engine_known_file, &p, &file, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	code = engine_result(en, p, file, me, &r, &e);
	path_unref(p);
	if (code < 0)
		return code;
	while (n != 0 && (code = read_piece(r, out, &n)) == 0)
		;
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

static int
ask_anew(struct engine *en, const char *text, struct buf *out)
{
	out->n = 0;
	return engine_query(en, sv_cstr(text), me, append, out, NULL, NULL);
}

/* ---- the store, and what is asked of it ---- */

static void
open_engine(struct engine **en, struct conf **conf, bool keep)
{
	const char *sets[] = { "mount.now=2026-11-22T04:00:00Z", "result_cache.ttl=1h",
		"query.threads=2", keep ? "result_cache.enabled=yes" : "result_cache.enabled=no",
		"browse.strict_names=no" };
	struct err e = ERR_INIT;

	assert_int_equal(conf_load(NULL, sets, sizeof sets / sizeof *sets, conf, &e), 0);
	if (engine_open(*conf, rig.dir, false, en, &e) < 0)
		fail_msg("%s", e.msg);
}

/* Commit k: of some hour, with spans of traces that there are and, by turns, of others. */
static void
commit(unsigned k)
{
	struct gen_span_options o = { .seed = 77 + k, .range_ns = HOUR_NS / 2,
		.start_ns = STORE_RIG_START + hash_u64(k) % HOURS * HOUR_NS, .n_services = k % 3 + 1,
		.n_traces = k % 2 != 0 ? SPANS / 6 : 4000, .n_keys = 24 };
	struct span_batch batch;
	struct gen_span g;

	span_batch_init(&batch);
	gen_span_init(&g, &o);
	assert_true(gen_span_add(&g, &batch, 5));
	store_rig_add(&rig, &batch, 64);
	span_batch_release(&batch);
}

/* Half of them in some hours only. */
static void
make_paths(struct engine *en)
{
	struct vocab words;
	struct arena a;
	uint64_t seed = 5;

	arena_init(&a);
	store_vocab(en, &rig, &a, &words);
	for (size_t i = 0; i < N_PATHS; i++) {
		const char *file = vocab_file(i);
		uint64_t from = STORE_RIG_START + hash_u64(i) % HOURS * HOUR_NS;

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

static void
every_answer_is_of_its_state(void **state)
{
	const char *env = getenv("SPANFS_DIFF_QUERIES");
	long n = env != NULL ? strtol(env, NULL, 10) : 2000;
	struct buf kept = BUF_INIT, anew = BUF_INIT;
	struct engine *keeps, *none;
	struct conf *kc, *nc;

	(void)state;
	store_rig_init(&rig, 9, SPANS, HOURS, 3, 64);
	open_engine(&keeps, &kc, true);
	open_engine(&none, &nc, false);
	make_paths(none);
	for (long i = 0; i < n; i++) {
		uint64_t r = hash_u64((uint64_t)i);
		const char *path;
		int a, b;

		/* Some are asked far more often than others. */
		path = paths[r % (r >> 32 & 1 ? N_PATHS : N_PATHS / 8)].p;
		if (i % 20 == 19)
			commit((unsigned)(i / 20));
		a = ask_kept(keeps, path, &kept);
		b = ask_anew(none, path, &anew);
		if (a != b || kept.n != anew.n || (a == 0 && memcmp(kept.p, anew.p, kept.n) != 0))
			fail_msg("question %ld, %s: %d, %zu bytes are kept; %d, %zu now", i, path, a,
			    kept.n, b, anew.n);
	}
	print_message("%llu answers of %ld were there, %llu of them carried over commits\n",
	    (unsigned long long)atomic_load(&keeps->counters.cache_hits), n,
	    (unsigned long long)atomic_load(&keeps->counters.cache_carried));
	assert_true(atomic_load(&keeps->counters.cache_carried) > (unsigned long)n / 50);
	assert_true(atomic_load(&keeps->counters.cache_misses) > (unsigned long)n / 50);
	engine_close(keeps);
	engine_close(none);
	conf_free(kc);
	conf_free(nc);
	store_rig_release(&rig);
	buf_release(&kept);
	buf_release(&anew);
	for (size_t i = 0; i < N_PATHS; i++)
		buf_release(&paths[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_is_of_its_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
