/* SPDX-License-Identifier: ISC */
/* utf8: strict UTF-8 (no surrogates, no over-long forms, at most U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/sv.h"

/* Length 1 to 4 of the valid sequence at p, or 0; *cp gets the code point (may be NULL). */
size_t utf8_decode(const char *p, const char *end, uint32_t *cp);
/* Writes 1 to 4 bytes and returns how many. */
size_t utf8_encode(char *p, uint32_t cp);
bool utf8_valid(struct sv);
/*
 * Copies s to `to`, with U+FFFD for each maximal part that is ill-formed (Unicode, section
 * 3.9: the longest start of a character that could be one, else a byte). Returns the bytes
 * written; `to` has room for UTF8_REPAIR_MAX * s.n.
 */
#define UTF8_REPAIR_MAX 3
size_t utf8_repair(char *to, struct sv s);
/* C0, DEL, C1, bidirectional controls and zero-width marks: never to be shown on a terminal. */
bool utf8_unprintable(uint32_t cp);

#endif
