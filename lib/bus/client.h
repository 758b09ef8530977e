/* The bus from a client's side: where the sockets are, how to ask for records. */
#ifndef BUS_CLIENT_H
#define BUS_CLIENT_H

#include "core/err.h"

/** The run directory: @given, else $EVSE_RUN, else /run/evse. */
const char *bus_dir(const char *given);

/** Connects to DIR/SERVICE.sock. @return a descriptor that the caller closes, or -1 with @err
 * saying what to do. */
int bus_connect(const char *dir, const char *service, struct err *err);

/** Asks for the records of @list (bus/topics.h); "" only joins. @return 0, or -1 with @err. */
int bus_subscribe(int fd, const char *list, struct err *err);

#endif
