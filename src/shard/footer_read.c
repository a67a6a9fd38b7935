/* SPDX-License-Identifier: ISC */
/*
 * footer_read: the raw footer of a shard into struct shard (layout: shard_format.h). Nothing in
 * it is believed: each count is checked against the bytes left before memory is taken for it,
 * each number against the others. Afterwards every index in shard_info and every section's
 * place in the file can be used unchecked.
 *
 * It does not look at the sections' bytes; footer_sections.c checks the list of them.
 */
#include "footer_read_i.h"

#include "base/limits.h"

#define HOUR_NS (UINT64_C(3600) * 1000 * 1000 * 1000)

static int
read_head(struct footer *f)
{
	struct shard_info *i = &f->s->info;
	uint64_t n_groups;

	i->n_rows = cursor_varint(&f->c);
	n_groups = cursor_varint(&f->c);
	i->n_events = cursor_varint(&f->c);
	i->n_links = cursor_varint(&f->c);
	i->n_traces = cursor_varint(&f->c);
	i->partition = cursor_u64(&f->c);
	i->min_start = cursor_u64(&f->c);
	i->max_start = cursor_u64(&f->c);
	if (f->c.bad)
		return footer_bad(f, "cut short");
	if (i->n_rows == 0 || i->n_rows > LIMIT_SHARD_ROWS)
		return footer_bad(f, "number of rows");
	if (n_groups != (i->n_rows + i->row_group_rows - 1) / i->row_group_rows)
		return footer_bad(f, "number of row groups");
	if (i->n_traces == 0 || i->n_traces > i->n_rows)
		return footer_bad(f, "number of traces");
	if (i->min_start > i->max_start)
		return footer_bad(f, "times");
	if (i->partition != PARTITION_OUTSIDE && (i->partition % HOUR_NS != 0 ||
	    i->min_start < i->partition || i->max_start - i->partition >= HOUR_NS))
		return footer_bad(f, "times outside the partition");
	i->n_row_groups = (uint32_t)n_groups;
	return 0;
}

static int
read_row_groups(struct footer *f)
{
	struct shard_info *i = &f->s->info;
	uint64_t row = 0, events = 0, links = 0;
	struct row_group *g;

	/* Each takes three bytes at least. */
	if (i->n_row_groups > cursor_left(&f->c) / 3)
		return footer_bad(f, "row groups");
	if ((g = arena_array(&f->s->arena, i->n_row_groups, struct row_group)) == NULL)
		return err_nomem(f->e);
	i->row_groups = g;
	for (uint32_t k = 0; k < i->n_row_groups; k++) {
		uint64_t left = i->n_rows - row, n = cursor_varint(&f->c);
		uint64_t n_events = cursor_varint(&f->c), n_links = cursor_varint(&f->c);

		if (f->c.bad || n != (left < i->row_group_rows ? left : i->row_group_rows))
			return footer_bad(f, "rows of a row group");
		if (n_events > SHARD_MAX_CHILDREN || n_links > SHARD_MAX_CHILDREN)
			return footer_bad(f, "events or links of a row group");
		g[k] = (struct row_group){ (uint32_t)row, (uint32_t)(row + n),
		    (uint32_t)n_events, (uint32_t)n_links };
		row += n;
		events += n_events;
		links += n_links;
	}
	if (events != i->n_events || links != i->n_links || events > SHARD_MAX_CHILDREN ||
	    links > SHARD_MAX_CHILDREN)
		return footer_bad(f, "row groups do not add up");
	return 0;
}

static int
read_names(struct footer *f, struct shard_service *v)
{
	uint32_t n = 0, n_rows = 0, n_errors = 0;
	struct shard_name *names;
	int rc;

	if ((rc = footer_count(f, "number of span names", 3, v->row_to - v->row_from, &n)) != 0)
		return rc;
	if ((names = arena_array(&f->s->arena, n, struct shard_name)) == NULL)
		return err_nomem(f->e);
	for (uint32_t k = 0; k < n; k++) {
		uint64_t code = cursor_varint(&f->c), rows = cursor_varint(&f->c);
		uint64_t errors = cursor_varint(&f->c);

		/* Sums can't pass 2^21: each addend is checked first. */
		if (f->c.bad || code >= LIMIT_SHARD_ROWS || rows == 0 ||
		    rows > LIMIT_SHARD_ROWS || errors > rows)
			return footer_bad(f, "span name of a service");
		if (k > 0 && code <= names[k - 1].code)
			return footer_bad(f, "span names of a service are not in order");
		names[k] = (struct shard_name){ (uint32_t)code, (uint32_t)rows, (uint32_t)errors };
		n_rows += names[k].n_rows;
		n_errors += names[k].n_errors;
		if (n_rows > v->row_to - v->row_from)
			break;
	}
	if (n_rows != v->row_to - v->row_from || n_errors != v->n_errors)
		return footer_bad(f, "span names of a service do not add up");
	v->names = names;
	v->n_names = n;
	return 0;
}

