/* Link layers, IP and its ports. */
#include "harness.h"

#include "pcap/net.h"

static uint8_t packet[256];
static size_t len;

static void add(const void *data, size_t size)
{
	memcpy(packet + len, data, size);
	len += size;
}

#define ADD(...) add((const uint8_t[]){__VA_ARGS__}, sizeof(const uint8_t[]){__VA_ARGS__})

static void ipv6(uint8_t next, uint8_t size)
{
	ADD(0x60, 0, 0, 0, 0, size, next, 64);
	ADD(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
	ADD(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
}

static void tcp(void)
{
	ADD(0xc0, 0x00, 0x3b, 0x0e, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 0, 0, 0, 0, 0, 0);
	ADD(1, 1, 1, 0);
	ADD('a', 'b', 'c');
}

static int both(uint32_t link, struct net_link *l, struct net_datagram *d)
{
	return net_link(link, packet, len, l) < 0 ? -1 : net_datagram(l, d);
}

static void check_tcp(uint32_t link, int version)
{
	struct net_link l;
	struct net_datagram d;
	char text[64];

	CHECK_INT(both(link, &l, &d), 0);
	CHECK_INT(d.kind, NET_TCP);
	CHECK_INT(d.seq, 1);
	CHECK_INT(d.ack, 2);
	CHECK_INT(d.flags, 0x18);
	CHECK_INT(d.size, 3);
	CHECK(!d.cut && memcmp(d.data, "abc", 3) == 0);
	net_print_end(&d.src, text, sizeof text);
	CHECK_STR(text, version == 6 ? "[fe80::1]:49152" : "10.0.0.1:49152");
	net_print_end(&d.dst, text, sizeof text);
	CHECK_STR(text, version == 6 ? "[fe80::2]:15118" : "10.0.0.2:15118");
	/* Cut anywhere it is malformed or cut, and never read beyond. */
	for (size_t n = len - 1, whole = len; n > 0; n--) {
		uint8_t *copy = malloc(n);

		memcpy(copy, packet, n);
		if (net_link(link, copy, n, &l) == 0 && net_datagram(&l, &d) == 0)
			CHECK(d.cut || d.kind == NET_OTHER || whole == n);
		free(copy);
	}
}

TEST(link_layers)
{
	static const uint8_t mac[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
	struct net_link l;
	char text[18];

	len = 0;
	add(mac, 12);
	ADD(0x86, 0xdd);
	ipv6(6, 27);
	tcp();
	ADD(0, 0, 0, 0); /* padding */
	len -= 4;
	check_tcp(1, 6);
	net_link(1, packet, len, &l);
	net_print_mac(l.src, text);
	CHECK_STR(text, "02:00:00:00:00:01");
	len = 0;
	add(mac, 12);
	ADD(0x88, 0xa8, 0, 1, 0x81, 0x00, 0x00, 0x05, 0x86, 0xdd);
	ipv6(6, 27);
	tcp();
	check_tcp(1, 6);
	len = 0;
	ADD(0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x86, 0xdd);
	ipv6(6, 27);
	tcp();
	check_tcp(113, 6);
	len = 0;
	ADD(0x86, 0xdd, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0);
	ipv6(6, 27);
	tcp();
	check_tcp(276, 6);
	len = 0;
	ADD(30, 0, 0, 0);
	ipv6(6, 27);
	tcp();
	check_tcp(0, 6);
	len = 0;
	ipv6(6, 27);
	tcp();
	check_tcp(101, 6);
	check_tcp(229, 6);
	CHECK(!net_link_known(147));
	CHECK_INT(net_link(147, packet, len, &l), -1);
}

TEST(ipv4)
{
	len = 0;
	ADD(0x46, 0, 0, 51, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0);
	tcp();
	check_tcp(228, 4);
}

TEST(extension_headers)
{
	len = 0;
	ipv6(0, 8 + 16 + 8 + 27);
	ADD(60, 0, 1, 4, 0, 0, 0, 0);                          /* hop by hop */
	ADD(44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0); /* destination */
	ADD(6, 0, 0, 0, 0, 0, 0, 1);                           /* a fragment that is whole */
	tcp();
	check_tcp(101, 6);
	packet[40 + 24 + 3] = 1; /* more to come */
	{
		struct net_link l;
		struct net_datagram d;

		CHECK_INT(both(101, &l, &d), 0);
		CHECK_INT(d.kind, NET_FRAGMENT);
	}
}

TEST(udp)
{
	struct net_link l;
	struct net_datagram d;

	len = 0;
	ipv6(17, 10);
	ADD(0xc0, 0, 0x3b, 0x0e, 0, 10, 0, 0, 'x', 'y', 0, 0, 0, 0);
	CHECK_INT(both(101, &l, &d), 0);
	CHECK_INT(d.kind, NET_UDP);
	CHECK_INT(d.size, 2);
	packet[45] = 7;
	CHECK_INT(both(101, &l, &d), -1);
}
