#include "meter/model_file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "meter/address.h"

static int copy_word(jv obj, const char *name, char *out, size_t size, struct err *err)
{
	const char *s;
	int got = json_want_str(obj, name, size - 1, &s, err);

	if (got < 0)
		return -1;
	if (got == 0)
		return err_set(err, "%s: missing", name);
	snprintf(out, size, "%s", s);
	return 0;
}

/* An optional whole number. */
static int take_int(jv obj, const char *name, int min, int max, int *out, struct err *err)
{
	int64_t v;
	int got = json_want_int(obj, name, min, max, &v, err);

	if (got > 0)
		*out = (int)v;
	return got < 0 ? -1 : 0;
}

/* An optional member that is one of two words; *out is true for the second. */
static int take_choice(jv obj, const char *name, const char *no, const char *yes, bool *out,
		       struct err *err)
{
	const char *s;
	int got = json_want_str(obj, name, 32, &s, err);

	if (got <= 0)
		return got;
	if (strcmp(s, no) != 0 && strcmp(s, yes) != 0)
		return err_set(err, "%s: expected \"%s\" or \"%s\"", name, no, yes);
	*out = strcmp(s, yes) == 0;
	return 0;
}

struct known {
	const char *const *names;
	struct err *err;
};

static int check_name(void *ctx, const char *key, jv value)
{
	struct known *k = ctx;

	(void)value;
	for (const char *const *name = k->names; *name; name++)
		if (strcmp(key, *name) == 0)
			return 0;
	return err_set(k->err, "%s: no such member", key);
}

static int only_known(jv obj, const char *const *names, struct err *err)
{
	struct known k = {names, err};

	return json_each(obj, check_name, &k);
}

/* A power of ten, so that decimals stay exact. */
static int take_mul(jv reg, int *exp10, struct err *err)
{
	double mul;
	int got = json_want_num(reg, "mul", 1e-9, 1e9, &mul, err);

	if (got <= 0)
		return got;
	*exp10 = (int)lround(log10(mul));
	if (fabs(mul / pow(10, *exp10) - 1) > 1e-9)
		return err_set(err, "mul: expected a power of ten");
	return 0;
}

static int take_scale(jv reg, struct meter_register *r, struct err *err)
{
	static const char *const names[] = {"addr", "offset", NULL};
	jv scale = json_get(reg, "scale");

	r->scale_addr = -1;
	if (json_absent(scale))
		return 0;
	if (!json_is(scale, JV_KIND_OBJECT))
		return err_set(err, "scale: expected an object");
	if (only_known(scale, names, err) ||
	    take_int(scale, "addr", 0, 65535, &r->scale_addr, err) ||
	    take_int(scale, "offset", -9, 9, &r->scale_offset, err))
		return err_prefix(err, "scale");
	return r->scale_addr < 0 ? err_set(err, "scale.addr: missing") : 0;
}

static int take_words(jv reg, struct meter_register *r, struct err *err)
{
	char q[32], type[16], ph[8] = "total";
	const char *s;
	int got;

	if (copy_word(reg, "q", q, sizeof(q), err) ||
	    copy_word(reg, "type", type, sizeof(type), err))
		return -1;
	if ((got = json_want_str(reg, "ph", sizeof(ph) - 1, &s, err)) < 0)
		return -1;
	if (got)
		snprintf(ph, sizeof(ph), "%s", s);
	if (meter_quantity_parse(q, &r->q))
		return err_set(err, "q: no quantity \"%s\"", q);
	if (meter_phase_parse(ph, &r->ph))
		return err_set(err, "ph: expected l1, l2, l3 or total");
	if (meter_type_parse(type, &r->layout.type))
		return err_set(err, "type: no type \"%s\"", type);
	return 0;
}

static int take_place(jv reg, const struct meter_model *m, struct meter_register *r,
		      struct err *err)
{
	int len = meter_type_len(r->layout.type);
	bool is_text = len == 0;

