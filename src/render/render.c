/* SPDX-License-Identifier: ISC */
/* render: texts that many spans share, rendered once: see render/render.h. */
#include "render/render.h"

#define KEEP_BYTES 65536	/* rendered text above this isn't kept in a render cache */

struct sv
render_cached(struct render_cache *c, const void *key,
    void (*render)(struct buf *, const void *key))
{
	size_t slot = (size_t)(((uint64_t)(uintptr_t)key >> 3) * 0x9e3779b97f4a7c15u >> 56);
	size_t off = c->text.n, n;

	if (c->slots[slot].key == key)
		return sv_new(c->text.p + c->slots[slot].off, c->slots[slot].n);
	render(&c->text, key);
	n = c->text.n - off;
	if (n > KEEP_BYTES)
		c->text.n = off;
	else {
		c->slots[slot].key = key;
		c->slots[slot].off = off;
		c->slots[slot].n = n;
	}
	return sv_new(c->text.p + off, n);
}

static void
cache_reset(struct render_cache *c)
{
	memset(c->slots, 0, sizeof c->slots);
	c->text.n = 0;
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
	buf_release(&r->resources.text);
	buf_release(&r->scopes.text);
}

int
render_ok(const struct render *r, struct err *e)
{
	return r->resources.text.oom || r->scopes.text.oom ? err_nomem(e) : 0;
}
