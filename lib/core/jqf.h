/* A jq program as a filter over lines, for people's tools only (evse-bus tap, evse-log show): never
 * in a charging path. */
#ifndef CORE_JQF_H
#define CORE_JQF_H

#include "core/buf.h"
#include "core/err.h"

struct jqf;

/** Compiles @program. NULL with @err when it does not compile. */
struct jqf *jqf_new(const char *program, struct err *err);
void jqf_free(struct jqf *f);

/**
 * Runs the program on one JSON text. Each result becomes a line (with newline) appended to @out,
 * compact; strings too are JSON.
 *
 * @return  number of results; -1 with @err when @text is not JSON or the program failed on it
 */
int jqf_run(struct jqf *f, const char *text, size_t len, struct buf *out, struct err *err);

#endif
