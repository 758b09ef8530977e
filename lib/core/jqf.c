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

	/* the first says what is wrong, the last only how many such there were */
	if (jv_get_kind(msg) == JV_KIND_STRING && f->err && !f->err->msg[0])
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
	if (err)
		err->msg[0] = '\0';
	jq_set_error_cb(f->jq, on_message, f);
	jq_set_attr(f->jq, jv_string("JQ_LIBRARY_PATH"), jv_array()); /* else import aborts */
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
	if (err)
		err->msg[0] = '\0';
	jq_start(f->jq, input, 0);
	while (jv_is_valid(v = jq_next(f->jq))) {
		json_print(v, out);
		buf_addc(out, '\n');
		jv_free(v);
		if (buf_failed(out))
			return err_set(err, "its results are longer than %zu bytes", out->max);
		count++;
	}
	if (jv_invalid_has_msg(jv_copy(v))) {
		on_message(f, jv_invalid_get_msg(v));
		return err && err->msg[0] ? -1 : err_set(err, "the program failed");
	}
	jv_free(v);
	return count;
}
