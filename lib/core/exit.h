/* Exit codes of every tool; the numbers are those of sysexits.h. Listed in evse-tools(7). */
#ifndef CORE_EXIT_H
#define CORE_EXIT_H

enum exit_code {
	EXIT_DONE = 0,
	EXIT_NO = 1,           /* ran, and the answer is no */
	EXIT_USAGE = 64,       /* wrong usage */
	EXIT_BAD_DATA = 65,    /* bad input data */
	EXIT_NO_INPUT = 66,    /* input or device missing */
	EXIT_UNAVAILABLE = 69, /* service or peer unavailable */
	EXIT_BUG = 70,         /* bug found at run time */
	EXIT_OS = 71,          /* operating system call failed, out of memory */
	EXIT_IO = 74,          /* input/output error, stdout included */
	EXIT_TEMPORARY = 75,   /* a restart may help */
	EXIT_PROTOCOL = 76,    /* peer broke the protocol */
	EXIT_PERMISSION = 77,
	EXIT_CONFIG = 78, /* bad configuration; a restart will not help */
};

#endif
