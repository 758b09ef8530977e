#include "csms/answers.h"

#include <string.h>

#include "core/jw.h"
#include "core/utc.h"

/* $now $interval $boot $token (the member idTokenInfo where the call has an idToken) $vat; NULL:
 * unsupported */
static const struct row {
	const char *action, *text;
} rows[] = {
    {"Authorize", "{$token}"},
    {"BatterySwap", "{}"},
    {"BootNotification", "{\"currentTime\":$now,\"interval\":$interval,\"status\":$boot}"},
    {"ClearedChargingLimit", "{}"},
    {"ClosePeriodicEventStream", "{}"},
    {"DataTransfer", "{\"status\":\"UnknownVendorId\"}"},
    {"FirmwareStatusNotification", "{}"},
    {"Get15118EVCertificate", "{\"status\":\"Failed\",\"exiResponse\":\"\"}"},
    {"GetCertificateChainStatus", NULL},
    {"GetCertificateStatus", "{\"status\":\"Failed\"}"},
    {"Heartbeat", "{\"currentTime\":$now}"},
    {"LogStatusNotification", "{}"},
    {"MeterValues", "{}"},
    {"NotifyChargingLimit", "{}"},
    {"NotifyCustomerInformation", "{}"},
    {"NotifyDERAlarm", "{}"},
    {"NotifyDERStartStop", "{}"},
    {"NotifyDisplayMessages", "{}"},
    {"NotifyEVChargingNeeds", "{\"status\":\"Accepted\"}"},
    {"NotifyEVChargingSchedule", "{\"status\":\"Accepted\"}"},
    {"NotifyEvent", "{}"},
    {"NotifyMonitoringReport", "{}"},
    {"NotifyPriorityCharging", "{}"},
    {"NotifyReport", "{}"},
    {"NotifySettlement", "{}"},
    {"OpenPeriodicEventStream", "{\"status\":\"Rejected\"}"},
    {"PublishFirmwareStatusNotification", "{}"},
    {"PullDynamicScheduleUpdate", "{\"status\":\"Rejected\"}"},
    {"ReportChargingProfiles", "{}"},
    {"ReportDERControl", "{}"},
    {"ReservationStatusUpdate", "{}"},
    {"SecurityEventNotification", "{}"},
    {"SignCertificate", "{\"status\":\"Rejected\"}"},
    {"StatusNotification", "{}"},
    {"TransactionEvent", "{$token}"},
    {"VatNumberValidation", "{\"vatNumber\":$vat,\"status\":\"Rejected\"}"},
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

const char *csms_answer_action(size_t i)
{
	return i < N_ROWS ? rows[i].action : NULL;
}

static void put_text(struct buf *out, const char *text)
{
	struct jw w;

	jw_init(&w, out);
	jw_str(&w, text ? text : "");
}

static void put_now(struct buf *out, jv request, const struct csms_facts *f)
{
	char now[UTC_LEN + 1];

	(void)request;
	utc_format(f->now_us, now);
	put_text(out, now);
}

static void put_interval(struct buf *out, jv request, const struct csms_facts *f)
{
	(void)request;
	buf_addf(out, "%lld", (long long)f->interval_s);
}

static void put_boot(struct buf *out, jv request, const struct csms_facts *f)
{
	(void)request;
	put_text(out, f->boot);
}

static void put_token(struct buf *out, jv request, const struct csms_facts *f)
{
	const char *id = json_str(json_get(json_get(request, "idToken"), "idToken"));

	if (!id)
		return;
	buf_adds(out, "\"idTokenInfo\":");
	csms_cards_info(f->cards, id, f->now_us, out);
}

static void put_vat(struct buf *out, jv request, const struct csms_facts *f)
{
	(void)f;
	put_text(out, json_str(json_get(request, "vatNumber")));
}

static const struct place {
	const char *name;
	void (*put)(struct buf *out, jv request, const struct csms_facts *f);
} places[] = {
    {"$now", put_now},     {"$interval", put_interval}, {"$boot", put_boot},
    {"$token", put_token}, {"$vat", put_vat},
};

static void fill(const char *text, jv request, const struct csms_facts *facts, struct buf *out)
{
	while (*text) {
		size_t plain = strcspn(text, "$");

		buf_add(out, text, plain);
		text += plain;
		for (size_t i = 0; *text == '$' && i < sizeof(places) / sizeof(*places); i++) {
			size_t len = strlen(places[i].name);

			if (strncmp(text, places[i].name, len) != 0)
				continue;
			places[i].put(out, request, facts);
			text += len;
		}
	}
}

enum csms_known csms_answer(const char *action, jv request, const struct csms_facts *facts,
			    struct buf *out)
{
	size_t i = 0;

	while (i < N_ROWS && strcmp(rows[i].action, action) != 0)
		i++;
	if (i == N_ROWS)
		return CSMS_UNKNOWN_ACTION;
	if (!rows[i].text)
		return CSMS_UNSUPPORTED;
	fill(rows[i].text, request, facts, out);
	return CSMS_ANSWERED;
}
