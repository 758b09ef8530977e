#include "meter/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "meter/epoch.h"

/* How often a line that another process holds is tried again, and for how long. */
#define LOCK_RETRY_US    5000
#define LOCK_PATIENCE_US 2000000

/* How long a line is left alone whose answers can't be told apart any more. */
#define REST_US 5000000

/* Reading registers that nobody wants is cheap over TCP; on a line each takes 2 ms at 9600 baud. */
#define TCP_GAP 60

/* SunSpec: where a device's list of models may begin, and how long it may be.
 * Source: SunSpec device information model specification 1.0, 6.2 */
static const int sunspec_bases[] = {40000, 50000, 0};
#define SUNSPEC_BASES         3
#define SUNSPEC_STEPS         64
#define SUNSPEC_MARK_HI       0x5375
#define SUNSPEC_MARK_LO       0x6e53
#define SUNSPEC_COMMON        1
#define SUNSPEC_COMMON_SERIAL 52 /* offset in the common model, 16 registers */
#define SUNSPEC_END           0xffff

enum stage { STAGE_FIND, STAGE_WHO, STAGE_READ };

struct walk {
	int base, addr, steps; /* base: index in sunspec_bases; addr 0: the mark is not read yet */
};

struct meter_reader {
	const struct meter_model *model;
	struct meter_model adapted; /* the model with this transport's gap */
	struct meter_link *link;
	bool (*admit)(const struct meter_register *);

	enum stage stage;
	struct walk walk;
	int base, common;
	struct meter_plan plan, who;
	int block; /* next one of the stage's plan */
	uint16_t regs[METER_PLAN_MAX][METER_READ_MAX];
	const uint16_t *data[METER_PLAN_MAX];
	int refused;

	char serial[METER_SERIAL_MAX];
	int64_t begin_us, end_us; /* wall clock */
	int64_t not_before_us;    /* forward clock */
	int64_t lock_since_us;
	int failures; /* turns in a row */
	bool busy;
};

static struct meter_plan_limits limits_for(const struct meter_model *m, bool rtu)
{
	struct meter_plan_limits l = m->limits;

	if (!rtu && l.max_gap < TCP_GAP)
		l.max_gap = TCP_GAP;
	return l;
}

/* The place of the registers is known: plan. */
static int settle_base(struct meter_reader *r, int base, struct err *err)
{
	r->base = base;
	if (meter_model_plan(&r->adapted, r->admit, base, &r->plan) ||
	    meter_model_plan(&r->adapted, meter_register_is_identity, base, &r->who))
		return err_sys(err, "model %s", r->model->name);
	if (r->common) {
		r->who.n = 1;
		r->who.block[0] = (struct meter_span){3, r->common + SUNSPEC_COMMON_SERIAL, 16};
	}
	return 0;
}

struct meter_reader *meter_reader_new(const struct meter_model *model, struct meter_link *link,
				      bool (*admit)(const struct meter_register *), struct err *err)
{
	struct meter_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		err_sys(err, "memory");
		meter_link_free(link);
		return NULL;
	}
	r->model = model;
	r->adapted = *model;
	r->adapted.limits = limits_for(model, meter_link_is_rtu(link));
	r->link = link;
	r->admit = admit;
	if (!model->n_sunspec && settle_base(r, 0, err)) {
		meter_reader_free(r);
		return NULL;
	}
	return r;
}

void meter_reader_free(struct meter_reader *r)
{
	if (!r)
		return;
	meter_link_free(r->link);
	free(r);
}

static int64_t mono_us(void)
{
	return clock_read().mono_us;
}

static enum meter_step later(struct meter_reader *r, int64_t after_us)
{
	r->not_before_us = mono_us() + after_us;
	return METER_STEP_LATER;
}

/* Begin from the start: who answers after a failure may be another device. */
static enum meter_step failed(struct meter_reader *r)
{
	r->failures++;
	r->busy = false;
	r->block = 0;
	r->stage = r->model->n_sunspec ? STAGE_FIND : STAGE_WHO;
	r->walk = (struct walk){0};
	r->common = 0;
	if (r->model->n_sunspec)
		r->plan.n = r->who.n = 0;
	meter_link_unlock(r->link);
	/* Give a late answer the time to come, longer each time, before anything is asked again. */
	if (meter_link_suspect(r->link))
		later(r, (int64_t)meter_link_timeout_ms(r->link) * 1000 *
			     (r->failures > 4 ? 4 : r->failures));
	return METER_STEP_FAILED;
}

