/* SPDX-License-Identifier: ISC */
/*
 * words: the words of text/WORDS in texts. A word is a run of word bytes (text_word_byte in
 * model/pred.h): letters, digits, '_', and every byte from 0x80 on.
 */
#ifndef MATCH_WORDS_H
#define MATCH_WORDS_H

#include "model/pred.h"
#include "model/value.h"

/* True if `word` (lower-case ASCII) stands in the text as a whole token, ASCII case ignored. */
bool text_has_word(struct sv text, struct sv word);
/* Are the bytes at p those of the word but for ASCII case? */
bool same_word(const char *p, struct sv word);
/* The same for a value: strings, and those inside arrays and maps at any depth. */
bool value_has_word(const struct value *, struct sv word);

#endif
