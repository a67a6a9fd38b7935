/* SPDX-License-Identifier: ISC */
/*
 * ch_reply: one question on its way, see wire/ch_client.h. curl writes into `body` (ch_body.c) until
 * ANSWER_AHEAD is there and is paused then; ch_read hands out all but the last ANSWER_KEPT bytes,
 * and these once the body is complete and ends in no exception. What is said of bytes of a body is
 * said of them unpacked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "ch_i.h"
#include "base/clock.h"

static bool
options_set(struct ch_reply *r)
{
	CURL *h = r->conn->easy;
	const struct ch_client *c = r->client;
	uint64_t now = clock_mono_ns();
	uint64_t left = r->deadline_ns > now ? (r->deadline_ns - now) / 1000000 + 1 : 1;
	bool ok = true;

#define SET(o, v) (ok = ok && curl_easy_setopt(h, (o), (v)) == CURLE_OK)
	SET(CURLOPT_URL, r->url.p);
	SET(CURLOPT_HTTPHEADER, r->headers);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->post.n);
	SET(CURLOPT_POSTFIELDS, r->post.p);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");		/* not by the environment */
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->ca_file.n > 1)
		SET(CURLOPT_CAINFO, c->ca_file.p);
	SET(CURLOPT_TCP_NODELAY, 1L);
	/* On a connection that was used before, curl itself sends again what found it closed. */
	SET(CURLOPT_FRESH_CONNECT, r->writes ? 1L : 0L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left < CONNECT_MS ? left : CONNECT_MS));
	SET(CURLOPT_ERRORBUFFER, r->curl_words);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, r);
#undef SET
	return ok;
}

/* ERR_TIMEOUT and ERR_CANCELLED are those of the caller's. What has come is not waited for. */
static int
go_on(const struct ch_reply *r, struct err *e)
{
	if (r->cancel != NULL && atomic_load(r->cancel))
		return err_set(e, ERR_CANCELLED, -1, "cancelled");
	if (!r->done && clock_mono_ns() >= r->deadline_ns)
		return err_set(e, ERR_TIMEOUT, -1, "ClickHouse did not answer in time (see %s timeout)",
		    r->hurried ? "[query]" : "[clickhouse]");
	return 0;
}

/* Lets curl work a little. */
static int
step(struct ch_reply *r, struct err *e)
{
	int running = 0, left = 0;
	CURLMsg *m;

	if (r->paused) {
		r->paused = false;
		curl_easy_pause(r->conn->easy, CURLPAUSE_CONT);
	}
	if (curl_multi_perform(r->conn->multi, &running) != CURLM_OK)
		return err_nomem(e);
	while ((m = curl_multi_info_read(r->conn->multi, &left)) != NULL)
		if (m->msg == CURLMSG_DONE) {
			r->done = true;
			r->result = m->data.result;
		}
	if (!r->done && !r->paused)
		curl_multi_poll(r->conn->multi, NULL, 0, WAIT_MS, NULL);
	return 0;
}

/* What a complete answer is. */
static int
judge(struct ch_reply *r, struct err *e)
{
	struct sv body = sv_new(r->body.p + r->from, r->body.n - r->from), words;

	if (r->fault && r->outcome.status != 0 && r->head) {
		body_words(r);
		return fault_words(r, buf_view(&r->words), e);
	}
	if (r->result != CURLE_OK) {
		if (r->outcome.status == 200 && fault_bare(body, &words))
			return fault_words(r, words, e);
		return r->body.oom || r->words.oom || r->packed.oom ? err_nomem(e) : fault_transfer(r, e);
	}
	if (!r->length)
		return err_set(e, ERR_IO, -1, "ClickHouse's answer says not where it ends");
	if (fault_at_end(r->tag, body, &words))
		return fault_words(r, words, e);
	return body_check(r, e);
}

/* Until bytes can be handed out, or it is complete. */
static int
fill(struct ch_reply *r, struct err *e)
{
	int rc = 0;

	while (rc == 0 && !r->whole && r->body.n - r->from <= ANSWER_KEPT) {
		if ((rc = go_on(r, e)) < 0)
			break;
		if (body_waits(r))
			rc = body_unpack(r, e);
		else if (!r->done && (rc = step(r, e)) == 0)
			rc = body_check(r, e);
		r->whole = r->done && !body_waits(r);
	}
	return rc == 0 && r->whole ? judge(r, e) : rc;
}

