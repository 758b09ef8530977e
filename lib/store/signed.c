#include "store/signed.h"

#include <inttypes.h>
#include <string.h>

#include "core/utc.h"
#include "store/number.h"

int signed_end(struct buf *b, size_t from, const struct crypt_signer *signer)
{
	uint8_t sig[CRYPT_SIG];

	buf_addc(b, '\n');
	if (buf_failed(b) || crypt_sign(signer, b->data + from, b->len - from, sig) < 0)
		return -1;
	signed_hex(b, "{\"sig\":\"", sig, sizeof(sig));
	buf_adds(b, "\"}\n");
	return buf_failed(b) ? -1 : 0;
}

bool signed_split(const char *data, size_t size, size_t *line_len, size_t *len,
		  uint8_t sig[CRYPT_SIG])
{
	const char *nl = size ? memchr(data, '\n', size) : NULL;
	struct scan s;

	if (!nl || (size_t)(data + size - nl - 1) < SIGNED_SIG_LINE + 1)
		return false;
	*line_len = (size_t)(nl + 1 - data);
	s = (struct scan){.at = nl + 1, .end = data + size};
	scan_hex(&s, "{\"sig\":\"", sig, CRYPT_SIG);
	scan_text(&s, "\"}\n");
	*len = (size_t)(s.at - data);
	return !s.bad;
}

void signed_hex(struct buf *b, const char *before, const void *data, size_t len)
{
	char hex[2 * CRYPT_SIG + 1];

	crypt_hex(data, len, hex);
	buf_adds(b, before);
	buf_adds(b, hex);
}

void signed_uint(struct buf *b, const char *before, uint64_t v)
{
	buf_addf(b, "%s%" PRIu64, before, v);
}

void signed_time(struct buf *b, const char *before, int64_t ms)
{
	char text[UTC_LEN + 1];

	utc_format(ms * 1000, text);
	buf_adds(b, before);
	buf_adds(b, text);
}

bool scan_is(struct scan *s, const char *text)
{
	size_t len = strlen(text);

	if (s->bad || (size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

void scan_text(struct scan *s, const char *text)
{
	if (!scan_is(s, text))
		s->bad = true;
}

void scan_hex(struct scan *s, const char *before, void *out, size_t len)
{
	scan_text(s, before);
	if (s->bad || (size_t)(s->end - s->at) < 2 * len ||
	    !crypt_unhex(s->at, 2 * len, out, len)) {
		s->bad = true;
		memset(out, 0, len);
		return;
	}
	s->at += 2 * len;
}

uint64_t scan_uint(struct scan *s, const char *before)
{
	const char *from;
	uint64_t v = 0;

	scan_text(s, before);
	from = s->at;
	while (!s->bad && s->at < s->end && *s->at >= '0' && *s->at <= '9' && s->at - from < 16)
		v = v * 10 + (uint64_t)(*s->at++ - '0');
	if (s->at == from || (*from == '0' && s->at - from > 1))
		s->bad = true;
	return s->bad ? 0 : v;
}

int64_t scan_time(struct scan *s, const char *before)
{
	int64_t ms = 0;

	scan_text(s, before);
	if (s->bad || s->end - s->at < UTC_LEN || !number_time(s->at, UTC_LEN, &ms)) {
		s->bad = true;
		return 0;
	}
	s->at += UTC_LEN;
	return ms;
}
