/* SPDX-License-Identifier: ISC */
/*
 * ch_sql_words: text/WORDS. A word that a span has is a part of one of its texts, whatever the
 * case of ASCII; whether it stands there as a word is tested on the rows that come. So more pass than
 * should, and spans without the letters do not come at all. Texts that are read as numbers, and are
 * none then, pass, too; one that is repaired has nothing that it had not before but U+FFFD, which no word
 * asked for here has.
 */
#include "ch_sql_i.h"

bool
words_can(const struct ch_schema *s, const struct pred *p)
{
	if (s->json)
		return false;
	for (size_t i = 0; i < p->n_lits; i++)
		if (text_plain(p->lits[i].text))
			return true;
	return false;
}

static void
in_text(struct writer *w, struct sv word, const char *before)
{
	W(w, "positionCaseInsensitive(");
	buf_str(&w->b, before);
	W(w, ", ");
	w_text(w, word);
	W(w, ") > 0");
}

static void
in_column(struct writer *w, enum ch_span_column c, struct sv word)
{
	W(w, "positionCaseInsensitive(");
	w_column(w, c);
	W(w, ", ");
	w_text(w, word);
	W(w, ") > 0");
}

static void
or_in_values(struct writer *w, enum ch_span_column c, struct sv word)
{
	if (!w_have(w, c))
		return;
	W(w, " OR arrayExists(spanfs_t -> ");
	in_text(w, word, "spanfs_t");
	W(w, ", mapValues(");
	w_column(w, c);
	W(w, "))");
}

static void
or_in_events(struct writer *w, struct sv word)
{
	if (!w_have(w, CHC_EVENT_NAME))
		return;
	W(w, " OR arrayExists(spanfs_t -> ");
	in_text(w, word, "spanfs_t");
	W(w, ", ");
	w_column(w, CHC_EVENT_NAME);
	W(w, ") OR arrayExists(spanfs_m -> arrayExists(spanfs_t -> ");
	in_text(w, word, "spanfs_t");
	W(w, ", mapValues(spanfs_m)), ");
	w_column(w, CHC_EVENT_ATTRS);
	W(w, ")");
}

void
words_write(struct writer *w, const struct pred *p)
{
	bool first = true;

	W(w, "(");
	for (size_t i = 0; i < p->n_lits; i++) {
		struct sv word = p->lits[i].text;

		if (!text_plain(word))
			continue;
		if (!first)
			W(w, " AND ");
		first = false;
		W(w, "(");
		in_column(w, CHC_NAME, word);
		if (w_have(w, CHC_MESSAGE)) {
			W(w, " OR ");
			in_column(w, CHC_MESSAGE, word);
		}
		or_in_values(w, CHC_ATTRS, word);
		or_in_values(w, CHC_RESOURCE, word);
		or_in_events(w, word);
		W(w, ")");
	}
	W(w, ")");
}
