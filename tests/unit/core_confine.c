/* Each check confines a child process and tells by its end what came of a call. */
#include "core/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "harness.h"

enum { UNCONFINED = 200, KILLED = 300 };

/* A deed returns 0 or an errno. @return that; KILLED; or UNCONFINED. */
static int outcome(unsigned needs, int (*deed)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		alarm(20);
		if (confine(needs) != CONFINED)
			_exit(UNCONFINED);
		_exit(deed());
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? KILLED : 1000 + WTERMSIG(status);
	return WEXITSTATUS(status);
}

static int nothing(void)
{
	return 0;
}

/* valgrind, a sanitizer's build or an old kernel: there is nothing to test. */
static bool confinable(void)
{
	static int known;

	if (!known)
		known = outcome(0, nothing) == 0 ? 1 : -1;
	return known > 0;
}

#define OUTCOME(needs, deed, want)                             \
	do {                                                   \
		if (confinable())                              \
			CHECK_INT(outcome(needs, deed), want); \
	} while (0)

static int result(long rc)
{
	return rc < 0 ? errno : 0;
}

/* ---- what is always allowed ---- */

static int ordinary(void)
{
	int fds[2], fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	char text[64], *block = malloc(4 << 20);
	void *page = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	FILE *f = fopen("/proc/self/maps", "re");

	if (fd < 0 || read(fd, text, sizeof text) <= 0 || !block || page == MAP_FAILED || !f)
		return errno;
	memset(block, 1, 4 << 20);
	free(block);
	fclose(f);
	close(fd);
	if (pipe(fds) < 0 || write(fds[1], "x", 1) != 1 || read(fds[0], text, 1) != 1)
		return errno;
	return result(usleep(100)) || isatty(fds[0]) ? EIO : 0;
}

static int end_by_abort(void)
{
	abort();
}

TEST(what_every_tool_needs_works)
{
	OUTCOME(0, ordinary, 0);
	OUTCOME(CONFINE_NO_KILL, ordinary, 0);
	OUTCOME(0, end_by_abort, 1000 + SIGABRT);
}

/* ---- files ---- */

