/* SPDX-License-Identifier: ISC */
/*
 * sample_gen: plays requests through the shop of sample_shop.c. A request is a walk down the
 * table of calls: each operation takes its own time (log-normal, by integer arithmetic so
 * that every machine makes the same bytes) around that of what it calls. A fault at the
 * bottom mostly fails the callers too. Messages start traces of their own, linked to the
 * span that sent them.
 *
 * Load follows the day (twice as much in the afternoon as at night, UTC). In the last eighth of
 * the time, up to its end, the shop has an incident: a new payment version is slow and fails.
 */
#include "sample/sample_gen.h"

#include <stdlib.h>

#include "sample_i.h"

#define CURVE 96		/* points of the load curve over the whole time */
#define INCIDENT_FROM 88	/* percent of the time */
#define PENDING_MAX 8

/* A message on its way: the trace it will start. */
struct pending {
	enum op_id op;
	uint64_t at_ns, hi, lo, span;
};

struct gen {
	const struct sample_options *opts;
	uint64_t rnd;
	uint64_t load[CURVE + 1];	/* requests up to each point, cumulated */
	struct sample_trace trace;
	struct pending pending[PENDING_MAX];
	size_t n_pending;
	struct buf line;
};

static uint64_t
below(struct gen *g, uint64_t n)
{
	return sample_below(&g->rnd, n);
}

/* 65536 times 2^(x / 65536) for x >= 0, by a quadratic that is within 0.4 %. */
static uint64_t
exp2_fixed(uint64_t x)
{
	uint64_t f = x & 0xffff;
	uint64_t m = 65536 + (f * 43121 >> 16) + ((f * f >> 16) * 22415 >> 16);

	return m << (x >> 16);
}

/* Around the median: a sum of dice for the bell, doublings for the log. */
static uint64_t
duration_ns(struct gen *g, uint32_t median_us, unsigned spread)
{
	int64_t bell = 0, x;
	uint64_t ns = (uint64_t)median_us * 1000;

	for (int i = 0; i < 12; i++)
		bell += (int64_t)below(g, 65536);
	x = (bell - 6 * 65536) * (int64_t)spread / 10;
	/* A long tail upwards only: one in 200 waits for something. */
	if (below(g, 200) == 0)
		x += 2 * 65536 + (int64_t)below(g, 2 * 65536);
	if (x >= 0)
		return ns * (exp2_fixed((uint64_t)x) >> 4) / 4096;
	return ns * 4096 / (exp2_fixed((uint64_t)-x) >> 4);
}

static struct sample_span *
add(struct gen *g, enum op_id op, uint64_t parent, uint64_t start)
{
	struct sample_span *s;

	if (g->trace.n == SAMPLE_TRACE_MAX)
		return NULL;
	s = &g->trace.spans[g->trace.n++];
	*s = (struct sample_span){ .parent = parent, .start_ns = start, .end_ns = start,
	    .op = op, .service = shop_ops[op].service, .dice = sample_next(&g->rnd) };
	do
		s->id = sample_next(&g->rnd);
	while (s->id == 0);
	return s;
}

static bool
payment_incident(const struct gen *g, enum op_id op)
{
	return g->trace.incident && op == CHARGE_CARD;
}

static bool
faulty(struct gen *g, enum op_id op)
{
	unsigned per_mille = shop_ops[op].faults;

	if (payment_incident(g, op))
		per_mille = 450;
	return below(g, 1000) < per_mille;
}

/* What waits for something gives up when its time is over. */
static uint64_t
late_end(struct gen *g, const struct sample_span *s)
{
	uint64_t ns = (uint64_t)shop_services[s->service].fails_after_us * 1000;
	uint64_t end = ns == 0 ? 0 : s->start_ns + ns + duration_ns(g, 200, 8);

	return end > s->end_ns ? end : s->end_ns;
}

static uint64_t run(struct gen *, enum op_id, uint64_t parent, uint64_t start, bool *failed);

/* A call over the network: client span, the way there, the callee, the way back. */
static uint64_t
call_net(struct gen *g, enum op_id op, const struct sample_span *caller, uint64_t start,
    bool *failed)
{
	struct sample_span *c = add(g, op, caller->id, start);
	uint64_t end;

	if (c == NULL)
		return start;
	c->client = true;
	c->service = caller->service;
	end = run(g, op, c->id, start + duration_ns(g, 160, 5), failed);
	c->end_ns = end + duration_ns(g, 140, 5);
	c->failed = *failed;
	return c->end_ns;
}

static void
send(struct gen *g, enum op_id op, const struct sample_span *from)
{
	if (g->n_pending < PENDING_MAX)
		g->pending[g->n_pending++] = (struct pending){ op,
		    from->end_ns + duration_ns(g, 20000, 15), g->trace.hi, g->trace.lo,
		    from->id };
}

static uint64_t
call_one(struct gen *g, const struct shop_call *c, const struct sample_span *caller,
    uint64_t start, bool *failed)
{
	if (c->via == VIA_NET)
		return call_net(g, c->op, caller, start, failed);
	return run(g, c->op, caller->id, start, failed);
}

/*
 * All calls of an operation from `start` on: when the last ends. Stops at the first failure,
 * which sometimes is got over. Recursion is as deep as the table's calls, which have no
 * cycles.
 */
