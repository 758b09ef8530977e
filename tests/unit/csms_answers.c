/* The back office's answers, cards and rules. */
#include "harness.h"

#include "core/utc.h"
#include "csms/answers.h"
#include "csms/rules.h"

static struct csms_cards cards;
static struct buf out;

static const char *answer(const char *action, const char *request)
{
	struct csms_facts facts = {.cards = &cards, .interval_s = 60, .boot = "Pending"};
	enum csms_known known;
	jv v;

	utc_parse("2026-11-22T10:00:00Z", 20, &facts.now_us);
	buf_reset(&out);
	if (json_parse(request, strlen(request), &v, NULL) < 0)
		return "bad request in test";
	known = csms_answer(action, v, &facts, &out);
	json_free(v);
	return known == CSMS_ANSWERED      ? buf_str(&out)
	       : known == CSMS_UNSUPPORTED ? "unsupported"
					   : "unknown";
}

static int set(const char *id, const char *entry)
{
	struct err e;
	int result;
	jv v;

	if (json_parse(entry, strlen(entry), &v, &e) < 0)
		return -2;
	result = csms_cards_set(&cards, id, v, &e);
	json_free(v);
	return result;
}

TEST(answers_are_filled_in)
{
	buf_init(&out, 65536);
	CHECK_STR(answer("BootNotification", "{}"), "{\"currentTime\":\"2026-11-22T10:00:00.000Z\","
						    "\"interval\":60,\"status\":\"Pending\"}");
	CHECK_STR(answer("Heartbeat", "{}"), "{\"currentTime\":\"2026-11-22T10:00:00.000Z\"}");
	CHECK_STR(answer("StatusNotification", "{}"), "{}");
	CHECK_STR(answer("VatNumberValidation", "{\"vatNumber\":\"NL\\\"1\"}"),
		  "{\"vatNumber\":\"NL\\\"1\",\"status\":\"Rejected\"}");
	CHECK_STR(answer("GetCertificateChainStatus", "{}"), "unsupported");
	CHECK_STR(answer("GetVariables", "{}"), "unknown");
	CHECK_STR(answer("", "{}"), "unknown");
	buf_release(&out);
}

TEST(every_answer_in_the_table_is_json)
{
	const char *action;

	buf_init(&out, 65536);
	for (size_t i = 0; (action = csms_answer_action(i)); i++) {
		const char *text =
		    answer(action, "{\"idToken\":{\"idToken\":\"x\"},\"vatNumber\":\"v\"}");
		jv v;

		if (strcmp(text, "unsupported") == 0)
			continue;
		if (json_parse(text, strlen(text), &v, NULL) < 0) {
			HARNESS_FAIL("%s: not JSON: %s", action, text);
			continue;
		}
		CHECK(json_is(v, JV_KIND_OBJECT));
		json_free(v);
	}
	buf_release(&out);
}

TEST(cards_decide)
{
	buf_init(&out, 65536);
	CHECK_STR(answer("TransactionEvent", "{}"), "{}");
	CHECK_STR(answer("TransactionEvent", "{\"idToken\":7}"), "{}");
	CHECK_STR(answer("Authorize", "{\"idToken\":{\"idToken\":\"any\"}}"),
		  "{\"idTokenInfo\":{\"status\":\"Accepted\"}}");
	REQUIRE(set("04a2", "\"Blocked\"") == 0);
	CHECK_STR(answer("Authorize", "{\"idToken\":{\"idToken\":\"04A2\"}}"),
		  "{\"idTokenInfo\":{\"status\":\"Blocked\"}}");
	CHECK_STR(answer("Authorize", "{\"idToken\":{\"idToken\":\"any\"}}"),
		  "{\"idTokenInfo\":{\"status\":\"Unknown\"}}");
	REQUIRE(set("*", "\"Invalid\"") == 0);
	CHECK_STR(answer("Authorize", "{\"idToken\":{\"idToken\":\"any\"}}"),
		  "{\"idTokenInfo\":{\"status\":\"Invalid\"}}");
	REQUIRE(set("G", "{\"status\":\"Accepted\",\"group\":\"FLEET\",\"expires\":\"2026-11-22T10:"
			 "00:01Z\"}") == 0);
	CHECK_STR(answer("TransactionEvent", "{\"idToken\":{\"idToken\":\"g\"}}"),
		  "{\"idTokenInfo\":{\"status\":\"Accepted\",\"cacheExpiryDateTime\":\"2026-11-"
		  "22T10:00:01.000Z\","
		  "\"groupIdToken\":{\"idToken\":\"FLEET\",\"type\":\"Central\"}}}");
	REQUIRE(set("G", "{\"status\":\"Accepted\",\"expires\":\"2026-11-22T10:00:00Z\"}") == 0);
	CHECK(strstr(answer("Authorize", "{\"idToken\":{\"idToken\":\"g\"}}"), "\"Expired\"") !=
	      NULL);
	csms_cards_release(&cards);
	buf_release(&out);
}

