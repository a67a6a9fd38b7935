/* SPDX-License-Identifier: ISC */
/*
 * filter_span: conditions on what no column holds but is worked out of several (tokens, cost, the
 * scores of evaluation events): the rows that may have a value are put together with just what the
 * field is read from. No index or zone speaks of such a field.
 */
#include "filter_i.h"

#include "model/usage.h"
#include "shard/fetch.h"

#define SPAN_BATCH 512		/* put together at once */

/* Adds the rows that have a value in the columns of a span's attribute. */
static int
add_presence(struct scan *sc, struct sv key, uint64_t *has)
{
	const struct column *cols;
	size_t n = shard_attr(sc->xs->s, ATTR_SPAN, key, &cols);
	uint64_t *bits = n == 0 ? NULL : scan_bits(sc, sc->n_rows);

	if (n != 0 && bits == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct chunk *c = NULL;
		int rc = chunk_get(sc->xs->s, &cols[i], sc->group, &c, sc->e);

		if (rc < 0)
			return rc;
		if (c != NULL) {
			bitmap_zero(bits, sc->n_rows);
			chunk_presence(c, bits);
			bitmap_or(has, bits, sc->n_rows);
		}
		chunk_put(c);
	}
	return 0;
}

/* Rows that may say of tokens: those with one of the attributes, unless rare ones lie elsewhere. */
static int
usage_rows(struct scan *sc, uint64_t *has)
{
	int rc = 0;

	if (shard_column(sc->xs->s, COL_REST) != NULL) {
		bitmap_set_range(has, 0, sc->n_rows);
		return 0;
	}
	for (size_t i = 0; rc == 0 && usage_key(i) != NULL; i++)
		rc = add_presence(sc, sv_cstr(usage_key(i)), has);
	return rc;
}

static int
event_rows(struct scan *sc, uint64_t *has)
{
	const struct chunk *c = NULL;
	int rc = scan_chunk(sc, COL_N_EVENTS, &c);

	if (rc == 0 && c != NULL)
		chunk_presence(c, has);
	chunk_put(c);
	return rc;
}

static int
span_holds(const struct fnode *n, const struct span *s, struct err *e)
{
	const struct field_row r = { .span = s };
	struct field_at at = { 0, 0 };
	struct field_value v;
	int rc = 0;

	while (rc == 0 && field_value_next(&n->pred->field, &r, &at, &v))
		rc = matcher_field(n->m, &v, e);
	return rc;
}

/* n rows, at most SPAN_BATCH; `at` and `spans` have room for them. */
static int
some_hold(struct scan *sc, const struct fnode *node, const uint32_t *rows, uint32_t n, uint32_t *at,
    struct span *spans, uint64_t *out)
{
	const struct projection p = { .lean = true, .fields = &node->pred->field, .n_fields = 1 };
	int rc;

	for (uint32_t i = 0; i < n; i++)
		at[i] = sc->row_from + rows[i];
	fetch_reset(sc->fetch);
	if ((rc = fetch_rows(sc->fetch, sc->xs->s, at, n, &p, spans, sc->e)) < 0)
		return rc;
	for (uint32_t i = 0; i < n; i++) {
		if ((rc = span_holds(node, &spans[i], sc->e)) < 0)
			return rc == ERR_TIMEOUT ? scan_blame(sc, rows[i], rc) : rc;
		if (rc > 0)
			bitmap_set(out, rows[i]);
	}
	return 0;
}

static int
rows_hold(struct scan *sc, const struct fnode *node, const uint32_t *rows, uint32_t n,
    uint64_t *out)
{
	uint32_t room = n < SPAN_BATCH ? n : SPAN_BATCH;
	struct span *spans = arena_array(&sc->mem, room, struct span);
	uint32_t *at = arena_array(&sc->mem, room, uint32_t);
	int rc = 0;

	if (spans == NULL || at == NULL)
		return err_nomem(sc->e);
	if (sc->fetch == NULL && (rc = fetch_new(&sc->fetch, sc->e)) < 0)
		return rc;
	for (uint32_t i = 0, m; rc == 0 && i < n; i += m) {
		m = n - i < room ? n - i : room;
		rc = some_hold(sc, node, rows + i, m, at, spans, out);
	}
	fetch_reset(sc->fetch);
	return rc;
}

int
span_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	uint64_t *has = scan_bits(sc, sc->n_rows);
	uint32_t *rows, count;
	int rc;

	if (has == NULL)
		return ERR_NOMEM;
	rc = field_owner(&n->pred->field) == OF_EVENT ? event_rows(sc, has) : usage_rows(sc, has);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < BITMAP_WORDS(sc->n_rows); i++)
		has[i] &= in[i];
	if ((rows = scan_list(sc, has, sc->n_rows, &count)) == NULL)
		return err_nomem(sc->e);
	return count == 0 ? 0 : rows_hold(sc, n, rows, count, out);
}
