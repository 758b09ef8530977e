#include "core/vars.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- values ---- */

static union cli_value now_of(const struct cli_opt *o)
{
	union cli_value v = {.whole = 0};

	if (o->kind == CLI_FLAG)
		v.flag = *(bool *)o->dest;
	else if (o->kind == CLI_INT)
		v.whole = *(int64_t *)o->dest;
	else if (o->kind == CLI_NUM)
		v.num = *(double *)o->dest;
	else if (o->kind == CLI_WORD)
		v.word = *(int *)o->dest;
	return v;
}

static void put(const struct cli_opt *o, union cli_value v)
{
	if (o->kind == CLI_FLAG)
		*(bool *)o->dest = v.flag;
	else if (o->kind == CLI_INT)
		*(int64_t *)o->dest = v.whole;
	else if (o->kind == CLI_NUM)
		*(double *)o->dest = v.num;
	else if (o->kind == CLI_WORD)
		*(int *)o->dest = v.word;
}

static double number_of(const struct cli_opt *o, union cli_value v)
{
	return o->kind == CLI_INT ? (double)v.whole : v.num;
}

static bool equal(const struct cli_opt *o, union cli_value a, union cli_value b)
{
	if (o->kind == CLI_FLAG)
		return a.flag == b.flag;
	if (o->kind == CLI_WORD)
		return a.word == b.word;
	return !islessgreater(number_of(o, a), number_of(o, b));
}

/* The word at @index of "a|b|c". */
static const char *word_at(const char *words, int index, size_t *len)
{
	for (; index > 0 && (words = strchr(words, '|')); index--)
		words++;
	*len = words ? strcspn(words, "|") : 0;
	return words;
}

static void write_number(struct jw *w, double v)
{
	char text[40];

	if (isfinite(v))
		jw_raw(w, text, (size_t)snprintf(text, sizeof text, "%.15g", v));
	else
		jw_null(w);
}

static void write_value(struct jw *w, const struct cli_opt *o, union cli_value v)
{
	const char *word;
	size_t len;

	if (o->kind == CLI_FLAG) {
		jw_bool(w, v.flag);
	} else if (o->kind == CLI_INT) {
		jw_int(w, v.whole);
	} else if (o->kind == CLI_NUM) {
		write_number(w, v.num);
	} else {
		word = word_at(o->hint, v.word, &len);
		jw_strn(w, word ? word : "", len);
	}
}

/* What the option has now, of any kind. */
static void write_now(struct jw *w, const struct cli_opt *o)
{
	const struct cli_list *list = o->dest;
	struct buf text;

	if (o->kind == CLI_STR) {
		jw_str(w, *(const char **)o->dest);
	} else if (o->kind == CLI_COUNT) {
		jw_int(w, *(int *)o->dest);
	} else if (o->kind == CLI_LIST) {
		jw_arr(w);
		for (size_t i = 0; i < list->count; i++)
			jw_str(w, list->item[i]);
		jw_end(w);
	} else if (o->kind == CLI_JSON) {
		buf_init(&text, 16 << 10);
		if (!json_absent(*(jv *)o->dest) && json_print(*(jv *)o->dest, &text) == 0)
			jw_raw(w, buf_str(&text), text.len);
		else
			jw_null(w);
		buf_release(&text);
	} else {
		write_value(w, o, now_of(o));
	}
}

/* ---- which there are ---- */

static bool is_variable(const struct cli_opt *o)
{
	return !o->hidden && !(o->use & (CLI_LINE | CLI_HIDE)) && !(o->hint && o->hint[0] == '@');
}

void vars_init(struct vars *v, struct cli *c)
{
	size_t i = 0;

	v->cli = c;
	v->count = 0;
	for (const struct cli_opt *o = c->own; o && o->name && v->count < VARS_MAX; o++, i++) {
		if (!is_variable(o))
			continue;
		v->item[v->count++] = (struct var){
		    .o = o,
		    .index = i,
		    .base_from = c->origin ? c->origin[i] : NULL,
		    .base = now_of(o),
		};
	}
}

