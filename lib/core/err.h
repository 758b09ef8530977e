/* An error text that a library function fills and only cmd/ prints.
 *
 * Functions of lib/ return 0 or a pointer; on failure -1 or NULL. One that must explain takes a
 * `struct err *`, which may be NULL when the caller does not care. */
#ifndef CORE_ERR_H
#define CORE_ERR_H

struct err {
	char msg[512]; /* "" while nothing failed; always ends in NUL */
};

/**
 * Sets the text, replacing what was there. Over-long texts are cut.
 *
 * @return  -1 always, so that a function can `return err_set(e, …)`
 */
int err_set(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** As err_set, and appends ": " and the text of the present errno. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Puts "where: " before the text that is there, as a caller that knows more of the place. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Compilers and analysers see here that the result is always -1, and so that what a failed function
 * left unset is not read by a caller that looks for it. */
static inline int err_minus_one(int result)
{
	(void)result;
	return -1;
}
#define err_set(...)    err_minus_one(err_set(__VA_ARGS__))
#define err_sys(...)    err_minus_one(err_sys(__VA_ARGS__))
#define err_prefix(...) err_minus_one(err_prefix(__VA_ARGS__))

#endif
