#include "ws/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STACK_BYTES = 256 * 1024 };

struct job {
	int fd; /* the answer goes here */
	char host[256];
};

bool ws_resolve_needed(const char *host)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST},
			*found = NULL;

	if (strcasecmp(host, "localhost") == 0)
		return false;
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return true;
	freeaddrinfo(found);
	return false;
}

static void look_up(const char *host, struct ws_addresses *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG},
			*found = NULL;

	*out = (struct ws_addresses){.code = getaddrinfo(host, NULL, &hints, &found)};
	if (out->code != 0)
		return;
	for (struct addrinfo *ai = found; ai && out->count < WS_ADDRESSES_MAX; ai = ai->ai_next)
		if (getnameinfo(ai->ai_addr, ai->ai_addrlen, out->text[out->count],
				sizeof(out->text[0]), NULL, 0, NI_NUMERICHOST) == 0)
			out->count++;
	freeaddrinfo(found);
	if (!out->count)
		out->code = EAI_NONAME;
}

static void *resolver(void *arg)
{
	struct job *job = arg;
	struct ws_addresses answer;

	look_up(job->host, &answer);
	/* nobody may be waiting any more, and that is fine */
	if (send(job->fd, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
		answer.count = 0;
	close(job->fd);
	free(job);
	return NULL;
}

static int start_thread(struct job *job)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int code = pthread_attr_init(&attr);

	if (code != 0)
		return code;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
	code = pthread_create(&thread, &attr, resolver, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return code;
}

int ws_resolve_start(const char *host)
{
	struct job *job = calloc(1, sizeof(*job));
	int pair[2] = {-1, -1}, code = 0;

	if (!job || strlen(host) >= sizeof(job->host) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		free(job);
		return -1;
	}
	memcpy(job->host, host, strlen(host) + 1);
	job->fd = pair[1];
	code = start_thread(job);
	if (code == 0)
		return pair[0];
	close(pair[0]);
	close(pair[1]);
	free(job);
	errno = code;
	return -1;
}

int ws_resolve_take(int fd, struct ws_addresses *out)
{
	ssize_t n = recv(fd, out, sizeof(*out), MSG_DONTWAIT);

	if (n != (ssize_t)sizeof(*out) || out->count > WS_ADDRESSES_MAX)
		return -1;
	return 0;
}
