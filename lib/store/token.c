#include "store/token.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/keys.h"

/* The few names of PKCS#11 that are needed here, by their numbers. */
typedef unsigned long ck_ulong;
enum {
	OK = 0,
	ALREADY_INITIALIZED = 0x191,
	ALREADY_LOGGED_IN = 0x100,
	USER = 1,
	SERIAL_SESSION = 4,
	CLASS = 0,
	ON_TOKEN = 1,
	LABEL = 3,
	VALUE = 0x11,
	KEY_TYPE = 0x100,
	SENSITIVE = 0x103,
	EXTRACTABLE = 0x162,
	SECRET_KEY = 4,
	AES = 0x1f,
	AES_KEY_WRAP = 0x2109,
	SLOTS_MAX = 64,
	LABEL_LEN = 32,
	TEXT_MAX = 256,
};

struct attribute {
	ck_ulong type;
	void *value;
	ck_ulong len;
};

struct mechanism {
	ck_ulong mechanism;
	void *parameter;
	ck_ulong len;
};

struct uri {
	char token[TEXT_MAX], object[TEXT_MAX], module[TEXT_MAX], pin[TEXT_MAX];
};

struct functions {
	ck_ulong (*initialize)(void *args);
	ck_ulong (*finalize)(void *reserved);
	ck_ulong (*slot_list)(unsigned char present, ck_ulong *slots, ck_ulong *count);
	ck_ulong (*token_info)(ck_ulong slot, void *info);
	ck_ulong (*open_session)(ck_ulong slot, ck_ulong flags, void *app, void *notify,
				 ck_ulong *session);
	ck_ulong (*close_session)(ck_ulong session);
	ck_ulong (*login)(ck_ulong session, ck_ulong user, char *pin, ck_ulong len);
	ck_ulong (*find_init)(ck_ulong session, struct attribute *want, ck_ulong count);
	ck_ulong (*find)(ck_ulong session, ck_ulong *objects, ck_ulong max, ck_ulong *count);
	ck_ulong (*find_final)(ck_ulong session);
	ck_ulong (*create)(ck_ulong session, struct attribute *a, ck_ulong count, ck_ulong *object);
	ck_ulong (*wrap)(ck_ulong session, struct mechanism *m, ck_ulong by, ck_ulong key,
			 uint8_t *out, ck_ulong *len);
	ck_ulong (*unwrap)(ck_ulong session, struct mechanism *m, ck_ulong by, uint8_t *in,
			   ck_ulong len, struct attribute *a, ck_ulong count, ck_ulong *key);
	ck_ulong (*get)(ck_ulong session, ck_ulong object, struct attribute *a, ck_ulong count);
};

struct token {
	void *module;
	struct functions f;
	ck_ulong session, key;
	bool begun, open;
	struct err *err;
};

/* ---- the URI ---- */

