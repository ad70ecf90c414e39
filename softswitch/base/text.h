/** @file text.h  Writes a SIP message into a buffer of fixed size; what does not fit is noticed once, at the end. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data;
	size_t len, size;
	bool full; /* something did not fit: the text is not to be used */
};

/** The largest message we send: what fits into a UDP datagram. */
enum { TEXT_MAX = 65000 };

/** The one scratch buffer of this thread, empty: for a message that is built and sent or copied at once. */
struct text text_scratch(void);

void text_add(struct text *t, const char *s);
void text_add_bytes(struct text *t, const char *bytes, size_t n);
/** The text as a string of its own. @return free() it; NULL when the text is full or there is no memory */
char *text_copy(const struct text *t);
/** Take off the line end that was added last. */
void text_strip_line_end(struct text *t);
void text_add_number(struct text *t, unsigned long n);
/** Adds all of them up to a NULL. */
void text_add_all(struct text *t, ...) __attribute__((sentinel));

#endif
