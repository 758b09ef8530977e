/* Personal values: sealed, found again, forgotten; and their file. Serves REG-4. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/conceal.h"
#include "store/persons.h"
#include "store/store.h"
#include "store_dir.h"

static bool sealed(struct persons *p, const char *value)
{
	char line[100];
	struct conceal c;
	struct err err;
	struct buf out;
	bool ok;

	snprintf(line, sizeof line, "{\"id_hash\":\"%s\"}", value);
	buf_init(&out, 1000);
	conceal_init(&c, p);
	ok = conceal(&c, line, strlen(line), &out, &err) == 1 && !strstr(buf_str(&out), value) &&
	     persons_save(p, &err) == 0;
	conceal_release(&c);
	buf_release(&out);
	return ok;
}

TEST(when_there_are_too_many_persons_those_not_seen_longest_are_forgotten)
{
	const char *dir = fresh_dir("crowd");
	uint8_t device[CRYPT_KEY] = {9};
	char value[32];
	struct keys keys = {0};
	struct persons p;
	struct err err;
	int fd;

	REQUIRE(mkdir(dir, 0700) == 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	memcpy(keys.device[0], device, CRYPT_KEY);
	crypt_key_id(device, keys.id[0]);
	keys.devices = 1;
	persons_init(&p, fd, &keys);
	for (int i = 0; i < PERSONS_MAX; i++) {
		snprintf(value, sizeof value, "person %d", i);
		REQUIRE(persons_get(&p, value, strlen(value), &err));
		if (i % 1000 == 0)
			REQUIRE(persons_save(&p, &err) == 0);
	}
	REQUIRE(persons_save(&p, &err) == 0);
	CHECK(sealed(&p, "person 0")); /* seen again: not among the oldest any more */
	persons_release(&p);           /* and that is known after a start */
	CHECK(sealed(&p, "one more"));
	CHECK_INT(p.count, PERSONS_MAX - PERSONS_MAX / 4 + 1);
	CHECK_INT(persons_erase(&p, "person 0", &err), 1);
	CHECK_INT(persons_erase(&p, "person 1", &err), 0);
	CHECK_INT(persons_erase(&p, "person 16000", &err), 1);
	CHECK_INT(persons_erase(&p, "one more", &err), 1);
	persons_release(&p);
	close(fd);
}

