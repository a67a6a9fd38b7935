/* SPDX-License-Identifier: ISC */
/* render: texts that many spans share, rendered once: see render/render.h. */
#include "render/render.h"

#include <stdlib.h>

#define KEEP_BYTES 65536	/* rendered text above this isn't kept in a render cache */
#define SLOT_BITS 8

struct render_slot {
	const void *key;
	size_t off, n;
};

struct sv
render_cached(struct render_cache *c, const void *key,
    void (*render)(struct buf *, const void *key))
{
	uint64_t hash = ((uint64_t)(uintptr_t)key >> 3) * 0x9e3779b97f4a7c15u;
	size_t off = c->text.n;
	struct render_slot *s;

	if (c->slots == NULL && (c->slots = calloc((size_t)1 << SLOT_BITS, sizeof *s)) == NULL) {
		c->text.oom = true;
		return sv_new("", 0);
	}
	c->used = true;
	s = &c->slots[hash >> (64 - SLOT_BITS)];
	if (s->key == key)
		return sv_new(c->text.p + s->off, s->n);
	render(&c->text, key);
	if (c->text.n - off > KEEP_BYTES) {
		size_t n = c->text.n - off;

		c->text.n = off;
		return sv_new(c->text.p + off, n);
	}
	*s = (struct render_slot){ key, off, c->text.n - off };
	return sv_new(c->text.p + off, s->n);
}

static void
cache_reset(struct render_cache *c)
{
	if (c->used)
		memset(c->slots, 0, sizeof *c->slots << SLOT_BITS);
	c->used = false;
	c->text.n = 0;
}

static void
cache_release(struct render_cache *c)
{
	free(c->slots);
	c->slots = NULL;
	c->used = false;
	buf_release(&c->text);
}

void
render_batch(struct render *r)
{
	cache_reset(&r->resources);
	cache_reset(&r->scopes);
}

void
render_release(struct render *r)
{
	cache_release(&r->resources);
	cache_release(&r->scopes);
}

int
render_ok(const struct render *r, struct err *e)
{
	return r->resources.text.oom || r->scopes.text.oom ? err_nomem(e) : 0;
}
