#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "core/exit.h"
#include "core/log.h"
#include "parts.h"

enum cli_result common_parse(struct cli *c, int argc, char **argv, struct common_options *o,
			     int max_args, int *code)
{
	enum cli_result rc = cli_parse(c, argc, argv, NULL, NULL, code);

	if (rc != CLI_GO)
		return rc;
	if (o->quiet)
		log_set_level(LOG_LEVEL_ERROR);
	*code = EXIT_USAGE;
	if (c->nargs > max_args) {
		log_error("unexpected argument '%s'; try --help", c->args[max_args]);
		return CLI_BAD;
	}
	if (!o->dir && max_args == 0) {
		log_error("expected -d DIR, the store's directory; try --help");
		return CLI_BAD;
	}
	*code = EXIT_DONE;
	return CLI_GO;
}

const char *common_keys_dir(const struct common_options *o, char *path, size_t size)
{
	if (o->keys)
		return o->keys;
	snprintf(path, size, "%s/keys", o->dir);
	return path;
}

static void read_pem(const char *path, bool secret, struct buf *b)
{
	struct err err;

	buf_init(b, 128 << 10);
	if (keys_read_file(path, secret, b, &err) < 0)
		log_fatal(errno == EACCES ? EXIT_PERMISSION : EXIT_NO_INPUT, "%s", err.msg);
}

size_t common_pubs(const char *path, uint8_t (*pubs)[CRYPT_PUB], size_t max)
{
	struct buf b;
	struct err err;
	int n;

	buf_init(&b, 128 << 10);
	if (keys_read_file(path, false, &b, &err) < 0)
		log_fatal(EXIT_NO_INPUT, "%s; name the public key with --pub", err.msg);
	n = crypt_pub_read(b.data, b.len, pubs, max, &err);
	if (n < 0)
		log_fatal(EXIT_BAD_DATA, "%s: %s", path, err.msg);
	buf_release(&b);
	return (size_t)n;
}

void common_open(struct opening *w, const struct common_options *o)
{
	char path[PATH_MAX];
	struct err err;

	*w = (struct opening){0};
	if (o->recipient_key || o->recipient_cert) {
		if (!o->recipient_key || !o->recipient_cert)
			log_fatal(EXIT_USAGE, "--recipient-key and --recipient-cert go together");
		read_pem(o->recipient_key, true, &w->key_pem);
		read_pem(o->recipient_cert, false, &w->cert_pem);
		w->opener = (struct crypt_opener){.key_pem = w->key_pem.data,
						  .key_len = w->key_pem.len,
						  .cert_pem = w->cert_pem.data,
						  .cert_len = w->cert_pem.len};
		return;
	}
	if (keys_load(&w->keys, common_keys_dir(o, path, sizeof path), KEYS_OPEN, false, &err) < 0)
		log_fatal(common_exit(errno, EXIT_NO_INPUT), "%s", err.msg);
	w->have_keys = true;
}

enum exit_code common_exit(int why, enum exit_code otherwise)
{
	switch (why) {
	case EACCES:
	case EPERM:
		return EXIT_PERMISSION;
	case ENOTSUP:
		return EXIT_CONFIG;
	case ENOSPC:
	case EROFS:
	case EIO:
		return EXIT_IO;
	case ENOENT:
		return EXIT_NO_INPUT;
	case EBADMSG:
		return EXIT_BAD_DATA;
	default:
		return otherwise;
	}
}

void common_close(struct opening *w)
{
	if (w->have_keys)
		keys_release(&w->keys);
	crypt_forget(w->key_pem.data, w->key_pem.len);
	buf_release(&w->key_pem);
	buf_release(&w->cert_pem);
}