static enum meter_step open_link(struct meter_reader *r, struct err *err)
{
	if (meter_link_open(r->link, err))
		return failed(r);
	r->stage = r->model->n_sunspec ? STAGE_FIND : STAGE_WHO;
	/* Somebody who was here before may have asked. */
	if (meter_link_is_rtu(r->link))
		return later(r, (int64_t)meter_link_timeout_ms(r->link) * 1000);
	return METER_STEP_MORE;
}

static enum meter_link_result request(struct meter_reader *r, const struct meter_span *s,
				      uint16_t *regs, struct err *err)
{
	enum meter_link_result got = meter_link_read(r->link, s, regs, err);

	if (r->model->min_gap_ms)
		later(r, (int64_t)r->model->min_gap_ms * 1000);
	return got;
}

/* Too many answers may still come to tell them apart: leave the line alone for a while. */
static enum meter_step rest(struct meter_reader *r, struct err *err)
{
	meter_link_close(r->link);
	err_set(err, "too many answers are missing: leaving the line alone");
	failed(r);
	later(r, REST_US);
	return METER_STEP_FAILED;
}

/* Ask for something whose answer can't be an older one. */
static enum meter_step prove(struct meter_reader *r, struct err *err)
{
	const struct meter_span *lost;
	int n = meter_link_lost(r->link, &lost);
	struct meter_span s;
	uint16_t regs[METER_READ_MAX];

	if (n == METER_LOST_MAX ||
	    (n && r->plan.n && meter_plan_probe(&r->plan, lost, n, r->model->limits.alignment, &s)))
		return rest(r, err);
	/* A refusal looks like any other: it proves nothing. */
	if (n && r->plan.n && request(r, &s, regs, err) != METER_LINK_OK)
		return failed(r);
	meter_link_proved(r->link);
	return METER_STEP_MORE;
}

/* One step along a SunSpec device's list of models. */
static enum meter_step find(struct meter_reader *r, struct err *err)
{
	struct walk *w = &r->walk;
	struct meter_span s = {3, w->addr ? w->addr : sunspec_bases[w->base], 2};
	uint16_t at[2] = {0};
	enum meter_link_result got = request(r, &s, at, err);

	if (got == METER_LINK_FAILED)
		return failed(r);
	if (!w->addr && got == METER_LINK_OK && at[0] == SUNSPEC_MARK_HI &&
	    at[1] == SUNSPEC_MARK_LO) {
		w->addr = s.addr + 2;
		return METER_STEP_MORE;
	}
	if (!w->addr && ++w->base < SUNSPEC_BASES)
		return METER_STEP_MORE;
	if (!w->addr) {
		err_set(err, "no SunSpec device: no mark at 40000, 50000 or 0");
		return failed(r);
	}
	for (int i = 0; got == METER_LINK_OK && i < r->model->n_sunspec; i++) {
		if (at[0] == r->model->sunspec[i]) {
			r->stage = STAGE_WHO;
			return settle_base(r, w->addr, err) ? failed(r) : METER_STEP_MORE;
		}
	}
	if (at[0] == SUNSPEC_COMMON)
		r->common = w->addr;
	w->addr += 2 + at[1];
	if (got != METER_LINK_OK || at[0] == SUNSPEC_END || w->addr > 65000 ||
	    ++w->steps > SUNSPEC_STEPS) {
		err_set(err, "the SunSpec device has no model %d", r->model->sunspec[0]);
		return failed(r);
	}
	return METER_STEP_MORE;
}

static void keep_serial(struct meter_reader *r, const uint16_t *const *data)
{
	static const struct meter_layout common = {METER_STR, 16, false, 0};
	int i = meter_model_find(r->model, METER_SERIAL, METER_TOTAL);
	struct meter_value v = {0};

	r->serial[0] = '\0';
	if (r->common && data[0])
		meter_value_decode(&common, data[0], &v);
	else if (i >= 0)
		meter_model_value(r->model, i, r->base, &r->who, data, &v);
	if (v.kind == METER_TEXT)
		snprintf(r->serial, sizeof(r->serial), "%.*s", METER_SERIAL_MAX - 1, v.text);
	else if (v.kind == METER_NUMBER)
		meter_dec_text(&v.num, r->serial, sizeof(r->serial));
}

