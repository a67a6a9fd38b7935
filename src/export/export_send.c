/* SPDX-License-Identifier: ISC */
/*
 * export_send: a batch gets there, each row once. After a failure nobody knows what the server has
 * done or will do: so what it may still be doing is stopped, it is asked which rows it has, and the
 * others are sent.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "export_i.h"

#define TRIES 7
#define PAUSE_NS 250000000ull		/* before the second; doubled up to */
#define PAUSE_MOST_NS 8000000000ull
#define SLICE_NS 20000000L
/* Days are of 16 bits there: behind them servers take partitions by day for others and leave them out. */
#define DATE_END_NS (UINT64_C(65536) * 86400 * 1000000000)

/* All queries of the job begin so. */
static void
query_prefix(const struct sender *s, char *out, size_t size)
{
	int n = snprintf(out, size, "spanfs-export-");

	for (size_t i = 0; i < 8; i++, n += 2)
		snprintf(out + n, size - (size_t)n, "%02x", s->job[i]);
}

/* ---- what is there ---- */

static struct time_range
range_of(const struct export_batch *b)
{
	struct time_range r = { UINT64_MAX, 0 };

	for (size_t i = 0; i < b->refs.n; i++) {
		uint64_t at = ch_writer_time(b->refs.v[i].start_ns);

		r.from = at < r.from ? at : r.from;
		r.to = at > r.to ? at : r.to;
	}
	r.to++;
	return r.to > DATE_END_NS ? TIME_RANGE_ALL : r;
}

static int
cmp_ids(const void *a, const void *b)
{
	return trace_id_cmp(*(const struct trace_id *)a, *(const struct trace_id *)b);
}

static int
there_of(struct sender *s, const struct export_batch *b, struct map *there, struct err *e)
{
	struct trace_id *ids = malloc(b->refs.n * sizeof *ids);
	size_t n = 0;
	int rc;

	if (ids == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < b->refs.n; i++)
		ids[i] = b->refs.v[i].trace_id;
	qsort(ids, b->refs.n, sizeof *ids, cmp_ids);
	for (size_t i = 0; i < b->refs.n; i++)
		if (n == 0 || !trace_id_eq(ids[n - 1], ids[i]))
			ids[n++] = ids[i];
	rc = ch_rows_there(s->client, s->compared, ids, n, range_of(b), s->o->cancel, there, e);
	free(ids);
	return rc;
}

/* The rows that are not there, in s->rest; *n_there: how many are. */
static int
rest_of(struct sender *s, const struct export_batch *b, size_t *n_there, struct err *e)
{
	struct map there;
	size_t begin = 0;
	int rc;

	map_init(&there);
	s->rest.n = 0;
	*n_there = 0;
	rc = there_of(s, b, &there, e);
	for (size_t i = 0; i < b->refs.n && rc == 0; begin = b->refs.v[i++].end) {
		const struct batch_row *r = &b->refs.v[i];
		uint64_t *n = map_get(&there, sv_new((const char *)&r->hash, sizeof r->hash));

		if (n != NULL && *n != 0) {
			--*n;
			++*n_there;
		} else {
			buf_put(&s->rest, b->rows.p + begin, r->end - begin);
		}
	}
	map_release(&there);
	return rc == 0 ? buf_ok(&s->rest, e) : rc;
}

/* ---- one try ---- */

static int
insert(struct sender *s, struct sv rows, struct ch_outcome *o, struct err *e)
{
	char id[48], prefix[40], token[33];
	struct hash_stream h;
	struct hash128 sum;
	uint64_t sent = 0;
	int rc;

	/* The same rows in the same job have the same token, and in another job another. */
	hash_stream_init(&h);
	hash_stream_add(&h, s->job, 16);
	hash_stream_add(&h, rows.p, rows.n);
	sum = hash_stream_end(&h);
	snprintf(token, sizeof token, "%016llx%016llx", (unsigned long long)sum.hi,
	    (unsigned long long)sum.lo);
	query_prefix(s, prefix, sizeof prefix);
	snprintf(id, sizeof id, "%s-%llx", prefix, (unsigned long long)++s->n_queries);
	struct ch_insert in = { .writer = s->writer, .rows = rows, .packing = s->packing,
		.id = sv_cstr(id), .token = sv_cstr(token), .comment = SV("spanctl export"),
		.cancel = s->o->cancel };
	rc = ch_insert(s->client, &in, &sent, o, e);
	if (rc == 0) {
		s->counts->n_bytes += rows.n;
		s->counts->n_packed += sent;
	}
	return rc;
}

static int
try_once(struct sender *s, const struct export_batch *b, bool uncertain, size_t *n_there,
    struct ch_outcome *o, struct err *e)
{
	struct sv rows = buf_view(&b->rows);
	char prefix[40];
	int rc;

	memset(o, 0, sizeof *o);
	*n_there = 0;
	if (uncertain) {
		query_prefix(s, prefix, sizeof prefix);
		if ((rc = ch_insert_stop(s->client, sv_cstr(prefix), s->o->cancel, e)) < 0 ||
		    (rc = rest_of(s, b, n_there, e)) < 0)
			return rc;
		rows = buf_view(&s->rest);
	}
	return rows.n == 0 ? 0 : insert(s, rows, o, e);
}

/* ---- and again ---- */

/* May another try go better? What the server refuses it refuses again. */
static bool
hopeless(int code, const struct ch_outcome *o)
{
	enum { READONLY = 164 };

	switch (code) {
	case ERR_BUSY:
	case ERR_TIMEOUT:
		return false;
	case ERR_IO:
	case ERR_NOMEM:
	case ERR_LIMIT:
		return o->schema || o->code == READONLY || (o->status >= 400 && o->status < 500);
	default:
		return true;
	}
}

static int
wait_before(struct sender *s, unsigned nth, const struct err *why, struct err *e)
{
	uint64_t pause = PAUSE_NS << (nth - 1), until;
	char words[sizeof why->msg + 64];

	pause = pause > PAUSE_MOST_NS ? PAUSE_MOST_NS : pause;
	until = clock_mono_ns() + pause;
	snprintf(words, sizeof words, "%s; tried again in %.2f s", why->msg, (double)pause / 1e9);
	if (s->o->say != NULL)
		s->o->say(s->o->arg, words);
	while (clock_mono_ns() < until) {
		if (s->o->cancel != NULL && atomic_load(s->o->cancel))
			return err_set(e, ERR_CANCELLED, -1, "cancelled");
		nanosleep(&(struct timespec){ 0, SLICE_NS }, NULL);
	}
	return 0;
}

int
send_batch(struct sender *s, const struct export_batch *b, bool uncertain, struct err *e)
{
	unsigned tries = s->o->tries != 0 ? s->o->tries : TRIES;
	size_t n_there, had = 0;
	bool told = !uncertain;

	for (unsigned nth = 1;; nth++) {
		struct err why = ERR_INIT;
		struct ch_outcome o;
		int rc = try_once(s, b, uncertain, &n_there, &o, &why);

		/* What it says the first time was there before. */
		if (!told && (rc == 0 || o.tries != 0)) {
			had = n_there;
			told = true;
		}
		if (rc == 0)
			break;
		if (nth >= tries || hopeless(rc, &o)) {
			if (e != NULL)
				*e = why;
			return rc;
		}
		uncertain = true;
		if ((rc = wait_before(s, nth, &why, e)) < 0)
			return rc;
	}
	s->counts->n_there += had;
	s->counts->n_sent += b->refs.n - had;
	s->counts->n_batches++;
	return 0;
}
