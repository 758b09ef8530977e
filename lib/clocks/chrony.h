/* What chronyd says of itself: its command protocol over UDP, request "tracking". Pure: bytes in,
 * figures out.
 *
 * Asked this way, and not through `chronyc -c tracking`: no process every few seconds, no text to
 * read, the deadline is a timer of the loop, and chronyd answers this one request of anybody on its
 * own host, so that no right is needed. */
#ifndef CLOCKS_CHRONY_H
#define CLOCKS_CHRONY_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

enum { CHRONY_PORT = 323, CHRONY_REQUEST = 104, CHRONY_REPLY = 104 };

struct chrony_tracking {
	uint32_t ref_id;
	int stratum;
	int leap;            /* 0 normal, 1 insert, 2 delete, 3 not synchronised */
	int64_t ref_us;      /* UTC of the last update */
	double correction_s; /* true time less ours, not yet corrected */
	double last_offset_s, rms_offset_s;
	double freq_ppm, resid_ppm, skew_ppm;
	double root_delay_s, root_dispersion_s, interval_s;
};

/** Writes a tracking request. It is padded to the length of the reply, as chronyd demands. */
void chrony_request(uint32_t sequence, unsigned char out[CHRONY_REQUEST]);

/**
 * Reads the reply to request @sequence.
 *
 * @return  0, or -1 with @err: too short, another version, another sequence, or refused. @t is then
 * untouched.
 */
int chrony_reply(const unsigned char *data, size_t len, uint32_t sequence,
		 struct chrony_tracking *t, struct err *err);

#endif
