/* Key logs, key schedules, and the record layer on what is no TLS. The decryption itself is tested
 * on captures (tests/cli/evse-exi-pcap.bats). */
#include "harness.h"

#include "pcap/keylog.h"
#include "pcap/suite.h"
#include "pcap/tls.h"

#define R32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define S32 "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"

TEST(key_log)
{
	static const char text[] = "# comment\r\n"
				   "\n"
				   "CLIENT_HANDSHAKE_TRAFFIC_SECRET " R32 " " S32 "\r\n"
				   "EXPORTER_SECRET " R32 " " S32 "\n"
				   "CLIENT_RANDOM " R32 " 00\n"
				   "CLIENT_RANDOM 00 00\n"
				   "nonsense\n"
				   "CLIENT_RANDOM " R32 " " S32 "00112233445566778899AABBCCDDEEFF";
	uint8_t random[32];
	const uint8_t *secret;
	struct keylog k;

	for (uint8_t i = 0; i < 32; i++)
		random[i] = i;
	keylog_init(&k);
	CHECK_INT(keylog_add(&k, text, sizeof text - 1), 0);
	CHECK_INT(k.bad, 2);
	CHECK_INT(k.count, 3);
	secret = keylog_find(&k, KEYLOG_CLIENT_HANDSHAKE, random, 32);
	CHECK(secret && secret[0] == 0xb3 && secret[31] == 0x21);
	CHECK(!keylog_find(&k, KEYLOG_CLIENT_HANDSHAKE, random, 48));
	CHECK(!keylog_find(&k, KEYLOG_SERVER_HANDSHAKE, random, 32));
	secret = keylog_find(&k, KEYLOG_MASTER, random, 48);
	CHECK(secret && secret[47] == 0xff);
	random[5]++;
	CHECK(!keylog_find(&k, KEYLOG_MASTER, random, 48));
	for (int i = 0; i < KEYLOG_MAX; i++)
		keylog_add(&k, text, sizeof text - 1);
	CHECK_INT(k.count, KEYLOG_MAX);
	CHECK(k.over > 0);
	keylog_release(&k);
}

/* Source: RFC 8448, 3, client's handshake keys. */
TEST(key_schedule_of_13)
{
	static const uint8_t secret[32] = {0xb3, 0xed, 0xdb, 0x12, 0x6e, 0x06, 0x7f, 0x35,
					   0xa7, 0x80, 0xb3, 0xab, 0xf4, 0x5e, 0x2d, 0x8f,
					   0x3b, 0x1a, 0x95, 0x07, 0x38, 0xf5, 0x2e, 0x96,
					   0x00, 0x74, 0x6a, 0x0e, 0x27, 0xa5, 0x5a, 0x21},
			     key[16] = {0xdb, 0xfa, 0xa6, 0x93, 0xd1, 0x76, 0x2c, 0x5b,
					0x66, 0x6a, 0xf5, 0xd9, 0x50, 0x25, 0x8d, 0x01},
			     iv[12] = {0x5b, 0xd3, 0xc7, 0x1b, 0x83, 0x6e,
				       0x0b, 0x76, 0xbb, 0x73, 0x26, 0x5f};
	const struct suite *s = suite_find(0x1301);
	uint8_t out[32];

	CHECK_INT(suite_expand(s, secret, "key", out, 16), 0);
	CHECK(memcmp(out, key, 16) == 0);
	CHECK_INT(suite_expand(s, secret, "iv", out, 12), 0);
	CHECK(memcmp(out, iv, 12) == 0);
	CHECK(!suite_find(0x0005));
}

static int told[4];

static void on_data(void *ctx, int from, const uint8_t *data, size_t size)
{
	(void)ctx, (void)from, (void)data, (void)size;
	told[0]++;
}

static void on_hello(void *ctx, int client, const char *version, const char *suite,
		     const char *problem)
{
	(void)ctx, (void)client, (void)version, (void)suite;
	told[1] += problem != NULL;
}

static void on_alert(void *ctx, int from, bool fatal, int code, const char *name)
{
	(void)ctx, (void)from;
	CHECK(fatal && code == 40);
	CHECK_STR(name, "handshake_failure");
	told[2]++;
}

static void on_bad(void *ctx, int from, const char *what)
{
	(void)ctx, (void)from, (void)what;
	told[3]++;
}

static const struct tls_events events = {on_data, on_hello, on_alert, on_bad};

TEST(records)
{
	static const uint8_t alert[] = {0x15, 3, 3, 0, 2, 2, 40}, none[] = "GET / HTTP/1.1",
			     data[] = {0x17, 3, 3, 0, 3, 1, 2, 3};
	uint8_t hello[5 + 4 + 38] = {0x16, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3};
	struct keylog keys;
	struct tls *t;

	keylog_init(&keys);
	t = tls_new(&keys, &events, NULL);
	for (size_t i = 0; i < sizeof alert; i++)
		CHECK_INT(tls_feed(t, 0, alert + i, 1), 0);
	CHECK_INT(told[2], 1);
	tls_feed(t, 0, none, sizeof none);
	tls_feed(t, 0, none, sizeof none);
	CHECK_INT(told[3], 1);
	/* A server's hello without the client's. */
	tls_feed(t, 1, hello, sizeof hello);
	CHECK_INT(told[1], 1);
	tls_free(t);
	t = tls_new(&keys, &events, NULL);
	tls_feed(t, 1, data, sizeof data);
	CHECK_INT(told[3], 2);
	tls_lost(t, 0);
	tls_lost(t, 0);
	CHECK_INT(told[3], 3);
	CHECK_INT(told[0], 0);
	tls_free(t);
	tls_free(NULL);
	keylog_release(&keys);
}
