/* SPDX-License-Identifier: ISC */
/* bench_groups: see bench_groups.h. Keys and aggregates go round at lengths that share no factor. */
#include "bench/bench_groups.h"

static const char *const keys[] = {
	"/group/service", "/group/name", "/group/service,name", "/group/kind", "/group/status",
	"/group/http.route", "/group/http.request.method", "/group/user.id", "/group/db.system.name",
	"/group/http.response.status_code", "/group/gen_ai.request.model",
	"/group/resource.service.version", "/group/resource.service.version,service",
	"/group/service,status", "/group/name,kind,status", "/group/http.route,status",
	"/group/trace_id", "/group/session.id", "/bucket/5m", "/bucket/1h/group/service",
	"/bucket/1m/group/name", "/bucket/10m/group/http.route", "/bucket/day/group/service,name",
};
static const char *const aggs[] = {
	"", "/agg/count,errors", "/agg/count,p95:duration", "/agg/sum:duration", "/agg/error_rate,max:duration",
};

void
bench_groups_tail(size_t i, struct buf *out)
{
	buf_str(out, keys[i % (sizeof keys / sizeof *keys)]);
	buf_str(out, aggs[i % (sizeof aggs / sizeof *aggs)]);
}
