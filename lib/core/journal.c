#include "core/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct journal {
	FILE *f;
	bool writing;
	char *line;
	size_t cap;
	struct journal_entry last; /* points into line */
	bool again;
};

static struct journal *open_file(const char *path, const char *mode, struct err *err)
{
	struct journal *j = calloc(1, sizeof *j);

	if (j)
		j->f = fopen(path, mode);
	if (!j || !j->f) {
		err_sys(err, "unable to open the journal %s", path);
		free(j);
		return NULL;
	}
	return j;
}

static void entry(struct journal *j, char letter, struct now now, const char *name,
		  const char *text, size_t len)
{
	if (!j || !j->writing)
		return;
	fprintf(j->f, "%c\t%" PRId64 "\t%" PRId64, letter, now.real_us, now.mono_us);
	if (name)
		fprintf(j->f, "\t%s", name);
	if (text)
		fprintf(j->f, "\t%.*s", (int)len, text);
	fputc('\n', j->f);
	if (fflush(j->f) != 0) {
		log_error("unable to write the journal: %s; it ends here", strerror(errno));
		j->writing = false;
	}
}

struct journal *journal_create(const char *path, struct now now, const char *epoch, struct err *err)
{
	struct journal *j = open_file(path, "we", err);

	if (j) {
		j->writing = true;
		entry(j, 'S', now, epoch, NULL, 0);
	}
	return j;
}

struct journal *journal_open(const char *path, struct now *now, char *epoch, size_t epoch_size,
			     struct err *err)
{
	struct journal *j = open_file(path, "re", err);
	struct journal_entry e;

	if (!j)
		return NULL;
	if (journal_next(j, &e, err) != 1 || e.kind != JOURNAL_START) {
		err_set(err, "%s line 1: expected the start entry of a journal", path);
		journal_close(j);
		return NULL;
	}
	*now = e.now;
	snprintf(epoch, epoch_size, "%s", e.name);
	return j;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	fclose(j->f);
	free(j->line);
	free(j);
}

void journal_line(struct journal *j, struct now now, const char *channel, const char *line,
		  size_t len)
{
	entry(j, 'L', now, channel, line, len);
}

void journal_timer(struct journal *j, struct now now, const char *name)
{
	entry(j, 'T', now, name, NULL, 0);
}

void journal_drained(struct journal *j, struct now now)
{
	entry(j, 'D', now, NULL, NULL, 0);
}

void journal_end(struct journal *j, struct now now)
{
	entry(j, 'E', now, NULL, NULL, 0);
}

static char *field(char **p)
{
	char *start = *p, *tab = start ? strchr(start, '\t') : NULL;

	*p = tab ? tab + 1 : NULL;
	if (tab)
		*tab = '\0';
	return start;
}

static int time_field(char **p, int64_t *us)
{
	char *text = field(p), *end;

	if (!text)
		return -1;
	*us = strtoll(text, &end, 10);
	return end == text || *end ? -1 : 0;
}

void journal_again(struct journal *j)
{
	j->again = true;
}

int journal_next(struct journal *j, struct journal_entry *e, struct err *err)
{
	static const char letters[] = "SLTDE";
	char *p, *letter;
	ssize_t n;

	if (j->again) {
		j->again = false;
		*e = j->last;
		return 1;
	}
	n = getline(&j->line, &j->cap, j->f);
	if (n < 0)
		return 0;
	if (n && j->line[n - 1] == '\n')
		j->line[--n] = '\0';
	p = j->line;
	letter = field(&p);
	*e = (struct journal_entry){.name = "", .text = ""};
	if (!letter || strlen(letter) != 1 || !strchr(letters, letter[0]) ||
	    time_field(&p, &e->now.real_us) < 0 || time_field(&p, &e->now.mono_us) < 0)
		return err_set(err, "expected a journal entry: a letter of %s and two times",
			       letters);
	e->kind = (enum journal_kind)(strchr(letters, letter[0]) - letters);
	if (e->kind <= JOURNAL_TIMER && !(e->name = field(&p)))
		return err_set(err, "expected a name behind the times");
	if (e->kind == JOURNAL_LINE) {
		if (!p)
			return err_set(err, "expected a line behind the channel's name");
		e->text = p;
		e->len = (size_t)(j->line + n - p);
	}
	j->last = *e;
	return 1;
}
