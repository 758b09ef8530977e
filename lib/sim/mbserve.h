/* Simulated Modbus meters on real wires: TCP with many clients, RTU on pseudo-terminals. */
#ifndef SIM_MBSERVE_H
#define SIM_MBSERVE_H

#include <stdint.h>

#include "core/err.h"
#include "core/loop.h"
#include "sim/modbus.h"

struct sim_mbserve;

/** How a meter answers one request. */
struct sim_mb_reply {
	int exception; /* 0: the registers are filled */
	bool silent;   /* no answer at all */
	bool garbage;  /* bytes that are no frame */
	int late_ms;   /* the answer comes so much later */
	uint16_t registers[125];
};

/**
 * Asked for each request to unit @unit.
 *
 * @line  0 for TCP; else the number given to sim_mbserve_tty()
 */
typedef void sim_mb_ask_fn(void *ctx, int line, const struct sim_mb_request *r,
			   struct sim_mb_reply *out);

/** @return NULL on failure. Free with sim_mbserve_free(). */
struct sim_mbserve *sim_mbserve_new(struct loop *loop, sim_mb_ask_fn *ask, void *ctx);
void sim_mbserve_free(struct sim_mbserve *s);

/**
 * Listens on TCP.
 *
 * @host  IPv4 address
 * @port  0: a free one; then the port taken
 * @return  0, or -1 with @err
 */
int sim_mbserve_tcp(struct sim_mbserve *s, const char *host, int *port, struct err *err);

/** Makes a pseudo-terminal and the symbolic link @path to it, removed again at the end. */
int sim_mbserve_tty(struct sim_mbserve *s, int line, const char *path, struct err *err);

#endif
