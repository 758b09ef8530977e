#include "pcap/capture.h"

#include "pcap/octets.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_OLD_PACKET = 2,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_PACKET = 6,
	BLOCK_SECRETS = 10,
	SECRETS_TLS = 0x544c534b,
	OPT_TSRESOL = 9,
	OPT_TSOFFSET = 14,
	RESOL_MICRO = 6,
	RESOL_NANO = 9,
};

void capture_init(struct capture *c)
{
	*c = (struct capture){.format = CAPTURE_NEW};
}

static uint16_t get16(const struct capture *c, const uint8_t *p)
{
	return c->swapped ? be16(p) : le16(p);
}

static uint32_t get32(const struct capture *c, const uint8_t *p)
{
	return c->swapped ? be32(p) : le32(p);
}

static uint64_t ten_to(unsigned n)
{
	uint64_t v = 1;

	while (n--)
		v *= 10;
	return v;
}

/* A time stamp in the interface's units, as microseconds. */
static int64_t time_us(const struct capture_interface *i, uint64_t stamp)
{
	unsigned n = i->resol & 0x7f;
	uint64_t part, us;

	if (i->resol & 0x80) {
		n = n > 63 ? 63 : n;
		part = stamp & ((UINT64_C(1) << n) - 1);
		us = (stamp >> n) * 1000000;
		if (n > 40) {
			part >>= n - 40;
			n = 40;
		}
		us += part * 1000000 >> n;
	} else if (n <= 6) {
		us = stamp * ten_to(6 - n);
	} else {
		us = stamp / ten_to(n > 19 ? 13 : n - 6);
	}
	return (int64_t)((us & INT64_MAX) + (uint64_t)i->offset_s * 1000000);
}

/* ---- pcap ---- */

static int pcap_head(struct capture *c, const uint8_t *p, size_t size)
{
	static const struct {
		uint8_t magic[4];
		bool swapped;
		uint8_t resol;
	} kinds[] = {{{0xd4, 0xc3, 0xb2, 0xa1}, false, RESOL_MICRO},
		     {{0xa1, 0xb2, 0xc3, 0xd4}, true, RESOL_MICRO},
		     {{0x4d, 0x3c, 0xb2, 0xa1}, false, RESOL_NANO},
		     {{0xa1, 0xb2, 0x3c, 0x4d}, true, RESOL_NANO}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (be32(p) != be32(kinds[i].magic))
			continue;
		if (size < 24)
			return 0;
		c->format = CAPTURE_PCAP;
		c->swapped = kinds[i].swapped;
		c->interfaces = 1;
		c->interface[0] =
		    (struct capture_interface){get32(c, p + 20) & 0x0fffffff, kinds[i].resol, 0};
		return 24;
	}
	return -1;
}

/* The octets of the record at p, or 0 where more is needed, or -1. */
static int64_t pcap_record(struct capture *c, const uint8_t *p, size_t size,
			   struct capture_item *item, struct err *err)
{
	uint64_t unit = ten_to(c->interface[0].resol);
	uint32_t held;

	if (size < 16)
		return 0;
	held = get32(c, p + 8);
	if (held > CAPTURE_BLOCK_MAX - 16)
		return err_set(err, "a packet of %u octets", held);
	if (size - 16 < held)
		return 0;
	*item = (struct capture_item){
	    CAPTURE_PACKET, c->interface[0].link,
	    time_us(&c->interface[0], get32(c, p) * unit + get32(c, p + 4)), p + 16, held};
	return 16 + (int64_t)held;
}

/* ---- pcapng ---- */

static void interface_options(const struct capture *c, struct capture_interface *i,
			      const uint8_t *p, size_t size)
{
	while (size >= 4) {
		uint16_t code = get16(c, p), len = get16(c, p + 2);
		size_t whole = 4 + ((size_t)len + 3) / 4 * 4;

		if (!code || whole > size)
			return;
		if (code == OPT_TSRESOL && len == 1)
			i->resol = p[4];
		if (code == OPT_TSOFFSET && len == 8) {
			uint32_t low = get32(c, p + (c->swapped ? 8 : 4)),
				 high = get32(c, p + (c->swapped ? 4 : 8));

			i->offset_s = (int64_t)((uint64_t)high << 32 | low);
		}
		p += whole;
		size -= whole;
	}
}

static int add_interface(struct capture *c, const uint8_t *p, size_t size, struct err *err)
{
	struct capture_interface *i = &c->interface[c->interfaces];

	if (size < 8)
		return err_set(err, "an interface block that is cut");
	if (c->interfaces == CAPTURE_INTERFACES)
		return err_set(err, "more than %d interfaces", CAPTURE_INTERFACES);
	*i = (struct capture_interface){get16(c, p), RESOL_MICRO, 0};
	interface_options(c, i, p + 8, size - 8);
	c->interfaces++;
	return 0;
}

