/* The rows file on a disk whose fdatasync fails once, and loses then what was not synced, as a
 * page cache does. Serves DAT-3. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/rows.h"

static int fail_next;
static char disk[1 << 16]; /* what is durable */
static ssize_t durable;

/* In place of libc's. */
int fdatasync(int fd)
{
	if (!fail_next) {
		durable = pread(fd, disk, sizeof disk, 0);
		return 0;
	}
	fail_next--;
	if (ftruncate(fd, 0) < 0 || pwrite(fd, disk, (size_t)durable, 0) != durable)
		abort();
	errno = EIO;
	return -1;
}

static const uint8_t kek[CRYPT_KEY] = {7};

static const uint8_t *find_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	(void)ctx;
	(void)id;
	return kek;
}

static int count(void *ctx, enum rows_class c, const char *line, size_t len)
{
	(void)c;
	(void)line;
	(void)len;
	++*(int *)ctx;
	return 0;
}

TEST(what_a_failed_sync_lost_is_written_again)
{
	char dir[] = "/tmp/store-sync-XXXXXX";
	uint8_t store[STORE_ID] = {1};
	struct rows_info info;
	struct rows r;
	struct err err;
	int fd, lines = 0;

	CHECK(mkdtemp(dir) != NULL);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	CHECK_INT(rows_create(&r, fd, "a", 1, store, kek, &err), 0);
	rows_add(&r, ROWS_DATA, "one", 3);
	CHECK_INT(rows_write(&r, true), 0);
	rows_add(&r, ROWS_DATA, "two", 3);
	CHECK_INT(rows_write(&r, false), 0);
	rows_add(&r, ROWS_EVENT, "three", 5);
	fail_next = 2;
	CHECK_INT(rows_write(&r, true), -1);
	CHECK(rows_unsynced(&r));
	CHECK_INT(rows_write(&r, true), -1);
	rows_add(&r, ROWS_EVENT, "four", 4);
	CHECK_INT(rows_write(&r, true), 0);
	CHECK(!rows_unsynced(&r));
	CHECK_INT(rows_read(fd, "a", find_key, count, &lines, &info, &err), 0);
	CHECK_INT(lines, 4);
	CHECK_INT((int)(info.size - info.good), 0);
	rows_close(&r);
	unlinkat(fd, "a", 0);
	close(fd);
	rmdir(dir);
}
