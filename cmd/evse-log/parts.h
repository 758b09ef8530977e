/* The commands of evse-log, a file each. Each takes what stands behind its name and returns an exit
 * code. */
#ifndef EVSE_LOG_PARTS_H
#define EVSE_LOG_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/cli.h"
#include "core/exit.h"
#include "core/confine.h"
#include "store/keys.h"

int log_record(int argc, char **argv);
int log_show(int argc, char **argv);
int log_verify(int argc, char **argv);
int log_stat(int argc, char **argv);
int log_erase(int argc, char **argv);
int log_rotate(int argc, char **argv);
int log_prove(int argc, char **argv);
int log_verify_proof(int argc, char **argv);

/* What the reading commands share. */
struct common_options {
	bool help, version, table, quiet;
	const char *dir, *keys, *recipient_key, *recipient_cert;
};

#define OPT_DIR(o)                                                                           \
	{                                                                                    \
		'd', "dir", "DIR", "@dir", "the store's directory", CLI_STR, &(o).dir, 0, 0, \
		    false, false                                                             \
	}
#define OPT_KEYS(o)                                                                            \
	{                                                                                      \
		0, "keys", "DIR", "@dir", "directory of the keys (default DIR/keys)", CLI_STR, \
		    &(o).keys, 0, 0, false, false                                              \
	}
#define OPT_RECIPIENT(o)                                                                    \
	{0,                                                                                 \
	 "recipient-key",                                                                   \
	 "FILE",                                                                            \
	 "@file",                                                                           \
	 "open with this private key (PEM) of a recipient",                                 \
	 CLI_STR,                                                                           \
	 &(o).recipient_key,                                                                \
	 0,                                                                                 \
	 0,                                                                                 \
	 false,                                                                             \
	 false},                                                                            \
	{                                                                                   \
		0, "recipient-cert", "FILE", "@file", "and its certificate (PEM)", CLI_STR, \
		    &(o).recipient_cert, 0, 0, false, false                                 \
	}
#define OPT_COMMON(o)                                                                             \
	{'q', "quiet", NULL,  NULL, "only errors on standard error", CLI_FLAG, &(o).quiet,        \
	 0,   0,       false, true},                                                              \
	    {'h', "help", NULL, NULL, "print this text", CLI_FLAG, &(o).help, 0, 0, false, true}, \
	    {'V', "version", NULL,  NULL, "print the version", CLI_FLAG, &(o).version,            \
	     0,   0,         false, true},                                                        \
	    {0, "option-table", NULL, NULL, "print the option table", CLI_FLAG, &(o).table, 0,    \
	     0, true,           true},                                                            \
	{                                                                                         \
		0                                                                                 \
	}

/* Who opens: the device's keys, or a recipient. */
struct opening {
	struct keys keys;
	bool have_keys;
	struct buf key_pem, cert_pem;
	struct crypt_opener opener;
};

/** Parses, checks that -d is there and that nothing else is. @return CLI_GO, or ends as cli_parse()
 * does. */
enum cli_result common_parse(struct cli *c, int argc, char **argv, struct common_options *o,
			     int max_args, int *code);
/** The keys' directory: --keys, else DIR/keys. */
const char *common_keys_dir(const struct common_options *o, char *path, size_t size);
/** Reads public keys; exits with a message where there are none. @return how many. */
size_t common_pubs(const char *path, uint8_t (*pubs)[CRYPT_PUB], size_t max);
/** Reads the keys or the recipient's; exits with a message where that fails. */
void common_open(struct opening *w, const struct common_options *o);
void common_close(struct opening *w);
/** The exit status for a file that could not be read, by errno; @otherwise where that says nothing.
 */
enum exit_code common_exit(int why, enum exit_code otherwise);

#endif
