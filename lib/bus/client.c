#include "bus/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

const char *bus_dir(const char *given)
{
	const char *env = getenv("EVSE_RUN");

	return given ? given : env && *env ? env : "/run/evse";
}

int bus_connect(const char *dir, const char *service, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n = snprintf(sa.sun_path, sizeof sa.sun_path, "%s/%s.sock", dir, service), fd;

	if (n < 0 || (size_t)n >= sizeof sa.sun_path)
		return err_set(err, "%s/%s.sock: longer than a socket's name may be", dir, service);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "unable to make a socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) == 0)
		return fd;
	err_sys(err, "unable to reach the bus at %s%s", sa.sun_path,
		errno == ENOENT || errno == ECONNREFUSED
		    ? " (is the charger started, else: is evse-bus serve running, and does it "
		      "know this service?)"
		    : "");
	close(fd);
	return -1;
}

int bus_subscribe(int fd, const char *list, struct err *err)
{
	char line[2048];
	int n = snprintf(line, sizeof line, "{\"subscribe\":\"%s\"}\n", list);

	if (n < 0 || (size_t)n >= sizeof line || strpbrk(list, "\"\\\n"))
		return err_set(err, "not a list of record types: %.60s", list);
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		return err_sys(err, "unable to subscribe");
	return 0;
}
