/* A fresh place for each test of the store. */
#ifndef UNIT_STORE_DIR_H
#define UNIT_STORE_DIR_H

#include <stdio.h>
#include <stdlib.h>

static char top[256];

static const char *fresh_dir(const char *name)
{
	static char path[400];

	if (!top[0]) {
		snprintf(top, sizeof top, "%s/store-unit-XXXXXX",
			 getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
		if (!mkdtemp(top))
			abort();
	}
	snprintf(path, sizeof path, "%s/%s", top, name);
	return path;
}

#endif
