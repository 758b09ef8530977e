/* Known messages both ways, and what has to be refused (COM-4). */
#include "exi/json.h"
#include "exi/lines.h"
#include "exi/tables.h"
#include "exi/typed.h"
#include "exi/value.h"
#include "exi/tables/iso20.h"
#include "exi/tables/iso2.h"
#include "exi/tables/sap.h"
#include "harness.h"

static uint8_t octets[1 << 15];
static char text[1 << 18];
static struct exi_err err;

/* A line of the fixtures: schema, flags, octets, and the JSON of the message. */
struct known {
	int schema, flags;
	size_t size;
	jv line;
};

static void each_known(void (*fn)(struct known *k))
{
	static char line[1 << 16];
	FILE *file = fopen("tests/fixtures/exi/messages.jsonl", "r");
	struct known k;
	struct err bad;
	int n = 0;

	REQUIRE(file);
	while (fgets(line, sizeof line, file)) {
		ssize_t size;

		REQUIRE(json_parse(line, strlen(line), &k.line, &bad) == 0);
		k.schema = exi_schema_find(json_str(json_get(k.line, "schema")));
		k.flags = k.schema == EXI_XMLDSIG ? EXI_FRAGMENT : 0;
		size = exi_hex(json_str(json_get(k.line, "exi")), octets, sizeof octets);
		REQUIRE(size > 0);
		k.size = (size_t)size;
		fn(&k);
		json_free(k.line);
		n++;
	}
	fclose(file);
	CHECK_INT(n, 18);
}

static void check_both_ways(struct known *k)
{
	uint8_t again[1 << 12];
	const char *message = "";
	jv json = json_get(k->line, "json"), got;
	struct err bad;
	ssize_t n =
	    exi_to_json(k->schema, k->flags, octets, k->size, text, sizeof text, &message, &err);

	CHECK(n > 0);
	CHECK_STR(message, json_str(json_get(k->line, "message")));
	REQUIRE(n > 0 && json_parse(text, (size_t)n, &got, &bad) == 0);
	CHECK(jv_equal(jv_copy(json), got));
	CHECK_INT(exi_from_json(k->schema, k->flags, json, again, sizeof again, &message, &err),
		  k->size);
	CHECK(memcmp(again, octets, k->size) == 0);
}

TEST(known_messages_both_ways)
{
	each_known(check_both_ways);
}

/* Every way to cut a message short is an error; the last octet may be padding that the cut leaves
 * out. */
static void check_cut(struct known *k)
{
	static const struct exi_visitor silent;
	uint8_t msg[8192];

	for (size_t size = 0; size + 1 < k->size; size++) {
		uint8_t *exact = malloc(size + 1);
		struct exi_in in;

		memcpy(exact, octets, size);
		CHECK(exi_walk(k->schema, k->flags, exact, size, &silent, NULL, NULL, &err) < 0);
		if (!k->flags && exi_open(&in, k->schema, exact, size, &err) == 0)
			CHECK(exi_read(&in, msg, exi_messages[in.message].size, &err) < 0);
		free(exact);
	}
}

TEST(truncated_at_every_octet)
{
	each_known(check_cut);
}

static void check_tail(struct known *k)
{
	octets[k->size] = 0x55;
	CHECK(exi_to_json(k->schema, k->flags, octets, k->size + 1, text, sizeof text, NULL, &err) <
	      0);
	CHECK_STR(err.what, "octets after the end of the message");
	octets[k->size] = octets[k->size + 1] = 0;
	CHECK(exi_to_json(k->schema, k->flags, octets, k->size + 2, text, sizeof text, NULL, &err) <
	      0);
}

TEST(octets_after_the_end)
{
	each_known(check_tail);
}

/* One zero octet more is let pass behind a message that ends with an octet: cars send that. */
TEST(one_padding_octet)
{
	static const uint8_t car[] = {0x80, 0x9a, 0x02, 0x20, 0x2c, 0x9f, 0xff,
				      0x3e, 0x37, 0xb3, 0xd3, 0xd0, 0xb8, 0};

	CHECK(exi_to_json(EXI_DIN, 0, car, 13, text, sizeof text, NULL, &err) > 0);
	CHECK(exi_to_json(EXI_DIN, 0, car, 14, text, sizeof text, NULL, &err) > 0);
	CHECK_STR(text, "{\"V2G_Message\":{\"Header\":{\"SessionID\":\"80B27FFCF8DECF4F\"},"
			"\"Body\":{\"ContractAuthenticationReq\":{}}}}");
}

