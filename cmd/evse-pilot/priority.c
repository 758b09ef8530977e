#include "priority.h"

#include "core/log.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h> /* has its own struct sched_param: not together with <sched.h> */
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLICE_NS = 100000 };

static int take(struct sched_attr a)
{
	a.size = sizeof a;
	a.sched_flags = SCHED_FLAG_RESET_ON_FORK;
	return (int)syscall(SYS_sched_setattr, 0, &a, 0);
}

static void ordinary(void)
{
	struct sched_attr a = {
	    .sched_policy = SCHED_NORMAL, .sched_nice = -20, .sched_runtime = SLICE_NS};

	if (take(a) == 0)
		return;
	log_info("no better place in ordinary scheduling: %s", strerror(errno));
	a.sched_nice = 0;
	if (take(a) < 0)
		log_info("no shorter time slice: %s", strerror(errno));
}

void priority_take(int fifo)
{
	struct sched_attr a = {.sched_policy = SCHED_FIFO, .sched_priority = (unsigned)fifo};

	if (!fifo) {
		ordinary();
		return;
	}
	if (take(a) < 0) {
		log_info("no real-time priority: %s", strerror(errno));
		ordinary();
	}
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_info("memory is not locked: %s", strerror(errno));
}