/* The blocks of a serial number lie in r->regs as those of a turn do; no turn is under way then. */
static enum meter_step ask_who(struct meter_reader *r, struct err *err)
{
	enum meter_link_result got;

	if (r->block < r->who.n) {
		got = request(r, &r->who.block[r->block], r->regs[r->block], err);
		if (got == METER_LINK_FAILED)
			return failed(r);
		r->data[r->block] = got == METER_LINK_OK ? r->regs[r->block] : NULL;
		if (++r->block < r->who.n)
			return METER_STEP_MORE;
	}
	keep_serial(r, r->data);
	r->block = 0;
	r->stage = STAGE_READ;
	return METER_STEP_MORE;
}

static enum meter_step done(struct meter_reader *r, struct err *err)
{
	r->busy = false;
	r->block = 0;
	r->end_us = clock_read().real_us;
	meter_link_unlock(r->link);
	if (r->refused == r->plan.n) {
		err_set(err, "the device refuses all registers of model %s", r->model->name);
		return failed(r);
	}
	r->failures = 0;
	return METER_STEP_DONE;
}

static enum meter_step read_block(struct meter_reader *r, struct err *err)
{
	enum meter_link_result got;

	if (r->block == 0) {
		r->begin_us = clock_read().real_us;
		r->busy = true;
		r->refused = 0;
	}
	got = request(r, &r->plan.block[r->block], r->regs[r->block], err);
	if (got == METER_LINK_FAILED)
		return failed(r);
	r->data[r->block] = got == METER_LINK_OK ? r->regs[r->block] : NULL;
	r->refused += got == METER_LINK_REFUSED;
	return ++r->block < r->plan.n ? METER_STEP_MORE : done(r, err);
}

/* The line, if it is ours to use now. */
static bool take_line(struct meter_reader *r, enum meter_step *out, struct err *err)
{
	if (meter_link_lock(r->link)) {
		r->lock_since_us = 0;
		return true;
	}
	if (!r->lock_since_us)
		r->lock_since_us = mono_us();
	if (mono_us() - r->lock_since_us < LOCK_PATIENCE_US) {
		*out = later(r, LOCK_RETRY_US);
	} else {
		r->lock_since_us = 0;
		err_set(err, "another process keeps the line");
		*out = failed(r);
	}
	return false;
}

enum meter_step meter_reader_step(struct meter_reader *r, struct err *err)
{
	enum meter_step out;

	if (mono_us() < r->not_before_us)
		return METER_STEP_LATER;
	if (!meter_link_is_open(r->link))
		return open_link(r, err);
	if (!take_line(r, &out, err))
		return out;
	if (meter_link_suspect(r->link))
		return prove(r, err);
	switch (r->stage) {
	case STAGE_FIND:
		return find(r, err);
	case STAGE_WHO:
		return ask_who(r, err);
	case STAGE_READ:
		return read_block(r, err);
	}
	return METER_STEP_FAILED;
}

int64_t meter_reader_wait_us(const struct meter_reader *r)
{
	int64_t left = r->not_before_us - mono_us();

	return left > 0 ? left : 0;
}

bool meter_reader_busy(const struct meter_reader *r)
{
	return r->busy;
}

int64_t meter_reader_begin_us(const struct meter_reader *r)
{
	return r->begin_us;
}

int64_t meter_reader_end_us(const struct meter_reader *r)
{
	return r->end_us;
}

void meter_reader_value(const struct meter_reader *r, int i, struct meter_value *out)
{
	meter_model_value(r->model, i, r->base, &r->plan, r->data, out);
}

const uint16_t *meter_reader_raw(const struct meter_reader *r, int i, struct meter_span *span)
{
	int k;

	*span = r->model->reg[i].at;
	span->addr += r->base;
	k = meter_plan_find(&r->plan, span);
	return k < 0 || !r->data[k] ? NULL : r->data[k] + (span->addr - r->plan.block[k].addr);
}

const char *meter_reader_serial(const struct meter_reader *r)
{
	return r->serial;
}

int meter_reader_refused(const struct meter_reader *r)
{
	return r->refused;
}

int meter_reader_blocks(const struct meter_reader *r)
{
	return r->plan.n;
}

int meter_reader_base(const struct meter_reader *r)
{
	return r->base;
}

const struct meter_link *meter_reader_link(const struct meter_reader *r)
{
	return r->link;
}
