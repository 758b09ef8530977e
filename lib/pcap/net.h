/* From a captured packet to what TCP, UDP or HomePlug carry. Nothing is copied or allocated. */
#ifndef PCAP_NET_H
#define PCAP_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pcap/tcp.h"

enum {
	NET_HOMEPLUG = 0x88e1,
};

/* The words of a link layer. */
struct net_link {
	const uint8_t *src, *dst; /* MAC addresses, or NULL where the capture has none */
	uint16_t ethertype;
	const uint8_t *data;
	size_t size;
};

/**
 * Takes off the link layer: Ethernet with VLAN tags, Linux "cooked" (SLL, SLL2), BSD loopback
 * (NULL, LOOP) or bare IP.
 *
 * @link    LINKTYPE_… of the capture
 * @return  0; -1 where the packet is too short, or the link type is unknown (net_link_known())
 *
 * Source: IEEE 802.3 and 802.1Q; the link types' descriptions at tcpdump.org
 */
int net_link(uint32_t link, const uint8_t *data, size_t size, struct net_link *out);
bool net_link_known(uint32_t link);

struct net_datagram {
	enum { NET_TCP, NET_UDP, NET_FRAGMENT, NET_OTHER } kind;
	struct tcp_end src, dst;
	/* TCP */
	uint32_t seq, ack;
	uint8_t flags;
	/* of both */
	const uint8_t *data;
	size_t size;
	bool cut; /* the capture holds less than was sent */
};

/**
 * Takes off IPv6 or IPv4 and TCP or UDP. Checksums aren't looked at: the sender's own capture
 * mostly has wrong ones.
 *
 * @return  0; -1 where the packet is malformed
 *
 * Source: RFC 8200, RFC 791, RFC 9293, RFC 768
 */
int net_datagram(const struct net_link *link, struct net_datagram *out);

/** The end's address and port as "[fe80::1]:15118" or "10.0.0.1:15118"; at least 56 octets. */
void net_print_end(const struct tcp_end *end, char *out, size_t size);

/** A MAC address as "02:00:00:00:00:01"; 18 octets. */
void net_print_mac(const uint8_t *mac, char *out);

#endif