/* A packet block of any of the three kinds; p is its body. */
static int packet_block(const struct capture *c, uint32_t type, const uint8_t *p, size_t size,
			struct capture_item *item, struct err *err)
{
	size_t head = type == BLOCK_SIMPLE_PACKET ? 4 : 20, held;
	uint32_t number;

	if (size < head)
		return err_set(err, "a packet block that is cut");
	number = type == BLOCK_PACKET ? get32(c, p) : type == BLOCK_OLD_PACKET ? get16(c, p) : 0;
	if (number >= c->interfaces)
		return err_set(err, "a packet of an interface that isn't described");
	held = get32(c, p + (type == BLOCK_SIMPLE_PACKET ? 0 : 12));
	if (held > size - head) {
		if (type != BLOCK_SIMPLE_PACKET)
			return err_set(err, "a packet longer than its block");
		held = size - head;
	}
	*item = (struct capture_item){CAPTURE_PACKET, c->interface[number].link, 0, p + head, held};
	if (type != BLOCK_SIMPLE_PACKET)
		item->time_us = time_us(&c->interface[number],
					(uint64_t)get32(c, p + 4) << 32 | get32(c, p + 8));
	return 1;
}

/* One block's body: 1 where it gave an item. */
static int block(struct capture *c, uint32_t type, const uint8_t *p, size_t size,
		 struct capture_item *item, struct err *err)
{
	size_t len;

	switch (type) {
	case BLOCK_SECTION:
		c->interfaces = 0;
		return 0;
	case BLOCK_INTERFACE:
		return add_interface(c, p, size, err);
	case BLOCK_OLD_PACKET:
	case BLOCK_SIMPLE_PACKET:
	case BLOCK_PACKET:
		return packet_block(c, type, p, size, item, err);
	case BLOCK_SECRETS:
		len = size < 8 ? 0 : get32(c, p + 4);
		if (size < 8 || get32(c, p) != SECRETS_TLS || len > size - 8)
			return 0;
		*item = (struct capture_item){CAPTURE_SECRETS, 0, 0, p + 8, len};
		return 1;
	default:
		return 0;
	}
}

/* Octets of the block at p, with *given where it gave an item; 0 where more is needed; -1. */
static int64_t pcapng_block(struct capture *c, const uint8_t *p, size_t size,
			    struct capture_item *item, int *given, struct err *err)
{
	uint32_t type, len;

	if (size < 12)
		return 0;
	if (le32(p) == BLOCK_SECTION) {
		if (le32(p + 8) != 0x1a2b3c4d && be32(p + 8) != 0x1a2b3c4d)
			return err_set(err, "a section of no byte order");
		c->swapped = be32(p + 8) == 0x1a2b3c4d;
	}
	type = get32(c, p);
	len = get32(c, p + 4);
	if (len < 12 || len % 4 || len > CAPTURE_BLOCK_MAX)
		return err_set(err, "a block of %u octets", len);
	if (size < len)
		return 0;
	*given = block(c, type, p + 8, len - 12, item, err);
	return *given < 0 ? -1 : (int64_t)len;
}

/* ---- both ---- */

static int open_file(struct capture *c, const uint8_t *p, size_t size, struct err *err)
{
	int n;

	if (size < 4)
		return 0;
	if (le32(p) == BLOCK_SECTION) {
		c->format = CAPTURE_PCAPNG;
		return 0;
	}
	n = pcap_head(c, p, size);
	return n < 0 ? err_set(err, "neither pcap nor pcapng") : n;
}

int capture_next(struct capture *c, const uint8_t *data, size_t size, size_t *used,
		 struct capture_item *item, struct err *err)
{
	int64_t n;
	int given = 0;

	*used = 0;
	if (c->format == CAPTURE_NEW) {
		n = open_file(c, data, size, err);
		if (n < 0 || c->format == CAPTURE_NEW)
			return (int)n;
		*used = (size_t)n;
	}
	while (!given) {
		const uint8_t *p = data + *used;
		size_t left = size - *used;

		if (c->format == CAPTURE_PCAP) {
			n = pcap_record(c, p, left, item, err);
			given = n > 0;
		} else {
			n = pcapng_block(c, p, left, item, &given, err);
		}
		if (n <= 0)
			return (int)n;
		*used += (size_t)n;
	}
	if (item->kind == CAPTURE_PACKET)
		c->frames++;
	return 1;
}
