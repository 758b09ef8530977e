#include "harness.h"
#include "session/list.h"
#include "session/store.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/session-store-XXXXXX";
static struct err err;

static char *in_dir(const char *name)
{
	static char path[256];

	if (strstr(dir, "XXXXXX") && !mkdtemp(dir))
		abort();
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	fputs(text, f);
	fclose(f);
}

static int through_text(const struct session_stored *from, struct session_stored *to,
			const char *drop)
{
	struct buf b;
	struct jw w;
	char *at;
	int rc;
	jv v;

	buf_init(&b, 65536);
	jw_init(&w, &b);
	jw_obj(&w);
	store_write(&w, from);
	jw_end(&w);
	at = drop ? strstr(b.data, drop) : NULL;
	if (at)
		at[1] = '~';
	rc = json_parse(b.data, b.len, &v, &err);
	if (rc == 0) {
		rc = store_read(v, to, &err);
		json_free(v);
	}
	buf_release(&b);
	return rc;
}

TEST(a_stored_session_comes_back)
{
	struct session_stored a = {.state = SESSION_SUSPENDED_EV,
				   .id = "191e357a-f375-4655-89af-51fbd03dc8ba",
				   .connected = true,
				   .authorized = true,
				   .begun = true,
				   .allow = true,
				   .id_hash = "e40c56a0",
				   .kind = "ISO14443",
				   .has_remote_start = true,
				   .remote_start_id = -5,
				   .begin = {.have = true, .import_wh = 1234.5}};
	struct session_stored b;

	snprintf(a.auth.verdict, sizeof a.auth.verdict, "Accepted");
	a.auth.stop_ms = 1795341600000;
	a.auth.energy_max_wh = 7000.125;
	CHECK_INT(through_text(&a, &b, NULL), 0);
	CHECK_INT(b.state, SESSION_SUSPENDED_EV);
	CHECK_STR(b.id, a.id);
	CHECK(b.connected && b.authorized && b.begun && b.allow && !b.closed && !b.stopping);
	CHECK_STR(b.auth.verdict, "Accepted");
	CHECK_INT(b.auth.stop_ms, a.auth.stop_ms);
	CHECK_NUM(b.auth.energy_max_wh, 7000.125, 0);
	CHECK_INT(b.remote_start_id, -5);
	CHECK_NUM(b.begin.import_wh, 1234.5, 0);
}

TEST(a_member_that_is_missing_is_named)
{
	static const char *const members[] = {"\"state\"",           "\"id\"",      "\"reason\"",
					      "\"allow\"",           "\"begun\"",   "\"stop_ms\"",
					      "\"remote_start_id\"", "\"begin_wh\""};
	struct session_stored a = {.state = SESSION_IDLE}, b;

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		err.msg[0] = 0;
		CHECK_INT(through_text(&a, &b, members[i]), -1);
		CHECK(err.msg[0] != 0);
	}
}

TEST(the_key_is_made_once_and_kept_from_others)
{
	struct token_key a, b;

	in_dir("");
	CHECK_INT(token_key_load(&a, dir, &err), 0);
	CHECK_INT(token_key_load(&b, dir, &err), 0);
	CHECK(memcmp(&a, &b, sizeof a) == 0);
	CHECK_INT(token_key_load(&b, NULL, &err), 0);
	CHECK(memcmp(&a, &b, sizeof a) != 0);
	chmod(in_dir("token.key"), 0644);
	CHECK_INT(token_key_load(&b, dir, &err), -1);
	CHECK(strstr(err.msg, "others may read") != NULL);
	write_file("token.key", "short");
	chmod(in_dir("token.key"), 0600);
	CHECK_INT(token_key_load(&b, dir, &err), -1);
	unlink(in_dir("token.key"));
	CHECK_INT(token_key_load(&b, "/nonexistent", &err), -1);
}

TEST(capitals_and_small_letters_are_one_token)
{
	struct token_key k = {{1}};
	char a[SESSION_HASH_MAX], b[SESSION_HASH_MAX];

	token_hash(&k, "04a2b3", a);
	token_hash(&k, "04A2B3", b);
	CHECK_STR(a, b);
	CHECK_INT(strlen(a), 32);
	token_hash(&k, "04A2B4", b);
	CHECK(strcmp(a, b) != 0);
	token_hash(&k, "", b);
	CHECK_STR(b, "");
}

TEST(the_list_gives_verdict_and_group)
{
	struct token_key k = {{1}};
	struct session_auth x, y;
	struct token_list l;
	char hash[SESSION_HASH_MAX];

	write_file("list", "# cards\n\n  AA\tfamily # mine\nbb family\ncc\n");
	CHECK_INT(token_list_load(&l, in_dir("list"), &k, &err), 0);
	CHECK_INT(l.count, 3);
	token_hash(&k, "aa", hash);
	token_list_verdict(&l, hash, &x);
	CHECK_STR(x.verdict, "Accepted");
	CHECK_STR(x.by, "list");
	token_hash(&k, "BB", hash);
	token_list_verdict(&l, hash, &y);
	CHECK_STR(x.group_hash, y.group_hash);
	CHECK(x.group_hash[0] != 0);
	token_hash(&k, "dd", hash);
	token_list_verdict(&l, hash, &x);
	CHECK_STR(x.verdict, "Unknown");
	token_list_verdict(&l, "", &x);
	CHECK_STR(x.verdict, "Unknown");
	token_list_release(&l);
	write_file("list", "aa\nbb group more\n");
	CHECK_INT(token_list_load(&l, in_dir("list"), &k, &err), -1);
	CHECK(strstr(err.msg, "list:2: ") != NULL);
	CHECK_INT(token_list_load(&l, in_dir("none"), &k, &err), -1);
	unlink(in_dir("list"));
	rmdir(dir);
}
