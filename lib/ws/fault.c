/* Why a TLS handshake failed, in words: from the check of a certificate, from an alert, from
 * OpenSSL. */
#include "ws/internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

void ws_fault_set(struct ws_fault *fault, enum ws_reason reason, const char *fmt, ...)
{
	va_list ap;

	if (fault->reason != WS_OK)
		return;
	fault->reason = reason;
	va_start(ap, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
}

/* ---- the peer's certificate, checked here ---- */

static const struct verify_cause {
	int error;
	enum ws_reason reason;
} verify_causes[] = {
    {X509_V_ERR_HOSTNAME_MISMATCH, WS_TLS_NAME},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, WS_TLS_NAME},
    {X509_V_ERR_CERT_HAS_EXPIRED, WS_TLS_EXPIRED},
    {X509_V_ERR_CERT_NOT_YET_VALID, WS_TLS_NOT_YET},
    {X509_V_ERR_CERT_REVOKED, WS_TLS_REVOKED},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, WS_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, WS_TLS_UNKNOWN_CA},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, WS_TLS_UNKNOWN_CA},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, WS_TLS_UNKNOWN_CA},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, WS_TLS_UNKNOWN_CA},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, WS_TLS_UNKNOWN_CA},
    {X509_V_ERR_CERT_UNTRUSTED, WS_TLS_UNKNOWN_CA},
};

static void common_name(char *text, size_t size, const X509_NAME *name)
{
	int at = name ? X509_NAME_get_index_by_NID(name, NID_commonName, -1) : -1;
	unsigned char *utf8 = NULL;

	snprintf(text, size, "no common name");
	if (at >= 0 && ASN1_STRING_to_UTF8(
			   &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))) >= 0)
		snprintf(text, size, "%s", (char *)utf8);
	OPENSSL_free(utf8);
}

void ws_tls_peer_name(char *text, size_t size, const SSL *ssl)
{
	X509 *cert = ssl ? SSL_get1_peer_certificate(ssl) : NULL;

	text[0] = '\0';
	if (cert)
		common_name(text, size, X509_get_subject_name(cert));
	X509_free(cert);
}

static void when(char *text, size_t size, const ASN1_TIME *t)
{
	struct tm tm;

	text[0] = '\0';
	if (t && ASN1_TIME_to_tm(t, &tm))
		strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void ws_tls_note_verify(struct ws_fault *fault, X509_STORE_CTX *store)
{
	int error = X509_STORE_CTX_get_error(store);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	const char *whose = ssl && SSL_is_server(ssl) ? "client" : "server";
	enum ws_reason reason = WS_TLS_OTHER;
	char name[80], issuer[80], date[32];

	for (size_t i = 0; i < sizeof(verify_causes) / sizeof(*verify_causes); i++)
		if (verify_causes[i].error == error)
			reason = verify_causes[i].reason;
	common_name(name, sizeof(name), cert ? X509_get_subject_name(cert) : NULL);
	common_name(issuer, sizeof(issuer), cert ? X509_get_issuer_name(cert) : NULL);
	if (reason == WS_TLS_NAME) {
		ws_fault_set(fault, reason,
			     "wrong server name: the certificate of \"%s\" is for another", name);
	} else if (reason == WS_TLS_UNKNOWN_CA) {
		ws_fault_set(fault, reason, "unknown CA: %s certificate \"%s\" is signed by \"%s\"",
			     whose, name, issuer);
	} else if (reason == WS_TLS_EXPIRED) {
		when(date, sizeof(date), X509_get0_notAfter(cert));
		ws_fault_set(fault, reason, "expired: %s certificate \"%s\" was valid until %s",
			     whose, name, date);
	} else if (reason == WS_TLS_NOT_YET) {
		when(date, sizeof(date), X509_get0_notBefore(cert));
		ws_fault_set(fault, reason, "not yet valid: %s certificate \"%s\" is valid from %s",
			     whose, name, date);
	} else {
		ws_fault_set(fault, reason, "%s certificate \"%s\": %s", whose, name,
			     X509_verify_cert_error_string(error));
	}
}

/* ---- alerts ---- */

/* What the other side's alert says of us. Source: RFC 8446 6.2. */
static const struct alert_cause {
	int alert;
	enum ws_reason reason;
	const char *text;
} alert_causes[] = {
    {SSL_AD_CERTIFICATE_REQUIRED, WS_TLS_CERT_MISSING,
     "client certificate missing: the %s demands one"},
    {SSL_AD_PROTOCOL_VERSION, WS_TLS_VERSION, "TLS version: the %s accepts none of those offered"},
    {SSL_AD_BAD_CERTIFICATE, WS_TLS_CERT_REFUSED,
     "the %s refuses our certificate: bad certificate"},
    {SSL_AD_UNSUPPORTED_CERTIFICATE, WS_TLS_CERT_REFUSED,
     "the %s refuses our certificate: unsupported certificate"},
    {SSL_AD_CERTIFICATE_REVOKED, WS_TLS_CERT_REFUSED, "the %s refuses our certificate: revoked"},
    {SSL_AD_CERTIFICATE_EXPIRED, WS_TLS_CERT_REFUSED, "the %s refuses our certificate: expired"},
    {SSL_AD_CERTIFICATE_UNKNOWN, WS_TLS_CERT_REFUSED,
     "the %s refuses our certificate: certificate unknown"},
    {SSL_AD_UNKNOWN_CA, WS_TLS_CERT_REFUSED, "the %s refuses our certificate: unknown CA"},
    {SSL_AD_DECRYPT_ERROR, WS_TLS_CERT_REFUSED,
     "the %s refuses our certificate: its signature does not verify"},
    {SSL_AD_ACCESS_DENIED, WS_TLS_CERT_REFUSED, "the %s refuses our certificate: access denied"},
    {SSL_AD_UNRECOGNIZED_NAME, WS_TLS_NAME, "wrong server name: the %s does not know it"},
};

static void note_alert_in(struct ws_fault *fault, const SSL *ssl, int alert)
{
	const char *who = SSL_is_server(ssl) ? "client" : "server";

	for (size_t i = 0; i < sizeof(alert_causes) / sizeof(*alert_causes); i++) {
		if (alert_causes[i].alert != alert)
			continue;
		if (fault->reason == WS_OK) {
			fault->reason = alert_causes[i].reason;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(fault->text, sizeof(fault->text), alert_causes[i].text, who);
#pragma GCC diagnostic pop
		}
		return;
	}
	ws_fault_set(fault, WS_TLS_OTHER, "TLS: the %s ended the handshake: %s", who,
		     SSL_alert_desc_string_long(alert));
}

/* ---- OpenSSL's own causes ---- */

static void note_error(struct ws_fault *fault, const SSL *ssl, unsigned long error)
{
	const char *who = SSL_is_server(ssl) ? "client" : "server";

	switch (ERR_GET_REASON(error)) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		ws_fault_set(fault, WS_TLS_CERT_MISSING,
			     "client certificate missing: the %s sent none", who);
		break;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_WRONG_SSL_VERSION:
		ws_fault_set(
		    fault, WS_TLS_VERSION, "TLS version: the %s offers none from %s on", who,
		    SSL_get_min_proto_version((SSL *)(uintptr_t)ssl) == TLS1_2_VERSION ? "TLSv1.2"
										       : "TLSv1.3");
		break;
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		ws_fault_set(fault, WS_TLS_NONE, "no TLS: the %s speaks in clear", who);
		break;
	case SSL_R_CERTIFICATE_VERIFY_FAILED: /* the check has said why */
		break;
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		ws_fault_set(fault, WS_TLS_OTHER,
			     "TLS: the %s ended the connection in the handshake", who);
		break;
	default:
		ws_fault_set(fault, WS_TLS_OTHER, "TLS: %s", ERR_reason_error_string(error));
	}
}

