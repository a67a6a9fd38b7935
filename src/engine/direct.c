/* SPDX-License-Identifier: ISC */
/*
 * direct: a query in one call, on the caller's thread, for spanctl: its bytes go to the caller
 * as they are made, and no result is kept. Verified, if that is asked for.
 */
#include "base/clock.h"
#include "engine_i.h"

static int
open_request(struct engine *en, struct sv text, struct request **out, struct err *e)
{
	struct path *path = NULL;
	struct sv file;
	int code;

	if ((code = path_parse(text, engine_known_file, &path, &file, e)) < 0)
		return code;
	if (file.n == 0)
		code = err_set(e, ERR_SYNTAX, (int64_t)text.n,
		    "expected a file at the end: spans.jsonl, count, plan, ...");
	else
		code = request_new(en, path, file, out, e);
	if (file.n != 0 && code < 0 && e != NULL)
		e->off = path_typed_offset(path, text, e->off);
	path_unref(path);
	return code;
}

/* Who asks, where the bytes go, and what is wanted beside them: one of the two, or neither. */
struct direct {
	struct sv path;
	struct requester who;
	struct sink sink;
	const atomic_bool *cancel;
	struct verification *v;
	struct answer *answer;
};

static void
tell_answer(const struct request *rq, const struct run_info *info, struct answer *out)
{
	const struct query *q = rq->query;

	*out = (struct answer){ .n_rows = info->n_shown,
		.generation = rq->world->snap->generation, .of_rows = rq->kind == FILE_FORMAT };
	if (q == NULL || !q->has_mark || q->mark.n > MARK_NAME_MAX)
		return;
	out->has_mark = true;
	memcpy(out->mark, q->mark.p, q->mark.n);
	out->mark_from = q->after.generation;
}

/*
 * Takes the request over, which said that the path is one to be followed. A stream that its limit
 * ended is no answer that a mark could be moved by.
 */
static int
follow(struct request *rq, const struct direct *d, struct err *e)
{
	const struct follow_out out = { d->sink.put, NULL, d->sink.arg };
	int code;

	if (d->v != NULL)
		code = err_set(e, ERR_UNSUPPORTED, -1,
		    "follow.jsonl has no end: it can't be verified");
	else
		code = engine_follow(rq->engine, rq->path, d->who, &out, d->cancel, e);
	request_free(rq);
	if (code == 0 && d->answer != NULL)
		*d->answer = (struct answer){ 0 };
	return code;
}

/* What goes to the caller, copied on the way as long as it is no more than may be shared. */
struct copying {
	const struct sink *to;
	struct buf copy;
	uint64_t most;
	bool whole;
};

static int
put_copied(void *arg, const void *p, size_t n, struct err *e)
{
	struct copying *c = arg;

	c->whole = c->whole && c->copy.n + n <= c->most;
	if (c->whole)
		buf_put(&c->copy, p, n);
	else
		buf_release(&c->copy);
	return c->to->put(c->to->arg, p, n, e);
}

/*
 * Through the cache L2, where there is one. What an empty answer says of the store as a whole is not
 * shared: see version_of.
 */
static int
run_shared(struct request *rq, const struct direct *d, uint64_t deadline, struct run_info *info,
    struct err *e)
{
	struct copying c = { .to = &d->sink, .copy = BUF_INIT, .whole = true,
		.most = conf_u64(rq->engine->conf, CONF_REDIS_MAX_VALUE) };
	const struct sink sink = { .put = put_copied, .arg = &c };
	int code;

	if (request_shared_get(rq, &d->sink, info, &code, e))
		return code;
	if (!redis_usable(rq->engine->redis))
		return run_request(rq, &d->sink, deadline, d->cancel, info, e);
	code = run_request(rq, &sink, deadline, d->cancel, info, e);
	if (code == 0 && c.whole && !c.copy.oom && info->n_rows != 0)
		request_shared_put(rq, info, buf_view(&c.copy));
	buf_release(&c.copy);
	return code;
}

static int
ask(struct engine *en, struct direct *d, struct err *e)
{
	struct run_info info = { 0 };
	struct outcome o = { .who = d->who, .info = &info };
	struct err err = ERR_INIT;
	struct buf path = BUF_INIT;
	struct request *rq;
	uint64_t deadline;

	o.started_mono_ns = clock_mono_ns();
	deadline = o.started_mono_ns + conf_u64(en->conf, CONF_QUERY_TIMEOUT);
	if ((o.code = open_request(en, d->path, &rq, e)) < 0)
		return o.code;
	if (rq->kind == FILE_FOLLOW)
		return follow(rq, d, e);
	atomic_fetch_add(&en->counters.running, 1);
	rq->at_work = true;
	if (d->v != NULL)
		o.code = request_verify(rq, &d->sink, deadline, d->cancel, &info, d->v, &err);
	else
		o.code = run_shared(rq, d, deadline, &info, &err);
	o.err = &err;
	o.duration_ns = clock_mono_ns() - o.started_mono_ns;
	ended_count(rq, &path, &o);
	ended_note(en, &o);
	atomic_fetch_sub(&en->counters.running, 1);
	if (o.code == 0 && d->answer != NULL)
		tell_answer(rq, &info, d->answer);
	buf_release(&path);
	request_free(rq);
	if (o.code < 0 && e != NULL)
		*e = err;
	return o.code;
}

int
engine_verify(struct engine *en, struct sv text, struct requester who,
    int (*write)(void *arg, const void *, size_t, struct err *), void *arg,
    const atomic_bool *cancel, struct verification *v, struct err *e)
{
	return ask(en, &(struct direct){ text, who, { .put = write, .arg = arg }, cancel, v, NULL }, e);
}

int
engine_answer(struct engine *en, struct sv text, struct requester who,
    int (*write)(void *arg, const void *, size_t, struct err *), void *arg,
    const atomic_bool *cancel, struct answer *answer, struct err *e)
{
	return ask(en, &(struct direct){ text, who, { .put = write, .arg = arg }, cancel, NULL, answer },
	    e);
}

int
engine_query(struct engine *en, struct sv text, struct requester who,
    int (*write)(void *arg, const void *, size_t, struct err *), void *arg,
    const atomic_bool *cancel, struct err *e)
{
	return engine_answer(en, text, who, write, arg, cancel, NULL, e);
}