static int
send_it(struct ch_reply *r, const struct ch_question *q, struct err *e)
{
	struct ch_client *c = r->client;
	int rc;

	if (q->id.n == 0)
		query_id(r->outcome.id, sizeof r->outcome.id);
	else
		snprintf(r->outcome.id, sizeof r->outcome.id, "%.*s", SV_ARG(q->id));
	r->outcome.status = r->outcome.code = 0;
	r->outcome.tries++;
	body_clear(r);
	r->tag[0] = r->curl_words[0] = '\0';
	r->head = r->length = r->paused = r->done = r->whole = r->fault = false;
	r->settings = (enum ch_settings)atomic_load(&c->settings);
	rc = request_make(r, q, e);
	if (rc < 0 || (rc = conn_get(c, &r->conn, e)) < 0)
		return rc;
	if (!options_set(r) || curl_multi_add_handle(r->conn->multi, r->conn->easy) != CURLM_OK) {
		conn_put(c, r->conn, false);
		r->conn = NULL;
		return err_nomem(e);
	}
	return fill(r, e);
}

/* Gives the connection back, or closes it if something is left on it. */
static void
let_go(struct ch_reply *r)
{
	if (r->conn == NULL)
		return;
	curl_multi_remove_handle(r->conn->multi, r->conn->easy);
	conn_put(r->client, r->conn, r->done && r->result == CURLE_OK);
	r->conn = NULL;
}

/* Fewer settings, if it failed for one of them. */
static bool
fewer_settings(struct ch_reply *r)
{
	enum ch_settings want = r->settings;
	int had = (int)r->settings;

	if (r->outcome.code == 115 && had < SETTINGS_OLD)
		want++;
	/* A statement that would write fails with this code, too, and must go on to fail. */
	else if (r->outcome.code == 164 && (sv_find(buf_view(&r->words), SV("Cannot modify")) >= 0 ||
	    sv_find(buf_view(&r->words), SV("Cannot override")) >= 0))	/* as 18.16 has it */
		want = SETTINGS_NONE;
	if ((int)want == had)
		return false;
	/* Another question may have found out the same, or more. */
	atomic_compare_exchange_strong(&r->client->settings, &had, (int)want);
	return true;
}

/*
 * May a question that failed so be asked again? If it only reads, what matters is that it may help;
 * if it writes, that it did not arrive.
 */
static bool
worth_again(const struct ch_reply *r, int code)
{
	if (r->writes)
		return code == ERR_IO && r->done && r->outcome.status == 0 &&
		    (r->result == CURLE_COULDNT_CONNECT || r->result == CURLE_COULDNT_RESOLVE_HOST);
	if (code == ERR_BUSY)
		return true;
	return code == ERR_IO && r->outcome.status == 0 && r->done &&
	    r->result != CURLE_PEER_FAILED_VERIFICATION && r->result != CURLE_SSL_CACERT_BADFILE;
}

static int
pause_before(struct ch_reply *r, unsigned nth, struct err *e)
{
	uint64_t until = clock_mono_ns() + (PAUSE_NS << (nth - 1));
	const struct timespec slice = { 0, WAIT_MS * 1000000L };

	while (clock_mono_ns() < until) {
		if (r->cancel != NULL && atomic_load(r->cancel))
			return err_set(e, ERR_CANCELLED, -1, "cancelled");
		if (clock_mono_ns() >= r->deadline_ns)
			return -1;	/* the failure stays what it was */
		nanosleep(&slice, NULL);
	}
	return 0;
}

