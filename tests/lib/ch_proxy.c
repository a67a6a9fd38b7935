/* SPDX-License-Identifier: ISC */
/* ch_proxy: see ch_proxy.h. */
#include "lib/ch_proxy.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/canned.h"
#include "wire/ch_pack.h"

#define KEPT 64
#define WORDS "Code: 241. DB::Exception: Memory limit exceeded: what the proxy made up. (MEMORY_LIMIT_EXCEEDED)"
#define TAG "0123456789abcdef"

struct kept {
	struct buf key, raw, body;
	enum ch_packing packing;
	struct buf plain;	/* the body, unpacked */
};

struct ch_proxy {
	int fd;
	unsigned port, upstream;
	pthread_t thread;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t left;
	unsigned open, met, kills;
	bool stop;
	struct ch_fault fault;
	struct kept kept[KEPT];
	size_t n;
};

struct conn {
	struct ch_proxy *proxy;
	int fd;
};

static void
die(const char *what)
{
	fprintf(stderr, "ch_proxy: %s\n", what);
	abort();
}

static void
sleep_ms(long ms)
{
	const struct timespec t = { 0, ms * 1000000 };

	nanosleep(&t, NULL);
}

/* ---- answers ---- */

/* All of a request but the id and the time left, which are others each time. */
static void
key_of(struct sv request, struct buf *key)
{
	int64_t end = sv_find(request, SV("\r\n\r\n")), line = sv_find(request, SV(" HTTP/1.1\r\n"));
	struct sv url = sv_sub(request, 0, (size_t)line), arg;

	while (sv_cut(&url, '&', &arg))
		if (sv_find(arg, SV("query_id=")) < 0 && !sv_starts(arg, SV("max_execution_time="))) {
			buf_sv(key, arg);
			buf_putc(key, '&');
		}
	buf_sv(key, sv_sub(request, (size_t)end + 4, request.n));
}

static void
body_of(struct sv raw, struct buf *body)
{
	int64_t end = sv_find(raw, SV("\r\n\r\n"));
	struct sv rest = sv_sub(raw, (size_t)end + 4, raw.n);
	size_t n;

	if (sv_find(sv_sub(raw, 0, (size_t)end), SV("Transfer-Encoding")) < 0) {
		buf_sv(body, rest);
		return;
	}
	while ((n = strtoul(rest.p, NULL, 16)) != 0) {
		rest = sv_sub(rest, (size_t)sv_find(rest, SV("\r\n")) + 2, rest.n);
		buf_sv(body, sv_sub(rest, 0, n));
		rest = sv_sub(rest, n + 2, rest.n);
	}
}

static void
unpack(struct kept *k)
{
	struct sv raw = buf_view(&k->raw), in = buf_view(&k->body), head = sv_sub(raw, 0, (size_t)sv_find(raw, SV("\r\n\r\n")));
	struct ch_unpack *u;

	k->packing = sv_find(head, SV("Content-Encoding: zstd")) >= 0 ? CH_PACK_ZSTD :
	    sv_find(head, SV("Content-Encoding: gzip")) >= 0 ? CH_PACK_GZIP : CH_PACK_NONE;
	if (k->packing == CH_PACK_NONE) {
		buf_sv(&k->plain, in);
		return;
	}
	if (ch_unpack_new(k->packing, &u, NULL) < 0 || ch_unpack(u, &in, &k->plain, SIZE_MAX, NULL) < 0 ||
	    !ch_unpack_whole(u))
		die("the server's answer can't be unpacked");
	ch_unpack_free(u);
}

static void
ask_server(const struct ch_proxy *p, struct sv request, struct buf *raw)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)p->upstream),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int64_t line = sv_find(request, SV("\r\n"));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct buf b = BUF_INIT;
	char some[65536];
	ssize_t n;

	buf_sv(&b, sv_sub(request, 0, (size_t)line));
	BUF_LIT(&b, "\r\nConnection: close");
	buf_sv(&b, sv_sub(request, (size_t)line, request.n));
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0 || !canned_send(fd, b.p, b.n))
		die("the server is not there");
	while ((n = recv(fd, some, sizeof some, 0)) > 0)
		buf_put(raw, some, (size_t)n);
	close(fd);
	buf_release(&b);
	if (raw->n == 0)
		die("the server does not answer");
}

