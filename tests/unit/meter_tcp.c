/* Which answers over TCP count as the answer to a request. */
#include "harness.h"

#include <errno.h>
#include <modbus.h>
#include <sys/socket.h>
#include <unistd.h>

#include "meter/tcp.h"

static const struct meter_span span = {4, 0x48, 2};

/* Asks unit 5 as transaction 0x0102; @answer stands in the line already. @return the errno, 0 for a
 * value in @regs. */
static int asked(const char *answer, size_t len, bool then_close, uint16_t regs[2])
{
	static const uint8_t want[] = {1, 2, 0, 0, 0, 6, 5, 4, 0, 0x48, 0, 2};
	uint8_t request[20];
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 ||
	    write(pair[1], answer, len) != (ssize_t)len)
		return -1;
	if (then_close)
		shutdown(pair[1], SHUT_WR);
	rc = meter_tcp_read(pair[0], 0x0102, 5, &span, regs, 20) == 0 ? 0 : errno;
	CHECK_INT(read(pair[1], request, sizeof request), sizeof want);
	CHECK(memcmp(request, want, sizeof want) == 0);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

#define ANSWER(text) text, sizeof(text) - 1

TEST(only_the_answer_to_this_request_counts)
{
	static const struct {
		const char *what, *answer;
		size_t len;
		int code;
	} cases[] = {
	    {"good", ANSWER("\1\2\0\0\0\7\5\4\4\x11\x22\x33\x44"), 0},
	    {"good, and more behind", ANSWER("\1\2\0\0\0\7\5\4\4\x11\x22\x33\x44\1\2\0\0"), 0},
	    {"another unit", ANSWER("\1\2\0\0\0\7\6\4\4\x11\x22\x33\x44"), EMBBADSLAVE},
	    {"another transaction", ANSWER("\1\3\0\0\0\7\5\4\4\x11\x22\x33\x44"), EMBBADDATA},
	    {"another protocol", ANSWER("\1\2\0\1\0\7\5\4\4\x11\x22\x33\x44"), EMBBADDATA},
	    {"another function", ANSWER("\1\2\0\0\0\7\5\3\4\x11\x22\x33\x44"), EMBBADDATA},
	    {"one register", ANSWER("\1\2\0\0\0\5\5\4\2\x11\x22"), EMBBADDATA},
	    {"count against length", ANSWER("\1\2\0\0\0\7\5\4\2\x11\x22\x33\x44"), EMBBADDATA},
	    {"length 0", ANSWER("\1\2\0\0\0\0\5\4\4\x11\x22\x33\x44"), EMBBADDATA},
	    {"length 65535", ANSWER("\1\2\0\0\xff\xff\5\4\4\x11\x22\x33\x44"), EMBBADDATA},
	    {"cut", ANSWER("\1\2\0\0\0\7\5\4\4\x11\x22"), ETIMEDOUT},
	    {"nothing", ANSWER(""), ETIMEDOUT},
	    {"no such register", ANSWER("\1\2\0\0\0\3\5\x84\2"), EMBXILADD},
	    {"exception 0", ANSWER("\1\2\0\0\0\3\5\x84\0"), EMBBADEXC},
	    {"exception 255", ANSWER("\1\2\0\0\0\3\5\x84\xff"), EMBBADEXC},
	    {"exception of another function", ANSWER("\1\2\0\0\0\3\5\x83\2"), EMBBADDATA},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint16_t regs[2] = {0};
		int code = asked(cases[i].answer, cases[i].len, false, regs);

		if (code != cases[i].code)
			HARNESS_FAIL("%s: %d, expected %d", cases[i].what, code, cases[i].code);
		if (!code)
			CHECK(regs[0] == 0x1122 && regs[1] == 0x3344);
	}
}

TEST(a_connection_that_ends_is_told_at_once)
{
	uint16_t regs[2];

	CHECK_INT(asked(ANSWER("\1\2\0\0"), true, regs), ECONNRESET);
}
