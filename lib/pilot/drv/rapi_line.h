/* The lines of RAPI, OpenEVSE's serial protocol: commands out, replies and reports in. Pure.
 *
 * "$GS :A1^5A" CR: two letters and parameters, a sequence id that the reply echoes, and the XOR of
 * all bytes before '^' in two hex digits. Source: OpenEVSE firmware, RAPI 5.2 */
#ifndef PILOT_RAPI_LINE_H
#define PILOT_RAPI_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum { RAPI_LINE_MAX = 80, RAPI_ARGS = 10, RAPI_COMMAND_MAX = 31 };

enum rapi_kind {
	RAPI_OK,
	RAPI_NK,
	RAPI_STATE, /* $AT (or $ST of old firmware): evsestate pilotstate amps vflags */
	RAPI_BOOT,  /* $AB postcode firmware */
	RAPI_OTHER  /* well formed, and not for us */
};

struct rapi_line {
	enum rapi_kind kind;
	int id; /* sequence id, 0 if none */
	int nargs;
	char text[RAPI_LINE_MAX]; /* args point in here */
	const char *arg[RAPI_ARGS];
};

/**
 * Makes a command line with id and checksum, CR at the end.
 *
 * @body  "SC 16 V"
 * @id    1 to 255; 0: none
 * @return  its length, or -1 where it is too long for the controller (31 bytes)
 */
int rapi_format(char out[RAPI_LINE_MAX], const char *body, int id);

/**
 * Takes a line apart.
 *
 * @line, @len  without CR; any bytes
 * @return  0, or -1 where it is no line of RAPI or its checksum is missing or wrong
 */
int rapi_parse(const char *line, size_t len, struct rapi_line *out);

/** The index-th argument as a number of that base. @return whether it is one from min to max. */
bool rapi_arg(const struct rapi_line *l, int index, int base, long min, long max, long *out);

#endif
