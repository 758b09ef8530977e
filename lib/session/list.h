/* The charger's own list of tokens, for when no back office decides. A text file: one token a line,
 * and behind it the name of its group, if any; '#' begins a comment. */
#ifndef SESSION_LIST_H
#define SESSION_LIST_H

#include "core/err.h"
#include "session/hash.h"

struct token_list {
	struct token_entry *entries;
	size_t count;
};

/**
 * Read a list; ids and groups are kept as hashes only.
 *
 * @return  0, or -1 with @err naming file and line
 *
 * Ownership: token_list_release() frees the entries.  Blocking: for the disk.
 */
int token_list_load(struct token_list *l, const char *path, const struct token_key *k,
		    struct err *err);
void token_list_release(struct token_list *l);

/** Accepted by `list` with its group, or Unknown. */
void token_list_verdict(const struct token_list *l, const char *id_hash, struct session_auth *auth);

#endif
