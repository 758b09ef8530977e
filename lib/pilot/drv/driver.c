#include "pilot/drv/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/exit.h"

static const struct driver_ops *const drivers[] = {&driver_sim, &driver_linux, &driver_rapi};

static const struct driver_ops *find(const char *address, struct err *err, int *code)
{
	const char *colon = strchr(address, ':');

	for (size_t i = 0; colon && i < sizeof drivers / sizeof *drivers; i++) {
		const char *s = drivers[i]->scheme;

		if (strlen(s) == (size_t)(colon - address) && strncmp(s, address, strlen(s)) == 0 &&
		    colon[1])
			return drivers[i];
	}
	*code = EXIT_USAGE;
	err_set(err, "device '%s': expected sim:SOCKET, linux:BOARD.json or rapi:TTY", address);
	return NULL;
}

int driver_describe(const char *address, struct driver_caps *k, struct pilot_conf *c,
		    struct err *err, int *code)
{
	const struct driver_ops *ops = find(address, err, code);

	*k = (struct driver_caps){0};
	if (!ops || ops->describe(strchr(address, ':') + 1, k, c, err, code) < 0)
		return -1;
	if (c->step_ma < k->step_ma)
		c->step_ma = k->step_ma;
	c->socket = c->socket && k->pp;
	c->lock = c->lock && k->lock;
	c->feedback = c->feedback && k->feedback;
	c->rcd_test = c->rcd_test && k->rcd_test;
	c->phase_switch = c->phase_switch && k->phase_switch;
	c->cp_disconnect = c->cp_disconnect && k->cp_disconnect;
	c->hlc = c->hlc && k->hlc;
	return 0;
}

struct driver *driver_open(const char *address, const struct driver_host *host, struct err *err,
			   int *code)
{
	const struct driver_ops *ops = find(address, err, code);

	return ops ? ops->open(strchr(address, ':') + 1, host, err, code) : NULL;
}

void driver_apply(struct driver *d, const struct pilot_out *out)
{
	d->ops->apply(d, out);
}

void driver_close(struct driver *d)
{
	if (d)
		d->ops->close(d);
}

int driver_lock(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EACCES || errno == EROFS))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_sys(err, "unable to open the lock %s", path);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int saved = errno;

		err_sys(err, "unable to lock %s", path);
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static const char flags[] = "clurdmpe"; /* one letter a switch, in the order below */

static unsigned pack(const struct pilot_readings *r)
{
	return (unsigned)r->contactor | (unsigned)r->locked << 1 | (unsigned)r->unlocked << 2 |
	       (unsigned)r->rcd << 3 | (unsigned)r->rcd6 << 4 | (unsigned)r->rcd30 << 5 |
	       (unsigned)r->pe << 6 | (unsigned)r->estop << 7;
}

int driver_print(const struct pilot_readings *r, char *text, size_t size)
{
	char set[sizeof flags] = "--------";
	unsigned bits = pack(r);

	for (size_t i = 0; i < sizeof flags - 1; i++)
		if (bits & 1U << i)
			set[i] = flags[i];
	return snprintf(text, size, "%d %d %d %s %d %d", r->cp_pos_mv, r->cp_neg_mv, r->pp_ohm, set,
			r->temp_dc, r->current_ma);
}

/* The number at *@at, which is put behind it. */
static bool scan_int(const char **at, int *out)
{
	char *end;
	long v = strtol(*at, &end, 10);

	if (end == *at || v < INT_MIN || v > INT_MAX)
		return false;
	*at = end;
	*out = (int)v;
	return true;
}

int driver_scan(const char *text, struct pilot_readings *r)
{
	const char *set;
	size_t len;
	int temp;
	bool *const at[] = {&r->contactor, &r->locked, &r->unlocked, &r->rcd,
			    &r->rcd6,      &r->rcd30,  &r->pe,       &r->estop};

	memset(r, 0, sizeof *r);
	if (!scan_int(&text, &r->cp_pos_mv) || !scan_int(&text, &r->cp_neg_mv) ||
	    !scan_int(&text, &r->pp_ohm))
		return -1;
	set = text + strspn(text, " ");
	len = strcspn(set, " ");
	text = set + len;
	if (len != sizeof flags - 1 || !scan_int(&text, &temp) || temp < INT16_MIN ||
	    temp > INT16_MAX || !scan_int(&text, &r->current_ma))
		return -1;
	r->temp_dc = (int16_t)temp;
	for (size_t i = 0; i < sizeof flags - 1; i++)
		*at[i] = set[i] == flags[i];
	return 0;
}
