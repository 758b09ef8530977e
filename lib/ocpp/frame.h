/* The frames of OCPP-J: CALL, CALLRESULT and CALLERROR, read and written.
 *
 * Source: OCPP 2.0.1 Part 4 (JSON over websockets), 4.1 to 4.3 */
#ifndef OCPP_FRAME_H
#define OCPP_FRAME_H

#include "core/buf.h"
#include "ocpp/schema.h"

#define OCPP_FRAME_MAX (1u << 20) /* longest frame read or written */
#define OCPP_ID_MAX    36         /* longest message id */

enum ocpp_frame_kind { OCPP_CALL = 2, OCPP_CALLRESULT = 3, OCPP_CALLERROR = 4 };

struct ocpp_frame {
	enum ocpp_frame_kind kind;
	char id[OCPP_ID_MAX + 1]; /* "-1" where none could be read */
	char action[64];          /* CALL */
	char error[64];           /* CALLERROR: its code */
	char text[256];           /* CALLERROR: its description, cut to fit */
	jv payload;               /* borrowed from `all`: of a CALL or CALLRESULT */
	jv all;
};

/**
 * Read a frame.
 *
 * @frame  filled as far as it could be read, also on failure: its id and kind are then good for the
 *         answer (kind 0 where not even that could be read)
 * @fault  on failure: the code for the CALLERROR, and what was expected
 * @return 0, or -1; after both, ocpp_frame_release() frees
 *
 * Blocking: never.
 * Source: OCPP 2.0.1 Part 4, 4.2
 */
int ocpp_frame_parse(const char *text, size_t len, struct ocpp_frame *frame,
		     struct ocpp_fault *fault);

/** Free what a parsed frame holds. */
void ocpp_frame_release(struct ocpp_frame *frame);

/**
 * Write a frame around a payload that is JSON text. A failure sticks in `out` (buf_failed()).
 *
 * Ownership: none taken.  Blocking: never.
 */
void ocpp_write_call(struct buf *out, const char *id, const char *action, const char *payload);
void ocpp_write_result(struct buf *out, const char *id, const char *payload);
void ocpp_write_error(struct buf *out, const char *id, enum ocpp_error code, const char *text);

#endif
