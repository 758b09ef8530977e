/* What a car and a charger said, out of captured packets: one line of JSON for each message.
 *
 * Takes packets in the order of the capture and says lines: SLAC and SDP as they come, V2G messages
 * when their TCP stream holds them whole, TLS where it begins or alerts, and errors in their place.
 * evse-exi(1) describes the members. */
#ifndef PCAP_TALK_H
#define PCAP_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pcap/capture.h"
#include "pcap/keylog.h"

/* Packets that said nothing, and why; errors counts the lines that have one. */
struct talk_count {
	uint64_t errors, malformed, fragments, unknown_link;
	uint32_t link; /* the unknown link type last met */
};

struct talk;

/**
 * @keys  borrowed; may grow between packets
 * @say   is given each line, without newline
 * @return  NULL when out of memory
 */
struct talk *talk_new(const struct keylog *keys,
		      void (*say)(void *ctx, const char *line, size_t len), void *ctx);

/** Says what still waits, and frees. @count, unless NULL, receives the counts. */
void talk_free(struct talk *t, struct talk_count *count);

/**
 * Takes one packet.
 *
 * @frame  its number in the capture, from 1
 * @return  0, or -1 when out of memory
 */
int talk_packet(struct talk *t, const struct capture_item *packet, uint64_t frame);

#endif
