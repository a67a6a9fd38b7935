/* SPDX-License-Identifier: ISC */
/* usage: see model/usage.h. Of the names of one thing the first that says it counts. */
#include "model/usage.h"

#include "model/price.h"

static const char *const keys[] = {
	"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens",
	"llm.token_count.prompt",
	"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens",
	"llm.usage.completion_tokens", "llm.token_count.completion",
	"llm.usage.total_tokens", "llm.token_count.total",
	"gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
	"gen_ai.response.model", "gen_ai.request.model", "llm.model_name",
};
_Static_assert(sizeof keys / sizeof *keys == USAGE_KEYS, "each is named");

/* Which of the keys say what. */
enum { INPUT_FROM = 0, OUTPUT_FROM = 4, TOTAL_FROM = 8, CACHED_FROM = 10, MODEL_FROM = 12 };

bool
field_of_usage(enum intrinsic i)
{
	return i == IN_TOKENS_INPUT || i == IN_TOKENS_OUTPUT || i == IN_TOKENS_TOTAL ||
	    i == IN_COST;
}

const char *
usage_key(size_t i)
{
	return i < USAGE_KEYS ? keys[i] : NULL;
}

const char *
usage_main_key(enum intrinsic i)
{
	if (!field_of_usage(i))
		return NULL;
	return keys[i == IN_TOKENS_OUTPUT ? OUTPUT_FROM : INPUT_FROM];
}

/* Doubles are what some exporters make of all numbers. */
static bool
is_count(const struct value *v, uint64_t *out)
{
	if (v->type == VAL_INT && v->i >= 0) {
		*out = (uint64_t)v->i;
		return true;
	}
	if (v->type != VAL_DOUBLE || !(v->d >= 0 && v->d < 0x1p63) ||
	    v->d != (double)(uint64_t)v->d)
		return false;
	*out = (uint64_t)v->d;
	return true;
}

static bool
find_count(const struct span *s, size_t from, size_t to, uint64_t *out)
{
	for (size_t i = from; i < to; i++) {
		const struct value *v = attrs_find(&s->attrs, sv_cstr(keys[i]));

		if (v != NULL && is_count(v, out))
			return true;
	}
	return false;
}

bool
usage_tokens(const struct span *s, enum intrinsic what, uint64_t *out)
{
	uint64_t in = 0, output = 0;
	bool has;

	if (what == IN_TOKENS_INPUT)
		return find_count(s, INPUT_FROM, OUTPUT_FROM, out);
	if (what == IN_TOKENS_OUTPUT)
		return find_count(s, OUTPUT_FROM, TOTAL_FROM, out);
	has = find_count(s, INPUT_FROM, OUTPUT_FROM, &in);
	has |= find_count(s, OUTPUT_FROM, TOTAL_FROM, &output);
	*out = in + output;	/* each below 2^63 */
	return has || find_count(s, TOTAL_FROM, CACHED_FROM, out);
}

/* The model that answered, else the one that was asked for. */
static const struct price *
price_of(const struct span *s, const struct prices *p)
{
	for (size_t i = MODEL_FROM; p != NULL && i < USAGE_KEYS; i++) {
		const struct value *v = attrs_find(&s->attrs, sv_cstr(keys[i]));

		if (v != NULL && v->type == VAL_STRING && v->s.n != 0)
			return price_find(p, v->s);
	}
	return NULL;
}

/* Input and output: of a total alone nobody knows what it costs. */
static bool
both_tokens(const struct span *s, uint64_t *in, uint64_t *out)
{
	bool has;

	*in = *out = 0;
	has = find_count(s, INPUT_FROM, OUTPUT_FROM, in);
	return find_count(s, OUTPUT_FROM, TOTAL_FROM, out) || has;
}

bool
usage_cost(const struct span *s, const struct prices *prices, double *out)
{
	uint64_t in, output, cached = 0;
	const struct price *p;

	if (!both_tokens(s, &in, &output) || (p = price_of(s, prices)) == NULL)
		return false;
	(void)find_count(s, CACHED_FROM, MODEL_FROM, &cached);
	if (cached > in)
		cached = in;
	*out = ((double)(in - cached) * p->input + (double)cached * p->cached +
	    (double)output * p->output) / 1e6;
	return true;
}

bool
usage_unpriced(const struct span *s, const struct prices *prices)
{
	uint64_t in, out;

	return both_tokens(s, &in, &out) && price_of(s, prices) == NULL;
}