	r->at.fc = 0;
	r->at.addr = -1;
	if (take_int(reg, "fc", 3, 4, &r->at.fc, err) ||
	    take_int(reg, "addr", 0, 65535, &r->at.addr, err) ||
	    take_int(reg, "len", 1, METER_STR_MAX, &len, err))
		return -1;
	if (!r->at.fc)
		return err_set(err, "fc: missing");
	if (r->at.addr < 0)
		return err_set(err, "addr: missing");
	if (len == 0)
		return err_set(err, "len: missing, a text needs one");
	if (!is_text && len != meter_type_len(r->layout.type))
		return err_set(err, "len: this type has %d", meter_type_len(r->layout.type));
	r->at.count = r->layout.len = len;
	r->layout.little = m->little;
	r->layout.invalid = m->invalid;
	return 0;
}

static int take_register(jv reg, struct meter_model *m, struct err *err)
{
	static const char *const names[] = {"q",   "ph",  "fc",    "addr", "type",
					    "len", "mul", "scale", NULL};
	struct meter_register *r = &m->reg[m->n];

	memset(r, 0, sizeof(*r));
	if (!json_is(reg, JV_KIND_OBJECT))
		return err_set(err, "expected an object");
	if (only_known(reg, names, err) || take_words(reg, r, err) || take_place(reg, m, r, err) ||
	    take_mul(reg, &r->exp10, err) || take_scale(reg, r, err))
		return -1;
	if (r->ph != METER_TOTAL && (int)r->ph >= m->phases)
		return err_set(err, "ph: the meter has %d phase%s", m->phases,
			       m->phases > 1 ? "s" : "");
	if (meter_model_find(m, r->q, r->ph) >= 0)
		return err_set(err, "%s %s stands there twice", meter_quantity_name(r->q),
			       meter_phase_name(r->ph));
	m->n++;
	return 0;
}

static int take_registers(jv top, struct meter_model *m, struct err *err)
{
	jv regs = json_get(top, "registers");
	struct meter_plan plan;

	if (!json_is(regs, JV_KIND_ARRAY) || json_len(regs) == 0)
		return err_set(err, "registers: expected an array of objects");
	if (json_len(regs) > METER_REGISTERS_MAX)
		return err_set(err, "registers: at most %d", METER_REGISTERS_MAX);
	for (int i = 0; i < json_len(regs); i++)
		if (take_register(json_at(regs, i), m, err))
			return err_prefix(err, "registers[%d]", i);
	if (meter_model_plan(m, meter_register_is_live, 0, &plan))
		return err_set(err,
			       errno == E2BIG ? "registers: they need more than %d reads"
					      : "registers: one is larger than max_registers (%d)",
			       errno == E2BIG ? METER_PLAN_MAX : m->limits.max_registers);
	if (!plan.n)
		return err_set(err, "registers: none is a measured value");
	return 0;
}

static int take_invalid(jv top, struct meter_model *m, struct err *err)
{
	static const struct {
		const char *word;
		unsigned bit;
	} marks[] = {
	    {"ones", METER_INVALID_ONES}, {"max", METER_INVALID_MAX}, {"min", METER_INVALID_MIN}};
	jv list = json_get(top, "invalid");

	if (json_absent(list))
		return 0;
	if (!json_is(list, JV_KIND_ARRAY))
		return err_set(err, "invalid: expected an array of words");
	for (int i = 0; i < json_len(list); i++) {
		const char *word = json_str(json_at(list, i));
		unsigned bit = 0;

		for (size_t k = 0; word && k < sizeof(marks) / sizeof(marks[0]); k++)
			if (strcmp(word, marks[k].word) == 0)
				bit = marks[k].bit;
		if (!bit)
			return err_set(err, "invalid[%d]: expected \"ones\", \"max\" or \"min\"",
				       i);
		m->invalid |= bit;
	}
	return 0;
}

static int take_sunspec(jv top, struct meter_model *m, struct err *err)
{
	jv list = json_get(top, "sunspec");

	if (json_absent(list))
		return 0;
	if (!json_is(list, JV_KIND_ARRAY) || json_len(list) > METER_SUNSPEC_IDS_MAX)
		return err_set(err, "sunspec: expected an array of at most %d model numbers",
			       METER_SUNSPEC_IDS_MAX);
	for (int i = 0; i < json_len(list); i++) {
		int64_t id;

		if (!json_int(json_at(list, i), 1, 65534, &id))
			return err_set(err, "sunspec[%d]: expected a model number", i);
		m->sunspec[m->n_sunspec++] = (int)id;
	}
	return 0;
}

