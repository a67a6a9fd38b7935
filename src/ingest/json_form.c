/* SPDX-License-Identifier: ISC */
/* json_form: see json_form_i.h. */
#include "json_form_i.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))

/* Names that tell forms apart. All are spelled as they stand: no snake case for camel. */
#define SPELLED(s) JSON_NAME(s, s)
enum {
	RESOURCE_SPANS, RESOURCE_SPANS_SNAKE, SCOPE_SPANS, SCOPE_SPANS_SNAKE, LIBRARY_SPANS,
	RESOURCE_METRICS, RESOURCE_METRICS_SNAKE, RESOURCE_LOGS, RESOURCE_LOGS_SNAKE,
	RESOURCE_PROFILES, RESOURCE_PROFILES_SNAKE, BATCHES, TRACE, RESULT, RESOURCE,
	DATA, TRACE_ID_JAEGER, SPANS, PROCESSES, SPAN_ID_JAEGER, SOURCE, HITS,
	TRACE_ID, ID, TIMESTAMP, DURATION, LOCAL_ENDPOINT, REMOTE_ENDPOINT, ANNOTATIONS, TAGS,
	KIND, NAME, PARENT_ID, SHARED, DEBUG, TYPE, SPAN_ID, BINARY_ANNOTATIONS,
	CONTEXT, START_TIME, PARENT_ID_SNAKE,
	TRACE_EVENTS, PH, TS, PID, TRACES_UPPER, SEGMENTS, TRACES, TRACE_ID_SNAKE,
	SPAN_ID_SNAKE, META, METRICS, SERVICE, DURATION_NS, ROOT_SERVICE,
	LOG, STREAM, SPAN_CONTEXT, N_NAMES
};

static const struct json_name names[] = {
	[RESOURCE_SPANS] = SPELLED("resourceSpans"),
	[RESOURCE_SPANS_SNAKE] = SPELLED("resource_spans"),
	[SCOPE_SPANS] = SPELLED("scopeSpans"),
	[SCOPE_SPANS_SNAKE] = SPELLED("scope_spans"),
	[LIBRARY_SPANS] = JSON_NAME("instrumentationLibrarySpans",
	    "instrumentation_library_spans"),
	[RESOURCE_METRICS] = SPELLED("resourceMetrics"),
	[RESOURCE_METRICS_SNAKE] = SPELLED("resource_metrics"),
	[RESOURCE_LOGS] = SPELLED("resourceLogs"),
	[RESOURCE_LOGS_SNAKE] = SPELLED("resource_logs"),
	[RESOURCE_PROFILES] = SPELLED("resourceProfiles"),
	[RESOURCE_PROFILES_SNAKE] = SPELLED("resource_profiles"),
	[BATCHES] = SPELLED("batches"),
	[TRACE] = SPELLED("trace"),
	[RESULT] = SPELLED("result"),
	[RESOURCE] = SPELLED("resource"),
	[DATA] = SPELLED("data"),
	[TRACE_ID_JAEGER] = SPELLED("traceID"),
	[SPANS] = SPELLED("spans"),
	[PROCESSES] = SPELLED("processes"),
	[SPAN_ID_JAEGER] = SPELLED("spanID"),
	[SOURCE] = SPELLED("_source"),
	[HITS] = SPELLED("hits"),
	[TRACE_ID] = SPELLED("traceId"),
	[ID] = SPELLED("id"),
	[TIMESTAMP] = SPELLED("timestamp"),
	[DURATION] = SPELLED("duration"),
	[LOCAL_ENDPOINT] = SPELLED("localEndpoint"),
	[REMOTE_ENDPOINT] = SPELLED("remoteEndpoint"),
	[ANNOTATIONS] = SPELLED("annotations"),
	[TAGS] = SPELLED("tags"),
	[KIND] = SPELLED("kind"),
	[NAME] = SPELLED("name"),
	[PARENT_ID] = SPELLED("parentId"),
	[SHARED] = SPELLED("shared"),
	[DEBUG] = SPELLED("debug"),
	[TYPE] = SPELLED("type"),
	[SPAN_ID] = SPELLED("spanId"),
	[BINARY_ANNOTATIONS] = SPELLED("binaryAnnotations"),
	[CONTEXT] = SPELLED("context"),
	[START_TIME] = SPELLED("start_time"),
	[PARENT_ID_SNAKE] = SPELLED("parent_id"),
	[TRACE_EVENTS] = SPELLED("traceEvents"),
	[PH] = SPELLED("ph"),
	[TS] = SPELLED("ts"),
	[PID] = SPELLED("pid"),
	[TRACES_UPPER] = SPELLED("Traces"),
	[SEGMENTS] = SPELLED("Segments"),
	[TRACES] = SPELLED("traces"),
	[TRACE_ID_SNAKE] = SPELLED("trace_id"),
	[SPAN_ID_SNAKE] = SPELLED("span_id"),
	[META] = SPELLED("meta"),
	[METRICS] = SPELLED("metrics"),
	[SERVICE] = SPELLED("service"),
	[DURATION_NS] = SPELLED("duration_ns"),
	[ROOT_SERVICE] = SPELLED("root_service"),
	[LOG] = SPELLED("log"),
	[STREAM] = SPELLED("stream"),
	[SPAN_CONTEXT] = SPELLED("SpanContext"),
};
_Static_assert(COUNT(names) == N_NAMES && N_NAMES <= 64, "a bit a name");