/* Under the lock. */
static const struct kept *
find(struct ch_proxy *p, struct sv request)
{
	struct buf key = BUF_INIT;
	struct kept *k;

	key_of(request, &key);
	for (size_t i = 0; i < p->n; i++)
		if (sv_eq(buf_view(&p->kept[i].key), buf_view(&key))) {
			buf_release(&key);
			return &p->kept[i];
		}
	if (p->n == KEPT)
		die("too many questions");
	k = &p->kept[p->n++];
	k->key = key;
	buf_init(&k->raw);
	buf_init(&k->body);
	buf_init(&k->plain);
	ask_server(p, request, &k->raw);
	buf_putc(&k->raw, '\0');
	k->raw.n--;
	body_of(buf_view(&k->raw), &k->body);
	unpack(k);
	return k;
}

static const struct kept *
with_text(struct ch_proxy *p, struct sv text)
{
	for (size_t i = 0; i < p->n; i++)
		if (sv_find(buf_view(&p->kept[i].key), text) >= 0)
			return &p->kept[i];
	die("no such question was asked");
	return NULL;
}

/* ---- faults ---- */

static void
put_answer(struct buf *out, unsigned status, const char *headers, struct sv body)
{
	canned_answer(out, (int)status, headers, body);
}

/* Bytes of a body as the kept one came. */
static void
put_body(struct buf *out, const struct kept *k, const char *more, struct sv body)
{
	char headers[128];

	snprintf(headers, sizeof headers, "%s%s%s%s", k->packing == CH_PACK_NONE ? "" : "Content-Encoding: ",
	    k->packing == CH_PACK_NONE ? "" : ch_packing_name(k->packing), k->packing == CH_PACK_NONE ? "" : "\r\n", more);
	put_answer(out, 200, headers, body);
}

/* Rows and an exception, in one stream. */
static void
put_exception(struct buf *out, enum ch_fault_kind kind, const struct kept *k, size_t at)
{
	const char *headers = kind == FAULT_TAGGED ? "X-ClickHouse-Exception-Tag: " TAG "\r\n" : "";
	struct buf b = BUF_INIT, packed = BUF_INIT;

	buf_sv(&b, sv_sub(buf_view(&k->plain), 0, at));
	if (kind == FAULT_TAGGED)
		buf_printf(&b, "\r\n__exception__\r\n" TAG "\r\n" WORDS "\n%zu " TAG "\r\n__exception__\r\n",
		    sizeof WORDS);
	else if (kind == FAULT_MARKED)
		BUF_LIT(&b, "\r\n__exception__\r\n" WORDS "\n__exception__\r\n");
	else
		BUF_LIT(&b, WORDS "\n");
	if (ch_pack(k->packing, buf_view(&b), &packed, NULL) < 0)
		die("no memory");
	put_body(out, k, headers, buf_view(&packed));
	if (kind == FAULT_APPENDED)
		out->n -= 5;
	buf_release(&b);
	buf_release(&packed);
}

