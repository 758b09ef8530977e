/* What is stored and what a `set` asks for, against options of every settable kind: bounds hold, a
 * refused set changes nothing, and what is stored loads as it was. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/vars.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct values {
	bool flag;
	int64_t whole;
	double lower, raise;
	int word;
};

static void check(const struct values *x)
{
	if (x->whole < -5 || x->whole > 1000000000000 || !(x->lower >= 0 && x->lower <= 32) ||
	    !(x->raise >= 10 && x->raise <= 900) || x->word < 0 || x->word > 2)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct values base = {.lower = 32, .raise = 10};
	struct values x = base;
	const struct cli_opt options[] = {
	    {'f', "flag", NULL, NULL, "", CLI_FLAG, &x.flag, 0, 0, false, CLI_SET},
	    {'i', "int", "N", NULL, "", CLI_INT, &x.whole, -5, 1e12, false, CLI_SET},
	    {'l', "lower", "A", NULL, "", CLI_NUM, &x.lower, 0, 80, false, CLI_SET | CLI_LOWER},
	    {'r', "raise", "S", NULL, "", CLI_NUM, &x.raise, 0, 900, false, CLI_SET | CLI_RAISE},
	    {'w', "word", "W", "tn|tt|it", "", CLI_WORD, &x.word, 0, 0, false, CLI_SET | CLI_BOOT},
	    {0},
	};
	struct cli c = {"evse-fuzz", NULL, NULL, options, NULL, NULL, NULL, NULL, 0};
	struct vars_change change;
	struct buf text, again, say;
	struct values set;
	struct vars v;
	jv values;

	if (json_parse((const char *)data, size, &values, NULL) < 0)
		return 0;
	buf_init(&text, 4096);
	buf_init(&again, 4096);
	buf_init(&say, 1 << 20);
	vars_init(&v, &c);
	vars_load(&v, (const char *)data, size, &say, &say, NULL);
	check(&x);
	x = base;
	vars_init(&v, &c);
	if (vars_plan(&v, values, &change, NULL) == 0) {
		vars_apply(&v, &change);
		check(&x);
		vars_text(&v, NULL, &text);
		set = x;
		x = base;
		vars_init(&v, &c);
		if (vars_load(&v, buf_str(&text), text.len, &say, &say, NULL) < 0)
			abort();
		vars_text(&v, NULL, &again);
		if (strcmp(buf_str(&text), buf_str(&again)) != 0 || x.whole != set.whole ||
		    x.flag != set.flag)
			abort();
	} else if (memcmp(&x, &base, sizeof x) != 0) {
		abort();
	}
	json_free(values);
	buf_release(&text);
	buf_release(&again);
	buf_release(&say);
	return 0;
}
