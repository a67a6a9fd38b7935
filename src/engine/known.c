/* SPDX-License-Identifier: ISC */
/*
 * known: the services and attributes that the store has ever seen, of the footers of all its
 * shards, kept with the world.
 *
 * Where a shard's footer can't be read, or does not list the rarest of its attributes, a name
 * that is not found may be in it all the same: the names are open then, and every name is taken
 * for known.
 */
#include "engine_i.h"

static int
put_field(struct world *w, const struct field *f, struct buf *text, struct err *e)
{
	text->n = 0;
	field_print(text, f);
	if (text->oom || map_put(&w->fields, buf_view(text), NULL) == NULL)
		return err_nomem(e);
	return 0;
}

int
world_learn_names(struct world *w, const struct stats *st, struct err *e)
{
	struct buf text = BUF_INIT;
	int code = 0;

	for (size_t i = 0; i < st->n_shards && code == 0; i++) {
		const struct shard_stats *s = &st->shards[i];

		w->services_open |= s->damaged;
		w->fields_open |= s->damaged || !s->all_keys;
		for (size_t k = 0; k < s->n_services && code == 0; k++)
			if (map_put(&w->services, s->services[k].service, NULL) == NULL)
				code = err_nomem(e);
		for (size_t k = 0; k < s->n_columns && code == 0; k++)
			if (s->columns[k].field.scope != FIELD_INTRINSIC)
				code = put_field(w, &s->columns[k].field, &text, e);
	}
	buf_release(&text);
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
world_rest_key(struct world *w, const struct stats *all, struct sv key, bool *has, struct err *e)
{
	enum { ASK, ABSENT, THERE };
	struct field meant;
	int code, known;

	*has = false;
	if (!w->fields_open || !field_of_key(key, &meant))
		return 0;
	known = atomic_load(&w->rest_keys[meant.intrinsic]);
	if (known == ASK) {
		if ((code = catalog_rest_key(w->snap, all, key, has, e)) < 0)
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
	size_t lo = 0, hi = s->n_services;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = sv_cmp(s->services[mid].service, name);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
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
