/* SPDX-License-Identifier: ISC */
/*
 * tracegen: a deterministic generator of OTLP/JSON trace files.
 *
 *   tracegen --spans 1000000 --seed 42 --hours 48 --out data --truth truth.json
 *
 * Writes what the Collector's file exporter writes for traces with `format: json`: a request
 * a line, lowerCamelCase keys, hex ids, 64-bit integers as decimal strings, enums as numbers;
 * field order and omission of empty fields follow it (an empty parentSpanId is left out;
 * "status" is always there). The data looks like the OpenTelemetry demo shop under load: a
 * call graph of about 20 services, SDKs that flush every few seconds, a collector that batches
 * what arrives into lines, a diurnal load curve, a rolling deploy of some services and one
 * planted incident (payment: error rate and latency jump).
 *
 * The same options and seed give the same bytes. --truth writes exact facts counted while the
 * spans were made (not read back from the JSON), for oracle.py.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// ---------------------------------------------------------------- random numbers
static uint64_t rs[4];

static inline uint64_t
rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

static inline uint64_t
rnd(void)
{ // xoshiro256++
	uint64_t r = rotl(rs[0] + rs[3], 23) + rs[0], t = rs[1] << 17;
	rs[2] ^= rs[0];
	rs[3] ^= rs[1];
	rs[1] ^= rs[2];
	rs[0] ^= rs[3];
	rs[2] ^= t;
	rs[3] = rotl(rs[3], 45);
	return r;
}

static uint64_t
mix64(uint64_t x)
{ // splitmix64
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static inline double
uni(void)
{
	return (double)(rnd() >> 11) * 0x1.0p-53;
}

static inline uint32_t
below(uint32_t n)
{
	return (uint32_t)(((rnd() >> 32) * (uint64_t)n) >> 32);
}

static inline bool
chance(double p)
{
	return uni() < p;
}

static float ztab[65536]; // normal quantiles: one table look-up a draw

static double
probit(double p)
{ // rational approximation of the normal quantile, |error| < 1e-6 is plenty here
	static const double a[] = { -39.69683028665376, 220.9460984245205, -275.9285104469687,
		138.3577518672690, -30.66479806614716, 2.506628277459239 };
	static const double b[] = { -54.47609879822406, 161.5858368580409, -155.6989798598866,
		66.80131188771972, -13.28068155288572 };
	static const double c[] = { -0.007784894002430293, -0.3223964580411365,
		-2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783 };
	static const double d[] = { 0.007784695709041462, 0.3224671290700398, 2.445134137142996,
		3.754408661907416 };
	double q, r;
	if (p < 0.02425) {
		q = sqrt(-2 * log(p));
		return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
		       ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
	}
	if (p > 1 - 0.02425) {
		q = sqrt(-2 * log(1 - p));
		return -(((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
		       ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
	}
	q = p - 0.5;
	r = q * q;
	return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5]) * q /
	       (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

static inline double
lognorm(double median, double sigma)
{
	return median * (double)expf((float)sigma * ztab[rnd() & 65535]);
}

// ---------------------------------------------------------------- output buffer
typedef struct {
	char *p;
	size_t n, cap;
} Buf;

static void
grow(Buf *b, size_t need)
{
	size_t c = b->cap ? b->cap : 4096;
	while (c < b->n + need)
		c *= 2;
	b->p = realloc(b->p, c);
	if (!b->p) {
		perror("tracegen: realloc");
		exit(1);
	}
	b->cap = c;
}

static inline void
room(Buf *b, size_t need)
{
	if (__builtin_expect(b->n + need > b->cap, 0))
		grow(b, need);
}

static inline void
put(Buf *b, const char *s, size_t n)
{
	room(b, n);
	memcpy(b->p + b->n, s, n);
	b->n += n;
}

static inline void
puts0(Buf *b, const char *s)
{
	put(b, s, strlen(s));
}

#define LIT(b, s) put(b, s, sizeof(s) - 1)

static char d2[200];

static inline void
putu(Buf *b, uint64_t v)
{
	char t[20];
	int i = 20;
	while (v >= 100) {
		unsigned r = (unsigned)(v % 100) * 2;
		v /= 100;
		t[--i] = d2[r + 1];
		t[--i] = d2[r];
	}
	if (v >= 10) {
		t[--i] = d2[v * 2 + 1];
		t[--i] = d2[v * 2];
	} else
		t[--i] = (char)('0' + v);
	put(b, t + i, (size_t)(20 - i));
}

static inline void
putfix(Buf *b, uint32_t v, int dec)
{ // v / 10^dec, shortest form (trailing zeros dropped, as Go prints a float64)
	uint32_t m = 1;
	for (int i = 0; i < dec; i++)
		m *= 10;
	putu(b, v / m);
	uint32_t f = v % m;
	if (!f)
		return;
	char t[12];
	int n = dec;
	for (int i = dec; i > 0; i--) {
		t[i - 1] = (char)('0' + f % 10);
		f /= 10;
	}
	while (n > 0 && t[n - 1] == '0')
		n--;
	LIT(b, ".");
	put(b, t, (size_t)n);
}

static char hex2[512];

static inline void
puthex(Buf *b, uint64_t v)
{
	room(b, 16);
	char *o = b->p + b->n;
	for (int i = 56; i >= 0; i -= 8, o += 2)
		memcpy(o, hex2 + ((v >> i) & 255) * 2, 2);
	b->n += 16;
}

static inline void
putuuid(Buf *b, uint64_t h, uint64_t l)
{
	h = (h & ~0xf000ull) | 0x4000;
	l = (l & ~(3ull << 62)) | (2ull << 62);
	char t[36];
	int o = 0;
	for (int i = 56; i >= 0; i -= 8) {
		memcpy(t + o, hex2 + ((h >> i) & 255) * 2, 2);
		o += 2;
		if (i == 32 || i == 16 || i == 0)
			t[o++] = '-';
	}
	for (int i = 56; i >= 0; i -= 8) {
		memcpy(t + o, hex2 + ((l >> i) & 255) * 2, 2);
		o += 2;
		if (i == 48)
			t[o++] = '-';
	}
	put(b, t, 36);
}

static inline void
putip(Buf *b, uint32_t v)
{
	LIT(b, "10.");
	putu(b, (v >> 16 & 63) + 64);
	LIT(b, ".");
	putu(b, v >> 8 & 255);
	LIT(b, ".");
	putu(b, v & 255);
}

// attributes: every one is written with a trailing comma; attrs_end() turns the last into ']'
#define K_(b, k, t) LIT(b, "{\"key\":\"" k "\",\"value\":{\"" t "\":")
#define KS(b, k, v)                      \
	do {                             \
		K_(b, k, "stringValue"); \
		LIT(b, "\"");            \
		puts0(b, v);             \
		LIT(b, "\"}},");         \
	} while (0)
#define KSL(b, k, v) LIT(b, "{\"key\":\"" k "\",\"value\":{\"stringValue\":\"" v "\"}},")
#define KI(b, k, v)                   \
	do {                          \
		K_(b, k, "intValue"); \
		LIT(b, "\"");         \
		putu(b, v);           \
		LIT(b, "\"}},");      \
	} while (0)
#define KB(b, k, v)                         \
	do {                                \
		K_(b, k, "boolValue");      \
		if (v)                      \
			LIT(b, "true}},");  \
		else                        \
			LIT(b, "false}},"); \
	} while (0)
#define KD(b, k, v, dec)                 \
	do {                             \
		K_(b, k, "doubleValue"); \
		putfix(b, v, dec);       \
		LIT(b, "}},");           \
	} while (0)
#define KBEG(b, k)                       \
	do {                             \
		K_(b, k, "stringValue"); \
		LIT(b, "\"");            \
	} while (0)
#define KEND(b) LIT(b, "\"}},")

// ---------------------------------------------------------------- model
enum { INTERNAL = 1, SERVER, CLIENT, PRODUCER, CONSUMER };

enum { SEQ, PAR, ASYNC };

enum { L_CPP, L_JS, L_PY, L_GO, L_NET, L_RUST, L_PHP, L_JAVA, L_RUBY, L_N };

enum {
	P_NONE,
	P_LG,
	P_HTTP_S,
	P_HTTP_C,
	P_ENVOY_S,
	P_ENVOY_C,
	P_RPC_S,
	P_RPC_C,
	P_PG,
	P_REDIS,
	P_PUB,
	P_SUB,
	P_CHECKOUT,
	P_PREP,
	P_CHARGE,
	P_QUOTE,
	P_EMAIL,
	P_ADS,
	P_REC,
	P_IMG,
	P_FLAG,
	P_AGENT,
	P_CHAT,
	P_TOOL,
	P_EVAL,
	P_ACC,
	P_FRAUD,
	P_JOB,
	P_CART,
	P_CURR
};

#define MAXSVC 512
#define MAXOP 4096
#define MAXNODE 200

typedef struct {
	int op;
	float p;
	short lo, hi;
	uint8_t mode, heavy;
} Call;

typedef struct {
	int svc;
	uint8_t kind, scope, prof, ncall;
	bool root;
	float med, sigma, perr, pprop; // microseconds, log-sigma, own error chance, chance to
				       // pass on a child's error
	const char *a, *b, *c;
	char name[88];
	int namelen;
	Call call[14];
} Op;

static Op ops[MAXOP];
static int nops;

typedef struct {
	char name[32];
	int lang, ninst, inst0;
	double deploy;
	uint64_t spans, errors, exceptions;
} Svc;

static Svc svcs[MAXSVC];
static int nsvc;

typedef struct {
	Buf json;
	uint32_t phase, ip;
} Inst;

static Inst insts[MAXSVC * 8];
static int ninsts;

static const char *langname[L_N] = { "cpp", "nodejs", "python", "go", "dotnet", "rust", "php",
	"java", "ruby" };
static const char *sdkver[L_N] = { "1.22.0", "2.2.0", "1.38.0", "1.38.0", "1.13.1", "0.31.0",
	"1.8.0", "1.55.0", "1.10.0" };

static const struct {
	const char *name;
	int lang, ninst;
} known[] = { { "frontend", L_JS, 3 }, { "frontend-proxy", L_CPP, 2 },
	{ "load-generator", L_PY, 1 }, { "product-catalog", L_GO, 3 }, { "cart", L_NET, 2 },
	{ "checkout", L_GO, 3 }, { "currency", L_CPP, 2 }, { "payment", L_JS, 2 },
	{ "shipping", L_RUST, 2 }, { "quote", L_PHP, 1 }, { "recommendation", L_PY, 2 },
	{ "ad", L_JAVA, 2 }, { "email", L_RUBY, 1 }, { "accounting", L_NET, 1 },
	{ "fraud-detection", L_JAVA, 1 }, { "image-provider", L_CPP, 1 }, { "flagd", L_GO, 2 },
	{ "product-reviews", L_PY, 1 }, { "assistant", L_PY, 2 }, { "inventory", L_GO, 2 } };

enum {
	S_FE,
	S_FP,
	S_LG,
	S_PC,
	S_CART,
	S_CO,
	S_CUR,
	S_PAY,
	S_SHIP,
	S_QUOTE,
	S_REC,
	S_AD,
	S_MAIL,
	S_ACC,
	S_FRAUD,
	S_IMG,
	S_FLAG,
	S_REV,
	S_ASST,
	S_INV,
	S_KNOWN
};

// instrumentation scopes by language and use
enum { SC_APP, SC_HTTP, SC_GRPC, SC_DB, SC_MSG, SC_AI, SC_N };

static const char *scopes[L_N][SC_N][2] = {
	[L_CPP] = { { "app", "1.0.0" }, { "envoy", "1.34.1" }, { "currency", "1.0.0" },
	    { "app", "1.0.0" }, { "app", "1.0.0" }, { "app", "1.0.0" } },
	[L_JS] = { { "app", "2.1.0" }, { "@opentelemetry/instrumentation-http", "0.208.0" },
	    { "@opentelemetry/instrumentation-grpc", "0.208.0" },
	    { "@opentelemetry/instrumentation-pg", "0.61.1" },
	    { "@opentelemetry/instrumentation-kafkajs", "0.18.0" }, { "app", "2.1.0" } },
	[L_PY] = { { "app", "" }, { "opentelemetry.instrumentation.requests", "0.59b0" },
	    { "opentelemetry.instrumentation.grpc", "0.59b0" },
	    { "opentelemetry.instrumentation.psycopg2", "0.59b0" },
	    { "opentelemetry.instrumentation.kafka", "0.59b0" },
	    { "opentelemetry.instrumentation.openai_v2", "2.2b0" } },
	[L_GO] = { { "app", "" },
	    { "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp", "0.63.0" },
	    { "go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc",
		"0.63.0" },
	    { "github.com/XSAM/otelsql", "0.40.0" }, { "github.com/dnwe/otelsarama", "0.6.0" },
	    { "app", "" } },
	[L_NET] = { { "Accounting.Consumer", "" }, { "Microsoft.AspNetCore", "" },
	    { "OpenTelemetry.Instrumentation.GrpcNetClient", "1.13.0" },
	    { "OpenTelemetry.Instrumentation.StackExchangeRedis", "1.13.0" },
	    { "Confluent.Kafka", "2.11.1" }, { "app", "" } },
	[L_RUST] = { { "shipping", "" },
	    { "opentelemetry-instrumentation-actix-web", "0.22.0" }, { "tonic", "0.14.2" },
	    { "sqlx", "0.8.6" }, { "rdkafka", "0.38.0" }, { "app", "" } },
	[L_PHP] = { { "manual-instrumentation", "" },
	    { "io.opentelemetry.contrib.php.slim", "1.2.0" }, { "grpc", "1.0.0" },
	    { "io.opentelemetry.contrib.php.pdo", "0.2.0" }, { "app", "" }, { "app", "" } },
	[L_JAVA] = { { "oteldemo.AdService", "" },
	    { "io.opentelemetry.netty-4.1", "2.20.0-alpha" },
	    { "io.opentelemetry.grpc-1.6", "2.20.0-alpha" },
	    { "io.opentelemetry.jdbc", "2.20.0-alpha" },
	    { "io.opentelemetry.kafka-clients-0.11", "2.20.0-alpha" }, { "app", "" } },
	[L_RUBY] = { { "email", "1.0" },
	    { "OpenTelemetry::Instrumentation::Sinatra", "0.27.0" }, { "grpc", "1.0" },
	    { "pg", "0.30" }, { "app", "" }, { "app", "" } },
};

static int
op(int svc, int kind, int scope, int prof, const char *name, double med_us, double sigma,
    double perr, const char *a, const char *b, const char *c)
{
	if (svc >= nsvc)
		return -1;
	if (nops == MAXOP) {
		fprintf(stderr, "tracegen: too many operations\n");
		exit(1);
	}
	Op *o = &ops[nops];
	o->svc = svc;
	o->kind = (uint8_t)kind;
	o->scope = (uint8_t)scope;
	o->prof = (uint8_t)prof;
	o->med = (float)med_us;
	o->sigma = (float)sigma;
	o->perr = (float)(perr * 3);
	o->pprop = 0.75f;
	o->a = a;
	o->b = b;
	o->c = c;
	snprintf(o->name, sizeof o->name, "%s", name);
	o->namelen = (int)strlen(o->name);
	return nops++;
}

static void
call(int parent, int child, double p, int lo, int hi, int mode, int heavy)
{
	if (parent < 0 || child < 0)
		return;
	Op *o = &ops[parent];
	if (o->ncall == 14) {
		fprintf(stderr, "tracegen: too many calls in %s\n", o->name);
		exit(1);
	}
	o->call[o->ncall++] =
	    (Call){ child, (float)p, (short)lo, (short)hi, (uint8_t)mode, (uint8_t)heavy };
}

static char *
joins(const char *a, const char *b, const char *c)
{
	char *r;
	if (asprintf(&r, "%s%s%s", a, b, c) < 0)
		exit(1);
	return r;
}

// a gRPC call: client span in `from` named like the server's
static int
rpc(int from, int server)
{
	if (server < 0 || from >= nsvc)
		return -1;
	Op *s = &ops[server];
	bool js = svcs[from].lang == L_JS;
	int c = op(from, CLIENT, SC_GRPC, P_RPC_C, js ? joins("grpc.", s->name, "") : s->name,
	    350, 0.4, 0.0004, s->a, s->b, svcs[s->svc].name);
	call(c, server, 1, 1, 1, SEQ, 0);
	return c;
}

static int
http(int from, int server, const char *name)
{
	if (server < 0 || from >= nsvc)
		return -1;
	Op *s = &ops[server];
	int c = op(from, CLIENT, SC_HTTP, P_HTTP_C, name, 500, 0.5, 0.0006, s->a, s->b,
	    svcs[s->svc].name);
	call(c, server, 1, 1, 1, SEQ, 0);
	return c;
}

static int
pg(int svc, const char *verb, const char *tbl, const char *sql, double med)
{
	return op(
	    svc, CLIENT, SC_DB, P_PG, joins(verb, " ", tbl), med, 0.8, 0.0012, verb, tbl, sql);
}

static int
redis(int svc, const char *verb, const char *key)
{
	return op(svc, CLIENT, SC_DB, P_REDIS, verb, 450, 0.5, 0.0006, verb, key, "");
}

static int
rpcsrv(int svc, const char *service, const char *method, double med, double sig, double perr,
    int prof)
{
	char nm[120];
	snprintf(nm, sizeof nm, "oteldemo.%s/%s", service, method);
	return op(svc, SERVER, SC_GRPC, prof, nm, med, sig, perr, service, method, 0);
}

typedef struct {
	int op;
	double w;
	bool user;
} Root;

static Root roots[4096];
static int nroots;
static double rootcum[4096];

static void
root(int o, double w, bool user)
{
	if (o >= 0) {
		ops[o].root = true;
		roots[nroots++] = (Root){ o, w, user };
	}
}

static int checkout_root = -1;

static void
build(void)
{
	// flagd and other leaves
	int flag_s =
	    op(S_FLAG, SERVER, SC_GRPC, P_FLAG, "flagd.evaluation.v1.Service/ResolveBoolean",
		180, 0.6, 0.0003, "evaluation.v1.Service", "ResolveBoolean", 0);
#define FLAG(svc) rpc(svc, flag_s)
	int getprod =
	    rpcsrv(S_PC, "ProductCatalogService", "GetProduct", 700, 0.6, 0.0035, P_RPC_S);
	call(getprod,
	    pg(S_PC, "SELECT", "catalog.products",
		"SELECT p.id, p.name, p.description, p.picture, p.price_currency_code, "
		"p.price_units, p.price_nanos, p.categories FROM catalog.products p WHERE p.id "
		"= $1",
		900),
	    0.85, 1, 1, SEQ, 0);
	call(getprod, FLAG(S_PC), 0.15, 1, 1, SEQ, 0);
	int listprod =
	    rpcsrv(S_PC, "ProductCatalogService", "ListProducts", 1300, 0.6, 0.0012, P_RPC_S);
	call(listprod,
	    pg(S_PC, "SELECT", "catalog.products",
		"SELECT id, name, description, picture, categories FROM catalog.products ORDER "
		"BY id LIMIT 50",
		2200),
	    1, 1, 1, SEQ, 0);
	int searchprod =
	    rpcsrv(S_PC, "ProductCatalogService", "SearchProducts", 2400, 0.8, 0.002, P_RPC_S);
	call(searchprod,
	    pg(S_PC, "SELECT", "catalog.products",
		"SELECT id, name FROM catalog.products WHERE LOWER(name) LIKE '%telescope%' OR "
		"LOWER(description) LIKE '%telescope%'",
		6800),
	    1, 1, 2, SEQ, 0);
	int convert = rpcsrv(S_CUR, "CurrencyService", "Convert", 140, 0.5, 0.0006, P_CURR);
	int currencies = rpcsrv(
	    S_CUR, "CurrencyService", "GetSupportedCurrencies", 90, 0.4, 0.0003, P_RPC_S);
	int getcart = rpcsrv(S_CART, "CartService", "GetCart", 600, 0.6, 0.0015, P_CART);
	call(getcart, redis(S_CART, "HGET", "cart"), 1, 1, 1, SEQ, 0);
	int addcart = rpcsrv(S_CART, "CartService", "AddItem", 800, 0.6, 0.003, P_CART);
	call(addcart, redis(S_CART, "HGET", "cart"), 1, 1, 1, SEQ, 0);
	call(addcart, redis(S_CART, "HMSET", "cart"), 1, 1, 1, SEQ, 0);
	call(addcart, redis(S_CART, "EXPIRE", "cart"), 1, 1, 1, SEQ, 0);
	int emptycart = rpcsrv(S_CART, "CartService", "EmptyCart", 700, 0.6, 0.003, P_CART);
	call(emptycart, redis(S_CART, "HMSET", "cart"), 1, 1, 1, SEQ, 0);
	call(emptycart, redis(S_CART, "EXPIRE", "cart"), 1, 1, 1, SEQ, 0);
	call(emptycart, FLAG(S_CART), 1, 1, 1, SEQ, 0);

	int img = op(S_IMG, SERVER, SC_HTTP, P_IMG, "GET /images/products/{file}", 900, 0.9,
	    0.002, "GET", "/images/products/{file}", 0);
	int adsel = op(S_AD, INTERNAL, SC_APP, P_ADS, "getRandomAds", 300, 0.8, 0.001, 0, 0, 0);
	int ads = rpcsrv(S_AD, "AdService", "GetAds", 1500, 0.7, 0.006, P_ADS);
	call(ads, FLAG(S_AD), 0.8, 1, 1, SEQ, 0);
	call(ads, adsel, 0.9, 1, 1, SEQ, 0);
	int reclist =
	    op(S_REC, INTERNAL, SC_APP, P_REC, "get_product_list", 900, 0.7, 0.001, 0, 0, 0);
	int recs = rpcsrv(
	    S_REC, "RecommendationService", "ListRecommendations", 1800, 0.7, 0.003, P_REC);
	call(recs, reclist, 1, 1, 1, SEQ, 0);
	call(reclist, FLAG(S_REC), 0.7, 1, 1, SEQ, 0);
	call(reclist, rpc(S_REC, listprod), 0.9, 1, 1, SEQ, 0);
	int rev = op(S_REV, SERVER, SC_HTTP, P_HTTP_S, "GET /reviews/{productId}", 2500, 0.8,
	    0.003, "GET", "/reviews/{productId}", 0);
	call(rev,
	    pg(S_REV, "SELECT", "reviews.productreviews",
		"SELECT username, description, score FROM reviews.productreviews WHERE "
		"product_id = %s",
		2600),
	    1, 1, 1, SEQ, 0);
	call(rev,
	    pg(S_REV, "SELECT", "reviews.productreviews",
		"SELECT AVG(score) FROM reviews.productreviews WHERE product_id = %s", 1900),
	    0.6, 1, 1, SEQ, 0);
	int stock = rpcsrv(S_INV, "InventoryService", "Reserve", 900, 0.7, 0.004, P_RPC_S);
	call(stock,
	    pg(S_INV, "UPDATE", "inventory.stock",
		"UPDATE inventory.stock SET reserved = reserved + $1 WHERE sku = $2 AND "
		"on_hand - reserved >= $1 RETURNING on_hand",
		2500),
	    1, 1, 1, SEQ, 0);
	call(stock,
	    pg(S_INV, "SELECT", "inventory.stock",
		"/* retry after deadlock */ SELECT sku, on_hand, reserved FROM inventory.stock "
		"WHERE sku = $1 FOR UPDATE",
		9000),
	    0.02, 1, 1, SEQ, 0);

	// checkout
	int calcq =
	    op(S_QUOTE, INTERNAL, SC_APP, P_QUOTE, "calculate-quote", 350, 0.6, 0.002, 0, 0, 0);
	int quote = op(S_QUOTE, SERVER, SC_HTTP, P_HTTP_S, "POST /getquote", 1500, 0.6, 0.002,
	    "POST", "/getquote", 0);
	call(quote, calcq, 1, 1, 1, SEQ, 0);
	int shipq = op(S_SHIP, SERVER, SC_HTTP, P_HTTP_S, "POST /get-quote", 500, 0.5, 0.0015,
	    "POST", "/get-quote", 0);
	call(shipq, http(S_SHIP, quote, "POST"), 1, 1, 1, SEQ, 0);
	int shipo = op(S_SHIP, SERVER, SC_HTTP, P_HTTP_S, "POST /ship-order", 700, 0.5, 0.002,
	    "POST", "/ship-order", 0);
	int chargei =
	    op(S_PAY, INTERNAL, SC_APP, P_CHARGE, "charge", 28000, 0.7, 0.006, 0, 0, 0);
	int charge = rpcsrv(S_PAY, "PaymentService", "Charge", 9000, 0.6, 0.002, P_CHARGE);
	call(charge, FLAG(S_PAY), 1, 1, 1, SEQ, 0);
	call(charge, chargei, 1, 1, 1, SEQ, 0);
	ops[charge].pprop = 0.97f;
	int render = op(S_MAIL, INTERNAL, SC_HTTP, P_NONE, "sinatra.render_template", 1100, 0.6,
	    0.001, 0, 0, 0);
	int sendm =
	    op(S_MAIL, INTERNAL, SC_APP, P_EMAIL, "send_email", 22000, 0.9, 0.008, 0, 0, 0);
	int mail = op(S_MAIL, SERVER, SC_HTTP, P_HTTP_S, "POST /send_order_confirmation", 2500,
	    0.6, 0.002, "POST", "/send_order_confirmation", 0);
	call(mail, render, 1, 1, 1, SEQ, 0);
	call(mail, sendm, 1, 1, 1, SEQ, 0);
	int accins = pg(S_ACC, "INSERT", "accounting.order_item",
	    "INSERT INTO accounting.orderitem (item_cost_currency_code, item_cost_nanos, "
	    "item_cost_units, product_id, quantity, order_id) VALUES (@p0, @p1, @p2, @p3, @p4, "
	    "@p5)",
	    1400);
	int accord = pg(S_ACC, "INSERT", "accounting.order",
	    "INSERT INTO accounting.\\\"order\\\" (order_id, user_id, created_at) VALUES "
	    "('%o', '%u', now())",
	    1500);
	int accproc = op(S_ACC, CONSUMER, SC_MSG, P_SUB, "orders process", 900, 0.7, 0.002,
	    "orders", "accounting", 0);
	int accsave =
	    op(S_ACC, INTERNAL, SC_APP, P_ACC, "order-consumed", 600, 0.6, 0.001, 0, 0, 0);
	call(accproc, accsave, 1, 1, 1, SEQ, 0);
	call(accsave, accord, 1, 1, 1, SEQ, 0);
	call(accsave, accins, 1, 1, 20, SEQ, 2);
	int fraudchk =
	    op(S_FRAUD, INTERNAL, SC_APP, P_FRAUD, "score order", 7000, 1.0, 0.002, 0, 0, 0);
	int fraud = op(S_FRAUD, CONSUMER, SC_MSG, P_SUB, "orders process", 700, 0.7, 0.002,
	    "orders", "fraud-detection", 0);
	call(fraud, FLAG(S_FRAUD), 0.5, 1, 1, SEQ, 0);
	call(fraud, fraudchk, 1, 1, 1, SEQ, 0);
	int publish = op(
	    S_CO, PRODUCER, SC_MSG, P_PUB, "orders publish", 1300, 0.8, 0.003, "orders", 0, 0);
	call(publish, accproc, 0.98, 1, 1, ASYNC, 0);
	call(publish, fraud, 0.98, 1, 1, ASYNC, 0);
	int prep = op(S_CO, INTERNAL, SC_APP, P_PREP,
	    "prepareOrderItemsAndShippingQuoteFromCart", 500, 0.5, 0.001, 0, 0, 0);
	call(prep, rpc(S_CO, getcart), 1, 1, 1, SEQ, 0);
	call(prep, rpc(S_CO, getprod), 1, 1, 38, SEQ, 2);
	call(prep, rpc(S_CO, convert), 1, 1, 38, SEQ, 2);
	call(prep, rpc(S_CO, stock), 0.5, 1, 12, SEQ, 2);
	call(prep, http(S_CO, shipq, "POST"), 1, 1, 1, SEQ, 0);
	int place = rpcsrv(S_CO, "CheckoutService", "PlaceOrder", 1500, 0.5, 0.002, P_CHECKOUT);
	call(place, prep, 1, 1, 1, SEQ, 0);
	call(place, rpc(S_CO, convert), 0.6, 1, 1, SEQ, 0);
	call(place, rpc(S_CO, charge), 0.985, 1, 1, SEQ, 0);
	call(place, http(S_CO, shipo, "POST"), 0.97, 1, 1, SEQ, 0);
	call(place, rpc(S_CO, emptycart), 0.97, 1, 1, SEQ, 0);
	call(place, http(S_CO, mail, "POST"), 0.95, 1, 1, SEQ, 0);
	call(place, publish, 0.96, 1, 1, SEQ, 0);
	ops[place].pprop = 0.95f;

	// the assistant: agent -> chat and tools -> evaluation events
	int chat =
	    op(S_ASST, CLIENT, SC_AI, P_CHAT, "chat gpt-4.1-mini", 900000, 0.7, 0.006, 0, 0, 0);
	int tool1 = op(S_ASST, INTERNAL, SC_AI, P_TOOL, "execute_tool fetch_product_reviews",
	    1500, 0.6, 0.004, "fetch_product_reviews", 0, 0);
	call(tool1, http(S_ASST, rev, "GET"), 1, 1, 2, SEQ, 0);
	int tool2 = op(S_ASST, INTERNAL, SC_AI, P_TOOL, "execute_tool fetch_product_info", 900,
	    0.6, 0.004, "fetch_product_info", 0, 0);
	call(tool2, rpc(S_ASST, getprod), 1, 1, 3, SEQ, 0);
	int eval =
	    op(S_ASST, INTERNAL, SC_AI, P_EVAL, "evaluate answer", 240000, 0.6, 0.002, 0, 0, 0);
	int agent = op(S_ASST, INTERNAL, SC_AI, P_AGENT, "invoke_agent shopping-assistant",
	    6000, 0.5, 0.002, 0, 0, 0);
	call(agent, chat, 1, 1, 1, SEQ, 0);
	call(agent, tool1, 0.8, 1, 1, SEQ, 0);
	call(agent, tool2, 0.7, 1, 2, SEQ, 0);
	call(agent, chat, 1, 1, 3, SEQ, 0);
	call(agent, eval, 0.4, 1, 1, SEQ, 0);
	int asst = op(S_ASST, SERVER, SC_HTTP, P_HTTP_S, "POST /v1/ask", 3000, 0.5, 0.002,
	    "POST", "/v1/ask", 0);
	call(asst, agent, 1, 1, 1, SEQ, 0);

	// frontend end points, each with the chain load-generator -> proxy -> frontend
	struct {
		const char *task, *meth, *route;
		double w, med;
	} ep[] = { { "user_browse_product", "GET", "/api/products/{productId}", 0, 2500 },
		{ "user_index", "GET", "/", 0, 4000 },
		{ "user_get_ads", "GET", "/api/data", 0, 1500 },
		{ "user_get_recommendations", "GET", "/api/recommendations", 0, 1800 },
		{ "user_view_cart", "GET", "/api/cart", 0, 2000 },
		{ "user_add_to_cart", "POST", "/api/cart", 0, 2200 },
		{ "user_list_products", "GET", "/api/products", 0, 2400 },
		{ "user_checkout", "POST", "/api/checkout", 0, 3500 },
		{ "user_reviews", "GET", "/api/product-reviews/{productId}", 0, 2000 },
		{ "user_search", "GET", "/api/search", 0, 2600 },
		{ "user_currencies", "GET", "/api/currency", 0, 1200 },
		{ "user_ask_assistant", "POST", "/api/product-ask-ai-assistant/{productId}", 0,
		    3000 },
		{ "user_shipping_quote", "GET", "/api/shipping", 0, 1700 },
		{ "user_orders", "GET", "/api/orders/{orderId}", 0, 2800 } };

	int nep = (int)(sizeof ep / sizeof *ep);
	for (int i = 0; i < nep; i++) {
		int fe =
		    op(S_FE, SERVER, SC_HTTP, P_HTTP_S, joins(ep[i].meth, " ", ep[i].route),
			ep[i].med, 0.6, 0.0025, ep[i].meth, ep[i].route, "web");
		ops[fe].pprop = 0.9f;
		switch (i) {
		case 0:
			call(fe, rpc(S_FE, getprod), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, convert), 0.5, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, recs), 0.35, 1, 1, PAR, 0);
			call(fe, rpc(S_FE, ads), 0.35, 1, 1, PAR, 0);
			call(fe, rpc(S_FE, getprod), 0.3, 1, 5, PAR, 1);
			break;
		case 1:
			call(fe, rpc(S_FE, listprod), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, currencies), 1, 1, 1, PAR, 0);
			call(fe, rpc(S_FE, convert), 0.4, 1, 12, SEQ, 1);
			break;
		case 2:
			call(fe, rpc(S_FE, ads), 1, 1, 1, SEQ, 0);
			break;
		case 3:
			call(fe, rpc(S_FE, recs), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, getprod), 1, 2, 5, PAR, 0);
			break;
		case 4:
			call(fe, rpc(S_FE, getcart), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, getprod), 0.7, 1, 30, SEQ, 1);
			break;
		case 5:
			call(fe, rpc(S_FE, addcart), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, getcart), 1, 1, 1, SEQ, 0);
			break;
		case 6:
			call(fe, rpc(S_FE, listprod), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, convert), 0.8, 1, 40, PAR, 1);
			break;
		case 7:
			call(fe, rpc(S_FE, place), 1, 1, 1, SEQ, 0);
			call(fe, rpc(S_FE, getprod), 1, 1, 10, PAR, 1);
			break;
		case 8:
			call(fe, http(S_FE, rev, "GET"), 1, 1, 1, SEQ, 0);
			break;
		case 9:
			call(fe, rpc(S_FE, searchprod), 1, 1, 1, SEQ, 0);
			break;
		case 10:
			call(fe, rpc(S_FE, currencies), 1, 1, 1, SEQ, 0);
			break;
		case 11:
			call(fe, http(S_FE, asst, "POST"), 1, 1, 1, SEQ, 0);
			break;
		case 12:
			call(fe, http(S_FE, shipq, "POST"), 1, 1, 1, SEQ, 0);
			break;
		case 13:
			call(fe,
			    pg(S_FE, "SELECT", "accounting.order",
				"SELECT o.order_id, i.product_id, i.quantity FROM "
				"accounting.\\\"order\\\" o JOIN accounting.orderitem i USING "
				"(order_id) WHERE o.order_id = '%o'",
				3200),
			    1, 1, 2, SEQ, 0);
			break;
		}
		int fpc = op(S_FP, CLIENT, SC_HTTP, P_ENVOY_C, "router frontend egress", 250,
		    0.4, 0.0008, ep[i].meth, ep[i].route, "frontend");
		int fps = op(S_FP, SERVER, SC_HTTP, P_ENVOY_S, "ingress", 180, 0.4, 0.0004,
		    ep[i].meth, ep[i].route, 0);
		ops[fpc].pprop = ops[fps].pprop = 0.97f;
		call(fpc, fe, 1, 1, 1, SEQ, 0);
		call(fps, fpc, 1, 1, 1, SEQ, 0);
		int lgc = op(S_LG, CLIENT, SC_HTTP, P_HTTP_C, ep[i].meth, 300, 0.4, 0.0005,
		    ep[i].meth, ep[i].route, "frontend-proxy");
		int lg = op(
		    S_LG, INTERNAL, SC_APP, P_LG, ep[i].task, 1500, 0.8, 0, ep[i].task, 0, 0);
		call(lgc, fps, 1, 1, 1, SEQ, 0);
		call(lg, lgc, 1, 1, 1, SEQ, 0);
		if (i == 1) { // the home page also loads pictures
			int imgc = op(S_FP, CLIENT, SC_HTTP, P_ENVOY_C,
			    "router image-provider egress", 200, 0.4, 0.0004, "GET",
			    "/images/products/{file}", "image-provider");
			int imgs = op(S_FP, SERVER, SC_HTTP, P_ENVOY_S, "ingress", 150, 0.4,
			    0.0003, "GET", "/images/products/{file}", 0);
			call(imgc, img, 1, 1, 1, SEQ, 0);
			call(imgs, imgc, 1, 1, 1, SEQ, 0);
			call(lg, imgs, 0.8, 1, 10, PAR, 1);
		}
		double w = 1.0 / (double)(i + 1); // Zipf over end points
		if (i == 7)
			checkout_root = lg;
		root(lg, w * 0.55, true);
		root(fps, w * 0.45, true);
	}
	// small traces: health checks, flag syncs, cron jobs, consumers' polls
	for (int s = 0; s < nsvc; s++) {
		int h = op(s, SERVER,
		    svcs[s].lang == L_GO || svcs[s].lang == L_CPP ? SC_GRPC : SC_HTTP, P_HTTP_S,
		    "GET /healthz", 150, 0.6, 0.0004, "GET", "/healthz", 0);
		root(h, 0.9 / (double)(s + 3), false);
	}
	root(op(S_FLAG, INTERNAL, SC_APP, P_NONE, "resolveAll", 250, 0.5, 0.0002, 0, 0, 0), 0.5,
	    false);
	root(redis(S_CART, "PING", "cart"), 0.25, false);
	int sync = op(S_INV, INTERNAL, SC_APP, P_JOB, "sync stock / warehouse", 5000, 0.8,
	    0.002, "stock-sync", 0, 0);
	call(sync,
	    pg(S_INV, "SELECT", "inventory.stock",
		"SELECT sku, on_hand FROM inventory.stock WHERE updated_at > now() - interval "
		"'5 minutes'",
		7000),
	    1, 1, 3, SEQ, 0);
	root(sync, 0.12, false);
	int recon = op(S_ACC, INTERNAL, SC_APP, P_JOB, "reconcile ledger / nightly batch",
	    20000, 0.8, 0.004, "ledger-reconcile", 0, 0);
	call(recon,
	    pg(S_ACC, "SELECT", "accounting.ledger",
		"SELECT entry_id, order_id, amount FROM accounting.ledger WHERE settled = "
		"false ORDER BY entry_id LIMIT 200",
		15000),
	    1, 1, 1, SEQ, 0);
	call(recon,
	    pg(S_ACC, "UPDATE", "accounting.ledger",
		"UPDATE accounting.ledger SET settled = true WHERE entry_id = @p0", 1200),
	    1, 5, 198, SEQ, 1);
	root(recon, 0.012, false);
	int imgroot = op(S_IMG, SERVER, SC_HTTP, P_IMG, "GET /images/products/{file}", 800, 0.9,
	    0.002, "GET", "/images/products/{file}", 0);
	root(imgroot, 0.35, false);
	// services past the known ones: workers that run jobs, with Zipf popularity
	int prev = -1;
	for (int s = S_KNOWN; s < nsvc; s++) {
		int srv = op(s, SERVER, SC_GRPC, P_RPC_S, "jobs.Worker/Run", 4000, 0.9, 0.006,
		    "jobs.Worker", "Run", 0);
		call(srv,
		    pg(s, "SELECT", "jobs.queue",
			"SELECT id, payload FROM jobs.queue WHERE state = 'ready' ORDER BY id "
			"LIMIT 10 FOR UPDATE SKIP LOCKED",
			2500),
		    1, 1, 4, SEQ, 1);
		if (prev >= 0)
			call(srv, rpc(s, prev), 0.35, 1, 3, SEQ, 1);
		int job =
		    op(s, INTERNAL, SC_APP, P_JOB, "run job", 3000, 0.8, 0.004, "worker", 0, 0);
		call(job, rpc(s, srv), 1, 1, 6, SEQ, 1);
		root(job, 0.6 / (double)(s - S_KNOWN + 2), false);
		prev = srv;
	}
	double c = 0;
	for (int i = 0; i < nroots; i++)
		rootcum[i] = c += roots[i].w;
}

