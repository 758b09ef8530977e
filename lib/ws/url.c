#include "ws/url.h"

#include <stdlib.h>
#include <string.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Digits only, 0 to 65535, filling the text whole. */
static int port_parse(uint16_t *port, const char *text, size_t len)
{
	uint32_t value = 0;

	if (len == 0 || len > 5)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (uint32_t)(text[i] - '0');
	}
	if (value > UINT16_MAX)
		return -1;
	*port = (uint16_t)value;
	return 0;
}

/* "host", "host:port", "[v6]" or "[v6]:port"; *port stays as it is when none is given. */
static int authority_parse(char *host, size_t host_len, uint16_t *port, const char *text,
			   size_t len)
{
	const char *colon, *name = text;
	size_t name_len;

	if (len > 0 && text[0] == '[') {
		const char *end = memchr(text, ']', len);

		if (!end || (size_t)(end - text) + 1 == 2)
			return -1;
		name++;
		name_len = (size_t)(end - name);
		if (strspn(name, "0123456789abcdefABCDEF:.%") < name_len)
			return -1;
		colon = end + 1;
	} else {
		colon = memchr(text, ':', len);
		if (!colon)
			colon = text + len;
		name_len = (size_t)(colon - text);
	}
	if (name_len >= host_len)
		return -1;
	if (colon < text + len) {
		if (*colon != ':' ||
		    port_parse(port, colon + 1, (size_t)(text + len - colon) - 1) < 0)
			return -1;
	}
	memcpy(host, name, name_len);
	host[name_len] = '\0';
	return 0;
}

int ws_url_identity(char *identity, const char *path, struct err *e)
{
	size_t end = strcspn(path, "?#"), start = end, n = 0;

	while (start > 0 && path[start - 1] != '/')
		start--;
	for (size_t i = start; i < end; i++) {
		int c = (unsigned char)path[i];

		if (c == '%') {
			int high = hex(path[i + 1]), low = high < 0 ? -1 : hex(path[i + 2]);

			if (low < 0)
				return err_set(e, "bad %%-escape in path \"%.200s\"", path);
			c = high << 4 | low;
			i += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return err_set(e, "control byte in the identity of a path");
		if (n == WS_IDENTITY_MAX)
			return err_set(e, "identity in the path is longer than %d bytes",
				       WS_IDENTITY_MAX);
		identity[n++] = (char)c;
	}
	identity[n] = '\0';
	return 0;
}

static const struct scheme {
	const char *prefix;
	bool tls, http;
	uint16_t port;
} schemes[] = {
    {"ws://", false, false, 80},
    {"wss://", true, false, 443},
    {"http://", false, true, 80},
    {"https://", true, true, 443},
};

int ws_url_parse(struct ws_url *url, const char *text, struct err *e)
{
	const struct scheme *s = NULL;
	const char *rest;
	size_t authority;

	if (strlen(text) >= WS_URL_MAX)
		return err_set(e, "URL is longer than %d bytes", WS_URL_MAX - 1);
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			return err_set(e, "URL holds a space or control byte");
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strncmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
			s = &schemes[i];
	if (!s)
		return err_set(
		    e, "URL \"%.200s\" begins with none of ws:// wss:// http:// https://", text);
	rest = text + strlen(s->prefix);
	authority = strcspn(rest, "/?#");
	if (memchr(rest, '@', authority))
		return err_set(e, "URL must not hold a user or password: use the options for them");
	if (strchr(rest, '#'))
		return err_set(e, "URL \"%.200s\" must not have a fragment (#)", text);
	*url = (struct ws_url){.tls = s->tls, .http = s->http, .port = s->port};
	if (authority_parse(url->host, sizeof(url->host), &url->port, rest, authority) < 0 ||
	    !url->host[0] || url->port == 0)
		return err_set(e, "URL \"%.200s\": host or port not understood", text);
	rest += authority;
	if (*rest != '/')
		url->path[0] = '/';
	memcpy(url->path + (*rest != '/'), rest, strlen(rest) + 1);
	return ws_url_identity(url->identity, url->path, e);
}

int ws_listen_parse(char *host, size_t host_len, uint16_t *port, const char *text, struct err *e)
{
	bool bracket = text[0] == '[';
	const char *colon = strrchr(text, ':');

	if (!colon || (bracket && colon[-1] != ']') || (!bracket && strchr(text, ':') != colon) ||
	    authority_parse(host, host_len, port, text, strlen(text)) < 0)
		return err_set(
		    e, "listen address \"%.200s\": expected ADDRESS:PORT or [ADDRESS]:PORT", text);
	return 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Strict: whole quads, padding only at the end. @return bytes, or -1 */
static int base64_decode(unsigned char *out, size_t out_len, const char *text, size_t len)
{
	size_t n = 0;

	if (len % 4 != 0)
		return -1;
	for (size_t i = 0; i < len; i += 4) {
		size_t pad = 0;
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++) {
			int v = base64_value(text[i + k]);

			if (text[i + k] == '=' && i + 4 == len && k >= 2) {
				pad++;
				v = 0;
			} else if (v < 0 || pad) {
				return -1;
			}
			bits = bits << 6 | (uint32_t)v;
		}
		for (size_t k = 0; k < 3 - pad; k++) {
			if (n == out_len)
				return -1;
			out[n++] = (unsigned char)(bits >> (16 - 8 * k));
		}
	}
	return (int)n;
}

int ws_basic_parse(const char *header, char *user, char *password, size_t size)
{
	unsigned char plain[512];
	unsigned char *colon;
	size_t user_len, password_len;
	int n, result = -1;

	if (strncasecmp(header, "Basic ", 6) != 0)
		return -1;
	header += 6 + strspn(header + 6, " ");
	n = base64_decode(plain, sizeof(plain), header, strcspn(header, " \t\r\n"));
	if (n < 0 || memchr(plain, '\0', (size_t)n))
		goto out;
	colon = memchr(plain, ':', (size_t)n);
	if (!colon)
		goto out;
	user_len = (size_t)(colon - plain);
	password_len = (size_t)n - user_len - 1;
	if (user_len >= size || password_len >= size)
		goto out;
	memcpy(user, plain, user_len);
	user[user_len] = '\0';
	memcpy(password, colon + 1, password_len);
	password[password_len] = '\0';
	result = 0;
out:
	explicit_bzero(plain, sizeof(plain));
	return result;
}

size_t ws_list_next(const char **list, const char **word)
{
	const char *p = *list + strspn(*list, " \t,");
	size_t len = strcspn(p, ",");

	*word = p;
	*list = p + len;
	while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
		len--;
	return len;
}

bool ws_subprotocol_pick(char *out, size_t out_len, const char *wanted, const char *offered)
{
	const char *w, *o, *from;
	size_t w_len, o_len;

	while ((w_len = ws_list_next(&wanted, &w)) > 0) {
		from = offered;
		while ((o_len = ws_list_next(&from, &o)) > 0) {
			if (o_len != w_len || memcmp(o, w, w_len) != 0 || w_len >= out_len)
				continue;
			memcpy(out, w, w_len);
			out[w_len] = '\0';
			return true;
		}
	}
	return false;
}