/* The bytes that are sent; false: and no more after them. */
static bool
spoil(const struct ch_fault *f, const struct kept *k, const struct kept *other, struct buf *out)
{
	struct sv raw = buf_view(&k->raw), body = buf_view(&k->body);

	switch (f->kind) {
	case FAULT_CUT:
	case FAULT_RESET:
		buf_sv(out, sv_sub(raw, 0, f->at));
		return false;
	case FAULT_SHORT:
		put_body(out, k, "", sv_sub(body, 0, f->at));
		return true;
	case FAULT_FLIP:
		buf_sv(out, raw);
		out->p[f->at % raw.n] ^= (char)(1u << f->more);
		return false;
	case FAULT_BODY:
		put_body(out, k, "", f->text);
		return true;
	case FAULT_RAW:
		buf_sv(out, f->text);
		return false;
	case FAULT_OTHER:
		buf_sv(out, buf_view(&other->raw));
		return true;
	case FAULT_STATUS:
		put_answer(out, f->more, "", f->text);
		return true;
	case FAULT_TAGGED:
	case FAULT_MARKED:
	case FAULT_APPENDED:
		put_exception(out, f->kind, k, f->at);
		return f->kind != FAULT_APPENDED;
	case FAULT_ENDLESS:
		put_body(out, k, "", body);
		out->n -= 5;
		return false;
	case FAULT_ENCODING:
		put_answer(out, 200, f->more == 0 ? "" : f->more == 1 ? "Content-Encoding: gzip\r\n" :
		    f->more == 2 ? "Content-Encoding: zstd\r\n" : "Content-Encoding: br\r\n", body);
		return true;
	default:
		buf_sv(out, raw);
		return true;
	}
}

static void
chunk_forever(int fd, struct sv piece)
{
	struct buf b = BUF_INIT;

	for (unsigned i = 0; piece.n != 0 && i < 1 + 65536 / piece.n; i++) {
		buf_printf(&b, "%zx\r\n", piece.n);
		buf_sv(&b, piece);
		BUF_LIT(&b, "\r\n");
	}
	while (b.n != 0 && canned_send(fd, b.p, b.n))
		;
	buf_release(&b);
}

static void
wait_gone(int fd)
{
	char some[64];

	while (recv(fd, some, sizeof some, 0) > 0)
		;
}

/* True: the connection goes on. */
static bool
respond(int fd, const struct ch_fault *f, struct sv bytes, struct sv again, bool on)
{
	bool sent = true;

	switch (f->kind) {
	case FAULT_CLOSE:
		return false;
	case FAULT_SILENT:
		wait_gone(fd);
		return false;
	case FAULT_SLOW:
		for (size_t i = 0; i < bytes.n && sent; i++) {
			sent = canned_send(fd, bytes.p + i, 1);
			sleep_ms(20);
		}
		return sent;
	default:
		break;
	}
	sent = canned_send(fd, bytes.p, bytes.n);
	if (sent && f->kind == FAULT_ENDLESS)
		chunk_forever(fd, again);
	if (f->kind == FAULT_RESET) {
		sleep_ms(1);
		canned_reset(fd);
	}
	return sent && on;
}

static bool
is_kill(struct sv request)
{
	return sv_find(request, SV("\r\n\r\nKILL QUERY")) >= 0;
}

static bool
one(struct ch_proxy *p, int fd, struct sv request)
{
	struct ch_fault f = { .kind = FAULT_NONE };
	struct buf out = BUF_INIT, again = BUF_INIT;
	bool on = true;

	pthread_mutex_lock(&p->lock);
	if (is_kill(request)) {
		p->kills++;
		put_answer(&out, 200, "", SV_EMPTY);
	} else {
		const struct kept *k = find(p, request), *other = NULL;
		bool met = p->fault.kind != FAULT_NONE && (p->fault.only == NULL ||
		    sv_find(request, sv_cstr(p->fault.only)) >= 0) &&
		    (p->fault.times == 0 || p->met < p->fault.times);

		if (met) {
			p->met++;
			f = p->fault;
			other = f.kind == FAULT_OTHER ? with_text(p, f.text) : NULL;
		}
		on = spoil(&f, k, other, &out);
		buf_sv(&again, sv_sub(buf_view(&k->body), f.at, k->body.n));
	}
	pthread_mutex_unlock(&p->lock);
	on = respond(fd, &f, buf_view(&out), buf_view(&again), on);
	buf_release(&out);
	buf_release(&again);
	return on;
}

/* ---- connections ---- */