void ws_tls_note(struct ws_fault *fault, const SSL *ssl, int where, int ret)
{
	unsigned long error = ERR_peek_last_error();

	if ((where & SSL_CB_ALERT) && (ret & 0xff) == SSL_AD_CLOSE_NOTIFY)
		return;
	if ((where & SSL_CB_ALERT) && (where & SSL_CB_READ))
		note_alert_in(fault, ssl, ret & 0xff);
	else if (error && ERR_GET_LIB(error) == ERR_LIB_SSL &&
		 ((where & SSL_CB_ALERT) || ((where & SSL_CB_EXIT) && ret <= 0)))
		note_error(fault, ssl, error);
}

/* ---- libwebsockets' causes, before TLS or after it ---- */

static const struct {
	const char *has;
	enum ws_reason reason;
	const char *text;
} connect_causes[] = {
    {"getaddrinfo", WS_DNS, "host name not found"},
    {"Cannot match protocol", WS_SUBPROTOCOL, "the server chose another subprotocol"},
    {"PROTOCOL malformed", WS_SUBPROTOCOL, "the server chose another subprotocol"},
    {"connect", WS_UNREACHABLE, "unreachable"},
    {"conn fail", WS_UNREACHABLE, "unreachable"},
    {"imed out", WS_TIMEOUT, "no answer"},
    {"imeout", WS_TIMEOUT, "no answer"},
};

void ws_fault_connect(struct ws_fault *fault, const char *url, int status, const char *cause)
{
	if (!cause)
		cause = "no cause given";
	if (status >= 100 && status != 101)
		ws_fault_set(fault, WS_HTTP, "%s answered with HTTP status %d%s", url, status,
			     status == 401   ? " (unauthorised: user or password refused)"
			     : status == 404 ? " (not found: identity or path unknown)"
					     : "");
	for (size_t i = 0; i < sizeof(connect_causes) / sizeof(*connect_causes); i++)
		if (strstr(cause, connect_causes[i].has))
			ws_fault_set(fault, connect_causes[i].reason, "%s: %s (%s)", url,
				     connect_causes[i].text, cause);
	ws_fault_set(fault, WS_LOST, "%s: connection lost before it was open (%s)", url, cause);
}
