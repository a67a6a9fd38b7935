/* SPDX-License-Identifier: ISC */
/* store_vocab: the words of a store for gen_path: its services, names, ids, fields and their values. */
#ifndef TESTS_STORE_VOCAB_H
#define TESTS_STORE_VOCAB_H

#include "engine/engine.h"
#include "lib/gen_path.h"
#include "lib/store_rig.h"

/* In the arena; failures end the test. */
void store_vocab(struct engine *, const struct store_rig *, struct arena *, struct vocab *);
/* The i-th of the files that generated queries are asked for, in turn. */
const char *vocab_file(size_t i);
/* GEN_PATH_*: what may stand before a file. */
unsigned vocab_file_flags(const char *file);

#endif
