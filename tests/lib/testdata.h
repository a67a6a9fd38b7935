/* SPDX-License-Identifier: ISC */
/* testdata: files under tests/ and man/, found from the source tree ($SRC, else "."). */
#ifndef TESTS_LIB_TESTDATA_H
#define TESTS_LIB_TESTDATA_H

#include "base/buf.h"

/* The file's bytes, appended. Fails the test if it can't be read. */
void testdata_read(struct buf *, const char *name);
/* Writes `text` with every {TEXT}*N replaced by N times TEXT (not nested). */
void testdata_expand(struct buf *, struct sv text);

#endif
