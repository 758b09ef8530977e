#include "core/confine_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "core/confine.h"

/* A name that an architecture doesn't have costs nothing there: so both spellings stand, that of
 * 64-bit machines and those of 32-bit ones (mmap2, _llseek, …64, …_time64, …32). */

/* clang-format off */

/* On the process itself and on descriptors that it has. */
static const char *const always[] = {
	/* memory; mmap and mprotect are below */
	"brk", "munmap", "mremap", "madvise", "msync", "mincore", "mlock", "mlock2", "mlockall",
	"munlock", "munlockall", "membarrier", "arch_prctl", "set_tls", "cacheflush",
	"set_thread_area", "get_thread_area", "riscv_flush_icache", "map_shadow_stack",
	/* descriptors */
	"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2",
	"pwritev2", "lseek", "_llseek", "close", "close_range", "dup", "dup2", "dup3", "fcntl",
	"fcntl64", "pipe", "pipe2", "flock", "fsync", "fdatasync", "ftruncate", "ftruncate64",
	"recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "send", "sendto", "sendmsg",
	"sendmmsg", "getsockname", "getpeername", "getsockopt", "setsockopt", "shutdown",
	/* files, to look at */
	"stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "newfstatat", "fstatat64",
	"statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getdents",
	"getdents64", "statfs", "statfs64", "fstatfs", "fstatfs64", "getcwd", "chdir", "fchdir",
	"fadvise64", "fadvise64_64", "arm_fadvise64_64", "readahead", "umask",
	/* waiting */
	"poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
	"eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_settime64",
	"timerfd_gettime", "timerfd_gettime64", "signalfd", "signalfd4", "inotify_init",
	"inotify_init1", "inotify_add_watch", "inotify_rm_watch", "futex", "futex_time64",
	"futex_waitv", "futex_wait", "futex_wake", "futex_requeue", "set_robust_list",
	"get_robust_list", "rseq",
	/* time, to read and to wait for */
	"clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
	"clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "times",
	"alarm", "getitimer", "setitimer", "timer_create", "timer_settime", "timer_settime64",
	"timer_gettime", "timer_gettime64", "timer_delete", "timer_getoverrun",
	/* signals taken */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaction", "sigprocmask", "sigreturn",
	"sigaltstack", "restart_syscall", "pause",
	/* itself */
	"exit", "exit_group", "getpid", "gettid", "getppid", "getpgid", "getpgrp", "getsid",
	"getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups", "getuid32",
	"geteuid32", "getgid32", "getegid32", "getresuid32", "getresgid32", "getgroups32",
	"getrlimit", "ugetrlimit", "getrusage", "uname", "sysinfo", "getcpu", "getrandom",
	"set_tid_address", "sched_yield", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_getattr", "sched_get_priority_max", "sched_get_priority_min",
	"sched_rr_get_interval", "getpriority", "setpriority", "wait4", "waitid", "waitpid",
	NULL};

static const char *const files[] = {
	"creat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat",
	"renameat2", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat",
	"fchmodat2", "truncate", "truncate64", "fallocate", "utime", "utimes", "futimesat",
	"utimensat", "utimensat_time64", "copy_file_range", "sendfile", "sendfile64",
	"sync_file_range", "sync_file_range2", "arm_sync_file_range", "sync", "syncfs",
	NULL};

static const char *const sockets[] = {
	"socketpair", "connect", "bind", "listen", "accept", "accept4",
	NULL};

static const char *const children[] = {
	"fork", "vfork", "setsid", "setpgid", "tkill", "pidfd_open", "pidfd_send_signal",
	NULL};

/* What a shell or timedatectl asks beside. */
static const char *const programs[] = {
	"execve", "execveat",
	NULL};
static const char *const of_programs[] = {
	"setrlimit", "chown", "fchown", "lchown", "fchownat", "getxattr", "lgetxattr", "fgetxattr",
	"memfd_create", "ioprio_get",
	NULL};

/* What no tool ever needs, and who breaks into one does. */
static const char *const never[] = {
	"ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp",
	"bpf", "perf_event_open", "userfaultfd", "init_module", "finit_module", "delete_module",
	"kexec_load", "kexec_file_load", "reboot", "mount", "umount", "umount2", "pivot_root",
	"move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
	"chroot", "setns", "unshare", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd",
	"sethostname", "setdomainname", "settimeofday", "clock_settime", "clock_settime64", "stime",
	"iopl", "ioperm", "vm86", "vm86old", "uselib", "setuid", "setgid", "setreuid", "setregid",
	"setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid", "setuid32", "setgid32",
	"setreuid32", "setregid32", "setresuid32", "setresgid32", "setgroups32", "setfsuid32",
	"setfsgid32", "capset", "add_key", "request_key", "keyctl", "mknod", "mknodat",
	"open_by_handle_at", "fanotify_init", "lookup_dcookie", "vhangup", "syslog",
	NULL};

