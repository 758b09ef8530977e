/* Lines, heads, whole records, repeats. */
#include "harness.h"

#include "core/record.h"
#include "core/seen.h"

#define HEAD "\"t\":\"2026-11-22T10:00:00.123Z\",\"type\":\"meter\",\"src\":\"meter.ev\""

static int scan(const char *line, struct head *h)
{
	struct err err;

	return head_scan(line, strlen(line), h, &err);
}

TEST(head_whole)
{
	struct head h;

	REQUIRE(scan("{" HEAD ",\"n\":\"k3f9.8123\",\"m\":91422310,\"evse\":1,\"connector\":2,"
		     "\"to\":\"sim\",\"x\":[]}",
		     &h) == 0);
	CHECK(slice_is(h.type, "meter"));
	CHECK(slice_is(h.src, "meter.ev"));
	CHECK(slice_is(h.n, "k3f9.8123"));
	CHECK(slice_is(h.to, "sim"));
	CHECK_INT(h.m, 91422310);
	CHECK_INT(h.evse, 1);
	CHECK_INT(h.connector, 2);
}

TEST(head_typed_by_people)
{
	struct head h;

	CHECK_INT(scan("{" HEAD "}", &h), 0);
	CHECK_INT(h.m, -1);
	CHECK_INT(scan("{ \"t\": \"2026-11-22T10:00:00Z\", \"type\": \"command\", \"src\": \"me\", "
		       "\"evse\": 2, \"id\": 1}",
		       &h),
		  0);
	CHECK_INT(h.evse, 2);
}

TEST(head_refused)
{
	static const char *const bad[] = {"",
					  "{}",
					  "[]",
					  "x",
					  "{\"type\":\"a\",\"t\":\"b\",\"src\":\"c\"}",
					  "{" HEAD,
					  "{" HEAD ",\"n\":5}",
					  "{" HEAD ",\"m\":-1}",
					  "{" HEAD ",\"m\":01}",
					  "{" HEAD ",\"evse\":0}",
					  "{" HEAD ",\"evse\":99999}",
					  "{\"t\":\"\",\"type\":\"a\",\"src\":\"b\"}",
					  "{\"t\":\"a\\u0041\",\"type\":\"a\",\"src\":\"b\"}"};
	struct head h;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (scan(bad[i], &h) == 0)
			HARNESS_FAIL("accepted: %s", bad[i]);
}

static int parse(const char *line)
{
	struct record r;
	struct err err;
	int rc = record_parse(line, strlen(line), &r, &err);

	if (rc == 0)
		record_release(&r);
	return rc;
}

TEST(record_hidden_heads)
{
	CHECK_INT(parse("{" HEAD ",\"n\":\"a.1\",\"m\":1,\"x\":1}"), 0);
	CHECK_INT(parse("{" HEAD ",\"x\":1,\"type\":\"setpoint\"}"), -1);
	CHECK_INT(parse("{" HEAD ",\"x\":1,\"src\":\"ocpp\"}"), -1);
	CHECK_INT(parse("{" HEAD ",\"x\":1,\"evse\":1}"), -1);
	CHECK_INT(parse("{" HEAD ",\"evse\":1,\"evse\":2}"), -1);
	CHECK_INT(parse("{" HEAD ",\"x\":}"), -1);
	CHECK_INT(parse("{" HEAD ",\"x\":1}}"), -1);
	CHECK_INT(parse("{\"t\":\"yesterday\",\"type\":\"a\",\"src\":\"b\"}"), -1);
}

TEST(json_order_of_members_is_kept)
{
	static const char text[] = "{\"z\":1,\"a\":{\"y\":2,\"b\":3},\"m\":[3,1,2]}";
	jv v;

	REQUIRE(json_parse(text, sizeof text - 1, &v, NULL) == 0);
	jv s = jv_dump_string(jv_copy(v), 0);
	CHECK_STR(jv_string_value(s), text);
	jv_free(s);
	json_free(v);
}

TEST(json_getters_never_abort)
{
	struct err err;
	double d = 3;
	jv v;

	static const char text[] = "{\"a\":\"x\",\"n\":1e999,\"i\":1.5,\"nul\":null}";

	REQUIRE(json_parse(text, sizeof text - 1, &v, NULL) == 0);
	CHECK(json_absent(json_get(json_get(v, "a"), "b")));
	CHECK(json_absent(json_at(v, 0)));
	CHECK(!json_num(json_get(v, "n"), 0, 1e300, &d));
	CHECK_INT(json_want_num(v, "a", 0, 1, &d, &err), -1);
	CHECK_STR(err.msg, "a: expected a number from 0 to 1");
	CHECK_INT(json_want_num(v, "nul", 0, 1, &d, &err), 0);
	CHECK_NUM(d, 3, 0);
	json_free(v);
}

static char got[4096];

static void note(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	if (line)
		snprintf(got + strlen(got), sizeof got - strlen(got), "[%.*s]", (int)len, line);
	else
		snprintf(got + strlen(got), sizeof got - strlen(got), "<bad %zu>", len);
}

