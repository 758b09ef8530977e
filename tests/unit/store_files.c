/* Rows, segments, Merkle trees, keys and the writer, on files. Serves SEC-2, DAT-3, REG-4. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/merkle.h"
#include "store/conceal.h"
#include "store/reader.h"
#include "store/sealer.h"
#include "store/segment.h"
#include "store/store.h"
#include "store/verify.h"
#include "store_dir.h"

TEST(merkle_paths_lead_to_the_root)
{
	for (size_t n = 1; n < 20; n++) {
		for (size_t i = 0; i < n; i++) {
			uint8_t leaves[20][CRYPT_HASH], again[20][CRYPT_HASH],
			    path[MERKLE_PATH_MAX][CRYPT_HASH];
			uint8_t root[CRYPT_HASH], climbed[CRYPT_HASH], leaf[CRYPT_HASH];
			size_t steps;

			for (size_t j = 0; j < n; j++)
				crypt_sha256(&j, sizeof j, leaves[j]);
			memcpy(again, leaves, sizeof leaves);
			memcpy(leaf, leaves[i], CRYPT_HASH);
			merkle_root(leaves, n, root);
			steps = merkle_path(again, n, i, path);
			CHECK(merkle_climb(leaf, n, i, path, steps, climbed) &&
			      memcmp(root, climbed, CRYPT_HASH) == 0);
			CHECK(!merkle_climb(leaf, n, i, path, steps + 1, climbed));
			leaf[0] ^= 1;
			CHECK(merkle_climb(leaf, n, i, path, steps, climbed) &&
			      memcmp(root, climbed, CRYPT_HASH) != 0);
		}
	}
}

TEST(a_wrapped_key_opens_with_its_kek_alone)
{
	uint8_t kek[CRYPT_KEY] = {1}, other[CRYPT_KEY] = {2}, key[CRYPT_KEY] = {3}, got[CRYPT_KEY],
		w[CRYPT_WRAPPED];

	CHECK_INT(crypt_wrap(kek, key, w), 0);
	CHECK_INT(crypt_unwrap(kek, w, got), 0);
	CHECK(memcmp(key, got, CRYPT_KEY) == 0);
	CHECK_INT(crypt_unwrap(other, w, got), -1);
	w[5] ^= 1;
	CHECK_INT(crypt_unwrap(kek, w, got), -1);
}

struct gathered {
	char text[4096];
	size_t count;
	const uint8_t *key;
};

static int gather(void *ctx, enum rows_class c, const char *line, size_t len)
{
	struct gathered *g = ctx;

	snprintf(g->text + strlen(g->text), sizeof g->text - strlen(g->text), "%c%.*s;", (char)c,
		 (int)len, line);
	g->count++;
	return 0;
}

static const uint8_t *the_key(void *ctx, const uint8_t id[CRYPT_ID])
{
	(void)id;
	return ((struct gathered *)ctx)->key;
}

TEST(rows_come_back_up_to_a_cut)
{
	const char *dir = fresh_dir("rows");
	uint8_t store[STORE_ID] = {9}, key[CRYPT_KEY] = {7};
	struct gathered g = {.key = key};
	struct rows_info info;
	struct rows r;
	struct err err;
	int fd;

	mkdir(dir, 0700);
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	REQUIRE(rows_create(&r, fd, "a.rows", 5, store, key, &err) == 0);
	rows_add(&r, ROWS_EVENT, "one", 3);
	rows_add(&r, ROWS_DATA, "two", 3);
	CHECK_INT(rows_write(&r, true), 0);
	rows_add(&r, ROWS_DATA, "three", 5);
	CHECK_INT(rows_write(&r, false), 0);
	CHECK_INT(rows_read(fd, "a.rows", the_key, gather, &g, &info, &err), 0);
	CHECK_STR(g.text, "eone;dtwo;dthree;");
	CHECK_INT(info.seq, 5);
	CHECK_INT(info.records, 3);
	for (uint64_t size = r.bytes; size-- > ROWS_HEADER;) {
		struct gathered h = {.key = key};

		CHECK_INT(ftruncate(r.fd, (off_t)size), 0);
		CHECK_INT(rows_read(fd, "a.rows", the_key, gather, &h, &info, &err), 0);
		CHECK(h.count == 0 || h.count == 2);
		CHECK(info.good <= size);
	}
	g.key = NULL;
	CHECK_INT(rows_read(fd, "a.rows", the_key, gather, &g, &info, &err), -1);
	rows_close(&r);
	close(fd);
}

TEST(a_secret_that_others_can_read_is_refused)
{
	const char *dir = fresh_dir("keys");
	char path[500];
	struct keys k;
	struct err err;

	REQUIRE(keys_load(&k, dir, KEYS_OPEN_AND_SIGN, true, &err) == 0);
	keys_release(&k);
	snprintf(path, sizeof path, "%s/device.key", dir);
	chmod(path, 0640);
	CHECK_INT(keys_load(&k, dir, KEYS_OPEN, false, &err), -1);
	CHECK_INT(errno, EACCES);
	chmod(path, 0600);
	CHECK_INT(truncate(path, 10), 0);
	CHECK_INT(keys_load(&k, dir, KEYS_OPEN, false, &err), -1);
}

static const struct store_limits no_limits = {.max_age_ms = INT64_MAX / 4,
					      .max_bytes = UINT64_MAX / 2};

static int append(struct store *s, enum rows_class c, int i)
{
	static const char t[] = "{\"t\":\"2026-11-22T10:00";
	char line[300];
	int n;

	if (c == ROWS_DATA)
		n = snprintf(
		    line, sizeof line,
		    "%s:%02d.000Z\",\"type\":\"meter\",\"src\":\"meter.1\",\"n\":\"a.%d\",\"v\":1}",
		    t, i % 60, i);
	else
		n = snprintf(line, sizeof line,
			     "%s:%02d.000Z\",\"type\":\"session\",\"src\":\"session.1\",\"n\":\"a.%"
			     "d\",\"token\":{\"id_hash\":\"h7\"}}",
			     t, i % 60, i);
	return store_append(s, c, line, (size_t)n);
}

static int count_lines(void *ctx, const struct place *p, const char *line, size_t len)
{
	size_t *n = ctx;

	(void)p;
	(void)line;
	n[0]++;
	n[1] += memmem(line, len, "\"h7\"", 4) != NULL;
	return 0;
}

static void count_store(const char *dir, const struct keys *k, size_t n[2], uint64_t *gone)
{
	struct reader r;
	struct err err;

	n[0] = n[1] = 0;
	REQUIRE(reader_open(&r, dir, k, &err) == 0);
	CHECK_INT(reader_each(&r, count_lines, n, &err), 0);
	*gone = r.skipped_data;
	reader_close(&r);
}

static bool clean(const char *dir, const struct keys *k)
{
	uint8_t pub[1][CRYPT_PUB];
	struct verify v = {.pubs = pub, .pub_count = 1};
	struct err err;

	memcpy(pub[0], crypt_signer_pub(k->signer), CRYPT_PUB);
	if (verify_store(&v, dir, &err) < 0 || v.bad[0])
		printf("verify: %s\n", v.bad);
	return !v.bad[0];
}

static void fill(struct store *s, int segments, int64_t *now)
{
	struct err err;

	for (int i = 0; i < segments; i++) {
		for (int j = 0; j < 50; j++)
			CHECK_INT(append(s, ROWS_DATA, i * 50 + j), 0);
		CHECK_INT(append(s, ROWS_EVENT, i), 0);
		*now += 60000;
		CHECK_INT(store_rotate(s, *now, &err), 0);
		while (store_packing(s))
			if (store_pack(s, *now, &err) < 0)
				break;
	}
}

TEST(old_data_go_first_then_old_events)
{
	struct store_limits limits = {
	    .max_age_ms = 300000, .events_age_ms = 900000, .max_bytes = UINT64_MAX / 2};
	const char *dir = fresh_dir("ring");
	char keys[450], where[400];
	int64_t now = 1795341600000;
	uint64_t gone;
	size_t n[2];
	struct store s;
	struct err err;

	snprintf(where, sizeof where, "%s", dir);
	snprintf(keys, sizeof keys, "%s/keys", where);
	REQUIRE(store_open(&s, where, keys, &limits, 100, now, &err) == 0);
	fill(&s, 10, &now);
	CHECK_INT(store_retain(&s, now, &err), 1);
	CHECK_INT(s.tip.oldest, 1);
	CHECK_INT(s.tip.oldest_data, 5);
	count_store(where, &s.keys, n, &gone);
	CHECK_INT(n[0], 6 * 50 + 10);
	CHECK_INT(s.tip.records, n[0]);
	CHECK_INT(n[1], 10);
	CHECK_INT(gone, 4 * 50);
	CHECK(clean(where, &s.keys));
	now += 500000;
	CHECK_INT(store_retain(&s, now, &err), 1);
	CHECK(s.tip.oldest > 1);
	CHECK(clean(where, &s.keys));
	/* by size: the oldest go with each that is sealed, until it fits */
	s.limits = (struct store_limits){.max_age_ms = INT64_MAX / 4, .max_bytes = s.bytes / 2};
	fill(&s, 3, &now);
	CHECK_INT(store_retain(&s, now, &err), 0);
	CHECK(s.bytes <= s.limits.max_bytes);
	CHECK(clean(where, &s.keys));
	store_close(&s);
}