// ---------------------------------------------------------------- options and state
static uint64_t o_spans = 100000, o_seed = 1;
static double o_hours = 24;
static int o_services = 20, o_file_mb = 100, o_batch_spans = 8192, o_batch_ms = 1000,
	   o_sdk_ms = 5000;
static uint32_t o_users = 50000;
static const char *o_start = "2026-03-02T00:00:00Z", *o_out = "-", *o_truth = 0;

static uint64_t T0, T1, inc0, inc1, tick_ns;
static char products[500][11];
static uint32_t needle_user, or_user, or_session_user;
static uint64_t or_session_slot;
static char needle_trace[33];
static uint64_t needle_trace_spans;

static struct {
	uint64_t traces, status[3], kind[6], http5xx, http5xx_6h, gt1s, events, links,
	    exceptions, needle_user, or_spans, text, frontend_last1h, payment_err,
	    payment_err_24h, structural, structural_traces, inc_spans, inc_errors, regex,
	    svc_hour, single, maxtrace, gen_ai, eval_events, input_tokens, output_tokens,
	    min_start, max_end;
} T;

typedef struct {
	int op, parent;
	uint64_t id, t0, t1;
	bool err, origin, incident, mark, promo, has_user;
	uint16_t code;
	uint32_t prod, inst;
	int link;
} Node;

