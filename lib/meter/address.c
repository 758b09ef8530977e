#include "meter/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int bad(const char **why, const char *text)
{
	*why = text;
	errno = EINVAL;
	return -1;
}

/* A number of the whole text from min to max, or -1. */
static int number(const char *text, int min, int max)
{
	long n = 0;

	if (!*text || strlen(text) > 7)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
	}
	return n < min || n > max ? -1 : (int)n;
}

/* Cut "/unit" off the end. */
static int take_unit(char *text, int max, struct meter_address *out, const char **why)
{
	char *slash = strrchr(text, '/');

	if (!slash)
		return 0;
	*slash = '\0';
	out->unit = number(slash + 1, out->rtu, max);
	if (out->unit < 0)
		return bad(why,
			   out->rtu ? "the unit must be 1 to 247" : "the unit must be 0 to 255");
	return 0;
}

static int parse_tcp(char *text, struct meter_address *out, const char **why)
{
	char *host = text, *port = NULL, *end;

	if (take_unit(text, 255, out, why))
		return -1;
	if (*host == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || (end[1] && end[1] != ':'))
			return bad(why, "an IPv6 address must stand in [ ]");
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else if ((end = strchr(host, ':'))) {
		*end = '\0';
		port = end + 1;
	}
	if (!*host)
		return bad(why, "the host is missing");
	out->port = port ? number(port, 1, 65535) : 502;
	if (out->port < 0)
		return bad(why, "the port must be 1 to 65535");
	snprintf(out->host, sizeof(out->host), "%s", host);
	return 0;
}

/* "9600,8N1", "9600" or nothing. */
static int parse_line(char *text, struct meter_address *out, const char **why)
{
	char *frame = strchr(text, ',');

	if (frame)
		*frame++ = '\0';
	if (*text && (out->baud = number(text, 300, 1000000)) < 0)
		return bad(why, "the speed must be 300 to 1000000");
	if (!frame)
		return 0;
	if (strlen(frame) != 3 || !strchr("78", frame[0]) || !strchr("NEO", frame[1]) ||
	    !strchr("12", frame[2]))
		return bad(why, "the frame must be like 8N1: 7 or 8, N E or O, 1 or 2");
	out->data = frame[0] - '0';
	out->parity = frame[1];
	out->stop = frame[2] - '0';
	return 0;
}

static int parse_rtu(char *text, struct meter_address *out, const char **why)
{
	char *settings = strrchr(text, '@');

	if (settings) {
		*settings++ = '\0';
		if (take_unit(settings, 247, out, why) || parse_line(settings, out, why))
			return -1;
	}
	if (*text != '/')
		return bad(why, "the device must be an absolute path");
	snprintf(out->host, sizeof(out->host), "%s", text);
	return 0;
}

int meter_address_parse(const char *text, struct meter_address *out, const char **why)
{
	struct meter_address a = {.unit = -1};
	char copy[sizeof(a.host)];

	if (strlen(text) >= sizeof(copy))
		return bad(why, "it is too long");
	snprintf(copy, sizeof(copy), "%s", text);
	a.rtu = strncmp(copy, "rtu:", 4) == 0;
	if (!a.rtu && strncmp(copy, "tcp://", 6) != 0)
		return bad(why, "expected tcp://host:port/unit or rtu:/dev/tty@9600,8N1/unit");
	if (a.rtu ? parse_rtu(copy + 4, &a, why) : parse_tcp(copy + 6, &a, why))
		return -1;
	*out = a;
	return 0;
}
