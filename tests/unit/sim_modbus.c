#include "harness.h"

#include "sim/modbus.h"
#include "sim/sdm630.h"

static struct sim_meter meter;
static struct sim_flow flow;

static struct sim_display display(void)
{
	sim_meter_init(&meter, 0x12345678, 3000000);
	flow = (struct sim_flow){
	    .power_mw = {3640000, 3640000, 3640000},
	    .reactive_mvar = {500000, 500000, 500000},
	    .current_ma = {16000, 16000, 16000},
	    .voltage_mv = {229500, 230000, 230500},
	};
	sim_meter_count(&meter, &flow, INT64_C(3600) * 1000000);
	return (struct sim_display){&meter, &flow, 49987};
}

static float at(int addr)
{
	struct sim_display d = display();
	uint16_t reg[2] = {0};
	uint32_t bits;
	float v;

	CHECK_INT(sim_sdm630_read(&d, 4, addr, 2, reg), 0);
	bits = (uint32_t)reg[0] << 16 | reg[1];
	memcpy(&v, &bits, sizeof(v));
	return v;
}

TEST(registers_say_what_flows)
{
	CHECK_NUM((double)at(0), 229.5, 1e-3);
	CHECK_NUM((double)at(4), 230.5, 1e-3);
	CHECK_NUM((double)at(8), 16, 1e-4);
	CHECK_NUM((double)at(12), 3640, 1e-2);
	CHECK_NUM((double)at(26), 500, 1e-2);
	CHECK_NUM((double)at(30), 0.9907, 1e-3);
	CHECK_NUM((double)at(52), 10920, 1e-1);
	CHECK_NUM((double)at(56), 11022.5, 1);
	CHECK_NUM((double)at(66), 7.82, 0.1);
	CHECK_NUM((double)at(70), 49.987, 1e-3);
	CHECK_NUM((double)at(72), 3010.92, 1e-2);
	CHECK_NUM((double)at(74), 0, 0);
	CHECK_NUM((double)at(76), 1.5, 1e-4);
	CHECK_NUM((double)at(224), 0, 1e-3);
	CHECK_NUM((double)at(342), 3010.92, 1e-2);
	CHECK_NUM((double)at(350), 1003.64, 1e-2);
	CHECK_NUM((double)at(40), 0, 0); /* a gap */
}

TEST(the_serial_is_in_holding_registers)
{
	struct sim_display d = display();
	uint16_t reg[4];

	CHECK_INT(sim_sdm630_read(&d, 3, 64512, 4, reg), 0);
	CHECK_INT(reg[0], 0x1234);
	CHECK_INT(reg[1], 0x5678);
	CHECK_INT(sim_sdm630_read(&d, 3, 64513, 4, reg), SIM_MB_ILLEGAL_ADDRESS);
	CHECK_INT(sim_sdm630_read(&d, 3, 0, 2, reg), SIM_MB_ILLEGAL_ADDRESS);
}

TEST(wrong_reads_are_exceptions)
{
	struct sim_display d = display();
	uint16_t reg[125];

	CHECK_INT(sim_sdm630_read(&d, 4, 0, 80, reg), 0);
	CHECK_INT(sim_sdm630_read(&d, 4, 0, 82, reg), SIM_MB_ILLEGAL_VALUE);
	CHECK_INT(sim_sdm630_read(&d, 4, 0, 3, reg), SIM_MB_ILLEGAL_VALUE);
	CHECK_INT(sim_sdm630_read(&d, 4, 1, 2, reg), SIM_MB_ILLEGAL_ADDRESS);
	CHECK_INT(sim_sdm630_read(&d, 4, 380, 4, reg), SIM_MB_ILLEGAL_ADDRESS);
	CHECK_INT(sim_sdm630_read(&d, 4, 5000, 2, reg), SIM_MB_ILLEGAL_ADDRESS);
	CHECK_INT(sim_sdm630_read(&d, 4, 0, 0, reg), SIM_MB_ILLEGAL_VALUE);
	CHECK_INT(sim_sdm630_read(&d, 6, 0, 2, reg), SIM_MB_ILLEGAL_FUNCTION);
}

