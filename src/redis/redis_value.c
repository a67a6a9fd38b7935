/* SPDX-License-Identifier: ISC */
/* redis_value: what stands in Redis, sealed and opened: value_i.h. */
#include "base/cursor.h"
#include "redis/redis.h"
#include "shard/codec.h"
#include "value_i.h"

#define MAGIC "SPANFSRV"
#define VALUE_VERSION 1
#define LEVEL 1		/* of zstd: the content is read once a program or two */

static int
keyed(const struct value_keys *k, struct sv what, unsigned char out[MAC_BYTES], struct err *e)
{
	struct buf b = BUF_INIT;
	bool made;

	buf_sv(&b, what);
	buf_putc(&b, '\0');
	buf_sv(&b, k->key);
	made = !b.oom && mac_make(k->secret, REDIS_SECRET_BYTES, buf_view(&b), out);
	buf_release(&b);
	return made ? 0 : err_nomem(e);
}

/* The MAC of a value's bytes up to its own. */
static int
sealed_with(const struct value_keys *k, struct sv bytes, unsigned char out[MAC_BYTES], struct err *e)
{
	unsigned char own[MAC_BYTES];
	int rc = keyed(k, SV("spanfs value"), own, e);

	if (rc != 0)
		return rc;
	return mac_make(own, sizeof own, bytes, out) ? 0 : err_nomem(e);
}

int
value_name(const struct value_keys *k, struct sv prefix, struct buf *out, struct err *e)
{
	unsigned char name[MAC_BYTES];
	int rc = keyed(k, SV("spanfs name"), name, e);

	if (rc != 0)
		return rc;
	buf_sv(out, prefix);
	buf_hex(out, name, VALUE_NAME_BYTES);
	return buf_ok(out, e);
}

static void
put_le(struct buf *b, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_putc(b, (char)(v >> (8 * i)));
}

static void
put_header(struct buf *b, uint32_t codec, size_t content, size_t key, const unsigned char *name)
{
	BUF_LIT(b, MAGIC);
	put_le(b, VALUE_VERSION, 4);
	put_le(b, codec, 4);
	put_le(b, content, 8);
	put_le(b, key, 8);
	buf_put(b, name, VALUE_NAME_BYTES);
}

int
value_seal(const struct value_keys *k, struct sv content, struct buf *out, struct err *e)
{
	unsigned char name[MAC_BYTES], mac[MAC_BYTES];
	struct buf packed = BUF_INIT;
	enum section_codec codec;
	size_t from = out->n;
	int rc;

	if ((rc = keyed(k, SV("spanfs name"), name, e)) == 0 &&
	    (rc = codec_compress(&packed, content, LEVEL, &codec, e)) == 0) {
		put_header(out, codec, content.n, k->key.n, name);
		buf_sv(out, buf_view(&packed));
		if ((rc = buf_ok(out, e)) == 0 && (rc = sealed_with(k,
		    sv_new(out->p + from, out->n - from), mac, e)) == 0) {
			buf_put(out, mac, sizeof mac);
			rc = buf_ok(out, e);
		}
	}
	buf_release(&packed);
	return rc;
}

struct header {
	uint32_t codec;
	uint64_t content, key;
	const uint8_t *name;
};

/* Of bytes whose MAC is right: another version's, perhaps. */
static int
read_header(struct sv bytes, struct header *h, struct err *e)
{
	struct cursor c = cursor_new(bytes.p, bytes.n);
	const uint8_t *magic;

	if (!cursor_take(&c, 8, &magic) || memcmp(magic, MAGIC, 8) != 0)
		return err_set(e, ERR_CORRUPT, 0, "no value of this program");
	if (cursor_u32(&c) != VALUE_VERSION)
		return err_set(e, ERR_CORRUPT, 8, "a value of another version");
	h->codec = cursor_u32(&c);
	h->content = cursor_u64(&c);
	h->key = cursor_u64(&c);
	if (!cursor_take(&c, VALUE_NAME_BYTES, &h->name))
		return err_set(e, ERR_CORRUPT, 32, "a value that ends early");
	return 0;
}

static int
check_seal(const struct value_keys *k, struct sv stored, struct err *e)
{
	unsigned char mac[MAC_BYTES];
	int rc;

	if (stored.n < VALUE_EXTRA_BYTES)
		return err_set(e, ERR_CORRUPT, (int64_t)stored.n, "a value that ends early");
	stored.n -= VALUE_MAC_BYTES;
	if ((rc = sealed_with(k, stored, mac, e)) != 0)
		return rc;
	return mac_same(mac, stored.p + stored.n, MAC_BYTES) ? 0 : err_set(e, ERR_CORRUPT,
	    (int64_t)stored.n, "a value with a wrong checksum");
}

int
value_open(const struct value_keys *k, struct sv stored, size_t max, struct buf *out, struct err *e)
{
	unsigned char name[MAC_BYTES];
	struct header h = { 0 };
	int rc;

	if ((rc = check_seal(k, stored, e)) != 0 || (rc = read_header(stored, &h, e)) != 0 ||
	    (rc = keyed(k, SV("spanfs name"), name, e)) != 0)
		return rc;
	if (h.key != k->key.n || !mac_same(name, h.name, VALUE_NAME_BYTES))
		return err_set(e, ERR_CORRUPT, 24, "a value of another key");
	if (h.content > max)
		return err_set(e, ERR_CORRUPT, 16, "a value of more than %zu bytes", max);
	if (!buf_reserve(out, (size_t)h.content))
		return buf_ok(out, e);
	rc = codec_decompress((int)h.codec, sv_sub(stored, VALUE_HEADER_BYTES,
	    stored.n - VALUE_MAC_BYTES), out->p + out->n, (size_t)h.content, e);
	if (rc == 0)
		out->n += (size_t)h.content;
	return rc;
}