static Node nd[MAXNODE];
static int nn, ncap;
static uint64_t tr_hi, tr_lo;
static uint32_t tr_user;
static uint64_t tr_sess_slot;
static int tr_items;
static bool tr_state;

static uint64_t
user_h(uint32_t u)
{
	return mix64(u * 2654435761ull + 77);
}

static uint64_t
user_l(uint32_t u)
{
	return mix64(u + 0xABCDEF);
}

static uint64_t
sess_h(uint32_t u, uint64_t slot)
{
	return mix64(user_h(u) ^ slot * 0x9E37);
}

static uint64_t
sess_l(uint32_t u, uint64_t slot)
{
	return mix64(user_l(u) + slot);
}

static inline uint32_t
zipf(uint32_t n)
{
	uint32_t k = (uint32_t)exp(uni() * log((double)n + 1));
	return k < 1 ? 0 : k > n ? n - 1 : k - 1;
}

static int
heavy_count(int lo, int hi, int h)
{
	if (h == 2) {
		int c = tr_items < lo ? lo : tr_items;
		return c > hi ? hi : c;
	} // as many as the order has items
	double x = (double)lo / pow(1 - uni(), 1 / 1.15); // Pareto
	return x > hi ? hi : (int)x;
}

// makes the tree below `o`; returns when it ended
static uint64_t
gen(int o, int parent, uint64_t t, bool *err)
{
	Op *p = &ops[o];
	int me = nn++;
	Node *n = &nd[me];
	Svc *s = &svcs[p->svc];
	double frac = (double)(t - T0) / (double)(T1 - T0);
	uint32_t gen_ = s->deploy > 0 && frac > s->deploy ? 1 : 0;
	*n = (Node){ .op = o,
		.parent = parent,
		.id = rnd() | 1,
		.t0 = t,
		.link = -1,
		.inst = (uint32_t)s->inst0 + gen_ * (uint32_t)s->ninst +
			below((uint32_t)s->ninst) };
	if (parent >= 0 && ops[nd[parent].op].svc == p->svc)
		n->inst = nd[parent].inst;
	n->prod = parent >= 0 && !chance(0.2) ? nd[parent].prod : zipf(500);
	double self = lognorm(p->med, p->sigma) * 1000.0; // ns
	double perr = p->perr;
	n->incident = p->svc == S_PAY && t >= inc0 && t < inc1 && (p->prof == P_CHARGE);
	if (n->incident) {
		self *= 8;
		perr = p->kind == INTERNAL ? 0.35 : 0.02;
	}
	if (self > 45e9)
		self = 45e9;
	uint64_t pre = (uint64_t)(self * 0.35), post = (uint64_t)(self * 0.65), now = t + pre,
		 end = now;
	bool childerr = false;
	for (int i = 0; i < p->ncall; i++) {
		Call *c = &p->call[i];
		if (c->p < 1 && !chance(c->p))
			continue;
		int k = c->heavy
			    ? heavy_count(c->lo, c->hi, c->heavy)
			    : c->lo + (c->hi > c->lo ? (int)below((uint32_t)(c->hi - c->lo + 1))
						     : 0);
		for (int j = 0; j < k && nn < ncap; j++) {
			bool e = false;
			if (c->mode == ASYNC) {
				int first = nn;
				gen(c->op, me, now + 1000000 + (uint64_t)lognorm(40e6, 1.2),
				    &e);
				nd[first].link = me;
			} else {
				uint64_t e1 = gen(c->op, me, now + below(40000), &e);
				if (c->mode == SEQ)
					now = e1 + 5000 + below(60000);
				if (e1 > end)
					end = e1;
				childerr |= e;
			}
			n = &nd[me];
		}
	}
	if (now > end)
		end = now;
	n->t1 = end + post + 1;
	n->origin = chance(perr);
	n->err = n->origin || (childerr && chance(p->pprop));
	if (n->err) {
		static const uint16_t hc[] = { 500, 500, 500, 503, 502, 504 },
				      gc[] = { 13, 13, 14, 4, 2, 8 };
		bool rpcish = p->prof == P_RPC_S || p->prof == P_RPC_C || p->scope == SC_GRPC;
		n->code = rpcish ? gc[below(6)] : hc[below(6)];
	} else if ((p->prof == P_HTTP_S || p->prof == P_ENVOY_S || p->prof == P_IMG) &&
		   chance(0.012)) {
		static const uint16_t c4[] = { 404, 404, 404, 400, 401, 403, 409, 429 };
		n->code = c4[below(8)];
	} else
		n->code = p->scope == SC_GRPC && p->prof != P_HTTP_S ? 0
			  : chance(0.03)
			      ? (p->kind == SERVER && p->a && p->a[0] == 'P' ? 201 : 304)
			      : 200;
	n->promo = chance(0.5);
	*err = n->err;
	return n->t1;
}

