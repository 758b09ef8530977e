#include "core/confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/confine_calls.h"
#include "core/log.h"

/* ---- capabilities ---- */

#define CAP(name) (UINT64_C(1) << CAP_##name)

/* What a tool that runs as root keeps: files of other users, locked memory, priorities, low ports.
 */
static const uint64_t caps_kept =
    CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(FSETID) | CAP(KILL) |
    CAP(NET_BIND_SERVICE) | CAP(IPC_LOCK) | CAP(SYS_NICE) | CAP(SYS_RESOURCE) | CAP(SYS_RAWIO);

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t kept = (uint32_t)(caps_kept >> (32 * i));

		data[i].effective &= kept;
		data[i].permitted &= kept;
		data[i].inheritable &= kept;
	}
	return (int)syscall(SYS_capset, &head, data);
}

/* ---- the filter ---- */

#ifdef EVSE_SECCOMP

#include <malloc.h>
#include <seccomp.h>

struct plan {
	scmp_filter_ctx filter;
	unsigned needs;
	bool only_log;
};

static uint32_t action(const struct plan *p, enum confine_answer answer)
{
	if (answer == CONFINE_ALLOW)
		return SCMP_ACT_ALLOW;
	if (p->only_log)
		return SCMP_ACT_LOG;
	return answer == CONFINE_DEADLY && !(p->needs & CONFINE_NO_KILL) ? SCMP_ACT_KILL_PROCESS
									 : SCMP_ACT_ERRNO(EPERM);
}

/* @return 0; or -1 with errno. Calls that this architecture or this libseccomp doesn't know are
 * left out, and so is a rule that says what is the rule anyway. */
static int add(const struct plan *p, enum confine_answer answer, const char *name,
	       const struct scmp_arg_cmp *cmp)
{
	uint32_t act = action(p, answer);
	int nr = seccomp_syscall_resolve_name(name), rc;

	if (nr == __NR_SCMP_ERROR || (p->only_log && answer != CONFINE_ALLOW))
		return 0;
	rc = cmp ? seccomp_rule_add_array(p->filter, act, nr, 1, cmp)
		 : seccomp_rule_add_array(p->filter, act, nr, 0, NULL);
	if (rc == 0 || (nr < 0 && (rc == -EDOM || rc == -EINVAL)))
		return 0;
	errno = -rc;
	return -1;
}

static int add_groups(const struct plan *p)
{
	for (size_t i = 0; i < confine_groups_count; i++) {
		const struct confine_group *g = &confine_groups[i];
		bool granted = !g->needs || (g->needs & p->needs);

		for (const char *const *name = g->names; *name; name++)
			if (add(p, granted ? CONFINE_ALLOW : g->otherwise, *name, NULL) < 0)
				return -1;
	}
	return 0;
}

static int add_args(const struct plan *p)
{
	for (size_t i = 0; i < confine_args_count; i++) {
		const struct confine_arg *a = &confine_args[i];
		struct scmp_arg_cmp cmp = {a->arg, SCMP_CMP_MASKED_EQ, a->mask, a->value};

		if ((a->needs && !(a->needs & p->needs)) || (a->unless & p->needs))
			continue;
		if (add(p, a->answer, a->name, a->mask ? &cmp : NULL) < 0)
			return -1;
	}
	return 0;
}

/* abort() and raise() signal the process itself. */
static int add_self(const struct plan *p)
{
	static const char *const names[] = {"kill", "tgkill"};
	struct scmp_arg_cmp cmp = {0, SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)getpid()};

	if (p->needs & (CONFINE_FORK | CONFINE_EXEC))
		return 0;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (add(p, CONFINE_ALLOW, names[i], &cmp) < 0)
			return -1;
	return 0;
}

static int set(const struct plan *p, enum scmp_filter_attr attr, uint32_t value)
{
	int rc = seccomp_attr_set(p->filter, attr, value);

	if (rc < 0)
		errno = -rc;
	return rc < 0 ? -1 : 0;
}

static int load(const struct plan *p)
{
	bool kill = !p->only_log && !(p->needs & CONFINE_NO_KILL);
	int rc;

	/* calls of another architecture's numbering are nobody's but an intruder's */
	if (set(p, SCMP_FLTATR_ACT_BADARCH,
		kill          ? SCMP_ACT_KILL_PROCESS
		: p->only_log ? SCMP_ACT_LOG
			      : SCMP_ACT_ERRNO(EPERM)) < 0 ||
	    set(p, SCMP_FLTATR_CTL_TSYNC, 1) < 0 || add_groups(p) < 0 || add_args(p) < 0 ||
	    add_self(p) < 0)
		return -1;
	/* What an older library can't do is no loss: the log of refusals, no brake on speculation
	 * (we run no foreign code), a search in place of a walk. */
	(void)set(p, SCMP_FLTATR_CTL_LOG, 1);
	(void)set(p, SCMP_FLTATR_CTL_SSB, 1);
	(void)set(p, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = seccomp_load(p->filter);
	if (rc < 0)
		errno = -rc;
	return rc < 0 ? -1 : 0;
}

static enum confine_result filter(unsigned needs)
{
	const char *env = getenv("EVSE_CONFINE");
	struct plan p = {.needs = needs};
	int rc, why;

	if (env && strcmp(env, "off") == 0)
		return CONFINE_LEFT;
	p.only_log = env && strcmp(env, "log") == 0;
	p.filter = seccomp_init(p.only_log ? SCMP_ACT_LOG : SCMP_ACT_ERRNO(ENOSYS));
	if (!p.filter) {
		errno = ENOMEM;
		return CONFINE_REFUSED;
	}
	rc = load(&p);
	why = errno;
	seccomp_release(p.filter);
#ifdef __GLIBC__
	malloc_trim(0); /* the rules took more memory than most tools ever do */
#endif
	errno = why;
	return rc < 0 ? CONFINE_REFUSED : CONFINED;
}

#else

static enum confine_result filter(unsigned needs)
{
	(void)needs;
	return CONFINE_LEFT;
}

#endif

enum confine_result confine(unsigned needs)
{
	/* an old kernel or a container that forbids it: the filter below tells */
	(void)drop_capabilities();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return CONFINE_REFUSED;
	return filter(needs);
}

void confine_tell(unsigned needs)
{
	switch (confine(needs)) {
	case CONFINED:
		break;
	case CONFINE_LEFT:
		log_info("not confined: built without libseccomp, or EVSE_CONFINE=off");
		break;
	case CONFINE_REFUSED:
		log_warning("not confined: %s", strerror(errno));
		break;
	}
}
