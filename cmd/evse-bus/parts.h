/* The commands of evse-bus, a file each. Each takes what stands behind its name and returns an exit
 * code. */
#ifndef EVSE_BUS_PARTS_H
#define EVSE_BUS_PARTS_H

int bus_serve(int argc, char **argv);
int bus_attach(int argc, char **argv);
int bus_tap(int argc, char **argv);
int bus_put(int argc, char **argv);

#endif