// ---------------------------------------------------------------- rendering
typedef struct {
	uint32_t key, off, len;
} Rec;

typedef struct {
	Buf b;
	Rec *r;
	uint32_t nr, cr;
} Slot;

static Slot *ring;
static uint64_t nring;

static const char *uas[] = {
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like "
	"Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
	"like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	"python-requests/2.32.5",
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
	"HeadlessChrome/140.0.7339.16 Safari/537.36"
};
static const char *curs[] = { "USD", "EUR", "JPY", "GBP", "CHF", "CAD", "TRY", "INR" };
static const char *images[] = { "EclipsmartTravelRefractorTelescope.jpg", "LensCleaningKit.jpg",
	"RoofBinoculars.jpg", "SolarSystemColorImager.jpg", "OpticalTubeAssembly.jpg",
	"NationalParkFoundationExplorascope.jpg", "StarsenseExplorer.jpg", "TheCometBook.jpg" };
static const char *uninames[] = { "GET /images/\u671b\u9060\u93e1 \u30dd\u30b9\u30bf\u30fc.jpg",
	"GET /images/Gr\u00f6\u00dfentabelle f\u00fcr \u00c4rzte.png",
	"GET /images/\u0437\u0432\u0451\u0437\u0434\u043d\u043e\u0435 "
	"\u043d\u0435\u0431\u043e/\u2605.jpg" };

static void
putpath(Buf *b, const char *route, const Node *n)
{ // a route with its {placeholders} filled in
	const char *q;
	while ((q = strchr(route, '{'))) {
		put(b, route, (size_t)(q - route));
		if (q[1] == 'p')
			put(b, products[n->prod], 10);
		else if (q[1] == 'f')
			puts0(b, images[n->prod % 8]);
		else
			putuuid(b, mix64(n->id), mix64(n->id + 1));
		route = strchr(q, '}') + 1;
	}
	puts0(b, route);
}

static void
putsql(Buf *b, const char *q)
{ // %u user, %o order; all else as it is
	const char *s;
	while ((s = strchr(q, '%'))) {
		put(b, q, (size_t)(s - q));
		if (s[1] == 'u') {
			putuuid(b, user_h(tr_user), user_l(tr_user));
			q = s + 2;
		} else if (s[1] == 'o') {
			putuuid(b, mix64(tr_lo), mix64(tr_hi));
			q = s + 2;
		} else {
			LIT(b, "%");
			q = s + 1;
		}
	}
	puts0(b, q);
}

static void
user_attrs(Buf *b, Node *n)
{
	KBEG(b, "user.id");
	putuuid(b, user_h(tr_user), user_l(tr_user));
	KEND(b);
	n->has_user = true;
	if (tr_user == needle_user)
		T.needle_user++;
}

static void
sess_attr(Buf *b)
{
	KBEG(b, "session.id");
	putuuid(b, sess_h(tr_user, tr_sess_slot), sess_l(tr_user, tr_sess_slot));
	KEND(b);
}

static void
peer(Buf *b, uint32_t h, int port)
{
	KBEG(b, "network.peer.address");
	putip(b, h);
	KEND(b);
	KI(b, "network.peer.port", (uint64_t)port);
}

// exception type, message and stack, by what went wrong; returns message length
static const char *exc_type[L_N] = { "std::runtime_error", "Error", "RuntimeError",
	"*errors.errorString", "System.InvalidOperationException", "anyhow::Error",
	"RuntimeException", "java.lang.IllegalStateException", "StandardError" };