static int
read_service(struct footer *f, struct shard_service *v, uint32_t row)
{
	const struct shard_info *i = &f->s->info;
	uint64_t n;

	v->service = cursor_str(&f->c);
	n = cursor_varint(&f->c);
	v->n_errors = cursor_varint(&f->c);
	v->min_start = cursor_u64(&f->c);
	v->max_start = cursor_u64(&f->c);
	if (f->c.bad || n == 0 || n > i->n_rows - row || v->n_errors > n)
		return footer_bad(f, "rows of a service");
	if (v->min_start > v->max_start || v->min_start < i->min_start ||
	    v->max_start > i->max_start)
		return footer_bad(f, "times of a service");
	v->row_from = row;
	v->row_to = row + (uint32_t)n;
	return read_names(f, v);
}

static int
read_services(struct footer *f)
{
	struct shard_info *i = &f->s->info;
	struct shard_service *v;
	uint32_t n = 0, row = 0;
	int rc;

	if ((rc = footer_count(f, "number of services", 20, i->n_rows, &n)) != 0)
		return rc;
	if ((v = arena_array(&f->s->arena, n, struct shard_service)) == NULL)
		return err_nomem(f->e);
	for (uint32_t k = 0; k < n; k++) {
		if ((rc = read_service(f, &v[k], row)) != 0)
			return rc;
		if (k > 0 && sv_cmp(v[k - 1].service, v[k].service) >= 0)
			return footer_bad(f, "services are not in order");
		row = v[k].row_to;
	}
	if (row != i->n_rows)
		return footer_bad(f, "services do not add up");
	i->services = v;
	i->n_services = n;
	return 0;
}

static int
read_tops(struct footer *f, struct column *c)
{
	struct top_value *top;
	uint32_t n = 0;
	int rc;

	if ((rc = footer_count(f, "number of top values", 3, c->n_present, &n)) != 0)
		return rc;
	if ((top = arena_array(&f->s->arena, n, struct top_value)) == NULL)
		return err_nomem(f->e);
	for (uint32_t k = 0; k < n; k++) {
		uint8_t cut = cursor_u8(&f->c);
		uint64_t rows = cursor_varint(&f->c);

		if (!value_unpack(&f->c, &top[k].val) || cut > 1 || rows > c->n_present)
			return footer_bad(f, "top value");
		/* Values cut short can't be looked into. */
		if ((top[k].val.type == VAL_ARRAY || top[k].val.type == VAL_MAP) &&
		    !cut && !value_check(top[k].val.type, top[k].val.s))
			return footer_bad(f, "top value");
		top[k].cut = cut != 0;
		top[k].n_rows = rows;
	}
	c->top = top;
	c->n_top = n;
	return 0;
}

/* Whether a fixed column is what its id says; an attribute: what its type can be. */
static bool
column_fits(const struct column *c)
{
	const struct column_rule *r = column_rule(c->id);
	static const enum column_domain domain[] = {
		[ATTR_SPAN] = DOMAIN_SPAN, [ATTR_EVENT] = DOMAIN_EVENT, [ATTR_LINK] = DOMAIN_LINK,
	};
	bool text = c->kind != COLUMN_INT;

	if (c->id != COL_ATTR)
		return r != NULL && c->domain == r->domain && text == r->text &&
		    c->type == r->type && c->scope == 0 && c->key.n == 0;
	if (c->scope < ATTR_SPAN || c->scope > ATTR_LINK || c->domain != domain[c->scope])
		return false;
	return text == (c->type == VAL_STRING || c->type == VAL_BYTES ||
	    c->type == VAL_ARRAY || c->type == VAL_MAP);
}