static uint64_t
run_calls(struct gen *g, const struct shop_op *op, const struct sample_span *s, uint64_t start,
    bool *failed)
{
	uint64_t t = start, began = start, last = start;

	for (const struct shop_call *c = op->calls; c->via != VIA_END && !*failed; c++) {
		unsigned n = below(g, 100) < c->percent ? 1 + (unsigned)below(g, c->most) : 0;

		t = c->at_once ? began : last;
		began = t;
		if (c->via == VIA_QUEUE && op->shape == QUEUE)
			continue;	/* sent when the producer span has ended */
		for (; n > 0 && !*failed; n--) {
			bool bad = false;

			t = call_one(g, c, s, t + duration_ns(g, 60, 6), &bad);
			*failed = bad && below(g, 100) < 85;
		}
		last = t > last ? t : last;
	}
	return last;
}

static uint64_t
run(struct gen *g, enum op_id id, uint64_t parent, uint64_t start, bool *failed)
{
	const struct shop_op *op = &shop_ops[id];
	struct sample_span *s = add(g, id, parent, start);
	uint64_t own = duration_ns(g, op->median_us, op->spread);
	bool below_failed = false;

	if (s == NULL)
		return start;
	if (payment_incident(g, id))
		own *= 12;
	s->end_ns = run_calls(g, op, s, start + own / 4, &below_failed) + own - own / 4;
	s->at_fault = !below_failed && faulty(g, id);
	if (s->at_fault)
		s->end_ns = late_end(g, s);
	s->failed = below_failed || s->at_fault;
	*failed = s->failed;
	if (op->kind == 4 && !s->failed)
		for (const struct shop_call *c = op->calls; c->via != VIA_END; c++)
			send(g, c->op, s);
	return s->end_ns;
}

/* A whole trace; the buffer holds its line then. */
static void
play(struct gen *g, enum op_id root, uint64_t start)
{
	const struct sample_options *o = g->opts;
	uint64_t gone = (start - o->start_ns) / ((o->end_ns - o->start_ns) / 100 + 1);
	bool failed = false;

	g->trace.n = 0;
	g->trace.hi = sample_next(&g->rnd);
	g->trace.lo = sample_next(&g->rnd) | 1;
	g->trace.dice = sample_next(&g->rnd);
	g->trace.incident = gone >= INCIDENT_FROM;
	run(g, root, 0, start, &failed);
	sample_json(&g->line, &g->trace);
}

static enum op_id
pick_root(struct gen *g)
{
	static const struct {
		enum op_id op;
		unsigned percent;
	} roots[] = {
		{ GET_HOME, 20 }, { GET_PRODUCT_PAGE, 30 }, { GET_CART_PAGE, 14 },
		{ POST_CART, 12 }, { POST_CHECKOUT, 18 }, { POST_ASK, 6 },
	};
	uint64_t dice = below(g, 100);
	size_t i = 0;

	while (dice >= roots[i].percent)
		dice -= roots[i++].percent;
	return roots[i].op;
}

/* Load at a time of day, per mille: 500 at 4:00 UTC, 1000 at 16:00, straight between. */
static uint64_t
load_at(uint64_t ns)
{
	uint64_t minute = ns / 60000000000 % 1440, off = (minute + 1440 - 4 * 60) % 1440;

	return 500 + (off < 720 ? off : 1440 - off) * 500 / 720;
}

static void
make_load(struct gen *g)
{
	uint64_t step = (g->opts->end_ns - g->opts->start_ns) / CURVE;

	for (size_t i = 0; i < CURVE; i++)
		g->load[i + 1] = g->load[i] + load_at(g->opts->start_ns + i * step);
}

/* When the share done / all of the requests has come in. */
static uint64_t
when(const struct gen *g, uint64_t done, uint64_t all)
{
	uint64_t span = g->opts->end_ns - g->opts->start_ns, step = span / CURVE;
	uint64_t want = (uint64_t)((unsigned __int128)g->load[CURVE] * 1000 * done / all);
	size_t i = 0;

	while (i < CURVE - 1 && g->load[i + 1] * 1000 <= want)
		i++;
	return g->opts->start_ns + i * step + (uint64_t)((unsigned __int128)step *
	    (want - g->load[i] * 1000) / ((g->load[i + 1] - g->load[i]) * 1000));
}

static int
generate(struct gen *g, int (*write)(void *, const char *, size_t, struct err *), void *arg,
    struct err *err)
{
	uint64_t done = 0;
	int r;

	while (done < g->opts->n_spans) {
		uint64_t start = when(g, done, g->opts->n_spans);

		g->trace.link_span = 0;
		g->n_pending = 0;
		play(g, pick_root(g), start);
		done += g->trace.n;
		for (size_t i = 0; i < g->n_pending; i++) {
			g->trace.link_hi = g->pending[i].hi;
			g->trace.link_lo = g->pending[i].lo;
			g->trace.link_span = g->pending[i].span;
			play(g, g->pending[i].op, g->pending[i].at_ns);
			done += g->trace.n;
		}
		if ((r = buf_ok(&g->line, err)) < 0 ||
		    (r = write(arg, g->line.p, g->line.n, err)) < 0)
			return r;
		g->line.n = 0;
	}
	return 0;
}

int
sample_generate(const struct sample_options *opts,
    int (*write)(void *arg, const char *line, size_t n, struct err *), void *arg,
    struct err *err)
{
	struct gen *g;
	int r;

	if (opts->end_ns <= opts->start_ns)
		return err_set(err, ERR_SYNTAX, -1, "the sample's time is empty");
	if ((g = calloc(1, sizeof *g)) == NULL)
		return err_nomem(err);
	g->opts = opts;
	g->rnd = opts->seed;
	make_load(g);
	r = generate(g, write, arg, err);
	buf_release(&g->line);
	free(g);
	return r;
}
