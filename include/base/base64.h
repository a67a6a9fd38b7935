/* SPDX-License-Identifier: ISC */
/* base64: bytes as text, as JSON has them. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdint.h>

#include "base/sv.h"

/* Base64, standard or URL alphabet, padded or not, into out (3/4 of s.n); -1 if it isn't. */
int64_t base64_decode(struct sv s, uint8_t *out);

#endif
