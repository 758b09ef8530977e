/* PWM outputs and IIO channels through sysfs, below $EVSE_SYSFS (/sys). */
#ifndef PILOT_SYSFS_H
#define PILOT_SYSFS_H

#include "core/err.h"
#include "pilot/drv/board.h"

struct sysfs_pwm {
	int duty_fd;
	int period_ns, offset_ns;
};

struct sysfs_adc {
	int fd; /* of the raw value, kept open; -1: not there */
	double scale, offset;
};

/**
 * Finds a PWM chip by the name behind its device link (or pwmchipN), exports the channel, sets
 * period, polarity and enable. The duty is not changed: what stood before stands until
 * sysfs_pwm_set().
 *
 * @return  0, or -1 with @err
 */
int sysfs_pwm_open(struct sysfs_pwm *p, const struct board *b, struct err *err);
void sysfs_pwm_close(struct sysfs_pwm *p);
/** @permyriad 0 to 10000; rounded down to whole ns, the ends exact. @return 0, or -1 with errno. */
int sysfs_pwm_set(const struct sysfs_pwm *p, int permyriad);

/**
 * Finds an IIO channel by its device: the kernel's name for it, where only one has that name; the
 * name of what it sits on ("0-0021", an address on an I2C bus); or iio:deviceN.
 *
 * @return  0 (fd -1 where @a names none), or -1 with @err
 */
int sysfs_adc_open(struct sysfs_adc *s, const struct board_adc *a, struct err *err);
void sysfs_adc_close(struct sysfs_adc *s);
/** Reads one value in mV (1/1000 of the unit). @return 0, or -1 with errno. */
int sysfs_adc_read(const struct sysfs_adc *s, int *mv);

/** Calls @fn for each PWM chip and IIO channel that there is; @place: what it sits on, or "". */
void sysfs_each(void (*fn)(void *ctx, const char *kind, const char *device, const char *what,
			   const char *place),
		void *ctx);

#endif
