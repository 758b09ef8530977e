/* A section of the configuration file against an option table of every kind. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/cli.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool flag = false;
	const char *text = NULL;
	int64_t whole = 0;
	double number = 0;
	int word = 0, count = 0;
	struct cli_list list = {{NULL}, 0};
	jv json = jv_invalid(), v;
	const struct cli_opt options[] = {
	    {'f', "flag", NULL, NULL, "", CLI_FLAG, &flag, 0, 0, false, false},
	    {'t', "text", "T", NULL, "", CLI_STR, &text, 0, 0, false, false},
	    {'i', "int", "N", NULL, "", CLI_INT, &whole, -5, 1e12, false, false},
	    {'n', "number", "N", NULL, "", CLI_NUM, &number, -1, 1, false, false},
	    {'w', "word", "W", "tn|tt|it", "", CLI_WORD, &word, 0, 0, false, false},
	    {'l', "list", "L", NULL, "", CLI_LIST, &list, 0, 0, false, false},
	    {'j', "json", "J", NULL, "", CLI_JSON, &json, 0, 0, false, false},
	    {'c', "count", NULL, NULL, "", CLI_COUNT, &count, 0, 0, false, false},
	    {0},
	};
	struct cli c = {"evse-fuzz", NULL, NULL, options, NULL, NULL, NULL, NULL, 0};
	struct err err;

	if (json_parse((const char *)data, size, &v, &err) < 0)
		return 0;
	cli_apply(&c, v, "fuzz", &err);
	json_free(v);
	json_free(json);
	if (whole < -5 || word > 2)
		abort();
	return 0;
}
