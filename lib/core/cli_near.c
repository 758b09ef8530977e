/* Near misses of option and key names. */
#include "core/cli.h"

#include <string.h>

static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), row[64], diag, up;

	if (la >= 63 || lb >= 63)
		return 99;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = a[i - 1] == b[j - 1] ? diag : diag + 1;
			if (up + 1 < row[j])
				row[j] = up + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diag = up;
		}
	}
	return row[lb];
}

const char *cli_nearest(const char *given, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t d, least = strlen(given) / 3 + 2;

	for (size_t i = 0; i < count; i++) {
		d = distance(given, names[i]);
		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}
