/* Files of a store that may be hostile: nothing but a regular file is opened, and opening never
 * waits. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

/** Opens for reading. @return a descriptor, or -1 with errno; EINVAL: not a regular file. */
int file_open(int dir_fd, const char *name);

#endif
