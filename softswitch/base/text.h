/** @file text.h  Text in a buffer of fixed size; whether all of it fitted is asked once, at the end. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Not terminated by a NUL. */
struct text {
	char *data;
	size_t len, size; /* len <= size */
	bool full;        /* something did not fit; nothing was added after it */
};

/** The largest message we send: what fits into a UDP datagram. */
enum { TEXT_MAX = 65000 };

/** The one scratch buffer, empty: for a message that is built and at once sent or copied. */
struct text text_scratch(void);

/** Add all of it or, when it does not fit, nothing. */
void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *bytes, size_t n);
/** @return a string that the caller frees; NULL when the text is full or out of memory */
char *text_copy(const struct text *t);
/** Make a string of it where it lies. @return false when something did not fit */
bool text_end(struct text *t);
/** Remove all CR and LF at the end. */
void text_strip_line_end(struct text *t);
/** Add a number in decimal. */
void text_add_number(struct text *t, unsigned long n);
/** Add each of the strings up to a NULL. */
void text_add_all(struct text *t, ...) __attribute__((sentinel));

/** Copy as much of a string as fits, and a NUL. */
void text_fit(char *out, size_t size, const char *s);

/** A hash that is the same in every process, FNV-1a: for comparing, not for tables. @param hash  of what stands before, or TEXT_HASH */
#define TEXT_HASH UINT64_C(0xcbf29ce484222325)
uint64_t text_hash(uint64_t hash, const char *bytes, size_t n);

/** Let an owned string be a copy of this one. @return 0; -ENOMEM, and the old one stays */
int text_set(char **field, const char *value);

#endif