/* "9600,8N1", as in an address. */
static int take_line(jv top, struct meter_model *m, struct err *err)
{
	struct meter_address a = {.baud = 9600, .data = 8, .parity = 'N', .stop = 1};
	const char *s = "9600,8N1", *why;
	char word[32];

	if (json_want_str(top, "line", 16, &s, err) < 0)
		return -1;
	snprintf(word, sizeof(word), "rtu:/@%s", s);
	if (strchr(s, '/') || meter_address_parse(word, &a, &why) || !a.baud || !a.parity)
		return err_set(err, "line: expected a word like \"9600,8N1\"");
	m->baud = a.baud;
	m->data = a.data;
	m->parity = a.parity;
	m->stop = a.stop;
	return 0;
}

static int take_header(jv top, struct meter_model *m, struct err *err)
{
	int format = 0;

	m->phases = 3;
	m->unit = 1;
	m->limits = (struct meter_plan_limits){METER_READ_MAX, 1, 12};
	if (take_int(top, "format", 0, 1000, &format, err))
		return -1;
	if (format != 1)
		return err_set(err, "format: expected 1");
	if (copy_word(top, "name", m->name, sizeof(m->name), err) ||
	    copy_word(top, "vendor", m->vendor, sizeof(m->vendor), err) ||
	    copy_word(top, "product", m->product, sizeof(m->product), err) ||
	    take_int(top, "phases", 1, 3, &m->phases, err) ||
	    take_int(top, "unit", 0, 255, &m->unit, err) || take_line(top, m, err) ||
	    take_int(top, "max_registers", 4, METER_READ_MAX, &m->limits.max_registers, err) ||
	    take_int(top, "alignment", 1, 4, &m->limits.alignment, err) ||
	    take_int(top, "max_gap", 0, METER_READ_MAX, &m->limits.max_gap, err) ||
	    take_int(top, "min_gap_ms", 0, 5000, &m->min_gap_ms, err) ||
	    take_int(top, "refresh_ms", 0, 60000, &m->refresh_ms, err) ||
	    take_choice(top, "word_order", "big", "little", &m->little, err) ||
	    take_choice(top, "sign", "load", "generator", &m->generator, err))
		return -1;
	return take_invalid(top, m, err) || take_sunspec(top, m, err) ? -1 : 0;
}

static int take_model(jv top, struct meter_model *m, struct err *err)
{
	static const char *const names[] = {
	    "format",     "name",          "vendor",    "product", "phases",     "unit",
	    "line",       "max_registers", "alignment", "max_gap", "min_gap_ms", "refresh_ms",
	    "word_order", "sign",          "invalid",   "sunspec", "aliases",    "mid",
	    "notes",      "registers",     NULL};

	if (!json_is(top, JV_KIND_OBJECT))
		return err_set(err, "expected an object");
	if (only_known(top, names, err) || take_header(top, m, err))
		return -1;
	return take_registers(top, m, err);
}

int meter_model_parse(const char *text, size_t len, struct meter_model *m, struct err *err)
{
	jv top;
	int rc;

	memset(m, 0, sizeof(*m));
	if (json_parse(text, len, &top, err))
		return -1;
	rc = take_model(top, m, err);
	json_free(top);
	return rc;
}

int meter_model_load(const char *dir, const char *name, struct meter_model *m, struct err *err)
{
	char path[4096];
	jv top;
	int rc;

	memset(m, 0, sizeof(*m));
	if (strchr(name, '/'))
		rc = snprintf(path, sizeof(path), "%s", name);
	else
		rc = snprintf(path, sizeof(path), "%s/%s.json", dir, name);
	if (rc >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return err_set(err, "%s: the path is too long", name);
	}
	if (access(path, F_OK) != 0) {
		err_sys(err, "%s", path);
		errno = ENOENT;
		return -1;
	}
	if (json_load(path, METER_MODEL_FILE_MAX, &top, err)) {
		errno = EINVAL;
		return -1;
	}
	rc = take_model(top, m, err);
	json_free(top);
	if (rc) {
		err_prefix(err, "%s", path);
		errno = EINVAL;
	}
	return rc;
}
