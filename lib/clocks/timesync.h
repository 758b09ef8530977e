/* What systemd-timesyncd says of itself: the text of `timedatectl timesync-status`. Pure.
 *
 * It is read through that program and not from the bus: one short-lived process in the interval of
 * the records, and no D-Bus library in a tool of a megabyte. */
#ifndef CLOCKS_TIMESYNC_H
#define CLOCKS_TIMESYNC_H

#include <stdbool.h>

struct timesync {
	bool leap_known; /* the server is synchronised */
	bool measured;   /* offset, delay and distance are there */
	int stratum;
	double offset_ms, delay_ms, jitter_ms, distance_ms, frequency_ppm, interval_s;
};

/** Reads @text, lines "Name: value" parted by newline or ';'. Unknown lines are passed over; a
 * frequency that is not there is NAN. @return 0, or -1 when it is no such text. */
int timesync_parse(const char *text, struct timesync *t);

/** A time span as systemd prints it, "1min 4.5s", "+233us", in ms. @return false when it is none.
 */
bool timesync_span(const char *text, double *ms);

#endif
