/* The car and the board's circuits around the kernel's devices, for guest.sh.
 *
 * Reads what the kernel's drivers wrote: the PCA9685's registers (duty), the simulated lines'
 * levels; and answers as the circuits would: the AD7998's conversion registers (CP peaks, PP, lock
 * position), the MLX90614's, and the pulls of the input lines. Each 4 ms.
 *
 * Commands on the FIFO given: `car A|B|C|D|E`, `pp MV`, `temp C`, `weld 0|1`. Each change of the
 * contactor, of the upstream trip and of the duty goes to standard output with the monotonic time
 * in ms. */
#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { PWM = 0x40, ADC = 0x21, TEMP = 0x5a };
enum { LED0 = 0x06, FULL = 0x10, STEPS = 4096 };
/* The board's CP divider: 0 to 3.3 V is -16 to 16 V; the other channels are the ADC's pin. */
enum { ADC_REF_MV = 3300, CP_SPAN_MV = 32000, CP_LOW_MV = -16000 };
enum { LOCK_MS = 100, TRIP_FROM_MS = 50, TRIP_TO_MS = 400, REST_MS = 600 };

static const char *const names[] = {"K1",       "K2",       "CUT", "IN1",      "IN2",
				    "RCD_TEST", "UPSTREAM", "RCD", "K1_SENSE", "K2_SENSE"};
enum line {
	K1,
	K2,
	CUT,
	IN1,
	IN2,
	RCD_TEST,
	UPSTREAM,
	OUTPUTS,
	RCD = OUTPUTS,
	SENSE1,
	SENSE2,
	LINES
};

static int i2c, fds[LINES], pulls[LINES];
static char car = 'A';
static int pp = 3000, temp = 25;
static bool weld;

