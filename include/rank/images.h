/* SPDX-License-Identifier: ISC */
/* images: unsigned numbers, as which values are kept whose order is theirs (model/value.h), put in order. */
#ifndef RANK_IMAGES_H
#define RANK_IMAGES_H

#include <stddef.h>
#include <stdint.h>

void images_sort(uint64_t *, size_t n);
/* The one that stands at `rank` in order; they are put in another. */
uint64_t images_select(uint64_t *, size_t n, size_t rank);

#endif
