/* SPDX-License-Identifier: ISC */
/*
 * result_shared: the cache L2: results that the mounts of a store share, in a Redis. A result that a
 * runner's thread is to make is looked for there first, and put there once it was made. Its key has
 * all that its bytes depend on: the program's version, the settings and the shards that matter, by
 * their bytes (request_version_by_bytes), `now`, and the query; the store is in every key of
 * redis/store_redis.h. So nothing there is ever stale.
 *
 * What a thread that answers the kernel makes itself takes about as long as asking would: it is
 * left out, and that thread waits for no server.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "result_i.h"

/* A store that had no identity may have one since its last commit. */
static void
look_for_identity(struct engine *en, uint64_t generation)
{
	struct err why = ERR_INIT;

	if (!redis_lacks_secret(en->redis) ||
	    atomic_exchange(&en->redis_at, generation) == generation)
		return;
	if (store_redis_set(en->redis, en->conf, catalog_fsys(en->catalog), &why) < 0)
		log_warn("%s", why.msg);
}

static bool
may_share(const struct request *rq)
{
	struct engine *en = rq->engine;

	if (rq->here || rq->kind != FILE_FORMAT ||
	    !conf_bool(en->conf, CONF_RESULT_CACHE_ENABLED))
		return false;
	look_for_identity(en, rq->world->snap->generation);
	return redis_usable(en->redis);
}

/* False: there is none. */
static bool
make_key(struct request *rq, struct buf *key)
{
	struct hash128 version;

	if (request_version_by_bytes(rq, &version, NULL) < 0 || !has_version(version))
		return false;
	BUF_LIT(key, PACKAGE_VERSION);
	buf_putc(key, '\0');
	buf_hex64(key, version.hi);
	buf_hex64(key, version.lo);
	buf_hex64(key, rq->now);
	buf_sv(key, buf_view(&rq->key));
	return !key->oom;
}

/* What is there for the request; *s borrows from the text. The key is made in any case where one can be. */
static bool
find(struct request *rq, struct buf *key, struct buf *text, struct shared_result *s)
{
	struct sv name;
	bool found;

	if (!may_share(rq) || !make_key(rq, key))
		return false;
	name = buf_view(key);
	return redis_get_within(rq->engine->redis, &name, 1, text, &found, &rq->waits->ns) == 1 &&
	    shared_result_unpack(buf_view(text), s);
}

/* What the run would have given, or (code) that it can't be. */
static int
take(struct request *rq, const struct shared_result *s, const struct sink *sink,
    struct run_info *info, struct err *e)
{
	int code = expect_fresh(rq, e);

	*info = (struct run_info){ .n_rows = s->n_rows, .n_shown = s->n_shown,
	    .n_unpriced = s->n_unpriced, .n_bytes = s->bytes.n, .shared = true };
	if (code == 0)
		code = expect_rows(rq, s->n_shown, e);
	rq->note.n = 0;
	buf_sv(&rq->note, s->note);
	if (code == 0)
		code = buf_ok(&rq->note, e);
	if (code == 0 && s->bytes.n != 0)
		code = sink->put(sink->arg, s->bytes.p, s->bytes.n, e);
	info->complete = code == 0;
	return code;
}

static bool
get(struct request *rq, const struct sink *sink, struct buf *key, struct run_info *info, int *code,
    struct err *e)
{
	struct buf text = BUF_INIT;
	struct shared_result s;
	bool found = find(rq, key, &text, &s);

	if (found)
		*code = take(rq, &s, sink, info, e);
	buf_release(&text);
	return found;
}

bool
request_shared_get(struct request *rq, const struct sink *sink, struct run_info *info, int *code,
    struct err *e)
{
	struct buf key = BUF_INIT;
	bool found = get(rq, sink, &key, info, code, e);

	buf_release(&key);
	return found;
}

/* For who wants it forgotten. */
static void
note_key(struct result *r, struct sv key)
{
	pthread_mutex_lock(&r->lock);
	r->shared_key.n = 0;
	buf_sv(&r->shared_key, key);
	if (r->shared_key.oom)
		buf_release(&r->shared_key);
	pthread_mutex_unlock(&r->lock);
}

bool
result_shared_get(struct result *r, const struct sink *sink, struct run_info *info, int *code,
    struct err *e)
{
	struct buf key = BUF_INIT;
	bool found = !r->sized && blob_size(&r->blob) == 0 &&
	    get(r->request, sink, &key, info, code, e);

	if (found)
		note_key(r, buf_view(&key));
	buf_release(&key);
	return found;
}

static void
begin_text(const struct request *rq, const struct run_info *info, struct buf *text)
{
	const struct shared_result s = { .n_rows = info->n_rows, .n_shown = info->n_shown,
	    .n_unpriced = info->n_unpriced, .note = buf_view(&rq->note) };

	shared_result_pack(text, &s);
}

void
request_shared_put(struct request *rq, const struct run_info *info, struct sv bytes)
{
	struct buf key = BUF_INIT, text = BUF_INIT;

	if (info->shared || info->inexact || !may_share(rq) || !make_key(rq, &key))
		goto out;
	begin_text(rq, info, &text);
	buf_sv(&text, bytes);
	if (!text.oom)
		redis_put(rq->engine->redis, buf_view(&key), &text);
out:
	buf_release(&key);
	buf_release(&text);
}

