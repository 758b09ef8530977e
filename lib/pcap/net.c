#include "pcap/net.h"

#include "pcap/octets.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	LINK_NULL = 0,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	LINK_LOOP = 108,
	LINK_SLL = 113,
	LINK_IPV4 = 228,
	LINK_IPV6 = 229,
	LINK_SLL2 = 276,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_VLAN_OUTER = 0x88a8,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	EXT_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_AUTH = 51,
	EXT_DESTINATION = 60,
};

/* Octets before the payload, and where in them the type stands; 0 type: see family(). */
static const struct {
	uint32_t link;
	uint8_t head, type, src, dst; /* src, dst: 0xff = none */
} links[] = {
    {LINK_ETHERNET, 14, 12, 6, 0},    {LINK_SLL, 16, 14, 6, 0xff},
    {LINK_SLL2, 20, 0, 12, 0xff},     {LINK_NULL, 4, 0xff, 0xff, 0xff},
    {LINK_LOOP, 4, 0xff, 0xff, 0xff}, {LINK_RAW, 0, 0xff, 0xff, 0xff},
    {LINK_IPV4, 0, 0xff, 0xff, 0xff}, {LINK_IPV6, 0, 0xff, 0xff, 0xff},
};

static int link_row(uint32_t link)
{
	for (int i = 0; i < (int)(sizeof links / sizeof *links); i++) {
		if (links[i].link == link)
			return i;
	}
	return -1;
}

bool net_link_known(uint32_t link)
{
	return link_row(link) >= 0;
}

int net_link(uint32_t link, const uint8_t *data, size_t size, struct net_link *out)
{
	int row = link_row(link);
	size_t head = row < 0 ? 0 : links[row].head;

	if (row < 0 || size < head || size == 0)
		return -1;
	*out = (struct net_link){.data = data + head, .size = size - head};
	if (links[row].type == 0xff) {
		/* The number of the address family differs between systems; the packet itself
		 * says what it is. */
		if (!out->size)
			return -1;
		out->ethertype = out->data[0] >> 4 == 6 ? TYPE_IPV6 : TYPE_IPV4;
		return 0;
	}
	out->ethertype = be16(data + links[row].type);
	out->src = links[row].src == 0xff ? NULL : data + links[row].src;
	out->dst = links[row].dst == 0xff ? NULL : data + links[row].dst;
	while (out->ethertype == TYPE_VLAN || out->ethertype == TYPE_VLAN_OUTER) {
		if (out->size < 4)
			return -1;
		out->ethertype = be16(out->data + 2);
		out->data += 4;
		out->size -= 4;
	}
	return 0;
}

/* Keeps the first len octets; a length of 0 stands in packets that the sender's card was to split.
 */
static void trim(struct net_datagram *d, size_t len)
{
	if (len && len < d->size)
		d->size = len;
	d->cut = len > d->size;
}

static void skip(struct net_datagram *d, size_t n)
{
	d->data += n;
	d->size -= n;
}

static int ipv4(struct net_datagram *d, uint8_t *proto)
{
	const uint8_t *p = d->data;
	size_t head = d->size < 20 ? 0 : (size_t)(p[0] & 15) * 4, len;

	if (head < 20 || p[0] >> 4 != 4 || d->size < head)
		return -1;
	len = be16(p + 2);
	if (len && len < head)
		return -1;
	trim(d, len);
	d->src.version = d->dst.version = 4;
	memcpy(d->src.ip, p + 12, 4);
	memcpy(d->dst.ip, p + 16, 4);
	*proto = p[9];
	if (be16(p + 6) & 0x3fff)
		d->kind = NET_FRAGMENT;
	skip(d, head);
	return 0;
}

/* Octets of an extension header, 0 where proto is none. */
static size_t extension(uint8_t proto, const uint8_t *p)
{
	switch (proto) {
	case EXT_HOP:
	case EXT_ROUTING:
	case EXT_DESTINATION:
		return ((size_t)p[1] + 1) * 8;
	case EXT_AUTH:
		return ((size_t)p[1] + 2) * 4;
	case EXT_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static int ipv6(struct net_datagram *d, uint8_t *proto)
{
	const uint8_t *p = d->data;
	size_t n;

	if (d->size < 40 || p[0] >> 4 != 6)
		return -1;
	d->src.version = d->dst.version = 6;
	memcpy(d->src.ip, p + 8, 16);
	memcpy(d->dst.ip, p + 24, 16);
	*proto = p[6];
	skip(d, 40);
	trim(d, be16(p + 4));
	while (d->kind != NET_FRAGMENT && d->size >= 8 && (n = extension(*proto, d->data)) > 0) {
		if (n > d->size)
			return -1;
		if (*proto == EXT_FRAGMENT && (be16(d->data + 2) & 0xfff9))
			d->kind = NET_FRAGMENT;
		*proto = d->data[0];
		skip(d, n);
	}
	return 0;
}

static int tcp(struct net_datagram *d)
{
	const uint8_t *p = d->data;
	size_t head = d->size < 20 ? 0 : (size_t)(p[12] >> 4) * 4;

	if (head < 20 || head > d->size)
		return -1;
	d->kind = NET_TCP;
	d->seq = be32(p + 4);
	d->ack = be32(p + 8);
	d->flags = p[13];
	skip(d, head);
	return 0;
}

static int udp(struct net_datagram *d)
{
	size_t len = d->size < 8 ? 0 : be16(d->data + 4);

	if (d->size < 8 || (len && len < 8))
		return -1;
	d->kind = NET_UDP;
	if (!d->cut)
		trim(d, len);
	skip(d, 8);
	return 0;
}

int net_datagram(const struct net_link *link, struct net_datagram *out)
{
	uint8_t proto = 0;
	int r = 0;

	*out = (struct net_datagram){.kind = NET_OTHER, .data = link->data, .size = link->size};
	if (link->ethertype == TYPE_IPV6)
		r = ipv6(out, &proto);
	else if (link->ethertype == TYPE_IPV4)
		r = ipv4(out, &proto);
	if (r < 0 || out->kind == NET_FRAGMENT || (proto != PROTO_TCP && proto != PROTO_UDP))
		return r;
	if (out->size < 4)
		return -1;
	out->src.port = be16(out->data);
	out->dst.port = be16(out->data + 2);
	return proto == PROTO_TCP ? tcp(out) : udp(out);
}

void net_print_end(const struct tcp_end *end, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	inet_ntop(end->version == 6 ? AF_INET6 : AF_INET, end->ip, ip, sizeof ip);
	snprintf(out, size, end->version == 6 ? "[%s]:%u" : "%s:%u", ip, (unsigned)end->port);
}

void net_print_mac(const uint8_t *mac, char *out)
{
	snprintf(out, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		 mac[5]);
}
