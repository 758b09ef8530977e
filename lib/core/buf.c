#include "core/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = '\0';
}

static int fail(struct buf *b, int code)
{
	b->failed = true;
	errno = code;
	return -1;
}

char *buf_room(struct buf *b, size_t len)
{
	size_t need, cap;
	char *data;

	if (b->failed)
		return NULL;
	if (len > b->max || b->len > b->max - len) {
		fail(b, EMSGSIZE);
		return NULL;
	}
	need = b->len + len + 1;
	if (need <= b->cap)
		return b->data + b->len;
	cap = b->cap ? b->cap : 128;
	while (cap < need)
		cap *= 2;
	data = realloc(b->data, cap);
	if (!data) {
		fail(b, ENOMEM);
		return NULL;
	}
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

void buf_added(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	char *at = buf_room(b, len);

	if (!at)
		return -1;
	if (len)
		memcpy(at, data, len);
	buf_added(b, len);
	return 0;
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	char *at;
	int len;

	va_start(ap, fmt);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	at = len < 0 ? NULL : buf_room(b, (size_t)len);
	if (at) {
		vsnprintf(at, (size_t)len + 1, fmt, again);
		buf_added(b, (size_t)len);
	}
	va_end(again);
	return at ? 0 : -1;
}

int buf_read_all(struct buf *b, int fd)
{
	char part[8192];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || buf_add(b, part, (size_t)n) < 0)
			return -1;
	}
	return 0;
}

void buf_drop(struct buf *b, size_t len)
{
	if (len >= b->len) {
		b->len = 0;
	} else {
		memmove(b->data, b->data + len, b->len - len);
		b->len -= len;
	}
	if (b->data)
		b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}
