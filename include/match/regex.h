/* SPDX-License-Identifier: ISC */
/*
 * regex: anchored regular expressions over whole texts: re and nre of the path language. The
 * only owner of PCRE2.
 */
#ifndef MATCH_REGEX_H
#define MATCH_REGEX_H

#include "base/err.h"
#include "base/sv.h"

struct regex;

/* What a pattern comes down to. PCRE2 is asked only for REGEX_FULL. */
enum regex_kind { REGEX_EQ, REGEX_STARTS, REGEX_ENDS, REGEX_CONTAINS, REGEX_ANY, REGEX_FULL };

/* few: not many values will be asked about, so machine code for it would not pay. */
int regex_new(struct sv pattern, bool few, struct regex **, struct err *) WARN_UNUSED;
void regex_free(struct regex *);
enum regex_kind regex_kind(const struct regex *);
/* The whole subject: 1, 0, or ERR_TIMEOUT, ERR_NOMEM. Thread-safe. */
int regex_match(const struct regex *, struct sv subject, struct err *);
/*
 * Texts that every subject that matches holds, byte by byte; borrowed. regex_match looks for
 * the longest before it asks PCRE2, so that a subject without it never fails.
 */
size_t regex_must(const struct regex *, const struct sv **);

/*
 * regex_literals.c: up to max such texts of a pattern that compiles (case-sensitive, not extended), the longest
 * if there are more, into out; their bytes into mem, which has room for pattern.n.
 */
size_t pattern_literals(struct sv pattern, char *mem, struct sv *out, size_t max);

#endif
