/* SPDX-License-Identifier: ISC */
/*
 * vec: typed growable arrays. VEC(int) v = VEC_INIT; if (!vec_push(&v, 7)) out of memory;
 * v.v[0] ... v.n; vec_release(&v). Elements move when it grows.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define VEC(type) struct { type *v; size_t n, cap; }
#define VEC_INIT { NULL, 0, 0 }

/* Grows *v so that `need` elements of `size` bytes fit; false when out of memory. */
bool vec_grow(void **v, size_t *cap, size_t need, size_t size);

#define vec_reserve(a, need) \
	((need) <= (a)->cap || \
	vec_grow((void **)&(a)->v, &(a)->cap, (need), sizeof *(a)->v))
#define vec_push(a, x) \
	(vec_reserve((a), (a)->n + 1) ? ((a)->v[(a)->n++] = (x), true) : false)
#define vec_release(a) \
	do { free((a)->v); (a)->v = NULL; (a)->n = (a)->cap = 0; } while (0)

#endif
