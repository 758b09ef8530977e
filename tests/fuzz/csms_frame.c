/* OCPP frames as the back office cuts them: slices stay inside, and what was cut is JSON by itself.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "csms/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_slice(struct slice s, const char *text, size_t len)
{
	struct err e;
	jv v;

	if (!s.at)
		return;
	assert(s.at >= text && s.len <= len && s.at + s.len <= text + len);
	assert(json_parse(s.at, s.len, &v, &e) == 0);
	json_free(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct csms_frame f;
	struct err e;

	if (csms_frame_cut(&f, text, size, &e) < 0)
		return 0;
	assert(f.id[0] && strlen(f.id) <= CSMS_ID_MAX);
	assert(f.kind >= CSMS_CALL && f.kind <= CSMS_SEND);
	check_slice(f.payload, text, size);
	check_slice(f.description, text, size);
	return 0;
}