static int
errmsg(char *o, size_t cap, const Node *n, const char **type, bool *deadlock)
{
	const Op *p = &ops[n->op];
	uint32_t r = (uint32_t)(mix64(n->id) >> 32);
	const Svc *s = &svcs[p->svc];
	*type = exc_type[s->lang];
	*deadlock = false;
	switch (p->prof) {
	case P_PG:
		*type = s->lang == L_GO    ? "*pq.Error"
			: s->lang == L_PY  ? "psycopg2.errors.OperationalError"
			: s->lang == L_NET ? "Npgsql.PostgresException"
					   : "DatabaseError";
		switch (r % 4) {
		case 0:
			*deadlock = true;
			return snprintf(o, cap,
			    "ERROR: deadlock detected: Process %u waits for ShareLock on "
			    "transaction %u; blocked by process %u",
			    1000 + r % 30000, r >> 4, 1000 + (r >> 7) % 30000);
		case 1:
			return snprintf(o, cap,
			    "could not connect to server: Connection refused "
			    "(10.%u.%u.%u:5432)",
			    64 + r % 64, r >> 8 & 255, r >> 16 & 255);
		case 2:
			return snprintf(o, cap,
			    "canceling statement due to statement timeout after %u ms",
			    1000 + r % 4000);
		default:
			return snprintf(o, cap,
			    "remaining connection slots are reserved for roles with the "
			    "SUPERUSER attribute");
		}
	case P_REDIS:
		*type = "StackExchange.Redis.RedisTimeoutException";
		return snprintf(o, cap,
		    "Timeout performing %s (5000ms), next: %s cart, inst: %u, qu: %u, qs: %u, "
		    "aw: False",
		    p->a, p->a, r % 8, r >> 4 & 15, r >> 8 & 255);
	case P_CHARGE:
		if (n->incident)
			return snprintf(o, cap,
			    "Payment request failed. Invalid token. app.loyalty.level=%s, "
			    "attempt=%u",
			    r & 1 ? "gold" : "platinum", 1 + r % 3);
		return snprintf(o, cap,
		    r & 1 ? "The credit card (ending %04u) expired on %u/2025"
			  : "Sorry, we cannot process %04u credit cards. Only VISA or "
			    "MasterCard is accepted, code %u",
		    r % 10000, 1 + r % 12);
	case P_EMAIL:
		*type = "Net::SMTPServerBusy";
		return snprintf(o, cap,
		    "451 4.7.0 Temporary server error. Please try again later. PRX%u", r % 9);
	case P_CHAT:
		*type = "openai.RateLimitError";
		return snprintf(o, cap,
		    "Error code: 429 - Rate limit reached for gpt-4.1-mini on tokens per min "
		    "(TPM): Limit %u, Used %u",
		    200000, 200000 - r % 900);
	case P_HTTP_C:
	case P_ENVOY_C:
		*type = "ECONNRESET";
		return snprintf(o, cap,
		    "upstream connect error or disconnect/reset before headers. reset reason: "
		    "connection termination, peer %s",
		    p->c ? p->c : "?");
	case P_RPC_C:
		return snprintf(o, cap,
		    "rpc error: code = Unavailable desc = error reading from server: read tcp "
		    "10.%u.%u.%u:%u: connection reset by peer",
		    64 + r % 64, r >> 8 & 255, r >> 16 & 255, 1024 + r % 60000);
	case P_RPC_S:
		if (!strcmp(p->b, "GetProduct"))
			return snprintf(
			    o, cap, "Product Id Lookup Failed: %.10s", products[n->prod]);
		break;
	}
	switch (r % 3) {
	case 0:
		return snprintf(
		    o, cap, "context deadline exceeded after %u ms", 500 + r % 9500);
	case 1:
		return snprintf(o, cap, "unexpected response from downstream: status %u",
		    n->code > 99 ? n->code : 500 + r % 5);
	default:
		return snprintf(o, cap, "internal error: invariant violated in %s", s->name);
	}
}

static void
putstack(Buf *b, const Op *p, const char *type, const char *msg, int lang)
{
	puts0(b, type);
	LIT(b, ": ");
	puts0(b, msg);
	static const char *fr_js[] = { "\\n    at charge (/usr/src/app/charge.js:37:13)",
		"\\n    at process.processTicksAndRejections "
		"(node:internal/process/task_queues:105:5)",
		"\\n    at async Object.chargeServiceHandler [as charge] "
		"(/usr/src/app/index.js:21:22)" };
	static const char *fr_java[] = {
		"\\n\\tat oteldemo.AdService$AdServiceImpl.getAds(AdService.java:185)",
		"\\n\\tat oteldemo.AdServiceGrpc$MethodHandlers.invoke(AdServiceGrpc.java:302)",
		"\\n\\tat "
		"io.grpc.stub.ServerCalls$UnaryServerCallHandler$UnaryServerCallListener."
		"onHalfClose(ServerCalls.java:182)",
		"\\n\\tat java.base/java.lang.Thread.run(Thread.java:1583)"
	};
	static const char *fr_py[] = {
		"\\n  File \\\"/usr/src/app/server.py\\\", line 71, in serve",
		"\\n  File \\\"/usr/lib/python3.12/site-packages/grpc/_server.py\\\", line "
		"610, in _call_behavior"
	};
	const char **f = lang == L_JAVA ? fr_java : lang == L_PY ? fr_py : fr_js;
	int n = lang == L_JAVA ? 4 : lang == L_PY ? 2 : 3;
	for (int i = 0; i < n; i++)
		puts0(b, f[i]);
	LIT(b, "\\n    in ");
	put(b, p->name, (size_t)p->namelen);
}

static bool text_hit; // db.query.text or exception.message holds "deadlock"

