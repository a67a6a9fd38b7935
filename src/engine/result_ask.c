/* SPDX-License-Identifier: ISC */
/*
 * result_ask: stat, open and read of a result: each starts it if that has not been done, perhaps
 * makes it here and now, and waits; what its bytes are, in a word; and its extended attributes.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "result_i.h"

static int
wait_for(struct result *r, enum wait_kind kind, uint64_t off, size_t n, uint64_t within_ns,
    result_fn fn, void *arg, struct result_wait **token, struct err *e)
{
	static atomic_ullong ids = 1;
	struct wait *w = calloc(1, sizeof *w);
	uint64_t now = clock_mono_ns();
	struct wait *taken;
	int code = 0;

	if (w == NULL)
		return err_nomem(e);
	*w = (struct wait){ .id = atomic_fetch_add(&ids, 1), .kind = kind, .off = off, .n = n,
	    .fn = fn, .arg = arg };
	if (within_ns != UINT64_MAX)
		w->due_mono_ns = now + within_ns;
	if (token != NULL)
		*token = (struct result_wait *)(uintptr_t)w->id;
	if (w->due_mono_ns != 0)
		engine_timed(r->engine, 1);
	pthread_mutex_lock(&r->lock);
	code = kind == WAIT_READ ? result_start_read(r, off, n, e) : result_start(r, kind, e);
	if (code > 0) {
		/* Nobody can wait for it meanwhile but those who come later: they find it at work. */
		pthread_mutex_unlock(&r->lock);
		result_make_here(r);
		pthread_mutex_lock(&r->lock);
		/* That may have been its size alone. */
		code = kind == WAIT_READ ? result_start_read(r, off, n, e) : 0;
	}
	if (code == 0) {
		w->next = r->waits;
		r->waits = w;
		if (kind == WAIT_READ)
			result_note_wait(r, w);
	}
	taken = code == 0 ? result_take_ready(r, now) : NULL;
	pthread_mutex_unlock(&r->lock);
	if (code < 0) {
		if (w->due_mono_ns != 0)
			engine_timed(r->engine, -1);
		free(w);
		return code;
	}
	result_answer(r, taken);
	return 0;
}

int
result_stat(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	return wait_for(r, WAIT_STAT, 0, 0, conf_u64(r->engine->conf, CONF_MOUNT_STAT_BUDGET),
	    fn, arg, token, e);
}

int
result_size(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	return wait_for(r, WAIT_SIZE, 0, 0, UINT64_MAX, fn, arg, token, e);
}

int
result_open(struct result *r, result_fn fn, void *arg, struct result_wait **token,
    struct err *e)
{
	uint64_t within = result_may_stream(r->engine) ?
	    conf_u64(r->engine->conf, CONF_MOUNT_STREAM_AFTER) : UINT64_MAX;

	return wait_for(r, WAIT_OPEN, 0, 0, within, fn, arg, token, e);
}

int
result_read(struct result *r, uint64_t off, size_t n, result_fn fn, void *arg,
    struct result_wait **token, struct err *e)
{
	return wait_for(r, WAIT_READ, off, n, UINT64_MAX, fn, arg, token, e);
}

uint64_t
result_digest(struct result *r, uint64_t max)
{
	bool whole;
	uint64_t n, hash;

	pthread_mutex_lock(&r->lock);
	n = blob_size(&r->blob);
	/* Nothing changes any more of one that is done. */
	whole = r->state == RESULT_DONE && r->err.code == 0 && r->blob.fd < 0 && n <= max;
	pthread_mutex_unlock(&r->lock);
	if (!whole)
		return 0;
	hash = hash_seeded(n == 0 ? "" : r->blob.mem.p, n);
	return hash == 0 ? 1 : hash;
}

/* ---- user.spanfs.*, by the last part of the name ---- */

/* Roughly, in one unit: "3h", "8d". */
static void
put_age(struct buf *out, uint64_t ns)
{
	static const uint64_t units[] = { NS_PER_DAY, NS_PER_HOUR, NS_PER_MIN, NS_PER_S };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (ns >= 2 * units[i]) {
			duration_print(out, ns - ns % units[i]);
			return;
		}
	BUF_LIT(out, "a moment");
}

/* What an empty relative range owes to a store that ends before it. */
static void
put_newest(struct buf *out, uint64_t newest)
{
	uint64_t now = clock_wall_ns();

	BUF_LIT(out, "no span in this range; the newest in the store is of ");
	when_print(out, newest);
	if (now > newest) {
		BUF_LIT(out, ", ");
		put_age(out, now - newest);
		BUF_LIT(out, " ago");
	}
}

#define LOSSY "what the table has: no flags, schema URLs, attributes of scopes or dropped counts, and attributes " \
	"by the spelling of their texts"

/* Is it to have all that was sent, and the spans are a server's? */
static bool
is_lossy(const struct result *r)
{
	return r->engine->server != NULL && strcmp(r->file, "otlp.jsonl") == 0;
}

static void
put_note(struct buf *out, const struct result *r)
{
	buf_sv(out, buf_view(&r->request->note));
	if (is_lossy(r))
		BUF_LIT(out, "; " LOSSY);
}

int
result_xattr(struct result *r, struct sv name, struct buf *out, struct err *e)
{
	int code = 0;

	pthread_mutex_lock(&r->lock);
	if (sv_is(name, "query"))
		buf_sv(out, buf_view(&r->request->canonical));
	else if (sv_is(name, "rows") && result_known(r))
		buf_u64(out, r->info.n_rows);
	else if (sv_is(name, "complete") && (r->state == RESULT_DONE || r->whole))
		buf_str(out, r->err.code == 0 ? "yes" : "no");
	else if (sv_is(name, "exact") && (r->state == RESULT_DONE || r->whole) &&
	    r->err.code == 0)
		buf_str(out, r->info.inexact ? "no" : "yes");
	else if (sv_is(name, "cache"))
		buf_str(out, atomic_load(&r->opens) > 1 ? "l1" : outcome_cache(&r->info));
	else if (sv_is(name, "error") && r->state == RESULT_DONE && r->err.code != 0)
		buf_str(out, r->err.msg);
	else if (sv_is(name, "generation"))
		buf_u64(out, r->generation);
	else if (sv_is(name, "note") && r->state == RESULT_DONE && r->missing.n != 0)
		buf_sv(out, buf_view(&r->missing));
	else if (sv_is(name, "note") && r->state == RESULT_DONE && r->newest_ns != 0)
		put_newest(out, r->newest_ns);
	else if (sv_is(name, "note") && r->state == RESULT_DONE && r->err.code == 0 &&
	    r->request->note.n != 0)
		put_note(out, r);
	else if (sv_is(name, "note") && r->state == RESULT_DONE && r->info.n_unpriced != 0)
		buf_printf(out, "%llu spans with tokens have no price, see [price MODEL]",
		    (unsigned long long)r->info.n_unpriced);
	else if (sv_is(name, "note") && is_lossy(r))
		BUF_LIT(out, LOSSY);
	else
		code = ERR_UNKNOWN;
	pthread_mutex_unlock(&r->lock);
	if (code < 0)
		return err_set(e, code, -1, "no such attribute");
	return buf_ok(out, e);
}
