/* SPDX-License-Identifier: ISC */
/*
 * filter_words: text/WORDS: every word in some string of the span: name, status message, event
 * names, string attributes (nested too) of span, event, scope and resource. For each word the
 * columns are asked one after the other, each only about rows in which no earlier one had it;
 * a dictionary value is looked through once.
 */
#include "filter_i.h"

#include <stdlib.h>

/* Columns that hold strings which count. */
static bool
has_text(const struct column *c)
{
	switch (c->id) {
	case COL_NAME:
	case COL_STATUS_MESSAGE:
	case COL_REST:
	case COL_EVENT_NAME:
	case COL_EVENT_REST:
		return true;
	case COL_ATTR:
		return c->scope != ATTR_LINK && (c->type == VAL_STRING ||
		    c->type == VAL_ARRAY || c->type == VAL_MAP);
	default:
		return false;
	}
}

/* Resources, then scopes, of each word. */
static int
prepare_owners(struct xshard *xs, struct leaf_state *st, struct err *e)
{
	const struct resource *r;
	const struct scope *s;
	size_t n_resources, n_scopes;
	int rc;

	if ((rc = shard_resources(xs->s, &r, &n_resources, e)) < 0 ||
	    (rc = shard_scopes(xs->s, &s, &n_scopes, e)) < 0)
		return rc;
	if ((st->words = calloc((size_t)st->n_words * 2, sizeof *st->words)) == NULL)
		return err_nomem(e);
	for (uint32_t w = 0; w < st->n_words; w++)
		if ((rc = codes_new((uint32_t)n_resources, &st->words[w * 2], e)) < 0 ||
		    (rc = codes_new((uint32_t)n_scopes, &st->words[w * 2 + 1], e)) < 0)
			return rc;
	return 0;
}

int
words_prepare(struct xshard *xs, const struct fnode *n, struct leaf_state *st, struct err *e)
{
	const struct pred *p = n->pred;
	uint32_t n_text = 0;
	int rc;

	for (size_t i = 0; i < xs->info->n_columns; i++)
		n_text += has_text(&xs->info->columns[i]);
	st->n_words = (uint32_t)p->n_lits;
	if ((rc = prepare_owners(xs, st, e)) < 0)
		return rc;
	if ((st->cols = calloc((size_t)n_text * p->n_lits + 1, sizeof *st->cols)) == NULL)
		return err_nomem(e);
	for (size_t w = 0; w < p->n_lits; w++)
		for (size_t i = 0; i < xs->info->n_columns; i++)
			if (has_text(&xs->info->columns[i])) {
				struct col_state *cs = &st->cols[st->n_cols++];

				cs->col = &xs->info->columns[i];
				cs->node = n;
				cs->word = p->lits[w].text;
			}
	return 0;
}

/* ---- resources and scopes ---- */

struct word_arg {
	struct sv word;
	const struct resource *resources;
	const struct scope *scopes;
};

static bool
attrs_have(const struct attrs *a, struct sv word)
{
	for (uint32_t i = 0; i < a->n; i++)
		if (value_has_word(&a->v[i].val, word))
			return true;
	return false;
}

static int
resource_has(void *arg, uint32_t code, struct err *e)
{
	const struct word_arg *a = arg;

	(void)e;
	return attrs_have(&a->resources[code].attrs, a->word);
}

static int
scope_has(void *arg, uint32_t code, struct err *e)
{
	const struct word_arg *a = arg;

	(void)e;
	return attrs_have(&a->scopes[code].attrs, a->word);
}

int
words_of_owners(struct xshard *xs, struct leaf_state *st, uint32_t w, struct sv word,
    struct err *e)
{
	struct word_arg a = { .word = word };
	size_t n_resources, n_scopes;
	int rc;

	if ((rc = shard_resources(xs->s, &a.resources, &n_resources, e)) < 0 ||
	    (rc = shard_scopes(xs->s, &a.scopes, &n_scopes, e)) < 0)
		return rc;
	for (size_t i = 0; i < n_resources; i++)
		if ((rc = codes_one(&st->words[w * 2], (uint32_t)i, resource_has, &a, e)) != 0)
			return rc;
	for (size_t i = 0; i < n_scopes; i++)
		if ((rc = codes_one(&st->words[w * 2 + 1], (uint32_t)i, scope_has, &a, e)) != 0)
			return rc;
	return 0;
}

