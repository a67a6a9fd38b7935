/* SPDX-License-Identifier: ISC */
/*
 * field: the names a path can use, see model/field.h. The order of the three readings
 * (intrinsic, scope prefix, bare) is product.md's; since an intrinsic wins over a bare name,
 * "span.name" is how the attribute called "name" is reached.
 */
#include "model/field.h"

const struct intrinsic_info intrinsics[N_INTRINSICS] = {
#define X(id, name, json, type, of) { name, json, type, of },
	INTRINSICS(X)
#undef X
};

static const struct {
	const char *text;
	enum field_scope scope;
} prefixes[] = {
	{ "resource.", FIELD_RESOURCE },
	{ "span.", FIELD_SPAN },
	{ "scope.", FIELD_SCOPE },
	{ "event.", FIELD_EVENT },
	{ "link.", FIELD_LINK },
};
#define N_PREFIXES (sizeof prefixes / sizeof prefixes[0])

static const struct sv parent_prefix = SV("parent:");

bool
field_parse(struct sv s, struct field *f)
{
	struct field inner;

	if (s.n == 0)
		return false;
	for (unsigned i = 0; i < N_INTRINSICS; i++)
		if (sv_is(s, intrinsics[i].name)) {
			*f = (struct field){ .scope = FIELD_INTRINSIC,
			    .intrinsic = (enum intrinsic)i };
			return true;
		}
	for (size_t i = 0; i < N_PREFIXES; i++) {
		struct sv prefix = sv_cstr(prefixes[i].text);

		if (sv_starts(s, prefix)) {
			*f = (struct field){ .scope = prefixes[i].scope,
			    .key = sv_new(s.p + prefix.n, s.n - prefix.n) };
			return true;
		}
	}
	if (sv_starts(s, parent_prefix) && s.n > parent_prefix.n) {
		(void)field_parse(sv_new(s.p + parent_prefix.n, s.n - parent_prefix.n), &inner);
		*f = field_of_parent(&inner);
		return true;
	}
	*f = (struct field){ .scope = FIELD_BARE, .key = s };
	return true;
}

struct field
field_of_parent(const struct field *f)
{
	struct field p = *f;

	p.scope = FIELD_PARENT;
	p.inner = f->scope;
	return p;
}

struct field
field_inner(const struct field *f)
{
	struct field inner = *f;

	inner.scope = f->inner;
	return inner;
}

bool
field_of_key(struct sv key, struct field *f)
{
	static const struct {
		const char *key;
		enum intrinsic in;
	} keys[] = {	/* a longer list is another feature of shards than SHARD_COMPAT_SHOWN */
		{ "duration_ns", IN_DURATION },
		{ "errors", IN_TRACE_ERRORS },
		{ "spans", IN_TRACE_SPANS },
		{ "trace_duration_ns", IN_TRACE_DURATION },
	};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (sv_is(key, keys[i].key)) {
			*f = (struct field){ .scope = FIELD_INTRINSIC, .intrinsic = keys[i].in };
			return true;
		}
	return false;
}

void
field_print(struct buf *b, const struct field *f)
{
	struct field inner;

	if (f->scope == FIELD_PARENT) {
		inner = field_inner(f);
		buf_sv(b, parent_prefix);
		field_print(b, &inner);
		return;
	}
	if (f->scope == FIELD_INTRINSIC) {
		buf_str(b, intrinsics[f->intrinsic].name);
		return;
	}
	for (size_t i = 0; i < N_PREFIXES; i++)
		if (prefixes[i].scope == f->scope)
			buf_str(b, prefixes[i].text);
	buf_sv(b, f->key);
}

void
field_print_json(struct buf *b, const struct field *f)
{
	struct field inner;

	if (f->scope == FIELD_PARENT) {
		inner = field_inner(f);
		buf_sv(b, parent_prefix);
		field_print_json(b, &inner);
		return;
	}
	if (f->scope == FIELD_INTRINSIC)
		buf_str(b, intrinsics[f->intrinsic].json);
	else
		field_print(b, f);
}

int
field_cmp(const struct field *a, const struct field *b)
{
	struct field x, y;

	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	if (a->scope == FIELD_PARENT) {
		x = field_inner(a);
		y = field_inner(b);
		return field_cmp(&x, &y);
	}
	if (a->scope == FIELD_INTRINSIC)
		return (a->intrinsic > b->intrinsic) - (a->intrinsic < b->intrinsic);
	return sv_cmp(a->key, b->key);
}

bool
field_eq(const struct field *a, const struct field *b)
{
	return field_cmp(a, b) == 0;
}

enum field_type
field_type(const struct field *f)
{
	struct field inner;

	if (f->scope == FIELD_PARENT) {
		inner = field_inner(f);
		return field_type(&inner);
	}
	return f->scope == FIELD_INTRINSIC ? intrinsics[f->intrinsic].type : FT_ATTR;
}

bool
field_needs_trace(const struct field *f)
{
	return field_owner(f) == OF_TRACE || field_owner(f) == OF_TREE;
}
