/* A pseudo-terminal under a fixed name: a serial device for programs that want one. */
#ifndef SIM_PTY_H
#define SIM_PTY_H

#include "core/err.h"

struct sim_pty {
	int fd;    /* our end, non-blocking */
	int other; /* the device, kept open so that a client may come and go */
	char path[256];
};

/**
 * Makes a raw pseudo-terminal and a symbolic link @path to its device, replacing a link that lies
 * there.
 *
 * @return  0, or -1 with @err
 */
int sim_pty_open(struct sim_pty *p, const char *path, struct err *err);
/** Closes both ends and removes the link. */
void sim_pty_close(struct sim_pty *p);

#endif
