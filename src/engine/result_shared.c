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
may_share(struct result *r)
{
	struct engine *en = r->engine;

	if (r->here || r->request->kind != FILE_FORMAT ||
	    !conf_bool(en->conf, CONF_RESULT_CACHE_ENABLED))
		return false;
	look_for_identity(en, r->request->world->snap->generation);
	return redis_usable(en->redis);
}

/* False: there is none. */
static bool
make_key(struct result *r, struct buf *key)
{
	struct request *rq = r->request;
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

/* What the run would have given, or (code) that it can't be. */
static int
take(struct result *r, const struct shared_result *s, const struct sink *sink,
    struct run_info *info, struct err *e)
{
	int code = expect_fresh(r->request, e);

	*info = (struct run_info){ .n_rows = s->n_rows, .n_shown = s->n_shown,
	    .n_unpriced = s->n_unpriced, .n_bytes = s->bytes.n, .shared = true };
	if (code == 0)
		code = expect_rows(r->request, s->n_shown, e);
	buf_sv(&r->request->note, s->note);
	if (code == 0)
		code = buf_ok(&r->request->note, e);
	if (code == 0 && s->bytes.n != 0)
		code = sink->put(sink->arg, s->bytes.p, s->bytes.n, e);
	info->complete = code == 0;
	return code;
}

bool
result_shared_get(struct result *r, const struct sink *sink, struct run_info *info, int *code,
    struct err *e)
{
	struct buf key = BUF_INIT, text = BUF_INIT;
	struct shared_result s;
	bool found;

	if (r->sized || blob_size(&r->blob) != 0 || !may_share(r))
		return false;
	found = make_key(r, &key) && redis_get(r->engine->redis, buf_view(&key), &text) &&
	    shared_result_unpack(buf_view(&text), &s);
	if (found)
		*code = take(r, &s, sink, info, e);
	buf_release(&key);
	buf_release(&text);
	return found;
}

/* The blob behind what is said of it. */
static bool
pack(struct result *r, struct buf *text)
{
	const struct shared_result s = { .n_rows = r->info.n_rows, .n_shown = r->info.n_shown,
	    .n_unpriced = r->info.n_unpriced, .note = buf_view(&r->request->note) };
	size_t n = (size_t)blob_size(&r->blob), got;

	shared_result_pack(text, &s);
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
	    !may_share(r))
		return;
	if (make_key(r, &key) && pack(r, &text))
		redis_put(r->engine->redis, buf_view(&key), &text);
	buf_release(&key);
	buf_release(&text);
}

/* ---- parts of answers ---- */

#define PART_KEY_BYTES (5 + 2 * 16)

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
	struct engine *en = arg;
	struct sv *names = calloc(n, sizeof *names);
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		part_key(&text, keys[i]);
	if (names != NULL && !text.oom) {
		for (size_t i = 0; i < n; i++)
			names[i] = sv_new(text.p + i * PART_KEY_BYTES, PART_KEY_BYTES);
		(void)redis_get_many(en->redis, names, n, outs, found);
	}
	buf_release(&text);
	free(names);
}

static void
put_part(void *arg, struct hash128 key, struct buf *bytes)
{
	struct engine *en = arg;
	struct buf name = BUF_INIT;

	part_key(&name, key);
	if (!name.oom)
		redis_put(en->redis, buf_view(&name), bytes);
	buf_release(&name);
}

void
engine_share_parts(struct engine *en)
{
	en->part_sharing = (struct part_sharing){ get_parts, put_part, en };
}

struct part_store
request_part_store(const struct request *r)
{
	struct engine *en = r->engine;
	bool shared = false;

	if (!r->here) {
		look_for_identity(en, r->world->snap->generation);
		shared = redis_usable(en->redis);
	}
	return (struct part_store){ en->parts, r->world->snap,
	    shared ? &en->part_sharing : NULL };
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
