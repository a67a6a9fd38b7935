/* SPDX-License-Identifier: ISC */
/* card_words: what share of rows has a word, in the store and in one cell. */
#include "card_i.h"
#include "match/words.h"

#define WORD_VALUES 48		/* of a field that are searched for words */

/* Of the fields with texts: rows whose value, of the known ones, has the word. */
static double
word_in_entry(const struct stats_summary *s, const struct stats_cell_field *e, struct sv word)
{
	double hits = 0;

	if (s->fields[e->field].type != VAL_STRING)
		return 0;
	for (uint32_t i = 0; i < e->n_top; i++)
		if (text_has_word(e->top[i].val.s, word))
			hits += e->top[i].n_rows;
	return hits;
}

double
card_word_in_cell(const struct stats_summary *s, const struct stats_cell *c, struct sv word)
{
	double none = 1;

	if (text_has_word(c->service, word) || text_has_word(c->name, word))
		return 1;
	for (uint32_t i = 0; i < c->n_fields; i++) {
		double x = word_in_entry(s, &c->fields[i], word) / c->n_rows;

		none *= x < 1 ? 1 - x : 0;
	}
	return 1 - none;
}

/* Of a field that cells do not know, or of values that they do not list. */
static double
word_in_field(const struct stats_field *f, struct sv word)
{
	uint32_t n = f->n_values < WORD_VALUES ? f->n_values : WORD_VALUES;
	double hits = 0, seen = 0;

	for (uint32_t i = 0; i < n; i++) {
		seen += f->values[i].n_rows;
		if (text_has_word(f->values[i].val.s, word))
			hits += f->values[i].n_rows;
	}
	for (uint32_t i = 0; i < f->n_samples; i++)
		if (text_has_word(f->samples[i], word))
			hits += (f->n_present - f->n_known) / f->n_samples;
	return hits / (seen > f->n_present ? seen : f->n_present);
}

/*
 * The share of rows with the word: of the field that has it most often, or of all that list
 * it, cell by cell. Nowhere: about as often as a value that nobody lists.
 */
double
card_word_share(const struct stats_summary *s, struct sv word, double in_cells)
{
	double most = in_cells, least = s->n_rows > 0 ? 5 / s->n_rows : SEL_TEXT;

	for (uint32_t i = 0; i < s->n_fields; i++) {
		const struct stats_field *f = &s->fields[i];
		double x;

		if (f->type != VAL_STRING || f->n_samples + f->n_values == 0)
			continue;
		x = word_in_field(f, word) * f->n_present / s->n_rows;
		most = x > most ? x : most;
	}
	return most > least ? most : least;
}