TEST(a_destroyed_segment_does_not_keep_the_others)
{
	struct store_limits limits = {.max_age_ms = 150000, .max_bytes = UINT64_MAX / 2};
	char keys[450], where[400], path[500];
	int64_t now = 1795341600000;
	struct store s;
	struct err err;

	snprintf(where, sizeof where, "%s", fresh_dir("worn"));
	snprintf(keys, sizeof keys, "%s/keys", where);
	REQUIRE(store_open(&s, where, keys, &limits, 100, now, &err) == 0);
	fill(&s, 6, &now);
	snprintf(path, sizeof path, "%s/00000002.seg", where);
	CHECK_INT(truncate(path, 100), 0);
	CHECK_INT(store_retain(&s, now, &err), 1);
	CHECK_INT(s.tip.oldest, 4);
	CHECK(clean(where, &s.keys));
	store_close(&s);
}

TEST(a_clock_that_was_not_set_makes_nothing_old)
{
	struct store_limits limits = {.max_age_ms = 300000, .max_bytes = UINT64_MAX / 2};
	char keys[450], where[400];
	int64_t now = 20000;
	struct store s;
	struct err err;

	snprintf(where, sizeof where, "%s", fresh_dir("unset"));
	snprintf(keys, sizeof keys, "%s/keys", where);
	REQUIRE(store_open(&s, where, keys, &limits, 100, now, &err) == 0);
	fill(&s, 2, &now);
	now = 1795341600000;
	CHECK_INT(store_retain(&s, now, &err), 0);
	fill(&s, 1, &now);
	CHECK_INT(store_retain(&s, now + 200000, &err), 0);
	CHECK_INT(s.tip.oldest, 1);
	CHECK_INT(store_retain(&s, now + 400000, &err), 1);
	CHECK_INT(s.tip.oldest, 4);
	store_close(&s);
}

