/* SPDX-License-Identifier: ISC */
/* postings_form: what readers, writer and check of SECTION_POSTINGS and SECTION_TEXT share. */
#ifndef SHARD_POSTINGS_FORM_H
#define SHARD_POSTINGS_FORM_H

#include <assert.h>

#include "shard/poslist.h"

#define POSTINGS_HEAD 8		/* bytes before the first pack; of SECTION_TEXT too */

enum postings_form { POSTINGS_CODES = 0, POSTINGS_VALUES = 1, POSTINGS_HASHES = 2 };

#endif
