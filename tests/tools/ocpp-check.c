/* ocpp-check: the verdict of our tables on messages, for comparison with another validator.
 *
 * Reads lines "ACTION request|response PAYLOAD"; writes a line for each: "ok", or the code and the
 * place. */
#include "ocpp/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *verdict(char *line, struct ocpp_fault *fault)
{
	char *side = strchr(line, ' '), *text = side ? strchr(side + 1, ' ') : NULL;
	const struct ocpp_message *m;
	struct err err;
	jv v;

	if (!text)
		return "bad line";
	*side++ = '\0';
	*text++ = '\0';
	m = ocpp_find(&ocpp_v201, line);
	if (!m)
		return ocpp_error_word(OCPP_NOT_IMPLEMENTED);
	if (json_parse(text, strlen(text), &v, &err) < 0)
		return "bad JSON";
	int rc = ocpp_check(&ocpp_v201, strcmp(side, "request") == 0 ? m->request : m->response, v,
			    fault);
	json_free(v);
	return rc < 0 ? ocpp_error_word(fault->code) : "ok";
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		struct ocpp_fault fault = {0};

		line[len - 1] = '\0';
		printf("%s %s\n", verdict(line, &fault), fault.where);
	}
	free(line);
	return 0;
}