static int hex(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool take_value(const char *s, size_t len, char out[TEXT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			if (i + 2 >= len || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return false;
			c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		}
		if (n == TEXT_MAX - 1 || !c)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static int read_uri(const char *text, struct uri *u, struct err *err)
{
	const struct {
		const char *name;
		char *to;
	} parts[] = {{"token=", u->token},
		     {"object=", u->object},
		     {"module-path=", u->module},
		     {"pin-source=", u->pin}};
	bool good = strncmp(text, "pkcs11:", 7) == 0;

	*u = (struct uri){0};
	for (const char *at = text + 7; good && *at;) {
		size_t len = strcspn(at, ";?&"), known = 0;

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			size_t n = strlen(parts[i].name);

			if (len > n && strncmp(at, parts[i].name, n) == 0) {
				good &= take_value(at + n, len - n, parts[i].to);
				known = 1;
			}
		}
		good &= known;
		at += len + (at[len] != '\0');
	}
	if (strncmp(u->pin, "file:", 5) == 0)
		memmove(u->pin, u->pin + 5, strlen(u->pin + 5) + 1);
	if (good && *u->token && *u->object && *u->module && *u->pin)
		return 0;
	return err_set(err,
		       "expected pkcs11:token=LABEL;object=LABEL?module-path=FILE&pin-source=FILE");
}

/* ---- the token ---- */

static const struct {
	const char *name;
	size_t at;
} names[] = {
    {"C_Initialize", offsetof(struct functions, initialize)},
    {"C_Finalize", offsetof(struct functions, finalize)},
    {"C_GetSlotList", offsetof(struct functions, slot_list)},
    {"C_GetTokenInfo", offsetof(struct functions, token_info)},
    {"C_OpenSession", offsetof(struct functions, open_session)},
    {"C_CloseSession", offsetof(struct functions, close_session)},
    {"C_Login", offsetof(struct functions, login)},
    {"C_FindObjectsInit", offsetof(struct functions, find_init)},
    {"C_FindObjects", offsetof(struct functions, find)},
    {"C_FindObjectsFinal", offsetof(struct functions, find_final)},
    {"C_CreateObject", offsetof(struct functions, create)},
    {"C_WrapKey", offsetof(struct functions, wrap)},
    {"C_UnwrapKey", offsetof(struct functions, unwrap)},
    {"C_GetAttributeValue", offsetof(struct functions, get)},
};

static int load(struct token *t, const char *path)
{
	t->module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!t->module)
		return err_set(t->err, "unable to load the PKCS#11 module %s", path);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *f = dlsym(t->module, names[i].name);

		if (!f)
			return err_set(t->err, "%s is no PKCS#11 module: it has no %s", path,
				       names[i].name);
		memcpy((char *)&t->f + names[i].at, &f, sizeof(f));
	}
	return 0;
}

static int result(const struct token *t, const char *what, ck_ulong rv)
{
	return rv == OK ? 0 : err_set(t->err, "the token refused %s (0x%lx)", what, rv);
}

static bool same_label(const unsigned char *padded, const char *label)
{
	size_t len = strlen(label);

	if (len > LABEL_LEN || memcmp(padded, label, len) != 0)
		return false;
	while (len < LABEL_LEN && padded[len] == ' ')
		len++;
	return len == LABEL_LEN;
}

static int find_slot(struct token *t, const struct uri *u, ck_ulong *slot)
{
	ck_ulong slots[SLOTS_MAX], count = SLOTS_MAX, info[64];

	if (result(t, "its slots", t->f.slot_list(1, slots, &count)) < 0)
		return -1;
	for (ck_ulong i = 0; i < count; i++) {
		if (result(t, "its name", t->f.token_info(slots[i], info)) < 0)
			return -1;
		if (same_label((const unsigned char *)info, u->token)) {
			*slot = slots[i];
			return 0;
		}
	}
	return err_set(t->err, "no token '%s' is there", u->token);
}

static int log_in(struct token *t, const struct uri *u)
{
	struct buf pin;
	int rc;

	buf_init(&pin, 128 << 10);
	rc = keys_read_file(u->pin, true, &pin, t->err);
	while (rc == 0 && pin.len &&
	       (pin.data[pin.len - 1] == '\n' || pin.data[pin.len - 1] == '\r'))
		pin.len--;
	if (rc == 0) {
		ck_ulong rv = t->f.login(t->session, USER, pin.data, pin.len);

		rc = result(t, "the PIN", rv == ALREADY_LOGGED_IN ? OK : rv);
	}
	crypt_forget(pin.data, pin.len);
	buf_release(&pin);
	return rc;
}

static int find_key(struct token *t, struct uri *u)
{
	ck_ulong class = SECRET_KEY, count = 0;
	struct attribute want[] = {{CLASS, &class, sizeof(class)},
				   {LABEL, u->object, strlen(u->object)}};

	if (result(t, "a search", t->f.find_init(t->session, want, 2)) < 0 ||
	    result(t, "a search", t->f.find(t->session, &t->key, 1, &count)) < 0 ||
	    result(t, "a search", t->f.find_final(t->session)) < 0)
		return -1;
	return count == 1 ? 0 : err_set(t->err, "the token has no secret key '%s'", u->object);
}

