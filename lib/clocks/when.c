#include "clocks/when.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/utc.h"

int when_parse(const char *text, int64_t *real_us)
{
	static const char rest[] = "0000-00-00T00:00:00";
	char full[64];
	size_t len = strlen(text), time = strcspn(text, "Tt "), zone = time;

	if (len > 40 || time != 10) {
		errno = EINVAL;
		return -1;
	}
	zone += strcspn(text + time, "Zz+-");
	if (zone != 10 && zone != 16 && zone < 19) {
		errno = EINVAL;
		return -1;
	}
	if (zone == 10 && zone != len) { /* a zone without a time is none */
		errno = EINVAL;
		return -1;
	}
	snprintf(full, sizeof full, "%.*s%s%s", (int)zone, text, zone < 19 ? rest + zone : "",
		 zone < len ? text + zone : "Z");
	if (full[10] == ' ')
		full[10] = 'T';
	return utc_parse(full, strlen(full), real_us);
}