static void die(const char *what)
{
	fprintf(stderr, "world: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int smbus(int chip, char rw, int command, unsigned size, int value)
{
	union i2c_smbus_data d = {.word = (unsigned short)value};
	struct i2c_smbus_ioctl_data a = {.read_write = (unsigned char)rw,
					 .command = (unsigned char)command,
					 .size = size,
					 .data = &d};

	/* Forced: the kernel's driver has the address. */
	if (ioctl(i2c, I2C_SLAVE_FORCE, chip) < 0 || ioctl(i2c, I2C_SMBUS, &a) < 0)
		die("i2c");
	return size == I2C_SMBUS_BYTE_DATA ? d.byte : d.word;
}

static int pwm_byte(int reg)
{
	return smbus(PWM, I2C_SMBUS_READ, LED0 + reg, I2C_SMBUS_BYTE_DATA, 0);
}

/* Of 4096: the datasheet's full-off bit wins over full-on. */
static int duty(void)
{
	int on_h = pwm_byte(1), off_l = pwm_byte(2), off_h = pwm_byte(3);

	if (off_h & FULL)
		return 0;
	return on_h & FULL ? STEPS : (off_h & 0xf) << 8 | off_l;
}

/* The conversion of a channel is read by a command of its own; most significant byte first. */
static void adc_set(int channel, int mv)
{
	int raw = (int)((long)mv * STEPS / ADC_REF_MV);

	raw = raw < 0 ? 0 : raw >= STEPS ? STEPS - 1 : raw;
	smbus(ADC, I2C_SMBUS_WRITE, 0x80 | channel << 4, I2C_SMBUS_WORD_DATA,
	      (raw & 0xff) << 8 | raw >> 8);
}

static void cp_set(int channel, int mv)
{
	adc_set(channel, (int)((long)(mv - CP_LOW_MV) * ADC_REF_MV / CP_SPAN_MV));
}

static bool level(enum line l)
{
	char c = '0';

	/* A chip that is gone reads as low. */
	return pread(fds[l], &c, 1, 0) == 1 && c == '1';
}

static void pull(enum line l, bool up)
{
	if (pulls[l] == up)
		return;
	pulls[l] = up;
	if (pwrite(fds[l], up ? "pull-up" : "pull-down", up ? 7 : 9, 0) < 0)
		pulls[l] = -1;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void command(const char *line)
{
	if (sscanf(line, "car %c", &car) == 1)
		printf("%ld car %c\n", now_ms(), car);
	else if (sscanf(line, "pp %d", &pp) != 1 && sscanf(line, "temp %d", &temp) != 1)
		weld = strcmp(line, "weld 1") == 0;
}

static void commands(int fd)
{
	static char text[256];
	static size_t have;
	ssize_t n = read(fd, text + have, sizeof text - 1 - have);
	char *end;

	if (n <= 0)
		return;
	have += (size_t)n;
	text[have] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end = '\0';
		command(text);
		have -= (size_t)(end + 1 - text);
		memmove(text, end + 1, have + 1);
	}
}

static void pilot_line(int d, bool cut)
{
	static const int mv[] = {12000, 9000, 6000, 3000, 0};
	int pos = d == 0 ? -12000 : cut ? 12000 : mv[car - 'A'];

	cp_set(2, pos);
	cp_set(3, d > 0 && d < STEPS ? -12000 : pos);
}

static void lock_motor(long now, bool in1, bool in2)
{
	static long at;
	static bool locked, want;

	if (in1 != in2 && in1 != want) {
		want = in1;
		at = now + LOCK_MS;
	}
	if (now >= at)
		locked = want;
	adc_set(0, locked ? 3000 : 500);
}

static void rcd_circuit(long now, bool test)
{
	static long since;

	if (test && !since)
		since = now;
	if (!since)
		return;
	pull(RCD, now - since > TRIP_FROM_MS && now - since < TRIP_TO_MS);
	if (!test && now - since > REST_MS)
		since = 0;
}

static void watch(const char *what, int value, int *was)
{
	if (value == *was)
		return;
	*was = value;
	printf("%ld %s %d\n", now_ms(), what, value);
}

static void turn(void)
{
	static int was_duty = -1, was[LINES] = {[0 ... LINES - 1] = -1};
	long now = now_ms();
	bool at[OUTPUTS];
	int d = duty();

	for (int l = 0; l < OUTPUTS; l++)
		at[l] = level((enum line)l);
	watch("duty", d, &was_duty);
	watch("K1", at[K1], &was[K1]);
	watch("K2", at[K2], &was[K2]);
	watch("UPSTREAM", at[UPSTREAM], &was[UPSTREAM]);
	pilot_line(d, at[CUT]);
	lock_motor(now, at[IN1], at[IN2]);
	rcd_circuit(now, at[RCD_TEST]);
	adc_set(5, pp);
	smbus(TEMP, I2C_SMBUS_WRITE, 7, I2C_SMBUS_WORD_DATA, (temp * 100 + 27315) / 2);
	pull(SENSE1, !(at[K1] || weld)); /* active low */
	pull(SENSE2, !at[K2]);
}

int main(int argc, char **argv)
{
	const struct timespec rest = {.tv_nsec = 4000000};
	char path[128];
	int fifo;

	if (argc != 3)
		return 64;
	setvbuf(stdout, NULL, _IOLBF, 0);
	i2c = open("/dev/i2c-0", O_RDWR);
	fifo = open(argv[2], O_RDWR | O_NONBLOCK);
	if (i2c < 0 || fifo < 0)
		die(argv[2]);
	for (int l = 0; l < LINES; l++) {
		snprintf(path, sizeof path, "%s/%s/%s", argv[1], names[l],
			 l < OUTPUTS ? "value" : "pull");
		fds[l] = open(path, l < OUTPUTS ? O_RDONLY : O_WRONLY);
		pulls[l] = -1;
		if (fds[l] < 0)
			die(path);
	}
	for (;;) {
		commands(fifo);
		turn();
		nanosleep(&rest, NULL);
	}
}