static int token_open(struct token *t, const char *text, struct err *err)
{
	struct uri u;
	ck_ulong slot = 0, rv;

	*t = (struct token){.err = err};
	if (read_uri(text, &u, err) < 0)
		return -1;
	if (load(t, u.module) < 0)
		return -1;
	rv = t->f.initialize(NULL);
	if (result(t, "to begin", rv == ALREADY_INITIALIZED ? OK : rv) < 0)
		return -1;
	t->begun = true;
	if (find_slot(t, &u, &slot) < 0 ||
	    result(t, "a session",
		   t->f.open_session(slot, SERIAL_SESSION, NULL, NULL, &t->session)) < 0)
		return -1;
	t->open = true;
	return log_in(t, &u) < 0 || find_key(t, &u) < 0 ? -1 : 0;
}

static void token_close(struct token *t)
{
	if (t->open)
		(void)t->f.close_session(t->session);
	if (t->begun)
		(void)t->f.finalize(NULL);
	if (t->module)
		dlclose(t->module);
}

/* The device key as an object of this session alone, which may leave it. */
struct template
{
	ck_ulong class, type;
	unsigned char yes, no;
};

int token_wrap(const char *uri, const uint8_t key[CRYPT_KEY], uint8_t wrapped[CRYPT_WRAPPED],
	       struct err *err)
{
	struct template t = {SECRET_KEY, AES, 1, 0};
	struct mechanism m = {.mechanism = AES_KEY_WRAP};
	uint8_t copy[CRYPT_KEY];
	struct attribute a[] = {{CLASS, &t.class, sizeof(t.class)},
				{KEY_TYPE, &t.type, sizeof(t.type)},
				{VALUE, copy, CRYPT_KEY},
				{ON_TOKEN, &t.no, 1},
				{SENSITIVE, &t.no, 1},
				{EXTRACTABLE, &t.yes, 1}};
	ck_ulong object, len = CRYPT_WRAPPED;
	struct token tok;
	int rc = -1;

	memcpy(copy, key, CRYPT_KEY);
	if (token_open(&tok, uri, err) == 0 &&
	    result(&tok, "a key", tok.f.create(tok.session, a, 6, &object)) == 0 &&
	    result(&tok, "to wrap", tok.f.wrap(tok.session, &m, tok.key, object, wrapped, &len)) ==
		0)
		rc = len == CRYPT_WRAPPED
			 ? 0
			 : err_set(err, "the token wrapped the key to %lu bytes", len);
	crypt_forget(copy, sizeof(copy));
	token_close(&tok);
	return rc;
}

int token_unwrap(const char *uri, const uint8_t wrapped[CRYPT_WRAPPED], uint8_t key[CRYPT_KEY],
		 struct err *err)
{
	struct template t = {SECRET_KEY, AES, 1, 0};
	struct mechanism m = {.mechanism = AES_KEY_WRAP};
	uint8_t copy[CRYPT_WRAPPED];
	struct attribute a[] = {{CLASS, &t.class, sizeof(t.class)},
				{KEY_TYPE, &t.type, sizeof(t.type)},
				{ON_TOKEN, &t.no, 1},
				{SENSITIVE, &t.no, 1},
				{EXTRACTABLE, &t.yes, 1}};
	struct attribute value = {VALUE, key, CRYPT_KEY};
	ck_ulong object;
	struct token tok;
	int rc = -1;

	memcpy(copy, wrapped, sizeof(copy));
	if (token_open(&tok, uri, err) == 0 &&
	    result(&tok, "to unwrap",
		   tok.f.unwrap(tok.session, &m, tok.key, copy, CRYPT_WRAPPED, a, 5, &object)) ==
		0 &&
	    result(&tok, "to give the key", tok.f.get(tok.session, object, &value, 1)) == 0)
		rc = value.len == CRYPT_KEY
			 ? 0
			 : err_set(err, "the token gave a key of %lu bytes", value.len);
	token_close(&tok);
	return rc;
}
