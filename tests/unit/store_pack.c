/* Packing: every line comes back byte for byte, whatever its shape; what was not made by pack() is
 * refused. Serves DAT-3, SEC-2. */
#include "harness.h"

#include "store/ints.h"
#include "store/number.h"
#include "store/pack.h"
#include "store/predict.h"
#include "store/shape.h"

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* @return the packed size, 0 when the lines did not come back. */
static size_t there_and_back(const char *lines, size_t len)
{
	struct buf packed, back;
	struct err err = {{0}};
	size_t size = 0;

	buf_init(&packed, (size_t)64 << 20);
	buf_init(&back, PACK_BLOCK_MAX);
	if (pack(lines, len, &packed) == 0 && unpack(packed.data, packed.len, &back, &err) == 0 &&
	    back.len == len && memcmp(back.data, lines, len) == 0)
		size = packed.len;
	else
		printf("len %zu: %s\n", len, err.msg);
	buf_release(&packed);
	buf_release(&back);
	return size;
}

TEST(lines_of_any_shape_come_back)
{
	static const char *const lines[] = {
	    "\n",
	    "{}\n",
	    "not a record\n",
	    "{\"t\":\"2026-11-22T10:00:00.123Z\",\"type\":\"x\",\"src\":\"a.1\",\"n\":\"00.1\","
	    "\"v\":-0}\n",
	    "{\"a\":1e400,\"b\":01,\"c\":1.50,\"d\":-0.0,\"e\":123456789012345678901234567890}\n",
	    "{\"s\":\"a\\\\\\\"b.12\",\"u\":\"\\u0001\",\"r\":\"1843211.50\",\"v\":\"1.2.3\",\"w\":"
	    "\".5\",\"x\":\"\"}\n",
	    "{\"open\":\"never closed\n",
	    "{\"tab\":\t1,\"ctl\":\"\x01\x02\"}\n",
	    "\"\"\"\"\"\n",
	    "[1,[2,[3,[null,true,false]]],\"2026-02-30T10:00:00.000Z\",\"2026-11-22T10:00:60."
	    "000Z\"]\n",
	    "{\"n\":\"k3f9.08\",\"n\":\"k3f9.0\",\"n\":\"k3f9.9999999999999999\"}\n",
	    "\xff\xfe\x80 bytes\n",
	};
	struct buf all;

	buf_init(&all, 1 << 20);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
			if (round == 0)
				CHECK(there_and_back(lines[i], strlen(lines[i])) > 0);
			buf_adds(&all, lines[i]);
		}
	CHECK(there_and_back(all.data, all.len) > 0);
	buf_release(&all);
}

TEST(random_numbers_and_forms_come_back)
{
	for (int round = 0; round < 200; round++) {
		struct buf b;
		uint64_t rows = next_random() % 300 + 1, a = next_random() % 1000;

		buf_init(&b, 4 << 20);
		for (uint64_t i = 0; i < rows; i++) {
			uint64_t r = next_random();

			a += r % 5;
			buf_addf(&b,
				 "{\"t\":\"2026-11-22T10:%02d:%02d.%03dZ\",\"type\":\"%s\",\"m\":%"
				 "llu,\"x\":[%lld.%0*d,%s]",
				 (int)(i / 60 % 60), (int)(i % 60), (int)(r % 9), r % 7 ? "m" : "k",
				 (unsigned long long)(i * 1000 + r % 3),
				 (long long)(r >> (r % 60)) % 100000 - 500, (int)(round % 4 + 1),
				 (int)(r % 10), r % 13 ? "7.5" : "null");
			buf_addf(&b, ",\"w\":%llu,\"e\":%llu.%d,\"s\":\"id%llu\"}\n",
				 (unsigned long long)a * 3, (unsigned long long)(a * 3 / 3600),
				 (int)(a % 10), (unsigned long long)(r % 40));
		}
		CHECK(there_and_back(b.data, b.len) > 0);
		buf_release(&b);
	}
}

TEST(random_bytes_come_back)
{
	for (int round = 0; round < 200; round++) {
		static const char alphabet[] = "{}[]\",:.0123456789-entrfalsu\\\n\n \x01";
		char s[400];
		size_t n = (size_t)(next_random() % (sizeof s - 1));

		for (size_t i = 0; i < n; i++)
			s[i] = alphabet[next_random() % (sizeof alphabet - 1)];
		s[n] = '\n';
		CHECK(there_and_back(s, n + 1) > 0);
	}
}

/* A meter's second: power is voltage times current, energy is power summed, the clock goes on. */
TEST(what_follows_costs_little)
{
	struct buf b;
	double wh = 5000;
	size_t size;

	buf_init(&b, 4 << 20);
	for (int i = 0; i < 900; i++) {
		int volt = 2300 + (int)(next_random() % 3), amp = 1600 + (int)(next_random() % 5);
		double watt = (double)(volt * amp / 1000);

		wh += watt / 3600;
		buf_addf(&b,
			 "{\"t\":\"2026-11-22T10:%02d:%02d.020Z\",\"type\":\"meter\",\"src\":"
			 "\"meter.1\",\"n\":\"e.%d\",\"m\":%d,",
			 i / 60, i % 60, i + 1, 5000000 + i * 1000);
		buf_addf(&b,
			 "\"voltage_v\":%d.%d,\"current_a\":%d.%02d,\"power_w\":%d,\"import_wh\":%."
			 "1f}\n",
			 volt / 10, volt % 10, amp / 100, amp % 100, (int)watt, wh);
	}
	size = there_and_back(b.data, b.len);
	CHECK(size > 0);
	CHECK(size < 1500); /* two columns of noise, 1.6 and 2.3 bits a row, and what the others
			       can't know */
	buf_release(&b);
}

