/* Charging profiles from any JSON, a line each: read, checked, stacked, and made into a composite
 * schedule. */
#include "ocpp/profile_json.h"

#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1795305600000)

static void take(struct profile_set *set, const char *text, size_t len)
{
	struct profile_fault fault;
	struct profile *p;
	jv v;

	if (json_parse(text, len, &v, NULL) < 0)
		return;
	p = profile_read(v, (int)(len % 3), &fault);
	json_free(v);
	if (p && (profile_check(p, 2, &fault) < 0 || profile_set_add(set, p, &fault) < 0))
		profile_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct profile_site site = {230, 3, 32};
	static const struct profile_who asked[2] = {{1, "tx", T0}, {2, NULL, T0}};
	static struct profile_step steps[64];
	struct profile_set set = {0};

	while (size > 0) {
		const uint8_t *nl = memchr(data, '\n', size);
		size_t len = nl ? (size_t)(nl - data) : size;

		take(&set, (const char *)data, len);
		data += len + (nl != NULL);
		size -= len + (nl != NULL);
	}
	for (int station = 0; station < 2; station++) {
		size_t n = profile_composite(&set, asked, 2, station, &site, PROFILE_W, T0,
					     T0 + 86400000, steps, 64);

		for (size_t i = 0; i < n; i++)
			if (!(steps[i].rate.limit >= 0) ||
			    steps[i].rate.limit > 2 * 32 * 3 * 230 + 1e-6)
				abort();
	}
	profile_set_clear(&set);
	return 0;
}
