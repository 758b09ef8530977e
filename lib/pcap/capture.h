/* Reading a capture: pcap and pcapng, either byte order, from a file or from a pipe as it grows.
 *
 * The caller holds a window of the file and gives it again and again; nothing here reads a file or
 * allocates. */
#ifndef PCAP_CAPTURE_H
#define PCAP_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* A window of this size holds any block that is read; longer ones are refused. */
enum { CAPTURE_BLOCK_MAX = 1 << 20, CAPTURE_INTERFACES = 64 };

struct capture_interface {
	uint32_t link;    /* LINKTYPE_… */
	uint8_t resol;    /* as in if_tsresol */
	int64_t offset_s; /* as in if_tsoffset */
};

struct capture {
	enum { CAPTURE_NEW, CAPTURE_PCAP, CAPTURE_PCAPNG } format;
	bool swapped; /* the file's integers are big-endian */
	struct capture_interface interface[CAPTURE_INTERFACES];
	uint32_t interfaces;
	uint64_t frames; /* packets given so far: the number of the last one */
};

/* What stood in the file. data points into the window. */
struct capture_item {
	enum { CAPTURE_PACKET, CAPTURE_SECRETS } kind;
	uint32_t link;
	int64_t time_us; /* since 1970; 0 where the file has none */
	const uint8_t *data;
	size_t size; /* of a packet: what was captured, which may be cut */
};

/** Begins a file. */
void capture_init(struct capture *c);

/**
 * The next packet, or TLS key log that the file itself holds.
 *
 * @data, @size  the window
 * @used         octets done with, to be dropped from the window once the item was looked at
 * @return  1 with @item; 0 when more of the file is needed; -1 with @err when this is no capture
 *
 * Source: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng
 */
int capture_next(struct capture *c, const uint8_t *data, size_t size, size_t *used,
		 struct capture_item *item, struct err *err);

#endif