/* The blob behind what is said of it. */
static bool
pack(struct result *r, struct buf *text)
{
	size_t n = (size_t)blob_size(&r->blob), got;

	begin_text(r->request, &r->info, text);
	if (!buf_reserve(text, n) || text->oom ||
	    blob_read(&r->blob, 0, text->p + text->n, n, &got, NULL) < 0 || got != n)
		return false;
	text->n += n;
	return true;
}

void
result_shared_put(struct result *r)
{
	struct buf key = BUF_INIT, text = BUF_INIT;

	if (r->info.shared || blob_size(&r->blob) > conf_u64(r->engine->conf, CONF_REDIS_MAX_VALUE) ||
	    !may_share(r->request))
		return;
	if (make_key(r->request, &key) && pack(r, &text)) {
		redis_put(r->engine->redis, buf_view(&key), &text);
		note_key(r, buf_view(&key));
	}
	buf_release(&key);
	buf_release(&text);
}

/* ---- where an answer would come from ---- */

/* It is in memory, whole. */
static bool
is_kept(struct request *rq)
{
	struct engine *en = rq->engine;
	uint64_t now = clock_mono_ns(), ttl = conf_u64(en->conf, CONF_RESULT_CACHE_TTL);
	uint64_t made_after = now > ttl ? now - ttl : 0;
	struct hash128 version;
	struct result *r;
	bool kept;

	if (!conf_bool(en->conf, CONF_RESULT_CACHE_ENABLED))
		return false;
	if (request_version(rq, &version, NULL) < 0)
		version = NO_VERSION;
	pthread_mutex_lock(&en->lock);
	r = results_find(&en->results, buf_view(&rq->key), made_after, rq->world->id, rq->now);
	if (r == NULL && (r = results_find_version(&en->results, buf_view(&rq->key), made_after,
	    rq->now)) != NULL && (!has_version(version) || r->version.hi != version.hi ||
	    r->version.lo != version.lo))
		r = NULL;
	kept = r != NULL && r->done;
	pthread_mutex_unlock(&en->lock);
	return kept;
}

const char *
request_kept_at(const struct request *of)
{
	struct buf key = BUF_INIT, text = BUF_INIT;
	const char *level = NULL;
	struct shared_result s;
	struct request *rq;

	if (of->query->has_mark || of->rules_off != 0 || of->format == NULL ||
	    request_new(of->engine, of->path, sv_cstr(of->format->file), &rq, NULL) < 0)
		return NULL;
	rq->here = of->here;
	if (is_kept(rq))
		level = "l1";
	else if (find(rq, &key, &text, &s))
		level = "l2";
	buf_release(&key);
	buf_release(&text);
	request_free(rq);
	return level;
}

/* ---- parts of answers ---- */

#define PART_KEY_BYTES (5 + 2 * 16)
#define PARTS_AT_ONCE 4		/* half a MiB each, of percentiles */

static void
part_key(struct buf *b, struct hash128 key)
{
	BUF_LIT(b, "part");
	buf_putc(b, '\0');
	buf_hex64(b, key.hi);
	buf_hex64(b, key.lo);
}

static void
get_parts(void *arg, const struct hash128 *keys, size_t n, struct buf *outs, bool *found)
{
	struct redis_waits *w = arg;
	uint64_t timeout = conf_u64(w->engine->conf, CONF_REDIS_TIMEOUT);
	struct sv *names = calloc(n, sizeof *names);
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		part_key(&text, keys[i]);
	for (size_t i = 0; names != NULL && !text.oom && i < n; i++)
		names[i] = sv_new(text.p + i * PART_KEY_BYTES, PART_KEY_BYTES);
	/*
	 * A few at a time, all within the request's one timeout: how large they are nobody knows. What doesn't
	 * come in half of it is made here, and no server is taken for slow that has much to tell.
	 */
	for (size_t i = 0, k; names != NULL && !text.oom && i < n; i += k) {
		k = n - i < PARTS_AT_ONCE ? n - i : PARTS_AT_ONCE;
		if (w->ns > timeout / 2)
			break;
		(void)redis_get_within(w->engine->redis, &names[i], k, &outs[i], &found[i],
		    &w->ns);
	}
	buf_release(&text);
	free(names);
}

static void
put_part(void *arg, struct hash128 key, struct buf *bytes)
{
	struct engine *en = ((struct redis_waits *)arg)->engine;
	struct buf name = BUF_INIT;

	part_key(&name, key);
	if (!name.oom)
		redis_put(en->redis, buf_view(&name), bytes);
	buf_release(&name);
}

struct part_store
request_part_store(const struct request *r)
{
	struct engine *en = r->engine;
	struct part_store s = { .cache = en->parts, .snap = r->world->snap };

	if (!r->here) {
		look_for_identity(en, r->world->snap->generation);
		if (redis_usable(en->redis))
			s.sharing = (struct part_sharing){ get_parts, put_part, r->waits };
	}
	return s;
}

void
result_shared_metrics(struct engine *en, struct metrics *m)
{
	struct redis_counts c;

	redis_counts(en->redis, &c);
	m->shared_up = strcmp(redis_state(en->redis), "connected") == 0;
	m->shared_hits = c.hits;
	m->shared_misses = c.misses;
	m->shared_skipped = c.skipped + c.busy;
	m->shared_failed = c.failed;
	m->shared_damaged = c.damaged;
	m->shared_written = c.written;
	m->shared_dropped = c.dropped + c.too_large + c.refused;
	m->shared_opened = c.opened;
}
