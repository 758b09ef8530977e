/* Meter models as files: share/evse/meters/NAME.json. The format stands in evse-meter(1), section
 * MODELS. */
#ifndef METER_MODEL_FILE_H
#define METER_MODEL_FILE_H

#include "core/err.h"
#include "meter/model.h"

/** No model file is larger. */
#define METER_MODEL_FILE_MAX (64 << 10)

/**
 * Read a model from its text.
 *
 * Everything is checked: words, ranges, that registers fit one read, that no quantity stands twice,
 * and that a member that nobody knows is not there.
 * @m  filled; undefined on failure
 * @return  0, or -1 with @err saying which register and member, and what was expected
 */
int meter_model_parse(const char *text, size_t len, struct meter_model *m, struct err *err);

/**
 * Read a model by name or path: a name with a '/' is a path; else NAME.json is looked for in @dir.
 *
 * @return  0, or -1 with @err; errno ENOENT where there is no such model
 */
int meter_model_load(const char *dir, const char *name, struct meter_model *m, struct err *err);

#endif
