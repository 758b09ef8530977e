#include "sim/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int sim_pty_open(struct sim_pty *p, const char *path, struct err *err)
{
	struct termios raw = {0};
	char name[64];

	cfmakeraw(&raw);
	raw.c_cflag |= CREAD | CLOCAL;
	cfsetspeed(&raw, B9600);
	if (snprintf(p->path, sizeof(p->path), "%s", path) >= (int)sizeof(p->path))
		return err_set(err, "%s: the path is too long", path);
	if (openpty(&p->fd, &p->other, name, &raw, NULL) < 0)
		return err_sys(err, "unable to make a pseudo-terminal");
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	fcntl(p->fd, F_SETFD, FD_CLOEXEC);
	fcntl(p->other, F_SETFD, FD_CLOEXEC);
	unlink(path);
	if (symlink(name, path) < 0) {
		err_sys(err, "unable to link %s to %s", path, name);
		close(p->fd);
		close(p->other);
		return -1;
	}
	return 0;
}

void sim_pty_close(struct sim_pty *p)
{
	unlink(p->path);
	close(p->fd);
	close(p->other);
}
