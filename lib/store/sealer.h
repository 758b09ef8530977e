/* Makes the sealed segment of one rows file; runs in a child process beside the writer. */
#ifndef STORE_SEALER_H
#define STORE_SEALER_H

#include "store/keys.h"
#include "store/tip.h"

enum { SEALER_FILE_MAX = 24 << 20 };

/**
 * Packs DIR/SEQ.rows into DIR/SEQ.seg, moves the tip to it and removes the rows file. Every step is
 * durable before the next. A rows file that is gone or unreadable gives a segment without records,
 * so that the chain goes on and shows it.
 *
 * @bare    its data are left out: there is no room for them
 * @tip     the tip to go on from; moved
 * @bytes   written, of the segment's file
 * @return  0, or -1 with @err and errno
 */
int seal_rows(int dir_fd, const struct keys *keys, struct tip *tip, bool bare, int64_t now_ms,
	      uint64_t *bytes, struct err *err);

#endif
