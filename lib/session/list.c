#include "session/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 100000, GROWTH = 64 };

struct token_entry {
	char id_hash[SESSION_HASH_MAX], group_hash[SESSION_HASH_MAX];
};

static int add(struct token_list *l, const char *id, const char *group, const struct token_key *k)
{
	if (l->count % GROWTH == 0) {
		void *more = realloc(l->entries, (l->count + GROWTH) * sizeof *l->entries);

		if (!more)
			return -1;
		l->entries = more;
	}
	token_hash(k, id, l->entries[l->count].id_hash);
	token_hash(k, group ? group : "", l->entries[l->count].group_hash);
	l->count++;
	return 0;
}

static int take_line(struct token_list *l, char *line, const struct token_key *k, struct err *err)
{
	char *save, *id, *group, *more;

	line[strcspn(line, "#\r\n")] = 0;
	id = strtok_r(line, " \t", &save);
	if (!id)
		return 0;
	group = strtok_r(NULL, " \t", &save);
	more = group ? strtok_r(NULL, " \t", &save) : NULL;
	if (more)
		return err_set(err, "expected a token and a group, then '%s'", more);
	if (strlen(id) >= SESSION_TOKEN_MAX)
		return err_set(err, "token longer than %d", SESSION_TOKEN_MAX - 1);
	if (l->count == LIST_MAX)
		return err_set(err, "more than %d tokens", LIST_MAX);
	if (add(l, id, group, k) < 0)
		return err_sys(err, "unable to keep the list");
	return 0;
}

int token_list_load(struct token_list *l, const char *path, const struct token_key *k,
		    struct err *err)
{
	FILE *f = fopen(path, "re");
	char line[1024];
	int rc = 0;

	*l = (struct token_list){0};
	if (!f)
		return err_sys(err, "unable to open %s", path);
	for (unsigned long number = 1; rc == 0 && fgets(line, sizeof line, f); number++) {
		rc = take_line(l, line, k, err);
		if (rc < 0)
			err_prefix(err, "%s:%lu", path, number);
	}
	if (rc == 0 && ferror(f))
		rc = err_sys(err, "unable to read %s", path);
	fclose(f);
	explicit_bzero(line, sizeof line);
	if (rc < 0)
		token_list_release(l);
	return rc;
}

void token_list_release(struct token_list *l)
{
	free(l->entries);
	*l = (struct token_list){0};
}

void token_list_verdict(const struct token_list *l, const char *id_hash, struct session_auth *auth)
{
	memset(auth, 0, sizeof *auth);
	snprintf(auth->by, sizeof auth->by, "list");
	snprintf(auth->verdict, sizeof auth->verdict, "Unknown");
	for (size_t i = 0; *id_hash && i < l->count; i++) {
		if (strcmp(l->entries[i].id_hash, id_hash) != 0)
			continue;
		snprintf(auth->verdict, sizeof auth->verdict, "Accepted");
		snprintf(auth->group_hash, sizeof auth->group_hash, "%s", l->entries[i].group_hash);
		return;
	}
}
