/* evse-log erase: destroys the keys of a person's values, so that nobody can read them any more, in
 * no copy of the store; and hides them where they were stored before it was known whose they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/exit.h"
#include "core/head.h"
#include "core/log.h"
#include "parts.h"
#include "store/names.h"
#include "store/reader.h"

enum {
	VALUE_MAX = 65536,
	TEXT_MIN = 4,   /* a shorter one is erased only where it is known to be personal */
	INSIDE_MIN = 8, /* one of so many bytes is found within longer words too, and as a number */
};

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

struct value {
	char *text, *folded;
	size_t len; /* of folded */
};

struct erase {
	struct value *values;
	size_t count;
	struct hidden before, hidden;
	size_t records; /* with places that are hidden now */
	char folded[NDJSON_LINE_MAX];
	uint32_t at[NDJSON_LINE_MAX + 1]; /* where each byte of it came from */
};

/* ---- the values ---- */

static void add_value(struct erase *e, const char *text, size_t len)
{
	struct value v = {strndup(text, len), malloc(len + 1), 0};
	struct value *more = realloc(e->values, (e->count + 1) * sizeof(*more));

	if (!v.text || !v.folded || !more)
		log_fatal(EXIT_OS, "out of memory");
	v.len = names_fold(text, len, v.folded);
	e->values = more;
	for (size_t i = 0; i < e->count; i++) {
		if (e->values[i].len == v.len &&
		    memcmp(e->values[i].folded, v.folded, v.len) == 0) {
			free(v.text);
			free(v.folded);
			return;
		}
	}
	e->values[e->count++] = v;
}

static void read_values(struct erase *e, const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	static char line[VALUE_MAX + 2];

	if (!f)
		log_fatal(EXIT_NO_INPUT, "unable to open %s", path);
	while (fgets(line, sizeof line, f)) {
		size_t len = strcspn(line, "\r\n");

		if (len > VALUE_MAX)
			log_fatal(EXIT_BAD_DATA, "%s: a value has more than %d bytes", path,
				  VALUE_MAX);
		if (len)
			add_value(e, line, len);
	}
	if (ferror(f))
		log_fatal(EXIT_IO, "unable to read %s", path);
	if (f != stdin)
		fclose(f);
}

/* ---- what belongs together ---- */

static bool is_erased(const struct erase *e, const struct names_value *v, char *room)
{
	size_t len = names_fold(v->at, v->len, room);

	for (size_t i = 0; i < e->count; i++)
		if (e->values[i].len == len && memcmp(e->values[i].folded, room, len) == 0)
			return true;
	return false;
}

/* A card's hash goes with the card: it stands beside it in the record that let it charge. */
static int on_shown(void *ctx, const struct place *p, const char *line, size_t len)
{
	struct erase *e = ctx;
	struct names_value v;
	struct names n;
	bool named = false;

	(void)p;
	names_begin(&n, line, len, false);
	while (!named && names_next(&n, &v))
		named = v.personal && !names_key_is(v.key, v.key_len, "group") &&
			is_erased(e, &v, e->folded);
	if (!named)
		return 0;
	names_begin(&n, line, len, false);
	while (names_next(&n, &v))
		if (v.personal && v.len && names_key_is(v.key, v.key_len, "idhash"))
			add_value(e, v.at, v.len);
	return 0;
}

/* ---- what stands where nobody expected it ---- */

static bool word_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

