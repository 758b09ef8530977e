/* Listening sockets, addresses as text, and plain HTTP answers. */
#include "ws/internal.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "ws/url.h"

void ws_address_text(char *text, size_t size, const struct sockaddr_storage *sa, socklen_t len)
{
	char host[48], port[8];

	snprintf(text, size, "unknown");
	if (getnameinfo((const struct sockaddr *)sa, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(text, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static int bound_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char port[8];

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&sa, len, NULL, 0, port, sizeof(port), NI_NUMERICSERV) !=
		0)
		return -1;
	return (int)strtol(port, NULL, 10);
}

static int open_socket(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1,
	    saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 128) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int ws_listen(const char *address, int *port, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char host[256], service[8];
	uint16_t number;
	int fd, code;

	errno = EINVAL;
	if (ws_listen_parse(host, sizeof(host), &number, address, e) < 0)
		return -1;
	if (!host[0])
		hints.ai_family = AF_INET;
	snprintf(service, sizeof(service), "%u", (unsigned)number);
	code = getaddrinfo(host[0] ? host : NULL, service, &hints, &found);
	if (code != 0) {
		errno = EINVAL;
		return err_set(e, "listen address \"%.200s\": %s", address, gai_strerror(code));
	}
	fd = open_socket(found);
	if (fd < 0)
		err_sys(e, "unable to listen on %.200s", address);
	else
		*port = bound_port(fd);
	freeaddrinfo(found);
	return fd;
}

static const struct {
	int status;
	const char *phrase, *headers;
} phrases[] = {
    {400, "Bad Request", ""},
    {401, "Unauthorized", "WWW-Authenticate: Basic realm=\"ocpp\"\r\n"},
    {403, "Forbidden", ""},
    {404, "Not Found", ""},
    {426, "Upgrade Required", "Upgrade: websocket\r\n"},
    {503, "Service Unavailable", ""},
};

/* Written by hand: libwebsockets would answer as HTTP/1.0 here, which clients rightly refuse.
 * @return  -1, as a callback returns to end the connection */
int ws_http_answer(struct lws *wsi, int status)
{
	unsigned char buf[LWS_PRE + 256];
	const char *phrase = "Refused", *headers = "";
	int len;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		if (phrases[i].status == status) {
			phrase = phrases[i].phrase;
			headers = phrases[i].headers;
		}
	}
	len = snprintf((char *)buf + LWS_PRE, sizeof(buf) - LWS_PRE,
		       "HTTP/1.1 %d %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n", status,
		       phrase, headers);
	lws_write(wsi, buf + LWS_PRE, (size_t)len, LWS_WRITE_HTTP_HEADERS);
	return -1;
}

/* The answer to a client's key. Source: RFC 6455 4.2.2 */
static bool accept_key(char *text, struct lws *wsi)
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	unsigned char digest[EVP_MAX_MD_SIZE];
	char key[64 + sizeof(guid)];
	int len = lws_hdr_copy(wsi, key, 64, WSI_TOKEN_KEY);
	unsigned int n;

	if (len <= 0)
		return false;
	memcpy(key + len, guid, sizeof(guid));
	if (!EVP_Digest(key, strlen(key), digest, &n, EVP_sha1(), NULL))
		return false;
	EVP_EncodeBlock((unsigned char *)text, digest, (int)n);
	return true;
}

int ws_no_subprotocol(struct lws *wsi)
{
	static const unsigned char farewell[] = {0x88, 2, 1002 >> 8, 1002 & 0xff};
	unsigned char buf[LWS_PRE + 256];
	char key[64];
	int len;

	if (!accept_key(key, wsi))
		return ws_http_answer(wsi, 400);
	len = snprintf((char *)buf + LWS_PRE, sizeof(buf) - LWS_PRE,
		       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		       "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		       key);
	memcpy(buf + LWS_PRE + len, farewell, sizeof(farewell));
	lws_write(wsi, buf + LWS_PRE, (size_t)len + sizeof(farewell), LWS_WRITE_HTTP_HEADERS);
	return -1;
}
