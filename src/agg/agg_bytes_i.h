/* SPDX-License-Identifier: ISC */
/* agg_bytes_i: what agg_save and agg_load share, see agg/agg_bytes.h. */
#ifndef AGG_BYTES_I_H
#define AGG_BYTES_I_H

#include "agg_i.h"

#define AGG_MAGIC "SGS\3"
#define AGG_MAGIC_BYTES 4	/* the last of them the version */

enum state_form { STATE_EXACT, STATE_SKETCH, STATE_REGISTERS, STATE_PACKED };

/* Of fewer numbers a block has nothing to leave out. */
#define PACK_LEAST 64

#define SUM_DOUBLES 1
#define SUM_ODD 2

/* One group with what is in it, behind what is there. */
void agg_put_group(struct buf *, struct agg_table *, struct group *);
/* Back, merged into the table's; the cursor is bad if it doesn't read back. */
int agg_get_group(struct agg_table *, struct cursor *, struct err *) WARN_UNUSED;

#endif
