#include "meter/turn.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/jw.h"

#define TIME_MAX 9e15

static void put_dec(struct jw *w, const struct meter_dec *d)
{
	char text[METER_DEC_MAX];

	jw_str(w, meter_dec_text(d, text, sizeof(text)));
}

int meter_turn_write(const struct meter_turn *t, int n, struct buf *out)
{
	struct jw w;

	jw_init(&w, out);
	jw_obj(&w);
	jw_kint(&w, "begin_us", t->begin_us);
	jw_kint(&w, "end_us", t->end_us);
	jw_kint(&w, "begin_mono_us", t->begin_mono_us);
	jw_kstr(&w, "serial", t->serial);
	jw_karr(&w, "values");
	for (int i = 0; i < n; i++) {
		if (t->value[i].kind == METER_NUMBER)
			put_dec(&w, &t->value[i].num);
		else
			jw_null(&w);
	}
	jw_end(&w);
	jw_end(&w);
	return jw_failed(&w) || buf_failed(out) ? -1 : 0;
}

static int want_time(jv top, const char *name, int64_t *out, struct err *err)
{
	if (json_want_int(top, name, 0, (int64_t)TIME_MAX, out, err) == 1)
		return 0;
	return err_set(err, "%s: expected microseconds", name);
}

static int take_values(jv list, int n, struct meter_turn *t, struct err *err)
{
	if (!json_is(list, JV_KIND_ARRAY) || json_len(list) != n)
		return err_set(err, "values: expected an array of %d", n);
	for (int i = 0; i < n; i++) {
		const char *text = json_str(json_at(list, i));

		if (text && meter_dec_parse(text, &t->value[i].num) == 0)
			t->value[i].kind = METER_NUMBER;
	}
	return 0;
}

int meter_turn_read(const char *text, size_t len, int n, struct meter_turn *t, struct err *err)
{
	const char *serial;
	jv top;
	int rc = -1;

	memset(t, 0, sizeof(*t));
	if (json_parse(text, len, &top, err))
		return -1;
	if (want_time(top, "begin_us", &t->begin_us, err) ||
	    want_time(top, "end_us", &t->end_us, err) ||
	    want_time(top, "begin_mono_us", &t->begin_mono_us, err))
		goto out;
	if (json_want_str(top, "serial", METER_SERIAL_MAX - 1, &serial, err) != 1) {
		err_set(err, "serial: expected a string");
		goto out;
	}
	snprintf(t->serial, sizeof(t->serial), "%s", serial);
	rc = take_values(json_get(top, "values"), n, t, err);
out:
	json_free(top);
	return rc;
}

static void put_track(struct jw *w, const char *name, const struct meter_track *t)
{
	if (!t->last.have)
		return;
	jw_kobj(w, name);
	jw_key(w, "last");
	put_dec(w, &t->last.value);
	jw_kint(w, "exp10", t->last.value.exp10);
	jw_kint(w, "rolls", t->rolls);
	jw_end(w);
}

int meter_epoch_write(const struct meter_epoch *e, struct buf *out)
{
	struct jw w;

	jw_init(&w, out);
	jw_obj(&w);
	jw_kint(&w, "count", e->count);
	jw_kstr(&w, "serial", e->serial);
	put_track(&w, "import", &e->import);
	put_track(&w, "export", &e->export);
	jw_end(&w);
	return jw_failed(&w) || buf_failed(out) ? -1 : 0;
}

/* The exponent matters for roll-overs, which are told by the mantissa. */
static void set_exponent(struct meter_dec *d, int exp10)
{
	while (d->exp10 > exp10 && d->mant <= UINT64_MAX / 10) {
		d->mant *= 10;
		d->exp10--;
	}
	while (d->exp10 < exp10 && d->mant % 10 == 0) {
		d->mant /= 10;
		d->exp10++;
	}
}

static int take_track(jv top, const char *name, struct meter_track *t, struct err *err)
{
	jv track = json_get(top, name);
	int64_t exp10, rolls;
	const char *last;

	if (json_absent(track))
		return 0;
	if (json_want_str(track, "last", 40, &last, err) != 1 ||
	    meter_dec_parse(last, &t->last.value) ||
	    json_want_int(track, "exp10", -METER_DEC_EXP_MAX, METER_DEC_EXP_MAX, &exp10, err) !=
		1 ||
	    json_want_int(track, "rolls", 0, 1000000, &rolls, err) != 1)
		return err_set(err, "%s: expected last, exp10 and rolls", name);
	set_exponent(&t->last.value, (int)exp10);
	t->rolls = (unsigned)rolls;
	t->last.have = true;
	return 0;
}

int meter_epoch_read(const char *text, size_t len, struct meter_epoch *e, struct err *err)
{
	const char *serial;
	int64_t count;
	jv top;
	int rc = -1;

	memset(e, 0, sizeof(*e));
	if (json_parse(text, len, &top, err))
		return -1;
	if (json_want_int(top, "count", 1, 1000000000, &count, err) != 1 ||
	    json_want_str(top, "serial", METER_SERIAL_MAX - 1, &serial, err) != 1) {
		err_set(err, "expected count and serial");
		goto out;
	}
	e->count = (unsigned)count;
	snprintf(e->serial, sizeof(e->serial), "%s", serial);
	rc =
	    take_track(top, "import", &e->import, err) || take_track(top, "export", &e->export, err)
		? -1
		: 0;
out:
	json_free(top);
	return rc;
}
