/* A unit test program in one header: TEST(name) { … } then RUN_ALL is automatic.
 *
 * Each tests/unit/<area>_<module>.c is one program. A failed check prints file, line and values and
 * the program goes on with the next test. The last line printed is "N passed, N failed". */
#ifndef HARNESS_H
#define HARNESS_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct harness_test {
	const char *name;
	void (*run)(void);
	struct harness_test *next;
};

static struct harness_test *harness_first, **harness_last = &harness_first;
static int harness_bad;

#define TEST(fn)                                                \
	static void fn(void);                                   \
	__attribute__((constructor)) static void fn##_add(void) \
	{                                                       \
		static struct harness_test t = {#fn, fn, NULL}; \
		*harness_last = &t;                             \
		harness_last = &t.next;                         \
	}                                                       \
	static void fn(void)

#define HARNESS_FAIL(...)                              \
	do {                                           \
		printf("%s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                   \
		putchar('\n');                         \
		harness_bad++;                         \
	} while (0)

#define CHECK(cond)                                          \
	do {                                                 \
		if (!(cond))                                 \
			HARNESS_FAIL("not true: %s", #cond); \
	} while (0)

#define CHECK_INT(got, want)                                                     \
	do {                                                                     \
		long long g_ = (long long)(got), w_ = (long long)(want);         \
		if (g_ != w_)                                                    \
			HARNESS_FAIL("%s is %lld, expected %lld", #got, g_, w_); \
	} while (0)

#define CHECK_NUM(got, want, tol)                                                \
	do {                                                                     \
		double g_ = (got), w_ = (want);                                  \
		if (!(fabs(g_ - w_) <= (tol)))                                   \
			HARNESS_FAIL("%s is %.9g, expected %.9g", #got, g_, w_); \
	} while (0)

#define CHECK_STR(got, want)                                                                    \
	do {                                                                                    \
		const char *g_ = (got), *w_ = (want);                                           \
		if (!g_ || strcmp(g_, w_) != 0)                                                 \
			HARNESS_FAIL("%s is \"%s\", expected \"%s\"", #got, g_ ? g_ : "(null)", \
				     w_);                                                       \
	} while (0)

/* For setup that the rest of a test can't do without. */
#define REQUIRE(cond)                                        \
	do {                                                 \
		if (!(cond)) {                               \
			HARNESS_FAIL("required: %s", #cond); \
			return;                              \
		}                                            \
	} while (0)

int main(int argc, char **argv)
{
	int passed = 0, failed = 0;

	for (struct harness_test *t = harness_first; t; t = t->next) {
		if (argc > 1 && !strstr(t->name, argv[1]))
			continue;
		harness_bad = 0;
		t->run();
		if (harness_bad) {
			printf("FAIL %s\n", t->name);
			failed++;
		} else {
			passed++;
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}

#endif