/* Any bytes but the mark: what is sealed opens to the same. */
TEST(random_lines_are_sealed_and_come_back)
{
	static const char *const bits[] = {
	    "{",
	    "}",
	    "[",
	    "]",
	    ":",
	    ",",
	    "\"",
	    "\\",
	    "\\u00",
	    "\\ud83d",
	    "\"token\":",
	    "\"vin\"",
	    "\"id_hash\":\"",
	    "04A2B3C4",
	    "04a2b3c4",
	    " ",
	    "\xc3\xa9",
	    "\"ID-Token\":",
	    "17",
	    "-1e5",
	    "kind",
	};
	const char *dir = fresh_dir("random");
	uint8_t device[CRYPT_KEY] = {9};
	struct keys keys = {.devices = 1};
	struct persons p;
	struct conceal c;
	struct buf out, back;
	struct err err;
	int fd, sealed_lines = 0;

	REQUIRE(mkdir(dir, 0700) == 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	memcpy(keys.device[0], device, CRYPT_KEY);
	crypt_key_id(device, keys.id[0]);
	persons_init(&p, fd, &keys);
	conceal_init(&c, &p);
	buf_init(&out, 1 << 20);
	buf_init(&back, 1 << 20);
	srand(5);
	for (int i = 0; i < 3000; i++) {
		char line[1024], *copy;
		size_t len = 0;
		int rc;

		for (int n = rand() % 60; n > 0; n--) {
			const char *bit = bits[(size_t)rand() % (sizeof bits / sizeof *bits)];

			memcpy(line + len, bit, strlen(bit));
			len += strlen(bit);
		}
		copy = malloc(len + 1); /* so that a read behind its end is found */
		memcpy(copy, line, len);
		buf_reset(&out);
		buf_reset(&back);
		rc = conceal(&c, copy, len, &out, &err);
		CHECK(rc >= 0);
		if (rc == 1 && persons_save(&p, &err) == 0) {
			sealed_lines++;
			CHECK(reveal(&p, buf_str(&out), out.len, &back, &err) == 0);
			CHECK(back.len == len && memcmp(buf_str(&back), line, len) == 0);
		}
		free(copy);
	}
	CHECK(sealed_lines > 300);
	conceal_release(&c);
	persons_release(&p);
	buf_release(&out);
	buf_release(&back);
	close(fd);
}

static int persons_file(const char *dir, int flags)
{
	char path[450];

	snprintf(path, sizeof path, "%s/persons", dir);
	return open(path, flags);
}

/* How many of persons 0 to @n - 1 a reader still knows. */
static int known(int fd, const struct keys *keys, int n)
{
	struct persons p;
	struct err err;
	char value[32];
	int count = 0;

	persons_init(&p, fd, keys);
	CHECK(persons_load(&p, &err) == 0);
	for (int i = 0; i < n; i++) {
		snprintf(value, sizeof value, "person %d", i);
		count += persons_word(&p, value, strlen(value)) != NULL;
	}
	persons_release(&p);
	return count;
}

static void make_persons(struct persons *p, int from, int to)
{
	char value[32];
	struct err err;

	for (int i = from; i < to; i++) {
		snprintf(value, sizeof value, "Person %d", i);
		REQUIRE(persons_get(p, value, strlen(value), &err));
		REQUIRE(persons_save(p, &err) == 0);
	}
}

/* A cut at every byte of the last line: all before are known, and the next start goes on. */
TEST(the_file_of_persons_grows_at_its_end_and_survives_cuts)
{
	const char *dir = fresh_dir("grows");
	uint8_t device[CRYPT_KEY] = {9};
	struct keys keys = {.devices = 1};
	struct stat two, three, st;
	struct persons p;
	struct err err;
	int fd, file;

	REQUIRE(mkdir(dir, 0700) == 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	memcpy(keys.device[0], device, CRYPT_KEY);
	crypt_key_id(device, keys.id[0]);
	persons_init(&p, fd, &keys);
	make_persons(&p, 0, 2);
	file = persons_file(dir, O_RDWR);
	REQUIRE(fstat(file, &two) == 0);
	make_persons(&p, 2, 3);
	REQUIRE(fstat(file, &three) == 0);
	/* the same file, and longer by a line */
	CHECK(three.st_size > two.st_size && three.st_size < two.st_size + 200);
	persons_release(&p);
	for (off_t at = three.st_size - 1; at >= two.st_size; at--) {
		REQUIRE(ftruncate(file, at) == 0);
		CHECK_INT(known(fd, &keys, 3), 2);
	}
	/* pages that never came to the disk are zeros */
	REQUIRE(ftruncate(file, three.st_size) == 0);
	CHECK_INT(known(fd, &keys, 3), 2);
	make_persons(&p, 3, 4);
	CHECK_INT(known(fd, &keys, 4), 3);
	CHECK(persons_erase(&p, "PERSON 1", &err) == 1);
	CHECK_INT(known(fd, &keys, 4), 2);
	/* the old file's bytes are overwritten */
	REQUIRE(fstat(file, &st) == 0);
	CHECK_INT(st.st_nlink, 0);
	{
		char text[64] = {1};

		REQUIRE(pread(file, text, sizeof text, 0) == sizeof text);
		CHECK(memcmp(text, (char[64]){0}, sizeof text) == 0);
	}
	close(file);
	/* a damaged line is nobody, the others are still there */
	persons_release(&p);
	make_persons(&p, 4, 6);
	file = persons_file(dir, O_RDWR);
	REQUIRE(fstat(file, &st) == 0);
	REQUIRE(pwrite(file, "0", 1, st.st_size - 2 * 166 + 5) == 1 ||
		pwrite(file, "1", 1, st.st_size - 2 * 166 + 5) == 1);
	close(file);
	CHECK(known(fd, &keys, 6) >= 3);
	/* a head that is lost keeps no new value from being sealed */
	file = persons_file(dir, O_RDWR);
	REQUIRE(ftruncate(file, 0) == 0);
	close(file);
	persons_release(&p);
	make_persons(&p, 6, 7);
	CHECK(p.set_aside);
	CHECK_INT(known(fd, &keys, 7), 1);
	persons_release(&p);
	close(fd);
}
