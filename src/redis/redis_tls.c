/* SPDX-License-Identifier: ISC */
/*
 * redis_tls: the wire of rediss://, by libssl: Debian 12's libhiredis has no TLS. libssl works on
 * memory here, and what it makes goes through the wire's socket: so every wait has its end, and a
 * closed socket raises no signal. The server's certificate is checked against the system's
 * authorities (SSL_CERT_FILE, SSL_CERT_DIR) and its name.
 */
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "redis_i.h"

#define CHUNK 16384

struct tls {
	SSL_CTX *ctx;
};

struct tls_wire {
	SSL *ssl;
	BIO *in, *out;			/* the ssl's: from the socket, to it */
	int fd;
};

/* libssl's words for what went wrong. */
static int
failed(const char *what, struct err *e)
{
	unsigned long code = ERR_peek_error();
	const char *why = code == 0 ? NULL : ERR_reason_error_string(code);

	ERR_clear_error();
	return err_set(e, ERR_IO, -1, "TLS: %s%s%s", what, why == NULL ? "" : ": ",
	    why == NULL ? "" : why);
}

int
tls_new(struct tls **out, struct err *e)
{
	struct tls *t = calloc(1, sizeof *t);

	if (t == NULL)
		return err_nomem(e);
	if ((t->ctx = SSL_CTX_new(TLS_client_method())) == NULL ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_default_verify_paths(t->ctx) != 1) {
		tls_free(t);
		return failed("it can't be set up", e);
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	*out = t;
	return 0;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

void
tls_close(struct tls_wire *w)
{
	if (w == NULL)
		return;
	SSL_free(w->ssl);		/* and both BIOs */
	free(w);
}

/* What libssl has for the server. */
static int
push(struct tls_wire *w, const struct limit *lim, struct err *e)
{
	char chunk[CHUNK];
	int rc = 0, n;

	while (rc == 0 && BIO_ctrl_pending(w->out) != 0 &&
	    (n = BIO_read(w->out, chunk, sizeof chunk)) > 0)
		rc = sock_send(w->fd, chunk, (size_t)n, lim, e);
	return rc;
}

/* After a call that returned `ret`: 0: call it again. */
static int
go_on(struct tls_wire *w, int ret, const char *what, const struct limit *lim, struct err *e)
{
	int want = SSL_get_error(w->ssl, ret), rc;
	char chunk[CHUNK];
	size_t n;

	if (want == SSL_ERROR_ZERO_RETURN)
		return err_set(e, ERR_IO, -1, "the server closed the connection");
	if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE)
		return failed(what, e);
	if ((rc = push(w, lim, e)) != 0 || want == SSL_ERROR_WANT_WRITE)
		return rc;
	if ((rc = sock_recv(w->fd, chunk, sizeof chunk, &n, lim, e)) != 0)
		return rc;
	return BIO_write(w->in, chunk, (int)n) == (int)n ? 0 : err_nomem(e);
}

/* The certificate is to be of this host. */
static bool
expect_host(SSL *ssl, const char *host)
{
	unsigned char addr[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, addr) == 1 || inet_pton(AF_INET6, host, addr) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static int
handshake(struct tls_wire *w, const struct limit *lim, struct err *e)
{
	int ret, rc;

	SSL_set_connect_state(w->ssl);
	for (;;) {
		ERR_clear_error();
		if ((ret = SSL_do_handshake(w->ssl)) == 1)
			return push(w, lim, e);
		if ((rc = go_on(w, ret, "no agreement with the server", lim, e)) != 0)
			return rc;
	}
}

int
tls_open(struct tls *t, int fd, const char *host, const struct limit *lim, struct tls_wire **out,
    struct err *e)
{
	struct tls_wire *w = calloc(1, sizeof *w);
	int rc;

	if (w == NULL)
		return err_nomem(e);
	w->fd = fd;
	w->ssl = SSL_new(t->ctx);
	w->in = BIO_new(BIO_s_mem());
	w->out = BIO_new(BIO_s_mem());
	if (w->ssl == NULL || w->in == NULL || w->out == NULL) {
		BIO_free(w->in);
		BIO_free(w->out);
		SSL_free(w->ssl);
		free(w);
		return err_nomem(e);
	}
	SSL_set_bio(w->ssl, w->in, w->out);
	rc = expect_host(w->ssl, host) ? handshake(w, lim, e) : err_nomem(e);
	if (rc != 0) {
		tls_close(w);
		return rc;
	}
	*out = w;
	return 0;
}

int
tls_send(struct tls_wire *w, const void *bytes, size_t n, const struct limit *lim, struct err *e)
{
	const char *p = bytes;
	int rc = 0;

	while (n != 0 && rc == 0) {
		int some = n > CHUNK ? CHUNK : (int)n, ret;

		ERR_clear_error();
		if ((ret = SSL_write(w->ssl, p, some)) > 0) {
			p += ret;
			n -= (size_t)ret;
			rc = push(w, lim, e);
		} else
			rc = go_on(w, ret, "sending", lim, e);
	}
	return rc;
}

int
tls_recv(struct tls_wire *w, void *p, size_t n, size_t *got, const struct limit *lim, struct err *e)
{
	int rc = 0, ret;

	while (rc == 0) {
		ERR_clear_error();
		if ((ret = SSL_read(w->ssl, p, n > CHUNK ? CHUNK : (int)n)) > 0) {
			*got = (size_t)ret;
			return 0;
		}
		rc = go_on(w, ret, "receiving", lim, e);
	}
	return rc;
}
