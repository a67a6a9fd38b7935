/* SPDX-License-Identifier: ISC */
/*
 * contrast_memo: what a thread knows of the columns of the shard that it is at: the number of each
 * value, by its code in a dictionary; of numbers in a small cache. So a value is looked up by its
 * bytes about once a shard.
 */
#include "base/bitmap.h"
#include "contrast_scan_i.h"

#include <stdlib.h>

#define IMAGES 1024		/* numbers that are remembered of a column */
#define ROOM_BYTES (sizeof(uint64_t) + sizeof(uint32_t) + 1)	/* of an ordinal */

/* ---- what is known of a shard ---- */

static void
leave_shard(struct contrast_local *l)
{
	for (size_t i = 0; i < l->n_memos; i++) {
		free(l->memos[i].codes);
		free(l->memos[i].images);
		contrast_give(l->table, l->memos[i].held);
	}
	free(l->memos);
	l->memos = NULL;
	l->n_memos = 0;
	l->shard = NULL;
}

static void
drop_room(struct contrast_local *l)
{
	free(l->all);
	free(l->selected);
	free(l->values);
	free(l->ords);
	l->all = l->selected = l->values = NULL;
	l->ords = NULL;
	if (l->table != NULL)
		contrast_give(l->table, l->room * ROOM_BYTES);
	l->room = 0;
}

void
contrast_local_end(struct contrast_local *l)
{
	leave_shard(l);
	drop_room(l);
}

int
contrast_room(struct contrast_local *l, size_t n, struct err *e)
{
	int rc;

	if (n <= l->room)
		return 0;
	drop_room(l);
	if ((rc = contrast_take(l->table, n * ROOM_BYTES, e)) < 0)
		return rc;
	l->room = n;
	l->all = malloc((BITMAP_WORDS(n) + 1) * sizeof *l->all);
	l->selected = malloc((BITMAP_WORDS(n) + 1) * sizeof *l->selected);
	l->values = malloc(n * sizeof *l->values);
	l->ords = malloc(n * sizeof *l->ords);
	return l->all == NULL || l->selected == NULL || l->values == NULL || l->ords == NULL ?
	    err_nomem(e) : 0;
}

int
contrast_enter(struct contrast_local *l, const struct scan *sc)
{
	const struct shard *s = sc->xs->s;

	if (l->shard == s)
		return 0;
	leave_shard(l);
	if ((l->memos = calloc(sc->xs->info->n_columns + 1, sizeof *l->memos)) == NULL)
		return err_nomem(sc->e);
	l->n_memos = sc->xs->info->n_columns;
	l->shard = s;
	return 0;
}

static int
memo_room(struct counting *x, struct memo *m, void **v, size_t n, size_t size)
{
	int rc;

	if (*v != NULL)
		return 0;
	if ((rc = contrast_take(x->l->table, n * size, x->sc->e)) < 0)
		return rc;
	m->held += n * size;
	*v = calloc(n + 1, size);
	return *v == NULL ? err_nomem(x->sc->e) : 0;
}

/* ---- values of a column ---- */

static struct value
value_of_number(const struct column *col, uint64_t image)
{
	struct value v = { .type = col->id == COL_ATTR ? col->type : VAL_INT };

	if (v.type == VAL_BOOL)
		v.b = image != 0;
	else if (v.type == VAL_DOUBLE)
		v.d = value_double_of(image);
	else
		v.i = value_i64_of(image);
	return v;
}

static struct value
value_of_bytes(const struct column *col, struct sv s)
{
	return (struct value){ .type = col->id == COL_ATTR ? col->type : VAL_STRING, .s = s };
}

struct value
reading_value(const struct reading *r, uint64_t u)
{
	switch (r->col->kind) {
	case COLUMN_DICT:
		return value_of_bytes(r->col, dict_at(r->dict, (uint32_t)u));
	case COLUMN_BYTES:
		return value_of_bytes(r->col, chunk_bytes_at(r->c, (uint32_t)u));
	case COLUMN_INT:
		break;
	}
	return value_of_number(r->col, u);
}

/* Where its number is kept; NULL: nowhere. */
static uint32_t *
place_of(const struct reading *r, uint64_t u)
{
	struct image *i;

	if (r->memo->codes != NULL)
		return &r->memo->codes[u];
	if (r->memo->images == NULL)
		return NULL;
	i = &r->memo->images[(u ^ u >> 10 ^ u >> 41) % IMAGES];
	if (i->image != u) {
		i->image = u;
		i->no = 0;
	}
	return &i->no;
}

int
reading_number(const struct reading *r, uint64_t u, uint32_t *no)
{
	uint32_t *place = place_of(r, u);
	struct value v;
	int rc;

	if (place != NULL && *place != 0) {
		*no = *place - 1;
		return 0;
	}
	v = reading_value(r, u);
	rc = contrast_value(r->x->l->table, r->memo->field, &v, no, r->x->sc->e);
	if (rc == 0 && place != NULL)
		*place = *no + 1;
	return rc;
}

int
reading_begin(struct reading *r, const struct field *f)
{
	struct counting *x = r->x;
	struct scan *sc = x->sc;
	struct memo *m = &x->l->memos[r->col->index];
	int rc;

	r->memo = m;
	r->c = NULL;
	r->dict = NULL;
	if (f != NULL && m->field == NULL &&
	    (rc = contrast_field(x->l->table, f, &m->field, sc->e)) < 0)
		return rc;
	if (f != NULL && contrast_dropped(m->field))
		return 0;
	if ((rc = chunk_get(sc->xs->s, r->col, sc->group, &r->c, sc->e)) < 0 || r->c == NULL)
		return rc;
	if (r->col->kind == COLUMN_DICT && (rc = dict_get(sc->xs->s, r->col, &r->dict, sc->e)) < 0)
		return rc;
	/* Arrays are many values each. */
	if (f == NULL || r->col->type == VAL_ARRAY)
		return 0;
	if (r->col->kind == COLUMN_DICT)
		return memo_room(x, m, (void **)&m->codes, r->dict->n, sizeof *m->codes);
	return r->col->kind == COLUMN_INT ?
	    memo_room(x, m, (void **)&m->images, IMAGES, sizeof *m->images) : 0;
}

void
reading_end(struct reading *r)
{
	dict_put(r->dict);
	chunk_put(r->c);
}

/* ---- ordinals ---- */

const uint64_t *
contrast_ordinals(const struct chunk *c, const uint64_t *rows, uint64_t *room)
{
	if (chunk_all(c))
		return rows;
	memset(room, 0, (BITMAP_WORDS(c->n_present) + 1) * sizeof *room);
	chunk_ordinals(c, rows, room);
	return room;
}