/* Streams put together bit by bit: a supportedAppProtocolReq up to its ProtocolNamespace. */
static struct bit_writer sap_begin(void)
{
	struct bit_writer w = {.data = octets, .size = sizeof octets};

	bit_put(&w, 0x80, 8);
	bit_put(&w, 0, 2); /* SE(supportedAppProtocolReq) */
	bit_put(&w, 0, 3); /* SE(AppProtocol), SE(ProtocolNamespace), CH */
	return w;
}

static struct bit_writer sap_with_ns(void)
{
	struct bit_writer w = sap_begin();

	bit_put_uint(&w, 2 + 1);
	bit_put(&w, 'x', 8);
	bit_put(&w, 0, 1);
	return w;
}

static void sap_finish(struct bit_writer *w, uint64_t major, unsigned priority)
{
	bit_put(w, 0, 2);
	bit_put_uint(w, major);
	bit_put(w, 0, 3);
	bit_put_uint(w, 0);
	bit_put(w, 0, 3);
	bit_put(w, 7, 8);
	bit_put(w, 0, 3);
	bit_put(w, priority - 1, 5);
	bit_put(w, 0, 2); /* EE, EE */
	bit_put(w, 1, 2); /* EE */
	bit_finish(w);
}

static const char *refusal(const struct bit_writer *w)
{
	struct sap_supportedAppProtocolReq req;
	struct exi_in in;
	struct exi_err typed = {0};
	ssize_t n = exi_to_json(EXI_SAP, 0, octets, w->len, text, sizeof text, NULL, &err);

	if (exi_open(&in, EXI_SAP, octets, w->len, &typed) == 0 &&
	    exi_read(&in, &req, sizeof req, &typed) == 0)
		CHECK(n > 0);
	else
		CHECK(n < 0);
	if (n >= 0)
		return "none";
	CHECK_STR(typed.what, err.what);
	CHECK_INT(typed.bit, err.bit);
	return err.what;
}

TEST(hand_made_is_good)
{
	struct bit_writer w = sap_with_ns();

	sap_finish(&w, 1, 20);
	CHECK_STR(refusal(&w), "none");
	CHECK_STR(
	    text,
	    "{\"supportedAppProtocolReq\":{\"AppProtocol\":[{\"ProtocolNamespace\":\"x\","
	    "\"VersionNumberMajor\":1,\"VersionNumberMinor\":0,\"SchemaID\":7,\"Priority\":20}]}}");
}

TEST(string_table_hits)
{
	for (unsigned hit = 0; hit < 2; hit++) {
		struct bit_writer w = sap_begin();

		bit_put_uint(&w, hit);
		bit_put(&w, 0, 1);
		sap_finish(&w, 1, 1);
		CHECK_STR(
		    refusal(&w),
		    "ProtocolNamespace: string table hit; no string table is kept in this profile");
		CHECK_INT(err.bit, 13);
	}
}