enum {
	PROGRAMS = CONFINE_EXEC,
	CHILDREN = CONFINE_FORK | CONFINE_EXEC,
	WRITES = CONFINE_FILES | CONFINE_EXEC,
	SOCKETS = CONFINE_LOCAL | CONFINE_NET | CONFINE_EXEC,
	MODULES = CONFINE_MODULES | CONFINE_NET | CONFINE_EXEC,
	TERMINAL = CONFINE_DEVICE | CONFINE_EXEC,
	NOBODY = 1 << 30, /* no bit of enum confine_need */
};

const struct confine_group confine_groups[] = {
	{0, CONFINE_ALLOW, always},
	{WRITES, CONFINE_EPERM, files},
	{SOCKETS, CONFINE_EPERM, sockets},
	{CHILDREN, CONFINE_EPERM, children},
	{PROGRAMS, CONFINE_DEADLY, programs},
	{PROGRAMS, CONFINE_EPERM, of_programs},
	{NOBODY, CONFINE_DEADLY, never},
};
const size_t confine_groups_count = sizeof confine_groups / sizeof *confine_groups;

/* The kernel takes many arguments as 32 bits and drops the rest: so must a comparison. */
#define INT    UINT64_C(0xffffffff)
#define CHANGE ((uint64_t)(O_ACCMODE | O_CREAT | O_TRUNC))
#define WX     ((uint64_t)(PROT_WRITE | PROT_EXEC))
#define X      ((uint64_t)PROT_EXEC)
#define NEW_NS                                                                        \
	((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |     \
		    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET))
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#define OPEN(name, at)                                                                \
	{WRITES, 0, CONFINE_ALLOW, name, at, 0, 0},                                   \
	{0, WRITES, CONFINE_ALLOW, name, at, CHANGE, O_RDONLY},                       \
	{0, WRITES, CONFINE_EPERM, name, at, O_ACCMODE, O_WRONLY},                    \
	{0, WRITES, CONFINE_EPERM, name, at, O_ACCMODE, O_RDWR},                      \
	{0, WRITES, CONFINE_EPERM, name, at, CHANGE, O_CREAT},                        \
	{0, WRITES, CONFINE_EPERM, name, at, CHANGE, O_TRUNC},                        \
	{0, WRITES, CONFINE_EPERM, name, at, CHANGE, O_CREAT | O_TRUNC}
/* Code comes from files, and is never written where it runs. */
#define MAP(name)                                                                     \
	{0, 0, CONFINE_ALLOW, name, 2, X, 0},                                         \
	{0, MODULES, CONFINE_EPERM, name, 2, X, X},                                   \
	{MODULES, 0, CONFINE_ALLOW, name, 2, WX, X},                                  \
	{MODULES, 0, CONFINE_EPERM, name, 2, WX, WX}
#define FAMILY(needs, unless, answer, family) \
	{needs, unless, answer, "socket", 0, INT, family}
#define REQUEST(needs, what) {needs, 0, CONFINE_ALLOW, "ioctl", 1, INT, what}
#define OPTION(what)         {0, CONFINE_EXEC, CONFINE_ALLOW, "prctl", 0, INT, what}

