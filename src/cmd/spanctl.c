/* SPDX-License-Identifier: ISC */
/* spanctl: everything that is not the mount. A table of commands. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd.h"

static int
run_sample(const struct cmd_ctx *ctx, int argc, char **argv)
{
	(void)ctx;
	return cmd_sample(argc, argv);
}

static int help(const struct cmd_ctx *, int, char **);

static const struct command {
	const char *name, *args, *what;
	int (*run)(const struct cmd_ctx *, int, char **);
} commands[] = {
	{ "import", "[--strict] [--wait=TIME] FILE|DIRECTORY|-...",
	    "import OTLP, Jaeger or Zipkin files into the store",
	    cmd_import },
	{ "query", "[--verify] PATH", "print the bytes of a result file", cmd_query },
	{ "explain", "[--compare [-o section.key=value]] PATH [PATH]",
	    "show how a path is answered, or what is wrong with it", cmd_explain },
	{ "ls", "[PATH]", "list what may follow a path", cmd_ls },
	{ "info", "", "summarise the store", cmd_info },
	{ "analyze", "[cells|fields|services|values]",
	    "merge the shards' statistics and show them", cmd_analyze },
	{ "check", "", "verify every byte of the store", cmd_check },
	{ "sample", "[--spans N] [--seed S] [--hours H] [--end TIME] [-o FILE]",
	    "make sample data: a shop of microservices", run_sample },
	{ "help", "[COMMAND|settings]", "show this, the use of a command, or every setting", help },
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static const struct command *
find(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void
print_help(FILE *f)
{
	fprintf(f, "usage: spanctl [-c FILE] [-s STORE] [-o section.key=value] COMMAND ...\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].what);
	fprintf(f, "\nThe store is -s, else [store] path (/var/lib/spanfs).\n"
	    "Settings are read from -c, else /etc/spanfs.ini. See spanctl(1), spanfs-path(7).\n");
}

static int
help(const struct cmd_ctx *ctx, int argc, char **argv)
{
	struct buf ini = BUF_INIT;
	const struct command *c;

	(void)ctx;
	if (argc == 2 && strcmp(argv[1], "settings") == 0) {
		conf_print_ini(&ini);
		fwrite(ini.p, 1, ini.n, stdout);
		buf_release(&ini);
		return EXIT_DONE;
	}
	if (argc < 2) {
		print_help(stdout);
		return EXIT_DONE;
	}
	if ((c = find(argv[1])) == NULL) {
		fprintf(stderr, "spanctl: no command '%s'\n", argv[1]);
		return EXIT_USAGE;
	}
	printf("usage: spanctl %s %s\n%s\n", c->name, c->args, c->what);
	return EXIT_DONE;
}

static void
on_signal(int no)
{
	/* The first asks politely; the second is the default's business. */
	atomic_store(&cmd_cancel, true);
	signal(no, SIG_DFL);
}

static void
catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int
dispatch(const struct command *c, const struct cmd_settings *settings, const char *store,
    int argc, char **argv)
{
	struct cmd_ctx ctx = { .settings = settings };
	int code = cmd_load("spanctl", settings, &ctx.conf);

	if (code != EXIT_DONE)
		return code;
	ctx.store = store != NULL ? store : conf_str(ctx.conf, CONF_STORE_PATH);
	log_level_set((enum log_level)conf_u64(ctx.conf, CONF_LOG_LEVEL));
	catch_signals();
	code = c->run(&ctx, argc, argv);
	conf_free(ctx.conf);
	return code;
}

/* What stands in stdio's buffer may not fit either; a reader that left is no news. */
static int
written(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno != EPIPE)
		fprintf(stderr, "spanctl: writing: %s\n", strerror(errno));
	return code == EXIT_DONE ? EXIT_FAILED : code;
}

int
main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct cmd_settings settings = { 0 };
	const char *store = NULL;
	const struct command *c;
	int opt, code;

	settings.sets = calloc((size_t)argc, sizeof *settings.sets);
	if (settings.sets == NULL)
		return EXIT_FAILED;
	while ((opt = getopt_long(argc, argv, "+c:s:o:hV", longs, NULL)) != -1) {
		switch (opt) {
		case 'c':
			settings.file = optarg;
			break;
		case 's':
			store = optarg;
			break;
		case 'o':
			settings.sets[settings.n_sets++] = optarg;
			break;
		case 'h':
			print_help(stdout);
			free(settings.sets);
			return written(EXIT_DONE);
		case 'V':
			printf("spanctl %s\n", PACKAGE_VERSION);
			free(settings.sets);
			return written(EXIT_DONE);
		default:
			print_help(stderr);
			free(settings.sets);
			return EXIT_USAGE;
		}
	}
	if (optind == argc) {
		print_help(stderr);
		code = EXIT_USAGE;
	} else if ((c = find(argv[optind])) == NULL) {
		fprintf(stderr, "spanctl: no command '%s'; try spanctl help\n", argv[optind]);
		code = EXIT_USAGE;
	} else
		code = dispatch(c, &settings, store, argc - optind, argv + optind);
	free(settings.sets);
	return written(code);
}