#define B(n) (UINT64_C(1) << (n))

/* An object that has all of `all`, one of `any` (if there are any) and none of `none`. */
struct row {
	uint64_t all, any, none;
	struct json_form form;
};

#define OTLP { "OTLP JSON", otlp_json_object, NULL }
#define CHROME { "a Chrome trace", NULL, "a Chrome trace (trace events) is not taken: " \
	"spanfs wants OTLP, Jaeger or Zipkin JSON" }
#define XRAY { "X-Ray JSON", NULL, "AWS X-Ray's segments are not taken: the Collector's " \
	"awsxray receiver makes OTLP of them" }
#define DATADOG { "Datadog JSON", NULL, "Datadog's traces are not taken: the Collector's " \
	"datadog receiver makes OTLP of them" }
#define OWN { "a spanfs result", NULL, "a result of spanfs that is made for reading: import " \
	"otlp.jsonl of the same directory, which is lossless: " \
	"spanctl query PATH/otlp.jsonl | spanctl -s STORE import -" }

/* The first that fits. */
static const struct row rows[] = {
	{ .any = B(RESOURCE_SPANS) | B(RESOURCE_SPANS_SNAKE) | B(SCOPE_SPANS) |
	    B(SCOPE_SPANS_SNAKE) | B(LIBRARY_SPANS) | B(RESOURCE_METRICS) |
	    B(RESOURCE_METRICS_SNAKE) | B(RESOURCE_LOGS) | B(RESOURCE_LOGS_SNAKE) |
	    B(RESOURCE_PROFILES) | B(RESOURCE_PROFILES_SNAKE) | B(BATCHES), .form = OTLP },
	{ .all = B(TRACE_EVENTS), .form = CHROME },
	{ .all = B(PH), .any = B(TS) | B(PID) | B(NAME), .form = CHROME },
	{ .any = B(TRACES_UPPER) | B(SEGMENTS), .form = XRAY },
	{ .all = B(CONTEXT), .any = B(START_TIME) | B(PARENT_ID_SNAKE) | B(KIND),
	    .form = { "the Python SDK's console output", python_console_span, NULL } },
	{ .all = B(SPAN_CONTEXT), .form = { "the Go SDK's stdout output", NULL, "the Go SDK's "
	    "stdout output is not taken: export by OTLP, or let the Collector's file exporter "
	    "write" } },
	{ .all = B(TRACE_ID_SNAKE), .any = B(DURATION_NS) | B(ROOT_SERVICE), .form = OWN },
	{ .all = B(TRACE_ID_SNAKE) | B(SPAN_ID_SNAKE), .any = B(META) | B(METRICS) |
	    B(RESOURCE), .form = DATADOG },
	{ .all = B(TRACE_ID_SNAKE) | B(SPAN_ID_SNAKE) | B(SERVICE), .form = OWN },
	{ .all = B(TRACE_ID_SNAKE) | B(ID) | B(START_TIME), .form = XRAY },
	{ .all = B(LOG), .any = B(STREAM), .form = { "docker's log", NULL, "docker's json-log: "
	    "jq -j .log FILE | spanctl import -" } },
	{ .all = B(SPANS), .any = B(TRACE_ID_JAEGER) | B(PROCESSES),
	    .form = { "Jaeger JSON", jaeger_json_trace, NULL } },
	{ .all = B(TRACE_ID_JAEGER) | B(SPAN_ID_JAEGER),
	    .form = { "Jaeger JSON, documents", jaeger_json_document, NULL } },
	{ .all = B(SOURCE), .form = { "Jaeger JSON, documents", jaeger_json_hit, NULL } },
	{ .all = B(HITS), .form = { "Jaeger JSON, documents", jaeger_json_hits, NULL } },
	{ .all = B(DATA), .form = { "Jaeger JSON", jaeger_json_answer, NULL } },
	{ .all = B(TRACES), .form = { "a list of traces", NULL, "a list of traces as a search "
	    "gives it has no spans: ask for each trace by its id" } },
	{ .all = B(TRACE_ID) | B(ID), .any = B(BINARY_ANNOTATIONS), .form = { "Zipkin v1 JSON",
	    NULL, "Zipkin's v1 JSON is not taken: ask Zipkin's API for v2" } },
	{ .all = B(TRACE_ID) | B(ID), .any = B(TIMESTAMP) | B(DURATION) | B(LOCAL_ENDPOINT) |
	    B(REMOTE_ENDPOINT) | B(ANNOTATIONS) | B(TAGS) | B(KIND) | B(NAME) | B(PARENT_ID) |
	    B(SHARED) | B(DEBUG), .none = B(TYPE) | B(SPAN_ID) | B(START_TIME),
	    .form = { "Zipkin JSON", zipkin_json_span, NULL } },
	{ .any = B(TRACE) | B(RESULT) | B(RESOURCE), .form = OTLP },
};

