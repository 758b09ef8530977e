/* What a plot shows, gathered from records: series over time in panels, and the energy of each
 * session. */
#ifndef PLOT_MODEL_H
#define PLOT_MODEL_H

#include "core/record.h"
#include "plot/bins.h"

enum plot_panel { PLOT_POWER, PLOT_CURRENT, PLOT_FREQ, PLOT_SOC, PLOT_ENERGY, PLOT_PANELS };
enum { PLOT_SERIES_MAX = 96, PLOT_SESSIONS_MAX = 512, PLOT_GRID = -1 };

/* A series beside its panel's main one: a limit, drawn in steps and dashed. */
struct plot_series {
	enum plot_panel panel;
	int evse; /* 0: the grid connection */
	bool limit;
	char name[32];
	struct bins bins;
};

struct plot_session {
	char id[40];
	int evse;
	int64_t begin_us, end_us;
	double begin_wh, end_wh;
};

struct plot {
	int64_t from_us, to_us; /* 0 and INT64_MAX: whatever comes */
	int64_t first_us, last_us;
	int evse;        /* only this one; 0: all */
	unsigned panels; /* bits of what is wanted */
	struct plot_series *series[PLOT_SERIES_MAX];
	size_t nseries;
	struct plot_session *session;
	size_t nsessions;
	uint64_t taken, dropped; /* series or sessions that found no room */
};

/** "power", "current", "freq", "soc", "energy". */
const char *plot_panel_name(enum plot_panel panel);
/** What stands over a panel: "Power". */
const char *plot_panel_title(enum plot_panel panel);

void plot_init(struct plot *p);
void plot_release(struct plot *p);

/** Whether a record of this head can matter: so that others need not be parsed. */
bool plot_wants(const struct plot *p, const struct head *h);
void plot_take(struct plot *p, const struct record *r);

/** The stretch of time to show: as asked, else of the data, never empty. @return false: no data. */
bool plot_range(const struct plot *p, int64_t *from_us, int64_t *to_us);

/** Whether @s is drawn in @panel, of @evse alone (0: of all, PLOT_GRID: the grid's). */
bool plot_shows(const struct plot *p, const struct plot_series *s, enum plot_panel panel, int evse);

/** Extent of a panel's values (with 0 where that belongs to it), and what to divide them by for
 * @unit. @return false when the panel is empty. @evse: 0 for all */
bool plot_extent(const struct plot *p, enum plot_panel panel, int evse, double *min, double *max,
		 double *divide, const char **unit);

#endif
