/* SPDX-License-Identifier: ISC */
/*
 * share: the rows of a batch shared out to several formatters, and their bytes joined in order.
 * Only for formats whose rows stand apart (format.h), so the bytes are those of one formatter.
 * Turning a span with its attributes into text costs about as much as fetching it, and a large
 * export is mostly that.
 *
 * A batch is cut into loops, and these into parts that threads take in turn, whoever comes: a
 * thread that is woken late takes fewer. Each part has a buffer, which is kept, and each thread at
 * work a formatter. How many rows make a part is told by the bytes of the rows before; one whose
 * rows turn out longer stops when its buffer is full, and the caller does the rest in its turn.
 */
#include <pthread.h>
#include <stdlib.h>

#include "format/share.h"

#define MAX_THREADS 8
#define PARTS_PER_THREAD 8
#define MAX_PARTS (MAX_THREADS * PARTS_PER_THREAD)
#define PART_ROWS 128		/* fewer are not worth waking a thread for, nor a turn */
#define PART_BYTES ((size_t)128 << 10)
#define FULL_BYTES (2 * PART_BYTES)	/* a part stops here, */
#define STEP_ROWS 32		/* or so many rows later */
#define MOST_ROWS 16384		/* a window of exec's */
#define MEMORY_SHARE 8		/* no more than so much of the query's memory is for buffers */

struct part {
	struct buf out;
	size_t from, to;	/* rows of the batch; `from` moves on as they are formatted */
	struct err err;
	int code;
};

/* A thread's formatter, whichever thread that is. */
struct worker {
	struct worker *next;
	struct formatter *f;
	const struct batch *b;		/* of which it has formatted rows: what it keeps of them is good */
};

struct share {
	struct pool *pool;
	unsigned threads;
	pthread_mutex_t lock;		/* idle */
	struct worker *idle;
	struct worker workers[MAX_THREADS];
	size_t n_workers;
	const struct batch *b;
	size_t row_bytes;		/* of the rows before, about; 0: not known */
	size_t n_parts;			/* at most */
	struct share_counts counts;
	struct part parts[MAX_PARTS];
};

/* A header is for the one that began first. */
static int
add_worker(struct share *s, const struct format *f, const struct format_options *o,
    struct err *e)
{
	struct buf *out = &s->parts[0].out;
	struct worker *w = &s->workers[s->n_workers];
	int code = formatter_new(f, o, &w->f, e);

	if (code < 0)
		return code;
	s->n_workers++;
	w->next = s->idle;
	s->idle = w;
	code = formatter_begin(w->f, out, e);
	out->n = 0;
	return code;
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
	    (memory != 0 && memory / MEMORY_SHARE < threads * PARTS_PER_THREAD * FULL_BYTES))
		return 0;
	if ((s = calloc(1, sizeof *s)) == NULL)
		return err_nomem(e);
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return err_nomem(e);
	}
	s->pool = pool;
	s->threads = threads;
	s->n_parts = (size_t)threads * PARTS_PER_THREAD;
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
	for (size_t i = 0; i < s->n_parts; i++)
		buf_release(&s->parts[i].out);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool
share_wants(const struct share *s, const struct batch *b)
{
	return s != NULL && b->kind == ROW_SPAN && b->n >= 2 * PART_ROWS;
}

/* Rows whose bytes make a full part. */
static size_t
part_rows(const struct share *s)
{
	size_t n = s->row_bytes == 0 ? PART_ROWS : PART_BYTES / s->row_bytes;

	return n == 0 ? 1 : n;
}

size_t
share_rows(const struct share *s)
{
	size_t n = s == NULL || s->row_bytes == 0 ? 0 : part_rows(s) * s->n_parts;

	n = n < MOST_ROWS ? n : MOST_ROWS;
	return n > BATCH_ROWS ? n : BATCH_ROWS;
}

size_t
share_memory(const struct share *s)
{
	size_t n = 0;

	for (size_t i = 0; s != NULL && i < s->n_workers; i++)
		n += formatter_memory(s->workers[i].f);
	for (size_t i = 0; s != NULL && i < s->n_parts; i++)
		n += s->parts[i].out.cap;
	return n;
}

struct share_counts
share_counted(const struct share *s)
{
	return s->counts;
}

/* ---- a loop ---- */

static struct worker *
take(struct share *s)
{
	struct worker *w;

	pthread_mutex_lock(&s->lock);
	w = s->idle;
	s->idle = w->next;
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
format_rows(struct share *s, struct part *p)
{
	struct worker *w = take(s);

	p->out.n = 0;
	p->code = 0;
	while (p->code == 0 && p->from < p->to && p->out.n < FULL_BYTES) {
		size_t n = p->to - p->from < STEP_ROWS ? p->to - p->from : STEP_ROWS;
		struct batch b = { .kind = ROW_SPAN, .n = n, .spans = s->b->spans + p->from };

		p->err = (struct err)ERR_INIT;
		p->code = w->b == s->b ? formatter_more(w->f, &b, &p->out, &p->err) :
		    formatter_batch(w->f, &b, &p->out, &p->err);
		w->b = s->b;
		p->from += n;
	}
	give_back(s, w);
}

static void
format_part(void *arg, size_t i)
{
	struct share *s = arg;

	format_rows(s, &s->parts[i]);
}

/* Rows [from, *to) as parts; how many. */
static size_t
cut(struct share *s, size_t from, size_t *to)
{
	size_t most = part_rows(s), n = *to - from, each, m = 0;

	n = n < most * s->n_parts ? n : most * s->n_parts;
	each = (n + s->n_parts - 1) / s->n_parts;
	if (each < PART_ROWS)
		each = most < PART_ROWS ? most : PART_ROWS;
	*to = from + n;
	for (; from < *to; from += each) {
		s->parts[m].from = from;
		s->parts[m++].to = from + each < *to ? from + each : *to;
	}
	return m;
}

struct putting {
	int (*put)(void *arg, const void *, size_t, struct err *);
	void *arg;
	uint64_t *n_bytes;
};

/* What the part holds, and then what it stopped before. */
static int
put_part(struct share *s, struct part *p, const struct putting *x, struct err *e)
{
	int code;

	for (;;) {
		if (p->code < 0) {
			if (e != NULL)
				*e = p->err;
			return p->code;
		}
		*x->n_bytes += p->out.n;
		if (p->out.n != 0 && (code = x->put(x->arg, p->out.p, p->out.n, e)) < 0)
			return code;
		if (p->from == p->to)
			return 0;
		s->counts.late_rows += p->to - p->from;
		format_rows(s, p);
	}
}

int
share_batch(struct share *s, const struct batch *b,
    int (*put)(void *arg, const void *, size_t, struct err *), void *arg, uint64_t *n_bytes,
    struct err *e)
{
	const struct putting x = { put, arg, n_bytes };
	int code = 0;

	s->b = b;
	for (size_t i = 0; i < s->n_workers; i++)
		s->workers[i].b = NULL;
	for (size_t at = 0, to; at < b->n && code == 0; at = to) {
		uint64_t before = *n_bytes;
		size_t n;

		to = b->n;
		n = cut(s, at, &to);
		pool_each(s->pool, s->threads, n, format_part, s);
		s->counts.loops++;
		s->counts.parts += n;
		for (size_t i = 0; i < n && code == 0; i++)
			code = put_part(s, &s->parts[i], &x, e);
		s->row_bytes = (size_t)((*n_bytes - before) / (to - at)) + 1;
	}
	return code;
}