/* Folds a string and notes where each byte came from. */
static size_t fold(struct erase *e, const char *line, const struct names_value *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->len;) {
		size_t step = 1, made;

		if ((uint8_t)v->at[i] == CONCEAL_MARK) { /* no word of a sealed value's digits */
			step = conceal_len(v->at + i, v->at + v->len);
			e->folded[n] = v->at[i];
			e->at[n++] = (uint32_t)(v->at + i - line);
			i += step ? step : 1;
			continue;
		}
		if (v->at[i] == '\\')
			step = i + 1 < v->len && v->at[i + 1] == 'u' ? 6 : 2;
		if (step == 6 && v->len - i >= 12 && v->at[i + 6] == '\\' &&
		    (v->at[i + 2] | 32) == 'd' && strchr("89abAB", v->at[i + 3]))
			step = 12; /* two halves of one character */
		step = step < v->len - i ? step : v->len - i;
		made = names_fold(v->at + i, step, e->folded + n);
		for (size_t k = 0; k < made; k++)
			e->at[n++] = (uint32_t)(v->at + i - line);
		i += step;
	}
	e->at[n] = (uint32_t)(v->at + v->len - line);
	return n;
}

static bool hidden_before(const struct erase *e, const struct hidden_place *h)
{
	const struct hidden_place *at = hidden_find(&e->before, h->seq, h->index),
				  *end = e->before.list + e->before.count;

	for (; at && at < end && at->seq == h->seq && at->index == h->index; at++)
		if (at->from <= h->from && h->from + h->len <= at->from + at->len)
			return true;
	return false;
}

static void hide(struct erase *e, const struct place *p, uint32_t from, uint32_t to, bool number)
{
	struct hidden_place h = {p->seq, p->index, from, to - from, number};
	const struct hidden_place *last =
	    e->hidden.count ? &e->hidden.list[e->hidden.count - 1] : NULL;

	if (hidden_before(e, &h))
		return;
	e->records += !last || last->seq != h.seq || last->index != h.index;
	if (hidden_add(&e->hidden, &h) < 0)
		log_fatal(EXIT_OS, "out of memory");
}

static void look_in_string(struct erase *e, const struct place *p, const char *line,
			   const struct names_value *v)
{
	size_t n = fold(e, line, v);

	for (size_t i = 0; i < e->count; i++) {
		const struct value *x = &e->values[i];
		const char *at = e->folded, *end = at + n, *hit;

		if (x->len < TEXT_MIN)
			continue;
		while ((hit = memmem(at, (size_t)(end - at), x->folded, x->len))) {
			const char *behind = hit + x->len;

			at = hit + 1;
			if (x->len < INSIDE_MIN && ((hit > e->folded && word_byte(hit[-1])) ||
						    (behind < end && word_byte(*behind))))
				continue;
			hide(e, p, e->at[hit - e->folded], e->at[behind - e->folded], false);
			at = behind;
		}
	}
}

/* 12345678 and 12345678.0 */
static bool is_number(const struct names_value *v, const struct value *x)
{
	size_t i = x->len;

	if (v->len < i || memcmp(x->folded, v->at, i) != 0)
		return false;
	if (i < v->len && v->at[i++] != '.')
		return false;
	while (i < v->len && v->at[i] == '0')
		i++;
	return i == v->len;
}

static void look_at_number(struct erase *e, const struct place *p, const char *line,
			   const struct names_value *v)
{
	for (size_t i = 0; i < e->count; i++) {
		const struct value *x = &e->values[i];

		if (x->len >= INSIDE_MIN && is_number(v, x))
			hide(e, p, (uint32_t)(v->at - line), (uint32_t)(v->at + v->len - line),
			     true);
	}
}

/* A line as it is stored. What is sealed in it needs no hiding: its key is gone. */
static int on_stored(void *ctx, const struct place *p, const char *line, size_t len)
{
	struct erase *e = ctx;
	struct names_value v;
	struct names n;
	struct head h;

	if (head_scan(line, len, &h, NULL) < 0)
		h.body = 0;
	names_begin(&n, line, len, true);
	while (names_next(&n, &v)) {
		if (v.at < line + h.body || v.len > sizeof e->folded)
			continue;
		if (v.number)
			look_at_number(e, p, line, &v);
		else
			look_in_string(e, p, line, &v);
	}
	return 0;
}

/* ---- both passes ---- */