TEST(bad_cards_are_refused)
{
	CHECK(set("", "\"Accepted\"") == -1);
	CHECK(set("x", "\"accepted\"") == -1);
	CHECK(set("x", "7") == -1);
	CHECK(set("x", "{}") == -1);
	CHECK(set("x", "{\"status\":\"Accepted\",\"expires\":\"soon\"}") == -1);
	CHECK(set("x", "{\"status\":\"Accepted\",\"group\":7}") == -1);
	CHECK(cards.first == NULL);
}

static void add(struct csms_rules *rules, enum csms_what what, const char *charger,
		const char *action, int64_t left, int64_t skip)
{
	struct csms_rule r = {.what = what, .left = left, .skip = skip};

	snprintf(r.charger, sizeof(r.charger), "%s", charger);
	snprintf(r.action, sizeof(r.action), "%s", action);
	CHECK(csms_rules_add(rules, &r) == 0);
}

TEST(rules_fit_by_charger_and_action_and_count_down)
{
	struct csms_rules rules = {NULL};
	const struct csms_rule *r;

	add(&rules, CSMS_DROP, "CS1", "Heartbeat", 2, 0);
	add(&rules, CSMS_DELAY, "*", "Heartbeat", -1, 0);
	add(&rules, CSMS_REFUSE, "CS2", "*", 1, 0);
	CHECK(csms_rules_take(&rules, "CS1", "MeterValues", false) == NULL);
	for (int i = 0; i < 2; i++) {
		r = csms_rules_take(&rules, "CS1", "Heartbeat", false);
		REQUIRE(r != NULL);
		CHECK_INT(r->what, CSMS_DROP);
	}
	r = csms_rules_take(&rules, "CS1", "Heartbeat", false);
	REQUIRE(r != NULL);
	CHECK_INT(r->what, CSMS_DELAY);
	CHECK(csms_rules_take(&rules, "CS2", "Authorize", false) == NULL);
	r = csms_rules_take(&rules, "CS2", "*", true);
	REQUIRE(r != NULL);
	CHECK_INT(r->what, CSMS_REFUSE);
	CHECK(csms_rules_take(&rules, "CS2", "*", true) == NULL);
	CHECK_INT(csms_rules_clear(&rules, "CS9"), 0);
	CHECK_INT(csms_rules_clear(&rules, "*"), 1);
	CHECK(rules.first == NULL);
}

TEST(a_rule_may_let_some_pass_first)
{
	struct csms_rules rules = {NULL};

	add(&rules, CSMS_BREAK, "*", "*", 1, 2);
	CHECK(csms_rules_take(&rules, "CS1", "A", false) == NULL);
	CHECK(csms_rules_take(&rules, "CS1", "B", false) == NULL);
	CHECK(csms_rules_take(&rules, "CS1", "C", false) != NULL);
	CHECK(csms_rules_take(&rules, "CS1", "D", false) == NULL);
	csms_rules_clear(&rules, "*");
}

TEST(every_rule_has_its_word)
{
	CHECK_STR(csms_what_word(CSMS_DELAY), "delay");
	for (int i = 0; i < CSMS_WHATS; i++)
		CHECK(csms_what_word((enum csms_what)i) != NULL);
	CHECK(csms_what_word(CSMS_WHATS) == NULL);
}
