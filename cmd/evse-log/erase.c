/* evse-log erase: destroys the keys of a person's values, so that nobody can read them any more, in
 * no copy of the store. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/log.h"
#include "parts.h"
#include "store/persons.h"

static struct {
	struct common_options c;
	struct cli_list persons;
} o;

static const struct cli_opt options[] = {
    OPT_DIR(o.c),
    OPT_KEYS(o.c),
    {0, "person-file", "FILE", "@file", "values to erase, one a line ('-': standard input)",
     CLI_LIST, &o.persons, 0, 0, false, false},
    {0},
};
static const struct cli_opt common[] = {OPT_COMMON(o.c)};

static int erase_file(struct persons *p, const char *path)
{
	FILE *f = path[0] == '-' && !path[1] ? stdin : fopen(path, "re");
	char line[1100];
	int gone = 0;

	if (!f)
		log_fatal(EXIT_NO_INPUT, "unable to open %s", path);
	while (fgets(line, sizeof line, f)) {
		struct err err;
		int n;

		for (char *c = line; *c; c++)
			if (*c == '\n' || *c == '\r')
				*c = '\0';
		n = *line ? persons_erase(p, line, &err) : 0;
		if (n < 0)
			log_fatal(EXIT_IO, "%s: %s", o.c.dir, err.msg);
		gone += n;
	}
	if (f != stdin)
		fclose(f);
	return gone;
}

int log_erase(int argc, char **argv)
{
	struct cli c = {"evse-log",
			NULL,
			"Erases a person's data: card numbers and the like, by destroying their "
			"keys. The chain stays whole.",
			options,
			common,
			"  printf '04A2B3C4\\n' | evse-log erase -d store --person-file -\n",
			NULL,
			NULL,
			0};
	struct persons p;
	struct opening w;
	int code, fd, gone = 0;

	if (common_parse(&c, argc, argv, &o.c, 0, &code) != CLI_GO)
		return code;
	if (!o.persons.count)
		log_fatal(EXIT_USAGE, "erase: expected --person-file FILE");
	common_open(&w, &o.c);
	fd = open(o.c.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		log_fatal(EXIT_NO_INPUT, "unable to open the directory %s", o.c.dir);
	persons_init(&p, fd, &w.keys);
	for (size_t i = 0; i < o.persons.count; i++)
		gone += erase_file(&p, o.persons.item[i]);
	printf("%d erased\n", gone);
	persons_release(&p);
	close(fd);
	common_close(&w);
	return cli_close(gone ? EXIT_DONE : EXIT_NO);
}
