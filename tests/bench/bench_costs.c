/* SPDX-License-Identifier: ISC */
/*
 * bench_costs: what the parts of a query's work take, for src/opt/cost_params.h. Reads paths
 * from standard input and runs each on the store in several ways (as planned; zones; all
 * indexes; services), cold once for the counters and warm many times for the least time of the
 * CPU; prints one line of tab-separated numbers for each. Fits are made from these lines.
 *
 *   bench_costs STORE [RUNS] < paths
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/engine_i.h"

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int
run_once(const struct snapshot *snap, const struct plan *p, struct profile *prof, uint64_t *ns)
{
	struct exec_env env = { .snapshot = snap, .memory = (size_t)4 << 30, .threads = 1 };
	struct err e = ERR_INIT;
	struct exec *ex = NULL;
	uint64_t t0 = cpu_ns();
	struct batch b;
	int code;

	if ((code = exec_open(p, &env, &ex, &e)) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return code;
	}
	while ((code = exec_next(ex, &b, &e)) == 0)
		;
	*prof = *exec_profile(ex);
	exec_close(ex);
	*ns = cpu_ns() - t0;
	if (code < 0)
		fprintf(stderr, "%s\n", e.msg);
	return code < 0 ? code : 0;
}

static void
put(const char *path, const char *way, const struct profile *p, uint64_t cold, uint64_t warm,
    double est)
{
	printf("%s\t%s\t%.1f\t%.1f\t%.0f", path, way, (double)cold / 1e3, (double)warm / 1e3, est);
	printf("\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu",
	    (unsigned long long)p->shards_opened, (unsigned long long)p->row_groups_visited,
	    (unsigned long long)(p->chunks_read + p->chunks_cached),
	    (unsigned long long)p->read_bytes, (unsigned long long)p->decoded_bytes,
	    (unsigned long long)p->rows_scanned, (unsigned long long)p->rows_matched,
	    (unsigned long long)p->rows_fetched, (unsigned long long)p->traces_assembled);
	printf("\t%llu\t%llu\n", (unsigned long long)p->index_lists,
	    (unsigned long long)p->index_rows);
	fflush(stdout);
}

static void
measure(const char *store, const char *path, enum opt_force way, unsigned runs)
{
	const char *sets[] = { "query.threads=1", "mount.now=latest" };
	struct err e = ERR_INIT;
	struct conf *conf = NULL;
	struct engine *en = NULL;
	struct request *r = NULL;
	struct path *p = NULL;
	struct profile prof, warm_prof;
	uint64_t cold, warm = UINT64_MAX, ns;
	struct sv file;

	if (conf_load(NULL, sets, 2, &conf, &e) < 0 ||
	    engine_open(conf, store, false, &en, &e) < 0 ||
	    path_parse(sv_cstr(path), engine_known_file, &p, &file, &e) < 0 ||
	    request_new(en, p, file, &r, &e) < 0) {
		fprintf(stderr, "%s: %s\n", path, e.msg);
		exit(1);
	}
	r->force = way;
	if (request_plan(r, &e) < 0)
		exit(1);
	if (run_once(r->world->snap, r->plan, &prof, &cold) == 0) {
		for (unsigned i = 0; i < runs; i++)
			if (run_once(r->world->snap, r->plan, &warm_prof, &ns) == 0 && ns < warm)
				warm = ns;
		put(path, way == OPT_FORCE_NONE ? "plan" : opt_force_name(way), &prof, cold, warm,
		    r->plan->est_cost);
	}
	request_free(r);
	path_unref(p);
	engine_close(en);
	conf_free(conf);
}

int
main(int argc, char **argv)
{
	unsigned runs = argc > 2 ? (unsigned)atoi(argv[2]) : 20;
	char line[4096];

	if (argc < 2)
		return 2;
	printf("path\tway\tcold_us\twarm_us\test\tshards\tgroups\tchunks\tread\tdecoded\t"
	    "scanned\tmatched\tfetched\ttraces\tlists\tlisted\n");
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = 0;
		measure(argv[1], line, OPT_FORCE_NONE, runs);
		measure(argv[1], line, OPT_FORCE_ZONE, runs);
		measure(argv[1], line, OPT_FORCE_INDEXES, runs);
		if (strncmp(line, "service/", 8) == 0)
			measure(argv[1], line, OPT_FORCE_SERVICE, runs);
	}
	return 0;
}
