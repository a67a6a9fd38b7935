/* SPDX-License-Identifier: ISC */
/* vec: see base/vec.h. */
#include "base/vec.h"

#include <stdint.h>

bool
vec_grow(void **v, size_t *cap, size_t need, size_t size)
{
	size_t n = *cap < 8 ? 8 : *cap + *cap / 2, bytes;
	void *p;

	if (n < need)
		n = need;
	if (__builtin_mul_overflow(n, size, &bytes) || (p = realloc(*v, bytes)) == NULL)
		return false;
	*v = p;
	*cap = n;
	return true;
}
