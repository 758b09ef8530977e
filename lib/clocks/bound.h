/* How wrong the wall clock may be, from what its sources say and from how long they have been
 * silent.
 *
 * While a source steers the clock the bound is |offset| + root dispersion + root delay / 2 of its
 * last word. Without one (holdover) it grows from the last good word by the measured drift, its
 * uncertainty, and a worst case for a quartz without temperature compensation. A step that nobody
 * announced adds its own size.
 *
 * Pure: no I/O, no clock, no JSON. Times in µs: `mono` goes on through suspend and never steps. */
#ifndef CLOCKS_BOUND_H
#define CLOCKS_BOUND_H

#include <stdbool.h>
#include <stdint.h>

/* In order of preference, the best first. */
enum clocks_source { CLOCKS_CHRONY, CLOCKS_TIMESYNC, CLOCKS_OCPP, CLOCKS_RTC, CLOCKS_NONE };
enum { CLOCKS_SOURCES = CLOCKS_NONE };

#define CLOCKS_WITHIN_MS 10.0                 /* DAT-1 */
#define CLOCKS_ALARM_US  INT64_C(86400000000) /* DAT-4: 24 h */
#define CLOCKS_AGREE_MS  2000.0 /* an unsteered clock further off than this is just wrong */

/* One word of a source. */
struct clocks_sample {
	bool synced;       /* the source says that it is synchronised */
	double offset_ms;  /* true time less ours */
	double error_ms;   /* of that offset: root dispersion + root delay / 2 and the like */
	double drift_ppm;  /* of our oscillator; NAN: not measured */
	double skew_ppm;   /* uncertainty of that; NAN as well */
	double interval_s; /* between the source's measurements; 0: not known */
	int64_t mono_us;   /* when the source last measured */
	int64_t real_us;
};

/* What is kept of a source: its last good word. */
struct clocks_entry {
	bool any, lost; /* lost: it said itself that it is no longer synchronised */
	double offset_ms, base_ms, drift_ppm, skew_ppm, stepped_ms;
	int64_t mono_us, real_us, fresh_us;
};

struct clocks {
	double worst_ppm;
	int64_t begin_us; /* mono: watched since */
	struct clocks_entry entry[CLOCKS_SOURCES];
};

struct clocks_view {
	enum clocks_source source;
	bool synced, within, overdue; /* within 10 ms; unsynchronised for 24 h */
	bool ever;                    /* else last_real_us means nothing */
	double offset_ms;             /* NAN: not known */
	double bound_ms;              /* INFINITY: not known */
	double drift_ppm;             /* NAN: not measured */
	double rate_ppm;              /* by which the bound grows now */
	int64_t holdover_us;          /* since the last measurement; 0 while synchronised */
	int64_t last_real_us;
};

/** @worst_ppm  how much the oscillator may be off beyond what was measured */
void clocks_init(struct clocks *c, double worst_ppm, int64_t mono_us);

/** Takes the word of @source. A sample that is older than its source's rhythm allows, or says
 * "not synchronised", leaves the last good one to grow. */
void clocks_take(struct clocks *c, enum clocks_source source, const struct clocks_sample *s,
		 int64_t mono_us);

/** @source did not answer: it no longer vouches for the clock. */
void clocks_silent(struct clocks *c, enum clocks_source source);

/** The wall clock was stepped by @step_us: every bound known grows by that much. */
void clocks_stepped(struct clocks *c, int64_t step_us);

/**
 * Puts back the last synchronisation of an earlier run: in holdover since @age_us.
 *
 * @extra_ms  what the restart itself may have added (the resolution of an RTC)
 */
void clocks_restore(struct clocks *c, enum clocks_source source, const struct clocks_entry *saved,
		    int64_t age_us, double extra_ms, int64_t mono_us);

/** What holds at @mono_us. */
struct clocks_view clocks_judge(const struct clocks *c, int64_t mono_us);

/** "chrony", "timesyncd", "ocpp", "rtc", "none". */
const char *clocks_name(enum clocks_source source);
/** The source of that name; CLOCKS_NONE for an unknown one. */
enum clocks_source clocks_named(const char *name);

#endif
