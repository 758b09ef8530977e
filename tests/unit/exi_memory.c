/* Reading and writing structures and walking a stream take no heap, and less than 64 KiB for any
 * message (COM-4). */
#include "exi_make.h"

#include "exi/typed.h"
#include "harness.h"

#include <malloc.h>
#include <pthread.h>

enum { STREAM = 1 << 17, STACK = 64 << 10, ROUNDS = 20 };

static uint8_t stream[STREAM], again[STREAM];

static void value(void *ctx, const char *name, const struct exi_value *v)
{
	uint64_t *sum = ctx;

	*sum += v->u + v->len + (name != NULL);
}

/* All in the stack it runs on: the structure too. */
static void there_and_back(int message, size_t size)
{
	static const struct exi_visitor visitor = {.value = value};
	uint64_t structure[128], sum = 0;
	struct exi_err err;
	struct exi_in in;

	REQUIRE(sizeof structure >= exi_messages[message].size);
	CHECK(exi_walk(exi_message_schema(message), 0, stream, size, &visitor, &sum, NULL, &err) ==
	      0);
	CHECK(exi_open(&in, exi_message_schema(message), stream, size, &err) == 0);
	CHECK(exi_read(&in, structure, exi_messages[message].size, &err) == 0);
	CHECK_INT(
	    exi_write(message, structure, exi_messages[message].size, again, sizeof again, &err),
	    size);
}

static void *every_message(void *arg)
{
	struct make m = {.seed = 3};

	(void)arg;
	for (int i = 0; i < ROUNDS * EXI_MESSAGES; i++) {
		size_t size = make_message(&m, i % EXI_MESSAGES, stream, sizeof stream);

		if (size)
			there_and_back(i % EXI_MESSAGES, size);
	}
	return NULL;
}

TEST(a_small_stack_is_enough)
{
	pthread_attr_t attr;
	pthread_t thread;

	REQUIRE(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, STACK) == 0);
	REQUIRE(pthread_create(&thread, &attr, every_message, NULL) == 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
}

TEST(nothing_is_allocated)
{
	struct mallinfo2 before, after;

	every_message(NULL);
	before = mallinfo2();
	every_message(NULL);
	after = mallinfo2();
	CHECK_INT(after.uordblks, before.uordblks);
	CHECK_INT(after.hblkhd, before.hblkhd);
}
