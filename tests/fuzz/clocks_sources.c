/* What clock sources answer: chronyd's reply and timedatectl's text, hostile. Nothing is read
 * beyond the end, and what is taken is finite. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clocks/chrony.h"
#include "clocks/timesync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chrony_tracking t;
	struct timesync ts;
	struct err err;
	char *text;

	if (chrony_reply(data, size, 1, &t, &err) == 0) {
		assert(size >= CHRONY_REPLY && isfinite(t.correction_s) && t.ref_us >= 0);
		assert(isfinite(t.root_delay_s) && isfinite(t.root_dispersion_s));
	}
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (timesync_parse(text, &ts) == 0 && ts.measured)
		assert(isfinite(ts.offset_ms) && isfinite(ts.distance_ms));
	free(text);
	return 0;
}
