/* evse-log rotate: new keys for a store, without a gap. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "core/exit.h"
#include "core/log.h"
#include "parts.h"

static struct {
	struct common_options c;
	bool sign, device;
	const char *token;
} o;

static const struct cli_opt options[] = {
    OPT_DIR(o.c),
    OPT_KEYS(o.c),
    {0, "sign", NULL, NULL, "a new signing key", CLI_FLAG, &o.sign, 0, 0, false, false},
    {0, "device", NULL, NULL, "a new device key; the old one is kept, to open what it sealed",
     CLI_FLAG, &o.device, 0, 0, false, false},
    {0, "token", "URI", NULL, "the new device key opens only with this key of a PKCS#11 token",
     CLI_STR, &o.token, 0, 0, false, false},
    {0},
};
static const struct cli_opt common[] = {OPT_COMMON(o.c)};

int log_rotate(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .about = "Makes new keys. The writer takes them up with its next segment, or when it "
		     "starts.",
	    .own = options,
	    .common = common,
	    .examples = "  evse-log rotate -d store --sign\n",
	};
	char path[PATH_MAX];
	const char *dir;
	struct err err;
	int code;

	if (common_parse(&c, argc, argv, &o.c, 0, &code) != CLI_GO)
		return code;
	if ((!o.sign && !o.device) || (o.token && !o.device))
		log_fatal(EXIT_USAGE,
			  "rotate: expected --sign or --device; --token goes with --device");
	dir = common_keys_dir(&o.c, path, sizeof path);
	if ((o.device && keys_rotate_device(dir, o.token, &err) < 0) ||
	    (o.sign && keys_rotate_sign(dir, &err) < 0))
		log_fatal(errno == EACCES ? EXIT_PERMISSION : EXIT_IO, "%s", err.msg);
	return EXIT_DONE;
}
