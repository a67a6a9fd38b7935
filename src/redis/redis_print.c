/* SPDX-License-Identifier: ISC */
/* redis_print: what is told of it. */
#include "base/clock.h"
#include "base/visible.h"
#include "redis_i.h"

const char *
redis_state(const struct redis *r)
{
	static const char *const names[] = {
		[STATE_OFF] = "off", [STATE_IDLE] = "idle", [STATE_UP] = "connected",
		[STATE_OPEN] = "open", [STATE_TRYING] = "half-open",
	};

	return names[atomic_load(&r->state)];
}

void
redis_counts(struct redis *r, struct redis_counts *out)
{
	const struct counts *c = &r->counts;

	*out = (struct redis_counts){
		.gets = c->gets, .hits = c->hits, .hit_bytes = c->hit_bytes, .misses = c->misses,
		.skipped = c->skipped, .busy = c->busy, .failed = c->failed, .damaged = c->damaged,
		.puts = c->puts, .written = c->written, .written_bytes = c->written_bytes,
		.dropped = c->dropped, .too_large = c->too_large, .refused = c->refused,
		.connects = c->connects, .opened = c->opened, .probes = c->probes,
	};
	pthread_mutex_lock(&r->lock);
	out->queued = r->queue.n;
	out->queued_bytes = r->queue.bytes;
	pthread_mutex_unlock(&r->lock);
}

static void
line(struct buf *out, const char *name, uint64_t n)
{
	buf_printf(out, "# l2.%s\t%llu\n", name, (unsigned long long)n);
}

static void
print_counts(struct redis *r, struct buf *out)
{
	struct redis_counts c;

	redis_counts(r, &c);
	line(out, "gets", c.gets);
	line(out, "hits", c.hits);
	line(out, "hit_bytes", c.hit_bytes);
	line(out, "misses", c.misses);
	line(out, "skipped", c.skipped);
	line(out, "busy", c.busy);
	line(out, "failed", c.failed);
	line(out, "damaged", c.damaged);
	line(out, "puts", c.puts);
	line(out, "written", c.written);
	line(out, "written_bytes", c.written_bytes);
	line(out, "dropped", c.dropped);
	line(out, "too_large", c.too_large);
	line(out, "refused", c.refused);
	line(out, "queued", c.queued);
	line(out, "queued_bytes", c.queued_bytes);
	line(out, "connects", c.connects);
	line(out, "opened", c.opened);
	line(out, "probes", c.probes);
}

/* Under the lock. */
static void
print_state(struct redis *r, struct buf *out)
{
	const struct settings *s = r->settings;

	buf_printf(out, "# l2.state\t%s\n", redis_state(r));
	if (s->url.host != NULL) {
		BUF_LIT(out, "# l2.url\t");
		url_print(&s->url, out);
		BUF_LIT(out, "\n");
	}
	if (s->off && s->url.host != NULL && s->why_off != NULL)
		buf_printf(out, "# l2.why_off\t%s\n", s->why_off);
	if (r->last[0] == '\0')
		return;
	BUF_LIT(out, "# l2.last_failure\t");
	visible_text(out, sv_cstr(r->last), 0);
	buf_printf(out, "\n# l2.last_failure_age_ms\t%llu\n",
	    (unsigned long long)((clock_wall_ns() - r->last_at) / 1000000));
}

void
redis_print(struct redis *r, struct buf *out)
{
	pthread_mutex_lock(&r->lock);
	print_state(r, out);
	pthread_mutex_unlock(&r->lock);
	print_counts(r, out);
}