/* What a failure says of the server. One that is slow to answer is there. */
static void
tell(struct ch_reply *r, int code, const struct err *e)
{
	curl_off_t sent = 0;

	if (r->conn != NULL)
		curl_easy_getinfo(r->conn->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	if (r->outcome.status != 0)
		breaker_tell(r->client, true, "");
	else if ((code == ERR_IO && r->done) || (code == ERR_TIMEOUT && sent == 0))
		breaker_tell(r->client, false, e->msg);
	else
		breaker_leave(r->client);
}

static void
count_failure(struct ch_client *c, int code)
{
	if (code != ERR_CANCELLED)
		atomic_fetch_add(&c->failed, 1);
}

static int
ask_again(struct ch_reply *r, const struct ch_question *q, struct err *e)
{
	unsigned pauses = 0;

	for (;;) {
		int rc = send_it(r, q, e);

		if (rc == 0) {
			breaker_tell(r->client, true, "");
			return 0;
		}
		tell(r, rc, e);
		if (fewer_settings(r)) {
			atomic_fetch_add(&r->client->retried, 1);
			let_go(r);
			continue;
		}
		if (!worth_again(r, rc) || pauses + 1 >= TRIES)
			return rc;
		let_go(r);
		int waited = pause_before(r, ++pauses, e);
		if (waited < 0)
			return waited == ERR_CANCELLED ? waited : rc;
		atomic_fetch_add(&r->client->retried, 1);
	}
}

static void
reply_free(struct ch_reply *r)
{
	let_go(r);
	curl_slist_free_all(r->headers);
	buf_release(&r->url);
	buf_release(&r->sql);
	buf_release(&r->body);
	buf_release(&r->words);
	buf_release(&r->packed);
	ch_unpack_free(r->unpack);
	free(r);
}

static int
ask(struct ch_client *c, const struct ch_question *q, struct ch_reply *r, struct err *e)
{
	struct err own = ERR_INIT;
	int rc;

	r->client = c;
	r->cancel = q->cancel;
	r->writes = q->writing != NULL;
	r->packs = q->packs && c->packing != CH_PACK_NONE;
	r->deadline_ns = clock_mono_ns() + c->timeout_ns;
	r->hurried = q->deadline_ns != 0 && q->deadline_ns < r->deadline_ns;
	if (r->hurried)
		r->deadline_ns = q->deadline_ns;
	if (e == NULL)
		e = &own;
	atomic_fetch_add(&c->asked, 1);
	if ((rc = breaker_ask(c, e)) == 0)
		rc = ask_again(r, q, e);
	if (rc < 0)
		count_failure(c, rc);
	return rc;
}

/* A query that nobody waits for any more is stopped there, too: its socket alone does not tell old servers. */
static void
kill_it(struct ch_reply *r)
{
	struct ch_reply *k;
	struct ch_param id = { SV("id"), sv_cstr(r->outcome.id) };
	struct ch_question q = { .sql = SV("KILL QUERY WHERE query_id = {id:String} ASYNC"), .params = &id,
		.n_params = 1, .format = SV("TabSeparated"), .deadline_ns = clock_mono_ns() + KILL_NS };

	atomic_fetch_add(&r->client->killed, 1);
	if ((k = calloc(1, sizeof *k)) == NULL)
		return;
	k->client = r->client;
	k->deadline_ns = q.deadline_ns;
	if (send_it(k, &q, NULL) == 0)
		while (!k->whole && fill(k, NULL) == 0)
			k->from = k->body.n;
	reply_free(k);
}

/* May it still run over there? */
static bool
may_run(const struct ch_reply *r)
{
	return r->conn != NULL && (!r->done || (r->result != CURLE_OK && r->outcome.status != 0)) &&
	    r->result != CURLE_COULDNT_CONNECT;
}

void
ch_close(struct ch_reply *r)
{
	if (r == NULL)
		return;
	atomic_fetch_add(&r->client->read_rows, r->outcome.read_rows);
	atomic_fetch_add(&r->client->read_bytes, r->outcome.read_bytes);
	if (may_run(r)) {
		let_go(r);
		kill_it(r);
	}
	reply_free(r);
}

int
ch_ask(struct ch_client *c, const struct ch_question *q, struct ch_outcome *outcome,
    struct ch_reply **out, struct err *e)
{
	struct ch_reply *r = calloc(1, sizeof *r);
	int rc;

	if (r == NULL)
		return err_nomem(e);
	rc = ask(c, q, r, e);
	if (outcome != NULL)
		*outcome = r->outcome;
	if (rc < 0) {
		ch_close(r);
		return rc;
	}
	*out = r;
	return 0;
}

int
ch_read(struct ch_reply *r, struct sv *out, struct err *e)
{
	size_t n;
	int rc;

	r->from += r->given;
	r->given = 0;
	if (r->from != 0) {
		r->body.n -= r->from;
		if (r->body.n != 0)
			memmove(r->body.p, r->body.p + r->from, r->body.n);
		r->from = 0;
	}
	if (r->broken)
		return err_set(e, ERR_IO, -1, "an answer that failed is read on");
	if (!r->whole && (rc = fill(r, e)) < 0) {
		r->broken = true;
		count_failure(r->client, rc);
		return rc;
	}
	n = r->whole ? r->body.n : r->body.n - ANSWER_KEPT;
	if (n == 0)
		return 1;
	*out = sv_new(r->body.p, n);
	r->given = n;
	return 0;
}

const struct ch_outcome *
ch_reply_outcome(const struct ch_reply *r)
{
	return &r->outcome;
}