static size_t find(const struct vars *v, const char *name)
{
	size_t i = 0;

	while (i < v->count && strcmp(v->item[i].o->name, name) != 0)
		i++;
	return i;
}

static int unknown(const struct vars *v, const char *name, struct err *err)
{
	const char *names[VARS_MAX], *near;

	for (size_t i = 0; i < v->count; i++)
		names[i] = v->item[i].o->name;
	near = cli_nearest(name, names, v->count);
	return err_set(err, "unknown variable \"%.60s\"%s%s%s", name,
		       near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

/* ---- checking ---- */

static int beyond(const struct var *x, const char *side, double base, const char *text,
		  struct err *err)
{
	const char *from = x->base_from ? x->base_from : "built-in default";

	return err_set(err, "expected at %s %.10g, as the %s gives, got '%.40s'", side, base,
		       strchr(from, '/') ? "file" : from, text);
}

/* Its text through the parser of the command line; flags are true or false here. */
static int parse_text(const struct var *x, const char *text, union cli_value *out, struct err *err)
{
	struct cli_opt o = *x->o;
	double base = number_of(x->o, x->base), given;

	o.dest = out;
	*out = (union cli_value){.whole = 0};
	if (o.kind == CLI_FLAG) {
		out->flag = strcmp(text, "true") == 0;
		return out->flag || strcmp(text, "false") == 0
			   ? 0
			   : err_set(err, "expected true or false, got '%.40s'", text);
	}
	if (cli_set_text(&o, text, err) < 0)
		return -1;
	if (o.kind == CLI_WORD)
		return 0;
	given = number_of(&o, *out);
	if ((o.use & CLI_LOWER) && given > base)
		return beyond(x, "most", base, text, err);
	if ((o.use & CLI_RAISE) && given < base)
		return beyond(x, "least", base, text, err);
	return 0;
}

static int parse(const struct var *x, jv v, union cli_value *out, struct err *err)
{
	struct buf text;
	int rc;

	if (!(x->o->use & CLI_SET))
		return err_set(err, "can be read, not set");
	buf_init(&text, 16 << 10);
	if (json_str(v))
		buf_adds(&text, json_str(v));
	else
		json_print(v, &text);
	rc = parse_text(x, buf_str(&text), out, err);
	buf_release(&text);
	return rc;
}

struct planning {
	const struct vars *v;
	struct vars_change *change;
	struct err *err;
};

static int plan_member(void *ctx, const char *key, jv value)
{
	struct planning *p = ctx;
	size_t i = find(p->v, key);

	if (i == p->v->count)
		return unknown(p->v, key, p->err);
	if (json_is(value, JV_KIND_NULL) && (p->v->item[i].o->use & CLI_SET)) {
		p->change->what[i] = VARS_REMOVE;
		return 0;
	}
	p->change->what[i] = VARS_STORE;
	return parse(&p->v->item[i], value, &p->change->value[i], p->err) < 0
		   ? err_prefix(p->err, "%s", key)
		   : 0;
}

int vars_plan(const struct vars *v, jv values, struct vars_change *change, struct err *err)
{
	struct planning p = {v, change, err};

	memset(change, 0, sizeof *change);
	if (!json_is(values, JV_KIND_OBJECT) || !json_len(values))
		return err_set(err, "values: expected an object of names and values");
	return json_each(values, plan_member, &p) ? -1 : 0;
}

/* ---- what holds after a change ---- */

static bool stored_after(const struct vars *v, const struct vars_change *change, size_t i)
{
	if (change && change->what[i] != VARS_LEAVE)
		return change->what[i] == VARS_STORE;
	return v->item[i].stored;
}

static union cli_value kept_after(const struct vars *v, const struct vars_change *change, size_t i)
{
	if (!stored_after(v, change, i))
		return v->item[i].base;
	return change && change->what[i] == VARS_STORE ? change->value[i] : v->item[i].kept;
}

void vars_text(const struct vars *v, const struct vars_change *change, struct buf *text)
{
	struct jw w;

	jw_init(&w, text);
	jw_obj(&w);
	for (size_t i = 0; i < v->count; i++) {
		if (!stored_after(v, change, i))
			continue;
		jw_key(&w, v->item[i].o->name);
		write_value(&w, v->item[i].o, kept_after(v, change, i));
	}
	jw_end(&w);
}

/* Another value than now is to hold, but only from the next start. */
static bool waits(const struct vars *v, const struct vars_change *change, size_t i)
{
	const struct cli_opt *o = v->item[i].o;

	return (o->use & CLI_BOOT) && !equal(o, kept_after(v, change, i), now_of(o));
}

bool vars_at_boot(const struct vars *v, const struct vars_change *change)
{
	for (size_t i = 0; i < v->count; i++)
		if (change->what[i] != VARS_LEAVE && waits(v, change, i))
			return true;
	return false;
}

static const char from_set[] = "set";

static void take_over(struct vars *v, size_t i)
{
	struct var *x = &v->item[i];

	put(x->o, kept_after(v, NULL, i));
	if (v->cli->origin)
		v->cli->origin[x->index] = x->stored ? from_set : x->base_from;
}

bool vars_apply(struct vars *v, const struct vars_change *change)
{
	bool any = false;

	for (size_t i = 0; i < v->count; i++) {
		struct var *x = &v->item[i];
		union cli_value next = kept_after(v, change, i);

		if (change->what[i] == VARS_LEAVE)
			continue;
		x->stored = change->what[i] == VARS_STORE;
		x->kept = next;
		if (x->o->use & CLI_BOOT)
			continue;
		any |= !equal(x->o, next, now_of(x->o));
		take_over(v, i);
	}
	return any;
}

/* ---- what was stored ---- */

struct loading {
	struct vars *v;
	struct buf *say, *refused;
	int taken;
};

static void say_value(struct buf *b, const struct cli_opt *o, union cli_value v)
{
	struct jw w;

	jw_init(&w, b);
	write_value(&w, o, v);
}

static int load_member(void *ctx, const char *key, jv value)
{
	struct loading *l = ctx;
	size_t i = find(l->v, key);
	struct var *x = &l->v->item[i];
	union cli_value kept;
	struct err err;

	if (i == l->v->count || parse(x, value, &kept, &err) < 0) {
		if (i == l->v->count)
			err_set(&err, "no such variable");
		buf_addf(l->refused, "%s%.60s: %s", l->refused->len ? "; " : "", key, err.msg);
		return 0;
	}
	x->stored = true;
	x->kept = kept;
	buf_addf(l->say, "%s%s ", l->taken++ ? ", " : "", key);
	say_value(l->say, x->o, kept);
	buf_adds(l->say, " for ");
	say_value(l->say, x->o, x->base);
	buf_addf(l->say, " (%s)", x->base_from ? x->base_from : "default");
	take_over(l->v, i);
	return 0;
}

int vars_load(struct vars *v, const char *stored, size_t len, struct buf *say, struct buf *refused,
	      struct err *err)
{
	struct loading l = {v, say, refused, 0};
	jv values;

	if (json_parse(stored, len, &values, err) < 0)
		return -1;
	if (json_is(values, JV_KIND_OBJECT))
		json_each(values, load_member, &l);
	else
		l.taken = err_set(err, "expected an object of names and values");
	json_free(values);
	return l.taken;
}

/* ---- records ---- */

/* Of an option's argument as --help names it. */
static const char *unit_of(const struct cli_opt *o)
{
	static const char *const units[][2] = {
	    {"A", "A"},     {"A/S", "A/s"}, {"V", "V"},       {"W", "W"},
	    {"S", "s"},     {"MS", "ms"},   {"DAYS", "days"}, {"MIB", "MiB"},
	    {"KIB", "KiB"}, {"PPM", "ppm"}, {"PCT", "%"},
	};

	for (size_t i = 0; o->arg && i < sizeof units / sizeof *units; i++)
		if (strcmp(units[i][0], o->arg) == 0)
			return units[i][1];
	return NULL;
}

/* For what can be set: the range that would be taken, with its base. */
static void write_range(struct jw *w, const struct var *x)
{
	double base = number_of(x->o, x->base), min = x->o->min, max = x->o->max;

	if ((x->o->use & CLI_LOWER) && base < max)
		max = base;
	if ((x->o->use & CLI_RAISE) && base > min)
		min = base;
	jw_key(w, "min");
	write_number(w, min);
	jw_key(w, "max");
	write_number(w, max);
}

static void write_words(struct jw *w, const char *words)
{
	const char *word;
	size_t len;

	jw_karr(w, "words");
	for (int i = 0; (word = word_at(words, i, &len)); i++)
		jw_strn(w, word, len);
	jw_end(w);
}

static const char *from_word(const char *origin)
{
	static const char *const plain[] = {"environment", "command line", from_set};

	for (size_t i = 0; origin && i < sizeof plain / sizeof *plain; i++)
		if (strcmp(origin, plain[i]) == 0)
			return plain[i];
	return origin ? "file" : "default";
}

static void write_var(const struct vars *v, size_t i, struct jw *w)
{
	const struct var *x = &v->item[i];
	const char *unit = unit_of(x->o);

	jw_kobj(w, x->o->name);
	jw_key(w, "value");
	write_now(w, x->o);
	if (unit)
		jw_kstr(w, "unit", unit);
	if (x->o->kind == CLI_INT || x->o->kind == CLI_NUM)
		write_range(w, x);
	if (x->o->kind == CLI_WORD)
		write_words(w, x->o->hint);
	jw_kstr(w, "from", from_word(v->cli->origin ? v->cli->origin[x->index] : NULL));
	jw_kbool(w, "settable", x->o->use & CLI_SET);
	if (x->o->use & CLI_BOOT)
		jw_kbool(w, "restart", true);
	if (waits(v, NULL, i)) {
		jw_key(w, "next");
		write_value(w, x->o, kept_after(v, NULL, i));
	}
	jw_end(w);
}

void vars_write(const struct vars *v, struct jw *w)
{
	jw_kobj(w, "vars");
	for (size_t i = 0; i < v->count; i++)
		write_var(v, i, w);
	jw_end(w);
}

int vars_known(const struct vars *v, jv names, struct err *err)
{
	if (json_absent(names))
		return 0;
	if (!json_is(names, JV_KIND_ARRAY) || !json_len(names))
		return err_set(err, "names: expected an array of names");
	for (int i = 0; i < json_len(names); i++) {
		const char *name = json_str(json_at(names, i));

		if (!name)
			return err_set(err, "names: expected an array of names");
		if (find(v, name) == v->count)
			return unknown(v, name, err);
	}
	return 0;
}

static bool asked(jv names, const char *name)
{
	if (json_absent(names))
		return true;
	for (int i = 0; i < json_len(names); i++)
		if (strcmp(json_str(json_at(names, i)), name) == 0)
			return true;
	return false;
}

void vars_values(const struct vars *v, jv names, struct jw *w)
{
	jw_kobj(w, "values");
	for (size_t i = 0; i < v->count; i++) {
		if (!asked(names, v->item[i].o->name))
			continue;
		jw_key(w, v->item[i].o->name);
		write_now(w, v->item[i].o);
	}
	jw_end(w);
}

void vars_waiting(const struct vars *v, struct jw *w, const char *key)
{
	bool any = false;

	for (size_t i = 0; i < v->count; i++) {
		if (!waits(v, NULL, i))
			continue;
		if (!any)
			jw_karr(w, key);
		any = true;
		jw_str(w, v->item[i].o->name);
	}
	if (any)
		jw_end(w);
}
