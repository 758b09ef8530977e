/* State files: small, whole, replaced by rename, each with a format number.
 *
 * The first line of a file is "evse-state NAME FORMAT"; the rest is the owner's. A directory is one
 * service's own. */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include "core/buf.h"
#include "core/err.h"

/**
 * Writes DIR/NAME: temporary file, fsync, rename, fsync of the directory. Blocks for the disk.
 *
 * @return  0, or -1 with @err; the old file is then whole
 */
int state_save(const char *dir, const char *name, int format, const void *data, size_t len,
	       struct err *err);

enum state_result { STATE_OK, STATE_NONE, STATE_NEWER, STATE_BAD };

/**
 * Reads DIR/NAME into @data (appended).
 *
 * @format  in: the newest that the caller knows; out: that of the file
 * @return  STATE_NONE when there is no file; STATE_NEWER when its format is newer (the tool exits
 * with 78); STATE_BAD with @err when it is damaged or unreadable
 */
enum state_result state_load(const char *dir, const char *name, int *format, struct buf *data,
			     struct err *err);

/** Makes @dir and its parents (mode 0700 for the last one). @return 0, or -1 with @err. */
int state_dir(const char *dir, struct err *err);

/** fsync of a directory, so that names made in it are there after a power cut. @return 0 or -1 with
 * errno. */
int state_sync_dir(const char *dir);

#endif
