/* SPDX-License-Identifier: ISC */
/* spanctl check: reads and verifies every byte of the store. */
#include <stdio.h>

#include "cmd.h"
#include "check/check.h"

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

static void
on_not_looked(void *arg, const char *why)
{
	(void)arg;
	printf("notice: files that no catalog lists are not looked for: %s\n", why);
}

static void
on_unused(void *arg, const char *what)
{
	(void)arg;
	printf("notice: %s: it is not used, and will be made anew; nothing is lost\n", what);
}

int
cmd_check(const struct cmd_ctx *ctx, int argc, char **argv)
{
	static const struct check_calls to = { on_bad, on_left_over, on_not_looked,
		on_unused, NULL };
	struct check_result r = { 0 };
	struct err err = ERR_INIT;

	(void)argv;
	if (argc != 1)
		return cmd_usage("spanctl check");
	if (store_check(ctx->store, &to, &r, &err) < 0)
		return cmd_store_fail(&err);
	printf("%llu shards, %llu spans, %llu bytes: ", (unsigned long long)r.n_shards,
	    (unsigned long long)r.n_spans, (unsigned long long)r.n_bytes);
	if (r.n_bad == 0)
		printf("good\n");
	else
		printf("%llu findings\n", (unsigned long long)r.n_bad);
	return r.n_bad == 0 ? EXIT_DONE : EXIT_FAILED;
}