static int write_file(void)
{
	return result(open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
}

static int make_file(void)
{
	return result(open("/nonexistent/x", O_RDONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int cut_file(void)
{
	return result(open("/nonexistent/x", O_RDONLY | O_TRUNC | O_CLOEXEC));
}

static int remove_file(void)
{
	return result(unlink("/nonexistent/x"));
}

static int rename_file(void)
{
	return result(rename("/nonexistent/x", "/nonexistent/y"));
}

TEST(files_are_read_and_written_only_where_stated)
{
	OUTCOME(0, write_file, EPERM);
	OUTCOME(0, make_file, EPERM);
	OUTCOME(0, cut_file, EPERM);
	OUTCOME(0, remove_file, EPERM);
	OUTCOME(0, rename_file, EPERM);
	OUTCOME(CONFINE_NET | CONFINE_DEVICE | CONFINE_FORK, write_file, EPERM);
	OUTCOME(CONFINE_FILES, write_file, 0);
	OUTCOME(CONFINE_FILES, make_file, ENOENT);
	OUTCOME(CONFINE_FILES, remove_file, ENOENT);
	OUTCOME(CONFINE_FILES, rename_file, ENOENT);
}

/* ---- sockets ---- */

static int unix_socket(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int ip_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int packet_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int name_lookup(void)
{
	struct addrinfo *found;
	int rc = getaddrinfo("localhost", "80", NULL, &found);

	if (rc == 0)
		freeaddrinfo(found);
	return rc == 0 || rc == EAI_NONAME || rc == EAI_AGAIN ? 0 : EIO;
}

static void *idle(void *arg)
{
	return arg;
}

static int thread(void)
{
	pthread_t t;
	int rc = pthread_create(&t, NULL, idle, NULL);

	return rc ? rc : pthread_join(t, NULL);
}

TEST(sockets_are_made_only_where_stated)
{
	OUTCOME(0, unix_socket, EPERM);
	OUTCOME(0, ip_socket, EPERM);
	OUTCOME(CONFINE_FILES | CONFINE_DEVICE, ip_socket, EPERM);
	OUTCOME(CONFINE_LOCAL, unix_socket, 0);
	OUTCOME(CONFINE_LOCAL, ip_socket, EPERM);
	OUTCOME(CONFINE_EXEC, ip_socket, EPERM);
	OUTCOME(CONFINE_NET, unix_socket, 0);
	OUTCOME(CONFINE_NET, ip_socket, 0);
	OUTCOME(CONFINE_NET, packet_socket, ENOSYS);
	OUTCOME(CONFINE_NET, name_lookup, 0);
	OUTCOME(CONFINE_NET, thread, 0);
	OUTCOME(0, thread, EPERM);
}

/* ---- code ---- */

static int map(int prot)
{
	void *p = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int map_code(void)
{
	return map(PROT_READ | PROT_EXEC);
}

static int map_written_code(void)
{
	return map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? EIO : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

TEST(new_code_comes_only_from_libraries)
{
	OUTCOME(0, map_code, EPERM);
	OUTCOME(0, map_written_code, EPERM);
	OUTCOME(0, make_code, EPERM);
	OUTCOME(CONFINE_FILES | CONFINE_FORK, map_code, EPERM);
	OUTCOME(CONFINE_MODULES, map_code, 0);
	OUTCOME(CONFINE_MODULES, thread, 0);
	OUTCOME(CONFINE_MODULES, ip_socket, EPERM);
	OUTCOME(CONFINE_NET, map_code, 0);
	OUTCOME(CONFINE_NET, map_written_code, EPERM);
}

/* ---- devices ---- */

static int request(unsigned long what)
{
	static char room[64];
	int fds[2];

	return pipe(fds) < 0 ? EIO : result(ioctl(fds[0], what, room));
}

static int terminal_set(void)
{
	return request(TCSETS);
}

static int terminal_typed_into(void)
{
	return request(TIOCSTI);
}

TEST(devices_are_set_up_only_where_stated)
{
	OUTCOME(0, terminal_set, ENOSYS);
	OUTCOME(CONFINE_DEVICE, terminal_set, ENOTTY);
	OUTCOME(CONFINE_DEVICE, terminal_typed_into, ENOSYS);
	OUTCOME(CONFINE_EXEC, terminal_typed_into, ENOSYS);
}

/* ---- other programs and processes ---- */

static int child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(7);
	return pid < 0 ? errno : waitpid(pid, &status, 0) < 0 || WEXITSTATUS(status) != 7 ? EIO : 0;
}

static int program(void)
{
	char *argv[] = {(char[]){"/bin/true"}, NULL}, *env[] = {NULL};

	execve(argv[0], argv, env);
	return errno;
}

static int shell(void)
{
	return system("x=$(echo a | cat) && test \"$x\" = a && ls / >/dev/null");
}

static int trace(void)
{
	return result(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int other_user(void)
{
	return result(syscall(SYS_setuid, getuid()));
}

static int set_clock(void)
{
	return result(syscall(SYS_clock_settime, CLOCK_REALTIME, NULL));
}

static int new_namespace(void)
{
	return result(syscall(SYS_unshare, 0));
}

static int kill_parent(void)
{
	return result(kill(getppid(), 0));
}

static int foreign_call(void)
{
	return result(syscall(SYS_ioprio_set, 1, 0, 0));
}

static int future_call(void)
{
	return result(syscall(5000));
}

TEST(other_programs_are_deadly_or_refused)
{
	OUTCOME(0, child, EPERM);
	OUTCOME(CONFINE_FORK, child, 0);
	OUTCOME(0, program, KILLED);
	OUTCOME(CONFINE_FORK | CONFINE_NET | CONFINE_FILES | CONFINE_DEVICE, program, KILLED);
	OUTCOME(CONFINE_NO_KILL, program, EPERM);
	OUTCOME(CONFINE_EXEC, program, 0);
	OUTCOME(CONFINE_EXEC, shell, 0);
	OUTCOME(0, kill_parent, ENOSYS);
	OUTCOME(CONFINE_FORK, kill_parent, 0);
}

TEST(what_only_an_intruder_does_is_deadly_but_for_the_actuator)
{
	int (*const deeds[])(void) = {trace, other_user, set_clock, new_namespace};

	for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
		OUTCOME(0, deeds[i], KILLED);
		OUTCOME(CONFINE_EXEC, deeds[i], KILLED);
		OUTCOME(CONFINE_NO_KILL, deeds[i], EPERM);
	}
}

TEST(what_nobody_listed_is_as_on_an_older_kernel)
{
	OUTCOME(0, foreign_call, ENOSYS);
	OUTCOME(0, future_call, ENOSYS);
}

/* ---- the rest ---- */

static int raise_privileges(void)
{
	char line[128], want[] = "NoNewPrivs:\t1\n";
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	bool found = false;

	while (f && fgets(line, sizeof line, f)) {
		found |= strcmp(line, want) == 0;
		(void)sscanf(line, "CapEff: %llx", &caps);
	}
	/* 21: CAP_SYS_ADMIN, 19: CAP_SYS_PTRACE, 16: CAP_SYS_MODULE, 7: CAP_SETUID */
	return found && !(caps & (1ull << 21 | 1ull << 19 | 1ull << 16 | 1ull << 7)) ? 0 : EPERM;
}

TEST(privileges_and_capabilities_are_gone)
{
	OUTCOME(0, raise_privileges, 0);
	OUTCOME(CONFINE_EXEC, raise_privileges, 0);
}

TEST(the_environment_may_leave_it_away_or_only_log)
{
	if (!confinable())
		return;
	setenv("EVSE_CONFINE", "off", 1);
	CHECK_INT(outcome(0, ip_socket), UNCONFINED);
	setenv("EVSE_CONFINE", "log", 1);
	CHECK_INT(outcome(0, ip_socket), 0);
	CHECK_INT(outcome(0, new_namespace), 0);
	setenv("EVSE_CONFINE", "yes", 1);
	CHECK_INT(outcome(0, ip_socket), EPERM);
	unsetenv("EVSE_CONFINE");
}
