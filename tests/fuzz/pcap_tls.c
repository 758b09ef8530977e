/* TLS records with the secrets for them. The input: a key log, an octet of zero, and pieces of one
 * octet for the direction, two for the length, and the octets. */
#include "pcap/tls.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t last;

static void on_data(void *ctx, int from, const uint8_t *data, size_t size)
{
	(void)ctx;
	last = data[size - 1];
	if (from < 0 || from > 1)
		abort();
}

static void on_hello(void *ctx, int client, const char *version, const char *suite,
		     const char *problem)
{
	(void)ctx, (void)client, (void)problem;
	last = (uint8_t)(strlen(version) + strlen(suite));
}

static void on_alert(void *ctx, int from, bool fatal, int code, const char *name)
{
	(void)ctx, (void)from, (void)fatal, (void)code;
	last = (uint8_t)strlen(name);
}

static void on_bad(void *ctx, int from, const char *what)
{
	(void)ctx, (void)from;
	last = (uint8_t)strlen(what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tls_events events = {on_data, on_hello, on_alert, on_bad};
	const uint8_t *zero = size ? memchr(data, 0, size) : NULL, *end = data + size, *p;
	struct keylog keys;
	struct tls *t;

	if (!zero)
		return 0;
	keylog_init(&keys);
	keylog_add(&keys, (const char *)data, (size_t)(zero - data));
	t = tls_new(&keys, &events, NULL);
	for (p = zero + 1; end - p > 3;) {
		size_t n = (size_t)p[1] << 8 | p[2];

		n = n > (size_t)(end - p - 3) ? (size_t)(end - p - 3) : n;
		if (tls_feed(t, p[0] & 1, p + 3, n) < 0)
			abort();
		if (p[0] & 2)
			tls_lost(t, p[0] & 1);
		p += 3 + n;
	}
	tls_free(t);
	keylog_release(&keys);
	return 0;
}
