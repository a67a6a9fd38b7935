/* SPDX-License-Identifier: ISC */
/* otlp_json_resource: resources and scopes of OTLP JSON. */
#include "otlp_json_i.h"

#define COUNT(a) ((unsigned)(sizeof(a) / sizeof *(a)))

enum { R_ATTRS, R_DROPPED, R_ENTITIES };
static const struct json_name resource_names[] = {
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("droppedAttributesCount", "dropped_attributes_count"),
	JSON_NAME("entityRefs", "entity_refs"),
};

enum { E_SCHEMA, E_TYPE, E_IDS, E_DESCRIPTIONS };
static const struct json_name entity_names[] = {
	JSON_NAME("schemaUrl", "schema_url"),
	JSON_NAME("type", "type"),
	JSON_NAME("idKeys", "id_keys"),
	JSON_NAME("descriptionKeys", "description_keys"),
};

enum { SC_NAME, SC_VERSION, SC_ATTRS, SC_DROPPED };
static const struct json_name scope_names[] = {
	JSON_NAME("name", "name"),
	JSON_NAME("version", "version"),
	JSON_NAME("attributes", "attributes"),
	JSON_NAME("droppedAttributesCount", "dropped_attributes_count"),
};

static bool
entity_keys(struct otlp_json *o, size_t mark, int64_t which)
{
	struct json_scalar t;
	bool begun = false;
	int r = otlp_json_open(o, '[', "keys of an entity");

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&o->j, &begun)) > 0) {
		if (!json_scalar(&o->j, &t))
			return false;
		if (t.type == JSON_STRING && !maker_entity_key(&o->m, mark, t.s, which))
			return false;
	}
	return r == 0;
}

static bool
entity_ref(struct otlp_json *o)
{
	struct json_object obj = { false, 0 };
	struct sv schema = SV_EMPTY, type = SV_EMPTY;
	size_t mark = o->m.attrs.n;
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "an entity reference");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, entity_names, COUNT(entity_names))) >= 0)
		switch (f) {
		case E_SCHEMA:
			ok = otlp_json_text(o, "schemaUrl", &schema);
			break;
		case E_TYPE:
			ok = otlp_json_text(o, "type", &type);
			break;
		case E_IDS:
			ok = entity_keys(o, mark, ENTITY_ID_KEY);
			break;
		case E_DESCRIPTIONS:
			ok = entity_keys(o, mark, ENTITY_DESCRIPTION_KEY);
			break;
		}
	return ok && f == JSON_END && maker_pack_entity(&o->m, mark, schema, type);
}

static bool
entity_refs(struct otlp_json *o, struct value *out)
{
	struct value v = { .type = VAL_ARRAY };
	size_t start = o->m.pack.n;
	bool begun = false;
	int r = otlp_json_open(o, '[', "entityRefs");

	if (r <= 0)
		return r == 0;
	while ((r = json_element(&o->j, &begun)) > 0)
		if (!entity_ref(o))
			return false;
	if (r < 0 || !maker_take(&o->m, start, &v))
		return false;
	*out = v.s.n == 0 ? (struct value){ .type = VAL_EMPTY } : v;
	return true;
}

bool
otlp_json_resource(struct otlp_json *o, struct resource *res)
{
	struct json_object obj = { false, 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "resource");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, resource_names, COUNT(resource_names))) >= 0)
		switch (f) {
		case R_ATTRS:
			ok = otlp_json_attrs(o, &res->attrs);
			break;
		case R_DROPPED:
			ok = otlp_json_u32(o, "droppedAttributesCount", &res->dropped_attrs);
			break;
		case R_ENTITIES:
			ok = entity_refs(o, &res->entity_refs);
			break;
		}
	return ok && f == JSON_END;
}

bool
otlp_json_scope(struct otlp_json *o, struct scope *sc)
{
	struct json_object obj = { false, 0 };
	bool ok = true;
	int f, r = otlp_json_open(o, '{', "scope");

	if (r <= 0)
		return r == 0;
	while (ok && (f = json_member(&o->j, &obj, scope_names, COUNT(scope_names))) >= 0)
		switch (f) {
		case SC_NAME:
			ok = otlp_json_text(o, "name", &sc->name);
			break;
		case SC_VERSION:
			ok = otlp_json_text(o, "version", &sc->version);
			break;
		case SC_ATTRS:
			ok = otlp_json_attrs(o, &sc->attrs);
			break;
		case SC_DROPPED:
			ok = otlp_json_u32(o, "droppedAttributesCount", &sc->dropped_attrs);
			break;
		}
	return ok && f == JSON_END;
}
