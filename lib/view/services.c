/* Which services of the supervisor do not run: runit keeps a word for each in
 * RUN/sv/NAME/supervise/stat.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "view/view.h"

static const char tail[] = "/supervise/stat";

/* "run" is well; "down", "finish" and "run, want down" are not. */
static bool runs(const char *path)
{
	char word[32] = "";
	FILE *f = fopen(path, "re");
	bool read = f && fgets(word, sizeof word, f);

	if (f)
		fclose(f);
	return !read || strcmp(word, "run\n") == 0;
}

void view_services(struct view_health *h, const char *run)
{
	char path[256], name[64], step[192];
	glob_t g;

	snprintf(path, sizeof path, "%s/sv/*%s", run, tail);
	if (glob(path, 0, NULL, &g) != 0)
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *at = g.gl_pathv[i] + strlen(run) + strlen("/sv/");

		if (runs(g.gl_pathv[i]))
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(strlen(at) - strlen(tail)), at);
		snprintf(step, sizeof step, "evse-charger restart %s; why: %.64s/log/current", name,
			 run);
		view_wrong(h, name, "does not run", step);
	}
	globfree(&g);
}
