/* Setting an option's value, wherever it comes from: one parser, the same messages. */
#include "core/cli.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int cli_number(const char *text, double min, double max, double *out, struct err *err)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(text, &end);
	if (end == text || *end || isspace((unsigned char)*text) || !isfinite(v) || v < min ||
	    v > max)
		return err_set(err, "expected a number from %.10g to %.10g, got '%.40s'", min, max,
			       text);
	*out = v;
	return 0;
}

static int word_index(const char *words, const char *given, int *out)
{
	size_t len = strlen(given);
	int i = 0;

	if (strchr(given, '|'))
		return -1;
	for (const char *p = words; p; p = strchr(p, '|'), i++) {
		p += *p == '|';
		if (strncmp(p, given, len) == 0 && (p[len] == '|' || !p[len])) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

int cli_set_text(const struct cli_opt *o, const char *text, struct err *err)
{
	struct cli_list *list;
	double v;
	jv json;

	switch (o->kind) {
	case CLI_FLAG:
		*(bool *)o->dest = strcmp(text, "false") != 0 && strcmp(text, "0") != 0;
		return 0;
	case CLI_COUNT:
		++*(int *)o->dest;
		return 0;
	case CLI_STR:
		*(const char **)o->dest = text;
		return 0;
	case CLI_INT:
	case CLI_NUM:
		if (cli_number(text, o->min, o->max, &v, err) < 0)
			return -1;
		if (o->kind == CLI_NUM)
			*(double *)o->dest = v;
		else if (v != floor(v))
			return err_set(err, "expected a whole number, got '%.40s'", text);
		else
			*(int64_t *)o->dest = (int64_t)v;
		return 0;
	case CLI_WORD:
		if (word_index(o->hint, text, o->dest) < 0)
			return err_set(err, "expected one of %s, got '%.40s'", o->hint, text);
		return 0;
	case CLI_LIST:
		list = o->dest;
		if (list->count == sizeof list->item / sizeof *list->item)
			return err_set(err, "given more than %zu times", list->count);
		list->item[list->count++] = text;
		return 0;
	case CLI_JSON:
		if (json_parse(text, strlen(text), &json, err) < 0)
			return -1;
		json_free(*(jv *)o->dest);
		*(jv *)o->dest = json;
		return 0;
	}
	return -1;
}

/* A member of the file. Strings borrow from the file's tree, which is kept for the life of the
 * process. */
int cli_set_json(const struct cli_opt *o, jv v, struct err *err)
{
	bool truth = json_is(v, JV_KIND_TRUE);
	int64_t whole;
	double num;

	if (o->kind == CLI_JSON) {
		json_free(*(jv *)o->dest);
		*(jv *)o->dest = jv_copy(v);
		return 0;
	}
	if (o->kind == CLI_LIST && json_is(v, JV_KIND_ARRAY)) {
		((struct cli_list *)o->dest)->count = 0;
		for (int i = 0; i < json_len(v); i++)
			if (!json_str(json_at(v, i)) ||
			    cli_set_text(o, json_str(json_at(v, i)), err) < 0)
				return err_set(err, "expected an array of strings");
		return 0;
	}
	if (o->kind == CLI_FLAG || o->kind == CLI_COUNT) {
		if (!truth && !json_is(v, JV_KIND_FALSE))
			return err_set(err, "expected true or false");
		if (o->kind == CLI_FLAG)
			*(bool *)o->dest = truth;
		else
			*(int *)o->dest = truth;
		return 0;
	}
	if (json_str(v) && o->kind != CLI_LIST) /* numbers too: templates put them in quotes */
		return cli_set_text(o, json_str(v), err);
	if (o->kind == CLI_INT) {
		if (!json_int(v, (int64_t)o->min, (int64_t)o->max, &whole))
			return err_set(err, "expected a whole number from %.10g to %.10g", o->min,
				       o->max);
		*(int64_t *)o->dest = whole;
		return 0;
	}
	if (o->kind == CLI_NUM) {
		if (!json_num(v, o->min, o->max, &num))
			return err_set(err, "expected a number from %.10g to %.10g", o->min,
				       o->max);
		*(double *)o->dest = num;
		return 0;
	}
	return err_set(err, "expected a string");
}
