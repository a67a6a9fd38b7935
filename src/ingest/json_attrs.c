/* SPDX-License-Identifier: ISC */
/* json_attrs: see ingest/json_attrs.h. */
#include "ingest/json_attrs.h"

#include "base/limits.h"
#include "base/vec.h"
#include "json_read_i.h"

struct walk {
	struct json j;
	struct arena *a;
	VEC(struct attr) attrs;
	struct buf key, list;
	struct err *e;
};

static int
broken(struct walk *w)
{
	if (w->j.nomem)
		return err_nomem(w->e);
	return err_set(w->e, ERR_CORRUPT, w->j.p - w->j.body, "attributes that are no JSON: %s",
	    w->j.why != NULL ? w->j.why : "not an object");
}

static int
scalar(struct walk *w, struct value *v)
{
	struct json_scalar t;

	if (!json_scalar(&w->j, &t))
		return broken(w);
	*v = (struct value){ .type = VAL_EMPTY };
	if (t.type == JSON_TRUE || t.type == JSON_FALSE) {
		*v = (struct value){ .type = VAL_BOOL, .b = t.type == JSON_TRUE };
	} else if (t.type == JSON_NUMBER && sv_i64(t.s, &v->i)) {
		v->type = VAL_INT;
	} else if (t.type == JSON_NUMBER && sv_double(t.s, &v->d)) {
		v->type = VAL_DOUBLE;
	} else if (t.type != JSON_NULL) {
		*v = (struct value){ .type = VAL_STRING, .s = arena_sv(w->a, t.s) };
		if (v->s.p == NULL && t.s.n != 0)
			return err_nomem(w->e);
	}
	return 0;
}

/* As it stands. */
static int
raw(struct walk *w, struct value *v)
{
	const char *from;

	(void)json_peek(&w->j);
	from = w->j.p;
	if (!json_skip(&w->j))
		return broken(w);
	*v = (struct value){ .type = VAL_STRING, .s = sv_new(from, (size_t)(w->j.p - from)) };
	return 0;
}

static int
list(struct walk *w, struct value *v)
{
	bool begun = false;
	char next;
	int r, rc;

	w->list.n = 0;
	if (!json_enter(&w->j, '['))
		return broken(w);
	while ((r = json_element(&w->j, &begun)) > 0) {
		struct value x;

		next = json_peek(&w->j);
		if ((rc = next == '{' || next == '[' ? raw(w, &x) : scalar(w, &x)) < 0)
			return rc;
		value_pack(&w->list, &x);
	}
	if (r < 0)
		return broken(w);
	*v = (struct value){ .type = VAL_ARRAY, .s = arena_sv(w->a, buf_view(&w->list)) };
	return w->list.oom || (v->s.p == NULL && w->list.n != 0) ? err_nomem(w->e) : 0;
}

static int object(struct walk *, unsigned depth);

/* The value of the key so far. */
static int
member(struct walk *w, unsigned depth)
{
	struct attr at;
	char next = json_peek(&w->j);
	int rc;

	if (next == '{') {
		buf_putc(&w->key, '.');
		return object(w, depth + 1);
	}
	if ((rc = next == '[' ? list(w, &at.val) : scalar(w, &at.val)) < 0)
		return rc;
	if (at.val.type == VAL_EMPTY)
		return 0;
	if (w->attrs.n == LIMIT_SPAN_ATTRS)
		return err_set(w->e, ERR_TOOBIG, -1, "over %d attributes", LIMIT_SPAN_ATTRS);
	at.key = arena_sv(w->a, buf_view(&w->key));
	if (w->key.oom || (at.key.p == NULL && w->key.n != 0) || !vec_push(&w->attrs, at))
		return err_nomem(w->e);
	return 0;
}

/* Its members, behind the key so far. */
static int
object(struct walk *w, unsigned depth)
{
	size_t from = w->key.n;
	bool begun = false;
	struct sv name;
	int r, rc = 0;

	if (depth > LIMIT_VALUE_DEPTH)
		return err_set(w->e, ERR_TOOBIG, -1, "attributes nested more than %d deep",
		    LIMIT_VALUE_DEPTH);
	if (!json_enter(&w->j, '{'))
		return broken(w);
	while (rc == 0 && (r = json_any_member(&w->j, &begun, &name)) != 0) {
		if (r < 0)
			return broken(w);
		w->key.n = from;
		buf_sv(&w->key, name);
		rc = member(w, depth);
	}
	w->key.n = from;
	return rc;
}

int
attrs_of_json(struct sv text, struct arena *a, struct attrs *out, struct err *e)
{
	struct walk w = { .a = a, .attrs = VEC_INIT, .key = BUF_INIT, .list = BUF_INIT, .e = e };
	int rc;

	json_init(&w.j, text, a);
	rc = object(&w, 0);
	if (rc == 0 && json_peek(&w.j) != '\0')
		rc = broken(&w);
	if (rc == 0 && (out->v = arena_array(a, w.attrs.n + 1, struct attr)) == NULL)
		rc = err_nomem(e);
	if (rc == 0) {
		if (w.attrs.n != 0)
			memcpy(out->v, w.attrs.v, w.attrs.n * sizeof *w.attrs.v);
		out->n = (uint32_t)w.attrs.n;
		attrs_normalize(out);
	}
	vec_release(&w.attrs);
	buf_release(&w.key);
	buf_release(&w.list);
	return rc;
}