static void
span_attrs(Buf *b, Node *n)
{
	Op *p = &ops[n->op];
	uint32_t r = (uint32_t)rnd();
	const char *cur = curs[tr_user % 8];
	switch (p->prof) {
	case P_LG:
		KSL(b, "thread.name", "MainThread");
		KI(b, "thread.id", 140000000000000ull + (r & 15) * 4096);
		sess_attr(b);
		user_attrs(b, n);
		KSL(b, "synthetic_request", "true");
		break;
	case P_HTTP_S:
		KS(b, "http.request.method", p->a);
		KS(b, "http.route", p->b);
		KBEG(b, "url.path");
		putpath(b, p->b, n);
		KEND(b);
		KSL(b, "url.scheme", "http");
		KI(b, "http.response.status_code", n->code);
		KS(b, "server.address", svcs[p->svc].name);
		KI(b, "server.port", 8080);
		KBEG(b, "client.address");
		putip(b, r);
		KEND(b);
		KSL(b, "network.protocol.version", "1.1");
		if (p->c) {
			KS(b, "user_agent.original", uas[tr_user % 5]);
			user_attrs(b, n);
			sess_attr(b);
			if (strchr(p->b, '{') || r % 4 == 0) {
				KBEG(b, "app.product.id");
				put(b, products[n->prod], 10);
				KEND(b);
			}
			KS(b, "app.currency", cur);
		} else
			KSL(b, "user_agent.original", "kube-probe/1.33");
		break;
	case P_HTTP_C:
		KS(b, "http.request.method", p->a);
		KBEG(b, "url.full");
		LIT(b, "http://");
		puts0(b, p->c);
		LIT(b, ":8080");
		putpath(b, p->b, n);
		KEND(b);
		KI(b, "http.response.status_code", n->code);
		KS(b, "server.address", p->c);
		KI(b, "server.port", 8080);
		peer(b, r, 8080);
		break;
	case P_ENVOY_S:
	case P_ENVOY_C:
		KS(b, "http.request.method", p->a);
		KBEG(b, "url.full");
		LIT(b, "http://frontend-proxy:8080");
		putpath(b, p->b, n);
		KEND(b);
		KSL(b, "http.protocol", "HTTP/1.1");
		KI(b, "http.response.status_code", n->code);
		KBEG(b, "guid:x-request-id");
		putuuid(b, mix64(tr_hi), mix64(tr_lo));
		KEND(b);
		KS(b, "user_agent.original", uas[tr_user % 5]);
		KI(b, "http.response.body.size", 200 + r % 20000);
		KSL(b, "node_id", "");
		KSL(b, "zone", "");
		KSL(b, "component", "proxy");
		KS(b, "upstream_cluster.name", p->c ? p->c : "frontend");
		KSL(b, "response_flags", "-");
		KBEG(b, "peer.address");
		putip(b, r);
		KEND(b);
		break;
	case P_RPC_S:
	case P_RPC_C:
		KSL(b, "rpc.system", "grpc");
		KBEG(b, "rpc.service");
		LIT(b, "oteldemo.");
		puts0(b, p->a);
		KEND(b);
		KS(b, "rpc.method", p->b);
		KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
		if (p->prof == P_RPC_C) {
			KS(b, "server.address", p->c);
			KI(b, "server.port", 8080);
			KSL(b, "network.transport", "tcp");
		} else {
			peer(b, r, 30000 + (int)(r % 20000));
			if (p->svc == S_PC) {
				KBEG(b, "app.product.id");
				put(b, products[n->prod], 10);
				KEND(b);
			}
			if (p->svc == S_PC && p->b[0] != 'G')
				KI(b, "app.products.count", 1 + r % 50);
		}
		break;
	case P_CURR:
		KSL(b, "rpc.system", "grpc");
		KSL(b, "rpc.service", "oteldemo.CurrencyService");
		KSL(b, "rpc.method", "Convert");
		KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
		KSL(b, "app.currency.conversion.from", "USD");
		KS(b, "app.currency.conversion.to", cur);
		break;
	case P_CART:
		KSL(b, "rpc.system", "grpc");
		KSL(b, "rpc.service", "oteldemo.CartService");
		KS(b, "rpc.method", p->b);
		KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
		user_attrs(b, n);
		KI(b, "app.cart.items.count", (uint64_t)tr_items);
		if (p->b[0] == 'A') {
			KBEG(b, "app.product.id");
			put(b, products[n->prod], 10);
			KEND(b);
			KI(b, "app.product.quantity", 1 + r % 5);
		}
		break;
	case P_PG:
		KSL(b, "db.system.name", "postgresql");
		KSL(b, "db.namespace", "otel");
		KS(b, "db.operation.name", p->a);
		KS(b, "db.collection.name", p->b);
		KBEG(b, "db.query.text");
		putsql(b, p->c);
		KEND(b);
		KSL(b, "server.address", "postgresql");
		KI(b, "server.port", 5432);
		if (p->a[0] == 'S')
			KI(b, "db.response.returned_rows", r % 51);
		if (strstr(p->c, "deadlock"))
			text_hit = true;
		break;
	case P_REDIS:
		KSL(b, "db.system.name", "redis");
		KS(b, "db.operation.name", p->a);
		KBEG(b, "db.query.text");
		puts0(b, p->a);
		if (p->a[0] != 'P') {
			LIT(b, " ");
			putuuid(b, user_h(tr_user), user_l(tr_user));
			if (p->a[0] == 'H')
				LIT(b, " cart");
		}
		KEND(b);
		KSL(b, "server.address", "valkey-cart");
		KI(b, "server.port", 6379);
		peer(b, r & 3, 6379);
		KI(b, "db.redis.database_index", 0);
		break;
	case P_PUB:
		KSL(b, "messaging.system", "kafka");
		KS(b, "messaging.destination.name", p->a);
		KSL(b, "messaging.operation.type", "send");
		KBEG(b, "messaging.destination.partition.id");
		putu(b, r % 6);
		KEND(b);
		KI(b, "messaging.kafka.offset", (n->t0 - T0) / 37000000);
		KI(b, "messaging.message.body.size", 120 + (uint64_t)tr_items * 48);
		KSL(b, "messaging.client.id", "sarama");
		KB(b, "messaging.kafka.producer.success", !n->err);
		break;
	case P_SUB:
		KSL(b, "messaging.system", "kafka");
		KS(b, "messaging.destination.name", p->a);
		KSL(b, "messaging.operation.type", "process");
		KS(b, "messaging.consumer.group.name", p->b);
		KBEG(b, "messaging.destination.partition.id");
		putu(b, r % 6);
		KEND(b);
		KI(b, "messaging.kafka.offset", (n->t0 - T0) / 37000000);
		KI(b, "messaging.message.body.size", 120 + (uint64_t)tr_items * 48);
		break;
	case P_CHECKOUT:
		KSL(b, "rpc.system", "grpc");
		KSL(b, "rpc.service", "oteldemo.CheckoutService");
		KSL(b, "rpc.method", "PlaceOrder");
		KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
		user_attrs(b, n);
		KS(b, "app.user.currency", cur);
		KBEG(b, "app.order.id");
		putuuid(b, mix64(tr_lo), mix64(tr_hi));
		KEND(b);
		KI(b, "app.order.items.count", (uint64_t)tr_items);
		KD(b, "app.order.amount", 500 + r % 400000, 2);
		KD(b, "app.shipping.amount", 299 + (r >> 8) % 9000, 2);
		KBEG(b, "app.shipping.tracking.id");
		putuuid(b, mix64(n->id ^ 5), mix64(n->id ^ 9));
		KEND(b);
		break;
	case P_PREP:
		KI(b, "app.cart.items.count", (uint64_t)tr_items);
		KI(b, "app.order.items.count", (uint64_t)tr_items);
		K_(b, "app.order.product_ids", "arrayValue");
		LIT(b, "{\"values\":[");
		for (int i = 0; i < tr_items && i < 8; i++) {
			if (i)
				LIT(b, ",");
			LIT(b, "{\"stringValue\":\"");
			put(b, products[(n->prod + (uint32_t)i * 37) % 500], 10);
			LIT(b, "\"}");
		}
		LIT(b, "]}}},");
		break;
	case P_CHARGE:
		if (p->kind == SERVER) {
			KSL(b, "rpc.system", "grpc");
			KSL(b, "rpc.service", "oteldemo.PaymentService");
			KSL(b, "rpc.method", "Charge");
			KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
			KD(b, "app.payment.amount", 500 + r % 400000, 2);
			KS(b, "app.payment.currency", cur);
		} else {
			KS(b, "app.payment.card_type", r & 1 ? "visa" : "mastercard");
			KB(b, "app.payment.card_valid", !n->origin);
			KB(b, "app.payment.charged", !n->err);
			KS(b, "app.loyalty.level",
			    r >> 3 & 1   ? "gold"
			    : r >> 4 & 1 ? "silver"
					 : "platinum");
			KBEG(b, "app.payment.transaction.id");
			putuuid(b, mix64(n->id ^ 3), mix64(n->id ^ 4));
			KEND(b);
		}
		break;
	case P_QUOTE:
		KI(b, "app.quote.items.count", (uint64_t)tr_items);
		KD(b, "app.quote.cost.total", 299 + r % 9000, 2);
		KSL(b, "code.function.name", "calculateQuote");
		break;
	case P_EMAIL:
		KBEG(b, "app.email.recipient");
		LIT(b, "user");
		putu(b, tr_user);
		LIT(b, "@example.com");
		KEND(b);
		KSL(b, "app.email.template", "confirmation");
		break;
	case P_ADS:
		if (p->kind == SERVER) {
			KSL(b, "rpc.system", "grpc");
			KSL(b, "rpc.service", "oteldemo.AdService");
			KSL(b, "rpc.method", "GetAds");
			KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
			sess_attr(b);
		}
		K_(b, "app.ads.contextKeys", "arrayValue");
		if (n->promo)
			LIT(b, "{\"values\":[{\"stringValue\":\"binoculars\"},{\"stringValue\":"
			       "\"travel\"}]}}},");
		else
			LIT(b, "{\"values\":[{\"stringValue\":\"telescopes\"}]}}},");
		KI(b, "app.ads.count", r % 3);
		KS(b, "app.ads.ad_request_type", n->promo ? "TARGETED" : "NOT_TARGETED");
		KI(b, "thread.id", 20 + r % 40);
		KBEG(b, "thread.name");
		LIT(b, "grpc-default-executor-");
		putu(b, r % 40);
		KEND(b);
		break;
	case P_REC:
		if (p->kind == SERVER) {
			KSL(b, "rpc.system", "grpc");
			KSL(b, "rpc.service", "oteldemo.RecommendationService");
			KSL(b, "rpc.method", "ListRecommendations");
			KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
			KI(b, "app.products_recommended.count", 1 + r % 5);
		} else {
			KB(b, "app.recommendation.cache_enabled", n->promo);
			KI(b, "app.products.count", 10 + r % 90);
			K_(b, "app.filtered_products.list", "arrayValue");
			LIT(b, "{\"values\":[");
			for (uint32_t i = 0; i < 1 + r % 5; i++) {
				if (i)
					LIT(b, ",");
				LIT(b, "{\"stringValue\":\"");
				put(b, products[(n->prod + i * 53) % 500], 10);
				LIT(b, "\"}");
			}
			LIT(b, "]}}},");
		}
		break;
	case P_IMG:
		KSL(b, "http.request.method", "GET");
		KSL(b, "http.route", "/images/products/{file}");
		KBEG(b, "url.path");
		putpath(b, p->b, n);
		KEND(b);
		KI(b, "http.response.status_code", n->code);
		KI(b, "http.response.body.size", 20000 + r % 400000);
		KSL(b, "server.address", "image-provider");
		KI(b, "server.port", 8081);
		break;
	case P_FLAG:
		KSL(b, "rpc.system", "grpc");
		KSL(b, "rpc.service", "flagd.evaluation.v1.Service");
		KSL(b, "rpc.method", "ResolveBoolean");
		KI(b, "rpc.grpc.status_code", n->code < 100 ? n->code : 0);
		{
			static const char *fk[] = { "paymentFailure", "adServiceFailure",
				"cartServiceFailure", "productCatalogFailure",
				"recommendationServiceCacheFailure", "kafkaQueueProblems" };
			KS(b, "feature_flag.key", fk[p->svc == S_FLAG ? r % 6 : 0]);
		}
		KS(b, "feature_flag.result.variant", r >> 8 & 7 ? "off" : "on");
		KSL(b, "feature_flag.provider.name", "flagd");
		KSL(b, "feature_flag.result.reason", "STATIC");
		break;
	case P_AGENT:
		KSL(b, "gen_ai.operation.name", "invoke_agent");
		KSL(b, "gen_ai.provider.name", "openai");
		KSL(b, "gen_ai.agent.name", "shopping-assistant");
		KSL(b, "gen_ai.agent.id", "asst_5j66UpCpwteGg4YSxUnt7lPY");
		KBEG(b, "gen_ai.conversation.id");
		LIT(b, "conv_");
		puthex(b, sess_h(tr_user, tr_sess_slot));
		KEND(b);
		user_attrs(b, n);
		T.gen_ai++;
		break;
	case P_CHAT: {
		uint32_t in = 300 + (uint32_t)lognorm(900, 0.8),
			 out = 20 + (uint32_t)lognorm(180, 0.9);
		KSL(b, "gen_ai.operation.name", "chat");
		KSL(b, "gen_ai.provider.name", "openai");
		KSL(b, "gen_ai.request.model", "gpt-4.1-mini");
		KSL(b, "gen_ai.response.model", "gpt-4.1-mini-2025-04-14");
		KD(b, "gen_ai.request.temperature", 7, 1);
		KI(b, "gen_ai.request.max_tokens", 1024);
		KD(b, "gen_ai.request.top_p", 95, 2);
		KBEG(b, "gen_ai.response.id");
		LIT(b, "chatcmpl-");
		puthex(b, mix64(n->id));
		KEND(b);
		KI(b, "gen_ai.usage.input_tokens", in);
		KI(b, "gen_ai.usage.output_tokens", out);
		K_(b, "gen_ai.response.finish_reasons", "arrayValue");
		if (r & 3)
			LIT(b, "{\"values\":[{\"stringValue\":\"stop\"}]}}},");
		else
			LIT(b, "{\"values\":[{\"stringValue\":\"tool_calls\"}]}}},");
		KSL(b, "server.address", "api.openai.com");
		KI(b, "server.port", 443);
		T.gen_ai++;
		T.input_tokens += in;
		T.output_tokens += out;
	} break;
	case P_TOOL:
		KSL(b, "gen_ai.operation.name", "execute_tool");
		KS(b, "gen_ai.tool.name", p->a);
		KBEG(b, "gen_ai.tool.call.id");
		LIT(b, "call_");
		puthex(b, mix64(n->id + 7));
		KEND(b);
		KSL(b, "gen_ai.tool.type", "function");
		T.gen_ai++;
		break;
	case P_EVAL:
		KSL(b, "gen_ai.operation.name", "evaluate");
		KSL(b, "gen_ai.provider.name", "openai");
		KSL(b, "gen_ai.request.model", "gpt-4.1-nano");
		KI(b, "gen_ai.usage.input_tokens", 400 + r % 900);
		KI(b, "gen_ai.usage.output_tokens", 8 + r % 40);
		T.gen_ai++;
		T.input_tokens += 400 + r % 900;
		T.output_tokens += 8 + r % 40;
		break;
	case P_ACC:
		KBEG(b, "app.order.id");
		putuuid(b, mix64(tr_lo), mix64(tr_hi));
		KEND(b);
		KI(b, "app.order.items.count", (uint64_t)tr_items);
		break;
	case P_FRAUD:
		KBEG(b, "app.order.id");
		putuuid(b, mix64(tr_lo), mix64(tr_hi));
		KEND(b);
		KD(b, "app.fraud.score", r % 10000, 4);
		KB(b, "app.fraud.flagged", r % 10000 > 9900);
		KI(b, "thread.id", 31);
		KSL(b, "thread.name", "main");
		break;
	case P_JOB:
		KS(b, "job.name", p->a);
		KI(b, "job.attempt", 1 + r % 3);
		KB(b, "job.dry_run", (r >> 8) % 50 == 0);
		break;
	}
}

