/* The frames of OCPP-J as the back office sees them: cut, not rebuilt, so that what is printed is
 * what came. Pure, but for libjq's check that it is JSON at all.
 *
 * It shares nothing with the charger's reader on purpose: a fault in one shall not hide one in the
 * other.
 *
 * Source: OCPP 2.0.1 part 4, 4.2; OCPP 2.1 part 4, 4.2 (CALLRESULTERROR, SEND).
 */
#ifndef CSMS_FRAME_H
#define CSMS_FRAME_H

#include "core/err.h"
#include "core/head.h"

#define CSMS_ID_MAX 36

enum csms_kind {
	CSMS_CALL = 2,
	CSMS_RESULT = 3,
	CSMS_ERROR = 4,
	CSMS_RESULT_ERROR = 5, /* 2.1 */
	CSMS_SEND = 6,         /* 2.1: a call without an answer */
};

struct csms_frame {
	enum csms_kind kind;
	char id[CSMS_ID_MAX + 1];
	char action[64];          /* call, send */
	char code[64];            /* the errors */
	struct slice description; /* the errors: JSON string as it came, quotes included */
	struct slice payload;     /* JSON object as it came; of the errors: the details */
};

/**
 * Cuts a frame.
 *
 * @frame  points into @text. On failure, kind and id are set as far as they could be read (kind 0,
 * "-1"), for the CALLERROR that a bad call gets
 * @return 0, or -1 with @e saying what was expected
 */
int csms_frame_cut(struct csms_frame *frame, const char *text, size_t len, struct err *e);

#endif
