/* pcap and pcapng in both byte orders, whole and as they grow. */
#include "harness.h"

#include "pcap/capture.h"

static uint8_t file[4096];
static size_t len;
static bool big;

static void put(uint64_t v, size_t size)
{
	for (size_t i = 0; i < size; i++)
		file[len + (big ? size - 1 - i : i)] = (uint8_t)(v >> 8 * i);
	len += size;
}

static void put_octets(const void *data, size_t size)
{
	memcpy(file + len, data, size);
	len += size;
	while (len % 4)
		file[len++] = 0;
}

static void begin(bool big_endian)
{
	len = 0;
	big = big_endian;
}

/* Reads the file with a window that grows by step: the packets' number, -1 for an error. */
static int read_file(size_t step, struct capture_item *items, int max)
{
	struct capture c;
	struct err err;
	size_t done = 0, used;
	int n = 0, r;

	capture_init(&c);
	for (size_t end = step; done < len; end += step) {
		end = end > len ? len : end;
		while ((r = capture_next(&c, file + done, end - done, &used, &items[n], &err)) ==
		       1) {
			done += used;
			if (++n == max)
				return n;
		}
		done += used;
		if (r < 0)
			return -1;
		if (end == len)
			break;
	}
	CHECK_INT(done, len);
	return n;
}

TEST(pcap_four_ways)
{
	static const uint32_t magic[] = {0xa1b2c3d4, 0xa1b23c4d};

	for (int way = 0; way < 4; way++) {
		struct capture_item items[4];

		begin(way & 1);
		put(magic[way >> 1], 4);
		put(2, 2);
		put(4, 2);
		put(0, 8);
		put(65535, 4);
		put(113, 4);
		for (unsigned i = 0; i < 2; i++) {
			put(1700000000 + i, 4);
			put(way >> 1 ? 123456789 : 123456, 4);
			put(4, 4);
			put(4, 4);
			put_octets("abcd", 4);
		}
		for (size_t step = 1; step <= len; step++) {
			CHECK_INT(read_file(step, items, 4), 2);
			CHECK_INT(items[1].kind, CAPTURE_PACKET);
			CHECK_INT(items[1].link, 113);
			CHECK_INT(items[1].size, 4);
			CHECK(memcmp(items[1].data, "abcd", 4) == 0);
			CHECK_INT(items[1].time_us, 1700000001123456);
		}
	}
}

static void section(void)
{
	put(0x0a0d0d0a, 4);
	put(28, 4);
	put(0x1a2b3c4d, 4);
	put(1, 2);
	put(0, 2);
	put(UINT64_MAX, 8);
	put(28, 4);
}

static void interface(uint16_t link, int resol, int64_t offset)
{
	size_t at = len;

	put(1, 4);
	put(0, 4);
	put(link, 2);
	put(0, 6);
	if (resol >= 0) {
		put(9, 2);
		put(1, 2);
		put_octets(&(uint8_t){(uint8_t)resol}, 1);
		put(14, 2);
		put(8, 2);
		put((uint64_t)offset, 8);
		put(0, 4);
	}
	put(len - at + 4, 4);
	memcpy(file + at + 4, file + len - 4, 4);
}

static void packet(uint32_t number, uint64_t stamp)
{
	put(6, 4);
	put(40, 4);
	put(number, 4);
	put(stamp >> 32, 4);
	put(stamp & 0xffffffff, 4);
	put(5, 4);
	put(5, 4);
	put_octets("hello", 5);
	put(40, 4);
}

TEST(pcapng_both_ways)
{
	for (int way = 0; way < 2; way++) {
		struct capture_item items[8];

		begin(way);
		section();
		interface(1, -1, 0);
		interface(276, 9, 0);
		interface(101, 0x80 | 20, -5);
		packet(0, 1700000000123456);
		packet(1, 1700000000123456789);
		packet(2, (UINT64_C(1700000005) << 20) + (1 << 19));
		put(3, 4); /* simple */
		put(20, 4);
		put(100, 4);
		put_octets("abcd", 4);
		put(20, 4);
		put(10, 4); /* secrets */
		put(24, 4);
		put(0x544c534b, 4);
		put(3, 4);
		put_octets("#k\n", 3);
		put(24, 4);
		put(0xbad, 4); /* unknown */
		put(12, 4);
		put(12, 4);
		for (size_t step = 1; step <= len; step += 7) {
			CHECK_INT(read_file(step, items, 8), 5);
			CHECK_INT(items[0].link, 1);
			CHECK_INT(items[0].time_us, 1700000000123456);
			CHECK_INT(items[1].link, 276);
			CHECK_INT(items[1].time_us, 1700000000123456);
			CHECK_INT(items[2].link, 101);
			CHECK_INT(items[2].time_us, 1700000000500000);
			CHECK_INT(items[2].size, 5);
			CHECK_INT(items[3].size, 4);
			CHECK_INT(items[4].kind, CAPTURE_SECRETS);
			CHECK_INT(items[4].size, 3);
		}
	}
}

TEST(refused)
{
	struct capture_item items[4];

	begin(false);
	put_octets("GIF89a..", 8);
	CHECK_INT(read_file(8, items, 4), -1);
	begin(false);
	section();
	packet(0, 0); /* of no interface */
	CHECK_INT(read_file(len, items, 4), -1);
	begin(false);
	section();
	interface(1, -1, 0);
	packet(0, 0);
	file[len - 20] = 200; /* longer than its block */
	CHECK_INT(read_file(len, items, 4), -1);
	begin(false);
	section();
	put(6, 4);
	put(0x7ffffffc, 4);
	put(0, 4);
	CHECK_INT(read_file(len, items, 4), -1);
	begin(false);
	section();
	for (int i = 0; i <= CAPTURE_INTERFACES; i++)
		interface(1, -1, 0);
	CHECK_INT(read_file(len, items, 4), -1);
}
