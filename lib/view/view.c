#include "view/view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/types.h"

void view_init(struct view *v)
{
	*v = (struct view){0};
}

void view_release(struct view *v)
{
	for (size_t i = 0; i < v->count; i++)
		json_free(v->state[i].body);
	free(v->state);
	*v = (struct view){0};
}

static struct view_state *place(struct view *v, const char *type, const char *src)
{
	struct view_state *s;
	size_t cap;

	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->state[i].type, type) == 0 && strcmp(v->state[i].src, src) == 0)
			return &v->state[i];
	if (v->count == VIEW_STATES)
		return NULL;
	if (v->count == v->cap) {
		cap = v->cap ? v->cap * 2 : 32;
		s = realloc(v->state, cap * sizeof *s);
		if (!s)
			return NULL;
		v->state = s;
		v->cap = cap;
	}
	s = &v->state[v->count++];
	*s = (struct view_state){.body = jv_invalid()};
	snprintf(s->type, sizeof s->type, "%s", type);
	snprintf(s->src, sizeof s->src, "%s", src);
	return s;
}

static void forget(struct view *v, struct view_state *s)
{
	json_free(s->body);
	*s = v->state[--v->count];
}

void view_take(struct view *v, const struct record *r, int64_t now_us)
{
	const struct record_type *row = record_type(r->head.type.at, r->head.type.len);
	struct view_state *s;

	if (!row || !row->retained || !(s = place(v, record_type_name(r), record_src(r))))
		return;
	if (record_gone(r)) {
		forget(v, s);
		return;
	}
	json_free(s->body);
	s->body = jv_copy(r->body);
	s->evse = r->head.evse;
	s->t_us = r->t_us;
	s->heard_us = now_us;
}

jv view_get(const struct view *v, const char *type, const char *src)
{
	for (size_t i = 0; i < v->count; i++)
		if (strcmp(v->state[i].type, type) == 0 && strcmp(v->state[i].src, src) == 0)
			return v->state[i].body;
	return jv_invalid();
}

static const struct view_state *newest(const struct view *v, const char *type, int evse)
{
	const struct view_state *best = NULL;

	for (size_t i = 0; i < v->count; i++) {
		const struct view_state *s = &v->state[i];

		if (strcmp(s->type, type) == 0 && s->evse == evse &&
		    (!best || s->t_us > best->t_us))
			best = s;
	}
	return best;
}

jv view_evse(const struct view *v, const char *type, int evse)
{
	const struct view_state *s = newest(v, type, evse);

	return s ? s->body : jv_invalid();
}

int64_t view_age_ms(const struct view *v, const char *type, int evse)
{
	const struct view_state *s = newest(v, type, evse);

	return s ? (v->now_us - s->heard_us) / 1000 : -1;
}

int view_evses(const struct view *v, int evse[VIEW_EVSES])
{
	int n = 0, at;

	for (size_t i = 0; i < v->count; i++) {
		for (at = 0; at < n && evse[at] < v->state[i].evse; at++)
			;
		if (!v->state[i].evse || (at < n && evse[at] == v->state[i].evse) ||
		    n == VIEW_EVSES)
			continue;
		memmove(evse + at + 1, evse + at, (size_t)(n - at) * sizeof *evse);
		evse[at] = v->state[i].evse;
		n++;
	}
	return n;
}

static int by_time(const void *a, const void *b)
{
	const struct view_state *const *x = a, *const *y = b;

	return ((*x)->t_us < (*y)->t_us) - ((*x)->t_us > (*y)->t_us);
}

void view_each(const struct view *v, const char *type,
	       void (*fn)(void *ctx, const struct view_state *s), void *ctx)
{
	const struct view_state **list = malloc((v->count + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < v->count; i++)
		if (strcmp(v->state[i].type, type) == 0)
			list[n++] = &v->state[i];
	if (n)
		qsort(list, n, sizeof *list, by_time);
	for (size_t i = 0; i < n; i++)
		fn(ctx, list[i]);
	free(list);
}

const char *view_word(jv v, const char *fallback)
{
	const char *s = json_str(v);

	return s ? s : fallback;
}

double view_number(jv v, double fallback)
{
	double d;

	return json_num(v, -1e12, 1e12, &d) ? d : fallback;
}

void view_why(const struct view *v, int evse, char *text, size_t size)
{
	jv setpoint = view_evse(v, "setpoint", evse), because = json_get(setpoint, "because"), w;
	double a;

	snprintf(text, size, "no setpoint");
	for (int i = 0; i < json_len(because); i++) {
		const char *role, *src, *rule;

		w = json_at(because, i);
		role = json_str(json_get(w, "role"));
		src = json_str(json_get(w, "src"));
		rule = json_str(json_get(w, "rule"));
		if (!role || strcmp(role, "winner") != 0)
			continue;
		if (json_num(json_get(setpoint, "import_max_a"), 0, 1e4, &a))
			snprintf(text, size, "%.10g A by %s (%s)", round(a * 10) / 10,
				 src ? src : "?", rule ? rule : "?");
		return;
	}
}
