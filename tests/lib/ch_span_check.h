/* SPDX-License-Identifier: ISC */
/*
 * ch_span_check: a span that came back from a table of spans beside the one that it was, but for
 * what the table does not keep. Ends the test where they differ.
 */
#ifndef TESTS_CH_SPAN_CHECK_H
#define TESTS_CH_SPAN_CHECK_H

#include "model/span.h"

/* The text of a value in a Map. */
void ch_value_text(struct buf *, const struct value *);
void ch_span_check(const struct span *was, const struct span *is);

#endif