TEST(what_was_taken_is_known_after_a_stop)
{
	const char *dir = fresh_dir("seen");
	char keys[450], where[400];
	int64_t now = 1795341600000;
	struct store s, again;
	struct err err;

	snprintf(where, sizeof where, "%s", dir);
	snprintf(keys, sizeof keys, "%s/keys", where);
	REQUIRE(store_open(&s, where, keys, &no_limits, 100, now, &err) == 0);
	CHECK(!seen_before(&s.seen, "meter meter.1", 13, "a.7", 3));
	CHECK_INT(append(&s, ROWS_DATA, 7), 0);
	CHECK_INT(store_commit(&s, true, now), 0);
	CHECK_INT(store_open(&again, where, keys, &no_limits, 40, now, &err), -1);
	CHECK_INT(errno, EBUSY);
	store_close(&s);
	REQUIRE(store_open(&s, where, keys, &no_limits, 100, now, &err) == 0);
	CHECK(seen_before(&s.seen, "meter meter.1", 13, "a.7", 3));
	CHECK(!seen_before(&s.seen, "meter meter.1", 13, "a.8", 3));
	CHECK_INT(store_append(&s, ROWS_DATA, "\xff", 1), -1);
	store_close(&s);
	/* and once more, with nothing but the state in the rows */
	REQUIRE(store_open(&s, where, keys, &no_limits, 100, now, &err) == 0);
	CHECK(seen_before(&s.seen, "meter meter.1", 13, "a.7", 3));
	store_close(&s);
}

TEST(an_erased_person_cannot_be_read)
{
	const char *dir = fresh_dir("persons");
	char keys[450], where[400];
	int64_t now = 1795341600000;
	uint64_t gone;
	size_t n[2];
	struct store s;
	struct err err;

	snprintf(where, sizeof where, "%s", dir);
	snprintf(keys, sizeof keys, "%s/keys", where);
	REQUIRE(store_open(&s, where, keys, &no_limits, 100, now, &err) == 0);
	fill(&s, 2, &now);
	count_store(where, &s.keys, n, &gone);
	CHECK_INT(n[1], 2);
	CHECK_INT(persons_erase(&s.persons, "h7", &err), 1);
	CHECK_INT(persons_erase(&s.persons, "h7", &err), 0);
	count_store(where, &s.keys, n, &gone);
	CHECK_INT(n[0], 102);
	CHECK_INT(n[1], 0);
	CHECK(clean(where, &s.keys));
	/* the same person later is another one */
	fill(&s, 1, &now);
	count_store(where, &s.keys, n, &gone);
	CHECK_INT(n[1], 1);
	store_close(&s);
}

