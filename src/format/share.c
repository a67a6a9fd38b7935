/* SPDX-License-Identifier: ISC */
/*
 * share: the rows of a batch shared out to several formatters, and their bytes joined in order.
 * Only for formats whose rows stand apart (format.h), so the bytes are those of one formatter.
 * Turning a span with its attributes into text costs about as much as fetching it, and a large
 * export is mostly that.
 *
 * A batch is cut into loops, and these into parts that threads take in turn, whoever comes: a
 * thread that is woken late takes fewer. How many rows make a part is told by the bytes of the rows
 * before. The caller hands out bytes between two parts of its own, so that few buffers are in use
 * and these stay in the caches. What is left of a part whose rows turn out longer, so that its buffer
 * is full, the caller does when it is that part's turn.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "format/share.h"

#define MAX_THREADS 8
#define PARTS 32		/* of a loop, each of which may have to wait with its bytes */
/*
 * Fewer are not worth waking a thread for, nor a turn: to format them takes 15 to 23 us (118 ns a row
 * of seven selected fields, 177 of a whole span of 1.1 KB), to wake a thread 13.
 */
#define PART_ROWS 128
/*
 * Q14 at 10M, 74 MB, two threads, formatting: 64 KiB a part 8.3 ms, 128 KiB 7.4, 256 KiB 7.3; one
 * thread takes 11.
 */
#define PART_BYTES ((size_t)128 << 10)
#define FULL_BYTES (2 * PART_BYTES)	/* a part stops here, */
#define STEP_ROWS 32		/* or so many rows later */
#define MOST_ROWS 16384		/* a window of exec's */
#define MEMORY_SHARE 8		/* no more than so much of the query's memory is for buffers */
/*
 * Between what two threads write to all the time: two lines of the cache, which are fetched in pairs.
 * With less, formatting as above takes 12.9 ms and not 7.4.
 */
#define APART 128

/* A thread's formatter, whichever thread that is. */
struct worker {
	struct worker *next;
	struct formatter *f;
	const struct batch *b;	/* of which it has formatted rows: what it keeps of them is good */
};

struct piece {
	struct piece *next;
	struct buf out;
	char apart[APART];
};

struct part {
	size_t from, to;	/* rows of the batch; `from` moves on as they are formatted */
	struct piece *piece;	/* NULL: nobody has begun */
	struct err err;
	int code;
	atomic_bool done;	/* the above is the caller's */
};

/* Where the bytes go. */
struct putting {
	int (*put)(void *arg, const void *, size_t, struct err *);
	void *arg;
	uint64_t n_bytes;
	struct err *e;
	int code;
};

struct share {
	struct pool *pool;
	unsigned threads;
	size_t row_bytes;		/* of the rows before, about; 0: not known */
	pthread_mutex_t lock;		/* idle and free */
	struct worker *idle;
	struct piece *free;
	/* The loop's. */
	const struct batch *b;
	pthread_t caller;
	size_t n, next;			/* parts; the one whose bytes come next */
	struct putting *to;
	atomic_bool failed;
	atomic_uint_fast64_t n_parts, n_helped;
	uint64_t n_late;
	struct part parts[PARTS];
	struct worker workers[MAX_THREADS];
	size_t n_workers;
	struct piece pieces[PARTS];
	struct piece late;		/* the caller's */
};

/* A header is for the one that began first. */
static int
add_worker(struct share *s, const struct format *f, const struct format_options *o,
    struct err *e)
{
	struct worker *w = &s->workers[s->n_workers];
	int code = formatter_new(f, o, &w->f, e);

	if (code < 0)
		return code;
	s->n_workers++;
	w->next = s->idle;
	s->idle = w;
	code = formatter_begin(w->f, &s->late.out, e);
	s->late.out.n = 0;
	return code;
}

static void
put_free(struct share *s, struct piece *x)
{
	pthread_mutex_lock(&s->lock);
	x->next = s->free;
	s->free = x;
	pthread_mutex_unlock(&s->lock);
}

int
share_new(const struct format *f, const struct format_options *o, struct pool *pool,
    unsigned threads, size_t memory, struct share **out, struct err *e)
{
	struct share *s;
	int code = 0;

	*out = NULL;
	threads = threads < MAX_THREADS ? threads : MAX_THREADS;
	if (!f->rows_apart || pool == NULL || threads < 2 ||
	    (memory != 0 && memory / MEMORY_SHARE < PARTS * FULL_BYTES))
		return 0;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return err_nomem(e);
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return err_nomem(e);
	}
	s->pool = pool;
	s->threads = threads;
	for (size_t i = 0; i < PARTS; i++)
		put_free(s, &s->pieces[i]);
	while (s->n_workers < threads && code == 0)
		code = add_worker(s, f, o, e);
	if (code < 0) {
		share_free(s);
		return code;
	}
	*out = s;
	return 0;
}

void
share_free(struct share *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_workers; i++)
		formatter_free(s->workers[i].f);
	for (size_t i = 0; i < PARTS; i++)
		buf_release(&s->pieces[i].out);
	buf_release(&s->late.out);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool
share_worth(const struct batch *b)
{
	return b->kind == ROW_SPAN && b->n >= 2 * PART_ROWS;
}

/* Rows whose bytes make a part. */
static size_t
part_rows(const struct share *s)
{
	size_t n = s->row_bytes == 0 ? PART_ROWS : PART_BYTES / s->row_bytes;

	return n == 0 ? 1 : n;
}

size_t
share_rows(const struct share *s)
{
	size_t n = s == NULL || s->row_bytes == 0 ? 0 : part_rows(s) * PARTS;

	n = n < MOST_ROWS ? n : MOST_ROWS;
	return n > BATCH_ROWS ? n : BATCH_ROWS;
}

