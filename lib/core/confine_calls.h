/* The system calls behind each need of confine.h; for lib/core/confine.c alone. */
#ifndef CORE_CONFINE_CALLS_H
#define CORE_CONFINE_CALLS_H

#include <stddef.h>
#include <stdint.h>

enum confine_answer { CONFINE_ALLOW, CONFINE_EPERM, CONFINE_DEADLY };

/* Calls allowed when one of the bits @needs is stated (0: always), else answered by @otherwise. */
struct confine_group {
	unsigned needs;
	enum confine_answer otherwise;
	const char *const *names; /* ends in NULL */
};

/* One call, by an argument: where its bits @mask are @value. In force when one of @needs is stated
 * (0: always) and none of @unless. */
struct confine_arg {
	unsigned needs, unless;
	enum confine_answer answer;
	const char *name;
	unsigned arg;
	uint64_t mask, value;
};

extern const struct confine_group confine_groups[];
extern const size_t confine_groups_count;
extern const struct confine_arg confine_args[];
extern const size_t confine_args_count;

#endif