TEST(damage_is_refused_or_harmless)
{
	struct buf b, packed;

	buf_init(&b, 1 << 20);
	buf_init(&packed, 1 << 20);
	for (int i = 0; i < 50; i++)
		buf_addf(&b,
			 "{\"t\":\"2026-11-22T10:00:%02d.020Z\",\"type\":\"m\",\"v\":%d.%d,\"s\":"
			 "\"x%d\"}\n",
			 i % 60, i * 7, i % 10, i % 3);
	REQUIRE(pack(b.data, b.len, &packed) == 0);
	for (int round = 0; round < 3000; round++) {
		char *copy = malloc(packed.len);
		size_t len = round % 3 ? packed.len : (size_t)(next_random() % packed.len);
		struct buf out;

		memcpy(copy, packed.data, packed.len);
		if (round % 3)
			copy[next_random() % packed.len] ^= (char)(1 << next_random() % 8);
		buf_init(&out, PACK_BLOCK_MAX);
		if (unpack(copy, len, &out, NULL) < 0)
			CHECK_INT(out.len, 0);
		buf_release(&out);
		free(copy);
	}
	CHECK(unpack("", 0, &b, NULL) < 0);
	CHECK(pack("no newline", 10, &packed) < 0);
	CHECK(pack("", 0, &packed) < 0);
	buf_release(&b);
	buf_release(&packed);
}

TEST(numbers_are_read_only_where_they_come_back)
{
	static const struct {
		const char *text;
		bool ok;
		long long digits;
		unsigned places;
	} rows[] = {
	    {"0", true, 0, 0},
	    {"-1.50", true, -150, 2},
	    {"0.001", true, 1, 3},
	    {"-0", false, 0, 0},
	    {"01", false, 0, 0},
	    {"1.", false, 0, 0},
	    {".5", false, 0, 0},
	    {"1e3", false, 0, 0},
	    {"", false, 0, 0},
	    {"-", false, 0, 0},
	    {"1234567890123456", false, 0, 0},
	    {"1.2.3", false, 0, 0},
	    {"-0.0", false, 0, 0},
	    {"123456789012345", true, 123456789012345, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t v = 77;
		unsigned places = 0;
		bool ok = number_decimal(rows[i].text, strlen(rows[i].text), &v, &places);

		CHECK_INT(ok, rows[i].ok);
		if (ok) {
			CHECK_INT(v, rows[i].digits);
			CHECK_INT(places, rows[i].places);
		}
	}
}

TEST(times_come_back)
{
	struct number_style st = {.form = NUMBER_TIME, .quoted = true};
	char text[NUMBER_TEXT_MAX];
	int64_t ms;

	REQUIRE(number_read(&st, "\"2026-11-22T10:00:00.123Z\"", 26, &ms));
	CHECK_INT(ms, 1795341600123);
	CHECK_INT(number_write(&st, ms, text), 26);
	CHECK(memcmp(text, "\"2026-11-22T10:00:00.123Z\"", 26) == 0);
	CHECK(!number_read(&st, "\"2026-11-31T10:00:00.123Z\"", 26, &ms));
	CHECK(!number_read(&st, "\"2026-11-22T24:00:00.123Z\"", 26, &ms));
}

TEST(integers_of_all_sizes_are_coded)
{
	int64_t v[600];
	struct ints *m = malloc(sizeof *m);
	struct buf b;
	struct rc_enc e;
	struct rc_dec d;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < 600; i++)
		v[i] = i % 5 ? (int64_t)(next_random() % 7) - 3
			     : (int64_t)(next_random() >> (next_random() % 64));
	v[0] = INT64_MIN;
	v[1] = INT64_MAX;
	rc_enc_init(&e, &b);
	ints_init(m);
	for (size_t i = 0; i < 600; i++)
		ints_encode(m, &e, v[i]);
	rc_enc_end(&e);
	rc_dec_init(&d, b.data, b.len);
	ints_init(m);
	for (size_t i = 0; i < 600; i++)
		CHECK(ints_decode(m, &d) == v[i]);
	free(m);
	buf_release(&b);
}

TEST(a_sum_keeps_what_the_digits_hide)
{
	struct predictor p = {.base = PREDICT_SUM,
			      .b = 1,
			      .k = (int64_t)(10.0 / 3600 * 4294967296.0 + 0.5),
			      .start = 100};
	int64_t power[500];
	struct predict_source src = {.sum = {power}};
	struct predict_state st;
	double wh = 10.03;
	int missed = 0;

	predict_start(&p, &st);
	for (size_t i = 0; i < 500; i++) {
		int64_t x;

		power[i] = 3600 + (int64_t)(next_random() % 50);
		wh += (double)power[i] / 3600;
		x = (int64_t)(wh * 10 + 0.5);
		missed += predict_next(&p, &src, &st, i) != x;
		predict_learn(&p, &st, x);
	}
	CHECK(missed < 8);
}

TEST(a_shape_and_its_slots)
{
	static const char line[] =
	    "{\"type\":\"m\",\"src\":\"a.1\",\"n\":\"k3.17\",\"v\":[1.5,null],\"s\":\"x\"}";
	struct shape_slot slots[SHAPE_SLOTS_MAX];
	struct buf shape;

	buf_init(&shape, 1024);
	CHECK_INT(shape_cut(line, strlen(line), 0, &shape, slots), 5);
	CHECK_STR(buf_str(&shape),
		  "{\"type\":\"m\",\"src\":\"a.1\",\"n\":\1.\1\",\"v\":[\1,\1],\"s\":\1}");
	CHECK_INT(slots[1].len, 2);
	buf_release(&shape);
}
