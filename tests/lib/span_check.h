/* SPDX-License-Identifier: ISC */
/* span_check: what must hold of every span that ingest lets in, or a shard gives back. */
#ifndef TESTS_LIB_SPAN_CHECK_H
#define TESTS_LIB_SPAN_CHECK_H

#include "model/span.h"

/* NULL, or what is wrong with it. Reads every byte that the span points to. */
const char *span_check(const struct span *);
/* Whether all its texts are UTF-8, which holds of what ingest makes (old shards have others). */
bool span_texts_utf8(const struct span *);

#endif
