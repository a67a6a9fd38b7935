/* SPDX-License-Identifier: ISC */
/*
 * known: the services and attributes that the store has ever seen, as the catalog knows them of
 * all its shards, kept with the world.
 *
 * Where a shard's footer can't be read, or does not list the rarest of its attributes, a name
 * that is not found may be in it all the same: the names are open then, and every name is taken
 * for known.
 */
#include "base/search.h"
#include "engine_i.h"

static int
take_service(void *arg, struct sv name, struct err *e)
{
	struct world *w = arg;

	return map_put(&w->services, name, NULL) == NULL ? err_nomem(e) : 0;
}

static int
take_field(void *arg, const struct field *f, struct err *e)
{
	struct world *w = arg;
	struct buf text = BUF_INIT;
	int code = 0;

	field_print(&text, f);
	if (text.oom || map_put(&w->fields, buf_view(&text), NULL) == NULL)
		code = err_nomem(e);
	buf_release(&text);
	return code;
}

int
world_names(struct world *w, struct err *e)
{
	struct names_sink to = { take_service, take_field, w, false, false };
	int code = 0;

	if (atomic_load_explicit(&w->named, memory_order_acquire))
		return 0;
	pthread_mutex_lock(&w->making);
	if (!atomic_load_explicit(&w->named, memory_order_relaxed) &&
	    (code = catalog_names(w->snap, &to, e)) == 0) {
		/* Those of another source are never known for sure. */
		w->services_open = to.services_open || w->engine->source != NULL;
		w->fields_open = to.fields_open || w->engine->source != NULL;
		atomic_store_explicit(&w->named, true, memory_order_release);
	}
	pthread_mutex_unlock(&w->making);
	return code;
}

int
world_find_key(const struct world *w, enum field_scope scope, struct sv key, bool *has,
    struct err *e)
{
	struct field f = { .scope = scope, .key = key };
	struct buf text = BUF_INIT;
	int code;

	field_print(&text, &f);
	if ((code = buf_ok(&text, e)) == 0)
		*has = map_get(&w->fields, buf_view(&text)) != NULL;
	buf_release(&text);
	return code;
}

bool
world_has_key(const struct world *w, enum field_scope scope, struct sv key)
{
	bool has;

	return world_find_key(w, scope, key, &has, NULL) < 0 || has;
}

/* Shards made before such keys had columns of their own are read, once in a state of the store. */
int
world_rest_key(struct world *w, struct sv key, bool *has, struct err *e)
{
	enum { ASK, ABSENT, THERE };
	const struct stats *all;
	struct field meant;
	int code, known;

	*has = false;
	if (!w->fields_open || !field_of_key(key, &meant))
		return 0;
	known = atomic_load(&w->rest_keys[meant.intrinsic]);
	if (known == ASK) {
		if ((code = world_all(w->engine, w, &all, e)) < 0 ||
		    (code = catalog_rest_key(w->snap, all, key, has, e)) < 0)
			return code;
		atomic_store(&w->rest_keys[meant.intrinsic], *has ? THERE : ABSENT);
	} else
		*has = known == THERE;
	return 0;
}

bool
world_has_field(const struct world *w, const struct field *f)
{
	struct field meant;

	switch (f->scope) {
	case FIELD_PARENT:
		meant = field_inner(f);
		return world_has_field(w, &meant);
	case FIELD_INTRINSIC:
		return true;
	case FIELD_BARE:
		return w->fields_open || field_of_key(f->key, &meant) ||
		    sv_is(f->key, "service.name") || world_has_key(w, FIELD_SPAN, f->key) ||
		    world_has_key(w, FIELD_RESOURCE, f->key);
	case FIELD_RESOURCE:
		return sv_is(f->key, "service.name") || w->services_open ||
		    world_has_key(w, f->scope, f->key);
	default:
		return w->fields_open || world_has_key(w, f->scope, f->key);
	}
}

bool
shard_has_service(const struct shard_stats *s, struct sv name)
{
	size_t at = 0;
	bool found;

	FIND_SORTED(at, s->n_services, i, sv_cmp(s->services[i].service, name), found);
	return found;
}

struct sv
field_as_typed(struct sv printed)
{
	struct field f, bare;

	if (!field_parse(printed, &f) || f.scope != FIELD_SPAN)
		return printed;
	/* Keys that read as something else keep their scope: span.name, span.event.x. */
	return field_parse(f.key, &bare) && bare.scope == FIELD_BARE ? f.key : printed;
}
