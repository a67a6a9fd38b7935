/* SPDX-License-Identifier: ISC */
/*
 * sample_json: writes a trace of the sample shop as one line of OTLP JSON, the way the
 * Collector does, spans grouped by service and scope. Names of attributes are those of the
 * semantic conventions; what they say comes from the dice of the trace (what its spans share:
 * user, order, products) and of the span. All texts are the generator's own and need no
 * escaping.
 */
#include "sample_i.h"

/* A list under construction: commas between, none after. */
struct list {
	struct buf *b;
	bool begun;
};

static void
next(struct list *l)
{
	if (l->begun)
		buf_putc(l->b, ',');
	l->begun = true;
}

static void
key(struct list *l, const char *k)
{
	next(l);
	BUF_LIT(l->b, "{\"key\":\"");
	buf_str(l->b, k);
	BUF_LIT(l->b, "\",\"value\":{");
}

static void
text(struct list *l, const char *k, const char *v)
{
	key(l, k);
	BUF_LIT(l->b, "\"stringValue\":\"");
	buf_str(l->b, v);
	BUF_LIT(l->b, "\"}}");
}

static void textf(struct list *, const char *k, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
textf(struct list *l, const char *k, const char *fmt, ...)
{
	va_list ap;

	key(l, k);
	BUF_LIT(l->b, "\"stringValue\":\"");
	va_start(ap, fmt);
	buf_vprintf(l->b, fmt, ap);
	va_end(ap);
	BUF_LIT(l->b, "\"}}");
}

static void
number(struct list *l, const char *k, uint64_t v)
{
	key(l, k);
	buf_printf(l->b, "\"intValue\":\"%llu\"}}", (unsigned long long)v);
}

/* v hundredths. */
static void
hundredths(struct list *l, const char *k, uint64_t v)
{
	key(l, k);
	buf_printf(l->b, "\"doubleValue\":%llu.%02llu}}", (unsigned long long)(v / 100),
	    (unsigned long long)(v % 100));
}

static void
flag(struct list *l, const char *k, bool v)
{
	key(l, k);
	buf_printf(l->b, "\"boolValue\":%s}}", v ? "true" : "false");
}

/* n texts of one form as an array. */
static void
texts(struct list *l, const char *k, const char *const *v, size_t n)
{
	key(l, k);
	BUF_LIT(l->b, "\"arrayValue\":{\"values\":[");
	for (size_t i = 0; i < n; i++)
		buf_printf(l->b, "%s{\"stringValue\":\"%s\"}", i > 0 ? "," : "", v[i]);
	BUF_LIT(l->b, "]}}}");
}

#define PICK(dice, list) ((list)[sample_below((dice), sizeof(list) / sizeof *(list))])

static const char *const products[] = { "OLJCESPC7Z", "66VCHSJNUP", "1YMWWN1N4O", "L9ECAV7KIM",
	"2ZYFJ3GM2N", "0PUK6V6EV0", "LS4PSXUNUM", "9SIQT8TOJO", "6E92ZMYYFZ", "HQTGWGPNH4" };

/* What all spans of a trace have in common. */
struct order {
	uint64_t user, session, id, total, items;
	const char *product, *currency, *country;
};

static struct order
order_of(const struct sample_trace *t)
{
	static const char *const currencies[] = { "EUR", "USD", "GBP", "CHF", "JPY" };
	static const char *const countries[] = { "DE", "US", "GB", "CH", "JP", "FR", "SE" };
	uint64_t dice = t->dice;
	struct order o;

	/* One by one: the order of initializers is the compiler's choice. */
	o.user = sample_below(&dice, 2000);
	o.session = sample_next(&dice);
	o.id = sample_next(&dice);
	o.total = 900 + sample_below(&dice, 90000);
	o.items = 1 + sample_below(&dice, 6);
	o.product = PICK(&dice, products);
	o.currency = PICK(&dice, currencies);
	o.country = PICK(&dice, countries);
	return o;
}

static void
http(struct list *l, const struct sample_span *s, const struct shop_op *op, uint64_t *dice)
{
	static const char *const agents[] = {
		"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0 Safari/537.36",
		"shop-app/5.2 (Android 15)" };
	const char *host = shop_services[op->service].name;

	text(l, "http.request.method", op->a);
	number(l, "http.response.status_code", s->failed ? (s->at_fault ? 500 : 503) : 200);
	if (s->client) {
		textf(l, "url.full", "http://%s:8080%s", host, op->b);
		text(l, "server.address", host);
		number(l, "server.port", 8080);
	} else {
		text(l, "http.route", op->b);
		text(l, "url.scheme", op->service == FRONTEND ? "https" : "http");
		if (op->service == FRONTEND) {
			textf(l, "client.address", "203.0.113.%u",
			    (unsigned)sample_below(dice, 254) + 1);
			text(l, "user_agent.original", PICK(dice, agents));
		}
	}
	number(l, "http.response.body.size", 200 + sample_below(dice, 60000));
}

static void
rpc(struct list *l, const struct sample_span *s, const struct shop_op *op)
{
	text(l, "rpc.system.name", "grpc");
	text(l, "rpc.method", op->name);
	text(l, "rpc.status_code", s->failed ? (s->at_fault ? "INTERNAL" : "UNAVAILABLE") : "OK");
	if (s->client) {
		text(l, "server.address", shop_services[op->service].name);
		number(l, "server.port", 9090);
	}
}

static void
database(struct list *l, const struct sample_span *s, const struct shop_op *op, uint64_t *dice)
{
	bool sql = op->shape == SQL;

	text(l, "db.system.name", sql ? "postgresql" : "redis");
	text(l, "db.namespace", sql ? "shop" : "0");
	text(l, "db.operation.name", op->a);
	if (sql)
		text(l, "db.collection.name", op->b);
	text(l, "db.query.text", sql ? op->c : op->b);
	text(l, "server.address", sql ? "postgres" : "valkey");
	number(l, "server.port", sql ? 5432 : 6379);
	if (sql && !s->failed)
		number(l, "db.response.returned_rows",
		    op->a[0] == 'S' ? 1 + sample_below(dice, 50) : 0);
}

static void
queue(struct list *l, const struct shop_op *op, const struct order *o, uint64_t *dice)
{
	bool send = op->kind == 4;

	text(l, "messaging.system", "kafka");
	text(l, "messaging.destination.name", op->a);
	text(l, "messaging.operation.type", send ? "send" : "process");
	text(l, "messaging.operation.name", send ? "send" : "process");
	if (!send)
		text(l, "messaging.consumer.group.name", op->b);
	textf(l, "messaging.message.id", "%016llx", (unsigned long long)o->id);
	textf(l, "messaging.destination.partition.id", "%u", (unsigned)sample_below(dice, 6));
	number(l, "messaging.message.body.size", 300 + sample_below(dice, 2000));
}

struct model {
	const char *provider, *request, *response;
};
static const struct model models[] = {
	{ "openai", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14" },
	{ "openai", "gpt-4.1", "gpt-4.1-2025-04-14" },
	{ "anthropic", "claude-sonnet-4", "claude-sonnet-4-20250514" },
	{ "mistral_ai", "mistral-small", "mistral-small-2506" },
};

static const struct model *
model_of(const struct sample_span *s)
{
	return &models[s->dice % (sizeof models / sizeof *models)];
}

static void
chat(struct list *l, const struct sample_span *s, const struct order *o, uint64_t *dice)
{
	static const char *const stop[] = { "stop" }, *const tools[] = { "tool_calls" };
	const struct model *m = model_of(s);
	uint64_t in = 400 + sample_below(dice, 6000), out = 40 + sample_below(dice, 900);

	text(l, "gen_ai.operation.name", "chat");
	text(l, "gen_ai.provider.name", m->provider);
	text(l, "gen_ai.request.model", m->request);
	hundredths(l, "gen_ai.request.temperature", 20 + 10 * sample_below(dice, 8));
	number(l, "gen_ai.request.max_tokens", 1024);
	textf(l, "gen_ai.conversation.id", "conv-%08llx", (unsigned long long)o->session >> 32);
	if (s->failed)
		return;
	text(l, "gen_ai.response.model", m->response);
	textf(l, "gen_ai.response.id", "resp-%016llx", (unsigned long long)s->dice);
	texts(l, "gen_ai.response.finish_reasons", sample_below(dice, 3) == 0 ? tools : stop, 1);
	number(l, "gen_ai.usage.input_tokens", in);
	number(l, "gen_ai.usage.output_tokens", out);
	number(l, "gen_ai.usage.cache_read.input_tokens", in / 4 * sample_below(dice, 4));
}

static void
assistant(struct list *l, const struct shop_op *op, const struct order *o, uint64_t *dice)
{
	if (op->shape == TOOL) {
		text(l, "gen_ai.operation.name", "execute_tool");
		text(l, "gen_ai.tool.name", op->a);
		text(l, "gen_ai.tool.type", "function");
		textf(l, "gen_ai.tool.call.id", "call-%08x", (unsigned)sample_below(dice, 1u << 31));
		return;
	}
	text(l, "gen_ai.operation.name", op->shape == AGENT ? "invoke_agent" : "evaluate");
	text(l, "gen_ai.agent.name", "shopping-assistant");
	textf(l, "gen_ai.conversation.id", "conv-%08llx", (unsigned long long)o->session >> 32);
}

static void
user(struct list *l, const struct order *o)
{
	textf(l, "user.id", "user-%04u", (unsigned)o->user);
	textf(l, "session.id", "%016llx", (unsigned long long)o->session);
	text(l, "app.currency", o->currency);
}

/* What an operation says of itself beyond its protocol. */
static void
business(struct list *l, const struct sample_span *s, const struct order *o, uint64_t *dice)
{
	static const char *const cards[] = { "visa", "mastercard", "amex" };
	static const char *const levels[] = { "none", "silver", "gold", "platinum" };
	const char *ids[3];

	if (s->client)
		return;
	switch (s->op) {
	case PLACE_ORDER:
		textf(l, "app.order.id", "%016llx", (unsigned long long)o->id);
		hundredths(l, "app.order.amount", o->total);
		number(l, "app.order.items", o->items);
		text(l, "app.shipping.country", o->country);
		user(l, o);
		break;
	case CHARGE_CARD:
		text(l, "app.payment.card_type", PICK(dice, cards));
		hundredths(l, "app.payment.amount", o->total);
		text(l, "app.loyalty.level", PICK(dice, levels));
		flag(l, "app.payment.charged", !s->failed);
		break;
	case GET_PRODUCT:
		text(l, "app.product.id", o->product);
		break;
	case RECOMMEND:
		for (size_t i = 0; i < 3; i++)
			ids[i] = PICK(dice, products);
		texts(l, "app.product.ids", ids, 3);
		break;
	case FRAUD_SCORE:
		hundredths(l, "app.fraud.score", sample_below(dice, 100));
		break;
	case CONVERT:
		text(l, "app.currency.to", o->currency);
		break;
	default:
		if (shop_ops[s->op].service == FRONTEND)
			user(l, o);
	}
}

static void
attributes(struct buf *b, const struct sample_trace *t, const struct sample_span *s)
{
	const struct shop_op *op = &shop_ops[s->op];
	struct order o = order_of(t);
	struct list l = { b, false };
	uint64_t dice = s->dice;

	BUF_LIT(b, ",\"attributes\":[");
	switch (op->shape) {
	case HTTP:
		http(&l, s, op, &dice);
		break;
	case RPC:
		rpc(&l, s, op);
		break;
	case SQL:
	case CACHE:
		database(&l, s, op, &dice);
		break;
	case QUEUE:
		queue(&l, op, &o, &dice);
		break;
	case CHAT:
		chat(&l, s, &o, &dice);
		break;
	case TOOL:
	case AGENT:
	case JUDGE:
		assistant(&l, op, &o, &dice);
		break;
	default:
		break;
	}
	business(&l, s, &o, &dice);
	if (s->failed)
		text(&l, "error.type", s->at_fault ? shop_services[s->service].exception : "_OTHER");
	BUF_LIT(b, "]");
}

static void
exception(struct list *l, const struct sample_span *s)
{
	const struct shop_service *v = &shop_services[s->service];
	struct list a = { l->b, false };

	next(l);
	buf_printf(l->b, "{\"timeUnixNano\":\"%llu\",\"name\":\"exception\",\"attributes\":[",
	    (unsigned long long)(s->end_ns - (s->end_ns - s->start_ns) / 10));
	text(&a, "exception.type", v->exception);
	text(&a, "exception.message", v->message);
	text(&a, "exception.stacktrace", v->stack);
	BUF_LIT(l->b, "]}");
}

/* A judge's scores: mostly good, now and then a failure. */
static void
evaluation(struct list *l, const struct sample_span *s, const char *name, uint64_t *dice)
{
	uint64_t score = 100 - sample_below(dice, 30);
	struct list a = { l->b, false };

	if (sample_below(dice, 8) == 0)
		score -= 45;
	next(l);
	buf_printf(l->b, "{\"timeUnixNano\":\"%llu\",\"name\":\"gen_ai.evaluation.result\","
	    "\"attributes\":[", (unsigned long long)s->end_ns);
	text(&a, "gen_ai.evaluation.name", name);
	hundredths(&a, "gen_ai.evaluation.score.value", score);
	text(&a, "gen_ai.evaluation.score.label", score >= 60 ? "pass" : "fail");
	text(&a, "gen_ai.evaluation.explanation", score >= 60 ?
	    "The answer rests on the products that were found" :
	    "The answer names a product that was not found");
	BUF_LIT(l->b, "]}");
}

static void
events(struct buf *b, const struct sample_span *s)
{
	struct list l = { b, false };
	uint64_t dice = s->dice;

	if (s->client || (!s->at_fault && s->op != JUDGE_ANSWER))
		return;
	BUF_LIT(b, ",\"events\":[");
	if (s->op == JUDGE_ANSWER && !s->failed) {
		evaluation(&l, s, "relevance", &dice);
		evaluation(&l, s, "faithfulness", &dice);
	}
	if (s->at_fault)
		exception(&l, s);
	BUF_LIT(b, "]");
}

static void
span(struct buf *b, const struct sample_trace *t, const struct sample_span *s)
{
	const struct shop_op *op = &shop_ops[s->op];

	buf_printf(b, "{\"traceId\":\"%016llx%016llx\",\"spanId\":\"%016llx\"",
	    (unsigned long long)t->hi, (unsigned long long)t->lo, (unsigned long long)s->id);
	if (s->parent != 0)
		buf_printf(b, ",\"parentSpanId\":\"%016llx\"", (unsigned long long)s->parent);
	buf_printf(b, ",\"flags\":257,\"name\":\"%s%s%s\",\"kind\":%d", op->name,
	    op->shape == CHAT ? " " : "", op->shape == CHAT ? model_of(s)->request : "",
	    s->client ? 3 : op->kind);
	buf_printf(b, ",\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\"",
	    (unsigned long long)s->start_ns, (unsigned long long)s->end_ns);
	attributes(b, t, s);
	events(b, s);
	if (t->link_span != 0 && s->parent == 0)
		buf_printf(b, ",\"links\":[{\"traceId\":\"%016llx%016llx\",\"spanId\":\"%016llx\"}]",
		    (unsigned long long)t->link_hi, (unsigned long long)t->link_lo,
		    (unsigned long long)t->link_span);
	if (s->at_fault)
		buf_printf(b, ",\"status\":{\"message\":\"%s\",\"code\":2}}",
		    shop_services[s->service].message);
	else
		buf_printf(b, ",\"status\":{%s}}", !s->failed ? "" : s->client ?
		    "\"message\":\"the call failed\",\"code\":2" :
		    "\"message\":\"a call failed\",\"code\":2");
}

static void
resource(struct buf *b, const struct sample_trace *t, enum service id)
{
	const struct shop_service *v = &shop_services[id];
	unsigned instance = (unsigned)(t->dice >> (2 * id)) % 3;
	struct list l = { b, false };

	BUF_LIT(b, "{\"resource\":{\"attributes\":[");
	text(&l, "service.name", v->name);
	text(&l, "service.namespace", "shop");
	text(&l, "service.version", id == PAYMENT && t->incident ? "2.5.0" : v->version);
	textf(&l, "service.instance.id", "%s-%u", v->name, instance);
	text(&l, "deployment.environment.name", "production");
	textf(&l, "host.name", "node-%u.eu-central", ((unsigned)id + instance) % 5 + 1);
	textf(&l, "k8s.pod.name", "%s-5b8f6c9d77-%05u", v->name,
	    instance * 3779 + 10007 * (unsigned)id % 90000);
	text(&l, "telemetry.sdk.language", v->language);
	text(&l, "telemetry.sdk.name", "opentelemetry");
	BUF_LIT(b, "]},\"scopeSpans\":[");
}

static const char *
scope_of(const struct sample_span *s)
{
	return shop_scopes[shop_ops[s->op].shape];
}

/* Whether an earlier span of the service has the same scope. */
static bool
scope_seen(const struct sample_trace *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (t->spans[k].service == t->spans[i].service &&
		    scope_of(&t->spans[k]) == scope_of(&t->spans[i]))
			return true;
	return false;
}

static void
scope_spans(struct buf *b, const struct sample_trace *t, size_t first)
{
	struct list l = { b, false };

	buf_printf(b, "{\"scope\":{\"name\":\"%s\",\"version\":\"1.6.0\"},\"spans\":[",
	    scope_of(&t->spans[first]));
	for (size_t i = first; i < t->n; i++)
		if (t->spans[i].service == t->spans[first].service &&
		    scope_of(&t->spans[i]) == scope_of(&t->spans[first])) {
			next(&l);
			span(b, t, &t->spans[i]);
		}
	BUF_LIT(b, "],\"schemaUrl\":\"https://opentelemetry.io/schemas/1.44.0\"}");
}

static void
service_spans(struct buf *b, const struct sample_trace *t, enum service id, struct list *all)
{
	struct list l = { b, false };

	for (size_t i = 0; i < t->n; i++) {
		if (t->spans[i].service != id || scope_seen(t, i))
			continue;
		if (!l.begun) {
			next(all);
			resource(b, t, id);
		}
		next(&l);
		scope_spans(b, t, i);
	}
	if (l.begun)
		BUF_LIT(b, "]}");
}

void
sample_json(struct buf *b, const struct sample_trace *t)
{
	struct list l = { b, false };

	BUF_LIT(b, "{\"resourceSpans\":[");
	for (int id = 0; id < N_SERVICES; id++)
		service_spans(b, t, (enum service)id, &l);
	BUF_LIT(b, "]}\n");
}