static uint64_t
domain_total(const struct shard_info *i, enum column_domain d)
{
	return d == DOMAIN_SPAN ? i->n_rows : d == DOMAIN_EVENT ? i->n_events : i->n_links;
}

static int
read_column(struct footer *f, struct column *c)
{
	uint8_t id = cursor_u8(&f->c), domain = cursor_u8(&f->c), kind = cursor_u8(&f->c);
	uint8_t type = cursor_u8(&f->c), scope = cursor_u8(&f->c), has_range;
	uint64_t n_dict;

	c->key = cursor_str(&f->c);
	c->n_present = cursor_varint(&f->c);
	c->n_distinct = cursor_varint(&f->c);
	has_range = cursor_u8(&f->c);
	if (has_range == 1) {
		c->min = cursor_u64(&f->c);
		c->max = cursor_u64(&f->c);
	}
	n_dict = cursor_varint(&f->c);
	if (f->c.bad || domain > DOMAIN_LINK || kind > COLUMN_BYTES || type >= VAL_TYPES ||
	    has_range > 1 || c->min > c->max)
		return footer_bad(f, "malformed column");
	c->id = id;
	c->domain = domain;
	c->kind = kind;
	c->scope = scope;
	c->type = type;
	c->has_range = has_range != 0;
	c->n_dict = (uint32_t)n_dict;
	if (!column_fits(c))
		return footer_bad(f, "column of an unexpected kind");
	if (c->n_present == 0 || c->n_present > domain_total(&f->s->info, c->domain))
		return footer_bad(f, "rows of a column");
	if (n_dict > c->n_present || (n_dict != 0) != (c->kind == COLUMN_DICT))
		return footer_bad(f, "size of a dictionary");
	return read_tops(f, c);
}

static int
column_cmp(const struct column *a, const struct column *b)
{
	int c;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	if ((c = sv_cmp(a->key, b->key)) != 0)
		return c;
	return (a->type > b->type) - (a->type < b->type);
}

static int
read_columns(struct footer *f)
{
	struct shard *s = f->s;
	struct column *c;
	uint32_t n = 0;
	int rc;

	if ((rc = footer_count(f, "number of columns", 11, LIMIT_SHARD_COLUMNS + N_FIXED_IDS,
	    &n)) != 0)
		return rc;
	if ((c = arena_array(&s->arena, n, struct column)) == NULL)
		return err_nomem(f->e);
	for (uint32_t k = 0; k < n; k++) {
		if ((rc = read_column(f, &c[k])) != 0)
			return rc;
		if (k > 0 && column_cmp(&c[k - 1], &c[k]) >= 0)
			return footer_bad(f, "columns are not in order");
		c[k].index = k;
		if (c[k].id != COL_ATTR)
			s->fixed[c[k].id] = k;
	}
	s->info.columns = c;
	s->info.n_columns = n;
	f->columns = c;
	return 0;
}

/* What is known only when services and columns are both there. */
static int
check_columns(struct footer *f)
{
	const struct shard *s = f->s;
	const struct shard_info *i = &s->info;

	for (unsigned id = 0; id < N_FIXED_IDS; id++) {
		const struct column_rule *r = column_rule((enum column_id)id);

		if (r == NULL || !r->dense)
			continue;
		if (s->fixed[id] == NO_COLUMN ||
		    i->columns[s->fixed[id]].n_present != i->n_rows)
			return footer_bad(f, "a column that every span has is incomplete");
	}
	for (size_t k = 0; k < i->n_services; k++) {
		const struct shard_service *v = &i->services[k];
		const struct column *name = &i->columns[s->fixed[COL_NAME]];

		/* Codes rise: the last is the largest. */
		if (name->kind != COLUMN_DICT || v->names[v->n_names - 1].code >= name->n_dict)
			return footer_bad(f, "span name of a service is not in the dictionary");
	}
	return 0;
}

int
footer_read(struct shard *s, size_t n, struct err *e)
{
	struct footer f = { .s = s, .c = cursor_new(s->footer, n), .e = e };
	int rc;

	if ((rc = read_head(&f)) != 0 || (rc = read_row_groups(&f)) != 0 ||
	    (rc = read_services(&f)) != 0 || (rc = read_columns(&f)) != 0 ||
	    (rc = check_columns(&f)) != 0 || (rc = footer_sections(&f)) != 0)
		return rc;
	if (cursor_left(&f.c) != 0)
		return footer_bad(&f, "bytes are left");
	return 0;
}