static void
emit(Node *n)
{
	Op *p = &ops[n->op];
	Svc *s = &svcs[p->svc];
	Inst *in = &insts[n->inst];
	// the SDK flushes at its own phase; the collector's batch closes at the next tick
	uint64_t sdk = (uint64_t)o_sdk_ms * 1000000, ph = in->phase % sdk;
	uint64_t fl = ((n->t1 - T0 + sdk - ph) / sdk) * sdk + ph, tk = fl / tick_ns;
	static uint64_t cur;
	cur = (nd[0].t0 - T0) / tick_ns;
	if (tk >= cur + nring)
		tk = cur + nring - 1;
	Slot *sl = &ring[tk % nring];
	if (sl->nr == sl->cr) {
		sl->cr = sl->cr ? sl->cr * 2 : 64;
		sl->r = realloc(sl->r, sl->cr * sizeof *sl->r);
		if (!sl->r)
			exit(1);
	}
	Buf *b = &sl->b;
	size_t beg = b->n;
	text_hit = false;

	LIT(b, "{\"traceId\":\"");
	puthex(b, tr_hi);
	puthex(b, tr_lo);
	LIT(b, "\",\"spanId\":\"");
	puthex(b, n->id);
	if (tr_state)
		LIT(b, "\",\"traceState\":\"ot=th:c;rv:8f2a6c1d9e0b47");
	if (n->parent >= 0) {
		LIT(b, "\",\"parentSpanId\":\"");
		puthex(b, nd[n->parent].id);
	}
	bool remote = n->parent >= 0 && ops[nd[n->parent].op].svc != p->svc;
	switch (s->lang) { // newer SDKs set the remote-parent bits, older ones leave flags out
	case L_JS:
	case L_GO:
	case L_JAVA:
	case L_PY:
		if (remote)
			LIT(b, "\",\"flags\":769,\"name\":\"");
		else
			LIT(b, "\",\"flags\":257,\"name\":\"");
		break;
	default:
		LIT(b, "\",\"name\":\"");
	}
	if (p->prof == P_IMG && n->id % 97 == 5)
		puts0(b, uninames[n->id / 97 % 3]);
	else
		put(b, p->name, (size_t)p->namelen);
	LIT(b, "\",\"kind\":");
	putu(b, p->kind);
	LIT(b, ",\"startTimeUnixNano\":\"");
	putu(b, n->t0);
	LIT(b, "\",\"endTimeUnixNano\":\"");
	putu(b, n->t1);
	LIT(b, "\"");
	LIT(b, ",\"attributes\":[");
	size_t a0 = b->n;
	span_attrs(b, n);
	if (b->n == a0)
		b->n -= sizeof(",\"attributes\":[") - 1;
	else
		b->p[b->n - 1] = ']';

	char msg[400];
	const char *type = "";
	bool dead = false;
	int ml = 0;
	if (n->err) {
		ml = errmsg(msg, sizeof msg, n, &type, &dead);
		if (ml > (int)sizeof msg - 1)
			ml = (int)sizeof msg - 1;
	}
	bool exc = n->err && (n->origin || (n->id >> 8) % 3 == 0);
	int nev = 0;
#define EV(name_, t_)                                \
	do {                                         \
		if (nev++)                           \
			LIT(b, ",");                 \
		else                                 \
			LIT(b, ",\"events\":[");     \
		LIT(b, "{\"timeUnixNano\":\"");      \
		putu(b, t_);                         \
		LIT(b, "\",\"name\":\"" name_ "\""); \
	} while (0)
	if (p->prof == P_CHECKOUT) {
		EV("prepared", n->t0 + (n->t1 - n->t0) / 3);
		LIT(b, "}");
		if (!n->err) {
			EV("charged", n->t0 + (n->t1 - n->t0) / 2);
			LIT(b, ",\"attributes\":[");
			KBEG(b, "app.payment.transaction.id");
			putuuid(b, mix64(n->id ^ 3), mix64(n->id ^ 4));
			LIT(b, "\"}}]}");
			EV("shipped", n->t1 - (n->t1 - n->t0) / 5);
			LIT(b, "}");
		}
	}
	if (p->prof == P_FLAG && n->promo) {
		EV("feature_flag.evaluation", n->t0 + (n->t1 - n->t0) / 2);
		LIT(b, ",\"attributes\":[");
		KSL(b, "feature_flag.key", "paymentFailure");
		KSL(b, "feature_flag.provider.name", "flagd");
		b->p[b->n - 1] = ']';
		LIT(b, "}");
	}
	if (p->prof == P_EVAL) {
		static const char *en[] = { "relevance", "groundedness", "toxicity" };
		int k = 1 + (int)(n->id >> 9) % 3;
		if (k < 1)
			k = 1;
		for (int i = 0; i < k; i++) {
			uint32_t sc = (uint32_t)(mix64(n->id + (uint64_t)i) % 1001);
			EV("gen_ai.evaluation.result", n->t1 - 1000000);
			LIT(b, ",\"attributes\":[");
			KS(b, "gen_ai.evaluation.name", en[i]);
			KD(b, "gen_ai.evaluation.score.value", sc, 3);
			KS(b, "gen_ai.evaluation.score.label", sc > 500 ? "pass" : "fail");
			KSL(b, "gen_ai.evaluation.explanation",
			    "The answer refers to the product\\u2019s reviews and \\\"does "
			    "not\\\" invent features.");
			b->p[b->n - 1] = ']';
			LIT(b, "}");
			T.eval_events++;
		}
	}
	if (p->prof == P_CHAT && n->promo) {
		EV("gen_ai.content.completion", n->t1 - 2000);
		LIT(b, ",\"attributes\":[");
		KI(b, "gen_ai.choice.index", 0);
		b->p[b->n - 1] = ']';
		LIT(b, "}");
	}
	if (exc) {
		EV("exception", n->t1 - (n->t1 - n->t0) / 20);
		LIT(b, ",\"attributes\":[");
		KS(b, "exception.type", type);
		KBEG(b, "exception.message");
		put(b, msg, (size_t)ml);
		KEND(b);
		KBEG(b, "exception.stacktrace");
		putstack(b, p, type, msg, s->lang);
		LIT(b, "\"}}");
		if (s->lang == L_GO || s->lang == L_PY)
			LIT(b, ",{\"key\":\"exception.escaped\",\"value\":{\"stringValue\":"
			       "\"False\"}}");
		LIT(b, "]}");
		T.exceptions++;
		s->exceptions++;
		if (dead)
			text_hit = true;
	}
	if (nev)
		LIT(b, "]");
	T.events += (uint64_t)nev;
	if (n->link >= 0) {
		LIT(b, ",\"links\":[{\"traceId\":\"");
		puthex(b, tr_hi);
		puthex(b, tr_lo);
		LIT(b, "\",\"spanId\":\"");
		puthex(b, nd[n->link].id);
		LIT(b, "\",\"attributes\":[");
		KSL(b, "messaging.operation.type", "process");
		b->p[b->n - 1] = ']';
		LIT(b, ",\"flags\":769}]");
		T.links++;
	} else if (p->root && n->id % 211 == 7) {
		LIT(b, ",\"links\":[{\"traceId\":\"");
		puthex(b, mix64(tr_hi));
		puthex(b, mix64(tr_lo));
		LIT(b, "\",\"spanId\":\"");
		puthex(b, mix64(n->id));
		LIT(b, "\"}]");
		T.links++;
	}
	if (n->err) {
		LIT(b, ",\"status\":{\"message\":\"");
		put(b, msg, (size_t)ml);
		LIT(b, "\",\"code\":2}}");
		T.status[2]++;
		s->errors++;
	} else if (p->svc == S_CO && p->kind == SERVER) {
		LIT(b, ",\"status\":{\"code\":1}}");
		T.status[1]++;
	} else {
		LIT(b, ",\"status\":{}}");
		T.status[0]++;
	}

	sl->r[sl->nr++] =
	    (Rec){ n->inst << 4 | p->scope, (uint32_t)beg, (uint32_t)(b->n - beg) };

	// facts
	s->spans++;
	T.kind[p->kind]++;
	bool has_http = p->prof == P_HTTP_S || p->prof == P_HTTP_C || p->prof == P_ENVOY_S ||
			p->prof == P_ENVOY_C || p->prof == P_IMG;
	if (has_http && n->code >= 500) {
		T.http5xx++;
		if (n->t0 >= T1 - 6 * 3600000000000ull)
			T.http5xx_6h++;
	}
	if (n->t1 - n->t0 > 1000000000ull)
		T.gt1s++;
	if (text_hit)
		T.text++;
	if (p->svc == S_FE && n->t0 >= T1 - 3600000000000ull)
		T.frontend_last1h++;
	if (p->svc == S_PAY && n->err) {
		T.payment_err++;
		if (n->t0 >= T1 - 24 * 3600000000000ull)
			T.payment_err_24h++;
	}
	if (p->svc == S_PAY && n->t0 >= inc0 && n->t0 < inc1) {
		T.inc_spans++;
		if (n->err)
			T.inc_errors++;
	}
	bool sess = p->prof == P_LG || (p->prof == P_HTTP_S && p->c) ||
		    (p->prof == P_ADS && p->kind == SERVER);
	if ((n->has_user && tr_user == or_user) ||
	    (sess && tr_user == or_session_user && tr_sess_slot == or_session_slot))
		T.or_spans++;
	if (n->t0 < T.min_start)
		T.min_start = n->t0;
	if (n->t1 > T.max_end)
		T.max_end = n->t1;
}

// ---------------------------------------------------------------- files
static int out_fd = -1;
static uint64_t out_bytes, file_bytes, lines;
static int nfiles;
static Buf ob;

static void
wr(const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(out_fd, p, n);
		if (k < 0) {
			if (errno == EINTR)
				continue;
			perror("tracegen: write");
			exit(1);
		}
		p += k;
		n -= (size_t)k;
	}
}

