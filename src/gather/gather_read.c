/* SPDX-License-Identifier: ISC */
/* gather_read: what all fields share: values of columns for the rows, dictionaries, codes. */
#include "gather_i.h"

#include "base/search.h"

/* ---- reading ---- */

int
gather_read(struct gather *x, const struct column *col, struct gather_reading *r)
{
	int rc;

	r->c = NULL;
	r->row = NULL;
	r->n = r->at = r->n_v = 0;
	if (col == NULL)
		return 0;
	if ((rc = chunk_get(x->s, col, x->group, &r->c, x->e)) < 0 || r->c == NULL)
		return rc;
	/* Where all have a value, ordinals are rows. */
	if (chunk_all(r->c)) {
		r->ord = x->rows;
		r->n = x->n;
		return 0;
	}
	r->n = chunk_select(r->c, x->rows, x->n, x->sel, x->ord);
	r->row = x->sel;
	r->ord = x->ord;
	if (r->n == 0) {
		chunk_put(r->c);
		r->c = NULL;
	}
	return 0;
}

bool
gather_piece(struct gather_reading *r)
{
	uint32_t left;

	r->at += r->n_v;
	left = r->n - r->at;
	if (left == 0) {
		chunk_put(r->c);
		r->c = NULL;
		return false;
	}
	r->n_v = left < GATHER_PIECE ? left : GATHER_PIECE;
	chunk_gather(r->c, r->ord + r->at, r->n_v, r->v);
	return true;
}

int
gather_fixed(struct gather *x, enum column_id id, struct gather_reading *r)
{
	return gather_read(x, shard_column(x->s, id), r);
}

/* The values of those rows that have one; of the others 0. */
static void
spread(struct gather *x, const struct chunk *c, uint64_t *v)
{
	uint32_t n = chunk_select(c, x->rows, x->n, x->sel, x->ord);

	for (uint32_t i = 0; i < n; i++)
		v[x->sel[i]] = chunk_u64_at(c, x->ord[i]);
}

int
gather_whole(struct gather *x, enum column_id id, const uint64_t **out)
{
	const struct column *col = shard_column(x->s, id);
	const struct chunk *c = NULL;
	uint64_t *v;
	int rc;

	if (*out != NULL)
		return 0;
	if ((v = arena_array(x->mem, x->n, uint64_t)) == NULL)
		return err_nomem(x->e);
	if (col != NULL && (rc = chunk_get(x->s, col, x->group, &c, x->e)) < 0)
		return rc;
	if (c != NULL && chunk_all(c))
		chunk_gather(c, x->rows, x->n, v);
	else if (c != NULL)
		spread(x, c, v);
	chunk_put(c);
	*out = v;
	return 0;
}

int
gather_dict(struct gather *x, const struct column *col, const struct dict **out)
{
	struct gather_pin *p = arena_new(x->mem, struct gather_pin);
	int rc;

	if (p == NULL)
		return err_nomem(x->e);
	if ((rc = dict_get(x->s, col, &p->dict, x->e)) < 0)
		return rc;
	p->next = x->pins;
	x->pins = p;
	*out = p->dict;
	return 0;
}

/* ---- codes ---- */

uint32_t *
gather_no_codes(struct gather *x, uint32_t n)
{
	uint32_t *codes = arena_array(x->mem, n + 1, uint32_t);

	for (uint32_t i = 0; codes != NULL && i < n; i++)
		codes[i] = AGG_NO_CODE;
	return codes;
}

static void
value_of_dict(const void *arg, uint32_t code, struct value *v)
{
	*v = (struct value){ .type = VAL_STRING, .s = dict_at(arg, code) };
}

void
gather_of_dict(const struct dict *d, const uint32_t *codes, struct agg_column *out)
{
	*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = codes, .n_codes = d->n,
	    .value = value_of_dict, .arg = d };
}

static void
value_of_service(const void *arg, uint32_t code, struct value *v)
{
	const struct shard_info *info = arg;

	*v = (struct value){ .type = VAL_STRING, .s = info->services[code].service };
}

void
gather_of_services(const struct shard_info *info, const uint32_t *codes, struct agg_column *out)
{
	*out = (struct agg_column){ .kind = AGG_COLUMN_CODES, .codes = codes,
	    .n_codes = (uint32_t)info->n_services, .value = value_of_service, .arg = info };
}

uint32_t
gather_service(const struct shard_info *info, uint32_t row)
{
	size_t lo = 0;

	LOWER_BOUND(lo, info->n_services, i, info->services[i].row_to <= row);
	return (uint32_t)lo;
}

/* ---- begin and end ---- */

int
gather_begin(struct gather *x)
{
	x->info = shard_info(x->s);
	x->row_from = x->info->row_groups[x->group].row_from;
	x->sel = arena_array(x->mem, x->n, uint32_t);
	x->ord = arena_array(x->mem, x->n, uint32_t);
	return x->sel == NULL || x->ord == NULL ? err_nomem(x->e) : 0;
}

void
gather_end(struct gather *x)
{
	for (struct gather_pin *p = x->pins; p != NULL; p = p->next)
		dict_put(p->dict);
	x->pins = NULL;
}
