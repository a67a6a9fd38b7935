/* SPDX-License-Identifier: ISC */
/* spanctl sample: sample data as OTLP JSON lines, to standard output or a file. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cmd.h"
#include "sample/sample_gen.h"

#define NS_PER_S 1000000000ull
#define HOURS_MAX 87600		/* ten years */

static int
write_line(void *arg, const char *p, size_t n, struct err *err)
{
	FILE *f = arg;

	if (atomic_load(&cmd_cancel))
		return err_set(err, ERR_CANCELLED, -1, "interrupted");
	if (fwrite(p, 1, n, f) != n)
		return err_errno(err, "write");
	return 0;
}

/* 2026-11-20T14:00:00Z, 2026-11-20, or seconds since 1970. */
static bool
parse_time(const char *s, uint64_t *ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d" };
	uint64_t v;

	for (size_t i = 0; i < 2; i++) {
		struct tm tm = { .tm_mday = 1 };
		const char *end = strptime(s, forms[i], &tm);
		time_t t;

		if (end == NULL || *end != '\0')
			continue;
		if ((t = timegm(&tm)) < 0)
			return false;
		*ns = (uint64_t)t * NS_PER_S;
		return true;
	}
	if (!sv_u64(sv_cstr(s), &v) || v > INT64_MAX / NS_PER_S)
		return false;
	*ns = v * NS_PER_S;
	return true;
}

struct request {
	uint64_t spans, seed, hours, end_ns;
	const char *file;
};

static const struct option longs[] = {
	{ "spans", required_argument, NULL, 'n' },
	{ "seed", required_argument, NULL, 's' },
	{ "hours", required_argument, NULL, 'h' },
	{ "end", required_argument, NULL, 'e' },
	{ NULL, 0, NULL, 0 }
};

/* Prints what is wrong with an option's value. */
static int
bad_value(int c, const char *arg)
{
	static const char number[] = "a whole number";
	const char *want = c == 'h' ? "whole hours from 1 to 87600" : c == 'e' ?
	    "a time such as 2026-11-20T14:00:00Z or 2026-11-20, or seconds since 1970" : number;

	for (const struct option *o = longs; o->name != NULL; o++)
		if (o->val == c)
			fprintf(stderr, "spanctl sample: --%s: expected %s, got '%s'\n", o->name,
			    want, arg);
	return EXIT_USAGE;
}

static bool
parse_option(struct request *r, int c, const char *arg)
{
	switch (c) {
	case 'n':
		return sv_u64(sv_cstr(arg), &r->spans);
	case 's':
		return sv_u64(sv_cstr(arg), &r->seed);
	case 'h':
		return sv_u64(sv_cstr(arg), &r->hours) && r->hours > 0 &&
		    r->hours <= HOURS_MAX;
	case 'e':
		return parse_time(arg, &r->end_ns);
	case 'o':
		r->file = arg;
		return true;
	default:
		return false;
	}
}

/* Closing tells what writing could not: a full disk, a reader that went away. */
static int
finish(FILE *f, int r, struct err *err)
{
	bool bad = fflush(f) != 0;

	if (f != stdout)
		bad |= fclose(f) != 0;
	if (r == 0 && bad)
		r = err_errno(err, "write");
	return r;
}

int
cmd_sample(int argc, char **argv)
{
	static const char usage[] =
	    "spanctl sample [--spans N] [--seed S] [--hours H] [--end TIME] [-o FILE]";
	struct request req = { .spans = 20000, .seed = 1, .hours = 24, .end_ns = clock_wall_ns() };
	struct sample_options opts;
	struct err err = ERR_INIT;
	FILE *f = stdout;
	int c, r;

	optind = 0;
	while ((c = getopt_long(argc, argv, "o:", longs, NULL)) != -1) {
		if (c == '?')
			return cmd_usage(usage);
		if (!parse_option(&req, c, optarg))
			return bad_value(c, optarg);
	}
	if (optind != argc)
		return cmd_usage(usage);
	opts = (struct sample_options){ req.spans, req.seed, 0, req.end_ns };
	if (req.end_ns / NS_PER_S > req.hours * 3600)
		opts.start_ns = req.end_ns - req.hours * 3600 * NS_PER_S;
	if (req.file != NULL && (f = fopen(req.file, "we")) == NULL) {
		err_errno(&err, "%s", req.file);
		return cmd_fail("spanctl sample", &err);
	}
	errno = 0;
	r = sample_generate(&opts, write_line, f, &err);
	r = finish(f, r, &err);
	if (r < 0 && errno == EPIPE)
		return EXIT_FAILED;	/* a reader that left is no news */
	return r < 0 ? cmd_fail("spanctl sample", &err) : EXIT_DONE;
}