static void add_line(struct segment_lines *l, enum rows_class c, const char *line)
{
	segment_lines_add(l, c, line, strlen(line));
}

TEST(a_segment_opens_as_it_was_sealed)
{
	uint8_t device[CRYPT_KEY] = {5}, other[CRYPT_KEY] = {6};
	struct crypt_opener mine = {.kek = device}, theirs = {.kek = other};
	struct segment_head h = {.seq = 7, .sealed_ms = 1795341600000}, again;
	struct buf private, public, file;
	struct crypt_signer *signer;
	struct segment_body body;
	struct segment_lines l;
	struct err err;

	buf_init(&private, 4096);
	buf_init(&public, 4096);
	buf_init(&file, 1 << 20);
	REQUIRE(crypt_signer_make(&private, &public, &err) == 0);
	signer = crypt_signer_read(private.data, private.len, &err);
	segment_lines_init(&l);
	add_line(&l, ROWS_DATA,
		 "{\"t\":\"2026-11-22T10:00:02.000Z\",\"type\":\"a\",\"src\":\"b\"}");
	add_line(&l, ROWS_EVENT,
		 "{\"t\":\"2026-11-22T10:00:01.000Z\",\"type\":\"a\",\"src\":\"c\"}");
	segment_lines_add(&l, ROWS_DATA, "no record", 9);
	REQUIRE(segment_seal(&h, &l, signer, device, NULL, &file, &err) == 0);
	REQUIRE(segment_head_read(file.data, file.len, &again, &err) == 0);
	CHECK(segment_head_signed(file.data, &again));
	CHECK_INT(again.seq, 7);
	CHECK_INT(again.records, 3);
	CHECK_INT(again.to_ms - again.from_ms, 1000);
	CHECK(memcmp(again.link, h.link, CRYPT_HASH) == 0);
	CHECK_INT(segment_open(file.data, file.len, &again, 0, &mine, true, &body, &err), 0);
	CHECK_INT(body.count, 1);
	CHECK_INT(body.place[0], 1);
	segment_body_release(&body);
	CHECK_INT(segment_open(file.data, file.len, &again, 1, &mine, true, &body, &err), 0);
	CHECK(strstr(buf_str(&body.lines), "\nno record\n") != NULL);
	segment_body_release(&body);
	CHECK_INT(segment_open(file.data, file.len, &again, 1, &theirs, true, &body, &err), -1);
	segment_body_release(&body);
	CHECK_INT(segment_open(file.data, file.len - 1, &again, 1, &mine, true, &body, &err), -1);
	segment_body_release(&body);
	again.part[1].root[3] ^= 1;
	CHECK_INT(segment_open(file.data, file.len, &again, 1, &mine, true, &body, &err), -1);
	segment_body_release(&body);
	file.data[30] ^= 1;
	CHECK(segment_head_read(file.data, file.len, &again, &err) < 0 ||
	      !segment_head_signed(file.data, &again));
	segment_lines_release(&l);
	crypt_signer_free(signer);
	buf_release(&private);
	buf_release(&public);
	buf_release(&file);
}

TEST(rows_are_sealed_into_a_segment_and_the_tip_moves)
{
	char keys[450], where[400], name[32];
	int64_t now = 1795341600000;
	uint64_t gone, bytes = 0;
	struct tip tip;
	size_t n[2];
	struct store s;
	struct err err;

	snprintf(where, sizeof where, "%s", fresh_dir("sealer"));
	snprintf(keys, sizeof keys, "%s/keys", where);
	REQUIRE(store_open(&s, where, keys, &no_limits, 100, now, &err) == 0);
	for (int i = 0; i < 100; i++)
		CHECK_INT(append(&s, i % 9 ? ROWS_DATA : ROWS_EVENT, i), 0);
	CHECK_INT(store_rotate(&s, now, &err), 0);
	tip = s.tip;
	CHECK_INT(seal_rows(s.dir_fd, &s.keys, &tip, false, now, &bytes, &err), 0);
	CHECK_INT(tip.seq, 1);
	CHECK(bytes > 1000);
	store_name(name, 1, ".rows");
	CHECK(faccessat(s.dir_fd, name, F_OK, 0) < 0);
	count_store(where, &s.keys, n, &gone);
	CHECK_INT(n[0], 100);
	/* one that is gone still leaves its place in the chain */
	CHECK_INT(seal_rows(s.dir_fd, &s.keys, &tip, false, now, &bytes, &err), 0);
	CHECK_INT(tip.seq, 2);
	CHECK(clean(where, &s.keys));
	s.tip = tip;
	s.pack_next = s.rows.seq;
	store_close(&s);
}