TEST(lines_cut_long_and_last)
{
	static char big[100000];
	struct lines l;

	lines_init(&l);
	got[0] = '\0';
	lines_feed(&l, "a\nbc", 4, note, NULL);
	lines_feed(&l, "d\n\n", 3, note, NULL);
	memset(big, 'x', sizeof big);
	lines_feed(&l, big, sizeof big, note, NULL);
	lines_feed(&l, "tail\nnext\nrest", 14, note, NULL);
	lines_feed(&l, "", 0, note, NULL);
	CHECK_INT(strncmp(got, "[a][bcd][]<bad ", 15), 0);
	CHECK(strstr(got, "[next]<bad 4>") != NULL);
	CHECK_INT(l.bad, 2);
	CHECK_INT(l.number, 6);
	lines_release(&l);
}

static bool before(struct seen *s, const char *src, const char *n)
{
	return seen_before(s, src, strlen(src), n, strlen(n));
}

TEST(seen_by_writer_and_epoch)
{
	struct seen s;

	seen_init(&s, 3);
	CHECK(!before(&s, "a", "e1.1"));
	CHECK(before(&s, "a", "e1.1"));
	CHECK(!before(&s, "a", "e1.5"));
	CHECK(!before(&s, "a", "e1.4"));
	CHECK(before(&s, "a", "e1.4"));
	CHECK(!before(&s, "a", "e2.1"));
	CHECK(!before(&s, "b", "e1.1"));
	CHECK(before(&s, "a", "e1.5"));
	CHECK(!before(&s, "c", "x.1"));
	CHECK(!before(&s, "a", ""));
	CHECK(!before(&s, "a", "no-count"));
	seen_release(&s);
}

TEST(seen_takes_late_ones_once_and_old_ones_never)
{
	struct seen s;
	char n[32];

	seen_init(&s, 4);
	for (int i = 1; i <= 100; i++) {
		snprintf(n, sizeof n, "e.%d", i == 60 ? 1000 : i);
		CHECK(!before(&s, "a", n));
	}
	CHECK(!before(&s, "a", "e.999"));
	CHECK(before(&s, "a", "e.999"));
	CHECK(before(&s, "a", "e.1000"));
	CHECK(before(&s, "a", "e.3"));
	seen_release(&s);
}

TEST(a_string_with_a_nul_inside_is_none)
{
	static const char text[] = "{\"a\":\"card\\u0000more\",\"b\":\"card\"}";
	struct err err;
	const char *s;
	jv v;

	REQUIRE(json_parse(text, strlen(text), &v, &err) == 0);
	CHECK(json_str(json_get(v, "a")) == NULL);
	CHECK_STR(json_str(json_get(v, "b")), "card");
	CHECK(json_want_str(v, "a", 50, &s, &err) < 0);
	CHECK_STR(err.msg, "a: expected a string of at most 50 bytes, none of them NUL");
	json_free(v);
}

TEST(json_strings_need_a_separator)
{
	static const char *const bad[] = {"{\"a\" \"b\":1}", "[1 \"b\"]", "[{} \"b\"]",
					  "\"a\"\"b\"", "{\"a\":\"\\\\\" \"b\"}"};
	static const char *const good[] = {"[\"a\",\"b\"]", " { \"a\" : \"\\\" \\\" b\" } ",
					   "\"x\"", "{\"a\":\"\\\\\",\"b\":\"\"}"};
	struct err err;
	jv v;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_INT(json_parse(bad[i], strlen(bad[i]), &v, &err), -1);
		CHECK(strstr(err.msg, "not JSON") != NULL);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		CHECK_INT(json_parse(good[i], strlen(good[i]), &v, &err), 0);
		json_free(v);
	}
}

TEST(json_is_utf8_or_refused_with_its_place)
{
	static const struct {
		const char *text, *why; /* NULL: taken */
	} row[] = {
	    {"[\"Gerätebau 充電 🔌\"]", NULL},
	    {"[\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\"]", NULL},
	    {"[\"ab\xff\"]", "not JSON: not UTF-8 at byte 5"},
	    {"[\"\xc1\xbf\"]", "not JSON: not UTF-8 at byte 3"},         /* overlong */
	    {"[\"\xe0\x9f\xbf\"]", "not JSON: not UTF-8 at byte 3"},     /* overlong */
	    {"[\"\xf0\x8f\xbf\xbf\"]", "not JSON: not UTF-8 at byte 3"}, /* overlong */
	    {"[\"\xed\xa0\x80\"]", "not JSON: not UTF-8 at byte 3"},     /* surrogate */
	    {"[\"\xf4\x90\x80\x80\"]", "not JSON: not UTF-8 at byte 3"}, /* beyond U+10FFFF */
	    {"[\"\xe2\x82\"]", "not JSON: not UTF-8 at byte 3"},
	    {"[\"x\"]\xe2\x82", "not JSON: not UTF-8 at byte 6"}, /* cut off by the end */
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err err = {""};
		jv v;
		int rc = json_parse(row[i].text, strlen(row[i].text), &v, &err);

		CHECK_INT(rc, row[i].why ? -1 : 0);
		CHECK_STR(err.msg, row[i].why ? row[i].why : "");
		json_free(v);
	}
}