static void each_line(struct erase *e, const struct opening *w, bool stored, reader_fn *fn)
{
	struct reader r;
	struct err err;
	int rc = reader_open(&r, o.c.dir, &w->keys, &err);

	if (rc < 0)
		log_fatal(EXIT_NO_INPUT, "%s", err.msg);
	r.stored = stored;
	rc = reader_each(&r, fn, e, &err);
	if (rc < 0)
		log_warning("%s: %s; what cannot be read now was not looked at", o.c.dir, err.msg);
	reader_close(&r);
}

static int destroy_keys(const struct erase *e, int dir_fd, const struct keys *keys)
{
	struct persons p;
	struct err err;
	int gone = 0;

	persons_init(&p, dir_fd, keys);
	for (size_t i = 0; i < e->count; i++) {
		int n = persons_erase(&p, e->values[i].text, &err);

		if (n < 0)
			log_fatal(EXIT_IO, "%s: %s", o.c.dir, err.msg);
		gone += n;
	}
	persons_release(&p);
	return gone;
}

/* What was hidden before stays hidden, as long as it is kept. */
static void write_hidden(struct erase *e, int dir_fd, const struct tip *tip)
{
	struct keys keys;
	struct err err;
	char path[PATH_MAX];

	if (!e->hidden.count)
		return;
	for (size_t i = 0; i < e->before.count; i++)
		if (e->before.list[i].seq >= tip->oldest &&
		    hidden_add(&e->hidden, &e->before.list[i]) < 0)
			log_fatal(EXIT_OS, "out of memory");
	if (keys_load(&keys, common_keys_dir(&o.c, path, sizeof path), KEYS_OPEN_AND_SIGN, false,
		      &err) < 0)
		log_fatal(common_exit(errno, EXIT_NO_INPUT), "%s", err.msg);
	memcpy(e->hidden.store, tip->store, STORE_ID);
	if (hidden_write(dir_fd, &e->hidden, keys.signer, &err) < 0)
		log_fatal(EXIT_IO, "%s: %s", o.c.dir, err.msg);
	keys_release(&keys);
}

int log_erase(int argc, char **argv)
{
	struct cli c = {
	    .tool = "evse-log",
	    .about = "Erases a person's data: card numbers and the like, by destroying their "
		     "keys. The chain stays whole.",
	    .own = options,
	    .common = common,
	    .examples = "  printf '04A2B3C4\\n' | evse-log erase -d store --person-file -\n",
	};
	static struct erase e;
	struct opening w;
	struct tip tip;
	struct err err;
	int code, fd, gone;

	if (common_parse(&c, argc, argv, &o.c, 0, &code) != CLI_GO)
		return code;
	if (!o.persons.count)
		log_fatal(EXIT_USAGE, "erase: expected --person-file FILE");
	common_open(&w, &o.c);
	fd = open(o.c.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		log_fatal(EXIT_NO_INPUT, "unable to open the directory %s", o.c.dir);
	for (size_t i = 0; i < o.persons.count; i++)
		read_values(&e, o.persons.item[i]);
	code = tip_read(fd, &tip, &err);
	if (code == 0)
		code = hidden_read(fd, &e.before, &err);
	if (code != 0)
		log_fatal(code == 1 ? EXIT_NO_INPUT : EXIT_BAD_DATA, "%s: %s", o.c.dir,
			  code == 1 ? "no store there" : err.msg);
	each_line(&e, &w, false, on_shown);
	gone = destroy_keys(&e, fd, &w.keys);
	each_line(&e, &w, true, on_stored);
	write_hidden(&e, fd, &tip);
	printf("%d erased\n", gone);
	if (e.records)
		printf("%zu records that were stored before it was known whose they are do not "
		       "show them any more\n",
		       e.records);
	for (size_t i = 0; i < e.count; i++) {
		crypt_forget(e.values[i].text, strlen(e.values[i].text));
		free(e.values[i].text);
		free(e.values[i].folded);
	}
	free(e.values);
	hidden_release(&e.before);
	hidden_release(&e.hidden);
	close(fd);
	common_close(&w);
	return cli_close(gone || e.records ? EXIT_DONE : EXIT_NO);
}