static void
next_file(void)
{
	if (!strcmp(o_out, "-")) {
		out_fd = 1;
		nfiles = 1;
		return;
	}
	if (out_fd >= 0)
		close(out_fd);
	char path[4096];
	snprintf(path, sizeof path, "%s/traces-%05d.jsonl", o_out, ++nfiles);
	out_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (out_fd < 0) {
		fprintf(stderr, "tracegen: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	file_bytes = 0;
}

static void
drain(bool force)
{
	if (ob.n && (force || ob.n > (1u << 20))) {
		wr(ob.p, ob.n);
		ob.n = 0;
	}
}

static int
cmp64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void
close_tick(Slot *s)
{
	if (!s->nr)
		return;
	static uint64_t *ix;
	static uint32_t cap;
	if (cap < s->nr) {
		cap = s->nr * 2;
		ix = realloc(ix, cap * sizeof *ix);
		if (!ix)
			exit(1);
	}
	for (uint32_t a = 0; a < s->nr; a += (uint32_t)o_batch_spans) {
		uint32_t m =
		    s->nr - a > (uint32_t)o_batch_spans ? (uint32_t)o_batch_spans : s->nr - a;
		for (uint32_t i = 0; i < m; i++)
			ix[i] = (uint64_t)s->r[a + i].key << 32 | (a + i);
		qsort(ix, m, sizeof *ix, cmp64);
		Buf *b = &ob;
		size_t l0 = b->n;
		LIT(b, "{\"resourceSpans\":[");
		for (uint32_t i = 0; i < m;) {
			uint32_t inst = (uint32_t)(ix[i] >> 36);
			if (i)
				LIT(b, ",");
			LIT(b, "{\"resource\":");
			put(b, insts[inst].json.p, insts[inst].json.n);
			LIT(b, ",\"scopeSpans\":[");
			for (bool fs = true; i < m && (uint32_t)(ix[i] >> 36) == inst;
			     fs = false) {
				uint32_t key = (uint32_t)(ix[i] >> 32);
				if (!fs)
					LIT(b, ",");
				LIT(b, "{\"scope\":{\"name\":\"");
				int lang = 0;
				for (int q = 0; q < nsvc; q++)
					if ((int)inst >= svcs[q].inst0 &&
					    (int)inst < svcs[q].inst0 + 2 * svcs[q].ninst) {
						lang = svcs[q].lang;
						break;
					}
				const char **sc = scopes[lang][key & 15];
				puts0(b, sc[0]);
				LIT(b, "\"");
				if (sc[1][0]) {
					LIT(b, ",\"version\":\"");
					puts0(b, sc[1]);
					LIT(b, "\"");
				}
				LIT(b, "},\"spans\":[");
				for (bool f = true; i < m && (uint32_t)(ix[i] >> 32) == key;
				     i++, f = false) {
					if (!f)
						LIT(b, ",");
					const Rec *r = &s->r[(uint32_t)ix[i]];
					put(b, s->b.p + r->off, r->len);
				}
				if ((key & 15) == SC_HTTP)
					LIT(b, "],\"schemaUrl\":\"https://opentelemetry.io/"
					       "schemas/1.37.0\"}");
				else
					LIT(b, "]}");
			}
			LIT(b, "],\"schemaUrl\":\"https://opentelemetry.io/schemas/1.37.0\"}");
		}
		LIT(b, "]}\n");
		size_t len = b->n - l0;
		lines++;
		out_bytes += len;
		file_bytes += len;
		if (file_bytes >= (uint64_t)o_file_mb << 20 && out_fd != 1) {
			drain(true);
			next_file();
		} else
			drain(false);
	}
	s->nr = 0;
	s->b.n = 0;
}

static uint64_t
parse_time(const char *s)
{
	struct tm tm = { 0 };
	const char *e = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!e) {
		fprintf(
		    stderr, "tracegen: --start wants RFC 3339, such as 2026-03-02T00:00:00Z\n");
		exit(2);
	}
	int64_t off = 0;
	if (*e == '.') {
		e++;
		while (*e >= '0' && *e <= '9')
			e++;
	}
	if ((*e == '+' || *e == '-') && strlen(e) >= 6)
		off = ((e[1] - '0') * 10 + e[2] - '0') * 3600 +
		      ((e[4] - '0') * 10 + e[5] - '0') * 60,
		off = *e == '-' ? -off : off;
	return (uint64_t)(timegm(&tm) - off) * 1000000000ull;
}

static void
one_trace(uint64_t t, uint64_t left)
{
	double x = uni() * rootcum[nroots - 1];
	int lo = 0, hi = nroots - 1;
	while (lo < hi) {
		int m = (lo + hi) / 2;
		if (rootcum[m] < x)
			lo = m + 1;
		else
			hi = m;
	}
	tr_hi = rnd();
	tr_lo = rnd();
	tr_user = zipf(o_users);
	tr_sess_slot = (t - T0) / 3600000000000ull;
	tr_state = (tr_hi & 255) == 1;
	double it = 1.3 / pow(1 - uni(), 1 / 1.2);
	tr_items = it > 38 ? 38 : (int)it;
	nn = 0;
	ncap = left < MAXNODE ? (int)left : MAXNODE;
	bool e;
	gen(roots[lo].op, -1, t, &e);
	bool hit = false;
	for (int i = 0; i < nn; i++)
		if (nd[i].err && ops[nd[i].op].svc == S_PAY)
			for (int j = nd[i].parent; j >= 0; j = nd[j].parent)
				if (ops[nd[j].op].svc == S_CO && !nd[j].mark) {
					nd[j].mark = true;
					T.structural++;
					hit = true;
				}
	if (hit)
		T.structural_traces++;
	if (!needle_trace[0] && roots[lo].op == checkout_root && nn >= 40 && nn <= 80 &&
	    t - T0 >= (T1 - T0) / 2) {
		snprintf(needle_trace, sizeof needle_trace, "%016llx%016llx",
		    (unsigned long long)tr_hi, (unsigned long long)tr_lo);
		needle_trace_spans = (uint64_t)nn;
	}
	for (int i = 0; i < nn; i++)
		emit(&nd[i]);
	T.traces++;
	if (nn == 1)
		T.single++;
	if ((uint64_t)nn > T.maxtrace)
		T.maxtrace = (uint64_t)nn;
}

static void
uuid_str(char *o, uint64_t h, uint64_t l)
{
	Buf b = { 0 };
	putuuid(&b, h, l);
	memcpy(o, b.p, 36);
	o[36] = 0;
	free(b.p);
}

static void
write_truth(void)
{
	FILE *f = !strcmp(o_truth, "-") ? stdout : fopen(o_truth, "w");
	if (!f) {
		perror(o_truth);
		exit(1);
	}
#define U(x) (unsigned long long)(x)
	char nu[37], ou[37], os[37];
	uuid_str(nu, user_h(needle_user), user_l(needle_user));
	uuid_str(ou, user_h(or_user), user_l(or_user));
	uuid_str(os, sess_h(or_session_user, or_session_slot),
	    sess_l(or_session_user, or_session_slot));
	fprintf(f,
	    "{\n "
	    "\"seed\":%llu,\"spans\":%llu,\"traces\":%llu,\"single_span_traces\":%llu,"
	    "\"largest_trace\":%llu,\n \"bytes\":%llu,\"lines\":%llu,\"files\":%d,\n",
	    U(o_seed), U(o_spans), U(T.traces), U(T.single), U(T.maxtrace), U(out_bytes),
	    U(lines), nfiles);
	fprintf(f,
	    " \"start_unix_nano\":\"%llu\",\"end_unix_nano\":\"%llu\",\"min_start_unix_nano\":"
	    "\"%llu\",\"max_end_unix_nano\":\"%llu\",\n",
	    U(T0), U(T1), U(T.min_start), U(T.max_end));
	fprintf(f,
	    " \"status\":{\"unset\":%llu,\"ok\":%llu,\"error\":%llu},\n "
	    "\"kind\":{\"internal\":%llu,\"server\":%llu,\"client\":%llu,\"producer\":%llu,"
	    "\"consumer\":%llu},\n",
	    U(T.status[0]), U(T.status[1]), U(T.status[2]), U(T.kind[1]), U(T.kind[2]),
	    U(T.kind[3]), U(T.kind[4]), U(T.kind[5]));
	fprintf(f,
	    " \"events\":%llu,\"exceptions\":%llu,\"links\":%llu,\"http_5xx\":%llu,\"http_5xx_"
	    "last_6h\":%llu,\"duration_gt_1s\":%llu,\"frontend_last_1h\":%llu,\"payment_"
	    "errors\":%llu,\"payment_errors_last_24h\":%llu,\n",
	    U(T.events), U(T.exceptions), U(T.links), U(T.http5xx), U(T.http5xx_6h), U(T.gt1s),
	    U(T.frontend_last1h), U(T.payment_err), U(T.payment_err_24h));
	fprintf(f,
	    " \"gen_ai\":{\"spans\":%llu,\"evaluation_events\":%llu,\"input_tokens\":%llu,"
	    "\"output_tokens\":%llu},\n",
	    U(T.gen_ai), U(T.eval_events), U(T.input_tokens), U(T.output_tokens));
	fprintf(f,
	    " \"incident\":{\"service\":\"payment\",\"start_unix_nano\":\"%llu\",\"end_unix_"
	    "nano\":\"%llu\",\"spans\":%llu,\"errors\":%llu},\n",
	    U(inc0), U(inc1), U(T.inc_spans), U(T.inc_errors));
	fprintf(f,
	    " \"needle\":{\"trace_id\":\"%s\",\"trace_spans\":%llu,\"user_id\":\"%s\",\"user_"
	    "spans\":%llu,\"text\":\"deadlock\",\"text_spans\":%llu,\n  "
	    "\"or_user_id\":\"%s\",\"or_session_id\":\"%s\",\"or_spans\":%llu,\n  "
	    "\"structural\":{\"ancestor_service\":\"checkout\",\"descendant_service\":"
	    "\"payment\",\"spans\":%llu,\"traces\":%llu}},\n",
	    needle_trace, U(needle_trace_spans), nu, U(T.needle_user), U(T.text), ou, os,
	    U(T.or_spans), U(T.structural), U(T.structural_traces));
	fprintf(f, " \"services\":{\n");
	for (int i = 0; i < nsvc; i++)
		fprintf(f, "  \"%s\":{\"spans\":%llu,\"errors\":%llu,\"exceptions\":%llu}%s\n",
		    svcs[i].name, U(svcs[i].spans), U(svcs[i].errors), U(svcs[i].exceptions),
		    i + 1 < nsvc ? "," : "");
	fprintf(f, " }\n}\n");
	if (f != stdout)
		fclose(f);
}

static void
usage(void)
{
	fprintf(stderr, "usage: tracegen [--spans N] [--seed S] [--start RFC3339] [--hours H] "
			"[--services K] [--users U]\n"
			"                [--out DIR|-] [--file-mb M] [--sdk-ms MS] [--batch-ms "
			"MS] [--batch-spans N] [--truth FILE|-]\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : 0;
		if (!v)
			usage();
		i++;
		if (!strcmp(k, "--spans"))
			o_spans = strtoull(v, 0, 10);
		else if (!strcmp(k, "--seed"))
			o_seed = strtoull(v, 0, 10);
		else if (!strcmp(k, "--start"))
			o_start = v;
		else if (!strcmp(k, "--hours"))
			o_hours = atof(v);
		else if (!strcmp(k, "--services"))
			o_services = atoi(v);
		else if (!strcmp(k, "--users"))
			o_users = (uint32_t)strtoul(v, 0, 10);
		else if (!strcmp(k, "--out"))
			o_out = v;
		else if (!strcmp(k, "--file-mb"))
			o_file_mb = atoi(v);
		else if (!strcmp(k, "--sdk-ms"))
			o_sdk_ms = atoi(v);
		else if (!strcmp(k, "--batch-ms"))
			o_batch_ms = atoi(v);
		else if (!strcmp(k, "--batch-spans"))
			o_batch_spans = atoi(v);
		else if (!strcmp(k, "--truth"))
			o_truth = v;
		else
			usage();
	}
	if (o_services < 8 || o_services > MAXSVC - 1 || o_hours <= 0 || !o_spans ||
	    o_file_mb < 1 || o_sdk_ms < 1 || o_batch_ms < 1 || o_batch_spans < 1 ||
	    o_users < 2000) {
		fprintf(stderr,
		    "tracegen: out of range (services 8..%d, users >= 2000, all else > 0)\n",
		    MAXSVC - 1);
		return 2;
	}
	for (int i = 0; i < 100; i++)
		d2[i * 2] = (char)('0' + i / 10), d2[i * 2 + 1] = (char)('0' + i % 10);
	for (int i = 0; i < 256; i++)
		hex2[i * 2] = "0123456789abcdef"[i >> 4],
			 hex2[i * 2 + 1] = "0123456789abcdef"[i & 15];
	for (int i = 0; i < 65536; i++)
		ztab[i] = (float)probit((i + 0.5) / 65536.0);
	for (int i = 0; i < 4; i++)
		rs[i] = mix64(o_seed * 4 + (uint64_t)i + 12345);
	for (int i = 0; i < 500; i++) {
		uint64_t h = mix64((uint64_t)i + 31337);
		for (int j = 0; j < 10; j++) {
			products[i][j] = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"[h % 34];
			h /= 34;
		}
	}
	T0 = parse_time(o_start);
	T1 = T0 + (uint64_t)(o_hours * 3600e9);
	tick_ns = (uint64_t)o_batch_ms * 1000000;
	T.min_start = UINT64_MAX;
	inc0 = T0 + (uint64_t)((double)(T1 - T0) * 0.625);
	inc1 = inc0 + (T1 - T0) / 48;
	needle_user = 150;
	or_user = 999;
	or_session_user = 60;
	or_session_slot = (T1 - T0) / 2 / 3600000000000ull;
	nsvc = o_services;
	for (int i = 0; i < nsvc; i++) {
		Svc *s = &svcs[i];
		if (i < S_KNOWN) {
			snprintf(s->name, sizeof s->name, "%s", known[i].name);
			s->lang = known[i].lang;
			s->ninst = known[i].ninst;
		} else {
			snprintf(s->name, sizeof s->name, "worker-%03d", i + 1);
			s->lang = i % L_N;
			s->ninst = 1 + i % 3;
		}
		s->inst0 = ninsts;
		s->deploy =
		    i % 2 ? 0.2 + 0.6 * (double)(mix64(o_seed + (uint64_t)i) % 1000) / 1000 : 0;
		for (int j = 0; j < 2 * s->ninst; j++) { // before and after the deploy
			Inst *in = &insts[ninsts++];
			Buf *b = &in->json;
			uint64_t h = mix64(o_seed * 1000 + (uint64_t)ninsts), h2 = mix64(h);
			bool nw = j >= s->ninst;
			in->phase = (uint32_t)(h2 % 4000000000u);
			in->ip = (uint32_t)h;
			LIT(b, "{\"attributes\":[");
			KS(b, "service.name", s->name);
			KSL(b, "service.namespace", "opentelemetry-demo");
			KS(b, "service.version", nw ? "2.1.4" : "2.1.3");
			KBEG(b, "service.instance.id");
			putuuid(b, h, h2);
			KEND(b);
			KSL(b, "deployment.environment.name", "production");
			KBEG(b, "k8s.pod.name");
			puts0(b, s->name);
			LIT(b, "-");
			put(b, nw ? "7d9c5b6f4d" : "5b8f6c9d77", 10);
			LIT(b, "-");
			for (int q = 0; q < 5; q++) {
				char c = "bcdfghjklmnpqrstvwxz2456789"[h2 % 27];
				h2 /= 27;
				put(b, &c, 1);
			}
			KEND(b);
			KSL(b, "k8s.namespace.name", "shop");
			KBEG(b, "host.name");
			LIT(b, "node-");
			putu(b, h % 6);
			LIT(b, ".eu-central-1.compute.internal");
			KEND(b);
			KI(b, "process.pid",
			    s->lang == L_GO || s->lang == L_CPP ? 1 : 7 + h % 40);
			KSL(b, "os.type", "linux");
			KSL(b, "telemetry.sdk.name", "opentelemetry");
			KS(b, "telemetry.sdk.language", langname[s->lang]);
			KS(b, "telemetry.sdk.version", sdkver[s->lang]);
			b->p[b->n - 1] = ']';
			LIT(b, "}");
		}
	}
	build();
	if (strcmp(o_out, "-") && mkdir(o_out, 0755) && errno != EEXIST) {
		perror(o_out);
		return 1;
	}
	next_file();

	nring = (uint64_t)(1200e9 / (double)tick_ns) + 2 +
		(uint64_t)(o_sdk_ms / o_batch_ms) * 2; // spans that end late wait here
	ring = calloc(nring, sizeof *ring);
	if (!ring) {
		perror("tracegen");
		return 1;
	}
	uint64_t nticks = (T1 - T0 + tick_ns - 1) / tick_ns, done = 0;
	double tot = 0, acc = 0;
#define LOAD(k)                                                                         \
	(1 + 0.55 * sin(2 * M_PI * ((double)(k) * (double)tick_ns / 3600e9 - 8) / 24) + \
	    0.12 * sin(4 * M_PI * ((double)(k) * (double)tick_ns / 3600e9 - 3) / 24))
	for (uint64_t k = 0; k < nticks; k++)
		tot += LOAD(k);
	struct timespec c0, c1;
	clock_gettime(CLOCK_MONOTONIC, &c0);
	for (uint64_t k = 0; k < nticks; k++) {
		acc += LOAD(k);
		uint64_t want =
		    k + 1 == nticks ? o_spans : (uint64_t)((double)o_spans * (acc / tot));
		while (done < want) {
			uint64_t t = T0 + k * tick_ns + (uint64_t)(uni() * (double)tick_ns);
			if (t >= T1)
				t = T1 - 1 - below(1000000);
			one_trace(t, o_spans - done);
			done += (uint64_t)nn;
		}
		close_tick(&ring[k % nring]);
	}
	for (uint64_t k = nticks; k < nticks + nring; k++)
		close_tick(&ring[k % nring]);
	drain(true);
	clock_gettime(CLOCK_MONOTONIC, &c1);
	double sec = (double)(c1.tv_sec - c0.tv_sec) + (double)(c1.tv_nsec - c0.tv_nsec) / 1e9;
	if (o_truth)
		write_truth();
	fprintf(stderr,
	    "tracegen: %llu spans, %llu traces, %llu lines, %.1f MB in %.2f s: %.0f spans/s, "
	    "%.0f MB/s, %.0f bytes/span\n",
	    U(done), U(T.traces), U(lines), (double)out_bytes / 1e6, sec, (double)done / sec,
	    (double)out_bytes / 1e6 / sec, (double)out_bytes / (double)done);
	return 0;
}
