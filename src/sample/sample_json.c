/* SPDX-License-Identifier: ISC */
/*
 * sample_json: writes a trace of the sample shop as one line of OTLP JSON, the way the
 * Collector does, spans grouped by service and scope. Names of attributes are those of the
 * semantic conventions; what they say comes from the dice of the trace (what its spans share:
 * user, order, products) and of the span. All texts are the generator's own and need no
 * escaping.
 */
#include "sample_i.h"

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
http(struct json_list *l, const struct sample_span *s, const struct shop_op *op, uint64_t *dice)
{
	static const char *const agents[] = {
		"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/142.0.0.0 Safari/537.36",
		"shop-app/5.2 (Android 15)" };
	const char *host = shop_services[op->service].name;

	list_text(l, "http.request.method", op->a);
	list_number(l, "http.response.status_code", s->failed ? (s->at_fault ? 500 : 503) : 200);
	if (s->client) {
		list_textf(l, "url.full", "http://%s:8080%s", host, op->b);
		list_text(l, "server.address", host);
		list_number(l, "server.port", 8080);
	} else {
		list_text(l, "http.route", op->b);
		list_text(l, "url.scheme", op->service == FRONTEND ? "https" : "http");
		if (op->service == FRONTEND) {
			list_textf(l, "client.address", "203.0.113.%u",
			    (unsigned)sample_below(dice, 254) + 1);
			list_text(l, "user_agent.original", PICK(dice, agents));
		}
	}
	list_number(l, "http.response.body.size", 200 + sample_below(dice, 60000));
}

static void
rpc(struct json_list *l, const struct sample_span *s, const struct shop_op *op)
{
	list_text(l, "rpc.system.name", "grpc");
	list_text(l, "rpc.method", op->name);
	list_text(l, "rpc.status_code", s->failed ? (s->at_fault ? "INTERNAL" : "UNAVAILABLE") : "OK");
	if (s->client) {
		list_text(l, "server.address", shop_services[op->service].name);
		list_number(l, "server.port", 9090);
	}
}

static void
database(struct json_list *l, const struct sample_span *s, const struct shop_op *op, uint64_t *dice)
{
	bool sql = op->shape == SQL;

	list_text(l, "db.system.name", sql ? "postgresql" : "redis");
	list_text(l, "db.namespace", sql ? "shop" : "0");
	list_text(l, "db.operation.name", op->a);
	if (sql)
		list_text(l, "db.collection.name", op->b);
	list_text(l, "db.query.text", sql ? op->c : op->b);
	list_text(l, "server.address", sql ? "postgres" : "valkey");
	list_number(l, "server.port", sql ? 5432 : 6379);
	if (sql && !s->failed)
		list_number(l, "db.response.returned_rows",
		    op->a[0] == 'S' ? 1 + sample_below(dice, 50) : 0);
}