static void *
serve(void *arg)
{
	struct conn *c = arg;
	struct ch_proxy *p = c->proxy;
	struct buf request = BUF_INIT;

	while (canned_request(c->fd, &request) && one(p, c->fd, buf_view(&request)))
		request.n = 0;
	close(c->fd);
	buf_release(&request);
	free(c);
	pthread_mutex_lock(&p->lock);
	p->open--;
	pthread_cond_broadcast(&p->left);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void *
accept_them(void *arg)
{
	struct ch_proxy *p = arg;
	bool stop = false;

	while (!stop) {
		struct pollfd at = { p->fd, POLLIN, 0 };
		struct conn *c;
		pthread_t thread;
		int on = 1, fd = -1;

		if (poll(&at, 1, 1000) > 0)
			fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
		pthread_mutex_lock(&p->lock);
		stop = p->stop;
		p->open += fd >= 0;
		pthread_mutex_unlock(&p->lock);
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if ((c = calloc(1, sizeof *c)) == NULL)
			die("no memory");
		*c = (struct conn){ p, fd };
		if (pthread_create(&thread, NULL, serve, c) != 0)
			die("no thread");
		pthread_detach(thread);
	}
	return NULL;
}

struct ch_proxy *
ch_proxy_open(const struct ch_server *s)
{
	struct ch_proxy *p = calloc(1, sizeof *p);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;

	if (p == NULL)
		die("no memory");
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->left, NULL);
	p->upstream = s->port;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(p->fd, 64) < 0 ||
	    getsockname(p->fd, (struct sockaddr *)&at, &n) < 0)
		die("no socket");
	p->port = ntohs(at.sin_port);
	if (pthread_create(&p->thread, NULL, accept_them, p) != 0)
		die("no thread");
	return p;
}

void
ch_proxy_forget(struct ch_proxy *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n; i++) {
		buf_release(&p->kept[i].key);
		buf_release(&p->kept[i].raw);
		buf_release(&p->kept[i].body);
		buf_release(&p->kept[i].plain);
	}
	p->n = 0;
	pthread_mutex_unlock(&p->lock);
}

void
ch_proxy_close(struct ch_proxy *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_mutex_unlock(&p->lock);
	shutdown(p->fd, SHUT_RDWR);	/* wakes it */
	pthread_join(p->thread, NULL);
	if (!ch_proxy_idle(p))
		die("connections are left");
	close(p->fd);
	ch_proxy_forget(p);
	pthread_cond_destroy(&p->left);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

unsigned
ch_proxy_port(const struct ch_proxy *p)
{
	return p->port;
}

void
ch_proxy_set(struct ch_proxy *p, const struct ch_fault *f)
{
	pthread_mutex_lock(&p->lock);
	p->fault = f == NULL ? (struct ch_fault){ .kind = FAULT_NONE } : *f;
	p->met = p->kills = 0;
	pthread_mutex_unlock(&p->lock);
}

unsigned
ch_proxy_met(struct ch_proxy *p)
{
	unsigned n;

	pthread_mutex_lock(&p->lock);
	n = p->met;
	pthread_mutex_unlock(&p->lock);
	return n;
}

unsigned
ch_proxy_kills(struct ch_proxy *p)
{
	unsigned n;

	pthread_mutex_lock(&p->lock);
	n = p->kills;
	pthread_mutex_unlock(&p->lock);
	return n;
}

struct sv
ch_proxy_answer(struct ch_proxy *p, const char *text, size_t *body_bytes, size_t *plain_bytes)
{
	const struct kept *k;

	pthread_mutex_lock(&p->lock);
	k = with_text(p, sv_cstr(text));
	*body_bytes = k->body.n;
	*plain_bytes = k->plain.n;
	pthread_mutex_unlock(&p->lock);
	return buf_view(&k->raw);
}

bool
ch_proxy_idle(struct ch_proxy *p)
{
	struct timespec until;
	bool idle;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&p->lock);
	while (p->open != 0 && rc == 0)
		rc = pthread_cond_timedwait(&p->left, &p->lock, &until);
	idle = p->open == 0;
	pthread_mutex_unlock(&p->lock);
	return idle;
}