static int
owners_words(struct scan *sc, struct leaf_state *st, uint32_t w, struct sv word,
    const uint64_t *in, uint64_t *out)
{
	struct word_arg a = { .word = word };
	size_t n;
	int rc;

	if ((rc = shard_resources(sc->xs->s, &a.resources, &n, sc->e)) < 0 ||
	    (rc = shard_scopes(sc->xs->s, &a.scopes, &n, sc->e)) < 0 ||
	    (rc = owners_eval(sc, COL_RESOURCE, &st->words[w * 2], resource_has, &a, in,
	    out)) < 0)
		return rc;
	return owners_eval(sc, COL_SCOPE, &st->words[w * 2 + 1], scope_has, &a, in, out);
}

/* ---- one word ---- */

struct word_at {
	struct scan *sc;
	uint64_t *left, *out, *kids, *got;	/* kids, got: of events */
	const struct chunk *counts;		/* of events; NULL: there are none */
};

static void
take_found(struct word_at *w)
{
	bitmap_andnot(w->left, w->out, w->sc->n_rows);
}

static int
ask_column(struct word_at *w, struct col_state *cs)
{
	struct scan *sc = w->sc;
	int rc;

	if (cs->col->domain == DOMAIN_SPAN)
		return column_eval(sc, cs, w->left, w->out);
	if (w->counts == NULL)
		return 0;
	bitmap_zero(w->got, sc->rg->n_events);
	if ((rc = column_eval(sc, cs, w->kids, w->got)) < 0)
		return rc;
	return children_rows(sc, w->counts, w->left, w->got, w->out);
}

static int
ask_columns(struct word_at *w, struct col_state *cols, uint32_t n)
{
	int rc;

	for (uint32_t i = 0; i < n && bitmap_any(w->left, w->sc->n_rows); i++) {
		if ((rc = ask_column(w, &cols[i])) < 0)
			return rc;
		take_found(w);
	}
	return 0;
}

static int
word_eval(struct scan *sc, struct leaf_state *st, uint32_t i, struct sv word,
    const uint64_t *in, uint64_t *out)
{
	uint32_t per_word = st->n_cols / st->n_words;
	struct word_at w = { .sc = sc, .out = out };
	int rc;

	if ((w.left = scan_bits(sc, sc->n_rows)) == NULL)
		return ERR_NOMEM;
	memcpy(w.left, in, BITMAP_WORDS(sc->n_rows) * sizeof *w.left);
	if ((rc = owners_words(sc, st, i, word, in, out)) < 0)
		return rc;
	take_found(&w);
	if ((rc = children_of(sc, DOMAIN_EVENT, w.left, &w.kids, &w.counts)) < 0)
		return rc;
	if (w.counts != NULL && (w.got = scan_bits(sc, sc->rg->n_events)) == NULL)
		rc = ERR_NOMEM;
	if (rc == 0)
		rc = ask_columns(&w, st->cols + (size_t)i * per_word, per_word);
	chunk_put(w.counts);
	return rc;
}

int
words_eval(struct scan *sc, const struct fnode *n, const uint64_t *in, uint64_t *out)
{
	struct leaf_state *st = &sc->xs->leaves[n->leaf];
	uint64_t *left = scan_bits(sc, sc->n_rows);
	size_t bytes = BITMAP_WORDS(sc->n_rows) * sizeof *out;
	int rc;

	if (left == NULL)
		return ERR_NOMEM;
	memcpy(out, in, bytes);
	for (uint32_t i = 0; i < st->n_words && bitmap_any(out, sc->n_rows); i++) {
		memcpy(left, out, bytes);
		bitmap_zero(out, sc->n_rows);
		if ((rc = word_eval(sc, st, i, n->pred->lits[i].text, left, out)) < 0)
			return rc;
	}
	return 0;
}
