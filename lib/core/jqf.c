#include "core/jqf.h"

#include <jq.h>
#include <stdlib.h>

#include "core/json.h"

struct jqf {
	jq_state *jq;
	struct err *err; /* where libjq's messages go during a call */
};

static void on_message(void *ctx, jv msg)
{
	struct jqf *f = ctx;

	if (jv_get_kind(msg) == JV_KIND_STRING)
		err_set(f->err, "%.200s", jv_string_value(msg));
	jv_free(msg);
}

struct jqf *jqf_new(const char *program, struct err *err)
{
	struct jqf *f = calloc(1, sizeof *f);

	if (!f || !(f->jq = jq_init())) {
		free(f);
		err_set(err, "out of memory");
		return NULL;
	}
	f->err = err;
	jq_set_error_cb(f->jq, on_message, f);
	if (jq_compile(f->jq, program))
		return f;
	jqf_free(f);
	return NULL;
}

void jqf_free(struct jqf *f)
{
	if (!f)
		return;
	jq_teardown(&f->jq);
	free(f);
}

int jqf_run(struct jqf *f, const char *text, size_t len, struct buf *out, struct err *err)
{
	int count = 0;
	jv input, v;

	if (json_parse(text, len, &input, err) < 0)
		return -1;
	f->err = err;
	jq_start(f->jq, input, 0);
	while (jv_is_valid(v = jq_next(f->jq))) {
		json_print(v, out);
		buf_addc(out, '\n');
		jv_free(v);
		count++;
	}
	if (jv_invalid_has_msg(jv_copy(v))) {
		on_message(f, jv_invalid_get_msg(v));
		return -1;
	}
	jv_free(v);
	return count;
}