size_t
share_memory(const struct share *s)
{
	size_t n;

	if (s == NULL)
		return 0;
	n = s->late.out.cap;
	for (size_t i = 0; i < s->n_workers; i++)
		n += formatter_memory(s->workers[i].f);
	for (size_t i = 0; i < PARTS; i++)
		n += s->pieces[i].out.cap;
	return n;
}

struct share_counts
share_counted(const struct share *s)
{
	return (struct share_counts){ atomic_load(&s->n_parts), atomic_load(&s->n_helped),
		s->n_late };
}

/* ---- parts ---- */

/* A worker, and a buffer for the part, unless it is NULL: there are enough of both. */
static struct worker *
take(struct share *s, struct part *p)
{
	struct worker *w;

	pthread_mutex_lock(&s->lock);
	w = s->idle;
	s->idle = w->next;
	if (p != NULL) {
		p->piece = s->free;
		s->free = p->piece->next;
	}
	pthread_mutex_unlock(&s->lock);
	return w;
}

static void
give_back(struct share *s, struct worker *w)
{
	pthread_mutex_lock(&s->lock);
	w->next = s->idle;
	s->idle = w;
	pthread_mutex_unlock(&s->lock);
}

/* Its rows until the buffer is full. */
static void
format_rows(struct share *s, struct worker *w, struct part *p, struct buf *out)
{
	out->n = 0;
	while (p->code == 0 && p->from < p->to && out->n < FULL_BYTES) {
		size_t n = p->to - p->from < STEP_ROWS ? p->to - p->from : STEP_ROWS;
		struct batch b = { .kind = ROW_SPAN, .n = n, .spans = s->b->spans + p->from };

		p->code = w->b == s->b ? formatter_more(w->f, &b, out, &p->err) :
		    formatter_batch(w->f, &b, out, &p->err);
		w->b = s->b;
		p->from += n;
	}
}

static int
put_bytes(struct putting *to, const struct part *p, const struct buf *out)
{
	if (p->code < 0) {
		if (to->e != NULL)
			*to->e = p->err;
		return p->code;
	}
	to->n_bytes += out->n;
	return out->n == 0 ? 0 : to->put(to->arg, out->p, out->n, to->e);
}

/* What the part has, and then what is left of it. */
static int
put_part(struct share *s, struct part *p)
{
	int code = p->piece != NULL ? put_bytes(s->to, p, &p->piece->out) : 0;

	if (p->piece != NULL)
		put_free(s, p->piece);
	while (code == 0 && p->from < p->to) {
		struct worker *w = take(s, NULL);

		s->n_late += p->to - p->from;
		format_rows(s, w, p, &s->late.out);
		give_back(s, w);
		code = put_bytes(s->to, p, &s->late.out);
	}
	return code;
}

static void
put_done(struct share *s)
{
	for (; s->next < s->n && s->to->code == 0 &&
	    atomic_load_explicit(&s->parts[s->next].done, memory_order_acquire); s->next++)
		if ((s->to->code = put_part(s, &s->parts[s->next])) < 0)
			atomic_store(&s->failed, true);
}

static void
format_part(void *arg, size_t i)
{
	struct share *s = arg;
	struct part *p = &s->parts[i];
	bool caller = pthread_equal(s->caller, pthread_self());

	if (!atomic_load(&s->failed)) {
		struct worker *w = take(s, p);

		format_rows(s, w, p, &p->piece->out);
		give_back(s, w);
		atomic_fetch_add(&s->n_helped, !caller);
	}
	atomic_store_explicit(&p->done, true, memory_order_release);
	if (caller)
		put_done(s);
}

/* ---- a batch ---- */

/* Parts of the rows from `from` on; the row after them. */
static size_t
cut(struct share *s, size_t from)
{
	size_t most = part_rows(s), n = s->b->n - from, each, to;

	n = n < most * PARTS ? n : most * PARTS;
	each = (n + PARTS - 1) / PARTS;
	if (each < PART_ROWS)
		each = most < PART_ROWS ? most : PART_ROWS;
	to = from + n;
	for (s->n = s->next = 0; from < to; from += each) {
		struct part *p = &s->parts[s->n++];

		p->from = from;
		p->to = from + each < to ? from + each : to;
		p->piece = NULL;
		p->err = (struct err)ERR_INIT;
		p->code = 0;
		atomic_store_explicit(&p->done, false, memory_order_relaxed);
	}
	return to;
}

/* Pieces of parts that were not handed out. */
static void
drop_rest(struct share *s)
{
	for (size_t i = s->next; i < s->n; i++)
		if (s->parts[i].piece != NULL)
			put_free(s, s->parts[i].piece);
}

int
share_batch(struct share *s, const struct batch *b,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg, uint64_t *n_bytes,
    struct err *e)
{
	struct putting to = { .put = put, .arg = arg, .e = e };

	s->b = b;
	s->to = &to;
	atomic_store(&s->failed, false);
	s->caller = pthread_self();
	for (size_t i = 0; i < s->n_workers; i++)
		s->workers[i].b = NULL;
	for (size_t at = 0, end; at < b->n && to.code == 0; at = end) {
		uint64_t before = to.n_bytes;

		end = cut(s, at);
		pool_each(s->pool, s->threads, s->n, format_part, s);
		put_done(s);
		atomic_fetch_add(&s->n_parts, s->n);
		s->row_bytes = (size_t)((to.n_bytes - before) / (end - at)) + 1;
	}
	if (to.code < 0)
		drop_rest(s);
	*n_bytes += to.n_bytes;
	return to.code;
}
