/* SPDX-License-Identifier: ISC */
/* near: the word nearest to a mistyped one, for "did you mean". */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include "base/sv.h"

#define NEAR_MAX 48	/* longer words are not compared */

struct near {
	struct sv word;		/* as typed; borrowed */
	struct sv found;	/* the nearest that was offered, borrowed; empty: none is near */
	size_t best;		/* its distance, or the first that is too far */
};

/* One slip is near in a word of up to four bytes, two in longer ones. */
void near_init(struct near *, struct sv word);
/* Of several that are equally near, the first in byte order. */
void near_offer(struct near *, struct sv candidate);

#endif
