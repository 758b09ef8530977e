/* TLS with certificates, passwords, and configurations that change. */
#include "ws_rig.h"

static char *pki(const char *file)
{
	static char dir[64], path[16][128];
	static int turn;
	char command[200];

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/tmp/ws_link.XXXXXX");
		if (!mkdtemp(dir))
			return NULL;
		snprintf(command, sizeof(command), "sh cmd/evse-pki.sh -d %s demo CS001 >/dev/null",
			 dir);
		if (system(command) != 0)
			printf("evse-pki failed\n");
	}
	turn = (turn + 1) % 16;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, file);
	return path[turn];
}

static void remove_pki(void)
{
	char command[200];

	snprintf(command, sizeof(command), "rm -rf %s", pki(""));
	if (system(command) != 0)
		printf("unable to remove %s\n", pki(""));
}

__attribute__((constructor)) static void clean_up_at_exit(void)
{
	atexit(remove_pki);
}

TEST(tls_13_with_certificates_on_both_ends)
{
	struct ws_server_conf sc = {.cert_file = pki("server.crt"),
				    .key_file = pki("server.key"),
				    .ca_file = pki("ca.crt"),
				    .require_client_cert = true};
	struct ws_client_conf cc;

	REQUIRE(begin(&sc));
	cc = (struct ws_client_conf){.ca_file = pki("ca.crt"),
				     .cert_file = pki("CS001.crt"),
				     .key_file = pki("CS001.key"),
				     .security_profile = 3};
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_open, 1));
	CHECK_STR(r.tls, "TLSv1.3");
	end();
	REQUIRE(begin(&sc));
	cc = (struct ws_client_conf){.ca_file = pki("ca.crt")};
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	CHECK_INT(r.client_reason, WS_TLS_CERT_MISSING);
	end();
}

TEST(files_are_read_again_at_each_try)
{
	struct ws_server_conf sc = {.cert_file = pki("server.crt"), .key_file = pki("server.key")};
	struct ws_client_conf cc;
	char path[128], moved[128];

	REQUIRE(begin(&sc));
	snprintf(path, sizeof(path), "%s", pki("ca.crt"));
	snprintf(moved, sizeof(moved), "%s", pki("ca.moved"));
	r.refuse_with = 503;
	cc = (struct ws_client_conf){.ca_file = path, .reconnect = true, .backoff = {10, 0, 0}};
	REQUIRE(join(&cc));
	REQUIRE(rename(path, moved) == 0);
	CHECK(run_until(&r.client_refused, 2));
	CHECK_INT(r.client_reason, WS_LOCAL);
	CHECK(strstr(r.text, "unable to open CA file") != NULL);
	CHECK(rename(moved, path) == 0);
	end();
}

TEST(basic_auth_is_sent_and_judged)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s", pki("password"));
	f = fopen(path, "w");
	REQUIRE(f != NULL);
	fputs("right password\n", f);
	fclose(f);
	CHECK(chmod(path, 0600) == 0);
	REQUIRE(begin(&sc));
	cc = (struct ws_client_conf){.security_profile = 1, .password_file = path};
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_open, 1));
	end();
	f = fopen(path, "w");
	REQUIRE(f != NULL);
	fputs("wrong", f);
	fclose(f);
	cc.url = NULL;
	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	CHECK(run_until(&r.client_refused, 1));
	CHECK_INT(r.http_status, 401);
	end();
}

static void change_identity(void)
{
	struct ws_client_conf other = {.reconnect = true, .backoff = {60000, 0, 0}};
	struct err e = {""};
	char url[64];

	other.url = "nonsense";
	CHECK(ws_client_set_conf(r.client, &other, &e) < 0);
	CHECK(strstr(e.msg, "none of") != NULL);
	CHECK_STR(ws_client_identity(r.client), "CS001");
	snprintf(url, sizeof(url), "ws://localhost:%d/x/CS002", ws_server_port(r.server));
	other.url = url;
	CHECK(ws_client_set_conf(r.client, &other, &e) == 0);
	CHECK_STR(ws_client_identity(r.client), "CS002");
	CHECK(ws_client_is_open(r.client));
	ws_client_reconnect(r.client);
}

TEST(a_configuration_can_be_changed_and_a_bad_one_changes_nothing)
{
	struct ws_server_conf sc = {.listen = NULL};
	struct ws_client_conf cc = {.reconnect = true, .backoff = {60000, 0, 0}};

	REQUIRE(begin(&sc));
	REQUIRE(join(&cc));
	when_open(change_identity);
	CHECK(run_until(&r.server_open, 2));
	CHECK_STR(r.identity, "CS002");
	CHECK_INT(r.client_closed, 1);
	end();
}

TEST(impossible_configurations_are_refused)
{
	struct ws_server_conf sc = {.listen = NULL}, bad;
	struct err e = {""};

	REQUIRE(begin(&sc));
	bad = (struct ws_server_conf){.listen = "127.0.0.1:0", .require_client_cert = true};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	bad = (struct ws_server_conf){.listen = "127.0.0.1:0", .cert_file = "x"};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	bad = (struct ws_server_conf){.listen = NULL};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	bad = (struct ws_server_conf){.listen = "127.0.0.1:0", .subprotocols = "a,b,c,d,e,f,g,h,i"};
	CHECK(ws_server_new(r.ws, &bad, on_server, NULL, &e) == NULL);
	CHECK(strstr(e.msg, "subprotocols") != NULL);
	end();
}
