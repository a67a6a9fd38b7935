/* SPDX-License-Identifier: ISC */
/*
 * sample_i: what the three parts of the sample generator share. sample_shop.c is the shop
 * as tables: services, operations and who calls whom. sample_gen.c plays requests through
 * it, which gives trees of timed spans. sample_json.c writes them down with attributes that
 * suit each operation.
 */
#ifndef SAMPLE_SAMPLE_I_H
#define SAMPLE_SAMPLE_I_H

#include "base/buf.h"
#include "sample/sample_gen.h"

enum service {
	FRONTEND, CHECKOUT, CART, PAYMENT, SHIPPING, CATALOG, RECOMMENDATION, ADS, EMAIL,
	CURRENCY, ACCOUNTING, FRAUD, ASSISTANT, N_SERVICES
};

struct shop_service {
	const char *name, *language, *version;
	const char *exception, *message, *stack;	/* how it fails; stack is JSON-escaped */
	uint32_t fails_after_us;	/* a timeout's: it takes as long as its message says; 0: no longer than usual */
};
extern const struct shop_service shop_services[N_SERVICES];

/* Which attributes a span has, and its scope. */
enum shape {
	APP, HTTP, RPC, SQL, CACHE, QUEUE, CHAT, TOOL, AGENT, JUDGE, N_SHAPES
};
extern const char *const shop_scopes[N_SHAPES];

enum via {
	VIA_END,
	VIA_LOCAL,		/* a span of the same service */
	VIA_NET,		/* a client span, and under it the callee's server span */
	VIA_QUEUE		/* a producer span; the consumer gets a trace of its own with a link */
};

enum op_id {
	/* where requests come in */
	GET_HOME, GET_PRODUCT_PAGE, GET_CART_PAGE, POST_CART, POST_CHECKOUT, POST_ASK,
	/* what they call */
	PLACE_ORDER, PREPARE_ORDER, GET_CART, ADD_ITEM, EMPTY_CART, CART_HGET, CART_HSET,
	CHARGE, CHARGE_CARD, SHIP_QUOTE, SHIP_ORDER, SHIP_INSERT, LIST_PRODUCTS, GET_PRODUCT,
	PRODUCTS_SELECT, PRODUCT_SELECT, RECOMMEND, GET_ADS, PICK_ADS, SEND_EMAIL,
	RENDER_EMAIL, CONVERT, PUBLISH_ORDER, ACCOUNT_ORDER, ACCOUNT_INSERT, CHECK_FRAUD,
	FRAUD_SCORE, ASK, AGENT_RUN, CHAT_MODEL, TOOL_SEARCH, TOOL_ORDER, JUDGE_ANSWER, N_OPS
};

struct shop_call {
	enum via via;
	enum op_id op;
	uint8_t percent;	/* how often at all */
	uint8_t most;		/* 1 to so many times */
	bool at_once;		/* starts with the call before it */
};

struct shop_op {
	enum service service;
	uint8_t kind;		/* OTLP's number */
	enum shape shape;
	const char *name;
	uint32_t median_us;	/* of its own time, children left out */
	uint8_t spread;		/* tenths of a doubling, one sigma */
	uint8_t faults;		/* per thousand */
	const char *a, *b, *c;	/* HTTP: method, route; SQL: verb, table, text; ... */
	struct shop_call calls[8];
};
extern const struct shop_op shop_ops[N_OPS];

/* One span of a trace that was played. */
struct sample_span {
	uint64_t id, parent, start_ns, end_ns;
	enum op_id op;
	bool client;		/* the caller's side of a VIA_NET call */
	enum service service;
	bool failed, at_fault;	/* at_fault: the exception is its own */
	uint64_t dice;		/* for its attributes */
};

#define SAMPLE_TRACE_MAX 512

struct sample_trace {
	uint64_t hi, lo;
	uint64_t dice;		/* for what its spans have in common: user, order... */
	uint64_t link_hi, link_lo, link_span;	/* of a consumer's trace; 0: none */
	bool incident;
	size_t n;
	struct sample_span spans[SAMPLE_TRACE_MAX];
};

/* Appends the trace as one line. */
void sample_json(struct buf *, const struct sample_trace *);

/* ---- sample_list.c ---- */

/* A list under construction: commas between, none after. */
struct json_list {
	struct buf *b;
	bool begun;
};

void list_next(struct json_list *);
/* Attributes. */
void list_text(struct json_list *, const char *k, const char *v);
void list_textf(struct json_list *, const char *k, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void list_number(struct json_list *, const char *k, uint64_t);
void list_hundredths(struct json_list *, const char *k, uint64_t);
void list_flag(struct json_list *, const char *k, bool);
void list_texts(struct json_list *, const char *k, const char *const *, size_t n);

/* splitmix64: the next of a sequence. */
static inline uint64_t
sample_next(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static inline uint64_t
sample_below(uint64_t *state, uint64_t n)
{
	return (sample_next(state) >> 32) * n >> 32;
}

#endif