const struct confine_arg confine_args[] = {
	OPEN("open", 1),
	OPEN("openat", 2),
	MAP("mmap"),
	MAP("mmap2"),
	MAP("mprotect"),
	/* a new socket: Unix alone, or IP too; routing tells name look-ups which addresses are up */
	FAMILY(0, SOCKETS, CONFINE_EPERM, AF_UNIX),
	FAMILY(SOCKETS, 0, CONFINE_ALLOW, AF_UNIX),
	FAMILY(0, CONFINE_NET, CONFINE_EPERM, AF_INET),
	FAMILY(0, CONFINE_NET, CONFINE_EPERM, AF_INET6),
	FAMILY(0, CONFINE_NET, CONFINE_EPERM, AF_NETLINK),
	FAMILY(CONFINE_NET, 0, CONFINE_ALLOW, AF_INET),
	FAMILY(CONFINE_NET, 0, CONFINE_ALLOW, AF_INET6),
	FAMILY(CONFINE_NET, 0, CONFINE_ALLOW, AF_NETLINK),
	/* a thread, a child; clone3 hides its flags: ENOSYS, and the C library takes this one */
	{MODULES, CHILDREN, CONFINE_ALLOW, "clone", CLONE_FLAGS, NEW_NS | CLONE_THREAD,
	 CLONE_THREAD},
	{0, MODULES | CHILDREN, CONFINE_EPERM, "clone", CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD},
	{0, CHILDREN, CONFINE_EPERM, "clone", CLONE_FLAGS, CLONE_THREAD, 0},
	{CHILDREN, 0, CONFINE_ALLOW, "clone", CLONE_FLAGS, NEW_NS, 0},
	{CHILDREN, 0, CONFINE_ALLOW, "kill", 0, 0, 0},
	{CHILDREN, 0, CONFINE_ALLOW, "tgkill", 0, 0, 0},
	/* limits of its own */
	{0, 0, CONFINE_ALLOW, "prlimit64", 0, INT, 0},
	/* is it a terminal, how much is there; then what sets up lines */
	REQUEST(0, TCGETS),
	{0, 0, CONFINE_ALLOW, "ioctl", 1, 0xffff, 0x542a}, /* TCGETS2, of newer C libraries */
	REQUEST(0, TIOCGWINSZ),
	REQUEST(0, FIONREAD),
	REQUEST(0, TIOCOUTQ), /* SIOCOUTQ too */
	REQUEST(0, FIONBIO),
	REQUEST(0, FIOCLEX),
	REQUEST(0, FIONCLEX),
	REQUEST(TERMINAL, TCSETS),
	REQUEST(TERMINAL, TCSETSW),
	REQUEST(TERMINAL, TCSETSF),
	{TERMINAL, 0, CONFINE_ALLOW, "ioctl", 1, 0xffff, 0x542b}, /* TCSETS2, TCSETSW2, TCSETSF2 */
	{TERMINAL, 0, CONFINE_ALLOW, "ioctl", 1, 0xffff, 0x542c},
	{TERMINAL, 0, CONFINE_ALLOW, "ioctl", 1, 0xffff, 0x542d},
	REQUEST(TERMINAL, TCFLSH),
	REQUEST(TERMINAL, TCSBRK),
	REQUEST(TERMINAL, TCXONC),
	REQUEST(TERMINAL, TIOCGPGRP),
	REQUEST(TERMINAL, TIOCSPGRP),
	REQUEST(TERMINAL, TIOCSWINSZ),
	REQUEST(CONFINE_DEVICE, TIOCEXCL),
	REQUEST(CONFINE_DEVICE, TIOCNXCL),
	REQUEST(CONFINE_DEVICE, TIOCMGET),
	REQUEST(CONFINE_DEVICE, TIOCMSET),
	REQUEST(CONFINE_DEVICE, TIOCMBIS),
	REQUEST(CONFINE_DEVICE, TIOCMBIC),
	REQUEST(CONFINE_DEVICE, TIOCGSERIAL),
	REQUEST(CONFINE_DEVICE, TIOCSSERIAL),
	REQUEST(CONFINE_DEVICE, TIOCGRS485),
	REQUEST(CONFINE_DEVICE, TIOCSRS485),
	REQUEST(CONFINE_DEVICE, TIOCGPTN),
	REQUEST(CONFINE_DEVICE, TIOCSPTLCK),
	{CONFINE_DEVICE, 0, CONFINE_ALLOW, "ioctl", 1, 0xff00, 0xb4 << 8}, /* linux/gpio.h */
	OPTION(PR_SET_NAME),
	OPTION(PR_GET_NAME),
	OPTION(PR_SET_PDEATHSIG),
	OPTION(PR_SET_VMA),
	OPTION(PR_SET_NO_NEW_PRIVS),
	OPTION(PR_GET_NO_NEW_PRIVS),
	OPTION(PR_SET_DUMPABLE),
	OPTION(PR_GET_DUMPABLE),
	OPTION(PR_SET_TIMERSLACK),
	{CONFINE_EXEC, 0, CONFINE_ALLOW, "prctl", 0, 0, 0},
};
const size_t confine_args_count = sizeof confine_args / sizeof *confine_args;
/* clang-format on */