static void
queue(struct json_list *l, const struct shop_op *op, const struct order *o, uint64_t *dice)
{
	bool send = op->kind == 4;

	list_text(l, "messaging.system", "kafka");
	list_text(l, "messaging.destination.name", op->a);
	list_text(l, "messaging.operation.type", send ? "send" : "process");
	list_text(l, "messaging.operation.name", send ? "send" : "process");
	if (!send)
		list_text(l, "messaging.consumer.group.name", op->b);
	list_textf(l, "messaging.message.id", "%016llx", (unsigned long long)o->id);
	list_textf(l, "messaging.destination.partition.id", "%u", (unsigned)sample_below(dice, 6));
	list_number(l, "messaging.message.body.size", 300 + sample_below(dice, 2000));
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
chat(struct json_list *l, const struct sample_span *s, const struct order *o, uint64_t *dice)
{
	static const char *const stop[] = { "stop" }, *const tools[] = { "tool_calls" };
	const struct model *m = model_of(s);
	uint64_t in = 400 + sample_below(dice, 6000), out = 40 + sample_below(dice, 900);

	list_text(l, "gen_ai.operation.name", "chat");
	list_text(l, "gen_ai.provider.name", m->provider);
	list_text(l, "gen_ai.request.model", m->request);
	list_hundredths(l, "gen_ai.request.temperature", 20 + 10 * sample_below(dice, 8));
	list_number(l, "gen_ai.request.max_tokens", 1024);
	list_textf(l, "gen_ai.conversation.id", "conv-%08llx", (unsigned long long)o->session >> 32);
	if (s->failed)
		return;
	list_text(l, "gen_ai.response.model", m->response);
	list_textf(l, "gen_ai.response.id", "resp-%016llx", (unsigned long long)s->dice);
	list_texts(l, "gen_ai.response.finish_reasons", sample_below(dice, 3) == 0 ? tools : stop, 1);
	list_number(l, "gen_ai.usage.input_tokens", in);
	list_number(l, "gen_ai.usage.output_tokens", out);
	list_number(l, "gen_ai.usage.cache_read.input_tokens", in / 4 * sample_below(dice, 4));
}

static void
assistant(struct json_list *l, const struct shop_op *op, const struct order *o, uint64_t *dice)
{
	if (op->shape == TOOL) {
		list_text(l, "gen_ai.operation.name", "execute_tool");
		list_text(l, "gen_ai.tool.name", op->a);
		list_text(l, "gen_ai.tool.type", "function");
		list_textf(l, "gen_ai.tool.call.id", "call-%08x", (unsigned)sample_below(dice, 1u << 31));
		return;
	}
	list_text(l, "gen_ai.operation.name", op->shape == AGENT ? "invoke_agent" : "evaluate");
	list_text(l, "gen_ai.agent.name", "shopping-assistant");
	list_textf(l, "gen_ai.conversation.id", "conv-%08llx", (unsigned long long)o->session >> 32);
}

static void
user(struct json_list *l, const struct order *o)
{
	list_textf(l, "user.id", "user-%04u", (unsigned)o->user);
	list_textf(l, "session.id", "%016llx", (unsigned long long)o->session);
	list_text(l, "app.currency", o->currency);
}

/* What an operation says of itself beyond its protocol. */
static void
business(struct json_list *l, const struct sample_span *s, const struct order *o, uint64_t *dice)
{
	static const char *const cards[] = { "visa", "mastercard", "amex" };
	static const char *const levels[] = { "none", "silver", "gold", "platinum" };
	const char *ids[3];

	if (s->client)
		return;
	switch (s->op) {
	case PLACE_ORDER:
		list_textf(l, "app.order.id", "%016llx", (unsigned long long)o->id);
		list_hundredths(l, "app.order.amount", o->total);
		list_number(l, "app.order.items", o->items);
		list_text(l, "app.shipping.country", o->country);
		user(l, o);
		break;
	case CHARGE_CARD:
		list_text(l, "app.payment.card_type", PICK(dice, cards));
		list_hundredths(l, "app.payment.amount", o->total);
		list_text(l, "app.loyalty.level", PICK(dice, levels));
		list_flag(l, "app.payment.charged", !s->failed);
		break;
	case GET_PRODUCT:
		list_text(l, "app.product.id", o->product);
		break;
	case RECOMMEND:
		for (size_t i = 0; i < 3; i++)
			ids[i] = PICK(dice, products);
		list_texts(l, "app.product.ids", ids, 3);
		break;
	case FRAUD_SCORE:
		list_hundredths(l, "app.fraud.score", sample_below(dice, 100));
		break;
	case CONVERT:
		list_text(l, "app.currency.to", o->currency);
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
	struct json_list l = { b, false };
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
		list_text(&l, "error.type", s->at_fault ? shop_services[s->service].exception : "_OTHER");
	BUF_LIT(b, "]");
}

static void
exception(struct json_list *l, const struct sample_span *s)
{
	const struct shop_service *v = &shop_services[s->service];
	struct json_list a = { l->b, false };

	list_next(l);
	buf_printf(l->b, "{\"timeUnixNano\":\"%llu\",\"name\":\"exception\",\"attributes\":[",
	    (unsigned long long)(s->end_ns - (s->end_ns - s->start_ns) / 10));
	list_text(&a, "exception.type", v->exception);
	list_text(&a, "exception.message", v->message);
	list_text(&a, "exception.stacktrace", v->stack);
	BUF_LIT(l->b, "]}");
}

/* A judge's scores: mostly good, now and then a failure. */
static void
evaluation(struct json_list *l, const struct sample_span *s, const char *name, uint64_t *dice)
{
	uint64_t score = 100 - sample_below(dice, 30);
	struct json_list a = { l->b, false };

	if (sample_below(dice, 8) == 0)
		score -= 45;
	list_next(l);
	buf_printf(l->b, "{\"timeUnixNano\":\"%llu\",\"name\":\"gen_ai.evaluation.result\","
	    "\"attributes\":[", (unsigned long long)s->end_ns);
	list_text(&a, "gen_ai.evaluation.name", name);
	list_hundredths(&a, "gen_ai.evaluation.score.value", score);
	list_text(&a, "gen_ai.evaluation.score.label", score >= 60 ? "pass" : "fail");
	list_text(&a, "gen_ai.evaluation.explanation", score >= 60 ?
	    "The answer rests on the products that were found" :
	    "The answer names a product that was not found");
	BUF_LIT(l->b, "]}");
}

static void
events(struct buf *b, const struct sample_span *s)
{
	struct json_list l = { b, false };
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
	struct json_list l = { b, false };

	BUF_LIT(b, "{\"resource\":{\"attributes\":[");
	list_text(&l, "service.name", v->name);
	list_text(&l, "service.namespace", "shop");
	list_text(&l, "service.version", id == PAYMENT && t->incident ? "2.5.0" : v->version);
	list_textf(&l, "service.instance.id", "%s-%u", v->name, instance);
	list_text(&l, "deployment.environment.name", "production");
	list_textf(&l, "host.name", "node-%u.eu-central", ((unsigned)id + instance) % 5 + 1);
	list_textf(&l, "k8s.pod.name", "%s-5b8f6c9d77-%05u", v->name,
	    instance * 3779 + 10007 * (unsigned)id % 90000);
	list_text(&l, "telemetry.sdk.language", v->language);
	list_text(&l, "telemetry.sdk.name", "opentelemetry");
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
	struct json_list l = { b, false };

	buf_printf(b, "{\"scope\":{\"name\":\"%s\",\"version\":\"1.6.0\"},\"spans\":[",
	    scope_of(&t->spans[first]));
	for (size_t i = first; i < t->n; i++)
		if (t->spans[i].service == t->spans[first].service &&
		    scope_of(&t->spans[i]) == scope_of(&t->spans[first])) {
			list_next(&l);
			span(b, t, &t->spans[i]);
		}
	BUF_LIT(b, "],\"schemaUrl\":\"https://opentelemetry.io/schemas/1.44.0\"}");
}

static void
service_spans(struct buf *b, const struct sample_trace *t, enum service id, struct json_list *all)
{
	struct json_list l = { b, false };

	for (size_t i = 0; i < t->n; i++) {
		if (t->spans[i].service != id || scope_seen(t, i))
			continue;
		if (!l.begun) {
			list_next(all);
			resource(b, t, id);
		}
		list_next(&l);
		scope_spans(b, t, i);
	}
	if (l.begun)
		BUF_LIT(b, "]}");
}

void
sample_json(struct buf *b, const struct sample_trace *t)
{
	struct json_list l = { b, false };

	BUF_LIT(b, "{\"resourceSpans\":[");
	for (int id = 0; id < N_SERVICES; id++)
		service_spans(b, t, (enum service)id, &l);
	BUF_LIT(b, "]}\n");
}