TEST(a_tcp_request_comes_in_pieces)
{
	static const uint8_t req[] = {0x12, 0x34, 0, 0, 0, 6, 1, 4, 0, 72, 0, 2, 0xff};
	struct sim_mb_request r;
	size_t used;

	for (size_t n = 0; n < 12; n++) {
		CHECK_INT(sim_mb_take(SIM_MB_TCP, req, n, &used, &r), 0);
		CHECK_INT(used, 0);
	}
	CHECK_INT(sim_mb_take(SIM_MB_TCP, req, sizeof(req), &used, &r), 1);
	CHECK_INT(used, 12);
	CHECK_INT(r.transaction, 0x1234);
	CHECK_INT(r.unit, 1);
	CHECK_INT(r.fc, 4);
	CHECK_INT(r.addr, 72);
	CHECK_INT(r.count, 2);
}

TEST(what_is_no_modbus_tcp_is_refused)
{
	static const uint8_t http[] = "GET / HTTP/1.1\r\n";
	static const uint8_t tiny[] = {0, 1, 0, 0, 0, 1, 1};
	struct sim_mb_request r;
	size_t used;

	CHECK_INT(sim_mb_take(SIM_MB_TCP, http, sizeof(http), &used, &r), -1);
	CHECK_INT(sim_mb_take(SIM_MB_TCP, tiny, sizeof(tiny), &used, &r), -1);
}

/* The request 01 04 00 00 00 02 has the sum 71 CB. */
TEST(an_rtu_request_needs_its_sum)
{
	uint8_t req[] = {1, 4, 0, 0, 0, 2, 0x71, 0xcb};
	struct sim_mb_request r;
	size_t used;

	CHECK_INT(sim_mb_take(SIM_MB_RTU, req, 7, &used, &r), 0);
	CHECK_INT(used, 0);
	CHECK_INT(sim_mb_take(SIM_MB_RTU, req, 8, &used, &r), 1);
	CHECK_INT(used, 8);
	CHECK_INT(r.count, 2);
	req[3] = 1;
	CHECK_INT(sim_mb_take(SIM_MB_RTU, req, 8, &used, &r), 0);
	CHECK_INT(used, 8);
	req[1] = 0x55;
	CHECK_INT(sim_mb_take(SIM_MB_RTU, req, 8, &used, &r), 0);
	CHECK_INT(used, 8);
}

TEST(answers)
{
	struct sim_mb_request r = {.transaction = 7, .unit = 1, .fc = 4, .addr = 0, .count = 2};
	uint16_t reg[] = {0x4366, 0x8000};
	uint8_t out[SIM_MB_FRAME_MAX];
	static const uint8_t tcp[] = {0, 7, 0, 0, 0, 7, 1, 4, 4, 0x43, 0x66, 0x80, 0};
	static const uint8_t bad[] = {0, 7, 0, 0, 0, 3, 1, 0x84, 2};

	CHECK_INT(sim_mb_answer(SIM_MB_TCP, &r, 0, reg, out), sizeof(tcp));
	CHECK(memcmp(out, tcp, sizeof(tcp)) == 0);
	CHECK_INT(sim_mb_answer(SIM_MB_TCP, &r, 2, NULL, out), sizeof(bad));
	CHECK(memcmp(out, bad, sizeof(bad)) == 0);
	CHECK_INT(sim_mb_answer(SIM_MB_RTU, &r, 0, reg, out), 9);
	CHECK_INT(sim_mb_crc(out, 9), 0); /* a frame with its own sum behind it */
}

TEST(a_write_has_no_count_to_answer)
{
	static const uint8_t req[] = {0, 1, 0, 0, 0, 11, 1, 16, 0, 0, 0, 2, 4, 0, 0, 0, 0};
	struct sim_mb_request r;
	size_t used;

	CHECK_INT(sim_mb_take(SIM_MB_TCP, req, sizeof(req), &used, &r), 1);
	CHECK_INT(r.fc, 16);
	CHECK_INT(r.count, -1);
}