/* The names that an object has, of a cut one those that are there. */
static uint64_t
names_of(struct sv s, bool *empty)
{
	struct json_object obj = { false, 0 };
	struct arena arena;
	/* Not json_init, which looks at all of s: this is one object of many perhaps. */
	struct json j = { .p = s.p, .end = s.p + s.n, .body = s.p, .arena = &arena };
	uint64_t have = 0;
	int f = JSON_BROKEN;

	*empty = false;
	if (!json_enter(&j, '{'))
		return 0;
	arena_init(&arena);
	while ((f = json_member(&j, &obj, names, N_NAMES)) >= 0) {
		have |= B(f);
		if (!json_skip(&j))
			break;
	}
	*empty = f == JSON_END && !obj.begun;
	arena_release(&arena);
	return have;
}

const struct json_form *
json_form_of(struct sv s)
{
	static const struct json_form otlp = OTLP;
	uint64_t have;
	bool empty;

	if (sv_starts(s, SV("{\"resourceSpans\"")))
		return &otlp;
	if (s.n == 0)
		return NULL;
	have = names_of(s, &empty);
	if (empty)
		return &otlp;	/* {} is an empty request */
	for (unsigned i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];

		if ((have & r->all) == r->all && (r->any == 0 || (have & r->any) != 0) &&
		    (have & r->none) == 0)
			return &r->form;
	}
	return NULL;
}
