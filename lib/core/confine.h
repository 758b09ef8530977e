/* Least privilege: what a process may still ask of the kernel once it has started.
 *
 * A tool opens what it needs, then calls confine() with the few things that it must still be able
 * to do; a seccomp filter holds it to that, and to what every tool needs (its memory, time, the
 * descriptors that it has, files opened for reading), until its end and in its children. New
 * privileges can't be gained any more, and of root's capabilities only those stay that files,
 * priorities and ports need.
 *
 * The filter is a list of what is allowed, with three answers to the rest:
 *  - a call that the tool has stated no need of (a socket, a file opened for writing, a child):
 *    EPERM, which the tool reports like any other refusal;
 *  - a call that no tool ever needs and every intruder does (another program, ptrace, mounts,
 *    modules, other users): the process is killed, and its supervisor starts a clean one. Never
 *    so with CONFINE_NO_KILL: an evse-pilot that stops is a charge that stops, so it gets EPERM;
 *  - a call that is on no list: ENOSYS, what an older kernel says. A C library that learns a new
 *    call has a way round its absence; so an update of it can't end a charger.
 * Each refusal is logged by the kernel (type=1326), where it keeps an audit log.
 *
 * EVSE_CONFINE=log lets everything through and logs what would be refused; EVSE_CONFINE=off leaves
 * the filter away. Only who starts the program can set it; no record and no configuration can.
 *
 * On 32-bit x86, whose old way to sockets hides which call it is, sockets are not held back.
 *
 * Source: Linux seccomp(2), capabilities(7) */
#ifndef CORE_CONFINE_H
#define CORE_CONFINE_H

/* What a tool needs beyond what all need. */
enum confine_need {
	CONFINE_NOTHING = 0,
	CONFINE_FILES = 1 << 0,   /* write, make, rename and remove files */
	CONFINE_LOCAL = 1 << 1,   /* Unix sockets */
	CONFINE_NET = 1 << 2,     /* Unix, IP and routing sockets; names looked up, TLS: modules */
	CONFINE_DEVICE = 1 << 3,  /* terminals set up, GPIO lines */
	CONFINE_FORK = 1 << 4,    /* child processes, and signals to them */
	CONFINE_EXEC = 1 << 5,    /* other programs: with files, Unix sockets and children */
	CONFINE_MODULES = 1 << 6, /* code loaded late, threads */
	CONFINE_NO_KILL = 1 << 7, /* a refusal is never deadly */
};

enum confine_result {
	CONFINED,
	CONFINE_LEFT,    /* built without libseccomp or with a sanitizer, or EVSE_CONFINE=off */
	CONFINE_REFUSED, /* by the kernel; errno says why */
};

/**
 * Confines the process and all its threads to @needs, bits of enum confine_need, for good. A
 * second call can only take more away. Capabilities and new privileges are given up in any case.
 *
 * Blocking: never.
 */
enum confine_result confine(unsigned needs);

/** As confine(), and tells in the log what came of it: refused is a warning, left is for -v. */
void confine_tell(unsigned needs);

#endif
