/* SPDX-License-Identifier: ISC */
/* spanctl check: reads and verifies every byte of the store. */
#include <stdio.h>

#include "cmd.h"
#include "cmd_path.h"
#include "store/catalog.h"

static void
on_bad(void *arg, const char *file, int64_t off, const char *why)
{
	(void)arg;
	if (off >= 0)
		printf("%s: offset %lld: %s\n", file, (long long)off, why);
	else
		printf("%s: %s\n", file, why);
}

static void
on_left_over(void *arg, const char *file)
{
	(void)arg;
	printf("notice: %s: no catalog lists it: left by an import that was killed; the next "
	    "import removes it\n", file);
}

/* What an import left, or is at, is no finding. */
static void
show_left_overs(struct catalog *cat)
{
	struct err err = ERR_INIT;
	uint64_t n;

	if (catalog_left_overs(cat, on_left_over, NULL, &n, &err) < 0)
		printf("notice: files that no catalog lists are not looked for: %s\n", err.msg);
}

int
cmd_check(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct catalog_options o = { .cache_bytes = 1 << 20 };
	struct check_result r = { 0 };
	struct err err = ERR_INIT;
	struct catalog *cat;
	int code;

	(void)argv;
	if (argc != 1)
		return cmd_usage("spanctl check");
	if (catalog_open(ctx->store, &o, &cat, &err) < 0)
		return cmd_store_fail(&err);
	code = catalog_check(cat, on_bad, NULL, &r, &err);
	if (code == 0)
		show_left_overs(cat);
	catalog_close(cat);
	if (code < 0)
		return cmd_store_fail(&err);
	printf("%llu shards, %llu spans, %llu bytes: ", (unsigned long long)r.n_shards,
	    (unsigned long long)r.n_spans, (unsigned long long)r.n_bytes);
	if (r.n_bad == 0)
		printf("good\n");
	else
		printf("%llu findings\n", (unsigned long long)r.n_bad);
	return r.n_bad == 0 ? EXIT_DONE : EXIT_FAILED;
}
