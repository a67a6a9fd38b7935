/* SPDX-License-Identifier: ISC */
/*
 * fuzz_agg: any bytes as groups that were kept (agg/agg_bytes.h). The first says of which table; the
 * hash of its shape is put in, which no fuzzer would find. What is loaded is saved and loaded
 * again, merged with groups of real spans and ended, all within some memory.
 */
#include <stdlib.h>
#include <string.h>

#include "agg/agg_bytes.h"
#include "agg/agg_bytes_i.h"
#include "lib/agg_rig.h"

#define MEMORY ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
save_and_load(struct agg_table *t)
{
	struct agg_table *back = NULL;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int code;

	check(agg_save(t, &b, &e) == 0);
	code = agg_load(t, buf_view(&b), NULL, &back, &e);
	check(code == 0 || code == ERR_NOMEM);
	if (code == 0) {
		check(agg_n_groups(back) == agg_n_groups(t));
		check(agg_is_exact(back) == agg_is_exact(t));
		agg_table_free(back);
	}
	buf_release(&b);
}

static void
merge_and_end(struct agg_table *t, unsigned shape)
{
	struct agg_table *all = agg_rig_table(shape, MEMORY);
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	check(agg_rig_add(all, SIDE_NOW, 3, 0, 10, &e) == 0);
	if (agg_merge(all, t, &e) == 0)
		(void)agg_rig_print(all, shape, &b, &e);
	check(e.code == 0 || e.code == ERR_NOMEM || e.code == ERR_TOOBIG);
	buf_release(&b);
	agg_table_free(all);
}

static void
let_go(void *bytes)
{
	check(bytes != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned shape = n == 0 ? 0 : data[0] % AGG_RIG_SHAPES;
	struct agg_table *like = agg_rig_table(shape, MEMORY), *t = NULL;
	uint8_t *copy = malloc(n + 1);	/* no byte longer than it says */
	const struct agg_hold hold = { let_go, copy };	/* they stay until the end */
	struct err e = ERR_INIT;
	uint64_t hash;

	check(copy != NULL && agg_shape(like, &hash, &e) == 0);
	if (n != 0)
		memcpy(copy, data + 1, --n);
	if (n >= AGG_MAGIC_BYTES + sizeof hash)
		memcpy(copy + AGG_MAGIC_BYTES, &hash, sizeof hash);
	copy = realloc(copy, n == 0 ? 1 : n);
	check(copy != NULL);
	if (agg_load(like, sv_new(copy, n), &hold, &t, &e) == 0) {
		save_and_load(t);
		merge_and_end(t, shape);
		agg_table_free(t);
	} else
		check(e.code != ERR_CORRUPT || (e.off >= 0 && (size_t)e.off <= n));
	free(copy);
	agg_table_free(like);
	return 0;
}
