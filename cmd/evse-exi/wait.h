/* Waiting for input, until a signal says to stop. */
#ifndef EVSE_EXI_WAIT_H
#define EVSE_EXI_WAIT_H

#include <signal.h>
#include <stdbool.h>

/**
 * From here on SIGTERM and SIGINT are let through only while a read would wait, so what is being
 * worked on is finished.
 *
 * @waiting  filled: the signal mask for wait_input()
 */
void wait_begin(sigset_t *waiting);

/** Waits until fd can be read; false when a signal says to stop. */
bool wait_input(int fd, const sigset_t *waiting);

#endif
