/* SPDX-License-Identifier: ISC */
/* spanctl: everything that is not the mount. A table of commands. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/near.h"
#include "cmd.h"
#include "engine/engine.h"

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
	const char *options;	/* every one explained, for --help */
	bool of_store;		/* and not of a server */
} commands[] = {
	{ "import", "[--force] [--strict] [--wait=TIME] FILE|DIRECTORY|-...",
	    "import OTLP, Jaeger or Zipkin files into the store", cmd_import,
	    "  FILE         OTLP JSON or protobuf, Jaeger or Zipkin JSON, the Python SDK's console\n"
	    "               output, plain or compressed: told by its content\n"
	    "  DIRECTORY    every file below it, but for hidden ones\n"
	    "  -            standard input\n"
	    "  --force      shards that are damaged or missing count as empty\n"
	    "  --strict     exit 1 if anything was rejected\n"
	    "  --wait=TIME  wait for another writer of the store at most so long: 30s, 5m;\n"
	    "               0: fail at once. Without it there is no end to the wait\n"
	    "Importing a file again adds what is new in it. Rejects are reported with file, line\n"
	    "and reason. An absent or empty store is made.\n", true },
	{ "query", "[--verify] PATH", "print the bytes of a result file", cmd_query,
	    "  PATH         as under the mount, e.g. /service/checkout/since/1h/spans.jsonl\n"
	    "  --verify     ask a second time by reading everything; exit 1 if that differs\n", false },
	{ "extract", "[--mark NAME] [--keep N] [--if-empty=skip|write|fail] [--check] PATH DEST",
	    "deliver a result as a file: a report for cron", cmd_extract,
	    "  PATH         as for query\n"
	    "  DEST         the file: there whole or not at all; its name may hold a date in UTC:\n"
	    "               %Y %m %d %H %M %S %j %F (in a crontab with a backslash before the %)\n"
	    "  --mark NAME  what came after the mark, which then moves: each span once. mark/NAME\n"
	    "               need not be in PATH. A file that is there is not written over\n"
	    "  --keep N     of the files of such names the newest N stay\n"
	    "  --if-empty   a result without rows is written (the default), makes no file, or fails\n"
	    "  --check      say what would be done\n"
	    "Silent when all is well; else one line, and exit 1. Killed at any moment it may be run\n"
	    "again: it finishes what it had begun.\n", true },
	{ "export", "[--create] [--missing] PATH", "write the spans of a path to ClickHouse", cmd_export,
	    "  PATH         as for query, without a file; / is everything\n"
	    "  --create     make the database and the tables of the Collector's exporter, if they are\n"
	    "               not there\n"
	    "  --missing    ask the server of every batch which of its spans it has, and send the\n"
	    "               others, though no export of this path is known\n"
	    "Settings: [clickhouse] url, database, table, user and more. Killed or failed at any moment\n"
	    "it may be run again: it goes on where it was, and leaves no span out and none doubled.\n"
	    "Run again when it was done, it sends what is not there.\n", true },
	{ "explain", "[--compare [-o section.key=value]] PATH [PATH]",
	    "show how a path is answered, or what is wrong with it", cmd_explain,
	    "  PATH         the plan of this path, or a caret under what is wrong with it\n"
	    "  --compare    two plans as one text, - and + before what is of one only\n"
	    "  -o section.key=value    a setting for the second plan; one PATH will do then\n", false },
	{ "ls", "[PATH]", "list what may follow a path", cmd_ls,
	    "  PATH         / by default; directories and keywords end with a slash\n", false },
	{ "mark", "list | set NAME [COMMIT|now] | commit NAME | delete NAME",
	    "names for commits, for reports that take each span once", cmd_mark,
	    "  list         the marks, where each stands, and how many spans came since\n"
	    "  set          moves the mark to a commit, the newest if none is named, or makes it;\n"
	    "               0 is before the first: then mark/NAME is everything\n"
	    "  commit       moves it to where its last complete read by spanctl query ended\n"
	    "  delete       removes it\n"
	    "mark/NAME in a path is what came with the commits after the mark's.\n", true },
	{ "info", "", "summarise the store", cmd_info, NULL, true },
	{ "analyze", "[cells|fields|services|values]",
	    "merge the shards' statistics and show them", cmd_analyze,
	    "  cells        rows of each pair of service and name\n"
	    "  fields       rows, types and different values of each field\n"
	    "  services     rows and times of each service\n"
	    "  values       the most frequent values of each field\n", true },
	{ "cache", "MOUNTPOINT [drop [l1|l2|part|decisions|chunks|PATH]]",
	    "show what a mount keeps in memory, or forget it", cmd_cache,
	    "  MOUNTPOINT   where spanfs is mounted; what is shown is its .spanfs/cache\n"
	    "  drop         forget all, or\n"
	    "  l1 part      results; groups that shards gave;\n"
	    "  decisions    of the optimizer; decoded parts of shards (chunks); or\n"
	    "  PATH         the results of paths that begin so\n", false },
	{ "warm", "FILE|- [MOUNTPOINT]", "ask every path of a list, so that answers are there",
	    cmd_warm,
	    "  FILE         a path with its file a line, # before a comment; -: standard input\n"
	    "  MOUNTPOINT   read the files there, which warms that mount; without it the store is\n"
	    "               asked as by query\n"
	    "A line for each path that failed, and then exit 1; else silent.\n", false },
	{ "check", "", "verify every byte of the store", cmd_check,
	    "Each finding is a line with file and offset; exit 1 if there is one.\n", true },
	{ "sample", "[--spans N] [--seed S] [--hours H] [--end TIME] [-o FILE]",
	    "make sample data: a shop of microservices", run_sample,
	    "  --spans N    at least so many (20000)\n"
	    "  --seed S     another seed gives other data (1)\n"
	    "  --hours H    over so many hours (24)\n"
	    "  --end TIME   up to this time (now), e.g. 2026-11-20T14:00:00Z; the same arguments\n"
	    "               then give the same bytes\n"
	    "  -o FILE      there, and not to standard output\n", false },
	{ "help", "[COMMAND|settings]", "show this, the use of a command, or every setting", help,
	    "  settings     spanfs.ini with every key at its default\n", false },
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
print_command(const struct command *c)
{
	printf("usage: spanctl %s%s%s\n%s\n", c->name, c->args[0] != '\0' ? " " : "", c->args,
	    c->what);
	if (c->options != NULL)
		printf("\n%s", c->options);
	printf("\nOptions for every command stand before it: see spanctl --help; spanctl(1) has "
	    "more.\n");
}

static void
print_help(FILE *f)
{
	fprintf(f, "usage: spanctl [-c FILE] [-s STORE] [-o section.key=value] COMMAND ...\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].what);
	fprintf(f, "\n  -s STORE                the store's directory; default [store] path "
	    "(/var/lib/spanfs)\n"
	    "  -c FILE                 settings; default /etc/spanfs.ini if it is there\n"
	    "  -o section.key=value    any setting of spanfs.ini(5)\n"
	    "  -h, --help; -V, --version\n\n"
	    "spanctl COMMAND --help explains a command. See spanctl(1), spanfs-path(7).\n");
}

static int
no_command(const char *name)
{
	struct near near;

	near_init(&near, sv_cstr(name));
	for (size_t i = 0; i < N_COMMANDS; i++)
		near_offer(&near, sv_cstr(commands[i].name));
	if (near.found.n != 0)
		fprintf(stderr, "spanctl: no command '%s'; did you mean %.*s?\n", name,
		    SV_ARG(near.found));
	else
		fprintf(stderr, "spanctl: no command '%s'; spanctl help lists them\n", name);
	return EXIT_USAGE;
}

/* argv[0] is the command. No path begins with a dash. */
static bool
asks_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || (i == 1 && strcmp(argv[i], "-h") == 0))
			return true;
	return false;
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
	if ((c = find(argv[1])) == NULL)
		return no_command(argv[1]);
	print_command(c);
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
	if (c->of_store && engine_is_server(ctx.store)) {
		fprintf(stderr, "spanctl: %s is for a store, and " ENGINE_CLICKHOUSE " is a server; a "
		    "directory of that name is ./" ENGINE_CLICKHOUSE "\n", c->name);
		conf_free(ctx.conf);
		return EXIT_USAGE;
	}
	catch_signals();
	code = c->run(&ctx, argc, argv);
	conf_free(ctx.conf);
	return code;
}

/*
 * What stands in stdio's buffer may not fit either; a reader that left is no news, and neither is
 * what a command that failed has told.
 */
static int
written(int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && (!ferror(stdout) || code != EXIT_DONE))
		return code;
	if (errno != EPIPE)
		fprintf(stderr, "spanctl: writing: %s\n",
		    errno != 0 ? strerror(errno) : "not all of it could be");
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
	} else if ((c = find(argv[optind])) == NULL)
		code = no_command(argv[optind]);
	else if (asks_help(argc - optind, argv + optind)) {
		print_command(c);
		code = EXIT_DONE;
	} else
		code = dispatch(c, &settings, store, argc - optind, argv + optind);
	free(settings.sets);
	return written(code);
}