TEST(second_level_codes)
{
	/* In place of SE(AppProtocol), of SE(ProtocolNamespace), of CH, and of the end behind the
	 * value. */
	for (unsigned at = 10; at < 14; at++) {
		struct bit_writer w = sap_with_ns();
		unsigned bit = at < 13 ? at : 29;

		sap_finish(&w, 1, 1);
		octets[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		CHECK(strstr(refusal(&w), "second-level event code"));
		CHECK_INT(err.bit, bit);
	}
}

TEST(values_outside_the_schema)
{
	struct bit_writer w = sap_with_ns();

	sap_finish(&w, UINT64_C(1) << 32, 1);
	CHECK_STR(refusal(&w), "VersionNumberMajor: value outside the schema's range");
	CHECK_STR(err.expected, "0 to 4294967295");
	w = sap_with_ns();
	sap_finish(&w, 1, 21);
	CHECK_STR(refusal(&w), "Priority: value outside the schema's range");
	w = sap_with_ns();
	bit_put(&w, 0, 2);
	for (int i = 0; i < 10; i++)
		bit_put(&w, 0xff, 8);
	bit_finish(&w);
	CHECK_STR(refusal(&w), "VersionNumberMajor: integer of more than 64 bits");
}

TEST(text_outside_the_schema)
{
	static const uint32_t bad[] = {0, 0xd800, 0xdfff, 0x110000};
	struct bit_writer w = sap_begin();

	bit_put_uint(&w, 2 + 101);
	for (int i = 0; i < 101; i++)
		bit_put(&w, 'x', 8);
	bit_put(&w, 0, 1);
	sap_finish(&w, 1, 1);
	CHECK_STR(refusal(&w),
		  "ProtocolNamespace: value shorter or longer than the schema permits");
	for (int i = 0; i < 4; i++) {
		w = sap_begin();
		bit_put_uint(&w, 2 + 1);
		bit_put_uint(&w, bad[i]);
		bit_put(&w, 0, 1);
		sap_finish(&w, 1, 1);
		CHECK_STR(refusal(&w), "ProtocolNamespace: not a Unicode character");
	}
}

TEST(lengths_that_lie)
{
	struct bit_writer w = sap_begin();

	bit_put_uint(&w, UINT64_MAX);
	bit_finish(&w);
	CHECK(strstr(refusal(&w), "value shorter or longer"));
	w = sap_begin();
	bit_put_uint(&w, 90);
	bit_finish(&w);
	CHECK(strstr(refusal(&w), "the stream ends inside a value"));
}

TEST(headers)
{
	static const struct {
		uint8_t octet;
		const char *what;
	} bad[] = {{0x00, "EXI header: distinguishing bits wrong"},
		   {0x24, "EXI header: distinguishing bits wrong"},
		   {0xa0, "EXI header: options, which this profile has not"},
		   {0x81, "EXI header: version not 1"},
		   {0x90, "EXI header: version not 1"}};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(exi_to_json(EXI_SAP, 0, (uint8_t[]){bad[i].octet, 0x48, 0x80}, 3, text,
				  sizeof text, NULL, &err) < 0);
		CHECK_STR(err.what, bad[i].what);
	}
}

/* A list filled to maxOccurs ends in one bit. The known faulty form, two bits, is read where only
 * it fits. */
TEST(two_bit_list_ends)
{
	struct bit_writer good = {.data = octets, .size = sizeof octets};
	struct exi_in in;
	struct iso2_ServiceDiscoveryRes_msg res;
	struct exi_cursor cursor = {0};
	enum iso2_paymentOption option;
	uint8_t one_bit[32];

	for (int faulty = 0; faulty < 2; faulty++) {
		good = (struct bit_writer){.data = octets, .size = sizeof octets};
		bit_put(&good, 0x80, 8);
		bit_put(&good, exi_schemas[EXI_ISO2].wrap, 7);
		bit_put(&good, 0, 3); /* Header, SessionID, CH */
		bit_put_uint(&good, 1);
		bit_put(&good, 0xab, 8);
		bit_put(&good, 0, 1); /* EE */
		bit_put(&good, 2, 2); /* EE of Header */
		bit_put(&good, 0, 1); /* Body */
		bit_put(&good, exi_messages[EXI_ISO2_ServiceDiscoveryRes].code, 6);
		bit_put(&good, 0, 2); /* ResponseCode, CH */
		bit_put(&good, 0, 5 + 1);
		bit_put(&good, 0, 2); /* PaymentOptionList, PaymentOption */
		bit_put(&good, 0, 1 + 1 + 1);
		bit_put(&good, 0, 2); /* the second and last PaymentOption */
		bit_put(&good, 0, 1);
		bit_put(&good, 2, 1 + 1);
		bit_put(&good, (uint64_t)faulty, faulty ? 2 : 1); /* EE of the full list */
		bit_put(&good, 0, 1);                             /* ChargeService */
		bit_put(&good, 0, 2);
		bit_put_uint(&good, 5);
		bit_put(&good, 0, 1);
		bit_put(&good, 1, 2); /* ServiceCategory */
		bit_put(&good, 0, 1 + 2 + 1);
		bit_put(&good, 1, 2); /* FreeService */
		bit_put(&good, 0, 3);
		bit_put(&good, 0, 2); /* SupportedEnergyTransferMode, EnergyTransferMode */
		bit_put(&good, 0, 1 + 3 + 1);
		bit_put(&good, 1, 2); /* EE of the list */
		bit_put(&good, 0, 1); /* EE of ChargeService */
		bit_put(&good, 1, 2); /* EE of ServiceDiscoveryRes */
		bit_put(&good, 0, 2);
		bit_finish(&good);
		CHECK(exi_to_json(EXI_ISO2, 0, octets, good.len, text, sizeof text, NULL, &err) >
		      0);
		CHECK(strstr(text, "\"PaymentOption\":[\"Contract\",\"ExternalPayment\"]"));
		CHECK(exi_open(&in, EXI_ISO2, octets, good.len, &err) == 0);
		CHECK(exi_read(&in, &res, sizeof res, &err) == 0);
		CHECK_INT(in.two_bit_ends, faulty);
		cursor = (struct exi_cursor){0};
		CHECK_INT(exi_next(&res.Body.PaymentOptionList.PaymentOption, &cursor, &option,
				   sizeof option),
			  1);
		CHECK_INT(exi_next(&res.Body.PaymentOptionList.PaymentOption, &cursor, &option,
				   sizeof option),
			  1);
		CHECK_INT(option, ISO2_paymentOption_ExternalPayment);
		CHECK_INT(exi_next(&res.Body.PaymentOptionList.PaymentOption, &cursor, &option,
				   sizeof option),
			  0);
		if (!faulty)
			CHECK_INT(
			    exi_write(in.message, &res, sizeof res, one_bit, sizeof one_bit, &err),
			    good.len);
	}
	CHECK(exi_write(in.message, &res, sizeof res, one_bit, sizeof one_bit, &err) < 0);
	CHECK_STR(err.what, "PaymentOption: list from a stream with two-bit list ends");
}

static int refuse_json(int schema, const char *json)
{
	struct err bad;
	jv v;
	ssize_t n;

	if (json_parse(json, strlen(json), &v, &bad) < 0)
		return 1;
	n = exi_from_json(schema, 0, v, octets, sizeof octets, NULL, &err);
	json_free(v);
	return n < 0;
}

TEST(json_that_is_refused)
{
	static const struct {
		const char *json, *what;
	} bad[] = {
	    {"{}", "expected an object with one member, the root element"},
	    {"[1]", "expected an object with one member, the root element"},
	    {"{\"x\":{}}", "x: the schema has no such element"},
	    {"{\"supportedAppProtocolRes\":[]}", "supportedAppProtocolRes: expected an object"},
	    {"{\"supportedAppProtocolRes\":{}}",
	     "supportedAppProtocolRes/something the schema requires is missing"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed\"}}",
	     "supportedAppProtocolRes/ResponseCode: not a word of this enumeration"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"X\":1}}",
	     "supportedAppProtocolRes/X: the schema has no such member here"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"SchemaID\":"
	     "256}}",
	     "supportedAppProtocolRes/SchemaID: value outside the schema's range"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"SchemaID\":"
	     "-1}}",
	     "supportedAppProtocolRes/SchemaID: value outside the schema's range"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"SchemaID\":"
	     "1.5}}",
	     "supportedAppProtocolRes/SchemaID: expected a whole number, as a decimal string "
	     "beyond 2^53"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"SchemaID\":"
	     "nan}}",
	     "supportedAppProtocolRes/SchemaID: expected a whole number, as a decimal string "
	     "beyond 2^53"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"SchemaID\":"
	     "\"7x\"}}",
	     "supportedAppProtocolRes/SchemaID: not a decimal integer of this type"},
	    {"{\"supportedAppProtocolRes\":{\"ResponseCode\":\"Failed_NoNegotiation\",\"SchemaID\":"
	     "null}}",
	     "supportedAppProtocolRes/SchemaID: expected a whole number, as a decimal string "
	     "beyond 2^53"},
	    {"{\"supportedAppProtocolReq\":{\"AppProtocol\":{}}}",
	     "supportedAppProtocolReq/AppProtocol: expected an array with items"},
	    {"{\"supportedAppProtocolReq\":{\"AppProtocol\":[]}}",
	     "supportedAppProtocolReq/AppProtocol: expected an array with items"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK(refuse_json(EXI_SAP, bad[i].json));
		CHECK_STR(err.what, bad[i].what);
	}
	CHECK(refuse_json(EXI_ISO20_DC, "{\"CLReqControlMode\":{}}"));
}

TEST(a_structure_is_read)
{
	static const uint8_t req[] = {0x80, 0x38, 0x04};
	struct iso20_DC_ChargeLoopRes
	    res =
		{
		    .Header = {.SessionID = exi_bin("\1\2\3\4\5\6\7\10", 8),
			       .TimeStamp = UINT64_MAX},
		    .ResponseCode = ISO20_responseCode_OK,
		    .EVSEPresentCurrent = {-1, -310},
		    .EVSEPresentVoltage = {-1, 4013},
		    .which_CLResControlMode =
			ISO20_DC_ChargeLoopRes_IS_Scheduled_DC_CLResControlMode,
		},
	    got;
	struct exi_in in;
	uint8_t id[8], out[64];
	ssize_t n =
	    exi_write(EXI_ISO20_DC_DC_ChargeLoopRes, &res, sizeof res, out, sizeof out, &err);

	REQUIRE(n > 0);
	CHECK(memcmp(out, req, sizeof req) == 0);
	REQUIRE(exi_open(&in, EXI_ISO20_DC, out, (size_t)n, &err) == 0);
	CHECK_INT(in.message, EXI_ISO20_DC_DC_ChargeLoopRes);
	CHECK(exi_read(&in, &got, sizeof got - 1, &err) < 0);
	REQUIRE(exi_read(&in, &got, sizeof got, &err) == 0);
	CHECK_INT(exi_bin_get(&got.Header.SessionID, id, sizeof id), 8);
	CHECK(memcmp(id, "\1\2\3\4\5\6\7\10", 8) == 0);
	CHECK_INT(exi_bin_get(&got.Header.SessionID, id, 7), -1);
	CHECK(got.Header.TimeStamp == UINT64_MAX);
	CHECK_INT(got.EVSEPresentCurrent.Value, -310);
	CHECK_INT(got.has_EVSEStatus, false);
	CHECK_INT(got.which_CLResControlMode,
		  ISO20_DC_ChargeLoopRes_IS_Scheduled_DC_CLResControlMode);
	res.Header.SessionID.len = 7;
	CHECK(exi_write(EXI_ISO20_DC_DC_ChargeLoopRes, &res, sizeof res, out, sizeof out, &err) <
	      0);
	CHECK_STR(err.what, "SessionID: value shorter or longer than the schema permits");
	res.Header.SessionID.len = 8;
	res.which_CLResControlMode = 0;
	CHECK(exi_write(EXI_ISO20_DC_DC_ChargeLoopRes, &res, sizeof res, out, sizeof out, &err) <
	      0);
	CHECK(exi_write(EXI_ISO20_DC_DC_ChargeLoopRes, &res, sizeof res, out, 5, &err) < 0);
}

TEST(text_and_lists)
{
	struct sap_AppProtocol two[] = {
	    {.ProtocolNamespace = exi_str("urn:é€"), .Priority = 1},
	    {.ProtocolNamespace = exi_str(""), .SchemaID = 255, .Priority = 20}};
	struct sap_supportedAppProtocolReq req = {.AppProtocol = exi_list(two, 2)};
	struct exi_cursor cursor = {0};
	struct sap_AppProtocol item;
	struct exi_in in;
	uint8_t out[64];
	char buf[16];
	ssize_t n =
	    exi_write(EXI_SAP_supportedAppProtocolReq, &req, sizeof req, out, sizeof out, &err);

	REQUIRE(n > 0 && exi_open(&in, EXI_SAP, out, (size_t)n, &err) == 0);
	REQUIRE(exi_read(&in, &req, sizeof req, &err) == 0);
	CHECK_INT(req.AppProtocol.n, 2);
	CHECK_INT(exi_next(&req.AppProtocol, &cursor, &item, sizeof item - 1), -1);
	REQUIRE(exi_next(&req.AppProtocol, &cursor, &item, sizeof item) == 1);
	CHECK(exi_str_is(&item.ProtocolNamespace, "urn:é€"));
	CHECK(!exi_str_is(&item.ProtocolNamespace, "urn:é"));
	CHECK(!exi_str_is(&item.ProtocolNamespace, "urn:é€x"));
	CHECK_INT(exi_str_get(&item.ProtocolNamespace, buf, sizeof buf), 9);
	CHECK_STR(buf, "urn:é€");
	CHECK_INT(exi_str_get(&item.ProtocolNamespace, buf, 9), -1);
	CHECK_INT(exi_str_get(&item.ProtocolNamespace, buf, 10), 9);
	REQUIRE(exi_next(&req.AppProtocol, &cursor, &item, sizeof item) == 1);
	CHECK_INT(item.SchemaID, 255);
	CHECK_INT(exi_next(&req.AppProtocol, &cursor, &item, sizeof item), 0);
	req.AppProtocol = exi_list(two, 21);
	CHECK(exi_write(EXI_SAP_supportedAppProtocolReq, &req, sizeof req, out, sizeof out, &err) <
	      0);
	CHECK_STR(err.what, "AppProtocol: more items than the schema permits");
}

/* Reads a signed element and writes it as the fragment that its digest is made of. */
TEST(fragment_of_what_was_read)
{
	struct iso2_MeteringReceiptReq_msg req = {
	    .Header.SessionID = exi_bin("\1", 1),
	    .Body = {.has_Id = true,
		     .Id = exi_str("id1"),
		     .SessionID = exi_bin("\3\327\26\204\237\205X\246", 8),
		     .has_SAScheduleTupleID = true,
		     .SAScheduleTupleID = 1,
		     .MeterInfo = {.MeterID = exi_str("M852"),
				   .has_MeterReading = true,
				   .MeterReading = 554047,
				   .has_TMeter = true,
				   .TMeter = 1790000011}}};
	uint8_t out[80], want[40], got[40];
	struct exi_in in;
	ssize_t n = exi_write_fragment(EXI_ISO2, "MeteringReceiptReq", &req.Body, sizeof req.Body,
				       want, sizeof want, &err);

	CHECK_INT(n, 34);
	n = exi_write(EXI_ISO2_MeteringReceiptReq, &req, sizeof req, out, sizeof out, &err);
	REQUIRE(n > 0 && exi_open(&in, EXI_ISO2, out, (size_t)n, &err) == 0);
	REQUIRE(exi_read(&in, &req, sizeof req, &err) == 0);
	CHECK_INT(exi_write_fragment(EXI_ISO2, "MeteringReceiptReq", &req.Body, sizeof req.Body,
				     got, sizeof got, &err),
		  34);
	CHECK(memcmp(want, got, 34) == 0);
	CHECK(exi_write_fragment(EXI_ISO2, "SessionID", &req.Body, sizeof req.Body, got, sizeof got,
				 &err) < 0);
	CHECK(exi_write_fragment(EXI_ISO2, "Nothing", &req.Body, sizeof req.Body, got, sizeof got,
				 &err) < 0);
}

TEST(names)
{
	CHECK_INT(exi_schema_find("iso15118-20-wpt"), EXI_ISO20_WPT);
	CHECK_INT(exi_schema_find("xmldsig (ISO 15118-2 SignedInfo)"), EXI_XMLDSIG);
	CHECK_INT(exi_schema_find("iso15118-20"), -1);
	CHECK_INT(exi_message_find(EXI_ISO2, "CurrentDemandRes"), EXI_ISO2_CurrentDemandRes);
	CHECK_INT(exi_message_find(EXI_ISO2, "V2G_Message"), -1);
	CHECK_INT(exi_schema_payload(EXI_ISO20_AC), 0x8003);
	CHECK_INT(exi_schema_guess(0x8001, (uint8_t[]){0x80, 0x9a, 2}, 3, &err), EXI_DIN);
	CHECK_INT(exi_schema_guess(0x8001, (uint8_t[]){0x80, 0x98, 2}, 3, &err), EXI_ISO2);
	CHECK_INT(exi_schema_guess(0x8001, (uint8_t[]){0x80, 0x48, 0x80}, 3, &err), EXI_SAP);
	CHECK_INT(exi_schema_guess(0x8001, (uint8_t[]){0x80}, 1, &err), -1);
	CHECK_INT(exi_schema_guess(0x9000, (uint8_t[]){0x80, 0, 0}, 3, &err), -1);
}

TEST(frames)
{
	uint16_t type = 0;

	CHECK_INT(exi_v2gtp((uint8_t[]){1, 0xfe, 0x80, 4, 0, 0, 0, 1, 0x80}, 9, &type), 1);
	CHECK_INT(type, 0x8004);
	CHECK_INT(exi_v2gtp((uint8_t[]){1, 0xfe, 0x80, 4, 0, 0, 0, 2, 0x80}, 9, &type), -1);
	CHECK_INT(exi_v2gtp((uint8_t[]){1, 0xfe, 0x80, 4, 0xff, 0xff, 0xff, 0xff, 0x80}, 9, &type),
		  -1);
	CHECK_INT(exi_v2gtp((uint8_t[]){2, 0xfd, 0x80, 4, 0, 0, 0, 1, 0x80}, 9, &type), -1);
	CHECK_INT(exi_v2gtp((uint8_t[]){1, 0xfe}, 2, &type), -1);
}
